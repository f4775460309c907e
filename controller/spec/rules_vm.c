/* Rules of VMs: what they are made of. Their GPUs: rules_gpu_use.c. */
#include "spec/rule.h"

RULE(vm_host_known)
{
	const char *host = ((const struct vm_spec *)o->spec)->host;
	if (host && !objects_get(all, KIND_HOST, host))
		ERROR(o, "host", "VM %s: host: there is no Host %s%s", o->id, host, rule_known_ids(a, all, KIND_HOST));
}

static gboolean boots_from_network(const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->networks.n; i++)
		if (LIST_AT(vm->networks, struct vm_network, i)->boot_order)
			return TRUE;
	return FALSE;
}

RULE(vm_boots)
{
	const struct vm_spec *vm = o->spec;
	gboolean has_kernel = vm->boot.kernel || HAS(o, "boot.kernel");
	if (!has_kernel && !vm->disks.n && !HAS(o, "disks") && !boots_from_network(vm))
		ERROR(o, "boot", "VM %s: nothing to boot: give a disk, boot.kernel, or a network with bootOrder", o->id);
	if (!has_kernel && (vm->boot.initrd || vm->boot.cmdline))
		ERROR(o, "boot", "VM %s: boot: initrd and cmdline need a kernel", o->id);
}

RULE(vm_roots_known)
{
	const struct vm_spec *vm = o->spec;
	const struct farm_spec *farm = rule_farm(all);
	for (guint i = 0; farm && i < vm->roots.n; i++)
		if (!farm_root_find(farm, vm->roots.items[i]))
			ERROR(o, rule_item(a, "roots", i), "VM %s: roots: the Farm has no root %s%s", o->id, vm->roots.items[i],
			      rule_known_names(a, &farm->roots, sizeof(struct farm_root)));
}

/* Texts, of which a VM has a handful; a set is dearer to make than they are to compare. */
enum { FEW_TAGS = 16 };
struct tags {
	const char *few[FEW_TAGS];
	guint n;
	GHashTable *set; /* once they are many */
};

/* FALSE when it is there already. */
static gboolean add_tag(struct tags *t, const char *tag)
{
	for (guint i = 0; i < t->n; i++)
		if (strcmp(t->few[i], tag) == 0)
			return FALSE;
	if (t->n < FEW_TAGS) {
		t->few[t->n++] = tag;
		return TRUE;
	}
	if (!t->set)
		t->set = g_hash_table_new(g_str_hash, g_str_equal);
	return g_hash_table_add(t->set, (gpointer)tag);
}

RULE(vm_share_targets_differ)
{
	static const char wrong[] = "VM %s: two shares (or a share and a root) have the mount tag %s";
	const struct vm_spec *vm = o->spec;
	const struct farm_spec *farm = rule_farm(all);
	struct tags tags = { .n = 0 };
	for (guint i = 0; i < vm->shares.n; i++) {
		const char *tag = LIST_AT(vm->shares, struct vm_share, i)->target;
		if (tag && !add_tag(&tags, tag))
			ERROR(o, rule_item(a, "shares", i), wrong, o->id, tag);
	}
	for (guint i = 0; farm && i < vm->roots.n; i++) {
		const char *root = vm->roots.items[i];
		if (farm_root_find(farm, root) && !add_tag(&tags, root))
			ERROR(o, "roots", wrong, o->id, root);
	}
	g_clear_pointer(&tags.set, g_hash_table_destroy);
}

RULE(vm_share_of_everything)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->shares.n; i++) {
		const struct vm_share *s = LIST_AT(vm->shares, struct vm_share, i);
		if (s->path && strcmp(s->path, "/") == 0)
			WARNING(o, rule_item(a, "shares", i), "VM %s: shares[%u]: the guest can read every file of the host; for demonstrations only%s",
			        o->id, i, s->readonly ? "" : ", and it can write them");
	}
}

