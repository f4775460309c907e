/* The tree, its snapshot, and a planner of a few lines. */
#include "apply_fixture.h"
#include "base/arena.h"
#include "plan/plan.h"
#include <errno.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DEVICE "sys/bus/pci/devices/%s"

/* -- the tree ------------------------------------------------------------------------------------------------ */

static void put(const char *path, const char *text)
{
	g_autofree char *folder = g_path_get_dirname(path);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}
#define PUT(r, text, ...) put(host_path((r)->arena, &(r)->tree, __VA_ARGS__), text)

static void link_to(const char *target, const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	assert_int_equal(symlink(target, path), 0);
}
#define LINK(r, target, ...) link_to(target, host_path((r)->arena, &(r)->tree, __VA_ARGS__))

struct made {
	const char *address, *ids, *class_code, *driver, *driver_override;
	int total_vfs, n_vfs;
	const char *vf_of;
};
static const struct made devices[] = {
	{ CARD_A, "10de:2231", "0x030000", "nouveau", NULL, 0, 0, NULL },
	{ "0000:01:00.1", "10de:1aef", "0x040300", "snd_hda_intel", NULL, 0, 0, NULL },
	{ CARD_B, "10de:2231", "0x030000", "nouveau", NULL, 0, 0, NULL },
	{ "0000:02:00.1", "10de:1aef", "0x040300", NULL, "pciback", 0, 0, NULL },
	{ CARD_VF, "8086:56c0", "0x038000", "i915", NULL, 7, 0, NULL },
	{ CARD_USED_VF, "8086:56c0", "0x038000", "i915", NULL, 7, 2, NULL },
	{ "0000:04:00.1", "8086:56c0", "0x038000", "i915", NULL, 0, 0, CARD_USED_VF },
	{ "0000:04:00.2", "8086:56c0", "0x038000", "i915", NULL, 0, 0, CARD_USED_VF },
	{ CARD_MDEV, "10de:1b38", "0x030200", "nvidia", NULL, 0, 0, NULL },
	{ CARD_VENDOR, "10de:26b9", "0x030200", "nvidia", NULL, 4, 0, NULL },
	{ CARD_OTHER, "8086:1563", "0x020000", "ixgbe", NULL, 0, 0, NULL },
};
/* nvidia knows the twins as well: who is given back by drivers_probe may come to the wrong driver. */
static const char ids[] = "nvidia 10de:2231\nnouveau 10de:2231\nsnd_hda_intel 10de:1aef\ni915 8086:56c0\nnvidia 10de:1b38\n"
			  "nvidia 10de:26b9\nixgbe 8086:1563\n";
static const char *const drivers[] = { "nouveau", "snd_hda_intel", "i915", "nvidia", "ixgbe", "vfio-pci" };

static void make_device(struct rig *r, const struct made *d)
{
	const char *folder = arena_printf(r->arena, "sys/devices/pci0000:00/%s", d->address);
	PUT(r, arena_printf(r->arena, "0x%.4s\n", d->ids), "%s/vendor", folder);
	PUT(r, arena_printf(r->arena, "0x%s\n", d->ids + 5), "%s/device", folder);
	PUT(r, arena_printf(r->arena, "%s\n", d->class_code), "%s/class", folder);
	PUT(r, arena_printf(r->arena, "%s\n", d->driver_override ? d->driver_override : "(null)"), "%s/driver_override", folder);
	PUT(r, "0\n", "%s/irq", folder);
	PUT(r, "0x0000000000000000 0x0000000000000000 0x0000000000000000\n", "%s/resource", folder);
	LINK(r, arena_printf(r->arena, "../../../devices/pci0000:00/%s", d->address), DEVICE, d->address);
	if (d->driver) {
		LINK(r, arena_printf(r->arena, "../../../bus/pci/drivers/%s", d->driver), "%s/driver", folder);
		LINK(r, arena_printf(r->arena, "../../../../devices/pci0000:00/%s", d->address), "sys/bus/pci/drivers/%s/%s",
		     d->driver, d->address);
	}
	if (d->vf_of)
		LINK(r, arena_printf(r->arena, "../%s", d->vf_of), "%s/physfn", folder);
	if (!d->total_vfs)
		return;
	PUT(r, arena_printf(r->arena, "%d\n", d->total_vfs), "%s/sriov_totalvfs", folder);
	PUT(r, arena_printf(r->arena, "%d\n", d->n_vfs), "%s/sriov_numvfs", folder);
	PUT(r, "1\n", "%s/sriov_drivers_autoprobe", folder);
	for (int i = 0; i < d->n_vfs; i++)
		LINK(r, arena_printf(r->arena, "../%.11s%d", d->address, i + 1), "%s/virtfn%d", folder, i);
}

