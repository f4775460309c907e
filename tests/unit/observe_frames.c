/* A job with two files a frame: what the job owner sees of each frame, and what delivery and putting back make of
 * it. */
#include "apply/apply.h"
#include "base/arena.h"
#include "frames/manifest.h"
#include "frames/shelf.h"
#include "frames/store.h"
#include "frames_files.h"
#include "observe/observe_job.h"
#include "plan_fixture.h"

#define JOB_DIR "p+j"
#define SCENE   "5ce0e5ce0e000000000000000000000000000000000000000000000000000000"

static const struct key_digests of = { SCENE, NULL };

struct farm {
	struct test_root root;
	struct arena *arena;
	struct objects *want;
	struct shelf *shelf;
	struct manifest *manifest;
	struct renderjob_status status;
	const char *keys[2]; /* odd frames, even ones */
};

static const struct object *job_object(const struct farm *f)
{
	return objects_get(f->want, KIND_RENDERJOB, "p/j");
}

static void farm_begin(struct farm *f)
{
	*f = (struct farm){ .root = test_root_new(), .arena = arena_new(), .shelf = shelf_new() };
	const char *text = arena_printf(f->arena,
	                                "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec:\n"
	                                "  redis: {url: \"redis://127.0.0.1:6379/0\"}\n  roots: {frames: {path: %s}}\n"
	                                "---\napiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: j}\nspec:\n  project: p\n"
	                                "  scene: {file: \"frames:a.blend\", sha256: %s}\n  frames: 1-20\n  resolution: 64x64\n"
	                                "  overrides: [{frames: \"2-20:2\", samples: 7}]\n"
	                                "  outputs: [{name: a, file: \"frames:a/f_#.png\"}, {name: b, file: \"frames:b/f_#.png\", node: B}]\n",
	                                f->root.path, SCENE);
	struct spec_file file = { .path = "f.yaml", .bytes = text, .size = strlen(text) };
	f->want = plan_fixture_want(f->arena, &file, 1);
	struct key_groups groups = frame_key_groups(f->arena, job_object(f)->spec, &of);
	assert_int_equal(groups.n, 2);
	f->keys[0] = groups.items[0].key;
	f->keys[1] = groups.items[1].key;
	f->manifest = manifest_open(f->root.fd, JOB_DIR, "w1", NULL);
	assert_non_null(f->manifest);
}

static void farm_end(struct farm *f)
{
	manifest_close(f->manifest);
	shelf_free(f->shelf);
	arena_free(f->arena);
	test_root_free(&f->root);
}

static const char *key_of(const struct farm *f, gint64 frame)
{
	return f->keys[frame % 2 == 0];
}

static char *content_of(char output, gint64 frame)
{
	return g_strdup_printf("%c%" G_GINT64_FORMAT, output, frame);
}

/* Verified long ago, so that its worker is not still delivering it. */
static void record(struct farm *f, char output, gint64 frame)
{
	g_autofree char *text = content_of(output, frame), *sum = test_sha256(text, strlen(text));
	g_autofree char *file = g_strdup_printf("%c/f_%" G_GINT64_FORMAT ".png", output, frame), *token = g_strdup_printf("t%" G_GINT64_FORMAT, frame);
	g_autofree char *staged = g_strdup_printf("%c.png", output);
	struct record r = { .type = RECORD_FRAME, .time_us = 1000000 + frame, .frame = frame, .key = key_of(f, frame), .token = token,
		            .sha256 = sum, .file = file, .staged = staged, .size = strlen(text) };
	assert_true(manifest_append(f->manifest, &r, NULL));
}

static void show(struct farm *f, char output, gint64 frame)
{
	g_autofree char *text = content_of(output, frame), *file = g_strdup_printf("%c/f_%" G_GINT64_FORMAT ".png", output, frame);
	test_text(&f->root, file, text);
}

static void stage(struct farm *f, char output, gint64 frame)
{
	g_autofree char *text = content_of(output, frame), *file = g_strdup_printf(".cleave/" JOB_DIR "/staging/t%" G_GINT64_FORMAT "/%c.png", frame, output);
	test_text(&f->root, file, text);
}

static void store(struct farm *f, char output, gint64 frame)
{
	g_autofree char *text = content_of(output, frame), *sum = test_sha256(text, strlen(text));
	g_autofree char *file = store_path(sum, ".png", NULL);
	test_text(&f->root, file, text);
}

static void look(struct farm *f)
{
	const char *templates[] = { "a/f_#.png", "b/f_#.png" };
	GError *error = NULL;
	shelf_begin(f->shelf);
	struct manifest_view *view = shelf_view(f->shelf, f->root.path, JOB_DIR);
	struct looking l = { .arena = f->arena, .job = job_object(f)->spec, .templates = templates, .n_outputs = 2,
		                   .inspection = { .root_fd = shelf_root(f->shelf, f->root.path, NULL), .job_dir = JOB_DIR, .view = view } };
	struct move_place own = { "frames", l.inspection };
	l.places = &own;
	l.n_places = 1;
	f->status = (struct renderjob_status){ 0 };
	if (!manifest_view_update(view, l.inspection.root_fd, JOB_DIR, &error) || !observe_frames(&l, &of, &f->status, &error))
		fail_msg("%s", error->message);
}

