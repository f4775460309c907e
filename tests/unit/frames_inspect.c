/* What the job owner concludes from a visible file, the manifest, staging and the store. */
#include "base/arena.h"
#include "frames/deliver.h"
#include "frames/inspect.h"
#include "frames/manifest.h"
#include "frames/store.h"
#include "frames_files.h"

#define JOB     "show.shot"
#define VISIBLE "show/beauty.0001.png"

struct farm {
	struct test_root root;
	struct manifest *manifest;
	struct manifest_view *view;
	struct digest_cache *cache;
	struct inspection in;
};

static void farm_begin(struct farm *f)
{
	GError *error = NULL;
	f->root = test_root_new();
	f->manifest = manifest_open(f->root.fd, JOB, "owner", &error);
	assert_non_null(f->manifest);
	f->view = manifest_view_new();
	f->cache = digest_cache_new();
	f->in = (struct inspection){ .root_fd = f->root.fd, .job_dir = JOB, .view = f->view, .cache = f->cache };
}

static void farm_end(struct farm *f)
{
	manifest_close(f->manifest);
	manifest_view_free(f->view);
	digest_cache_free(f->cache);
	test_root_free(&f->root);
}

static void record(struct farm *f, struct record r)
{
	assert_true(manifest_append(f->manifest, &r, NULL));
	assert_true(manifest_view_update(f->view, f->root.fd, JOB, NULL));
}

/* A verified frame of this content. */
static void verified(struct farm *f, gint64 frame, const char *key, const char *token, const char *text)
{
	g_autofree char *sum = test_sha256(text, strlen(text));
	record(f, (struct record){ .type = RECORD_FRAME,
				   .frame = frame,
				   .key = key,
				   .token = token,
				   .sha256 = sum,
				   .size = strlen(text),
				   .file = VISIBLE });
}

static struct frame_sight inspect(struct farm *f, const char *wanted_key)
{
	struct frame_sight sight;
	GError *error = NULL;
	if (!frame_inspect(&f->in, 1, wanted_key, VISIBLE, &sight, &error))
		fail_msg("%s", error->message);
	return sight;
}

static void assert_whole(struct farm *f, const char *wanted_key, const char *key, gboolean was_read)
{
	struct frame_sight sight = inspect(f, wanted_key);
	assert_int_equal(sight.state, FRAME_WHOLE);
	assert_string_equal(sight.key, key);
	assert_int_equal(sight.was_read, was_read);
}

static void test_missing_whole_damaged(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	assert_int_equal(inspect(&f, "k1").state, FRAME_MISSING);
	verified(&f, 1, "k1", "t1", "pixels");
	assert_int_equal(inspect(&f, "k1").state, FRAME_MISSING);
	test_text(&f.root, VISIBLE, "pixels");
	assert_whole(&f, "k1", "k1", TRUE);
	assert_whole(&f, "another key is wanted", "k1", TRUE);
	assert_whole(&f, NULL, "k1", TRUE);
	test_text(&f.root, VISIBLE, "pix");
	assert_int_equal(inspect(&f, "k1").state, FRAME_DAMAGED);
	test_text(&f.root, VISIBLE, "");
	assert_int_equal(inspect(&f, "k1").state, FRAME_DAMAGED);
	farm_end(&f);
}

static void test_seen_spares_reading(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	verified(&f, 1, "k1", "t1", "pixels");
	test_text(&f.root, VISIBLE, "pixels");
	/* just written: a second write could leave the same time and size */
	assert_false(inspect(&f, "k1").should_record);
	test_age(&f.root, VISIBLE);
	struct frame_sight sight = inspect(&f, "k1");
	assert_true(sight.should_record);
	record(&f, frame_seen_record(&sight, 1, VISIBLE));
	assert_whole(&f, "k1", "k1", FALSE);
	assert_false(inspect(&f, "k1").should_record);
	/* another time, size or inode: it is read again */
	struct stat before;
	assert_int_equal(fstatat(f.root.fd, VISIBLE, &before, 0), 0);
	assert_int_equal(linkat(f.root.fd, VISIBLE, f.root.fd, "holds the inode", 0), 0);
	test_text(&f.root, VISIBLE, "PIXELS");
	assert_int_equal(utimensat(f.root.fd, VISIBLE, (struct timespec[]){ before.st_mtim, before.st_mtim }, 0), 0);
	assert_int_equal(inspect(&f, "k1").state, FRAME_DAMAGED);
	assert_int_equal(renameat(f.root.fd, "holds the inode", f.root.fd, VISIBLE), 0);
	assert_whole(&f, "k1", "k1", FALSE);
	test_age(&f.root, VISIBLE);
	assert_whole(&f, "k1", "k1", TRUE);
	test_text(&f.root, VISIBLE, "pixels");
	assert_whole(&f, "k1", "k1", TRUE);
	farm_end(&f);
}

