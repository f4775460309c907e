/* A table of the newest tree's files, and the order of their objects. */
#include "spec/cache.h"
#include "spec/sheet.h"
#include <string.h>

static void unref_objects(gpointer p)
{
	sheet_objects_unref(p);
}

struct spec_cache *spec_cache_new(void)
{
	struct spec_cache *c = g_new0(struct spec_cache, 1);
	c->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref_objects);
	c->came = g_ptr_array_new();
	c->went = g_ptr_array_new();
	order_init(&c->order);
	return c;
}

void spec_cache_free(struct spec_cache *c)
{
	if (!c)
		return;
	order_clear(&c->order);
	g_ptr_array_free(c->came, TRUE);
	g_ptr_array_free(c->went, TRUE);
	g_hash_table_destroy(c->by_path);
	g_free(c);
}

void spec_cache_clear(struct spec_cache *c)
{
	c->order.is_valid = FALSE;
	g_hash_table_remove_all(c->by_path);
}

struct sheet_objects *spec_cache_find(const struct spec_cache *c, const char *path, const char *blob_id)
{
	struct sheet_objects *o = blob_id ? g_hash_table_lookup(c->by_path, path) : NULL;
	return o && strcmp(o->sheet->blob_id, blob_id) == 0 ? o : NULL;
}

gboolean spec_cache_knows(const struct spec_cache *c, const char *path, const char *blob_id, gsize *ret_size)
{
	const struct sheet_objects *o = spec_cache_find(c, path, blob_id);
	if (o)
		*ret_size = o->sheet->size;
	return o != NULL;
}

static void append_objects(GPtrArray *list, const struct sheet_objects *from)
{
	for (guint i = 0; i < from->n; i++)
		g_ptr_array_add(list, from->items[i]);
}

/* What is in the table and not among the files of this load. */
static GPtrArray *find_gone(const struct spec_cache *c, GPtrArray *ret_objects)
{
	GPtrArray *gone = g_ptr_array_new();
	GHashTableIter it;
	gpointer value;
	g_hash_table_iter_init(&it, c->by_path);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct sheet_objects *o = value;
		if (o->stamp == c->stamp)
			continue;
		g_ptr_array_add(gone, o);
		append_objects(ret_objects, o);
	}
	return gone;
}

/* Marks the files of this load; gives those that are new. */
static GPtrArray *stamp_files(struct spec_cache *c, const GPtrArray *files, GPtrArray *ret_objects)
{
	GPtrArray *added = g_ptr_array_new();
	c->stamp++;
	for (guint i = 0; i < files->len; i++) {
		struct sheet_objects *o = files->pdata[i];
		if (o->stamp == 0) {
			g_ptr_array_add(added, o);
			append_objects(ret_objects, o);
		}
		o->stamp = c->stamp;
	}
	return added;
}

static guint count_objects(const struct spec_order *order)
{
	guint n = 0;
	for (guint k = 0; k < N_KINDS; k++)
		n += order->lists[k]->len;
	return n;
}

/* Where much has changed, one sort is less work than many searches. */
static gboolean update_order(struct spec_order *order, const GPtrArray *gone, const GPtrArray *added)
{
	return order->is_valid && gone->len + added->len < count_objects(order) / 8 && order_update(order, gone, added);
}

static unsigned kinds_of(const GPtrArray *objects)
{
	unsigned mask = 0;
	for (guint i = 0; i < objects->len; i++)
		mask |= 1u << ((const struct object *)objects->pdata[i])->kind->id;
	return mask;
}

static void replace_files(struct spec_cache *c, const GPtrArray *gone, const GPtrArray *added)
{
	for (guint i = 0; i < gone->len; i++)
		g_hash_table_remove(c->by_path, ((struct sheet_objects *)gone->pdata[i])->sheet->path);
	for (guint i = 0; i < added->len; i++) {
		struct sheet_objects *o = sheet_objects_ref(added->pdata[i]);
		g_hash_table_replace(c->by_path, (gpointer)o->sheet->path, o);
	}
}

gboolean spec_cache_keep(struct spec_cache *c, const GPtrArray *files, struct objects *all, struct rules_news *ret)
{
	g_ptr_array_set_size(c->came, 0);
	g_ptr_array_set_size(c->went, 0);
	g_autoptr(GPtrArray) added = stamp_files(c, files, c->came), gone = find_gone(c, c->went);
	c->order.is_valid = update_order(&c->order, c->went, c->came);
	*ret = (struct rules_news){ .is_known = c->order.is_valid && c->is_clean,
		                    .kinds = kinds_of(c->went) | kinds_of(c->came),
		                    .came = c->came };
	replace_files(c, gone, added);
	for (guint k = 0; k < N_KINDS && c->order.is_valid; k++)
		if (k != KIND_FARM)
			objects_set(all, (enum kind_id)k, (struct object *const *)c->order.lists[k]->pdata, c->order.lists[k]->len);
	return c->order.is_valid;
}

void spec_cache_keep_order(struct spec_cache *c, const struct objects *all)
{
	order_set(&c->order, all);
}
