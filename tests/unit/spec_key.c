/* Frame keys: their bytes, and the groups that overrides cut a job into. */
#include "base/arena.h"
#include "spec/frame_key.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char *const scene_digest = "5ce0e5ce0e000000000000000000000000000000000000000000000000000000";

static struct renderjob_spec golden_job(struct arena *a)
{
	struct renderjob_spec job = { .project = "p", .blender = "3.4.1", .samples = 128, .resolution = { 1920, 1080 },
		                      .frames = frames_range(a, 1, 8), .chunk = { .n_frames = 5 }, .priority = 50 };
	return job;
}

/* These bytes are the name of every frame ever rendered: they never change. */
static void key_is_golden(void **state)
{
	SCOPED_ARENA(a);
	struct renderjob_spec job = golden_job(a);
	(void)state;
	assert_string_equal(frame_key_text(a, &job, scene_digest),
	                    "k1\n"
	                    "scene 5ce0e5ce0e000000000000000000000000000000000000000000000000000000\n"
	                    "blender 3.4.1\n"
	                    "engine CYCLES\n"
	                    "device CPU\n"
	                    "samples 128\n"
	                    "resolution 1920x1080\n"
	                    "format PNG\n");
	struct key_groups groups = frame_key_groups(a, &job, scene_digest);
	assert_int_equal(groups.n, 1);
	assert_string_equal(groups.items[0].key, "k1-4eb56535a0c5b66d51527d00cc1c3c95");
	assert_string_equal(frame_key_groups_digest(a, &groups), "c1-070891c23a4bceac4860902bc1bcca18");
}

/* Later overrides win; groups with the same values are one; order is by first frame. */
static void overrides_cut_groups(void **state)
{
	SCOPED_ARENA(a);
	struct renderjob_spec job = golden_job(a);
	struct job_override overrides[] = { { .frames = frames_range(a, 3, 6), .samples = 16 },
		                            { .frames = frames_range(a, 5, 20), .samples = 128 },
		                            { .frames = frames_range(a, 1, 1), .samples = 16 } };
	(void)state;
	job.overrides = (struct list){ overrides, G_N_ELEMENTS(overrides) };
	struct key_groups groups = frame_key_groups(a, &job, scene_digest);
	assert_int_equal(groups.n, 2);
	assert_string_equal(frames_format(a, &groups.items[0].frames), "1,3-4");
	assert_string_equal(frames_format(a, &groups.items[1].frames), "2,5-8");
	assert_int_equal(groups.items[0].values.samples, 16);
	assert_int_equal(groups.items[1].values.samples, 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_golden),
		cmocka_unit_test(overrides_cut_groups),
	};
	return cmocka_run_group_tests_name("frame keys", tests, NULL, NULL);
}
