/* The slow sweep: what changed behind unchanged size and times is found by it, and not before; within a rate. */
#include "base/arena.h"
#include "frames/manifest.h"
#include "frames/sweep.h"
#include "frames_files.h"

#define JOB "show+shot"
#define OUT "out/f_####.png"
enum { FRAMES = 6, SIZE = 1000 };

struct farm {
	struct test_root root;
	struct manifest_view *view;
	struct digest_cache *cache;
	struct inspection in;
	struct arena *arena;
	struct frame_set frames;
};

static const char *const templates[] = { OUT, NULL };

static void write_frame(struct farm *f, struct manifest *m, gint64 frame)
{
	char bytes[SIZE];
	memset(bytes, 'a' + (int)frame, SIZE);
	g_autofree char *path = frame_path(OUT, frame), *sum = test_sha256(bytes, SIZE);
	test_write(&f->root, path, bytes, SIZE);
	test_age(&f->root, path);
	struct stat st;
	assert_int_equal(fstatat(f->root.fd, path, &st, 0), 0);
	const struct record records[] = {
		{ .type = RECORD_FRAME, .frame = frame, .key = "k1", .token = "t", .sha256 = sum, .file = path, .size = SIZE },
		{ .type = RECORD_SEEN, .frame = frame, .key = "k1", .sha256 = sum, .file = path, .size = SIZE,
		  .ino = st.st_ino, .mtime_ns = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec },
	};
	assert_true(manifest_append_all(m, records, 2, NULL));
}

static void farm_begin(struct farm *f)
{
	f->root = test_root_new();
	f->arena = arena_new();
	f->frames = frames_range(f->arena, 1, FRAMES);
	f->cache = digest_cache_new();
	f->view = manifest_view_new();
	struct manifest *m = manifest_open(f->root.fd, JOB, "owner", NULL);
	for (gint64 i = 1; i <= FRAMES; i++)
		write_frame(f, m, i);
	manifest_close(m);
	assert_true(manifest_view_update(f->view, f->root.fd, JOB, NULL));
	f->in = (struct inspection){ .root_fd = f->root.fd, .job_dir = JOB, .view = f->view, .cache = f->cache };
}

static void farm_end(struct farm *f)
{
	manifest_view_free(f->view);
	digest_cache_free(f->cache);
	arena_free(f->arena);
	test_root_free(&f->root);
}

/* Other bytes, the same size and times. */
static void rot(struct farm *f, gint64 frame)
{
	g_autofree char *path = frame_path(OUT, frame);
	struct stat st;
	SCOPED_FD(fd) = openat(f->root.fd, path, O_WRONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "X", 1, SIZE / 2), 1);
	assert_int_equal(futimens(fd, (struct timespec[]){ st.st_atim, st.st_mtim }), 0);
}

static enum frame_state state_of(struct farm *f, gint64 frame, gboolean *ret_should_record)
{
	struct frame_sight sight;
	g_autofree char *path = frame_path(OUT, frame);
	assert_true(frame_inspect(&f->in, frame, "k1", path, &sight, NULL));
	if (ret_should_record)
		*ret_should_record = sight.should_record;
	return sight.state;
}

static void test_rot_is_found_by_the_sweep(void **state)
{
	(void)state;
	struct farm f;
	gboolean should_record;
	farm_begin(&f);
	struct sweep *s = sweep_new();
	rot(&f, 4);
	for (gint64 i = 1; i <= FRAMES; i++)
		assert_int_equal(state_of(&f, i, NULL), FRAME_WHOLE);
	sweep_begin(s, 1000000, 0);
	sweep_job(s, &f.in, "show/shot", &f.frames, templates);
	assert_int_equal(sweep_n_read(s), FRAMES);
	assert_int_equal(sweep_n_damaged(s), 1);
	assert_false(sweep_is_pending(s));
	for (gint64 i = 1; i <= FRAMES; i++)
		assert_int_equal(state_of(&f, i, &should_record), i == 4 ? FRAME_DAMAGED : FRAME_WHOLE);
	/* without its record another process would believe the older one */
	assert_int_equal(state_of(&f, 4, &should_record), FRAME_DAMAGED);
	assert_true(should_record);
	sweep_free(s);
	farm_end(&f);
}

