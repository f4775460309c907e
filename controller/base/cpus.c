#include "base/cpus.h"
#include "base/arena.h"

static gint by_number(gconstpointer x, gconstpointer y)
{
	guint a = *(const guint *)x, b = *(const guint *)y;
	return a < b ? -1 : a > b;
}

/* "5" or "0-5"; returns where it ends, NULL when it is neither. */
static const char *read_range(const char *at, GArray *into)
{
	char *end;
	if (!g_ascii_isdigit(*at))
		return NULL;
	guint64 first = g_ascii_strtoull(at, &end, 10), last = first;
	if (*end == '-') {
		if (!g_ascii_isdigit(end[1]))
			return NULL;
		last = g_ascii_strtoull(end + 1, &end, 10);
	}
	for (guint64 cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++) {
		guint number = (guint)cpu;
		g_array_append_val(into, number);
	}
	return end;
}

struct cpus cpus_read(struct arena *a, const char *list)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(guint));
	for (const char *at = list; at && (at = read_range(at, all)) && *at == ',';)
		at++;
	g_array_sort(all, by_number);
	struct cpus c = { ARENA_ARRAY(a, guint, all->len + 1), 0 };
	for (guint i = 0; i < all->len; i++) {
		guint cpu = g_array_index(all, guint, i);
		if (c.n == 0 || c.items[c.n - 1] != cpu)
			c.items[c.n++] = cpu;
	}
	return c;
}

char *cpus_format(struct arena *a, const struct cpus *c)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < c->n; i++) {
		guint first = c->items[i];
		while (i + 1 < c->n && c->items[i + 1] == c->items[i] + 1)
			i++;
		g_string_append_printf(s, c->items[i] > first ? "%s%u-%u" : "%s%u", s->len ? "," : "", first, c->items[i]);
	}
	return c->n ? arena_strdup(a, s->str) : NULL;
}

gboolean cpus_have(const struct cpus *c, guint cpu)
{
	for (guint i = 0; i < c->n; i++)
		if (c->items[i] == cpu)
			return TRUE;
	return FALSE;
}
