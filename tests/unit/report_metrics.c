/* Metrics: the text format itself, and what a plan becomes in it. Pure. */
#include "base/arena.h"
#include "base/exposition.h"
#include "report/metrics.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/load.h"
#include "spec/renderjob.h"
#include <glib/gstdio.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct exposition_row rows[] = {
	{ "x_bytes", "gauge", "Bytes.", { "a", "b" } },
	{ "x_seconds", "summary", "Seconds.", { "a" } },
	{ "x_total", "counter", "Never seen.", { NULL } },
};

static void format(void **state)
{
	(void)state;
	struct exposition *e = exposition_new(rows, G_N_ELEMENTS(rows));
	exposition_add(e, 0, 1.5, "plain", "q\"b\\n\nl");
	exposition_add_sum(e, 1, 0.25, 3, "v");
	exposition_add(e, 0, 8589934592.0, NULL, "\xff");
	exposition_add(e, 0, NAN, "n", "");
	exposition_add(e, 0, -INFINITY, "i", "");
	g_autofree char *text = exposition_end(e);
	assert_string_equal(text, "# HELP x_bytes Bytes.\n# TYPE x_bytes gauge\n"
				  "x_bytes{a=\"plain\",b=\"q\\\"b\\\\n\\nl\"} 1.5\n"
				  "x_bytes{a=\"\",b=\"\xef\xbf\xbd\"} 8589934592\n"
				  "x_bytes{a=\"n\",b=\"\"} NaN\n"
				  "x_bytes{a=\"i\",b=\"\"} -Inf\n"
				  "# HELP x_seconds Seconds.\n# TYPE x_seconds summary\n"
				  "x_seconds_sum{a=\"v\"} 0.25\nx_seconds_count{a=\"v\"} 3\n");
}

static void lines_are_bounded(void **state)
{
	(void)state;
	struct exposition *e = exposition_new(rows, G_N_ELEMENTS(rows));
	for (int i = 0; i < EXPOSITION_MOST + 7; i++) {
		g_autofree char *name = g_strdup_printf("%d", i);
		exposition_add(e, 0, 1, name, "");
	}
	g_autofree char *text = exposition_end(e);
	assert_non_null(strstr(text, "x_bytes{a=\"1999\""));
	assert_null(strstr(text, "x_bytes{a=\"2000\""));
	assert_non_null(strstr(text, "\ncleave_metrics_left_out 7\n"));
}

static void the_file_is_whole(void **state)
{
	(void)state;
	g_autoptr(GError) error = NULL;
	g_autofree char *folder = g_dir_make_tmp("cleave-metrics-XXXXXX", NULL), *path = g_build_filename(folder, "cleave.prom", NULL);
	g_autofree char *away = g_build_filename(folder, "no", "such", "cleave.prom", NULL), *text = NULL;
	assert_true(exposition_write(path, "one\n", &error));
	assert_true(exposition_write(path, "two\n", &error));
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_string_equal(text, "two\n");
	/* A link that somebody laid there leads nowhere. */
	g_autofree char *other = g_strconcat(path, ".new", NULL), *victim = g_build_filename(folder, "victim", NULL), *kept = NULL;
	assert_true(g_file_set_contents(victim, "kept", -1, NULL));
	assert_int_equal(symlink(victim, other), 0);
	assert_true(exposition_write(path, "three\n", &error));
	assert_true(g_file_get_contents(victim, &kept, NULL, NULL));
	assert_string_equal(kept, "kept");
	g_remove(victim);
	assert_false(exposition_write(away, "x", &error));
	assert_non_null(strstr(error->message, away));
	GStatBuf s;
	assert_int_equal(g_stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0644);
	g_remove(path);
	assert_int_equal(g_rmdir(folder), 0); /* nothing else was left */
}

