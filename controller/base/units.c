/* Units: two small tables, largest first, each read by its parser and its formatter. */
#include "base/units.h"
#include "base/arena.h"
#include <string.h>

struct unit {
	const char *name;
	guint64 factor;
};

static const struct unit byte_units[] = {
	{ "TiB", TiB }, { "GiB", GiB }, { "MiB", MiB }, { "KiB", KiB }, { "B", 1 },
};
static const struct unit time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

static gboolean read_number(const char **at, guint64 *ret)
{
	const char *c = *at;
	guint64 n = 0;
	if (!g_ascii_isdigit(*c))
		return FALSE;
	for (; g_ascii_isdigit(*c); c++)
		if (!g_uint64_checked_mul(&n, n, 10) || !g_uint64_checked_add(&n, n, (guint64)(*c - '0')))
			return FALSE;
	*at = c;
	*ret = n;
	return TRUE;
}

static const struct unit *find_unit(const struct unit *units, guint n, const char *word, gsize len)
{
	for (guint i = 0; i < n; i++)
		if (strlen(units[i].name) == len && strncmp(units[i].name, word, len) == 0)
			return &units[i];
	return NULL;
}

/* What a decimal number of one of the units (1.5GiB) comes to in the least unit; 0 when it is none, or not a
 * whole one. */
static guint64 of_decimal(struct arena *a, const char *text, const struct unit *units, guint n_units)
{
	gsize len = strspn(text, "0123456789.");
	const struct unit *u = find_unit(units, n_units, text + len, strlen(text + len));
	gint64 millionths;
	guint64 total;
	if (!u || decimal_parse(a, arena_strndup(a, text, len), &millionths))
		return 0;
	guint64 whole = (guint64)millionths / 1000000, part = (guint64)millionths % 1000000 * u->factor;
	if (part % 1000000 || !g_uint64_checked_mul(&total, whole, u->factor) || !g_uint64_checked_add(&total, total, part / 1000000))
		return 0;
	return total;
}

/* What people write elsewhere (24G, 24Gi, 24GB, 24gib) and what they mean here. */
static const char *bytes_hint(struct arena *a, const char *text)
{
	const char *c = text;
	guint64 n;
	if (!read_number(&c, &n))
		return "write a whole number and a unit, as 24GiB or 512MiB";
	if (*c == '.') {
		guint64 bytes = of_decimal(a, text, byte_units, G_N_ELEMENTS(byte_units));
		return bytes ? arena_printf(a, "whole numbers; did you mean %s?", bytes_format(a, bytes))
		             : "write a whole number and a unit, as 24GiB or 512MiB";
	}
	c += strspn(c, " ");
	const char *k = *c ? strchr("KMGT", g_ascii_toupper(*c)) : NULL;
	if (k)
		return arena_printf(a, "did you mean %" G_GUINT64_FORMAT "%ciB?", n, *k);
	if (*c == '\0')
		return arena_printf(a, "a unit is required, as %sGiB or %sMiB", text, text);
	return "the units are B, KiB, MiB, GiB and TiB";
}

const char *bytes_parse(struct arena *a, const char *text, guint64 *ret_bytes)
{
	const char *c = text;
	guint64 n;
	if (!read_number(&c, &n))
		return bytes_hint(a, text);
	const struct unit *u = find_unit(byte_units, G_N_ELEMENTS(byte_units), c, strlen(c));
	if (!u)
		return bytes_hint(a, text);
	if (!g_uint64_checked_mul(&n, n, u->factor))
		return "that is more than 16 EiB";
	*ret_bytes = n;
	return NULL;
}

guint64 bytes_unit(const char *text)
{
	const char *c = text + strspn(text, "0123456789");
	const struct unit *u = find_unit(byte_units, G_N_ELEMENTS(byte_units), c, strlen(c));
	return u ? u->factor : 0;
}

const char *bytes_unit_name(guint64 bytes)
{
	for (guint i = 0; i < G_N_ELEMENTS(byte_units); i++)
		if (byte_units[i].factor == bytes)
			return byte_units[i].name;
	return "B";
}

char *bytes_format(struct arena *a, guint64 bytes)
{
	for (guint i = 0; i < G_N_ELEMENTS(byte_units); i++)
		if (bytes && bytes % byte_units[i].factor == 0)
			return arena_printf(a, "%" G_GUINT64_FORMAT "%s", bytes / byte_units[i].factor,
			                    byte_units[i].name);
	return arena_strdup(a, "0B");
}

char *bytes_about(struct arena *a, guint64 bytes)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes / (double)KiB;
	guint i = 0;
	if (bytes < KiB)
		return arena_printf(a, "%" G_GUINT64_FORMAT "B", bytes);
	for (; n >= 1023.95 && i + 1 < G_N_ELEMENTS(names); i++)
		n /= (double)KiB;
	return arena_printf(a, "%.1f%s", n, names[i]);
}

