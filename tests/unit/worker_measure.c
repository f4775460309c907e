/* A worker's metrics file: what is counted, and that it is written as things happen. */
#include "worker/config.h"
#include "worker/measure.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *read_file(const char *path)
{
	char *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static double value_of(const char *text, const char *line)
{
	const char *at = strstr(text, line);
	if (!at)
		fail_msg("no %s in\n%s", line, text);
	return g_ascii_strtod(at + strlen(line), NULL);
}

static void counts_what_happens(void **state)
{
	(void)state;
	g_autofree char *folder = g_dir_make_tmp("cleave-measure-XXXXXX", NULL), *path = g_build_filename(folder, "w.prom", NULL);
	struct config c = { .metrics = path, .name = (char *)"w\"1", .n_slots = 1, .slot = 1 };
	struct measure *m = measure_new(&c, NULL);
	measure_state(m, "idle");
	g_usleep(120000);
	measure_state(m, "rendering");
	measure_frame(m, "p/a", 1.5);
	measure_frame(m, "p/a", 2);
	measure_frame(m, "q/b", 4);
	measure_bad_image(m);
	measure_failed_frame(m);
	g_autofree char *text = read_file(path);
	double idle = value_of(text, "cleave_worker_state_seconds_total{worker=\"w\\\"1\",state=\"idle\"} ");
	assert_true(idle >= 0.12 && idle < 5);
	assert_true(value_of(text, "cleave_worker_frame_seconds_sum{worker=\"w\\\"1\",project=\"p\",job=\"a\"} ") == 3.5);
	assert_true(value_of(text, "cleave_worker_frame_seconds_count{worker=\"w\\\"1\",project=\"p\",job=\"a\"} ") == 2);
	assert_true(value_of(text, "cleave_worker_frame_seconds_count{worker=\"w\\\"1\",project=\"q\",job=\"b\"} ") == 1);
	assert_true(value_of(text, "cleave_worker_verify_failures_total{worker=\"w\\\"1\"} ") == 1);
	assert_true(value_of(text, "cleave_worker_frames_failed_total{worker=\"w\\\"1\"} ") == 1);
	measure_free(m);
	g_remove(path);
	g_rmdir(folder);
}

static void slots_have_files_of_their_own(void **state)
{
	(void)state;
	g_autofree char *folder = g_dir_make_tmp("cleave-measure-XXXXXX", NULL), *path = g_build_filename(folder, "w.prom", NULL);
	g_autofree char *second = g_build_filename(folder, "w-2.prom", NULL);
	struct config c = { .metrics = path, .name = (char *)"w", .n_slots = 2, .slot = 2 };
	struct measure *m = measure_new(&c, NULL);
	/* Jobs without end share a line. */
	for (int i = 0; i < 505; i++) {
		g_autofree char *job = g_strdup_printf("p/%d", i);
		measure_frame(m, job, 1);
	}
	g_autofree char *text = read_file(second);
	assert_true(value_of(text, "cleave_worker_frame_seconds_count{worker=\"w\",project=\"other\",job=\"jobs\"} ") == 5);
	assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	measure_free(m);
	g_remove(second);
	g_rmdir(folder);
}

static void without_a_file_nothing(void **state)
{
	(void)state;
	struct config c = { .name = (char *)"w", .n_slots = 1, .slot = 1 };
	struct measure *m = measure_new(&c, NULL);
	assert_null(m);
	measure_state(m, "idle");
	measure_frame(m, "p/a", 1);
	measure_failed_frame(m);
	measure_bad_image(m);
	measure_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_happens),
		cmocka_unit_test(slots_have_files_of_their_own),
		cmocka_unit_test(without_a_file_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