/* Who may write in the folder makes nobody write elsewhere. */
static void no_link_is_followed(void **state)
{
	(void)state;
	g_autoptr(GError) error = NULL;
	g_autofree char *folder = g_dir_make_tmp("cleave-metrics-XXXXXX", NULL), *path = g_build_filename(folder, "cleave.prom", NULL);
	g_autofree char *other = g_build_filename(folder, "shadow", NULL), *link = g_strconcat(path, ".new", NULL), *text = NULL;
	GStatBuf s;
	assert_true(g_file_set_contents(other, "secret", -1, NULL));
	assert_int_equal(g_chmod(other, 0600), 0);
	assert_int_equal(symlink(other, link), 0);
	assert_true(exposition_write(path, "one\n", &error));
	assert_true(g_file_get_contents(other, &text, NULL, NULL));
	assert_string_equal(text, "secret");
	assert_int_equal(g_stat(other, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	g_remove(other);
	g_remove(path);
	assert_int_equal(g_rmdir(folder), 0);
}

/* -- of a plan ------------------------------------------------------------------------------------- */

static const char specs[] =
	"apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\n"
	"spec: {redis: {url: \"redis://h\"}, roots: {r: {path: /srv/r}}}\n---\n"
	"apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\n"
	"spec: {libvirt: none, suspend: {reason: cables, since: \"2026-01-02T03:03:05Z\"}}\n---\n"
	"apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h2}\nspec: {libvirt: none}\n---\n"
	"apiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: j}\n"
	"spec: {project: p, scene: {file: \"r:a.blend\", sha256: \"0000000000000000000000000000000000000000000000000000000000000000\"},"
	" frames: 1-10, samples: 1, resolution: 64x64, output: \"r:j_####.png\"}\n";
static const char have[] =
	"apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nstatus: {redis: ok, jobOwner: h1, roots: {r: {mounted: true}}}\n---\n"
	"apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nstatus: {observedAt: \"2026-01-02T03:04:05Z\"}\n---\n"
	"apiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: g}\n"
	"status: {host: h1, address: \"0000:65:00.0\", link: {width: 8, maxWidth: 16}, load: {celsius: 61, milliwatts: 98600, percent: 75,"
	" lastXid: 79, xids: 2}}\n---\n"
	"apiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: g2}\nstatus: {host: h2, address: \"0000:65:00.0\", link: {width: 4}}\n";

static struct objects *load(struct arena *a, const char *text, gboolean is_status)
{
	struct problems problems;
	struct spec_file file = { .path = "x", .bytes = text, .size = strlen(text) };
	problems_init(&problems, a);
	struct objects *all = is_status ? status_load(a, &file, 1, &problems) : spec_load(a, &file, 1, &problems);
	for (guint i = 0; i < problems.list->len; i++)
		if (g_array_index(problems.list, struct problem, i).severity == SEVERITY_ERROR)
			fail_msg("%s", g_array_index(problems.list, struct problem, i).message);
	problems_clear(&problems);
	return all;
}

static void must_say(const char *text, const char *line)
{
	g_autofree char *whole = g_strconcat("\n", line, "\n", NULL);
	if (!strstr(text, whole))
		fail_msg("no line %s in\n%s", line, text);
}

static void of_a_plan(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct objects *want = load(a, specs, FALSE), *seen = load(a, have, TRUE);
	struct plan_input plan_in = { .host = "h1", .revision = "main@sha1:abc", .want = want, .have = seen };
	struct metrics_counts counts = { .started_s = 100, .passed_s = 200, .applied_s = 150 };
	counts.seconds[METRICS_LOOK] = (struct metrics_seconds){ 0.5, 0.125, 4 };
	counts.actions[VERB_START_VM][OUTCOME_FAILED] = 3;
	struct metrics_wait wait = { "p/j", 90500 };
	struct metrics_queue queue = { 2, 5, &wait, 1 };
	struct metrics_input in = { .plan = plan_build(a, &plan_in), .commit = "abc", .counts = &counts, .queue = &queue, .owns_jobs = TRUE };
	g_autofree char *text = report_metrics(&in);
	must_say(text, "cleave_revision_info{host=\"h1\",revision=\"main@sha1:abc\",commit=\"abc\"} 1");
	must_say(text, "cleave_pass_seconds_sum{phase=\"look\"} 0.5");
	must_say(text, "cleave_pass_seconds_count{phase=\"look\"} 4");
	must_say(text, "cleave_actions_total{verb=\"start-vm\",outcome=\"failed\"} 3");
	must_say(text, "cleave_leases_expired_total 2");
	must_say(text, "cleave_frames_failed_total 5");
	must_say(text, "cleave_gpu_temperature_celsius{host=\"h1\",gpu=\"g\",address=\"0000:65:00.0\"} 61");
	must_say(text, "cleave_gpu_power_watts{host=\"h1\",gpu=\"g\",address=\"0000:65:00.0\"} 98.6");
	must_say(text, "cleave_gpu_utilization_ratio{host=\"h1\",gpu=\"g\",address=\"0000:65:00.0\"} 0.75");
	must_say(text, "cleave_gpu_last_xid{host=\"h1\",gpu=\"g\",address=\"0000:65:00.0\"} 79");
	must_say(text, "cleave_gpu_link_width_lanes{host=\"h1\",gpu=\"g\",address=\"0000:65:00.0\"} 8");
	assert_null(strstr(text, "g2")); /* another host's card is its own controller's to tell */
	assert_null(strstr(text, "cleave_gpu_memory_bytes")); /* not told */
	must_say(text, "cleave_suspended_seconds{kind=\"Host\",name=\"h1\"} 60");
	must_say(text, "cleave_suspended_timestamp_seconds{kind=\"Host\",name=\"h1\"} 1767322985");
	/* One Host of two is ours. */
	must_say(text, "cleave_objects{kind=\"Host\",condition=\"Reconciling\"} 0");
	/* Without the jobs nothing of the farm is told, and without a controller no counters. */
	in.owns_jobs = FALSE;
	in.counts = NULL;
	g_autofree char *less = report_metrics(&in);
	assert_null(strstr(less, "cleave_queue"));
	assert_null(strstr(less, "cleave_workers"));
	assert_null(strstr(less, "_total"));
}

static void jobs_and_queues(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct objects *want = load(a, specs, FALSE), *seen = load(a, have, TRUE);
	struct object *job = ARENA_NEW(a, struct object);
	struct renderjob_status *s = ARENA_NEW(a, struct renderjob_status);
	struct job_frames queued = { .frames = frames_range(a, 1, 7), .key = "k" }, failed = { .frames = frames_range(a, 8, 8), .key = "k" };
	*s = (struct renderjob_status){ .queued = { &queued, 1 }, .failed = { &failed, 1 }, .frame_seconds = 2500000, .n_timed = 4 };
	*job = (struct object){ .kind = &kinds[KIND_RENDERJOB], .meta = { .name = "j" }, .id = "p/j", .status = s };
	objects_add(seen, job);
	struct plan p = { .host = "h1", .revision = "r", .want = want, .have = seen };
	struct metrics_wait wait = { "p/j", 90500 };
	struct metrics_queue queue = { 0, 0, &wait, 1 };
	struct metrics_input in = { .plan = &p, .queue = &queue, .owns_jobs = TRUE };
	g_autofree char *text = report_metrics(&in);
	must_say(text, "cleave_job_frames{project=\"p\",job=\"j\",state=\"queued\"} 7");
	must_say(text, "cleave_job_frames{project=\"p\",job=\"j\",state=\"missing\"} 10");
	must_say(text, "cleave_job_frame_seconds_sum{project=\"p\",job=\"j\"} 10");
	must_say(text, "cleave_job_frame_seconds_count{project=\"p\",job=\"j\"} 4");
	must_say(text, "cleave_queue_oldest_waiting_seconds{queue=\"default\"} 90.5");
	must_say(text, "cleave_queue_oldest_waiting_timestamp_seconds{queue=\"default\"} 1767322954.5");
	must_say(text, "cleave_queue_frames{queue=\"default\",state=\"failed\"} 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format), cmocka_unit_test(lines_are_bounded), cmocka_unit_test(the_file_is_whole),
		cmocka_unit_test(no_link_is_followed),
		cmocka_unit_test(of_a_plan), cmocka_unit_test(jobs_and_queues),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