static void make_types(struct rig *r)
{
	static const char *const types[][2] = { { "nvidia-35", "4" }, { "nvidia-36", "2" } };
	for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
		const char *folder = arena_printf(r->arena, DEVICE "/mdev_supported_types/%s", CARD_MDEV, types[i][0]);
		PUT(r, "", "%s/create", folder);
		PUT(r, arena_printf(r->arena, "%s\n", types[i][1]), "%s/available_instances", folder);
		PUT(r, arena_printf(r->arena, "num_heads=4, max_instance=%s\n", types[i][1]), "%s/description", folder);
		assert_int_equal(g_mkdir(host_path(r->arena, &r->tree, "%s/devices", folder), 0755), 0);
	}
	g_mkdir_with_parents(host_path(r->arena, &r->tree, "sys/bus/mdev/devices"), 0755);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void remove_folder(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void rig_reset(struct rig *r)
{
	arena_reset(r->arena);
	static const char *const folders[] = { "desk", "root", "state" };
	for (gsize i = 0; i < G_N_ELEMENTS(folders); i++)
		remove_folder(arena_printf(r->arena, "%s/%s", r->dir, folders[i]));
	r->tree = host_tree_at(r->arena, arena_printf(r->arena, "%s/root", r->dir), NULL);
	PUT(r, "", "sys/bus/pci/drivers_probe");
	for (gsize i = 0; i < G_N_ELEMENTS(drivers); i++) {
		PUT(r, "", "sys/bus/pci/drivers/%s/bind", drivers[i]);
		PUT(r, "", "sys/bus/pci/drivers/%s/unbind", drivers[i]);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(devices); i++)
		make_device(r, &devices[i]);
	make_types(r);
	put(arena_printf(r->arena, "%s/desk/ids", r->dir), ids);
}

struct rig *rig_new(void)
{
	struct rig *r = g_new0(struct rig, 1);
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(program);
	/* In memory where there is such a folder: it is written many times. */
	const char *above = g_access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();
	r->kernel = g_build_filename(folder, "../tools/sim_kernel", NULL);
	r->dir = g_build_filename(above, "cleave-devices-XXXXXX", NULL);
	assert_non_null(g_mkdtemp(r->dir));
	r->arena = arena_new();
	g_autofree char *desk = g_build_filename(r->dir, "desk", NULL);
	g_autofree char *sysfs = g_build_filename(r->dir, "root", "sys", NULL);
	g_autofree char *state = g_build_filename(r->dir, "state", NULL);
	g_setenv("SIM_KERNEL", desk, TRUE);
	g_setenv("SIM_SYSFS", sysfs, TRUE);
	r->hands = (struct hands){ helper_start(r->kernel), &r->tree, taken_new(state), 20000 };
	rig_reset(r);
	return r;
}

void rig_free(struct rig *r)
{
	helper_stop(r->hands.helper);
	taken_free(r->hands.taken);
	remove_folder(r->dir);
	arena_free(r->arena);
	g_free(r->kernel);
	g_free(r->dir);
	g_free(r);
}

void rig_fault(struct rig *r, const char *fault)
{
	g_autofree char *writes = g_build_filename(r->dir, "desk", "writes", NULL);
	g_autofree char *file = g_build_filename(r->dir, "desk", "fault", NULL);
	put(writes, "");
	put(file, fault ? fault : "");
}

guint rig_count_writes(struct rig *r)
{
	const struct host_tree desk = { r->dir, NULL };
	const char *writes = host_read(r->arena, &desk, "desk/writes");
	guint n = writes && *writes ? 1 : 0;
	for (; writes && (writes = strchr(writes, '\n')); writes++)
		n++;
	return n;
}

/* -- snapshots -------------------------------------------------------------------------------------------------- */

static void walk(struct rig *r, const char *path, GPtrArray *lines)
{
	const struct host_tree here = { "/", NULL };
	char **names = host_list(r->arena, &here, "%s", path);
	for (char **name = names; *name; name++) {
		const char *inner = arena_printf(r->arena, "%s/%s", path, *name), *tail = inner + strlen(r->dir);
		g_autofree char *target = g_file_read_link(inner, NULL), *text = NULL;
		if (target) {
			g_ptr_array_add(lines, arena_printf(r->arena, "%s -> %s", tail, target));
		} else if (g_file_test(inner, G_FILE_TEST_IS_DIR)) {
			if (!g_str_has_prefix(tail, "/state/")) /* what was taken is its files */
				g_ptr_array_add(lines, arena_printf(r->arena, "%s/", tail));
			walk(r, inner, lines);
		} else {
			g_file_get_contents(inner, &text, NULL, NULL);
			g_strdelimit(text ? text : (text = g_strdup("")), "\n", ' ');
			g_ptr_array_add(lines, arena_printf(r->arena, "%s = %s", tail, text));
		}
	}
}

char *rig_snapshot(struct rig *r)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new();
	walk(r, arena_printf(r->arena, "%s/root", r->dir), lines);
	walk(r, arena_printf(r->arena, "%s/state", r->dir), lines);
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < lines->len; i++)
		g_string_append_printf(text, "%s\n", (const char *)lines->pdata[i]);
	char *snapshot = arena_strdup(r->arena, text->str);
	g_string_free(text, TRUE);
	return snapshot;
}

