/* Which changes act on a running guest. Whatever stands in no row here takes a restart.
 *
 * Not here, on purpose: a disk that goes (the guest may have mounted it, and it would be pulled from under its files) and
 * a GPU that goes (a driver at work does not let go). Both wait for the restart, which unmounts and ends in order. */
#include "plan/vm_live.h"
#include "base/arena.h"
#include "plan/plan_vm.h"
#include <string.h>

static gboolean is_more_vcpus(const struct vm_live_change *c)
{
	return c->want->n_vcpus > c->live->n_vcpus && c->live->max_vcpus == c->want->max_vcpus &&
	       c->want->n_vcpus <= c->live->max_vcpus;
}

static gboolean is_within_balloon(const struct vm_live_change *c)
{
	return c->live->max_memory_bytes == c->want->max_memory_bytes && c->want->memory_bytes <= c->live->max_memory_bytes;
}

/* libvirt keeps a pin that is there; it can become another one, and not be taken away. */
static gboolean every_pin_stays(const struct vm_live_change *c)
{
	for (guint i = 0; i < c->live->cpu.pinning.n; i++) {
		gboolean stays = FALSE;
		for (guint k = 0; k < c->want->cpu.pinning.n; k++)
			stays |= LIST_AT(c->want->cpu.pinning, struct vm_pin, k)->vcpu ==
			         LIST_AT(c->live->cpu.pinning, struct vm_pin, i)->vcpu;
		if (!stays)
			return FALSE;
	}
	return TRUE;
}

static gboolean stays_pinned(const struct vm_live_change *c)
{
	return c->want->cpu.emulator_cpus != NULL;
}

static gboolean iothreads_stay_pinned(const struct vm_live_change *c)
{
	return c->want->iothread_cpus != NULL && c->want->n_iothreads == c->live->n_iothreads;
}

static gboolean is_cdrom(const struct vm_live_change *c)
{
	return LIST_AT(c->live->disks, struct vm_disk, c->before)->cdrom && LIST_AT(c->want->disks, struct vm_disk, c->after)->cdrom;
}

static gboolean is_virtio_disk(const struct vm_live_change *c)
{
	const struct vm_disk *disk = LIST_AT(c->want->disks, struct vm_disk, c->after);
	return !disk->cdrom && !disk->boot_order && (disk->bus == BUS_UNSAID || disk->bus == BUS_VIRTIO);
}

static gboolean is_bridge_before_and_after(const struct vm_live_change *c)
{
	return LIST_AT(c->live->networks, struct vm_network, c->before)->bridge &&
	       LIST_AT(c->want->networks, struct vm_network, c->after)->bridge;
}

static gboolean is_network_before_and_after(const struct vm_live_change *c)
{
	return LIST_AT(c->live->networks, struct vm_network, c->before)->network &&
	       LIST_AT(c->want->networks, struct vm_network, c->after)->network;
}

static gboolean has_no_boot_order(const struct vm_live_change *c)
{
	return c->after >= c->want->networks.n || !LIST_AT(c->want->networks, struct vm_network, c->after)->boot_order;
}

static gboolean has_medium_before_and_after(const struct vm_live_change *c)
{
	return c->live->settings && c->want->settings;
}

static gboolean has_password_before_and_after(const struct vm_live_change *c)
{
	return c->live->console.password_digest && c->want->console.password_digest;
}