static const char *frames_of(struct farm *f, const struct list *list)
{
	struct frame_set all = { 0 };
	for (guint i = 0; i < list->n; i++)
		all = frames_union(f->arena, &all, &LIST_AT(*list, struct job_frames, i)->frames);
	return frames_format(f->arena, &all);
}

#define ASSERT_FRAMES(f, member, expected) assert_string_equal(frames_of((f), &(f)->status.member), expected)

static gboolean act(struct farm *f, gboolean (*verb)(const struct apply_input *, const struct action *, GError **), gint64 frame,
                    GError **error)
{
	const struct plan plan = { .host = "h1", .want = f->want };
	const struct apply_input in = { .arena = f->arena, .plan = &plan, .shelf = f->shelf };
	const struct action action = { .kind = KIND_RENDERJOB, .id = "p/j", .want = job_object(f), .key = key_of(f, frame),
		                       .frames = frames_range(f->arena, frame, frame) };
	return verb(&in, &action, error);
}

static void assert_delivered(struct farm *f, gint64 frame)
{
	for (const char *output = "ab"; *output; output++) {
		g_autofree char *text = content_of(*output, frame), *file = g_strdup_printf("%c/f_%" G_GINT64_FORMAT ".png", *output, frame);
		g_autofree char *said = test_read(&f->root, file);
		assert_string_equal(said, text);
	}
}

static void a_frame_is_all_of_its_files(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	for (gint64 frame = 1; frame <= 9; frame++) {
		record(&f, 'a', frame);
		record(&f, 'b', frame);
	}
	show(&f, 'a', 1), show(&f, 'b', 1);
	show(&f, 'a', 2), stage(&f, 'b', 2);
	show(&f, 'a', 3); /* and the other is nowhere */
	store(&f, 'a', 4), store(&f, 'b', 4);
	show(&f, 'a', 5), test_text(&f.root, "b/f_5.png", "cut");
	show(&f, 'a', 6), test_text(&f.root, "b/f_6.png", "a6"); /* the other's content */
	stage(&f, 'a', 7), store(&f, 'b', 7);
	stage(&f, 'a', 8); /* half of an attempt */
	show(&f, 'a', 9), test_text(&f.root, "b/f_9.png", "x"), stage(&f, 'b', 9);
	test_text(&f.root, "b/f_10.png", "no one knows");
	record(&f, 'a', 11); /* a torn last line: the other was not told */
	stage(&f, 'a', 11), stage(&f, 'b', 11);
	look(&f);
	ASSERT_FRAMES(&f, whole, "1");
	ASSERT_FRAMES(&f, staged, "2,7,9"); /* a foreign file comes first for the plan */
	ASSERT_FRAMES(&f, stored, "4");
	ASSERT_FRAMES(&f, damaged, "5-6");
	ASSERT_FRAMES(&f, foreign, "9-10");
	ASSERT_FRAMES(&f, rendered, "1-9,11");
	GError *error = NULL;
	if (!act(&f, deliver_frames, 2, &error) || !act(&f, deliver_frames, 7, &error) || !act(&f, put_back_frames, 4, &error))
		fail_msg("%s", error->message);
	/* done twice is done once */
	assert_true(act(&f, deliver_frames, 2, NULL));
	assert_true(act(&f, put_back_frames, 4, NULL));
	for (gint64 frame = 1; frame <= 7; frame++)
		if (frame != 3 && frame != 5 && frame != 6)
			assert_delivered(&f, frame);
	look(&f);
	ASSERT_FRAMES(&f, whole, "1-2,4,7");
	ASSERT_FRAMES(&f, staged, "9");
	assert_int_equal(f.status.whole.n, 2); /* keys */
	farm_end(&f);
}

/* What cannot be delivered whole says which file is missing. */
static void half_a_frame_is_not_delivered_as_whole(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	record(&f, 'a', 3);
	record(&f, 'b', 3);
	stage(&f, 'a', 3);
	look(&f);
	GError *error = NULL;
	assert_false(act(&f, deliver_frames, 3, &error));
	assert_non_null(strstr(error->message, "frame 3"));
	assert_non_null(strstr(error->message, "b/f_3.png"));
	g_error_free(error);
	look(&f);
	ASSERT_FRAMES(&f, whole, "");
	farm_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_all_of_its_files),
		cmocka_unit_test(half_a_frame_is_not_delivered_as_whole),
	};
	return cmocka_run_group_tests_name("frames of several files", tests, NULL, NULL);
}
