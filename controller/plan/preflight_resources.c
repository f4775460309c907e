/* Checks of what VMs take from the host: huge pages, bridges, pools, images. */
#include "base/units.h"
#include "plan/preflight_check.h"

/* For people: GiB where there are some. */
static char *rounded(struct checking *c, guint64 bytes)
{
	guint64 unit = bytes >= 10 * GiB ? GiB : MiB;
	return bytes_format(c->arena, bytes / unit * unit);
}

/* -- huge pages --------------------------------------------------------------------------------------------- */

/* A kernel without NUMA has its pages on no node; specs call that 0. */
static const struct host_pages_status *pages_at(const struct host_status *s, guint64 size_bytes, gint64 node)
{
	for (guint i = 0; i < s->hugepages.n; i++) {
		const struct host_pages_status *p = LIST_AT(s->hugepages, struct host_pages_status, i);
		if (p->size_bytes == size_bytes && (node < 0 || p->node == node || (p->node < 0 && node == 0)))
			return p;
	}
	return NULL;
}

static guint64 node_memory(const struct host_status *s, gint64 node)
{
	for (guint i = 0; i < s->nodes.n; i++)
		if (LIST_AT(s->nodes, struct host_node_status, i)->node == node)
			return LIST_AT(s->nodes, struct host_node_status, i)->memory_bytes;
	return 0;
}

/* Which sizes this kernel has, as "2MiB and 1GiB". */
static const char *sizes_of(struct checking *c)
{
	g_autoptr(GPtrArray) sizes = g_ptr_array_new();
	for (guint i = 0; i < c->host->hugepages.n; i++) {
		const struct host_pages_status *p = LIST_AT(c->host->hugepages, struct host_pages_status, i);
		if (p == pages_at(c->host, p->size_bytes, -1))
			g_ptr_array_add(sizes, bytes_format(c->arena, p->size_bytes));
	}
	return check_list(c, sizes, 4);
}

static void check_pages(struct checking *c, const struct host_hugepages *want)
{
	const struct host_pages_status *p = pages_at(c->host, want->size_bytes, want->node);
	const char *size = bytes_format(c->arena, want->size_bytes);
	guint64 memory = node_memory(c->host, want->node);
	if (!pages_at(c->host, want->size_bytes, -1))
		return check_say(c, CHECK_FAIL, SAY("there are no huge pages of %s on this machine", size), SAY("it has %s", sizes_of(c)));
	if (!p)
		return check_say(c, CHECK_FAIL, SAY("there is no NUMA node %" G_GINT64_FORMAT, want->node), "`numactl -H` on the host lists them");
	if (memory && memory / want->size_bytes < (guint64)want->count)
		return check_say(c, CHECK_FAIL,
		                 SAY("%" G_GINT64_FORMAT " pages of %s do not fit into node %" G_GINT64_FORMAT ", which has %s", want->count, size,
		                     want->node, rounded(c, memory)),
		                 "ask for fewer pages on that node");
	if (p->n_total < 0)
		return check_say(c, CHECK_UNKNOWN, SAY("how many pages of %s node %" G_GINT64_FORMAT " has is not told", size, want->node), NULL);
	if (p->n_total < want->count)
		return check_say(c, CHECK_WARN,
		                 SAY("node %" G_GINT64_FORMAT " has %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " pages of %s", want->node, p->n_total,
		                     want->count, size),
		                 "`cleave apply` sets them; memory that is in pieces by then gives fewer, so set them at boot: hugepagesz= and hugepages=");
	check_ok(c, SAY("node %" G_GINT64_FORMAT " has %" G_GINT64_FORMAT " pages of %s", want->node, p->n_total, size));
}

/* What the Host asks for; what is there where it says nothing of that size. */
static guint64 set_aside(const struct checking *c, guint64 size_bytes)
{
	guint64 wanted = 0, there = 0;
	for (guint i = 0; c->spec && i < c->spec->hugepages.n; i++) {
		const struct host_hugepages *h = LIST_AT(c->spec->hugepages, struct host_hugepages, i);
		wanted += h->size_bytes == size_bytes ? (guint64)h->count * size_bytes : 0;
	}
	for (guint i = 0; i < c->host->hugepages.n; i++) {
		const struct host_pages_status *p = LIST_AT(c->host->hugepages, struct host_pages_status, i);
		there += p->size_bytes == size_bytes && p->n_total > 0 ? (guint64)p->n_total * size_bytes : 0;
	}
	return wanted ? wanted : there;
}

