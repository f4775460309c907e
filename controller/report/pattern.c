/* Ranges of numbers as alternatives over their digits, and the texts that are made of them. */
#include "report/pattern.h"
#include "base/arena.h"
#include <string.h>

enum { DIGITS_MAX = 20 }; /* of 2^64 */

static const gint64 FRAME_MAX = 1000000000000; /* base/frameset.c */

gint64 pattern_frame_max(void)
{
	return FRAME_MAX;
}

/* -- numbers ---------------------------------------------------------------------------------------- */

static void add_alternative(GString *out, const char *text)
{
	g_string_append_printf(out, "%s%s", out->len ? "|" : "", text);
}

/* `n` digits of any value. */
static const char *any_digits(struct arena *a, gsize n)
{
	return n == 0 ? "" : n == 1 ? "[0-9]" : arena_printf(a, "[0-9]{%" G_GSIZE_FORMAT "}", n);
}

static const char *one_digit(struct arena *a, char low, char high)
{
	return low == high ? arena_printf(a, "%c", low) : arena_printf(a, "[%c-%c]", low, high);
}

static gboolean is_all(const char *digits, char digit)
{
	return strspn(digits, (char[]){ digit, 0 }) == strlen(digits);
}

/* Both have the same number of digits. */
static const char *same_length(struct arena *a, const char *low, const char *high)
{
	static const char zeros[] = "00000000000000000000", nines[] = "99999999999999999999";
	gsize rest = strlen(low) - 1;
	g_autoptr(GString) out = g_string_new(NULL);
	char first = low[0], last = high[0];
	if (rest == 0)
		return one_digit(a, first, last);
	if (first == last) {
		const char *inner = same_length(a, low + 1, high + 1);
		return arena_printf(a, strchr(inner, '|') ? "%c(%s)" : "%c%s", first, inner);
	}
	/* Below the first digit's full block, whole blocks, above the last one's. */
	if (!is_all(low + 1, '0'))
		add_alternative(out, same_length(a, low, arena_printf(a, "%c%.*s", first++, (int)rest, nines)));
	gboolean has_tail = !is_all(high + 1, '9');
	if (first <= last - has_tail)
		add_alternative(out, arena_printf(a, "%s%s", one_digit(a, first, (char)(last - has_tail)), any_digits(a, rest)));
	if (has_tail)
		add_alternative(out, same_length(a, arena_printf(a, "%c%.*s", last, (int)rest, zeros), high));
	return arena_strdup(a, out->str);
}

const char *pattern_of_numbers(struct arena *a, guint64 low, guint64 high)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_assert(low <= high);
	guint64 power = 1; /* of the numbers with `n` digits, the least; 0 once it is beyond 2^64 */
	for (int n = 1; n <= DIGITS_MAX; n++) {
		guint64 next = n < DIGITS_MAX ? power * 10 : 0, most = next - 1;
		guint64 from = MAX(low, n == 1 ? 0 : power), to = MIN(high, most);
		if (from <= to)
			add_alternative(out, same_length(a, arena_printf(a, "%" G_GUINT64_FORMAT, from),
			                                 arena_printf(a, "%" G_GUINT64_FORMAT, to)));
		power = next;
	}
	return arena_strdup(a, out->str);
}

/* With leading zeros, which the parsers take. */
static const char *counted(struct arena *a, guint64 low, guint64 high)
{
	return arena_printf(a, "0*(%s)", pattern_of_numbers(a, low, high));
}

/* -- one number and one unit --------------------------------------------------------------------------- */

/* Adds the numbers that lie within `low` and `high` when they are counted in `factor`. */
static void add_unit(struct arena *a, GString *out, guint64 low, guint64 high, guint64 factor, const char *unit)
{
	guint64 from = low / factor + (low % factor != 0), to = high / factor;
	if (from <= to)
		add_alternative(out, arena_printf(a, "%s%s", counted(a, from, to), unit));
}

const char *pattern_of_size(struct arena *a, const struct field *f)
{
	g_autoptr(GString) out = g_string_new(NULL);
	gboolean is_bounded = f->min || f->max;
	/* From 2^63-1 on the decoder takes all sizes for the same. */
	guint64 high = !is_bounded || f->max == G_MAXINT64 ? G_MAXUINT64 : (guint64)f->max;
	for (guint64 factor = (guint64)MAX(f->unit, 1); factor <= TiB; factor *= 1024)
		add_unit(a, out, is_bounded ? (guint64)f->min : 0, high, factor, bytes_unit_name(factor));
	return arena_printf(a, "^(%s)$", out->str);
}

const char *pattern_of_time(struct arena *a, const struct field *f)
{
	static const gint64 factors[] = { 1, 1000, 60000, 3600000, 86400000 };
	g_autoptr(GString) out = g_string_new(NULL);
	gboolean is_bounded = f->min || f->max;
	for (guint i = 0; i < G_N_ELEMENTS(factors); i++)
		add_unit(a, out, is_bounded ? (guint64)f->min : 0, (guint64)(is_bounded ? f->max : G_MAXINT64), (guint64)factors[i],
		         duration_format(a, factors[i]) + strlen("1"));
	return arena_printf(a, "^(%s)$", out->str);
}

/* -- others ------------------------------------------------------------------------------------------------ */

const char *pattern_of_resolution(struct arena *a)
{
	const char *side = counted(a, 4, 65536);
	return arena_printf(a, "^%sx%s$", side, side);
}

const char *pattern_of_frames(struct arena *a)
{
#define GAP "[ \\t]*"
	const char *number = arena_printf(a, "-?%s", counted(a, 0, (guint64)FRAME_MAX));
	const char *step = counted(a, 1, (guint64)FRAME_MAX);
	const char *range = arena_printf(a, "%s(" GAP "-" GAP "%s(" GAP "[:x]" GAP "%s)?)?", number, number, step);
	return arena_printf(a, "^" GAP "%s(" GAP "," GAP "%s)*" GAP "$", range, range);
#undef GAP
}