/* Lines that only `some` has, but for those that name `bus`. */
static void add_lines_missing(const char *some, const char *all, const char *bus, char sign, GString *found)
{
	g_auto(GStrv) lines = g_strsplit(some, "\n", -1);
	g_autofree char *whole = g_strconcat("\n", all, NULL);
	for (char **line = lines; *line; line++) {
		g_autofree char *needle = g_strdup_printf("\n%s\n", *line);
		if (**line && !strstr(whole, needle) && (!bus || !strstr(*line, bus)))
			g_string_append_printf(found, "%c%s\n", sign, *line);
	}
}

static void assert_difference(const char *expected, const char *actual, const char *bus, const char *when)
{
	g_autoptr(GString) found = g_string_new(NULL);
	add_lines_missing(expected, actual, bus, '-', found);
	add_lines_missing(actual, expected, bus, '+', found);
	if (found->len)
		fail_msg("%s:\n%s", when, found->str);
}

void rig_assert_same(const char *expected, const char *actual, const char *when)
{
	assert_difference(expected, actual, NULL, when);
}

void rig_assert_only_touched(const char *before, const char *after, const char *address)
{
	g_autofree char *bus = g_strndup(address, strlen("0000:01:"));
	assert_difference(before, after, bus, "touched another device");
}

/* -- what is there ------------------------------------------------------------------------------------------------ */

static const char *override_of(struct rig *r, const char *address)
{
	const char *text = host_read(r->arena, &r->tree, DEVICE "/driver_override", address);
	return text && *text && strcmp(text, "(null)") != 0 ? text : NULL;
}

static struct gpu_function look(struct rig *r, const char *address)
{
	struct taken_device noted;
	struct gpu_function f = { .address = arena_strdup(r->arena, address), .iommu_group = -1 };
	f.vendor = host_read(r->arena, &r->tree, DEVICE "/vendor", address) + 2;
	f.device = host_read(r->arena, &r->tree, DEVICE "/device", address) + 2;
	f.driver = host_read_link(r->arena, &r->tree, DEVICE "/driver", address);
	f.driver_override = override_of(r, address);
	if (taken_find(r->hands.taken, r->arena, address, &noted, NULL) && (noted.what & TAKEN_DRIVER))
		f.former_driver = noted.driver ? noted.driver : GPU_NO_DRIVER;
	return f;
}

