/* Delivery at its worst: crashes and I/O errors at every step, file systems that lack things, files of
 * other people in the way. After each: nothing lost, and one more call brings all to its place. */
#include "base/arena.h"
#include "frames/collect.h"
#include "frames/deliver.h"
#include "frames/manifest.h"
#include "frames/stage.h"
#include "frames/store.h"
#include "frames_files.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define JOB     "show.shot"
#define TOKEN   "t1"
#define STAGING ".cleave/" JOB "/staging/" TOKEN
#define VISIBLE "show/shot/beauty.0001.png"

static const char new_text[] = "the new frame", old_text[] = "the frame of an older key";

/* ---- the program's own system calls stand in for libc's: what a file system lacks, and crashes ---- */

struct abilities {
	const char *name;
	gboolean has_link, has_noreplace, has_exchange;
};
static const struct abilities file_systems[] = {
	{ "ext4, xfs, btrfs", TRUE, TRUE, TRUE },
	{ "9p, older NFS", TRUE, FALSE, FALSE },
	{ "no hard links (vfat)", FALSE, TRUE, TRUE },
};
static const struct abilities no_links_no_flags = { "neither", FALSE, FALSE, FALSE };

enum { NEVER = -1 };
static struct {
	const struct abilities *has;
	gint steps_left; /* until the fault; NEVER: none */
	int fault_errno; /* 0: crash */
	gint n_steps;    /* counted */
} disk = { &file_systems[0], NEVER, 0, 0 };

/* Before each call that changes or syncs something; FALSE with errno set: it must fail. */
static gboolean step_may_go_on(void)
{
	disk.n_steps++;
	if (disk.steps_left == NEVER || disk.steps_left-- > 0)
		return TRUE;
	disk.steps_left = NEVER;
	if (!disk.fault_errno)
		raise(SIGKILL);
	errno = disk.fault_errno;
	return FALSE;
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	if (!step_may_go_on())
		return -1;
	if (!disk.has->has_link) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	if (!step_may_go_on())
		return -1;
	if ((flags & RENAME_NOREPLACE && !disk.has->has_noreplace) ||
	    (flags & RENAME_EXCHANGE && !disk.has->has_exchange)) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return step_may_go_on() ? (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0) : -1;
}

int unlinkat(int fd, const char *name, int flags)
{
	return step_may_go_on() ? (int)syscall(SYS_unlinkat, fd, name, flags) : -1;
}

int mkdirat(int fd, const char *name, mode_t mode)
{
	return step_may_go_on() ? (int)syscall(SYS_mkdirat, fd, name, mode) : -1;
}

int fsync(int fd)
{
	return step_may_go_on() ? (int)syscall(SYS_fsync, fd) : -1;
}

/* ---- scenes ---- */

typedef gboolean deliver_fn(const struct delivery *d, enum delivered *ret, GError **error);

static char *sha_of(const char *text)
{
	return test_sha256(text, strlen(text));
}

static char *stored_path(const char *text)
{
	g_autofree char *sum = sha_of(text);
	return store_path(sum, ".png", NULL);
}

static gboolean is_stored(const struct test_root *r, const char *text)
{
	g_autofree char *path = stored_path(text);
	g_autofree char *got = test_read(r, path);
	return g_strcmp0(got, text) == 0;
}

static void put_in_store(const struct test_root *r, const char *text)
{
	g_autofree char *path = stored_path(text);
	test_text(r, path, text);
}

static struct delivery delivery_of(const struct test_root *r, const char *sum)
{
	return (struct delivery){
		.root_fd = r->fd, .job_dir = JOB, .token = TOKEN, .sha256 = sum, .visible = VISIBLE, .may_replace = TRUE
	};
}

static enum delivered must(deliver_fn *act, const struct delivery *d)
{
	GError *error = NULL;
	enum delivered how = DELIVERED_NEW;
	if (!act(d, &how, &error))
		fail_msg("%s: %s", disk.has->name, error->message);
	return how;
}

static void must_refuse(deliver_fn *act, const struct delivery *d, int code, const char *part)
{
	GError *error = NULL;
	enum delivered how = (enum delivered)77;
	assert_false(act(d, &how, &error));
	assert_int_equal(how, 77);
	test_assert_error(&error, code, part);
}