RULE(vm_cpu_fits)
{
	const struct vm_spec *vm = o->spec;
	const struct vm_topology *t = &vm->cpu.topology;
	gint64 n = MAX(t->n_sockets, 1) * MAX(t->n_cores, 1) * MAX(t->n_threads, 1);
	if ((t->n_sockets || t->n_cores || t->n_threads) && n != vm->n_vcpus)
		ERROR(o, "cpu.topology", "VM %s: cpu.topology: makes %" G_GINT64_FORMAT " CPUs, and vcpus is %" G_GINT64_FORMAT, o->id, n,
		      vm->n_vcpus);
	if (!vm->cpu.pinning.n)
		return;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (guint i = 0; i < vm->cpu.pinning.n; i++) {
		const struct vm_pin *p = LIST_AT(vm->cpu.pinning, struct vm_pin, i);
		if (p->vcpu >= vm->n_vcpus)
			ERROR(o, rule_item(a, "cpu.pinning", i), "VM %s: cpu.pinning[%u]: there is no vCPU %" G_GINT64_FORMAT "; the last is %"
			      G_GINT64_FORMAT, o->id, i, p->vcpu, vm->n_vcpus - 1);
		if (!g_hash_table_add(seen, (gpointer)&p->vcpu))
			ERROR(o, rule_item(a, "cpu.pinning", i), "VM %s: cpu.pinning[%u]: vCPU %" G_GINT64_FORMAT " is pinned twice", o->id, i,
			      p->vcpu);
	}
}

RULE(vm_numa_named)
{
	const struct vm_spec *vm = o->spec;
	if ((vm->numa.mode == NUMA_NODES) != (vm->numa.nodes != NULL))
		ERROR(o, "numa", "VM %s: numa: `mode: nodes` and `nodes` belong together, as numa: {mode: nodes, nodes: \"0\"}", o->id);
	if (vm->numa.mode == NUMA_AUTO && vm->cpu.pinning.n)
		ERROR(o, "cpu.pinning", "VM %s: cpu.pinning: numa: auto pins the vCPUs itself; leave out one of them", o->id);
}

/* -- disks ---------------------------------------------------------------------------------------------- */

/* Asked only when the value itself is not there. */
static gboolean has_item(struct arena *a, const struct object *o, const char *list, guint i, const char *key,
                         struct problems *problems)
{
	return HAS(o, arena_printf(a, "%s[%u].%s", list, i, key));
}

RULE(vm_disk_source)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		if (!d->pool == !d->file && has_item(a, o, "disks", i, "pool", problems) == has_item(a, o, "disks", i, "file", problems))
			ERROR(o, rule_item(a, "disks", i), "VM %s: disks[%u]: give exactly one of pool and file", o->id, i);
		if (d->file && (d->image || d->size_bytes))
			ERROR(o, rule_item(a, "disks", i), "VM %s: disks[%u]: a file is taken as it is; image and size are for a disk in a pool", o->id, i);
		if (d->pool && !d->image && !d->size_bytes && !has_item(a, o, "disks", i, "size", problems))
			ERROR(o, rule_item(a, "disks", i), "VM %s: disks[%u]: an empty disk needs a size", o->id, i);
		if (d->iothread > MAX(vm->n_iothreads, 0))
			ERROR(o, rule_item(a, "disks", i), "VM %s: disks[%u]: there is no I/O thread %" G_GINT64_FORMAT "; `iothreads` is %" G_GINT64_FORMAT, o->id, i,
			      d->iothread, vm->n_iothreads);
	}
}

static const struct host_spec *host_of(const struct objects *all, const struct vm_spec *vm)
{
	const struct object *host = vm->host ? objects_get(all, KIND_HOST, vm->host) : NULL;
	return host ? host->spec : NULL;
}

RULE(vm_disk_pool_known)
{
	const struct vm_spec *vm = o->spec;
	const struct host_spec *host = vm->disks.n ? host_of(all, vm) : NULL;
	for (guint i = 0; host && i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		if (d->pool && !host_pool_find(host, d->pool))
			ERROR(o, arena_printf(a, "disks[%u].pool", i), "VM %s: disks[%u]: the Host %s has no pool %s%s", o->id, i, vm->host, d->pool,
			      rule_known_names(a, &host->pools, sizeof(struct host_pool)));
	}
}

RULE(vm_disk_image_known)
{
	const struct vm_spec *vm = o->spec;
	const struct farm_spec *farm = rule_farm(all);
	for (guint i = 0; farm && i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		if (d->image && !farm_file_find(&farm->images, d->image))
			ERROR(o, arena_printf(a, "disks[%u].image", i), "VM %s: disks[%u]: the Farm has no image %s%s", o->id, i, d->image,
			      rule_known_names(a, &farm->images, sizeof(struct farm_file)));
	}
}

