/* The verbs on devices, against a simulated kernel: each one done and taken back; every write of every one failing in
 * every way, the controller killed at every write and at every fault point, a write that never returns. After each
 * of it the outcome is honest, the record agrees with the tree, nothing else was touched, and the next passes bring
 * the card to where it is wanted. */
#include "apply_fixture.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/pci.h"
#include "tools/killed.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stuck_fixture.h"

#include <cmocka.h>

#define DEVICE "sys/bus/pci/devices/%s"
#define UNDONE "; put back as it was"
#define LEFT "; left as it is: "

static int setup(void **state)
{
	*state = rig_new();
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

/* -- from where to where: every verb is in one of them, forth and back ------------------------------------------ */

#define NONE(card_) { .card = (card_), .share = GPU_SHARE_NONE }
#define WHOLE(card_) { .card = (card_), .share = GPU_SHARE_PASSTHROUGH }
#define GROUP(card_) { .card = (card_), .share = GPU_SHARE_PASSTHROUGH, .takes_group = TRUE }
#define VFS(card_, n) { .card = (card_), .share = GPU_SHARE_VF, .count = (n) }
#define VGPUS(card_, n, type_) { .card = (card_), .share = GPU_SHARE_VGPU, .count = (n), .type = (type_) }

static const struct scenario {
	const char *name;
	struct goal from, to;
} scenarios[] = {
	{ "take a card", NONE(CARD_A), WHOLE(CARD_A) },
	{ "give a card back", WHOLE(CARD_A), NONE(CARD_A) },
	{ "take a card with an override", NONE(CARD_B), WHOLE(CARD_B) },
	{ "give it back to its override", WHOLE(CARD_B), NONE(CARD_B) },
	{ "take a card with its group", NONE(CARD_SHARED), GROUP(CARD_SHARED) },
	{ "give back card and group", GROUP(CARD_SHARED), NONE(CARD_SHARED) },
	{ "make VFs", NONE(CARD_VF), VFS(CARD_VF, 2) },
	{ "make more VFs", VFS(CARD_VF, 2), VFS(CARD_VF, 3) },
	{ "unmake VFs", VFS(CARD_VF, 3), NONE(CARD_VF) },
	{ "take the whole card instead of its VFs", VFS(CARD_VF, 2), WHOLE(CARD_VF) },
	{ "take the VFs that the host uses", NONE(CARD_USED_VF), VFS(CARD_USED_VF, 2) },
	{ "give them back", VFS(CARD_USED_VF, 2), NONE(CARD_USED_VF) },
	{ "more VFs than the host had", NONE(CARD_USED_VF), VFS(CARD_USED_VF, 3) },
	{ "as many VFs as the host had", VFS(CARD_USED_VF, 3), NONE(CARD_USED_VF) },
	{ "make vGPUs", NONE(CARD_MDEV), VGPUS(CARD_MDEV, 2, "nvidia-35") },
	{ "fewer vGPUs", VGPUS(CARD_MDEV, 2, "nvidia-35"), VGPUS(CARD_MDEV, 1, "nvidia-35") },
	{ "vGPUs of another type", VGPUS(CARD_MDEV, 2, "nvidia-35"), VGPUS(CARD_MDEV, 2, "nvidia-36") },
	{ "remove vGPUs", VGPUS(CARD_MDEV, 2, "nvidia-36"), NONE(CARD_MDEV) },
	{ "make vendor vGPUs", NONE(CARD_VENDOR), VGPUS(CARD_VENDOR, 2, "469") },
	{ "vendor vGPUs of another type", VGPUS(CARD_VENDOR, 2, "469"), VGPUS(CARD_VENDOR, 1, "471") },
	{ "remove vendor vGPUs", VGPUS(CARD_VENDOR, 2, "471"), NONE(CARD_VENDOR) },
};
#define SCENARIOS_EACH(s) for (const struct scenario *s = scenarios; s < scenarios + G_N_ELEMENTS(scenarios); s++)

/* At the scenario's begin; returns what is there. */
static char *begin(struct rig *r, const struct scenario *s)
{
	rig_reset(r);
	rig_reach(r, &s->from, 1);
	rig_fault(r, NULL);
	return rig_snapshot(r);
}

/* What is there once nothing goes wrong; kept until g_free(). The number of writes is of the first plan. */
static char *reach_goal(struct rig *r, const struct scenario *s, guint *ret_n_writes)
{
	char *before = begin(r, s);
	rig_apply(r, rig_plan(r, &s->to, 1), NULL, NULL);
	*ret_n_writes = rig_count_writes(r);
	rig_reach(r, &s->to, 1);
	char *after = rig_snapshot(r);
	rig_assert_only_touched(before, after, s->to.card);
	assert_string_not_equal(before, after);
	return g_strdup(after);
}

static void assert_converges(struct rig *r, const struct scenario *s, const char *fault, const char *goal)
{
	g_autofree char *when = g_strdup_printf("%s, %s: converged", s->name, fault);
	rig_fault(r, NULL);
	rig_reach(r, &s->to, 1);
	rig_assert_same(goal, rig_snapshot(r), when);
	rig_assert_recorded(r);
}

/* -- nothing goes wrong -------------------------------------------------------------------------------------------- */

static void test_table_has_no_holes(void **state)
{
	(void)state;
	for (int i = 0; i < N_VERBS; i++)
		if (apply_rows[i].run && verbs[i].has_undo != (apply_rows[i].undo != NULL))
			fail_msg("%s: has_undo is %d", verbs[i].name, verbs[i].has_undo);
}

static void test_there_and_back(void **state)
{
	struct rig *r = *state;
	rig_reset(r);
	char *made = g_strdup(rig_snapshot(r));
	SCENARIOS_EACH(s) {
		guint n_writes;
		const struct goal none = NONE(s->to.card);
		g_free(reach_goal(r, s, &n_writes));
		assert_true(n_writes > 0);
		rig_assert_recorded(r);
		/* Once more is nothing to do, and what was taken is given back to the last byte. */
		assert_int_equal(rig_plan(r, &s->to, 1)->n_actions, 0);
		rig_reach(r, &none, 1);
		rig_assert_same(made, rig_snapshot(r), s->name);
		assert_null(taken_list(r->hands.taken, r->arena)[0]);
	}
	g_free(made);
}

static const char *driver_of(struct rig *r, const char *address)
{
	return host_read_link(r->arena, &r->tree, DEVICE "/driver", address);
}

static void assert_writes(struct rig *r, const char *expected)
{
	const struct host_tree desk = { r->dir, NULL };
	assert_string_equal(host_read(r->arena, &desk, "desk/writes"), expected);
}

static void test_bind_and_release(void **state)
{
	struct rig *r = *state;
	const struct goal whole = WHOLE(CARD_B), none = NONE(CARD_B);
	struct pci_functions all;
	GError *error = NULL;
	rig_reset(r);
	rig_fault(r, NULL);
	rig_reach(r, &whole, 1);
	assert_writes(r, "1 sys/bus/pci/devices/0000:02:00.0/driver_override \"vfio-pci\"\n"
			 "2 sys/bus/pci/devices/0000:02:00.0/driver/unbind \"0000:02:00.0\"\n"
			 "3 sys/bus/pci/drivers_probe \"0000:02:00.0\"\n"
			 "4 sys/bus/pci/devices/0000:02:00.1/driver_override \"vfio-pci\"\n"
			 "5 sys/bus/pci/drivers_probe \"0000:02:00.1\"");
	/* As the helper's scan sees it; the twin stays where it was. */
	assert_true(pci_list(r->hands.helper, r->arena, &(struct pci_request){ .sysfs = r->tree.sysfs }, 20000, &all, &error));
	assert_string_equal(pci_find(&all, CARD_B)->driver, "vfio-pci");
	assert_string_equal(pci_find(&all, CARD_A)->driver, "nouveau");
	rig_fault(r, NULL);
	rig_reach(r, &none, 1);
	assert_writes(r, "1 sys/bus/pci/devices/0000:02:00.0/driver_override \"\"\n"
			 "2 sys/bus/pci/devices/0000:02:00.0/driver/unbind \"0000:02:00.0\"\n"
			 "3 sys/bus/pci/drivers/nouveau/bind \"0000:02:00.0\"\n"
			 "4 sys/bus/pci/devices/0000:02:00.1/driver_override \"pciback\"\n"
			 "5 sys/bus/pci/devices/0000:02:00.1/driver/unbind \"0000:02:00.1\"");
	assert_string_equal(driver_of(r, CARD_B), "nouveau");
	assert_null(driver_of(r, "0000:02:00.1"));
}

static void test_vfs_through_zero(void **state)
{
	struct rig *r = *state;
	const struct goal two = VFS(CARD_VF, 2), three = VFS(CARD_VF, 3);
	rig_reset(r);
	rig_reach(r, &two, 1);
	rig_fault(r, NULL);
	rig_reach(r, &three, 1);
	/* The VFs that come have neither driver nor override of those that went. */
	assert_writes(r, "1 sys/bus/pci/devices/0000:03:00.0/sriov_numvfs \"0\"\n"
			 "2 sys/bus/pci/devices/0000:03:00.0/sriov_numvfs \"3\"\n"
			 "3 sys/bus/pci/devices/0000:03:00.1/driver_override \"vfio-pci\"\n"
			 "4 sys/bus/pci/drivers_probe \"0000:03:00.1\"\n"
			 "5 sys/bus/pci/devices/0000:03:00.2/driver_override \"vfio-pci\"\n"
			 "6 sys/bus/pci/drivers_probe \"0000:03:00.2\"\n"
			 "7 sys/bus/pci/devices/0000:03:00.3/driver_override \"vfio-pci\"\n"
			 "8 sys/bus/pci/drivers_probe \"0000:03:00.3\"");
	assert_string_equal(driver_of(r, "0000:03:00.3"), "vfio-pci");
}

/* Bound by hand: it stays there, and nobody gives it back. */
static void test_what_is_bound_by_hand(void **state)
{
	struct rig *r = *state;
	const struct goal whole = WHOLE(CARD_A);
	GError *error = NULL;
	rig_reset(r);
	struct plan *p = rig_plan(r, &whole, 1);
	const char *const writes[][2] = { { DEVICE "/driver_override", "vfio-pci\n" }, { DEVICE "/driver/unbind", CARD_A } };
	for (gsize i = 0; i < G_N_ELEMENTS(writes); i++) {
		g_autofree char *path = g_strconcat("sys/bus/pci/devices/" CARD_A, writes[i][0] + strlen(DEVICE), NULL);
		assert_true(hands_write(&r->hands, CARD_A, path, writes[i][1], &error));
	}
	assert_true(hands_write(&r->hands, CARD_A, "sys/bus/pci/drivers_probe", CARD_A, &error));
	struct outcomes all = rig_apply(r, p, NULL, NULL);
	assert_int_equal(all.n_done, 1);
	assert_string_equal(taken_list(r->hands.taken, r->arena)[0], "0000:01:00.1");
	assert_null(taken_list(r->hands.taken, r->arena)[1]);
}

/* A note of a card that stood there before says nothing of the one that does now. */
static void test_card_is_swapped(void **state)
{
	struct rig *r = *state;
	const struct goal whole = WHOLE(CARD_A), none = NONE(CARD_A);
	rig_reset(r);
	char *made = rig_snapshot(r);
	const struct taken_device before = { CARD_A, "1002:73bf", TAKEN_DRIVER | TAKEN_VFS, "amdgpu", "amdgpu", 4, 1 };
	assert_true(taken_note(r->hands.taken, &before, NULL));
	assert_int_equal(rig_plan(r, &none, 1)->n_actions, 0);
	rig_reach(r, &whole, 1);
	rig_assert_recorded(r);
	rig_reach(r, &none, 1);
	rig_assert_same(made, rig_snapshot(r), "given back");
}

/* -- refused before the first write ------------------------------------------------------------------------------------ */

static void write_file(struct rig *r, const char *path, const char *text)
{
	const char *whole = host_path(r->arena, &r->tree, "%s", path);
	FILE *f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The plan's first action is refused with these words, and nothing is written. */
static void assert_refused(struct rig *r, const struct plan *p, const char *words)
{
	rig_fault(r, NULL);
	char *before = rig_snapshot(r);
	struct outcomes all = rig_apply(r, p, NULL, NULL);
	assert_int_equal(all.n_done, 0);
	assert_int_equal(all.items[0].state, OUTCOME_FAILED);
	if (!strstr(all.items[0].message, words) || strstr(all.items[0].message, UNDONE))
		fail_msg("\"%s\" without \"%s\"", all.items[0].message, words);
	assert_int_equal(rig_count_writes(r), 0);
	rig_assert_same(before, rig_snapshot(r), words);
}

static void test_stale_plans(void **state)
{
	struct rig *r = *state;
	const struct goal a = WHOLE(CARD_A), no_a = NONE(CARD_A), b = WHOLE(CARD_B), vfs = VFS(CARD_VF, 2);
	rig_reset(r);
	struct plan *p = rig_plan(r, &a, 1), *p_b = rig_plan(r, &b, 1), *p_vf = rig_plan(r, &vfs, 1);
	write_file(r, "sys/bus/pci/devices/" CARD_A "/device", "0x2230\n");
	assert_refused(r, p, "at 0000:01:00.0 is another device since it was planned: it was 10de:2231");
	write_file(r, "sys/bus/pci/devices/" CARD_A "/device", "0x2231\n");
	write_file(r, "sys/bus/pci/devices/0000:01:00.1/device", "0x1aee\n");
	assert_refused(r, p, "at 0000:01:00.1 is another device");
	g_unlink(host_path(r->arena, &r->tree, DEVICE, CARD_B));
	assert_refused(r, p_b, "the device 0000:02:00.0 is gone since it was planned");
	write_file(r, "sys/bus/pci/devices/" CARD_VF "/sriov_numvfs", "1\n");
	assert_refused(r, p_vf, "0000:03:00.0 has 1 virtual functions since it was planned, it had 0");
	/* The driver changed under it. */
	rig_reset(r);
	p = rig_plan(r, &a, 1);
	g_unlink(host_path(r->arena, &r->tree, DEVICE "/driver", CARD_A));
	assert_refused(r, p, "the driver of 0000:01:00.0 is none since it was planned, it was nouveau");
	/* No way there, no way back. */
	rig_reset(r);
	p = rig_plan(r, &a, 1);
	const char *vfio = host_path(r->arena, &r->tree, "sys/bus/pci/drivers/vfio-pci");
	const char *aside = host_path(r->arena, &r->tree, "sys/vfio-pci");
	assert_int_equal(g_rename(vfio, aside), 0);
	assert_refused(r, p, "the driver vfio-pci is not there: modprobe vfio-pci");
	assert_int_equal(g_rename(aside, vfio), 0);
	rig_reach(r, &a, 1);
	p = rig_plan(r, &no_a, 1);
	assert_int_equal(g_rename(host_path(r->arena, &r->tree, "sys/bus/pci/drivers/snd_hda_intel"), aside), 0);
	assert_refused(r, p, "0000:01:00.1 had the driver snd_hda_intel, whose module is not loaded: modprobe snd_hda_intel");
}

static void test_stale_vgpus(void **state)
{
	struct rig *r = *state;
	const struct goal a = VGPUS(CARD_MDEV, 1, "nvidia-35"), b = VGPUS(CARD_MDEV, 1, "nvidia-36");
	const struct goal none = NONE(CARD_MDEV);
	rig_reset(r);
	struct plan *p = rig_plan(r, &a, 1);
	const char *type = host_path(r->arena, &r->tree, DEVICE "/mdev_supported_types/nvidia-35", CARD_MDEV);
	const char *aside = host_path(r->arena, &r->tree, "sys/nvidia-35");
	assert_int_equal(g_rename(type, aside), 0);
	assert_refused(r, p, "0000:05:00.0 offers no vGPU type nvidia-35");
	assert_int_equal(g_rename(aside, type), 0);
	rig_reach(r, &b, 1);
	assert_refused(r, p, "on 0000:05:00.0 is a vGPU of type nvidia-36 since it was planned");
	p = rig_plan(r, &none, 1);
	rig_reach(r, &a, 1);
	assert_refused(r, p, "on 0000:05:00.0 is a vGPU of type nvidia-35 since it was planned, it was nvidia-36");
}

/* A process with that file open. */
static void hold(struct rig *r, const char *comm, const char *path)
{
	const char *folder = host_path(r->arena, &r->tree, "proc/4242/fd");
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	write_file(r, "proc/4242/comm", arena_printf(r->arena, "%s\n", comm));
	const char *file = arena_printf(r->arena, "%s/3", folder);
	unlink(file);
	assert_int_equal(symlink(path, file), 0);
}

static void put_in_group(struct rig *r, const char *uuid, const char *group)
{
	const char *link = host_path(r->arena, &r->tree, "sys/bus/mdev/devices/%s/iommu_group", uuid);
	assert_int_equal(symlink(arena_printf(r->arena, "../../../kernel/iommu_groups/%s", group), link), 0);
}

/* Somebody opens it between plan and action: to leave it then can block in the kernel. Who it is, is named, and nothing
 * is written. */
static void test_held_devices(void **state)
{
	struct rig *r = *state;
	const struct goal whole = WHOLE(CARD_A), none = NONE(CARD_A), two = VFS(CARD_VF, 2), three = VFS(CARD_VF, 3);
	const struct goal vgpus = VGPUS(CARD_MDEV, 2, "nvidia-35"), one = VGPUS(CARD_MDEV, 1, "nvidia-35");
	rig_reset(r);
	assert_int_equal(g_mkdir_with_parents(host_path(r->arena, &r->tree, "sys/class/drm/card1"), 0755), 0);
	assert_int_equal(symlink("../../../bus/pci/devices/" CARD_A, host_path(r->arena, &r->tree, "sys/class/drm/card1/device")), 0);
	struct plan *p = rig_plan(r, &whole, 1);
	hold(r, "Xorg", "/dev/dri/card1");
	assert_refused(r, p, "0000:01:00.0 is held open by Xorg (4242: /dev/dri/card1); end that first");
	hold(r, "Xorg", "/dev/dri/card2");
	rig_reach(r, &whole, 1);
	p = rig_plan(r, &none, 1);
	hold(r, "qemu-system-x86", "/dev/vfio/1");
	assert_refused(r, p, "0000:01:00.0 is held open by qemu-system-x86 (4242: /dev/vfio/1)");
	rig_reach(r, &two, 1);
	p = rig_plan(r, &three, 1);
	hold(r, "qemu-system-x86", "/dev/vfio/32"); /* of 0000:03:00.2 */
	assert_refused(r, p, "0000:03:00.2 is held open by qemu-system-x86 (4242: /dev/vfio/32)");
	/* Of two vGPUs the one that is not in use may go. */
	hold(r, "qemu-system-x86", "/dev/null");
	rig_reach(r, &vgpus, 1);
	const char *first = gpu_vgpu_uuid(r->arena, "f", rig_name(r, CARD_MDEV), 0);
	const char *second = gpu_vgpu_uuid(r->arena, "f", rig_name(r, CARD_MDEV), 1);
	put_in_group(r, first, "50");
	put_in_group(r, second, "51");
	p = rig_plan(r, &one, 1);
	hold(r, "qemu-system-x86", "/dev/vfio/51");
	assert_refused(r, p, arena_printf(r->arena, "%s is held open by qemu-system-x86", second));
	hold(r, "qemu-system-x86", "/dev/vfio/50");
	assert_int_equal(rig_apply(r, p, NULL, NULL).n_done, 1);
}

/* So does the host, which has no process for it. */
static void test_devices_put_to_use(void **state)
{
	struct rig *r = *state;
	const struct goal group = GROUP(CARD_SHARED);
	rig_reset(r);
	const struct plan *p = rig_plan(r, &group, 1);
	const char *disk = host_path(r->arena, &r->tree, "sys/devices/pci0000:00/0000:08:01.0/nvme/nvme0/nvme0n1");
	assert_int_equal(g_mkdir_with_parents(disk, 0755), 0);
	assert_int_equal(g_mkdir_with_parents(host_path(r->arena, &r->tree, "sys/class/block"), 0755), 0);
	assert_int_equal(g_mkdir_with_parents(host_path(r->arena, &r->tree, "proc/self"), 0755), 0);
	assert_int_equal(symlink("../../devices/pci0000:00/0000:08:01.0/nvme/nvme0/nvme0n1",
				 host_path(r->arena, &r->tree, "sys/class/block/nvme0n1")), 0);
	write_file(r, "proc/self/mountinfo", "22 1 259:0 / /srv rw - ext4 /dev/nvme0n1 rw\n");
	assert_refused(r, p, "the host uses 0000:08:01.0 since it was planned: /dev/nvme0n1 is mounted on /srv; end that first");
}

/* What cannot be noted is not taken. */
static void test_record_cannot_be_written(void **state)
{
	struct rig *r = *state;
	SCENARIOS_EACH(s) {
		if (s->from.share != GPU_SHARE_NONE || strcmp(s->to.card, CARD_MDEV) == 0) /* mdevs have a UUID instead */
			continue;
		begin(r, s);
		const char *folder = arena_printf(r->arena, "%s/state", r->dir);
		assert_true(g_file_set_contents(folder, "", 0, NULL));
		struct outcomes all = rig_apply(r, rig_plan(r, &s->to, 1), NULL, NULL);
		assert_int_equal(all.n_failed, 1);
		if (!strstr(all.items[0].message, "making the folder "))
			fail_msg("%s", all.items[0].message);
		assert_int_equal(rig_count_writes(r), 0);
		g_unlink(folder);
	}
}

/* -- every write fails ----------------------------------------------------------------------------------------------------- */

struct watch {
	struct rig *rig;
	char *before; /* what was there before the action that ran last */
};

static void on_acting(void *user, guint action)
{
	struct watch *w = user;
	(void)action;
	w->before = rig_snapshot(w->rig);
}

/* The one that failed. */
static const struct outcome *find_failed(const struct scenario *s, const char *fault, const struct outcomes *all)
{
	const struct outcome *failed = NULL;
	for (guint i = 0; i < all->n; i++)
		if (all->items[i].state == OUTCOME_FAILED)
			failed = &all->items[i];
	if (!failed || all->n_failed != 1)
		fail_msg("%s, %s: %u failed", s->name, fault, all->n_failed);
	return failed;
}

static void try_write(struct rig *r, const struct scenario *s, guint k, const char *kind, const char *words, const char *goal)
{
	char *start = begin(r, s);
	struct watch w = { r, NULL };
	const struct plan *p = rig_plan(r, &s->to, 1);
	const char *fault = arena_printf(r->arena, "%u:%s", k, kind);
	if (strcmp(kind, "twice") == 0) /* and so does the way back */
		fault = arena_printf(r->arena, "%u:EIO %u:EPERM", k, k + 1);
	rig_fault(r, fault);
	struct outcomes all = rig_apply(r, p, on_acting, &w);
	const struct outcome *failed = find_failed(s, fault, &all);
	gboolean is_undone = strstr(failed->message, UNDONE) != NULL, is_left = strstr(failed->message, LEFT) != NULL;
	if (!strstr(failed->message, words))
		fail_msg("%s, %s: \"%s\" without \"%s\"", s->name, fault, failed->message, words);
	if (verbs[p->actions[failed->action].verb].has_undo != (is_undone || is_left))
		fail_msg("%s, %s: \"%s\"", s->name, fault, failed->message);
	if (is_left && strcmp(kind, "twice") != 0)
		fail_msg("%s, %s: not put back: %s", s->name, fault, failed->message);
	char *now = rig_snapshot(r);
	rig_assert_only_touched(start, now, s->to.card);
	rig_assert_recorded(r);
	if (is_undone)
		rig_assert_same(w.before, now, arena_printf(r->arena, "%s, %s: %s", s->name, fault, failed->message));
	assert_converges(r, s, fault, goal);
}

static void test_every_write_fails(void **state)
{
	struct rig *r = *state;
	const char *const kinds_of_fault[][2] = {
		{ "EBUSY", g_strerror(EBUSY) },   { "EIO", g_strerror(EIO) },
		{ "ENOSPC", g_strerror(ENOSPC) }, { "EPERM", g_strerror(EPERM) },
		{ "short", "only 1 of " },        { "+EIO", g_strerror(EIO) },
		{ "twice", g_strerror(EIO) },
	};
	guint n = 0;
	SCENARIOS_EACH(s) {
		guint n_writes;
		g_autofree char *goal = reach_goal(r, s, &n_writes);
		for (guint k = 1; k <= n_writes; k++)
			for (gsize i = 0; i < G_N_ELEMENTS(kinds_of_fault); i++, n++)
				try_write(r, s, k, kinds_of_fault[i][0], kinds_of_fault[i][1], goal);
	}
	print_message("# %u writes that failed\n", n);
}

/* -- the controller dies ------------------------------------------------------------------------------------------------------ */

/* Applies in a process of its own, which is expected to die. */
static void die_while_applying(struct rig *r, const struct scenario *s, const char *what)
{
	int status = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		r->hands.helper = helper_start(r->kernel);
		rig_apply(r, rig_plan(r, &s->to, 1), NULL, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("%s, %s: status %x", s->name, what, (guint)status);
}

static void assert_survived(struct rig *r, const struct scenario *s, const char *fault, const char *start, const char *goal)
{
	rig_assert_only_touched(start, rig_snapshot(r), s->to.card);
	rig_assert_recorded(r);
	assert_converges(r, s, fault, goal);
}

static gboolean plans(struct rig *r, const struct scenario *s, int verb)
{
	begin(r, s);
	const struct plan *p = rig_plan(r, &s->to, 1);
	for (guint i = 0; i < p->n_actions; i++)
		if ((int)p->actions[i].verb == verb)
			return TRUE;
	return FALSE;
}

/* Just before and just after the verb, in every scenario that plans it. Returns how many points that were. */
static guint die_around(struct rig *r, int verb)
{
	guint n_points = 0;
	SCENARIOS_EACH(s) {
		guint n_writes;
		if (!plans(r, s, verb))
			continue;
		g_autofree char *goal = reach_goal(r, s, &n_writes);
		for (gsize i = 0; i < 2; i++, n_points++) {
			g_autofree char *point = g_strdup_printf("%s:%s", i ? "after" : "before", verbs[verb].name);
			char *start = begin(r, s);
			g_setenv("CLEAVE_FAULT", point, TRUE);
			die_while_applying(r, s, point);
			g_unsetenv("CLEAVE_FAULT");
			assert_survived(r, s, point, start, goal);
		}
	}
	return n_points;
}

/* Between the writes of its verbs, too. */
static guint die_at_writes(struct rig *r, const struct scenario *s)
{
	guint n_writes, n_points = 0;
	g_autofree char *goal = reach_goal(r, s, &n_writes);
	for (; n_points < 2 * n_writes; n_points++) {
		g_autofree char *fault = g_strdup_printf("%u:%skill", n_points / 2 + 1, n_points % 2 ? "+" : "");
		char *start = begin(r, s);
		rig_fault(r, fault);
		die_while_applying(r, s, fault);
		assert_survived(r, s, fault, start, goal);
	}
	return n_points;
}

static void test_fault_points(void **state)
{
	struct rig *r = *state;
	guint n_points = 0, n_verbs = 0;
	for (int verb = 0; verb < N_VERBS; verb++) {
		if (where_verb_is_killed(verb) != KILLED_BY_APPLY_DEVICES)
			continue;
		guint n_here = die_around(r, verb);
		if (!n_here)
			fail_msg("%s is in no scenario", verbs[verb].name);
		n_points += n_here;
		n_verbs++;
	}
	SCENARIOS_EACH(s)
		n_points += die_at_writes(r, s);
	print_message("# %u fault points of %u verbs on devices\n", n_points, n_verbs);
}

/* -- a write that does not return ------------------------------------------------------------------------------------------------- */

static void test_stuck_device(void **state)
{
	struct rig *r = *state;
	const struct goal both[] = { WHOLE(CARD_A), WHOLE(CARD_B) };
	rig_reset(r);
	struct plan *p = rig_plan(r, both, 2);
	struct pci_functions all;
	rig_fault(r, "2:hang");
	r->hands.device_timeout_ms = 1000;
	assert_true(pci_list(r->hands.helper, r->arena, &(struct pci_request){ .sysfs = r->tree.sysfs }, 20000, &all, NULL)); /* so that it runs */
	pid_t tracer = stuck_start(helper_pid(r->hands.helper));
	if (!tracer) {
		print_message("skipped: no process may be traced here, so none outlives SIGKILL\n");
		skip();
	}
	gint64 before = g_get_monotonic_time();
	struct outcomes outcomes = rig_apply(r, p, NULL, NULL);
	assert_true(g_get_monotonic_time() - before < 4000000);
	/* That card's problem alone, told, and not undone while it hangs. */
	assert_int_equal(outcomes.items[0].state, OUTCOME_FAILED);
	assert_non_null(strstr(outcomes.items[0].message, LEFT "0000:01:00.0 is stuck in the kernel: driver/unbind, since "));
	assert_int_equal(outcomes.items[1].state, OUTCOME_DONE);
	assert_string_equal(driver_of(r, CARD_B), "vfio-pci");
	assert_non_null(taken_find_stuck(r->hands.taken, r->arena, CARD_A));
	/* The next pass does not touch it, and neither does a plan from before. */
	const struct plan *next = rig_plan(r, both, 2);
	assert_int_equal(next->n_actions, 0);
	assert_string_equal(plan_verdict(next, KIND_GPU, rig_name(r, CARD_A))->reason, "Stuck");
	assert_string_equal(plan_verdict(next, KIND_GPU, rig_name(r, CARD_B))->readiness == IS_READY ? "Ready" : "", "Ready");
	p->n_actions = 1;
	assert_refused(r, p, "0000:01:00.0 is stuck in the kernel");
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	r->hands.device_timeout_ms = 20000;
	for (guint i = 0; i < 1000 && taken_find_stuck(r->hands.taken, r->arena, CARD_A); i++)
		g_usleep(20000);
	rig_reach(r, both, 2);
	assert_string_equal(driver_of(r, CARD_A), "vfio-pci");
	assert_string_equal(driver_of(r, "0000:01:00.1"), "vfio-pci");
	rig_assert_recorded(r);
}

/* Late, and gone with SIGKILL: it is undone like any failure. */
static void test_late_device(void **state)
{
	struct rig *r = *state;
	const struct goal both[] = { WHOLE(CARD_A), WHOLE(CARD_B) };
	rig_reset(r);
	char *start = rig_snapshot(r);
	rig_fault(r, "3:hang");
	r->hands.device_timeout_ms = 1000;
	struct outcomes outcomes = rig_apply(r, rig_plan(r, &both[0], 1), NULL, NULL);
	assert_non_null(strstr(outcomes.items[0].message, "did not answer in 1000 ms and was replaced" UNDONE));
	rig_assert_same(start, rig_snapshot(r), "undone");
	r->hands.device_timeout_ms = 20000;
	rig_reach(r, both, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_has_no_holes),
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_and_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vfs_through_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_bound_by_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_card_is_swapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_plans, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_vgpus, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices_put_to_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record_cannot_be_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_write_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fault_points, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_device, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