/* A root with (or without) an old frame, and the new one staged or in the store. */
static struct test_root scene(deliver_fn *act, gboolean has_old)
{
	struct test_root r = test_root_new();
	disk.steps_left = NEVER;
	if (act == frame_deliver)
		test_text(&r, STAGING "/beauty.0001.png", new_text);
	else
		put_in_store(&r, new_text);
	if (has_old)
		test_text(&r, VISIBLE, old_text);
	return r;
}

static guint count_files(const struct test_root *r, const char *folder)
{
	SCOPED_FD(fd) = openat(r->fd, folder, O_RDONLY | O_DIRECTORY);
	g_autoptr(GPtrArray) names = fd < 0 ? NULL : root_list(fd, NULL);
	return names ? names->len : 0;
}

static void assert_delivered(const struct test_root *r, gboolean has_old)
{
	test_assert_text(r, VISIBLE, new_text);
	assert_int_equal(is_stored(r, old_text), has_old);
	assert_int_equal(count_files(r, STAGING), 0);
	assert_int_equal(count_files(r, ROOT_STORE), has_old ? 1 : 0);
	assert_int_equal(count_files(r, "show/shot"), 1);
}

static gboolean found_anywhere(const struct test_root *r, const char *text)
{
	static const char *const folders[] = { "show/shot", STAGING, ROOT_STORE };
	for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
		SCOPED_FD(fd) = openat(r->fd, folders[i], O_RDONLY | O_DIRECTORY);
		g_autoptr(GPtrArray) names = fd < 0 ? NULL : root_list(fd, NULL);
		for (guint j = 0; names && j < names->len; j++) {
			g_autofree char *path = g_build_filename(folders[i], names->pdata[j], NULL);
			g_autofree char *got = test_read(r, path);
			if (g_strcmp0(got, text) == 0)
				return TRUE;
		}
	}
	return FALSE;
}

/* What nobody may ever see: a visible name with anything but a whole frame. */
static void assert_nothing_lost(const struct test_root *r, gboolean has_old)
{
	g_autofree char *visible = test_read(r, VISIBLE);
	if (visible && strcmp(visible, new_text) != 0)
		assert_string_equal(visible, old_text);
	assert_true(visible || !has_old);
	assert_true(found_anywhere(r, new_text));
	assert_true(!has_old || found_anywhere(r, old_text));
}

static void test_fresh_and_over(void **state)
{
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(file_systems); i++)
		for (gboolean has_old = FALSE; has_old <= TRUE; has_old++) {
			disk.has = &file_systems[i];
			struct test_root r = scene(frame_deliver, has_old);
			g_autofree char *sum = sha_of(new_text);
			struct delivery d = delivery_of(&r, sum);
			assert_int_equal(must(frame_deliver, &d), has_old ? DELIVERED_OVER : DELIVERED_NEW);
			assert_delivered(&r, has_old);
			assert_int_equal(must(frame_deliver, &d), DELIVERED_ALREADY);
			assert_delivered(&r, has_old);
			test_root_free(&r);
		}
	disk.has = &file_systems[0];
}