static void check_mounts(struct arena *a, const struct object *o, struct problems *problems)
{
	const struct vm_spec *vm = o->spec;
	g_autoptr(GHashTable) seen = NULL; /* mount point → the disk that was first to have it */
	for (guint i = 0; i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		if (!d->mount)
			continue;
		if (!seen)
			seen = g_hash_table_new(g_str_hash, g_str_equal);
		const struct vm_disk *first = g_hash_table_lookup(seen, d->mount);
		if (first)
			ERROR(o, rule_item(a, "disks", i), "VM %s: disks[%u]: disks[%u] is mounted at %s already", o->id, i,
			      (guint)(first - LIST_AT(vm->disks, struct vm_disk, 0)), d->mount);
		else
			g_hash_table_insert(seen, (gpointer)d->mount, (gpointer)d);
	}
}

RULE(vm_disk_mounts)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		if (d->mount && !d->filesystem && !d->file)
			ERROR(o, rule_item(a, "disks", i), "VM %s: disks[%u]: what is mounted needs a filesystem: xfs or ext4", o->id, i);
		if (d->filesystem && d->image)
			ERROR(o, rule_item(a, "disks", i), "VM %s: disks[%u]: an image brings its own file system", o->id, i);
	}
	check_mounts(a, o, problems);
}

/* -- what two VMs cannot both have ---------------------------------------------------------------------- */

/* Adds `key` for `o`; a second one is told, with who has it. */
static void claim(struct arena *a, GHashTable *seen, char *key, const struct object *o, const char *path, const char *what,
                  struct problems *problems)
{
	const struct object *first = g_hash_table_lookup(seen, key);
	if (!first)
		g_hash_table_insert(seen, key, (gpointer)o);
	else
		ERROR(o, path, "VM %s: %s: %s has %s already", o->id, path, first == o ? "this VM" : rule_who(a, first), what);
}

RULE(vm_disk_own)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; s->host && i < s->disks.n; i++) {
			const struct vm_disk *d = LIST_AT(s->disks, struct vm_disk, i);
			if (d->file && !d->readonly)
				claim(a, seen, arena_printf(a, "%s %s", s->host, d->file), vm, arena_printf(a, "disks[%u].file", i), d->file,
				      problems);
		}
	}
}

RULE(vm_mac_own)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; i < s->networks.n; i++) {
			const struct vm_network *n = LIST_AT(s->networks, struct vm_network, i);
			if (n->mac)
				claim(a, seen, arena_strdup(a, n->mac), vm, arena_printf(a, "networks[%u].mac", i), n->mac, problems);
		}
	}
}

/* Nearly every VM has one, so that a key is no text made for it. */
static guint log_hash(gconstpointer vm)
{
	const struct vm_spec *s = ((const struct object *)vm)->spec;
	return g_str_hash(s->serial_log);
}

static gboolean is_same_log(gconstpointer x, gconstpointer y)
{
	const struct vm_spec *a = ((const struct object *)x)->spec, *b = ((const struct object *)y)->spec;
	return strcmp(a->serial_log, b->serial_log) == 0 && strcmp(a->host, b->host) == 0;
}

RULE(vm_address_own)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; i < s->networks.n; i++) {
			const struct vm_network *n = LIST_AT(s->networks, struct vm_network, i);
			if (!n->address || strcmp(n->address, "dhcp") == 0)
				continue;
			char *address = arena_strndup(a, n->address, strcspn(n->address, "/"));
			/* Hosts share what a bridge leads to; a libvirt network is a host's own, and user mode a VM's. */
			char *key = n->bridge    ? arena_printf(a, "bridge %s %" G_GINT64_FORMAT " %s", n->bridge, n->vlan, address)
			            : n->network ? arena_printf(a, "network %s %s %s", s->host, n->network, address)
			                         : NULL;
			if (key)
				claim(a, seen, key, vm, arena_printf(a, "networks[%u].address", i), address, problems);
		}
	}
}

RULE(vm_serial_log_own)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(log_hash, is_same_log);
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		gpointer first;
		/* A key that is there stays as it is. */
		if (!s->serial_log || !s->host || g_hash_table_insert(seen, vm, vm))
			continue;
		g_hash_table_lookup_extended(seen, vm, &first, NULL);
		ERROR(vm, "serialLog", "VM %s: serialLog: %s has %s already", vm->id, rule_who(a, first), s->serial_log);
	}
}

/* -- networks and the guest ------------------------------------------------------------------------------ */

RULE(vm_network_one_way)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->networks.n; i++) {
		const struct vm_network *n = LIST_AT(vm->networks, struct vm_network, i);
		int n_ways = !!n->user + !!n->bridge + !!n->network;
		if (n_ways == 0 && !HAS_MAP(o, rule_item(a, "networks", i)))
			continue;
		if (n_ways == 0)
			n_ways = has_item(a, o, "networks", i, "user", problems) + has_item(a, o, "networks", i, "bridge", problems) +
			         has_item(a, o, "networks", i, "network", problems);
		if (n_ways != 1)
			ERROR(o, rule_item(a, "networks", i), "VM %s: networks[%u]: give exactly one of user: true, bridge, network", o->id, i);
	}
}