static void add(struct rig *r, struct list *list, gsize size, const void *item)
{
	char *items = arena_alloc(r->arena, size * (list->n + 1));
	if (list->n)
		memcpy(items, list->items, size * list->n);
	memcpy(items + size * list->n, item, size);
	list->items = items;
	list->n++;
}

static void add_vgpu(struct rig *r, struct gpu_status *card, const char *uuid, const char *type, const char *parent)
{
	const struct gpu_vgpu vgpu = { uuid, type, parent };
	add(r, &card->vgpus, sizeof vgpu, &vgpu);
}

static void observe_vfs(struct rig *r, struct gpu_status *card)
{
	struct taken_device noted;
	card->sriov.n_enabled = host_read_number(&r->tree, -1, DEVICE "/sriov_numvfs", card->address);
	card->sriov.n_total = host_read_number(&r->tree, -1, DEVICE "/sriov_totalvfs", card->address);
	card->sriov.former_count = -1;
	if (taken_find(r->hands.taken, r->arena, card->address, &noted, NULL) && (noted.what & TAKEN_VFS))
		card->sriov.former_count = noted.n_vfs;
	for (gint64 i = 0; i < card->sriov.n_enabled; i++) {
		struct gpu_function f = look(r, host_read_link(r->arena, &r->tree, DEVICE "/virtfn%d", card->address, (int)i));
		const char *type = host_read(r->arena, &r->tree, DEVICE "/nvidia/current_vgpu_type", f.address);
		add(r, &card->virtual_functions, sizeof f, &f);
		if (type && strcmp(type, "0") != 0)
			add_vgpu(r, card, NULL, type, f.address);
	}
}

struct gpu_status *rig_observe(struct rig *r, const char *address)
{
	struct gpu_status *card = ARENA_NEW(r->arena, struct gpu_status);
	struct gpu_function main_function = look(r, address);
	card->address = main_function.address;
	card->vendor = main_function.vendor;
	card->device = main_function.device;
	for (gsize i = 0; i < G_N_ELEMENTS(devices); i++)
		if (!devices[i].vf_of && strncmp(devices[i].address, address, strlen(address) - 1) == 0) {
			struct gpu_function f = look(r, devices[i].address);
			add(r, &card->functions, sizeof f, &f);
		}
	observe_vfs(r, card);
	char **uuids = host_list(r->arena, &r->tree, "sys/bus/mdev/devices");
	for (char **uuid = uuids; *uuid; uuid++)
		if (host_exists(&r->tree, DEVICE "/%s", address, *uuid))
			add_vgpu(r, card, *uuid, host_read_link(r->arena, &r->tree, "sys/bus/mdev/devices/%s/mdev_type", *uuid), card->address);
	return card;
}

void rig_assert_recorded(struct rig *r)
{
	for (gsize i = 0; i < G_N_ELEMENTS(devices); i++) {
		const struct made *d = &devices[i];
		if (!host_exists(&r->tree, DEVICE, d->address) || d->vf_of)
			continue;
		struct gpu_function now = look(r, d->address);
		struct taken_device noted = { .n_vfs = -1 };
		taken_find(r->hands.taken, r->arena, d->address, &noted, NULL);
		if (g_strcmp0(now.driver, d->driver) != 0 || g_strcmp0(now.driver_override, d->driver_override) != 0) {
			assert_true(noted.what & TAKEN_DRIVER);
			assert_true(g_strcmp0(noted.driver, d->driver) == 0);
			assert_true(g_strcmp0(noted.driver_override, d->driver_override) == 0);
		}
		if (d->total_vfs && host_read_number(&r->tree, -1, DEVICE "/sriov_numvfs", d->address) != d->n_vfs)
			assert_true((noted.what & TAKEN_VFS) && noted.n_vfs == d->n_vfs && noted.vf_autoprobe == 1);
	}
}

