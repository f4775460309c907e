/* The tree, its snapshot, and passes over it. */
#include "apply_fixture.h"
#include "base/arena.h"
#include "observe/observe.h"
#include "spec/host.h"
#include "spec/load.h"
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
	int iommu_group;
};
static const struct made devices[] = {
	{ CARD_A, "10de:2231", "0x030000", "nouveau", NULL, 0, 0, NULL, 1 },
	{ "0000:01:00.1", "10de:1aef", "0x040300", "snd_hda_intel", NULL, 0, 0, NULL, 1 },
	{ CARD_B, "10de:2231", "0x030000", "nouveau", NULL, 0, 0, NULL, 2 },
	{ "0000:02:00.1", "10de:1aef", "0x040300", NULL, "pciback", 0, 0, NULL, 2 },
	{ CARD_VF, "8086:56c0", "0x038000", "i915", NULL, 7, 0, NULL, 3 },
	{ CARD_USED_VF, "8086:56c0", "0x038000", "i915", NULL, 7, 2, NULL, 4 },
	{ "0000:04:00.1", "8086:56c0", "0x038000", "i915", NULL, 0, 0, CARD_USED_VF, 41 },
	{ "0000:04:00.2", "8086:56c0", "0x038000", "i915", NULL, 0, 0, CARD_USED_VF, 42 },
	{ CARD_MDEV, "10de:1b38", "0x030200", "nvidia", NULL, 0, 0, NULL, 5 },
	{ CARD_VENDOR, "10de:26b9", "0x030200", "nvidia", NULL, 4, 0, NULL, 6 },
	{ CARD_OTHER, "8086:1563", "0x020000", "ixgbe", NULL, 0, 0, NULL, 7 },
	{ CARD_SHARED, "10de:2231", "0x030000", "nouveau", NULL, 0, 0, NULL, 8 },
	{ "0000:08:01.0", "144d:a808", "0x010802", "nvme", NULL, 0, 0, NULL, 8 },
};
/* nvidia knows the twins as well: who is given back by drivers_probe may come to the wrong driver. */
static const char ids[] = "nvidia 10de:2231\nnouveau 10de:2231\nsnd_hda_intel 10de:1aef\ni915 8086:56c0\nnvidia 10de:1b38\n"
			  "nvidia 10de:26b9\nixgbe 8086:1563\nnvme 144d:a808\n";
static const char *const drivers[] = { "nouveau", "snd_hda_intel", "i915", "nvidia", "ixgbe", "nvme", "vfio-pci" };