const struct vm_live_row vm_live_rows[N_VM_LIVE] = {
	[VM_LIVE_VCPUS] = { "vcpus", ITEM_STAYS, is_more_vcpus, .when = "more of them, up to maxVcpus" },
	[VM_LIVE_MEMORY] = { "memory", ITEM_STAYS, is_within_balloon, .when = "up to maxMemory, as the guest's balloon follows" },
	[VM_LIVE_VCPU_PINS] = { "cpu.pinning", ITEM_STAYS, every_pin_stays, .when = "other CPUs; to take a pin away waits for a restart" },
	[VM_LIVE_EMULATOR_PIN] = { "cpu.emulatorCpus", ITEM_STAYS, stays_pinned, .when = "other CPUs; to take them away waits for a restart" },
	[VM_LIVE_IOTHREAD_PIN] = { "iothreadCpus", ITEM_STAYS, iothreads_stay_pinned, .when = "other CPUs; to take them away waits for a restart" },
	[VM_LIVE_DISK_SIZE] = { "disks[].size", ITEM_STAYS, NULL, .when = "larger" },
	[VM_LIVE_MEDIUM] = { "disks[].file", ITEM_STAYS, is_cdrom, .when = "another medium in a CD-ROM drive" },
	[VM_LIVE_DISK_ADDED] = { "disks[]", ITEM_COMES, is_virtio_disk, .when = "one more, on virtio and without bootOrder; to take one away waits for a restart" },
	[VM_LIVE_LINK] = { "networks[].down", ITEM_STAYS, NULL, .when = "the cable out or in" },
	[VM_LIVE_BRIDGE] = { "networks[].bridge", ITEM_STAYS, is_bridge_before_and_after, .when = "another bridge" },
	[VM_LIVE_NETWORK] = { "networks[].network", ITEM_STAYS, is_network_before_and_after, .when = "another network" },
	[VM_LIVE_NIC_ADDED] = { "networks[]", ITEM_COMES, has_no_boot_order, .when = "one more at the end, or the last one away" },
	[VM_LIVE_NIC_REMOVED] = { "networks[]", ITEM_GOES, NULL, .when = "one more at the end, or the last one away" },
	[VM_LIVE_DEVICE_ADDED] = { "devices[]", ITEM_COMES, NULL, "one more; to take one away waits for a restart", .written = "gpus" },
	[VM_LIVE_SETTINGS] = { "settings", ITEM_STAYS, has_medium_before_and_after, "another medium in its drive", .written = "worker" },
	[VM_LIVE_PASSWORD] = { "console.passwordDigest", ITEM_STAYS, has_password_before_and_after, "another password in the file",
	                       .written = "console.passwordFile" },
	[VM_LIVE_KEPT] = { "kept", ITEM_STAYS, NULL, "the guest knows nothing of it", .written = "disks[].keep" },
};

/* -- where a change stands --------------------------------------------------------------------------- */

/* A path cut at its first list: disks["data"].size → disks, data, size. */
struct spot {
	const char *list, *key, *rest;
	const char *item; /* with its brackets */
};

static gboolean split_path(struct arena *a, const char *path, struct spot *ret)
{
	const char *open = strchr(path, '['), *close = open ? strchr(open, ']') : NULL;
	if (!close)
		return FALSE;
	gboolean quoted = open[1] == '"';
	ret->list = arena_strndup(a, path, (gsize)(open - path));
	ret->key = arena_strndup(a, open + 1 + quoted, (gsize)(close - open - 1 - 2 * quoted));
	ret->item = arena_strndup(a, path, (gsize)(close + 1 - path));
	ret->rest = close[1] == '.' ? close + 2 : close + 1;
	return TRUE;
}

/* The lists of a VM whose items come and go. */
static guint find_disk(const struct vm_spec *vm, const char *key)
{
	guint i = 0;
	while (i < vm->disks.n && g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->name, key) != 0)
		i++;
	return i;
}

static guint find_network(const struct vm_spec *vm, const char *key)
{
	return (guint)MIN(g_ascii_strtoull(key, NULL, 10), vm->networks.n);
}

static guint find_device(const struct vm_spec *vm, const char *key)
{
	guint i = 0;
	while (i < vm->devices.n && g_strcmp0(LIST_AT(vm->devices, struct vm_device, i)->name, key) != 0)
		i++;
	return i;
}