/* -- plans -------------------------------------------------------------------------------------------------------- */

struct planning {
	struct rig *r;
	const struct goal *goal;
	struct gpu_status *card;
	struct object *want;
	GArray *actions;
};

static struct action *act(struct planning *p, enum verb verb)
{
	struct action a = { .verb = verb, .kind = KIND_GPU, .id = p->card->address, .want = p->want, .card = p->card };
	guint before = p->actions->len;
	if (before && strcmp(g_array_index(p->actions, struct action, before - 1).id, a.id) == 0) {
		a.waits = arena_memdup(p->r->arena, &(guint){ before - 1 }, sizeof(guint));
		a.n_waits = 1;
	}
	g_array_append_val(p->actions, a);
	return &g_array_index(p->actions, struct action, before);
}

static void add_step(struct planning *p, enum verb verb, struct device_step step)
{
	guint n = p->actions->len;
	struct action *a = n ? &g_array_index(p->actions, struct action, n - 1) : NULL;
	if (!a || a->verb != verb || a->card != p->card)
		a = act(p, verb);
	struct list steps = { a->steps, a->n_steps };
	add(p->r, &steps, sizeof step, &step);
	a->steps = steps.items;
	a->n_steps = steps.n;
}

static const char *uuid_at(struct planning *p, guint index)
{
	return arena_printf(p->r->arena, "0000%.2s00-0000-5000-8000-%012x", p->card->address + 5, index);
}

/* Ours that stay; the others go. All go when one has another type. */
static guint remove_vgpus_unwanted(struct planning *p)
{
	guint n_stay = 0;
	gboolean all = p->goal->share != GPU_SHARE_VGPU;
	for (guint i = 0; i < p->card->vgpus.n; i++)
		all = all || strcmp(LIST_AT(p->card->vgpus, struct gpu_vgpu, i)->type, p->goal->type) != 0;
	for (guint i = 0; i < p->card->vgpus.n; i++) {
		const struct gpu_vgpu *vgpu = LIST_AT(p->card->vgpus, struct gpu_vgpu, i);
		if (!all && n_stay < p->goal->count)
			n_stay++;
		else
			add_step(p, VERB_REMOVE_VGPUS, (struct device_step){ vgpu->parent, vgpu->type, NULL, vgpu->uuid });
	}
	return n_stay;
}

static gint64 vfs_wanted(const struct planning *p)
{
	const struct gpu_sriov *s = &p->card->sriov;
	switch (p->goal->share) {
	/* Also when the number is right: what was noted is forgotten then. */
	case GPU_SHARE_PASSTHROUGH: return s->n_enabled > 0 || s->former_count == 0 ? 0 : -1;
	case GPU_SHARE_VF: return p->goal->count != s->n_enabled ? (gint64)p->goal->count : -1;
	case GPU_SHARE_VGPU: return s->n_total > 0 && s->n_enabled == 0 ? s->n_total : -1;
	default: return s->former_count;
	}
}

static gboolean carries_vgpu(const struct planning *p, const char *address)
{
	for (guint i = 0; i < p->card->vgpus.n; i++)
		if (strcmp(LIST_AT(p->card->vgpus, struct gpu_vgpu, i)->parent, address) == 0)
			return TRUE;
	return FALSE;
}

/* A VF with a vGPU is taken as well: its note goes with the vGPU. */
static void release(struct planning *p, const struct list *functions)
{
	for (guint i = 0; i < functions->n; i++) {
		const struct gpu_function *f = LIST_AT(*functions, struct gpu_function, i);
		if (f->former_driver && !carries_vgpu(p, f->address))
			add_step(p, VERB_RELEASE_DEVICE,
			         (struct device_step){ f->address, f->driver, strcmp(f->former_driver, GPU_NO_DRIVER) ? f->former_driver : NULL, NULL });
	}
}