static void run_with_fault(deliver_fn *act, const struct delivery *d, gint step, int fault_errno)
{
	enum delivered how;
	disk.steps_left = step;
	disk.fault_errno = fault_errno;
	if (fault_errno) {
		g_autoptr(GError) error = NULL;
		if (!act(d, &how, &error))
			assert_non_null(error);
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		act(d, &how, NULL);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static guint count_steps(deliver_fn *act, gboolean has_old)
{
	struct test_root r = scene(act, has_old);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	disk.n_steps = 0;
	must(act, &d);
	guint n = (guint)disk.n_steps;
	test_root_free(&r);
	return n;
}

/* A fault at every step, then a second one at every step of the recovery when `is_twice`, then a call
 * without faults. Returns how many runs that were. */
static guint try_faults(deliver_fn *act, gboolean has_old, int fault_errno, gboolean is_twice)
{
	guint n_runs = 0, n = count_steps(act, has_old);
	for (guint first = 0; first < n; first++)
		for (guint second = 0; second < (is_twice ? n : 1); second++) {
			struct test_root r = scene(act, has_old);
			g_autofree char *sum = sha_of(new_text);
			struct delivery d = delivery_of(&r, sum);
			run_with_fault(act, &d, (gint)first, fault_errno);
			assert_nothing_lost(&r, has_old);
			if (is_twice) {
				run_with_fault(act, &d, (gint)second, EIO);
				assert_nothing_lost(&r, has_old);
			}
			disk.steps_left = NEVER;
			must(act, &d);
			assert_delivered(&r, has_old);
			test_root_free(&r);
			n_runs++;
		}
	return n_runs;
}

static void try_all_faults(deliver_fn *act, int fault_errno, gboolean is_twice)
{
	guint n_runs = 0;
	for (guint i = 0; i < G_N_ELEMENTS(file_systems); i++)
		for (gboolean has_old = FALSE; has_old <= TRUE; has_old++) {
			disk.has = &file_systems[i];
			n_runs += try_faults(act, has_old, fault_errno, is_twice);
		}
	disk.has = &file_systems[0];
	print_message("%u faults\n", n_runs);
}

static void test_crash_at_each_step(void **state)
{
	(void)state;
	try_all_faults(frame_deliver, 0, FALSE);
	try_all_faults(frame_put_back, 0, FALSE);
}

static void test_error_at_each_step(void **state)
{
	(void)state;
	try_all_faults(frame_deliver, EIO, FALSE);
	try_all_faults(frame_deliver, ENOSPC, FALSE);
	try_all_faults(frame_put_back, EIO, FALSE);
}

static void test_two_faults(void **state)
{
	(void)state;
	try_all_faults(frame_deliver, EIO, TRUE);
	try_all_faults(frame_put_back, EIO, TRUE);
}

static void test_file_system_without_all(void **state)
{
	(void)state;
	disk.has = &no_links_no_flags;
	for (gboolean has_old = FALSE; has_old <= TRUE; has_old++) {
		struct test_root r = scene(frame_deliver, has_old);
		g_autofree char *sum = sha_of(new_text);
		struct delivery d = delivery_of(&r, sum);
		must_refuse(frame_deliver, &d, ERROR_FAILED,
			    has_old ? "can neither be exchanged" : "has neither hard links");
		assert_nothing_lost(&r, has_old);
		test_assert_text(&r, STAGING "/beauty.0001.png", new_text);
		test_root_free(&r);
	}
	disk.has = &file_systems[0];
}

static void test_foreign_file_stays(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, TRUE);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	struct stat before, after;
	d.may_replace = FALSE;
	assert_int_equal(fstatat(r.fd, VISIBLE, &before, 0), 0);
	must_refuse(frame_deliver, &d, ERROR_EXISTS, "is there with other content");
	assert_int_equal(fstatat(r.fd, VISIBLE, &after, 0), 0);
	assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim);
	assert_int_equal(before.st_ino, after.st_ino);
	test_assert_text(&r, VISIBLE, old_text);
	test_assert_text(&r, STAGING "/beauty.0001.png", new_text);
	test_root_free(&r);
}

static void test_what_is_in_the_way(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, FALSE);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	test_text(&r, VISIBLE "/inside", "a folder of that name");
	must_refuse(frame_deliver, &d, ERROR_REFUSED, "is no regular file");
	d.visible = "show/shot/link.png";
	d.staged = "beauty.0001.png";
	assert_int_equal(symlinkat("/etc/passwd", r.fd, d.visible), 0);
	must_refuse(frame_deliver, &d, ERROR_REFUSED, "is no regular file");
	d.visible = "../beauty.0001.png";
	must_refuse(frame_deliver, &d, ERROR_REFUSED, "leads out of the root");
	d.visible = "/tmp/beauty.0001.png";
	must_refuse(frame_deliver, &d, ERROR_INVALID, "not a path of a file below a root");
	d.visible = "./.cleave/store/x.png";
	must_refuse(frame_deliver, &d, ERROR_INVALID, "cleave's own folder");
	test_root_free(&r);
}

static gboolean has_openat2(void)
{
	return syscall(SYS_openat2, -1, NULL, NULL, 0) == 0 || errno != ENOSYS;
}