/* Changed bytes behind an unchanged size and time: only the sweep sees them, and says so for good. */
static void test_sweep_finds_rot(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	verified(&f, 1, "k1", "t1", "pixels");
	test_text(&f.root, VISIBLE, "pixels");
	test_age(&f.root, VISIBLE);
	struct frame_sight sight = inspect(&f, "k1");
	record(&f, frame_seen_record(&sight, 1, VISIBLE));
	struct stat before;
	assert_int_equal(fstatat(f.root.fd, VISIBLE, &before, 0), 0);
	SCOPED_FD(fd) = openat(f.root.fd, VISIBLE, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 0), 1);
	assert_int_equal(futimens(fd, (struct timespec[]){ before.st_mtim, before.st_mtim }), 0);
	assert_whole(&f, "k1", "k1", FALSE);
	f.in.is_sweep = TRUE;
	sight = inspect(&f, "k1");
	assert_int_equal(sight.state, FRAME_DAMAGED);
	assert_true(sight.should_record);
	record(&f, frame_seen_record(&sight, 1, VISIBLE));
	f.in.is_sweep = FALSE;
	sight = inspect(&f, "k1");
	assert_int_equal(sight.state, FRAME_DAMAGED);
	assert_false(sight.was_read);
	farm_end(&f);
}

static void test_foreign(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	test_text(&f.root, VISIBLE, "painted by hand");
	struct frame_sight sight = inspect(&f, "k1");
	assert_int_equal(sight.state, FRAME_FOREIGN);
	assert_false(sight.was_read);
	/* another frame's records say nothing of this one */
	verified(&f, 2, "k1", "t1", "other pixels");
	assert_int_equal(inspect(&f, "k1").state, FRAME_FOREIGN);
	/* rendered and verified, but it could not be delivered because of the foreign file */
	verified(&f, 1, "k1", "t1", "pixels");
	test_text(&f.root, ".cleave/" JOB "/staging/t1/beauty.0001.png", "pixels");
	assert_int_equal(inspect(&f, "k1").state, FRAME_FOREIGN);
	assert_false(inspect(&f, "k1").should_record);
	/* a report that was fenced off never became visible */
	record(&f, (struct record){ .type = RECORD_SUPERSEDED, .frame = 1, .token = "t1" });
	assert_int_equal(inspect(&f, "k1").state, FRAME_FOREIGN);
	farm_end(&f);
}

static void test_no_regular_file(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	verified(&f, 1, "k1", "t1", "pixels");
	test_text(&f.root, "show/elsewhere.png", "pixels");
	assert_int_equal(symlinkat("elsewhere.png", f.root.fd, VISIBLE), 0);
	assert_int_equal(inspect(&f, "k1").state, FRAME_FOREIGN);
	assert_int_equal(unlinkat(f.root.fd, VISIBLE, 0), 0);
	assert_int_equal(mkfifoat(f.root.fd, VISIBLE, 0644), 0);
	assert_int_equal(inspect(&f, "k1").state, FRAME_FOREIGN);
	assert_int_equal(unlinkat(f.root.fd, VISIBLE, 0), 0);
	assert_int_equal(mkdirat(f.root.fd, VISIBLE, 0755), 0);
	assert_int_equal(inspect(&f, "k1").state, FRAME_FOREIGN);
	farm_end(&f);
}

/* What cannot be looked at is an error, never "missing": or a frame would be rendered for nothing. */
static void test_errors(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	struct frame_sight sight;
	GError *error = NULL;
	assert_int_equal(symlinkat("loop", f.root.fd, "loop"), 0);
	assert_false(frame_inspect(&f.in, 1, "k1", "loop/x.png", &sight, &error));
	test_assert_error(&error, ERROR_FAILED, "loop/x.png cannot be looked at");
	assert_false(frame_inspect(&f.in, 1, "k1", "../x.png", &sight, &error));
	test_assert_error(&error, ERROR_REFUSED, "../x.png: leads out of the root");
	farm_end(&f);
}

static void test_keys(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	verified(&f, 1, "k1", "t1", "pixels");
	verified(&f, 1, "k2", "t2", "more pixels");
	test_text(&f.root, VISIBLE, "pixels");
	assert_whole(&f, "k2", "k1", TRUE);
	/* two keys with equal pixels: the wanted one is visible, also by the `seen` record of the other */
	verified(&f, 1, "k3", "t3", "pixels");
	assert_whole(&f, "k1", "k1", TRUE);
	assert_whole(&f, "k3", "k3", TRUE);
	test_age(&f.root, VISIBLE);
	struct frame_sight sight = inspect(&f, "k1");
	record(&f, frame_seen_record(&sight, 1, VISIBLE));
	assert_whole(&f, "k3", "k3", FALSE);
	/* the record that the sight relied on is void */
	record(&f, (struct record){ .type = RECORD_SUPERSEDED, .frame = 1, .token = "t1" });
	assert_whole(&f, "k1", "k3", FALSE);
	record(&f, (struct record){ .type = RECORD_SUPERSEDED, .frame = 1, .token = "t3" });
	assert_int_equal(inspect(&f, "k1").state, FRAME_DAMAGED);
	farm_end(&f);
}

