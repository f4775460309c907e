/* Loading in three steps: read all files, find the Farm, then decode each file's objects over the Farm's
 * defaults. Files that a cache knows have these steps behind them; what asks across files is done anew. */
#include "spec/load.h"
#include "base/arena.h"
#include "spec/cache.h"
#include "spec/rules.h"
#include "spec/sheet.h"
#include <string.h>

struct loader {
	struct arena *arena;
	struct problems *problems;
	struct spec_cache *cache; /* NULL: all lives in the arena */
	gboolean is_status;
	struct objects *objects;
	/* One a file. `made` is NULL, or what the cache knows, until it is decoded over this tree's Farm. */
	struct sheet **sheets;
	struct sheet_objects **made;
	guint n;
};

static struct sheet *read_sheet(struct loader *l, const struct spec_file *file)
{
	gboolean owns_arena = l->cache != NULL;
	g_assert(file->bytes || !file->size);
	return sheet_new(owns_arena ? arena_new() : l->arena, owns_arena, file, l->is_status);
}

static void read_sheets(struct loader *l, const struct spec_file *files)
{
	l->sheets = ARENA_ARRAY(l->arena, struct sheet *, l->n);
	l->made = ARENA_ARRAY(l->arena, struct sheet_objects *, l->n);
	for (guint i = 0; i < l->n; i++) {
		if (l->cache)
			l->made[i] = spec_cache_find(l->cache, files[i].path, files[i].blob_id);
		l->sheets[i] = l->made[i] ? sheet_ref(l->made[i]->sheet) : read_sheet(l, &files[i]);
	}
}

static void add_twin(struct loader *l, const struct object *o, const struct object *first)
{
	problem_add(l->problems, SEVERITY_ERROR, o->place, "%s %s is there twice; the first is at %s:%u", o->kind->name, o->id,
	            first->place.path, first->place.line);
}

/* The Farm's file, or NULL. Of several, which is an error, the first by name. */
static struct sheet *find_farm(struct loader *l)
{
	for (guint i = 0; i < l->n; i++)
		for (guint k = 0; k < l->sheets[i]->n_farms; k++) {
			struct object *farm = l->sheets[i]->farms[k];
			if (!objects_add(l->objects, farm))
				add_twin(l, farm, objects_get(l->objects, KIND_FARM, farm->id));
		}
	objects_sort(l->objects);
	const struct object *farm = objects_farm(l->objects);
	for (guint i = 0; farm && i < l->n; i++)
		for (guint k = 0; k < l->sheets[i]->n_farms; k++)
			if (l->sheets[i]->farms[k] == farm)
				return l->sheets[i];
	return NULL;
}

/* A file that is decoded again, because the Farm changed, leaves the objects of the time before as they are. */
static void decode_sheets(struct loader *l, struct sheet *lender)
{
	const struct object *farm = objects_farm(l->objects);
	for (guint i = 0; i < l->n; i++) {
		struct sheet *s = l->sheets[i];
		if (l->made[i] && l->made[i]->farm == farm)
			sheet_objects_ref(l->made[i]);
		else
			l->made[i] = sheet_decode(s, l->made[i] ? arena_new() : s->arena, l->objects, lender);
		sheet_unref(s);
	}
}

/* All objects in order of their ids. TRUE when no two are equal. */
static gboolean sort_objects(struct loader *l)
{
	gboolean is_clean = TRUE;
	for (guint i = 0; i < l->n; i++)
		for (guint k = 0; k < l->made[i]->n; k++)
			g_ptr_array_add(l->objects->by_kind[l->made[i]->items[k]->kind->id], l->made[i]->items[k]);
	objects_sort(l->objects);
	for (guint kind = 0; kind < N_KINDS; kind++) {
		GPtrArray *list = l->objects->by_kind[kind];
		guint n = MIN(list->len, 1);
		for (guint i = 1; i < list->len; i++) {
			struct object *o = list->pdata[i], *before = list->pdata[n - 1];
			if (strcmp(o->id, before->id) == 0)
				add_twin(l, o, before);
			else
				list->pdata[n++] = o;
		}
		is_clean &= n == list->len;
		g_ptr_array_set_size(list, (gint)n);
	}
	return is_clean;
}

static void unref_objects(gpointer p)
{
	sheet_objects_unref(p);
}

static void free_list(gpointer p)
{
	g_ptr_array_free(p, TRUE);
}

/* The arena takes the references: what was loaded lives as long as it. */
static GPtrArray *hold(struct loader *l)
{
	GPtrArray *held = g_ptr_array_new_full(l->n, unref_objects);
	for (guint i = 0; i < l->n; i++)
		g_ptr_array_add(held, l->made[i]);
	arena_own(l->arena, held, free_list);
	return held;
}

static void load(struct loader *l, const struct spec_file *files)
{
	read_sheets(l, files);
	decode_sheets(l, find_farm(l));
	if (!l->cache)
		sort_objects(l);
	else if (!spec_cache_keep(l->cache, hold(l), l->objects) && sort_objects(l) &&
	         g_hash_table_size(l->cache->by_path) == l->n)
		spec_cache_keep_order(l->cache, l->objects);
	for (guint i = 0; i < l->n; i++) {
		problems_add_run(l->problems, &l->made[i]->sheet->problems);
		problems_add_run(l->problems, &l->made[i]->problems);
	}
}

static gboolean all_have_ids(const struct spec_file *files, guint n_files)
{
	for (guint i = 0; i < n_files; i++)
		if (!files[i].blob_id)
			return FALSE;
	return TRUE;
}

struct objects *spec_load_cached(struct arena *a, struct spec_cache *cache, const struct spec_file *files, guint n_files,
                                 struct problems *problems)
{
	SCOPED_ARENA(scratch);
	struct loader l = { .arena = a, .problems = problems, .objects = objects_new(a), .n = n_files };
	if (cache && all_have_ids(files, n_files))
		l.cache = cache;
	else if (cache)
		spec_cache_clear(cache);
	load(&l, files);
	rules_check_across(scratch, l.objects, problems);
	problems_sort(problems);
	return l.objects;
}

struct objects *spec_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems)
{
	return spec_load_cached(a, NULL, files, n_files, problems);
}

struct objects *status_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems)
{
	struct loader l = { .arena = a, .problems = problems, .is_status = TRUE, .objects = objects_new(a), .n = n_files };
	load(&l, files);
	problems_sort(problems);
	return l.objects;
}
