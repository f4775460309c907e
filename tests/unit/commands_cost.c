/* What is summed: attempts once, lost ones as well, by each word, with a price or without. */
#include "base/error.h"
#include "commands/cost.h"
#include "frames_files.h"

static struct test_root root;

static struct price prices_of_farm[] = { { "rtx-a5000", 500000 }, { "L40S", 1200000 } };
static const struct farm_prices prices = { { prices_of_farm, 2 }, "EUR" };
static struct label labels_of_job[] = { { "artist", "mei" }, { "show", "nimbus" } };
static const struct list labels = { labels_of_job, 2 };

static void put(struct manifest *m, enum record_type type, gint64 frame, const char *token, const char *file, const char *gpu,
                double seconds, gint64 time_us)
{
	GError *error = NULL;
	const struct record r = { .type = type, .frame = frame, .token = token, .key = "k1", .file = file, .gpu = gpu,
		                  .sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		                  .size = 9, .width = 1, .height = 1, .worker = gpu ? "w-gpu" : "w-cpu", .host = "h", .boot_id = "b",
		                  .device = gpu ? gpu : "CPU", .blender = "3.4.1", .reason = type == RECORD_FAILED ? "no" : NULL,
		                  .seconds = seconds, .time_us = time_us };
	if (!manifest_append(m, &r, &error))
		fail_msg("%s", error->message);
}

static void write_job(void)
{
	struct manifest *m = manifest_open(root.fd, "p+j", "w1", NULL);
	assert_non_null(m);
	put(m, RECORD_FRAME, 1, "t1", "a/1.png", "NVIDIA RTX A5000", 3600, 1000);
	put(m, RECORD_FRAME, 1, "t1", "b/1.exr", "NVIDIA RTX A5000", 0, 1001); /* another file of the attempt */
	put(m, RECORD_FRAME, 2, "t1", "a/2.png", "NVIDIA RTX A5000", 7200, 2000);
	put(m, RECORD_FRAME, 2, "t2", "a/2.png", "NVIDIA L40S", 1800, 3000);
	put(m, RECORD_SUPERSEDED, 2, "t2", NULL, NULL, 0, 3001);
	put(m, RECORD_FAILED, 3, "t3", NULL, NULL, 60, 4000);
	put(m, RECORD_FRAME, 3, "t4", "a/3.png", NULL, 100, 5000);
	put(m, RECORD_FRAME, 3, "copy", "c/3.png", NULL, 0, 5500); /* at another path */
	put(m, RECORD_FRAME, 4, "t5", "a/4.png", "GeForce 1", 200, 6000);
	manifest_close(m);
}

static struct cost_sum *sum_of(struct arena *a, struct cost_asked *asked, const char *by)
{
	GError *error = NULL;
	assert_true(cost_read_by(a, by, asked, &error));
	struct cost_sum *s = cost_sum_new(a, asked, &prices);
	struct manifest_view *view = manifest_view_new();
	assert_true(manifest_view_update(view, root.fd, "p+j", &error));
	assert_true(cost_add_job(s, "p/j", &labels, view, &error));
	manifest_view_free(view);
	return s;
}

static void assert_row(const struct cost_row *r, guint64 frames, guint64 lost, guint64 unpriced, double seconds, double cost)
{
	assert_int_equal(r->n_frames, frames);
	assert_int_equal(r->n_lost, lost);
	assert_int_equal(r->n_unpriced, unpriced);
	assert_true(r->seconds > seconds - 0.001 && r->seconds < seconds + 0.001);
	assert_true(r->cost > cost - 0.0001 && r->cost < cost + 0.0001);
}

/* A failure names no model: its worker's is that of its other frames. */
static void failure_on_a_gpu(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct cost_asked asked = { 0 };
	struct manifest *m = manifest_open(root.fd, "p+k", "w1", NULL);
	put(m, RECORD_FRAME, 1, "t1", "a/1.png", "NVIDIA L40S", 3600, 1000);
	const struct record failed = { .type = RECORD_FAILED, .frame = 2, .token = "t2", .worker = "w-gpu", .device = "OPTIX",
		                       .reason = "no", .seconds = 1800 };
	assert_true(manifest_append(m, &failed, NULL));
	manifest_close(m);
	assert_true(cost_read_by(a, "model", &asked, NULL));
	struct cost_sum *s = cost_sum_new(a, &asked, &prices);
	struct manifest_view *view = manifest_view_new();
	assert_true(manifest_view_update(view, root.fd, "p+k", NULL));
	assert_true(cost_add_job(s, "p/k", NULL, view, NULL));
	manifest_view_free(view);
	struct cost_report r = cost_report_of(s);
	assert_int_equal(r.n_rows, 1);
	assert_row(&r.rows[0], 1, 1, 0, 5400, 1.8);
	cost_sum_free(s);
}