static void bind_all(struct planning *p, const struct list *functions)
{
	for (guint i = 0; i < functions->n; i++) {
		const struct gpu_function *f = LIST_AT(*functions, struct gpu_function, i);
		if (g_strcmp0(f->driver, "vfio-pci") != 0)
			add_step(p, VERB_BIND_DEVICE, (struct device_step){ f->address, f->driver, "vfio-pci", NULL });
	}
}

static void create_missing(struct planning *p, guint n_stay)
{
	for (guint i = n_stay; i < p->goal->count; i++) {
		gboolean is_mdev = p->card->sriov.n_total < 0;
		if (is_mdev)
			add_step(p, VERB_CREATE_VGPUS, (struct device_step){ p->card->address, NULL, p->goal->type, uuid_at(p, i) });
		else if (i < p->card->virtual_functions.n)
			add_step(p, VERB_CREATE_VGPUS,
			         (struct device_step){ LIST_AT(p->card->virtual_functions, struct gpu_function, i)->address, NULL, p->goal->type, NULL });
	}
}

static void plan_card(struct planning *p)
{
	guint n_stay = remove_vgpus_unwanted(p);
	gint64 n_vfs = vfs_wanted(p);
	int share = p->goal->share;
	if (share != GPU_SHARE_PASSTHROUGH)
		release(p, &p->card->functions);
	if ((share == GPU_SHARE_NONE || share == GPU_SHARE_VGPU) && (n_vfs < 0 || n_vfs == p->card->sriov.n_enabled))
		release(p, &p->card->virtual_functions);
	if (n_vfs >= 0)
		act(p, VERB_SET_VFS)->count = (guint64)n_vfs;
	if (share == GPU_SHARE_PASSTHROUGH)
		bind_all(p, &p->card->functions);
	if (share == GPU_SHARE_VF && n_vfs >= 0)
		act(p, VERB_BIND_DEVICE)->count = (guint64)n_vfs;
	else if (share == GPU_SHARE_VF)
		bind_all(p, &p->card->virtual_functions);
	if (share == GPU_SHARE_VGPU)
		create_missing(p, n_stay);
}

struct plan *rig_plan(struct rig *r, const struct goal *goals, guint n)
{
	struct plan *plan = ARENA_NEW(r->arena, struct plan);
	g_autoptr(GArray) actions = g_array_new(FALSE, TRUE, sizeof(struct action));
	for (guint i = 0; i < n; i++) {
		struct planning p = { r, &goals[i], rig_observe(r, goals[i].card), ARENA_NEW(r->arena, struct object), actions };
		struct gpu_spec *spec = p.want->spec = ARENA_NEW(r->arena, struct gpu_spec);
		p.want->kind = &kinds[KIND_GPU];
		p.want->id = p.want->meta.name = p.card->address;
		spec->share = goals[i].share;
		plan_card(&p);
	}
	plan->actions = arena_memdup(r->arena, actions->data, sizeof(struct action) * actions->len);
	plan->n_actions = actions->len;
	return plan;
}

struct outcomes rig_apply(struct rig *r, const struct plan *p, void (*acting)(void *user, guint action), void *user)
{
	struct outcomes outcomes;
	GError *error = NULL;
	struct apply_input in = { .arena = r->arena, .plan = p, .hands = &r->hands, .acting = acting, .user = user };
	if (!apply_plan(&in, &outcomes, &error))
		fail_msg("%s", error->message);
	return outcomes;
}

void rig_reach(struct rig *r, const struct goal *goals, guint n)
{
	enum { ROUNDS = 3 };
	for (guint round = 0;; round++) {
		const struct plan *p = rig_plan(r, goals, n);
		if (!p->n_actions)
			return;
		if (round == ROUNDS)
			fail_msg("%s is planned after %d rounds", verbs[p->actions[0].verb].name, ROUNDS);
		struct outcomes all = rig_apply(r, p, NULL, NULL);
		for (guint i = 0; i < all.n; i++)
			if (all.items[i].state != OUTCOME_DONE)
				fail_msg("%s: %s", verbs[p->actions[i].verb].name, all.items[i].message);
	}
}