/* 1000 bytes a second, 1000 a file: one a second, however often it is asked; all within one round, each once. */
static void test_rate(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	struct sweep *s = sweep_new();
	for (guint second = 0; second < FRAMES; second++) {
		for (guint k = 0; k < 4; k++) {
			sweep_begin(s, SIZE, second * G_USEC_PER_SEC + k * G_USEC_PER_SEC / 4);
			sweep_job(s, &f.in, "show/shot", &f.frames, templates);
			/* the last one may be larger than what was left, which is then paid back */
			assert_true(sweep_n_read(s) <= second + 2);
		}
		assert_true(sweep_n_read(s) >= MIN(second + 1, FRAMES));
	}
	sweep_begin(s, SIZE, FRAMES * G_USEC_PER_SEC);
	sweep_job(s, &f.in, "show/shot", &f.frames, templates);
	assert_false(sweep_is_pending(s));
	/* a long pause saves up a minute's bytes at most, and the next round waits for its day */
	sweep_begin(s, SIZE, 3600 * (gint64)G_USEC_PER_SEC);
	sweep_job(s, &f.in, "show/shot", &f.frames, templates);
	assert_int_equal(sweep_n_read(s), FRAMES);
	sweep_begin(s, SIZE, 25 * 3600 * (gint64)G_USEC_PER_SEC);
	sweep_job(s, &f.in, "show/shot", &f.frames, templates);
	assert_int_equal(sweep_n_read(s), 2 * FRAMES);
	sweep_free(s);
	farm_end(&f);
}

static void test_no_rate_and_no_frames(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	struct sweep *s = sweep_new();
	const struct frame_set none = { 0 };
	sweep_begin(s, 0, 0);
	sweep_job(s, &f.in, "show/shot", &f.frames, templates);
	sweep_job(s, &f.in, "show/other", &none, templates);
	assert_int_equal(sweep_n_read(s), 0);
	sweep_free(s);
	farm_end(&f);
}

/* One pass gets through all that there is to read, however many frames wait to be rendered beside it. */
static void test_frames_that_nobody_rendered(void **state)
{
	(void)state;
	enum { MANY = 5000000 };
	struct farm f;
	farm_begin(&f);
	struct sweep *s = sweep_new();
	const struct frame_set many = frames_range(f.arena, 1, MANY);
	sweep_begin(s, 1000000, 0);
	sweep_job(s, &f.in, "show/shot", &many, templates);
	assert_int_equal(sweep_n_read(s), FRAMES);
	assert_false(sweep_is_pending(s));
	sweep_free(s);
	farm_end(&f);
}

/* Content that is right again (a bad cable, not a bad disk) is believed again. */
static void test_read_error_that_passes(void **state)
{
	(void)state;
	struct farm f;
	farm_begin(&f);
	struct sweep *s = sweep_new();
	rot(&f, 2);
	sweep_begin(s, 1000000, 0);
	sweep_job(s, &f.in, "show/shot", &f.frames, templates);
	assert_int_equal(state_of(&f, 2, NULL), FRAME_DAMAGED);
	char bytes[SIZE];
	memset(bytes, 'a' + 2, SIZE);
	struct stat st;
	SCOPED_FD(fd) = openat(f.root.fd, "out/f_0002.png", O_WRONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, bytes, SIZE, 0), SIZE);
	assert_int_equal(futimens(fd, (struct timespec[]){ st.st_atim, st.st_mtim }), 0);
	sweep_begin(s, 1000000, 25 * 3600 * (gint64)G_USEC_PER_SEC);
	sweep_job(s, &f.in, "show/shot", &f.frames, templates);
	assert_int_equal(state_of(&f, 2, NULL), FRAME_WHOLE);
	sweep_free(s);
	farm_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rot_is_found_by_the_sweep),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_no_rate_and_no_frames),
		cmocka_unit_test(test_frames_that_nobody_rendered),
		cmocka_unit_test(test_read_error_that_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