static void by_model(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct cost_asked asked = { 0 };
	struct cost_sum *s = sum_of(a, &asked, "model");
	struct cost_report r = cost_report_of(s);
	assert_int_equal(r.n_rows, 4);
	assert_string_equal(r.rows[0].by[0], "NVIDIA RTX A5000");
	assert_row(&r.rows[0], 2, 0, 0, 10800, 1.5);
	assert_string_equal(r.rows[1].by[0], "NVIDIA L40S");
	assert_row(&r.rows[1], 0, 1, 0, 1800, 0.6);
	assert_string_equal(r.rows[2].by[0], "GeForce 1");
	assert_row(&r.rows[2], 1, 0, 1, 200, 0);
	assert_row(&r.rows[3], 1, 1, 2, 160, 0);
	assert_row(&r.total, 4, 2, 3, 12960, 2.1);
	cost_sum_free(s);
}

static void by_words_of_the_job(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct cost_asked asked = { 0 };
	struct cost_sum *s = sum_of(a, &asked, "project,job,label:artist");
	struct cost_report r = cost_report_of(s);
	assert_int_equal(r.n_rows, 1);
	assert_string_equal(r.rows[0].by[0], "p");
	assert_string_equal(r.rows[0].by[1], "p/j");
	assert_string_equal(r.rows[0].by[2], "mei");
	assert_row(&r.rows[0], 4, 2, 3, 12960, 2.1);
	cost_sum_free(s);
	asked = (struct cost_asked){ 0 };
	s = sum_of(a, &asked, "label"); /* a row for each: they overlap, the total does not */
	r = cost_report_of(s);
	assert_int_equal(r.n_rows, 2);
	assert_string_equal(r.rows[0].by[0], "artist=mei");
	assert_string_equal(r.rows[1].by[0], "show=nimbus");
	assert_row(&r.rows[1], 4, 2, 3, 12960, 2.1);
	assert_row(&r.total, 4, 2, 3, 12960, 2.1);
	cost_sum_free(s);
}

static void since(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct cost_asked asked = { .since_us = 3000 };
	struct cost_sum *s = sum_of(a, &asked, "worker");
	struct cost_report r = cost_report_of(s);
	assert_row(&r.total, 2, 2, 3, 2160, 0.6);
	cost_sum_free(s);
}

static void said(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct cost_asked asked = { 0 };
	struct cost_sum *s = sum_of(a, &asked, "project");
	struct cost_report r = cost_report_of(s);
	g_autoptr(GString) text = g_string_new(NULL), json = g_string_new(NULL);
	report_cost_text(text, &r);
	report_cost_json(json, &r);
	assert_string_equal(text->str, "PROJECT     FRAMES      HOURS    LOST LOST HOURS          COST\n"
	                               "p                4      3.600       2      0.517          2.10 EUR  and 3 without a price, 0.100 h\n"
	                               "total            4      3.600       2      0.517          2.10 EUR  and 3 without a price, 0.100 h\n");
	assert_non_null(strstr(json->str, "\"project\": \"p\""));
	assert_non_null(strstr(json->str, "\"lostSeconds\": 1860"));
	assert_non_null(strstr(json->str, "\"currency\": \"EUR\""));
	cost_sum_free(s);
	GError *error = NULL;
	asked = (struct cost_asked){ 0 };
	assert_false(cost_read_by(a, "job,colour", &asked, &error));
	test_assert_error(&error, ERROR_USAGE, "--by colour: known are");
}

static int begin(void **state)
{
	(void)state;
	root = test_root_new();
	write_job();
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_root_free(&root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_model),
		cmocka_unit_test(by_words_of_the_job),
		cmocka_unit_test(since),
		cmocka_unit_test(failure_on_a_gpu),
		cmocka_unit_test(said),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
