/* Sizes, times, numbers: parse(format(x)) = x, whatever was written. */
#include "base/arena.h"
#include "base/units.h"
#include "fuzz.h"

static void check_bytes(struct arena *a, const char *text)
{
	guint64 x, y;
	const char *problem = bytes_parse(a, text, &x);
	if (problem) {
		g_assert(*problem);
		return;
	}
	g_assert(bytes_unit(text) > 0 && x % bytes_unit(text) == 0);
	g_assert_null(bytes_parse(a, bytes_format(a, x), &y));
	g_assert_cmpuint(x, ==, y);
}

static void check_numbers(struct arena *a, const char *text)
{
	gint64 x, y;
	struct resolution r, again;
	if (!duration_parse(a, text, &x)) {
		g_assert_null(duration_parse(a, duration_format(a, x), &y));
		g_assert_cmpint(x, ==, y);
	}
	if (!decimal_parse(a, text, &x)) {
		g_assert_null(decimal_parse(a, decimal_format(a, x), &y));
		g_assert_cmpint(x, ==, y);
	}
	if (!integer_parse(a, text, &x)) {
		g_assert_null(integer_parse(a, arena_printf(a, "%" G_GINT64_FORMAT, x), &y));
		g_assert_cmpint(x, ==, y);
	}
	if (!resolution_parse(a, text, &r)) {
		g_assert_null(resolution_parse(a, resolution_format(a, r), &again));
		g_assert(r.width == again.width && r.height == again.height);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autofree char *text = fuzz_text(data, size);
	check_bytes(a, text);
	check_numbers(a, text);
	return 0;
}