static const struct {
	const char *name;
	guint (*find)(const struct vm_spec *vm, const char *key);
	gsize offset;
} lists[] = {
	{ "disks", find_disk, offsetof(struct vm_spec, disks) },
	{ "networks", find_network, offsetof(struct vm_spec, networks) },
	{ "devices", find_device, offsetof(struct vm_spec, devices) },
};

static guint length_of(const struct vm_spec *vm, gsize offset)
{
	return ((const struct list *)(const void *)((const char *)vm + offset))->n;
}

/* Fills in the item's places; FALSE for a list whose items mean nothing alone. */
static gboolean find_item(const struct spot *spot, struct vm_live_change *c, enum item_change *ret_change)
{
	for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
		if (strcmp(lists[i].name, spot->list) != 0)
			continue;
		c->before = lists[i].find(c->live, spot->key);
		c->after = lists[i].find(c->want, spot->key);
		c->item = spot->item;
		gboolean was = c->before < length_of(c->live, lists[i].offset), is = c->after < length_of(c->want, lists[i].offset);
		*ret_change = was && is ? ITEM_STAYS : is ? ITEM_COMES : ITEM_GOES;
		return was || is;
	}
	return FALSE;
}

static gboolean is_row_of(const struct vm_live_row *row, const char *pattern, enum item_change change)
{
	return row->change == change && strcmp(row->field, pattern) == 0;
}

gboolean vm_live_find(struct arena *a, const struct vm_spec *live, const struct vm_spec *want, const struct change *change,
                      struct vm_live_change *ret)
{
	struct vm_live_change c = { .live = live, .want = want };
	enum item_change item = ITEM_STAYS;
	const char *pattern = change->field;
	struct spot spot;
	if (split_path(a, change->field, &spot)) {
		pattern = spot.list;
		if (find_item(&spot, &c, &item))
			pattern = item == ITEM_STAYS && *spot.rest ? arena_printf(a, "%s[].%s", spot.list, spot.rest) :
			                                              arena_printf(a, "%s[]", spot.list);
	}
	for (guint i = 0; i < N_VM_LIVE; i++) {
		c.kind = i;
		if (is_row_of(&vm_live_rows[i], pattern, item) && (!vm_live_rows[i].may || vm_live_rows[i].may(&c))) {
			*ret = c;
			return TRUE;
		}
	}
	return FALSE;
}

/* Whether both are the same but for "[]", which explain does not write. */
static gboolean is_same_key(const char *path, const char *field)
{
	g_auto(GStrv) x = g_strsplit(path, "[]", -1), y = g_strsplit(field, "[]", -1);
	g_autofree char *path_plain = g_strjoinv("", x), *field_plain = g_strjoinv("", y);
	return strcmp(path_plain, field_plain) == 0;
}

const struct vm_live_row *vm_live_of_field(const char *path)
{
	for (guint i = 0; i < N_VM_LIVE; i++)
		if (is_same_key(path, vm_live_key(&vm_live_rows[i])))
			return &vm_live_rows[i];
	return NULL;
}

const char *vm_live_key(const struct vm_live_row *row)
{
	return row->written ? row->written : row->field;
}

void vm_split_changes(const struct vm_target *t, const struct changes *all, struct changes *ret_live, struct changes *ret_restart)
{
	*ret_live = (struct changes){ ARENA_ARRAY(t->b->arena, struct change, all->n), 0 };
	*ret_restart = (struct changes){ ARENA_ARRAY(t->b->arena, struct change, all->n), 0 };
	struct vm_spec live = vm_comparable(t, &t->have->live);
	struct vm_live_change ignored;
	for (guint i = 0; i < all->n; i++) {
		struct change c = all->items[i];
		gboolean is_live = vm_live_find(t->b->arena, &live, t->want, &c, &ignored);
		/* What the row says is its usual price. */
		c.effect = is_live ? EFFECT_LIVE : MAX(c.effect, EFFECT_VM_RESTART);
		struct changes *to = is_live ? ret_live : ret_restart;
		to->items[to->n++] = c;
	}
}
