/* Compaction: no record that says something is lost, at whatever step it is cut off; writers that live keep theirs. */
#include "base/arena.h"
#include "frames/compact.h"
#include "frames/manifest.h"
#include "frames_files.h"
#include "frames_faults.h"

#define JOB    "show+shot"
#define FOLDER ".cleave/" JOB "/manifest"

static const char sha_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct farm {
	struct test_root root;
	struct compact_by by;
	gint64 time_us;
};

/* The same times in each farm, so that what they say can be compared. */
static void append(struct farm *f, const char *writer, struct record r)
{
	struct manifest *m = manifest_open(f->root.fd, JOB, writer, NULL);
	assert_non_null(m);
	if (r.time_us == 0)
		r.time_us = f->time_us++;
	assert_true(manifest_append(m, &r, NULL));
	manifest_close(m);
}

static void add_all(struct farm *f)
{
	for (gint64 frame = 1; frame <= 3; frame++) {
		append(f, "w1", (struct record){ .type = RECORD_FRAME, .frame = frame, .key = "k1", .token = "t1", .sha256 = sha_a,
						 .file = "out/f.png", .size = 10, .seconds = 2.5, .worker = "w1" });
		for (guint i = 0; i < 5; i++)
			append(f, "owner", (struct record){ .type = RECORD_SEEN, .frame = frame, .key = "k1", .sha256 = sha_a,
							    .file = "out/f.png", .size = 10, .ino = 7 + i, .mtime_ns = 1 });
	}
	append(f, "w2", (struct record){ .type = RECORD_FRAME, .frame = 2, .key = "k1", .token = "late", .sha256 = sha_a,
					 .file = "out/f.png", .size = 10, .seconds = 4 });
	append(f, "w2", (struct record){ .type = RECORD_SUPERSEDED, .frame = 2, .token = "late" });
	for (guint i = 0; i < 40; i++)
		append(f, i % 2 ? "w1" : "w2",
		       (struct record){ .type = RECORD_FAILED, .frame = 9, .token = "x", .reason = "no memory", .seconds = 0.5 });
	append(f, "owner", (struct record){ .type = RECORD_PIN, .file = "scenes:a.blend", .sha256 = sha_a });
	append(f, "owner", (struct record){ .type = RECORD_INPUT, .file = "tex.png", .sha256 = sha_a });
	append(f, "owner", (struct record){ .type = RECORD_COMPLETE, .digest = "c1-old" });
	append(f, "owner", (struct record){ .type = RECORD_COMPLETE, .digest = "c1-new" });
}

static struct farm farm_new(void)
{
	struct farm f = { .root = test_root_new(), .by = { .own = "owner" }, .time_us = 1700000000000000 };
	add_all(&f);
	return f;
}

static struct manifest_view *read_all(struct farm *f)
{
	struct manifest_view *v = manifest_view_new();
	assert_true(manifest_view_update(v, f->root.fd, JOB, NULL));
	return v;
}

static double failed_seconds(const struct manifest_view *v, gint64 frame, guint *ret_n)
{
	double sum = 0;
	const struct record *r = NULL;
	for (*ret_n = 0; (r = manifest_next_failure(v, frame, r)); ++*ret_n)
		sum += r->seconds;
	return sum;
}

/* All that is asked of a manifest. */
static void check_says_all(struct farm *f)
{
	guint n;
	struct manifest_view *v = read_all(f);
	for (gint64 frame = 1; frame <= 3; frame++) {
		const struct record *r = manifest_frame(v, frame, "k1");
		assert_non_null(r);
		assert_string_equal(r->token, "t1");
		assert_true(r->seconds == 2.5);
		assert_null(manifest_next(v, frame, r));
		assert_int_equal(manifest_seen(v, frame, "out/f.png")->ino, 11);
	}
	assert_int_equal(manifest_counts(v).frames, 3);
	assert_int_equal(manifest_counts(v).superseded, 1);
	assert_true(failed_seconds(v, 9, &n) == 20);
	assert_true(n >= COMPACT_FAILURES_KEPT);
	assert_string_equal(manifest_pin(v, NULL)->sha256, sha_a);
	assert_string_equal(manifest_complete(v)->digest, "c1-new");
	g_autoptr(GPtrArray) inputs = manifest_inputs(v);
	assert_int_equal(inputs->len, 1);
	manifest_view_free(v);
}

static guint n_segments(struct farm *f)
{
	SCOPED_FD(dir) = openat(f->root.fd, FOLDER, O_RDONLY | O_DIRECTORY);
	g_autoptr(GPtrArray) names = root_list(dir, NULL);
	return names->len;
}

static void run(gpointer user)
{
	struct farm *f = user;
	struct compacted done;
	g_autoptr(GError) error = NULL;
	struct manifest_view *v = read_all(f);
	compact_manifest(f->root.fd, JOB, v, &f->by, &done, &error);
	manifest_view_free(v);
}

