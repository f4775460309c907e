/* Frame sets: the grammar's vectors, operations against plain arrays of booleans, templates. */
#include "base/arena.h"
#include "base/frameset.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static char *listed(struct arena *a, const struct frame_set *s)
{
	g_autoptr(GString) out = g_string_new(NULL);
	FRAMES_EACH (it, s)
		g_string_append_printf(out, "%s%" G_GINT64_FORMAT, out->len ? "," : "", it.frame);
	return arena_strdup(a, out->str);
}

static void vectors(void **state)
{
	static const struct {
		const char *text, *frames;
	} good[] = {
		{ "1-5:2", "1,3,5" },
		{ "10-15:2,1-5", "1,2,3,4,5,10,12,14" },
		{ "-1 - 1", "-1,0,1" },
		{ "7", "7" },
		{ "1-10:4", "1,5,9" },
		{ "1-10x4", "1,5,9" },
		{ "1-2:5", "1" },
		{ " 1 , 3 ", "1,3" },
		{ "-3--1", "-3,-2,-1" },
	};
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		struct frame_set s;
		assert_null(frames_parse(a, good[i].text, &s, NULL));
		assert_string_equal(listed(a, &s), good[i].frames);
		struct frame_set again;
		assert_null(frames_parse(a, frames_format(a, &s), &again, NULL));
		assert_true(frames_equal(&s, &again));
	}
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *part;
		gsize offset;
	} bad[] = {
		{ "1 - -1", "goes down", 4 },      { "1-10:4,10-15", "overlaps", 7 }, { "", "write frame numbers", 0 },
		{ "abc", "write frame numbers", 0 }, { "1..4", "dash", 1 },             { "1-4:0", "step", 4 },
		{ "1-10y3", "`y`", 4 },             { "1,,2", "write frame numbers", 2 }, { "1-", "missing", 2 },
		{ "1;2", "commas", 1 },             { "3,1-5", "overlaps", 2 },         { "9999999999999", "write frame", 0 },
		{ "1-10000001", "more than 10000000 frames", 0 }, { "0,1-20000000:2", "more than 10000000", 0 },
	};
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct frame_set s;
		gsize offset = 999;
		const char *problem = frames_parse(a, bad[i].text, &s, &offset);
		assert_non_null(problem);
		if (offset != bad[i].offset || !strstr(problem, bad[i].part))
			fail_msg("`%s`: offset %zu, %s", bad[i].text, offset, problem);
	}
}

static void ranges_stay_ranges(void **state)
{
	SCOPED_ARENA(a);
	struct frame_set all, part;
	(void)state;
	assert_null(frames_parse(a, "1-10000000", &all, NULL));
	assert_null(frames_parse(a, "5-5000000", &part, NULL));
	assert_int_equal(all.n_runs, 1);
	assert_true(frames_count(&all) == 10000000);
	struct frame_set rest = frames_minus(a, &all, &part);
	assert_string_equal(frames_format(a, &rest), "1-4,5000001-10000000");
}

/* Steps that are coprime, and millions of frames: answered from the runs' ends and steps. */
static void long_steps_are_counted(void **state)
{
	SCOPED_ARENA(a);
	struct frame_set x, y, z;
	(void)state;
	assert_null(frames_parse(a, "1-9999991:2", &x, NULL));
	assert_null(frames_parse(a, "-2-9999999:3", &y, NULL));
	assert_null(frames_parse(a, "2-9999992:2", &z, NULL));
	assert_int_equal(frames_count_common(&x, &y), 1666666);
	assert_true(frames_overlap(&x, &y));
	assert_false(frames_overlap(&x, &z));
	assert_true(frames_equal(&x, &x));
	assert_false(frames_equal(&x, &z));
	struct frame_run far[] = { { -999999999999, 999999999989, 999983 }, { -999999999998, 999999999998, 1000003 } };
	assert_true(frames_count_common(&(struct frame_set){ far, 1 }, &(struct frame_set){ far + 1, 1 }) <= 2);
}

enum { UNIVERSE = 60, OFFSET = 20 };

static struct frame_set random_set(struct arena *a, GRand *rand, gboolean *members)
{
	struct frame_builder b;
	gint32 step = g_rand_int_range(rand, 1, 5);
	double density = g_rand_double(rand);
	frame_builder_init(&b);
	for (int i = 0; i < UNIVERSE; i++) {
		members[i] = i % step == 0 && g_rand_double(rand) < density;
		if (members[i])
			frame_builder_add(&b, i - OFFSET);
	}
	return frame_builder_end(&b, a);
}

static void operations_agree_with_arrays(void **state)
{
	guint32 seed = g_random_int();
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 2000; round++) {
		SCOPED_ARENA(a);
		gboolean x[UNIVERSE], y[UNIVERSE];
		struct frame_set sx = random_set(a, rand, x), sy = random_set(a, rand, y);
		struct frame_set both = frames_common(a, &sx, &sy), any = frames_union(a, &sx, &sy),
		                 less = frames_minus(a, &sx, &sy);
		gboolean overlap = FALSE;
		guint64 n = 0;
		for (int i = 0; i < UNIVERSE; i++) {
			assert_int_equal(frames_contain(&sx, i - OFFSET), x[i]);
			assert_int_equal(frames_contain(&both, i - OFFSET), x[i] && y[i]);
			assert_int_equal(frames_contain(&any, i - OFFSET), x[i] || y[i]);
			assert_int_equal(frames_contain(&less, i - OFFSET), x[i] && !y[i]);
			overlap |= x[i] && y[i];
			n += x[i] || y[i];
		}
		assert_true(frames_count(&any) == n);
		assert_int_equal(frames_overlap(&sx, &sy), overlap);
		struct frame_set again;
		if (any.n_runs) {
			g_autofree char *from = g_strdup(listed(a, &any));
			assert_null(frames_parse(a, from, &again, NULL));
			assert_true(frames_equal(&any, &again));
		}
	}
}

static void paths(void **state)
{
	(void)state;
	g_autofree char *plain = frame_path("a/b.####.png", 7), *wide = frame_path("f#", 12345), *minus = frame_path("x##", -3);
	assert_string_equal(plain, "a/b.0007.png");
	assert_string_equal(wide, "f12345");
	assert_string_equal(minus, "x-03");
	assert_null(frame_path("none.png", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(refusals),
		cmocka_unit_test(ranges_stay_ranges), cmocka_unit_test(long_steps_are_counted),
		cmocka_unit_test(operations_agree_with_arrays),
		cmocka_unit_test(paths),
	};
	return cmocka_run_group_tests_name("frameset", tests, NULL, NULL);
}