static const struct host_bridge *find_bridge(const struct host_spec *host, const char *name)
{
	for (guint i = 0; i < host->bridges.n; i++)
		if (g_strcmp0(LIST_AT(host->bridges, struct host_bridge, i)->name, name) == 0)
			return LIST_AT(host->bridges, struct host_bridge, i);
	return NULL;
}

static void check_bridge(struct arena *a, const struct object *o, guint i, const struct host_spec *host,
                         const struct vm_network *n, struct problems *problems)
{
	const struct host_bridge *bridge = find_bridge(host, n->bridge);
	if (!bridge)
		ERROR(o, arena_printf(a, "networks[%u].bridge", i), "VM %s: networks[%u]: the Host has no bridge %s%s", o->id, i, n->bridge,
		      rule_known_names(a, &host->bridges, sizeof(struct host_bridge)));
	else if (bridge->mtu && n->mtu > bridge->mtu)
		ERROR(o, arena_printf(a, "networks[%u].mtu", i), "VM %s: networks[%u]: the bridge %s has an MTU of %" G_GINT64_FORMAT, o->id,
		      i, n->bridge, bridge->mtu);
}

/* Where a gateway asks: to look up what is written unpacks the document. */
static gboolean has_address(struct arena *a, const struct object *o, guint i, const struct vm_network *n,
                            struct problems *problems)
{
	return n->address ? strcmp(n->address, "dhcp") != 0 : has_item(a, o, "networks", i, "address", problems);
}

RULE(vm_network_fits)
{
	const struct vm_spec *vm = o->spec;
	const struct host_spec *host = host_of(all, vm);
	for (guint i = 0; i < vm->networks.n; i++) {
		const struct vm_network *n = LIST_AT(vm->networks, struct vm_network, i);
		if (n->bridge && host && host->bridges.n)
			check_bridge(a, o, i, host, n, problems);
		if (n->gateway && !has_address(a, o, i, n, problems))
			ERROR(o, rule_item(a, "networks", i), "VM %s: networks[%u]: a gateway goes with an address; DHCP tells its own", o->id, i);
		if (n->vlan && !n->bridge)
			ERROR(o, rule_item(a, "networks", i), "VM %s: networks[%u]: a VLAN tag is for a bridge", o->id, i);
		if (n->mtu && n->user)
			ERROR(o, rule_item(a, "networks", i), "VM %s: networks[%u]: an MTU is for a bridge or a libvirt network", o->id, i);
	}
}

RULE(vm_guest_file_one_source)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->cloud_init.files.n; i++) {
		const struct guest_file *f = LIST_AT(vm->cloud_init.files, struct guest_file, i);
		if (!f->source == !f->content)
			ERROR(o, arena_printf(a, "cloudInit.files[%u]", i), "VM %s: cloudInit.files[%u]: give exactly one of source and content",
			      o->id, i);
	}
}

RULE(vm_commands_are_words)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->cloud_init.run_commands.n; i++) {
		const struct guest_command *c = LIST_AT(vm->cloud_init.run_commands, struct guest_command, i);
		if (c->argv.n == 1 && strchr(c->argv.items[0], ' '))
			ERROR(o, arena_printf(a, "cloudInit.runCommands[%u]", i),
			      "VM %s: cloudInit.runCommands[%u]: no shell splits this; write each word by itself, as [systemctl, restart, ssh]", o->id, i);
	}
}

RULE(vm_drain_covers_jobs)
{
	const struct object *longest = NULL;
	gint64 most_ms = 0;
	OBJECTS_EACH (job, all, KIND_RENDERJOB) {
		gint64 ms = ((const struct renderjob_spec *)job->spec)->time_limit_ms;
		if (ms > most_ms) {
			most_ms = ms;
			longest = job;
		}
	}
	OBJECTS_EACH (vm, all, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		if (s->drain_ms && s->drain_ms < most_ms)
			WARNING(vm, "drain", "VM %s: drain: %s is shorter than a frame of %s may take (timeLimit %s); such a frame is rendered again",
			        vm->id, duration_format(a, s->drain_ms), rule_who(a, longest), duration_format(a, most_ms));
	}
}
