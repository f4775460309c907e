/* Huge pages, per size and NUMA node. Pages in use stay: what the kernel could not free is not asked for. */
#include "base/arena.h"
#include "plan/plan_host.h"
#include <string.h>

struct pages_plan {
	struct host_plan *h;
	GArray *steps;   /* struct host_hugepages; node -1 on a kernel without NUMA */
	GArray *changes; /* struct change */
	GString *short_of, *in_use;
};

static gboolean is_on_node(const struct host_pages_status *row, gint64 node)
{
	return row->node == node || (row->node < 0 && node == 0);
}

static const struct host_pages_status *find_pages(const struct host_status *have, guint64 size_bytes, gint64 node)
{
	for (guint i = 0; i < have->hugepages.n; i++) {
		const struct host_pages_status *row = LIST_AT(have->hugepages, struct host_pages_status, i);
		if (row->size_bytes == size_bytes && is_on_node(row, node) && row->n_total >= 0)
			return row;
	}
	return NULL;
}

static void add_word(GString *out, const char *word)
{
	/* A size or node stands in several rows. */
	g_autofree char *has = g_strdup_printf(", %s,", out->str), *wanted = g_strdup_printf(", %s,", word);
	if (!strstr(has, wanted))
		g_string_append_printf(out, "%s%s", out->len ? ", " : "", word);
}

/* What the host has instead. */
static const char *why_not_offered(struct host_plan *h, const struct host_hugepages *want)
{
	struct arena *a = h->b->arena;
	g_autoptr(GString) nodes = g_string_new(NULL), sizes = g_string_new(NULL);
	gboolean has_node = FALSE;
	for (guint i = 0; i < h->have->hugepages.n; i++) {
		const struct host_pages_status *row = LIST_AT(h->have->hugepages, struct host_pages_status, i);
		add_word(nodes, arena_printf(a, "%" G_GINT64_FORMAT, MAX(row->node, 0)));
		has_node |= is_on_node(row, want->node);
		if (is_on_node(row, want->node))
			add_word(sizes, bytes_format(a, row->size_bytes));
	}
	if (!h->have->hugepages.n)
		return "the kernel of this host tells of no huge pages";
	if (!has_node)
		return arena_printf(a, "there is no NUMA node %" G_GINT64_FORMAT " for huge pages; this host has %s", want->node, nodes->str);
	return arena_printf(a, "node %" G_GINT64_FORMAT " has no huge pages of %s; it has %s", want->node,
	                    bytes_format(a, want->size_bytes), sizes->str);
}