/* A folder that is a link: followed while it stays inside the root, where the kernel can tell. */
static void test_linked_folders(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, TRUE);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	assert_int_equal(symlinkat("/tmp", r.fd, "out"), 0);
	assert_int_equal(symlinkat("shot", r.fd, "show/current"), 0);
	d.staged = "beauty.0001.png";
	if (has_openat2()) {
		d.visible = "out/beauty.0001.png";
		must_refuse(frame_deliver, &d, ERROR_REFUSED, "leads out of the root");
		d.visible = "show/current/beauty.0002.png";
		assert_int_equal(must(frame_deliver, &d), DELIVERED_NEW);
		test_assert_text(&r, "show/shot/beauty.0002.png", new_text);
	} else {
		d.visible = "out/beauty.0001.png";
		must_refuse(frame_deliver, &d, ERROR_FAILED, "Too many levels of symbolic links");
		d.visible = "show/current/beauty.0002.png";
		must_refuse(frame_deliver, &d, ERROR_FAILED, "Too many levels of symbolic links");
	}
	test_root_free(&r);
}

static void test_staged_content_is_checked(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, TRUE);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	test_text(&r, STAGING "/beauty.0001.png", "the new frAme");
	must_refuse(frame_deliver, &d, ERROR_INVALID, "is not what was verified");
	test_assert_text(&r, VISIBLE, old_text);
	assert_int_equal(unlinkat(r.fd, STAGING "/beauty.0001.png", 0), 0);
	must_refuse(frame_deliver, &d, ERROR_NOT_FOUND, "is not there");
	d.sha256 = "../../x";
	must_refuse(frame_deliver, &d, ERROR_INVALID, "is no SHA-256");
	test_root_free(&r);
}

/* Without exchanges, stopped between the second name of the old frame and its replacement; then nobody
 * wants the replacement any more: the store has no second name of a visible file. */
static void test_second_name_is_no_copy(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, TRUE);
	GError *error = NULL;
	SCOPED_ARENA(a);
	struct manifest_view *v = manifest_read(a, r.fd, JOB, &error);
	struct collected done;
	struct stat visible, stored;
	assert_int_equal(linkat(r.fd, VISIBLE, r.fd, STAGING "/beauty.0001.png" DELIVER_DISPLACED, 0), 0);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	d.may_replace = FALSE;
	must_refuse(frame_deliver, &d, ERROR_EXISTS, "is there with other content");
	assert_int_equal(count_files(&r, ROOT_STORE), 0);
	assert_true(frame_collect(r.fd, JOB, TOKEN, v, NULL, &done, &error));
	g_autofree char *path = stored_path(old_text);
	assert_int_equal(fstatat(r.fd, path, &stored, 0), 0);
	assert_int_equal(fstatat(r.fd, VISIBLE, &visible, 0), 0);
	assert_int_not_equal(visible.st_ino, stored.st_ino);
	test_assert_text(&r, VISIBLE, old_text);
	test_root_free(&r);
}

/* Two attempts made equal pixels: the second finds its frame there. */
static void test_equal_render(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, FALSE);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	test_text(&r, VISIBLE, new_text);
	assert_int_equal(must(frame_deliver, &d), DELIVERED_ALREADY);
	assert_delivered(&r, FALSE);
	test_root_free(&r);
}

static void test_put_back(void **state)
{
	(void)state;
	for (gboolean keeps = FALSE; keeps <= TRUE; keeps++) {
		struct test_root r = scene(frame_put_back, TRUE);
		g_autofree char *sum = sha_of(new_text);
		struct delivery d = delivery_of(&r, sum);
		d.keeps_stored = keeps;
		/* what an interrupted copy left is not taken for a frame */
		test_text(&r, STAGING "/beauty.0001.png" STORE_PARTIAL, "the ne");
		assert_int_equal(must(frame_put_back, &d), DELIVERED_OVER);
		test_assert_text(&r, VISIBLE, new_text);
		assert_true(is_stored(&r, old_text));
		assert_int_equal(is_stored(&r, new_text), keeps);
		/* and back again: the same bytes as before */
		g_autofree char *old_sum = sha_of(old_text);
		d.sha256 = old_sum;
		assert_int_equal(must(frame_put_back, &d), DELIVERED_OVER);
		test_assert_text(&r, VISIBLE, old_text);
		assert_true(is_stored(&r, new_text));
		test_root_free(&r);
	}
}