/* "1h30m" is clear, but one unit keeps one way to write a time: tell it. */
static const char *duration_hint(struct arena *a, const char *text)
{
	guint64 total = of_decimal(a, text, time_units, G_N_ELEMENTS(time_units)), n;
	if (strchr(text, '.'))
		return total > 0 && total < G_MAXINT64 ? arena_printf(a, "whole numbers; did you mean %s?", duration_format(a, (gint64)total))
		                                       : "write a number and a unit (ms, s, m, h, d), as 30m or 90s";
	total = 0;
	const char *c = text;
	while (*c && read_number(&c, &n)) {
		const char *word = c;
		while (g_ascii_isalpha(*c))
			c++;
		const struct unit *u = find_unit(time_units, G_N_ELEMENTS(time_units), word, (gsize)(c - word));
		if (!u || !g_uint64_checked_mul(&n, n, u->factor) || !g_uint64_checked_add(&total, total, n))
			break;
	}
	if (*c == '\0' && total > 0 && total < G_MAXINT64)
		return arena_printf(a, "write one number and one unit; did you mean %s?", duration_format(a, (gint64)total));
	if (*text && text[strspn(text, "0123456789")] == '\0')
		return arena_printf(a, "a unit is required: ms, s, m, h or d, as %ss", text);
	return "write a number and a unit (ms, s, m, h, d), as 30m or 90s";
}

const char *duration_parse(struct arena *a, const char *text, gint64 *ret_ms)
{
	const char *c = text;
	guint64 n;
	if (!read_number(&c, &n))
		return "write a number and a unit (ms, s, m, h, d), as 30m or 90s";
	const struct unit *u = find_unit(time_units, G_N_ELEMENTS(time_units), c, strlen(c));
	if (!u)
		return duration_hint(a, text);
	if (!g_uint64_checked_mul(&n, n, u->factor) || n > G_MAXINT64)
		return "that is longer than 292 million years";
	*ret_ms = (gint64)n;
	return NULL;
}

char *duration_format(struct arena *a, gint64 ms)
{
	for (guint i = 0; i < G_N_ELEMENTS(time_units); i++)
		if (ms > 0 && (guint64)ms % time_units[i].factor == 0)
			return arena_printf(a, "%" G_GUINT64_FORMAT "%s", (guint64)ms / time_units[i].factor, time_units[i].name);
	return arena_strdup(a, "0s");
}

char *duration_about(struct arena *a, gint64 ms)
{
	static const struct {
		gint64 seconds, below;
		char name, next;
	} units[] = { { 86400, 3600, 'd', 'h' }, { 3600, 60, 'h', 'm' }, { 60, 1, 'm', 's' } };
	gint64 s = MAX(ms, 0) / 1000;
	for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
		gint64 rest = s % units[i].seconds / units[i].below;
		if (s < units[i].seconds)
			continue;
		return rest ? arena_printf(a, "%" G_GINT64_FORMAT "%c%" G_GINT64_FORMAT "%c", s / units[i].seconds, units[i].name, rest, units[i].next)
		            : arena_printf(a, "%" G_GINT64_FORMAT "%c", s / units[i].seconds, units[i].name);
	}
	return arena_printf(a, "%" G_GINT64_FORMAT "s", s);
}

enum { DECIMALS = 6 };

const char *decimal_parse(struct arena *a, const char *text, gint64 *ret_millionths)
{
	const char *c = text;
	guint64 whole, part = 0;
	(void)a;
	if ((text[0] == '0' && g_ascii_isdigit(text[1])) || !read_number(&c, &whole))
		return "write a number, as 0.42";
	if (*c == '.') {
		const char *digits = ++c;
		guint n = 0;
		for (; n < DECIMALS; n++)
			part = part * 10 + (g_ascii_isdigit(*c) ? (guint64)(*c++ - '0') : 0);
		if (c == digits)
			return "write a number, as 0.42";
		if (g_ascii_isdigit(*c))
			return "six digits after the point are the most";
	}
	if (*c || !g_uint64_checked_mul(&whole, whole, 1000000) || !g_uint64_checked_add(&whole, whole, part) || whole > G_MAXINT64)
		return "write a number, as 0.42";
	*ret_millionths = (gint64)whole;
	return NULL;
}

char *decimal_format(struct arena *a, gint64 millionths)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT ".%06" G_GINT64_FORMAT, millionths / 1000000, millionths % 1000000);
	gsize len = strlen(text);
	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	return arena_strndup(a, text, len);
}

const char *resolution_parse(struct arena *a, const char *text, struct resolution *ret)
{
	const char *c = text;
	guint64 w, h;
	(void)a;
	if (!read_number(&c, &w) || *c++ != 'x' || !read_number(&c, &h) || *c)
		return "write width and height in pixels, as 1920x1080";
	if (w < 4 || h < 4 || w > 65536 || h > 65536)
		return "width and height are 4 to 65536 pixels";
	*ret = (struct resolution){ (guint)w, (guint)h };
	return NULL;
}

char *resolution_format(struct arena *a, struct resolution r)
{
	return arena_printf(a, "%ux%u", r.width, r.height);
}

const char *integer_parse(struct arena *a, const char *text, gint64 *ret)
{
	const char *c = text;
	gboolean negative = *c == '-';
	guint64 n;
	(void)a;
	c += negative;
	if (c[0] == '0' && g_ascii_isdigit(c[1]))
		return "a whole number in decimal, without leading zeros";
	if (!read_number(&c, &n) || *c || n > G_MAXINT64)
		return "write a whole number";
	*ret = negative ? -(gint64)n : (gint64)n;
	return NULL;
}