static void test_staged_and_kept(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	verified(&f, 1, "k1", "t1", "pixels");
	assert_null(frame_staged(&f.in, 1, "k1", VISIBLE));
	assert_null(frame_kept(&f.in, 1, "k1", VISIBLE));
	test_text(&f.root, ".cleave/" JOB "/staging/t1/beauty.0001.png", "pix");
	assert_null(frame_staged(&f.in, 1, "k1", VISIBLE));
	test_text(&f.root, ".cleave/" JOB "/staging/t1/beauty.0001.png", "pixels");
	assert_string_equal(frame_staged(&f.in, 1, "k1", VISIBLE)->token, "t1");
	assert_null(frame_staged(&f.in, 1, "k2", VISIBLE));
	assert_null(frame_staged(&f.in, 1, "k1", "show/depth.0001.png"));
	assert_non_null(frame_staged(&f.in, 1, "k1", NULL));
	assert_int_equal(renameat(f.root.fd, ".cleave/" JOB "/staging/t1/beauty.0001.png", f.root.fd,
				  ".cleave/" JOB "/staging/t1/beauty.0001.png" DELIVER_DISPLACED),
			 0);
	assert_non_null(frame_staged(&f.in, 1, "k1", VISIBLE));
	/* all the way: deliver, supersede, keep */
	verified(&f, 1, "k2", "t2", "more pixels");
	test_text(&f.root, ".cleave/" JOB "/staging/t2/beauty.0001.png", "more pixels");
	struct delivery d = { .root_fd = f.root.fd, .job_dir = JOB, .visible = VISIBLE, .may_replace = TRUE };
	enum delivered how;
	const char *const keys[] = { "k1", "k2" };
	for (guint i = 0; i < 2; i++) {
		const struct record *r = frame_staged(&f.in, 1, keys[i], VISIBLE);
		d.token = r->token;
		d.sha256 = r->sha256;
		assert_true(frame_deliver(&d, &how, NULL));
		assert_whole(&f, keys[i], keys[i], TRUE);
	}
	assert_null(frame_staged(&f.in, 1, "k2", VISIBLE));
	assert_string_equal(frame_kept(&f.in, 1, "k1", VISIBLE)->token, "t1");
	assert_null(frame_kept(&f.in, 1, "k2", VISIBLE));
	farm_end(&f);
}

static void test_cache(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	struct file_digest first, again;
	test_text(&f.root, "a.blend", "scene");
	test_age(&f.root, "a.blend");
	assert_true(digest_file(f.cache, f.root.fd, "a.blend", &first, NULL));
	assert_true(digest_file(f.cache, f.root.fd, "a.blend", &again, NULL));
	assert_string_equal(first.sha256, again.sha256);
	/* the time was set back, but ctime tells */
	struct stat before;
	assert_int_equal(fstatat(f.root.fd, "a.blend", &before, 0), 0);
	g_usleep(20000);
	SCOPED_FD(fd) = openat(f.root.fd, "a.blend", O_WRONLY);
	assert_int_equal(pwrite(fd, "S", 1, 0), 1);
	assert_int_equal(futimens(fd, (struct timespec[]){ before.st_mtim, before.st_mtim }), 0);
	assert_true(digest_file(f.cache, f.root.fd, "a.blend", &again, NULL));
	assert_string_not_equal(first.sha256, again.sha256);
	GError *error = NULL;
	assert_false(digest_file(f.cache, f.root.fd, "none", &again, &error));
	test_assert_error(&error, ERROR_NOT_FOUND, "none cannot be opened");
	assert_false(digest_file(f.cache, f.root.fd, "show/../..", &again, &error));
	g_clear_error(&error);
	assert_int_equal(mkfifoat(f.root.fd, "pipe", 0644), 0);
	assert_false(digest_file(f.cache, f.root.fd, "pipe", &again, &error));
	test_assert_error(&error, ERROR_INVALID, "pipe is not a regular file");
	farm_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_whole_damaged),
		cmocka_unit_test(test_seen_spares_reading),
		cmocka_unit_test(test_sweep_finds_rot),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_no_regular_file),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_staged_and_kept),
		cmocka_unit_test(test_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
