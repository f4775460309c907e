/* The kept list is copied in runs between the places where something goes or comes. */
#include "spec/order.h"
#include <string.h>

void order_init(struct spec_order *o)
{
	*o = (struct spec_order){ 0 };
	for (guint k = 0; k < N_KINDS; k++)
		o->lists[k] = g_ptr_array_new();
}

void order_clear(struct spec_order *o)
{
	for (guint k = 0; k < N_KINDS; k++)
		g_ptr_array_free(o->lists[k], TRUE);
	*o = (struct spec_order){ 0 };
}

static void append_run(GPtrArray *list, gpointer const *items, guint n)
{
	guint at = list->len;
	g_ptr_array_set_size(list, (gint)(at + n));
	if (n)
		memcpy(list->pdata + at, items, n * sizeof *items);
}

void order_set(struct spec_order *o, const struct objects *all)
{
	for (guint k = 0; k < N_KINDS; k++) {
		g_ptr_array_set_size(o->lists[k], 0);
		append_run(o->lists[k], all->by_kind[k]->pdata, all->by_kind[k]->len);
	}
	o->is_valid = TRUE;
}

static const char *id_at(const GPtrArray *list, guint i)
{
	return ((const struct object *)list->pdata[i])->id;
}

/* The first place whose id is not before this one. */
static guint find(const GPtrArray *list, const char *id)
{
	guint low = 0, high = list->len;
	while (low < high) {
		guint middle = low + (high - low) / 2;
		if (strcmp(id_at(list, middle), id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static gint by_number(gconstpointer x, gconstpointer y)
{
	guint a = *(const guint *)x, b = *(const guint *)y;
	return a < b ? -1 : a > b;
}

static gint by_id(gconstpointer x, gconstpointer y)
{
	return strcmp((*(struct object *const *)x)->id, (*(struct object *const *)y)->id);
}

struct merge {
	const GPtrArray *old;
	GArray *cuts; /* guint: places in `old` that are left out, ascending */
	GPtrArray *out;
	guint at, n_cut; /* of old and cuts, done so far */
};

static gboolean is_cut(const struct merge *m, guint place)
{
	return m->n_cut < m->cuts->len && g_array_index(m->cuts, guint, m->n_cut) == place;
}

static void copy_until(struct merge *m, guint end)
{
	while (m->at < end) {
		guint run = m->n_cut < m->cuts->len ? MIN(end, g_array_index(m->cuts, guint, m->n_cut)) : end;
		append_run(m->out, m->old->pdata + m->at, run - m->at);
		m->at = run;
		if (run < end) {
			m->at++;
			m->n_cut++;
		}
	}
}

static gboolean put(struct merge *m, struct object *o)
{
	guint place = find(m->old, o->id);
	copy_until(m, place);
	gboolean is_twin = place < m->old->len && !is_cut(m, place) && strcmp(id_at(m->old, place), o->id) == 0;
	if (is_twin || (m->out->len && strcmp(id_at(m->out, m->out->len - 1), o->id) == 0))
		return FALSE;
	g_ptr_array_add(m->out, o);
	return TRUE;
}

static GArray *find_cuts(const GPtrArray *list, const GPtrArray *gone, enum kind_id kind)
{
	GArray *cuts = g_array_new(FALSE, FALSE, sizeof(guint));
	for (guint i = 0; i < gone->len; i++) {
		const struct object *o = gone->pdata[i];
		guint place = o->kind->id == kind ? find(list, o->id) : list->len;
		if (place < list->len && list->pdata[place] == o)
			g_array_append_val(cuts, place);
	}
	g_array_sort(cuts, by_number);
	return cuts;
}

static gboolean update_kind(struct spec_order *order, enum kind_id kind, const GPtrArray *gone, const GPtrArray *added)
{
	g_autoptr(GArray) cuts = find_cuts(order->lists[kind], gone, kind);
	g_autoptr(GPtrArray) sorted = g_ptr_array_new(), out = g_ptr_array_new();
	struct merge m = { .old = order->lists[kind], .cuts = cuts, .out = out };
	for (guint i = 0; i < added->len; i++)
		if (((const struct object *)added->pdata[i])->kind->id == kind)
			g_ptr_array_add(sorted, added->pdata[i]);
	g_ptr_array_sort(sorted, by_id);
	gboolean ok = TRUE;
	for (guint i = 0; i < sorted->len && ok; i++)
		ok = put(&m, sorted->pdata[i]);
	if (!ok)
		return FALSE;
	copy_until(&m, m.old->len);
	g_ptr_array_free(order->lists[kind], TRUE);
	order->lists[kind] = g_steal_pointer(&out);
	return TRUE;
}

gboolean order_update(struct spec_order *o, const GPtrArray *gone, const GPtrArray *added)
{
	for (guint k = 0; k < N_KINDS && o->is_valid; k++)
		o->is_valid = update_kind(o, (enum kind_id)k, gone, added);
	return o->is_valid;
}