/* "781.2GiB": in one unit, to be compared. */
static const char *in_gib(struct arena *a, guint64 bytes)
{
	const guint64 gib = (guint64)1 << 30;
	guint64 tenths = bytes / gib * 10 + bytes % gib * 10 / gib;
	return tenths % 10 ? arena_printf(a, "%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT "GiB", tenths / 10, tenths % 10)
	                   : arena_printf(a, "%" G_GUINT64_FORMAT "GiB", tenths / 10);
}

/* A request for more than there is would take all that the host itself needs. */
static const char *why_too_much(struct host_plan *h, gint64 node)
{
	guint64 wanted = 0, has = 0;
	for (guint i = 0; i < h->want->hugepages.n; i++) {
		const struct host_hugepages *want = LIST_AT(h->want->hugepages, struct host_hugepages, i);
		if (want->node == node)
			wanted += want->size_bytes * (guint64)want->count;
	}
	for (guint i = 0; i < h->have->nodes.n; i++)
		if (LIST_AT(h->have->nodes, struct host_node_status, i)->node == node)
			has = LIST_AT(h->have->nodes, struct host_node_status, i)->memory_bytes;
	if (!has || wanted < has)
		return NULL;
	return arena_printf(h->b->arena, "huge pages of %s are wanted on node %" G_GINT64_FORMAT ", which has %s of memory in all",
	                    in_gib(h->b->arena, wanted), node, in_gib(h->b->arena, has));
}

static void add_phrase(GString *out, gint64 node, const char *phrase)
{
	g_string_append_printf(out, "%snode %" G_GINT64_FORMAT ": %s", out->len ? "; " : "", node, phrase);
}

static void plan_step(struct pages_plan *p, const struct host_hugepages *want, const struct host_pages_status *row,
                      gint64 target)
{
	struct arena *a = p->h->b->arena;
	const char *size = bytes_format(a, want->size_bytes);
	const char *field = row->node < 0 ? arena_printf(a, "hugepages[%s]", size)
	                                  : arena_printf(a, "hugepages[%s node %" G_GINT64_FORMAT "]", size, row->node);
	struct host_hugepages step = { want->size_bytes, row->node, target };
	g_array_append_val(p->steps, step);
	host_plan_change(p->changes, field, arena_printf(a, "%" G_GINT64_FORMAT, row->n_total),
	                 arena_printf(a, "%" G_GINT64_FORMAT, target), EFFECT_LIVE);
}

static void plan_pages(struct pages_plan *p, const struct host_hugepages *want, gboolean fewer)
{
	struct arena *a = p->h->b->arena;
	const struct host_pages_status *row = find_pages(p->h->have, want->size_bytes, want->node);
	if (!row || (want->count < row->n_total) != fewer)
		return;
	gint64 n_used = row->n_free < 0 ? 0 : row->n_total - row->n_free;
	gint64 target = MAX(want->count, MIN(n_used, row->n_total));
	const char *size = bytes_format(a, want->size_bytes);
	if (want->count > row->n_total)
		add_phrase(p->short_of, want->node, arena_printf(a, "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " pages of %s",
		                                                 row->n_total, want->count, size));
	if (fewer && target > want->count)
		add_phrase(p->in_use, want->node, arena_printf(a, "%" G_GINT64_FORMAT " pages of %s are in use, %" G_GINT64_FORMAT
		                                                  " are wanted; the others go when what uses them ends",
		                                               n_used, size, want->count));
	if (target != row->n_total)
		plan_step(p, want, row, target);
}

/* TRUE when the host has what the entry speaks of. */
static gboolean is_possible(struct host_plan *h, const struct host_hugepages *want)
{
	const char *why_not = find_pages(h->have, want->size_bytes, want->node) ? why_too_much(h, want->node)
	                                                                       : why_not_offered(h, want);
	/* A node's sum is told once, at its first entry. */
	for (guint i = 0; why_not && i < h->troubles->len; i++)
		if (g_strcmp0(g_array_index(h->troubles, struct verdict, i).message, why_not) == 0)
			return FALSE;
	if (why_not)
		host_plan_refuse(h, "HugepagesNotOffered", why_not);
	return !why_not;
}

static void act(struct pages_plan *p)
{
	struct host_plan *h = p->h;
	if (p->short_of->len)
		host_plan_trouble(h, IS_RECONCILING, "Shortfall", arena_strdup(h->b->arena, p->short_of->str));
	if (p->in_use->len)
		host_plan_trouble(h, IS_RECONCILING, "HugepagesInUse", arena_strdup(h->b->arena, p->in_use->str));
	if (!p->steps->len)
		return;
	struct action *action = host_plan_act(h, VERB_SET_HUGEPAGES, "other numbers of huge pages are wanted", EFFECT_LIVE);
	action->host->pages.items = arena_alloc(h->b->arena, p->steps->len * sizeof(struct host_hugepages));
	action->host->pages.n = p->steps->len;
	memcpy(action->host->pages.items, p->steps->data, p->steps->len * sizeof(struct host_hugepages));
	action->changes = host_plan_changes(h, p->changes);
}

void plan_hugepages(struct host_plan *h)
{
	struct pages_plan p = { h, g_array_new(FALSE, FALSE, sizeof(struct host_hugepages)),
		                g_array_new(FALSE, FALSE, sizeof(struct change)), g_string_new(NULL), g_string_new(NULL) };
	g_autofree gboolean *possible = g_new0(gboolean, h->want->hugepages.n);
	for (guint i = 0; i < h->want->hugepages.n; i++)
		possible[i] = is_possible(h, LIST_AT(h->want->hugepages, struct host_hugepages, i));
	/* Fewer first: their memory may be what the others need. */
	for (int fewer = TRUE; fewer >= FALSE; fewer--)
		for (guint i = 0; i < h->want->hugepages.n; i++)
			if (possible[i])
				plan_pages(&p, LIST_AT(h->want->hugepages, struct host_hugepages, i), fewer);
	act(&p);
	g_array_free(p.steps, TRUE);
	g_array_free(p.changes, TRUE);
	g_string_free(p.short_of, TRUE);
	g_string_free(p.in_use, TRUE);
}