static void check_pages_of_vms(struct checking *c, guint64 size_bytes)
{
	guint64 asked = 0, there = set_aside(c, size_bytes);
	OBJECTS_EACH (o, c->want, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		if (strcmp(vm->host, c->host_id) == 0 && vm->state == VM_RUNNING && vm->hugepage_bytes == size_bytes)
			asked += vm->memory_bytes;
	}
	if (asked <= there)
		return;
	check_say(c, CHECK_FAIL,
	          SAY("VMs ask for %s in pages of %s, and %s are set aside", bytes_format(c->arena, asked), bytes_format(c->arena, size_bytes),
	              there ? bytes_format(c->arena, there) : "none"),
	          "raise `hugepages` of the Host, or give the VMs less memory");
}

CHECK(check_hugepages)
{
	g_autoptr(GArray) sizes = g_array_new(FALSE, FALSE, sizeof(guint64));
	OBJECTS_EACH (o, c->want, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		gboolean is_new = strcmp(vm->host, c->host_id) == 0 && vm->hugepage_bytes;
		for (guint i = 0; i < sizes->len; i++)
			is_new &= g_array_index(sizes, guint64, i) != vm->hugepage_bytes;
		if (is_new)
			g_array_append_val(sizes, vm->hugepage_bytes);
	}
	guint n_wanted = c->spec ? c->spec->hugepages.n : 0;
	if (!c->host->hugepages.n && (n_wanted || sizes->len))
		return check_say(c, CHECK_UNKNOWN, "the machine tells nothing of huge pages", NULL);
	for (guint i = 0; i < n_wanted; i++)
		check_pages(c, LIST_AT(c->spec->hugepages, struct host_hugepages, i));
	for (guint i = 0; i < sizes->len; i++)
		check_pages_of_vms(c, g_array_index(sizes, guint64, i));
}

/* -- bridges ------------------------------------------------------------------------------------------------- */

static const struct host_bridge_status *bridge_at(const struct host_status *s, const char *name)
{
	for (guint i = 0; i < s->bridges.n; i++)
		if (g_strcmp0(LIST_AT(s->bridges, struct host_bridge_status, i)->name, name) == 0)
			return LIST_AT(s->bridges, struct host_bridge_status, i);
	return NULL;
}