static void make_device(struct rig *r, const struct made *d)
{
	const char *folder = arena_printf(r->arena, "sys/devices/pci0000:00/%s", d->address);
	PUT(r, arena_printf(r->arena, "0x%.4s\n", d->ids), "%s/vendor", folder);
	PUT(r, arena_printf(r->arena, "0x%s\n", d->ids + 5), "%s/device", folder);
	PUT(r, arena_printf(r->arena, "%s\n", d->class_code), "%s/class", folder);
	PUT(r, arena_printf(r->arena, "%s\n", d->driver_override ? d->driver_override : "(null)"), "%s/driver_override", folder);
	PUT(r, "0\n", "%s/irq", folder);
	PUT(r, "flr bus\n", "%s/reset_method", folder);
	LINK(r, arena_printf(r->arena, "../../../kernel/iommu_groups/%d", d->iommu_group), "%s/iommu_group", folder);
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
	PUT(r, "vfio_pci 1 0 - Live 0x0\n", "proc/modules");
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

void rig_assert_recorded(struct rig *r)
{
	for (gsize i = 0; i < G_N_ELEMENTS(devices); i++) {
		const struct made *d = &devices[i];
		if (!host_exists(&r->tree, DEVICE, d->address) || d->vf_of)
			continue;
		const char *driver = host_read_link(r->arena, &r->tree, DEVICE "/driver", d->address);
		const char *override = override_of(r, d->address);
		struct taken_device noted = { .n_vfs = -1 };
		taken_find(r->hands.taken, r->arena, d->address, NULL, &noted, NULL);
		if (g_strcmp0(driver, d->driver) != 0 || g_strcmp0(override, d->driver_override) != 0) {
			assert_true(noted.what & TAKEN_DRIVER);
			assert_true(g_strcmp0(noted.driver, d->driver) == 0);
			assert_true(g_strcmp0(noted.driver_override, d->driver_override) == 0);
		}
		if (d->total_vfs && host_read_number(&r->tree, -1, DEVICE "/sriov_numvfs", d->address) != d->n_vfs)
			assert_true((noted.what & TAKEN_VFS) && noted.n_vfs == d->n_vfs && noted.vf_autoprobe == 1);
	}
}

/* -- plans -------------------------------------------------------------------------------------------------------- */

/* The goals as a farm says them; a card that is not named is not there to be found. */
static struct objects *want(struct rig *r, const struct goal *goals, guint n)
{
	g_autoptr(GString) text = g_string_new("apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\n"
					       "spec: {redis: {url: \"redis://h\"}, roots: {frames: {path: /f}}}\n---\n"
					       "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {}\n");
	for (guint i = 0; i < n; i++) {
		const char *share = share_names.names[goals[i].share];
		g_string_append_printf(text, "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: %s}\n"
				       "spec: {host: h1, address: \"%s\", share: %s", rig_name(r, goals[i].card), goals[i].card, share);
		if (goals[i].count)
			g_string_append_printf(text, ", %s: {count: %u", share, goals[i].count);
		if (goals[i].type)
			g_string_append_printf(text, ", type: \"%s\"", goals[i].type);
		if (goals[i].takes_group)
			g_string_append(text, ", group: take");
		g_string_append(text, goals[i].count ? "}}\n" : "}\n");
	}
	struct spec_file file = { .path = "s.yaml", .bytes = arena_strdup(r->arena, text->str), .size = text->len };
	struct problems problems;
	problems_init(&problems, r->arena);
	struct objects *objects = spec_load(r->arena, &file, 1, &problems);
	assert_int_equal(problems.n_errors, 0);
	problems_clear(&problems);
	return objects;
}

const char *rig_name(struct rig *r, const char *card)
{
	return arena_printf(r->arena, "card-%.2s", card + strlen("0000:"));
}

struct plan *rig_plan(struct rig *r, const struct goal *goals, guint n)
{
	struct objects *wanted = want(r, goals, n), *have = objects_new(r->arena);
	struct observe_input look = { .host = "h1", .want = wanted, .tree = &r->tree, .helper = r->hands.helper, .taken = r->hands.taken };
	observe_host(r->arena, &look, have);
	observe_gpus(r->arena, &look, have);
	objects_sort(have);
	struct host_status *host = objects_get(have, KIND_HOST, "h1")->status;
	if (host->pci_trouble)
		fail_msg("%s", host->pci_trouble);
	host->is_root = TRUE;
	struct plan_input in = { .host = "h1", .revision = "test", .want = wanted, .have = have, .is_attended = TRUE, .devices_only = TRUE };
	return plan_build(r->arena, &in);
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

static void assert_ready(struct rig *r, const struct plan *p, const struct goal *goals, guint n)
{
	for (guint i = 0; i < n; i++) {
		const struct verdict *v = plan_verdict(p, KIND_GPU, rig_name(r, goals[i].card));
		if (!v || v->readiness != IS_READY)
			fail_msg("%s: %s: %s", goals[i].card, v ? v->reason : "no verdict", v && v->message ? v->message : "");
	}
}

void rig_reach(struct rig *r, const struct goal *goals, guint n)
{
	enum { ROUNDS = 3 };
	for (guint round = 0;; round++) {
		const struct plan *p = rig_plan(r, goals, n);
		if (!p->n_actions) {
			assert_ready(r, p, goals, n);
			return;
		}
		if (round == ROUNDS)
			fail_msg("%s is planned after %d rounds", verbs[p->actions[0].verb].name, ROUNDS);
		struct outcomes all = rig_apply(r, p, NULL, NULL);
		for (guint i = 0; i < all.n; i++)
			if (all.items[i].state != OUTCOME_DONE)
				fail_msg("%s: %s", verbs[p->actions[i].verb].name, all.items[i].message);
	}
}
