/* Rules of values of VMs that have to fit each other: CPUs, pages, addresses. */
#include "spec/rule.h"

RULE(vm_cpu_model_named)
{
	const struct vm_cpu *cpu = &((const struct vm_spec *)o->spec)->cpu;
	if ((cpu->mode == CPU_NAMED) != (cpu->model != NULL) && !(cpu->mode == CPU_NAMED && HAS(o, "cpu.model")))
		ERROR(o, "cpu", "VM %s: cpu: `mode: named` and `model` belong together, as cpu: {mode: named, model: EPYC-Rome}", o->id);
}

/* The first range that goes down, as 5-2, or NULL. The list is of FORM_CPU_LIST. */
static const char *falling_range(struct arena *a, const char *list)
{
	for (const char *c = list; c && *c;) {
		gsize len = strcspn(c, ",");
		char *end;
		guint64 first = g_ascii_strtoull(c, &end, 10);
		if (*end == '-' && g_ascii_strtoull(end + 1, NULL, 10) < first)
			return arena_strndup(a, c, len);
		c += len + (c[len] == ',');
	}
	return NULL;
}

static void check_rising(struct arena *a, const struct object *o, const char *at, const char *list, struct problems *problems)
{
	const char *range = falling_range(a, list);
	if (range)
		ERROR(o, at, "VM %s: %s: %s goes down; the lower number stands first", o->id, at, range);
}

RULE(vm_cpu_lists_rise)
{
	const struct vm_spec *vm = o->spec;
	check_rising(a, o, "cpu.emulatorCpus", vm->cpu.emulator_cpus, problems);
	check_rising(a, o, "iothreadCpus", vm->iothread_cpus, problems);
	check_rising(a, o, "numa.nodes", vm->numa.nodes, problems);
	for (guint i = 0; i < vm->cpu.pinning.n; i++)
		check_rising(a, o, arena_printf(a, "cpu.pinning[%u].cpus", i), LIST_AT(vm->cpu.pinning, struct vm_pin, i)->cpus, problems);
}

/* Of FORM_IP or FORM_CIDR; FALSE of IPv6. */
static gboolean read_ipv4(const char *text, guint32 *ret_address, guint *ret_n_prefix)
{
	guint32 address = 0;
	char *end = (char *)text;
	for (guint i = 0; i < 4; i++) {
		address = address << 8 | (guint32)g_ascii_strtoull(end, &end, 10);
		if (i < 3 && *end++ != '.')
			return FALSE;
	}
	*ret_address = address;
	*ret_n_prefix = *end == '/' ? (guint)g_ascii_strtoull(end + 1, NULL, 10) : 32;
	return TRUE;
}

/* A gateway of IPv6 is most often link-local (fe80::1), outside of every prefix: only IPv4 is asked. */
RULE(vm_gateway_in_subnet)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->networks.n; i++) {
		const struct vm_network *n = LIST_AT(vm->networks, struct vm_network, i);
		guint32 address, gateway;
		guint n_prefix, n_all;
		if (!n->address || !n->gateway || !read_ipv4(n->address, &address, &n_prefix) || !read_ipv4(n->gateway, &gateway, &n_all))
			continue;
		if (n_prefix && (address ^ gateway) >> (32 - n_prefix))
			ERROR(o, arena_printf(a, "networks[%u].gateway", i), "VM %s: networks[%u]: the gateway %s is not in the subnet of %s", o->id, i,
			      n->gateway, n->address);
	}
}

static gboolean is_page_of_x86(guint64 bytes)
{
	return bytes == 2 * MiB || bytes == GiB;
}

RULE(vm_hugepages_known)
{
	guint64 bytes = ((const struct vm_spec *)o->spec)->hugepage_bytes;
	if (bytes && !is_page_of_x86(bytes))
		WARNING(o, "hugepages", "VM %s: hugepages: x86 has pages of 2MiB and 1GiB, not of %s", o->id, bytes_format(a, bytes));
}

RULE(host_hugepages_known)
{
	const struct host_spec *host = o->spec;
	for (guint i = 0; i < host->hugepages.n; i++) {
		guint64 bytes = LIST_AT(host->hugepages, struct host_hugepages, i)->size_bytes;
		if (bytes && !is_page_of_x86(bytes))
			WARNING(o, rule_item(a, "hugepages", i), "Host %s: hugepages[%u]: x86 has pages of 2MiB and 1GiB, not of %s", o->id, i,
			        bytes_format(a, bytes));
	}
}

/* libvirt has one pool a folder, and what one of them deletes is the other's. */
RULE(host_pool_own)
{
	const struct host_spec *host = o->spec;
	for (guint i = 0; i < host->pools.n; i++) {
		const struct host_pool *one = LIST_AT(host->pools, struct host_pool, i);
		for (guint k = 0; one->path && k < i; k++) {
			const struct host_pool *first = LIST_AT(host->pools, struct host_pool, k);
			if (g_strcmp0(first->path, one->path) != 0)
				continue;
			ERROR(o, arena_printf(a, "pools[%u].path", i), "Host %s: pools[%u]: %s and %s are the same folder", o->id, i, first->name, one->name);
			break;
		}
	}
}

/* One that is fetched needs it in any case: farm-file-checked. */
RULE(vm_disk_image_checked)
{
	const struct vm_spec *vm = o->spec;
	const struct object *farm = objects_farm(all);
	for (guint i = 0; farm && i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		const struct farm_file *image = d->image ? farm_file_find(&((const struct farm_spec *)farm->spec)->images, d->image) : NULL;
		if (image && image->file && !image->sha256 && !HAS(farm, arena_printf(a, "images[\"%s\"].sha256", image->name)))
			ERROR(o, arena_printf(a, "disks[%u].image", i), "VM %s: disks[%u]: the image %s has no digest, so that nobody could tell another file of "
			      "that name from it; give its sha256 in the Farm", o->id, i, image->name);
	}
}