static void test_put_back_damaged(void **state)
{
	(void)state;
	struct test_root r = scene(frame_put_back, TRUE);
	g_autofree char *sum = sha_of(new_text);
	g_autofree char *path = stored_path(new_text);
	struct delivery d = delivery_of(&r, sum);
	test_text(&r, path, "the new frAme");
	must_refuse(frame_put_back, &d, ERROR_INVALID, "is damaged: its content is");
	test_assert_text(&r, VISIBLE, old_text);
	assert_int_equal(unlinkat(r.fd, path, 0), 0);
	must_refuse(frame_put_back, &d, ERROR_NOT_FOUND, "cannot be opened");
	test_assert_text(&r, VISIBLE, old_text);
	test_root_free(&r);
}

static void test_store(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	GError *error = NULL;
	struct file_digest digest;
	g_autofree char *sum = sha_of(old_text);
	g_autofree char *path = stored_path(old_text);
	/* a damaged file under the name: it moves to its own, nothing is overwritten */
	test_text(&r, path, "bit rot");
	test_text(&r, "x.png", old_text);
	assert_true(store_add(r.fd, r.fd, "x.png", ".png", &digest, &error));
	assert_string_equal(digest.sha256, sum);
	assert_true(is_stored(&r, old_text));
	assert_true(is_stored(&r, "bit rot"));
	assert_true(store_has(r.fd, sum, ".png", strlen(old_text)));
	assert_true(store_has(r.fd, sum, ".png", 0));
	assert_false(store_has(r.fd, sum, ".png", 1));
	assert_false(store_has(r.fd, sum, ".exr", 0));
	assert_false(store_has(r.fd, "../x", ".png", 0));
	/* content with further names is copied: a change there must not change the store */
	test_text(&r, "shared.png", "shared");
	assert_int_equal(linkat(r.fd, "shared.png", r.fd, "backup.png", 0), 0);
	assert_true(store_add(r.fd, r.fd, "shared.png", ".png", &digest, &error));
	assert_false(test_exists(&r, "shared.png"));
	SCOPED_FD(backup) = openat(r.fd, "backup.png", O_WRONLY);
	assert_int_equal(pwrite(backup, "S", 1, 0), 1);
	assert_true(is_stored(&r, "shared"));
	/* the same content again, also as a second name of the stored file itself */
	assert_int_equal(linkat(r.fd, path, r.fd, "y.png", 0), 0);
	assert_true(store_add(r.fd, r.fd, "y.png", ".png", NULL, &error));
	assert_false(test_exists(&r, "y.png"));
	assert_true(is_stored(&r, old_text));
	assert_true(store_remove(r.fd, sum, ".png", &error));
	assert_true(store_remove(r.fd, sum, ".png", &error));
	assert_false(is_stored(&r, old_text));
	assert_false(store_add(r.fd, r.fd, "none.png", ".png", NULL, &error));
	test_assert_error(&error, ERROR_NOT_FOUND, "none.png");
	assert_string_equal(store_extension("a.b/c.exr"), ".exr");
	assert_string_equal(store_extension("a.b/c"), "");
	assert_string_equal(store_extension("c.a/b"), "");
	assert_string_equal(store_extension("c."), "");
	test_root_free(&r);
}

static void test_stage(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	GError *error = NULL;
	SCOPED_ARENA(a);
	struct stage *s = stage_begin(r.fd, JOB, TOKEN, &error);
	assert_non_null(s);
	assert_string_equal(s->path, STAGING);
	assert_null(stage_begin(r.fd, JOB, TOKEN, &error));
	test_assert_error(&error, ERROR_EXISTS, "cannot be made");
	assert_null(stage_begin(r.fd, JOB, "a/b", &error));
	test_assert_error(&error, ERROR_INVALID, "cannot name a folder");
	assert_null(stage_open(r.fd, JOB, "t2", &error));
	test_assert_error(&error, ERROR_NOT_FOUND, "t2 cannot be opened");
	g_autoptr(GArray) none = stage_list(a, r.fd, JOB, NULL, &error);
	assert_int_equal(none->len, 1);
	assert_null(g_array_index(none, struct leftover, 0).file);
	test_text(&r, STAGING "/f.png", new_text);
	test_text(&r, STAGING "/passes/z.png", old_text);
	struct file_digest digest;
	g_autofree char *sum = sha_of(old_text);
	assert_true(stage_seal(s, "passes/z.png", &digest, &error));
	assert_string_equal(digest.sha256, sum);
	assert_int_equal(digest.facts.size, strlen(old_text));
	assert_false(stage_seal(s, "none.png", &digest, &error));
	test_assert_error(&error, ERROR_NOT_FOUND, STAGING "/none.png");
	assert_false(stage_seal(s, "../../../../../etc/passwd", &digest, &error));
	test_assert_error(&error, ERROR_REFUSED, "leads out of the root");
	g_autoptr(GArray) all = stage_list(a, r.fd, JOB, TOKEN, &error);
	assert_int_equal(all->len, 2);
	assert_false(stage_end(r.fd, s, &error));
	test_assert_error(&error, ERROR_EXISTS, "is still there");
	assert_int_equal(unlinkat(r.fd, STAGING "/f.png", 0), 0);
	assert_int_equal(unlinkat(r.fd, STAGING "/passes/z.png", 0), 0);
	s = stage_open(r.fd, JOB, TOKEN, &error);
	assert_true(stage_end(r.fd, s, &error));
	assert_false(test_exists(&r, STAGING));
	test_root_free(&r);
}

