/* Frames that are whole at another path, or in another root: found, copied, never shared; cut off at every step. */
#include "frames/manifest.h"
#include "frames/move.h"
#include "frames_files.h"
#include "frames_faults.h"

#define JOB "show+shot"
#define OLD "old/f_0001.png"
#define NEW "new/f_0001.png"
static const char pixels[] = "the pixels of frame one";

struct farm {
	struct test_root roots[2]; /* the frame is in the first */
	struct manifest_view *views[2];
	struct move_place places[2];
	guint to; /* the root where it is wanted */
};

static void look_again(struct farm *f)
{
	for (guint i = 0; i < 2; i++) {
		assert_true(manifest_view_update(f->views[i], f->roots[i].fd, JOB, NULL));
		f->places[i] = (struct move_place){ i ? "b" : "a", { .root_fd = f->roots[i].fd, .job_dir = JOB, .view = f->views[i] } };
	}
}

static struct farm farm_new(guint to)
{
	struct farm f = { .to = to };
	g_autofree char *sum = test_sha256(pixels, strlen(pixels));
	for (guint i = 0; i < 2; i++) {
		f.roots[i] = test_root_new();
		f.views[i] = manifest_view_new();
	}
	const struct record r = { .type = RECORD_FRAME, .frame = 1, .key = "k1", .token = "t1", .sha256 = sum, .file = OLD,
				  .size = strlen(pixels), .seconds = 7 };
	struct manifest *m = manifest_open(f.roots[0].fd, JOB, "w", NULL);
	assert_true(manifest_append(m, &r, NULL));
	manifest_close(m);
	test_text(&f.roots[0], OLD, pixels);
	look_again(&f);
	return f;
}

static void farm_end(struct farm *f)
{
	for (guint i = 0; i < 2; i++) {
		manifest_view_free(f->views[i]);
		test_root_free(&f->roots[i]);
	}
}

static gboolean find(struct farm *f, const char *key, const char *visible, gboolean any_name, struct move_source *ret)
{
	return move_find(f->places, 2, &f->places[f->to], 1, key, visible, any_name, ret);
}

static void run(gpointer user)
{
	struct farm *f = user;
	struct move_source source;
	g_autoptr(GError) error = NULL;
	struct manifest *m = manifest_open(f->roots[f->to].fd, JOB, "owner", NULL);
	if (m && find(f, "k1", NEW, TRUE, &source))
		move_copy(&source, &f->places[f->to], NEW, m, &error);
	manifest_close(m);
}

static void test_find(void **state)
{
	(void)state;
	struct move_source source;
	struct farm f = farm_new(0);
	assert_true(find(&f, "k1", NEW, FALSE, &source));
	assert_string_equal(source.record->file, OLD);
	assert_false(find(&f, "k2", NEW, FALSE, &source));
	assert_false(find(&f, "k1", OLD, FALSE, &source)); /* itself */
	assert_false(find(&f, "k1", "new/g_0001.png", FALSE, &source));
	assert_true(find(&f, "k1", "new/g_0001.png", TRUE, &source));
	assert_false(find(&f, "k1", "new/f_0001.exr", TRUE, &source));
	test_text(&f.roots[0], OLD, "other pixels");
	assert_false(find(&f, "k1", NEW, FALSE, &source));
	farm_end(&f);
}

static void check_copied(struct farm *f)
{
	struct stat old, new;
	struct test_root *to = &f->roots[f->to];
	test_assert_text(to, NEW, pixels);
	test_assert_text(&f->roots[0], OLD, pixels);
	assert_int_equal(fstatat(f->roots[0].fd, OLD, &old, 0), 0);
	assert_int_equal(fstatat(to->fd, NEW, &new, 0), 0);
	assert_true(old.st_ino != new.st_ino || old.st_dev != new.st_dev);
	look_again(f);
	const struct record *r = manifest_output(f->views[f->to], 1, "k1", NEW);
	assert_non_null(r);
	assert_true(r->seconds == 0); /* what it cost is in the first record */
}

static void test_copy(void **state)
{
	(void)state;
	for (guint to = 0; to < 2; to++) {
		struct farm f = farm_new(to);
		run(&f);
		check_copied(&f);
		farm_end(&f);
	}
}

static void test_faults(void **state)
{
	(void)state;
	static const int faults[] = { 0, EIO };
	gint n = 0;
	for (guint to = 0; to < 2; to++) {
		struct farm counted = farm_new(to);
		gint n_steps = count_steps(run, &counted);
		farm_end(&counted);
		for (guint k = 0; k < G_N_ELEMENTS(faults); k++)
			for (gint step = 0; step < n_steps; step++, n++) {
				struct farm f = farm_new(to);
				with_fault(run, &f, step, faults[k]);
				test_assert_text(&f.roots[0], OLD, pixels);
				run(&f);
				check_copied(&f);
				farm_end(&f);
			}
	}
	print_message("%d faults\n", n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
