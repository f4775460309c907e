/* Frame keys: their bytes, and the groups that overrides cut a job into. */
#include "base/arena.h"
#include "spec/frame_key.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct key_digests scene_digest = { "5ce0e5ce0e000000000000000000000000000000000000000000000000000000", NULL };

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
	assert_string_equal(frame_key_text(a, &job, &scene_digest),
	                    "k1\n"
	                    "scene 5ce0e5ce0e000000000000000000000000000000000000000000000000000000\n"
	                    "blender 3.4.1\n"
	                    "engine CYCLES\n"
	                    "device CPU\n"
	                    "samples 128\n"
	                    "resolution 1920x1080\n"
	                    "format PNG\n");
	struct key_groups groups = frame_key_groups(a, &job, &scene_digest);
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
	struct key_groups groups = frame_key_groups(a, &job, &scene_digest);
	assert_int_equal(groups.n, 2);
	assert_string_equal(frames_format(a, &groups.items[0].frames), "1,3-4");
	assert_string_equal(frames_format(a, &groups.items[1].frames), "2,5-8");
	assert_int_equal(groups.items[0].values.samples, 16);
	assert_int_equal(groups.items[1].values.samples, 128);
}

/* What is between the first line and the fields, and behind them: also the names of frames for ever. */
static void inputs_and_outputs_are_golden(void **state)
{
	SCOPED_ARENA(a);
	struct renderjob_spec job = golden_job(a), turned = golden_job(a);
	struct key_digests of = { scene_digest.scene, "14b0700000000000000000000000000000000000000000000000000000000000" };
	struct job_output outputs[] = { { .name = "z", .file = "r:z.#.exr", .node = "Depth", .format = FORMAT_OPEN_EXR, .depth = DEPTH_FLOAT, .codec = 2 },
		                        { .name = "beauty", .file = "r:b.#.png" } };
	struct job_output other_way[] = { outputs[1], outputs[0] };
	(void)state;
	job.outputs = (struct list){ outputs, G_N_ELEMENTS(outputs) };
	turned.outputs = (struct list){ other_way, G_N_ELEMENTS(other_way) };
	const char *text = frame_key_text(a, &job, &of);
	assert_string_equal(text,
	                    "k1\n"
	                    "scene 5ce0e5ce0e000000000000000000000000000000000000000000000000000000\n"
	                    "inputs 14b0700000000000000000000000000000000000000000000000000000000000\n"
	                    "blender 3.4.1\n"
	                    "engine CYCLES\n"
	                    "device CPU\n"
	                    "samples 128\n"
	                    "resolution 1920x1080\n"
	                    "format PNG\n"
	                    "output.name beauty\n"
	                    "output.format PNG\n"
	                    "output.name z\n"
	                    "output.node Depth\n"
	                    "output.format OPEN_EXR\n"
	                    "output.depth float\n"
	                    "output.codec ZIP\n");
	assert_string_equal(frame_key_text(a, &turned, &of), text);
	outputs[0].file = "r:elsewhere.#.exr";
	assert_string_equal(frame_key_text(a, &job, &of), text);
	outputs[0].depth = DEPTH_HALF;
	assert_string_not_equal(frame_key_text(a, &job, &of), text);
}

/* Declared before recorded before found, unless the job follows its files. */
static void digests_are_of_what_counts(void **state)
{
	SCOPED_ARENA(a);
	struct renderjob_spec job = golden_job(a);
	struct renderjob_status s = { .scene = { .pinned = "p", .found = "f" }, .inputs = { .pinned = "ip", .found = "if" } };
	const char *files[] = { "r:tex/*" };
	(void)state;
	job.scene.file = "r:a.blend";
	assert_string_equal(frame_key_digests(&job, &s).scene, "p");
	assert_null(frame_key_digests(&job, &s).inputs);
	job.inputs.files = (struct strings){ files, 1 };
	assert_string_equal(frame_key_digests(&job, &s).inputs, "ip");
	job.scene.follow = TRUE;
	assert_string_equal(frame_key_digests(&job, &s).scene, "f");
	assert_string_equal(frame_key_digests(&job, &s).inputs, "if");
	s.scene.found = s.inputs.found = NULL;
	assert_string_equal(frame_key_digests(&job, &s).scene, "p");
	assert_string_equal(frame_key_digests(&job, &s).inputs, "ip");
	job.inputs.sha256 = "id";
	assert_string_equal(frame_key_digests(&job, &s).inputs, "id");
	/* Traced ones count when they change, and then the job follows them or a person took them. */
	job.inputs = (struct job_inputs){ .mode = INPUTS_TRACED };
	assert_null(frame_key_digests(&job, &s).inputs);
	s.inputs.found = "if";
	assert_string_equal(frame_key_digests(&job, &s).inputs, "if");
	job.scene.follow = FALSE;
	assert_null(frame_key_digests(&job, &s).inputs);
	job.inputs.sha256 = "id";
	assert_string_equal(frame_key_digests(&job, &s).inputs, "id");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inputs_and_outputs_are_golden),
		cmocka_unit_test(digests_are_of_what_counts),
		cmocka_unit_test(key_is_golden),
		cmocka_unit_test(overrides_cut_groups),
	};
	return cmocka_run_group_tests_name("frame keys", tests, NULL, NULL);
}