/* One of each kind of leftover. */
/* A late report against a delivery: who withdraws first wins, and the other one hears of it. */
static void test_withdraw(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, TRUE);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	struct stage *s = stage_open(r.fd, JOB, TOKEN, NULL);
	assert_true(stage_withdraw(s, "beauty.0001.png"));
	must_refuse(frame_deliver, &d, ERROR_NOT_FOUND, "is not there");
	test_assert_text(&r, VISIBLE, old_text);
	assert_false(stage_withdraw(s, "beauty.0001.png"));
	test_text(&r, STAGING "/beauty.0001.png", new_text);
	assert_int_equal(unlinkat(r.fd, VISIBLE, 0), 0);
	assert_int_equal(linkat(r.fd, STAGING "/beauty.0001.png", r.fd, VISIBLE, 0), 0);
	assert_false(stage_withdraw(s, "beauty.0001.png"));
	test_assert_text(&r, VISIBLE, new_text);
	assert_int_equal(count_files(&r, STAGING), 0);
	stage_free(s);
	test_root_free(&r);
}

static void test_collect(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	GError *error = NULL;
	g_autofree char *wanted_sum = sha_of("wanted"), *spare_sum = sha_of("spare");
	g_autofree char *void_sum = sha_of("void");
	struct manifest *m = manifest_open(r.fd, JOB, "w", &error);
	struct record records[] = {
		{ .type = RECORD_FRAME,
		  .frame = 1,
		  .key = "k2",
		  .token = TOKEN,
		  .sha256 = wanted_sum,
		  .file = "a/1.png" },
		{ .type = RECORD_FRAME,
		  .frame = 2,
		  .key = "k1",
		  .token = TOKEN,
		  .sha256 = spare_sum,
		  .file = "a/2.png" },
		{ .type = RECORD_FRAME,
		  .frame = 3,
		  .key = "k1",
		  .token = TOKEN,
		  .sha256 = void_sum,
		  .file = "a/3.png" },
		{ .type = RECORD_SUPERSEDED, .frame = 3, .token = TOKEN },
	};
	assert_true(manifest_append_all(m, records, G_N_ELEMENTS(records), &error));
	manifest_close(m);
	SCOPED_ARENA(a);
	struct manifest_view *v = manifest_read(a, r.fd, JOB, &error);
	test_text(&r, STAGING "/1.png", "wanted");
	test_text(&r, STAGING "/2.png", "spare");
	test_text(&r, STAGING "/3.png", "void");
	test_text(&r, STAGING "/4.png", "cut in the mid");
	test_text(&r, STAGING "/5.png" DELIVER_DISPLACED, "someone's work");
	test_text(&r, STAGING "/6.png" STORE_PARTIAL, "spare");
	test_text(&r, STAGING "/sub/7.png", "log");
	assert_int_equal(symlinkat("/etc/passwd", r.fd, STAGING "/link"), 0);
	g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_add(wanted, wanted_sum);
	struct collected done;
	assert_true(frame_collect(r.fd, JOB, TOKEN, v, wanted, &done, &error));
	assert_int_equal(done.kept, 1);
	assert_int_equal(done.stored, 2);
	assert_int_equal(done.removed, 5);
	assert_true(is_stored(&r, "spare"));
	assert_true(is_stored(&r, "someone's work"));
	assert_int_equal(count_files(&r, ROOT_STORE), 2);
	test_assert_text(&r, STAGING "/1.png", "wanted");
	assert_true(frame_collect(r.fd, JOB, TOKEN, v, NULL, &done, &error));
	assert_int_equal(done.stored, 1);
	assert_false(test_exists(&r, STAGING));
	assert_true(frame_collect(r.fd, JOB, TOKEN, v, NULL, &done, &error));
	assert_int_equal(done.stored + done.kept + done.removed, 0);
	test_root_free(&r);
}

