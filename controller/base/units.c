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

/* What people write elsewhere (24G, 24Gi, 24GB, 24gib) and what they mean here. */
static const char *bytes_hint(struct arena *a, const char *text)
{
	const char *c = text;
	guint64 n;
	if (!read_number(&c, &n))
		return "write a whole number and a unit, as 24GiB or 512MiB";
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

char *bytes_format(struct arena *a, guint64 bytes)
{
	for (guint i = 0; i < G_N_ELEMENTS(byte_units); i++)
		if (bytes && bytes % byte_units[i].factor == 0)
			return arena_printf(a, "%" G_GUINT64_FORMAT "%s", bytes / byte_units[i].factor,
			                    byte_units[i].name);
	return arena_strdup(a, "0B");
}

const char *duration_parse(struct arena *a, const char *text, gint64 *ret_ms)
{
	const char *c = text;
	guint64 total = 0, n;
	guint next = 0; /* units before this one are used up: each once, largest first */
	(void)a;
	do {
		if (!read_number(&c, &n))
			return "write a number and a unit, as 30m, 90s or 1h30m";
		const char *word = c;
		while (g_ascii_isalpha(*c))
			c++;
		const struct unit *u = find_unit(time_units, G_N_ELEMENTS(time_units), word, (gsize)(c - word));
		if (!u)
			return c == word ? "a unit is required: s, m, h or d" : "the units are ms, s, m, h and d";
		guint at = (guint)(u - time_units);
		if (at < next)
			return "units stand largest first, each once, as 1h30m";
		next = at + 1;
		if (!g_uint64_checked_mul(&n, n, u->factor) || !g_uint64_checked_add(&total, total, n) ||
		    total > G_MAXINT64)
			return "that is longer than 292 million years";
	} while (*c);
	*ret_ms = (gint64)total;
	return NULL;
}

char *duration_format(struct arena *a, gint64 ms)
{
	g_autoptr(GString) s = g_string_new(NULL);
	guint64 left = (guint64)MAX(ms, 0);
	for (guint i = 0; i < G_N_ELEMENTS(time_units); i++) {
		guint64 n = left / time_units[i].factor;
		if (n)
			g_string_append_printf(s, "%" G_GUINT64_FORMAT "%s", n, time_units[i].name);
		left -= n * time_units[i].factor;
	}
	return arena_strdup(a, s->len ? s->str : "0s");
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