static void test_all_that_matters_stays(void **state)
{
	(void)state;
	guint n;
	struct farm f = farm_new();
	struct compacted done;
	struct manifest_view *v = read_all(&f);
	assert_true(compact_manifest(f.root.fd, JOB, v, &f.by, &done, NULL));
	manifest_view_free(v);
	assert_int_equal(done.n_closed, 3);
	assert_int_equal(done.n_removed, 3);
	assert_true(done.after_bytes < done.before_bytes);
	assert_int_equal(n_segments(&f), 1);
	check_says_all(&f);
	v = read_all(&f);
	assert_int_equal(manifest_counts(v).records, manifest_counts(v).kept);
	failed_seconds(v, 9, &n);
	assert_int_equal(n, COMPACT_FAILURES_KEPT + 1);
	/* alone it stays as it is; more failures go into the sum the next time */
	assert_true(compact_look(f.root.fd, JOB, v, &f.by, &n, NULL) && n == 0);
	manifest_view_free(v);
	for (guint i = 0; i < 10; i++)
		append(&f, "w3", (struct record){ .type = RECORD_FAILED, .frame = 9, .reason = "again", .seconds = 1 });
	run(&f);
	v = read_all(&f);
	assert_true(failed_seconds(v, 9, &n) == 30);
	assert_int_equal(n, COMPACT_FAILURES_KEPT + 1);
	const struct record *r = NULL, *last = NULL;
	while ((r = manifest_next_failure(v, 9, r)))
		last = r;
	assert_string_equal(last->reason, "30 earlier attempts");
	manifest_view_free(v);
	test_root_free(&f.root);
}

/* A crash, a full disk or an I/O error at every step, then a run without: nothing is lost or counted twice. */
static void test_faults(void **state)
{
	(void)state;
	static const int faults[] = { 0, EIO, ENOSPC };
	struct farm counted = farm_new();
	gint n_steps = count_steps(run, &counted), n = 0;
	test_root_free(&counted.root);
	for (guint k = 0; k < G_N_ELEMENTS(faults); k++)
		for (gint step = 0; step < n_steps; step++, n++) {
			struct farm f = farm_new();
			with_fault(run, &f, step, faults[k]);
			check_says_all(&f);
			run(&f);
			check_says_all(&f);
			assert_int_equal(n_segments(&f), 1);
			test_root_free(&f.root);
		}
	print_message("%d faults\n", n);
	assert_true(n_steps >= 8);
}

static void test_who_lives_keeps_its_own(void **state)
{
	(void)state;
	struct farm f = farm_new();
	g_autoptr(GHashTable) alive = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_add(alive, (gpointer)"w1");
	f.by.alive = alive;
	/* w2 is in no list, but locks its segment: the queue has lost its workers */
	struct manifest *held = manifest_open(f.root.fd, JOB, "w2", NULL);
	run(&f);
	check_says_all(&f);
	assert_int_equal(n_segments(&f), 3);
	assert_true(test_exists(&f.root, FOLDER "/w1.log") && test_exists(&f.root, FOLDER "/w2.log"));
	manifest_close(held);
	/* and without a lock its silence counts */
	f.by.silent_us = 3600 * (gint64)G_USEC_PER_SEC;
	run(&f);
	assert_true(test_exists(&f.root, FOLDER "/w2.log"));
	f.by.silent_us = 0;
	run(&f);
	assert_false(test_exists(&f.root, FOLDER "/w2.log"));
	assert_true(test_exists(&f.root, FOLDER "/w1.log"));
	check_says_all(&f);
	test_root_free(&f.root);
}

/* Where locks do not work: a writer that was taken for gone learns it with its next line, which does not count. */
static void test_writer_of_a_closed_segment(void **state)
{
	(void)state;
	struct farm f = farm_new();
	GError *error = NULL;
	struct manifest *m = manifest_open(f.root.fd, JOB, "w1", NULL);
	struct record r = { .type = RECORD_FAILED, .frame = 1, .reason = "late" };
	assert_int_equal(renameat(f.root.fd, FOLDER "/w1.log", f.root.fd, FOLDER "/~closed.1.w1.log"), 0);
	assert_false(manifest_append(m, &r, &error));
	test_assert_error(&error, ERROR_REFUSED, "was closed by the job owner");
	manifest_close(m);
	/* until its time has come the closed segment is only read */
	f.by.settle_us = G_MAXINT64;
	run(&f);
	assert_true(test_exists(&f.root, FOLDER "/~closed.1.w1.log"));
	f.by.settle_us = 0;
	run(&f);
	assert_int_equal(n_segments(&f), 1);
	check_says_all(&f);
	test_root_free(&f.root);
}

static void test_when_it_is_due(void **state)
{
	(void)state;
	struct farm f = farm_new();
	guint n = 1;
	struct manifest_view *v = read_all(&f);
	assert_true(compact_look(f.root.fd, JOB, v, &f.by, &n, NULL));
	assert_int_equal(n, 0);
	manifest_view_free(v);
	for (guint i = 0; i < COMPACT_SEGMENTS_MOST; i++) {
		g_autofree char *writer = g_strdup_printf("gone-%u", i);
		append(&f, writer, (struct record){ .type = RECORD_INPUT, .file = "tex.png", .sha256 = sha_a });
	}
	v = read_all(&f);
	assert_true(compact_look(f.root.fd, JOB, v, &f.by, &n, NULL));
	assert_int_equal(n, COMPACT_SEGMENTS_MOST + 3);
	/* lines of a later version: nothing is touched */
	test_text(&f.root, FOLDER "/later.log", "98ad1d07 {\"type\":\"later\"}\n");
	assert_true(manifest_view_update(v, f.root.fd, JOB, NULL));
	assert_true(compact_look(f.root.fd, JOB, v, &f.by, &n, NULL));
	assert_int_equal(n, 0);
	manifest_view_free(v);
	test_root_free(&f.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_matters_stays),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_who_lives_keeps_its_own),
		cmocka_unit_test(test_writer_of_a_closed_segment),
		cmocka_unit_test(test_when_it_is_due),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
