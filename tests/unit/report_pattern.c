/* A range's pattern takes the numbers of the range and no others. */
#include "base/arena.h"
#include "report/pattern.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static GRegex *range_of(struct arena *a, guint64 low, guint64 high)
{
	g_autofree char *whole = g_strdup_printf("^(%s)$", pattern_of_numbers(a, low, high));
	GRegex *regex = g_regex_new(whole, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
	assert_non_null(regex);
	return regex;
}

static void expect(const GRegex *range, guint64 low, guint64 high, guint64 number)
{
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
	if (g_regex_match(range, text, 0, NULL) != (number >= low && number <= high))
		fail_msg("%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ": %s", low, high, text);
}

static void small_ranges_are_exact(void **state)
{
	static const guint64 ends[] = { 0, 1, 9, 10, 11, 19, 20, 64, 99, 100, 101, 109, 110, 199, 200, 512, 909, 990, 999, 1000, 1001 };
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
		for (guint k = i; k < G_N_ELEMENTS(ends); k++) {
			SCOPED_ARENA(a);
			g_autoptr(GRegex) range = range_of(a, ends[i], ends[k]);
			for (guint64 number = 0; number < 1100; number++)
				expect(range, ends[i], ends[k], number);
		}
}

/* Numbers of any length, with the ends and their neighbours in each decimal place. */
static void large_ranges_are_exact(void **state)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(20);
	(void)state;
	for (guint i = 0; i < 1000; i++) {
		SCOPED_ARENA(a);
		guint64 x = (guint64)g_rand_int(rand) << 32 | g_rand_int(rand), y = (guint64)g_rand_int(rand) << 32 | g_rand_int(rand);
		x >>= g_rand_int_range(rand, 0, 64);
		y >>= g_rand_int_range(rand, 0, 64);
		guint64 low = MIN(x, y), high = MAX(x, y);
		g_autoptr(GRegex) range = range_of(a, low, high);
		for (guint64 step = 1, n = 0; n < 20; n++, step *= 10) {
			const guint64 tried[] = { low, high, low - step, low + step, high - step, high + step, step, step - 1, low / step * step,
				                  high / step * step, low + (high - low) / (n + 1) };
			for (guint k = 0; k < G_N_ELEMENTS(tried); k++)
				expect(range, low, high, tried[k]);
		}
	}
}

static void whole_range_is_exact(void **state)
{
	SCOPED_ARENA(a);
	g_autoptr(GRegex) range = range_of(a, 0, G_MAXUINT64);
	(void)state;
	expect(range, 0, G_MAXUINT64, 0);
	expect(range, 0, G_MAXUINT64, G_MAXUINT64);
	assert_false(g_regex_match(range, "18446744073709551616", 0, NULL));
	assert_false(g_regex_match(range, "00", 0, NULL));
	assert_false(g_regex_match(range, "100000000000000000000", 0, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_ranges_are_exact),
		cmocka_unit_test(large_ranges_are_exact),
		cmocka_unit_test(whole_range_is_exact),
	};
	return cmocka_run_group_tests_name("report patterns", tests, NULL, NULL);
}