static void test_root_marker(void **state)
{
	(void)state;
	GError *error = NULL;
	g_autofree char *path = g_dir_make_tmp("cleave-frames-XXXXXX", NULL);
	assert_int_equal(root_open(path, &error), -1);
	test_assert_error(&error, ERROR_AWAY, "is not mounted: no .cleave-root in it");
	assert_true(root_mark(path, "frames", &error));
	assert_false(root_mark(path, "other", &error));
	test_assert_error(&error, ERROR_EXISTS, "has a .cleave-root already");
	struct test_root r = { g_strdup(path), root_open(path, &error) };
	assert_true(r.fd >= 0);
	g_autofree char *name = root_name(r.fd, &error);
	assert_string_equal(name, "frames");
	test_root_free(&r);
	assert_int_equal(root_open(path, &error), -1);
	test_assert_error(&error, ERROR_AWAY, "cannot be opened");
}

static void forbid_openat2(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { G_N_ELEMENTS(program), program };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		raise(SIGUSR1); /* skipped */
}

/* In a child whose kernel says ENOSYS to openat2, as before Linux 5.6; each check is a bit. */
static void child_on_old_kernel(const struct test_root *r, const struct delivery *d)
{
	struct delivery over = *d, away = *d, link = *d;
	enum delivered how;
	forbid_openat2();
	int wrong = root_openat(r->fd, ".", O_RDONLY, 0) < 0 ? 1 : 0;
	wrong |= frame_deliver(&over, &how, NULL) && how == DELIVERED_OVER ? 0 : 2;
	away.visible = "../x.png";
	wrong |= frame_deliver(&away, &how, NULL) ? 4 : 0;
	link.visible = "out/x.png";
	wrong |= frame_deliver(&link, &how, NULL) ? 8 : 0;
	wrong |= root_openat(r->fd, "show/../../x", O_RDONLY, 0) >= 0 || errno != EXDEV ? 16 : 0;
	wrong |= root_openat(r->fd, "/etc/passwd", O_RDONLY, 0) >= 0 || errno != EXDEV ? 32 : 0;
	wrong |= root_openat(r->fd, "out/x", O_RDONLY, 0) >= 0 || errno != ELOOP ? 64 : 0;
	_exit(wrong);
}

static void test_old_kernel(void **state)
{
	(void)state;
	struct test_root r = scene(frame_deliver, TRUE);
	g_autofree char *sum = sha_of(new_text);
	struct delivery d = delivery_of(&r, sum);
	assert_int_equal(symlinkat("/tmp", r.fd, "out"), 0);
	pid_t child = fork();
	if (child == 0)
		child_on_old_kernel(&r, &d);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	gboolean is_skipped = WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1;
	if (!is_skipped) {
		assert_int_equal(status, 0);
		assert_delivered(&r, TRUE);
	}
	test_root_free(&r);
	if (is_skipped)
		skip(); /* no seccomp here */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_and_over),
		cmocka_unit_test(test_crash_at_each_step),
		cmocka_unit_test(test_error_at_each_step),
		cmocka_unit_test(test_two_faults),
		cmocka_unit_test(test_file_system_without_all),
		cmocka_unit_test(test_foreign_file_stays),
		cmocka_unit_test(test_what_is_in_the_way),
		cmocka_unit_test(test_linked_folders),
		cmocka_unit_test(test_staged_content_is_checked),
		cmocka_unit_test(test_second_name_is_no_copy),
		cmocka_unit_test(test_equal_render),
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_put_back_damaged),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_stage),
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_collect),
		cmocka_unit_test(test_root_marker),
		cmocka_unit_test(test_old_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
