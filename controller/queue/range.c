/* See lua/range.lua for the other end. */
#include "queue/range.h"
#include "base/arena.h"
#include <stdio.h>

void range_append(GPtrArray *texts, const struct frame_set *set, const char *key)
{
	for (guint i = 0; i < set->n_runs; i++) {
		const struct frame_run *r = &set->runs[i];
		g_ptr_array_add(texts,
				g_strdup_printf("%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%s",
						r->first, r->last, r->step, key));
	}
}

/* As far as frames go (base/frameset.c): with larger ones the difference of two would overflow. */
static const gint64 NUMBER_MAX = 1000000000000;

static gboolean read_number(const char **at, gint64 *ret)
{
	char *end;
	*ret = g_ascii_strtoll(*at, &end, 10);
	if (end == *at || *end != ':' || *ret < -NUMBER_MAX || *ret > NUMBER_MAX)
		return FALSE;
	*at = end + 1;
	return TRUE;
}

gboolean range_parse(const char *text, struct frame_run *ret, const char **ret_key)
{
	struct frame_run r;
	if (!read_number(&text, &r.first) || !read_number(&text, &r.last) || !read_number(&text, &r.step))
		return FALSE;
	if (r.step < 1 || r.last < r.first || (r.last - r.first) % r.step != 0)
		return FALSE;
	*ret = r;
	if (ret_key)
		*ret_key = text;
	return TRUE;
}

static gint by_first(gconstpointer x, gconstpointer y)
{
	const struct frame_run *a = x, *b = y;
	return a->first < b->first ? -1 : a->first > b->first;
}

struct frame_set range_set(struct arena *a, GArray *runs)
{
	g_array_sort(runs, by_first);
	struct frame_set set = { arena_memdup(a, runs->data, runs->len * sizeof(struct frame_run)), runs->len };
	g_array_set_size(runs, 0);
	return set;
}