static void check_bridge(struct checking *c, const struct host_bridge *want)
{
	static const char *const mend = "set it in the host's network configuration; cleave makes no bridges";
	const struct host_bridge_status *b = bridge_at(c->host, want->name);
	guint n = c->findings->len;
	if (!b)
		return check_say(c, CHECK_FAIL, SAY("there is no bridge %s", want->name), "make it in the host's network configuration; cleave makes none");
	if (want->uplink && !strings_have(&b->uplinks, want->uplink))
		check_say(c, CHECK_FAIL,
		          b->uplinks.n ? SAY("%s leads out by %s, not by %s", b->name, b->uplinks.items[0], want->uplink)
		                       : SAY("%s does not lead out: %s is not in it", b->name, want->uplink),
		          SAY("`ip link set %s master %s`, and %s", want->uplink, b->name, mend));
	if (want->n_slaves && b->n_slaves < want->n_slaves)
		check_say(c, CHECK_WARN,
		          b->n_slaves < 0 ? SAY("the uplink of %s is no bond", b->name)
		                          : SAY("the uplink of %s has %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " links", b->name, b->n_slaves, want->n_slaves),
		          "look at cables and switch: `cat /proc/net/bonding/*` on the host");
	if (want->mtu && b->mtu < 0)
		check_say(c, CHECK_UNKNOWN, SAY("the MTU of %s is not told", b->name), NULL);
	else if (want->mtu && b->mtu != want->mtu)
		check_say(c, CHECK_FAIL, SAY("%s has an MTU of %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT, b->name, b->mtu, want->mtu),
		          SAY("`ip link set %s mtu %" G_GINT64_FORMAT "`, and %s", b->name, want->mtu, mend));
	if (c->findings->len == n)
		check_ok(c, SAY("%s is there", b->name));
}

CHECK(check_bridges)
{
	for (guint i = 0; c->spec && i < c->spec->bridges.n; i++)
		check_bridge(c, LIST_AT(c->spec->bridges, struct host_bridge, i));
}

static const struct host_bridge *bridge_wanted(const struct checking *c, const char *name)
{
	for (guint i = 0; c->spec && i < c->spec->bridges.n; i++)
		if (strcmp(LIST_AT(c->spec->bridges, struct host_bridge, i)->name, name) == 0)
			return LIST_AT(c->spec->bridges, struct host_bridge, i);
	return NULL;
}

/* What is said of the Host's bridge is not said again of each VM. */
static void check_network(struct checking *c, const struct vm_network *net)
{
	const struct host_bridge_status *b = bridge_at(c->host, net->bridge);
	const struct host_bridge *want = bridge_wanted(c, net->bridge);
	if (!b && !want)
		check_say(c, CHECK_FAIL, SAY("there is no bridge %s", net->bridge), "make it in the host's network configuration; cleave makes none");
	if (b && net->mtu && b->mtu > 0 && net->mtu > b->mtu && !(want && want->mtu >= net->mtu))
		check_say(c, CHECK_FAIL, SAY("an MTU of %" G_GINT64_FORMAT " is more than %s carries (%" G_GINT64_FORMAT ")", net->mtu, b->name, b->mtu),
		          "raise the bridge's, or lower the VM's");
}

CHECK(check_vm_networks)
{
	guint n = c->findings->len, n_bridged = 0;
	for (guint i = 0; i < c->vm->networks.n; i++) {
		const struct vm_network *net = LIST_AT(c->vm->networks, struct vm_network, i);
		if (!net->bridge)
			continue;
		check_network(c, net);
		n_bridged++;
	}
	if (n_bridged && c->findings->len == n)
		check_ok(c, "its bridges are there, or are spoken of with the Host's");
}

/* -- pools and images ---------------------------------------------------------------------------------------- */

static void check_pool(struct checking *c, const struct host_pool *want)
{
	const struct host_pool_status *p = host_pool_status_find(c->host, want->name);
	guint64 least = p ? host_pool_least_free(want->min_free, p->size_bytes) : 0;
	const char *free_text = p ? rounded(c, p->free_bytes) : NULL;
	if (!p)
		check_say(c, CHECK_UNKNOWN, SAY("the pool %s was not looked at", want->name), NULL);
	else if (p->reason && strcmp(p->reason, "No such file or directory") == 0)
		check_say(c, CHECK_WARN, SAY("the folder of the pool %s is not there: %s", want->name, want->path),
		          "`cleave apply` makes it; where a file system belongs there, mount that first");
	else if (p->reason)
		check_say(c, CHECK_FAIL, SAY("the pool %s cannot be used: %s: %s", want->name, want->path, p->reason),
		          SAY("make %s a folder that can be read", want->path));
	else if (p->free_bytes < least)
		check_say(c, CHECK_FAIL, SAY("the pool %s has %s free, less than %s", want->name, free_text, want->min_free),
		          SAY("make room below %s, or lower its minFree", want->path));
	else
		check_ok(c, SAY("%s has %s free", want->name, free_text));
}

CHECK(check_pools)
{
	for (guint i = 0; c->spec && i < c->spec->pools.n; i++)
		check_pool(c, LIST_AT(c->spec->pools, struct host_pool, i));
}

static gboolean is_image_used(const struct checking *c, const char *name)
{
	OBJECTS_EACH (o, c->want, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		for (guint i = 0; strcmp(vm->host, c->host_id) == 0 && i < vm->disks.n; i++)
			if (g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->image, name) == 0)
				return TRUE;
	}
	return FALSE;
}

static void check_image(struct checking *c, const struct farm_file *image)
{
	const struct host_file_status *s = NULL;
	gboolean is_used = is_image_used(c, image->name);
	for (guint i = 0; i < c->host->images.n; i++)
		if (g_strcmp0(LIST_AT(c->host->images, struct host_file_status, i)->name, image->name) == 0)
			s = LIST_AT(c->host->images, struct host_file_status, i);
	if (!s)
		check_say(c, CHECK_UNKNOWN, SAY("the image %s was not looked at", image->name), NULL);
	else if (s->reason)
		check_say(c, is_used ? CHECK_FAIL : CHECK_WARN, SAY("the image %s cannot be used: %s: %s", image->name, image->file, s->reason),
		          is_used ? "put the file there" : "put the file there, or take the image out of the Farm; no VM of this host uses it");
	else
		check_ok(c, SAY("%s is there", image->name));
}

CHECK(check_images)
{
	for (guint i = 0; c->farm && i < c->farm->images.n; i++) {
		const struct farm_file *image = LIST_AT(c->farm->images, struct farm_file, i);
		if (image->file)
			check_image(c, image);
	}
}
