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
	const struct spec_file *files;
	/* One a file. `made` is NULL, or what the cache knows, until it is decoded over this tree's Farm; it holds
	 * a reference on its sheet. */
	struct sheet **sheets;
	struct sheet_objects **made;
	guint n;
	struct rules_news news;
	struct sheet_tools tools;
};

/* FALSE when the cache does not know the file. */
static gboolean take_known(struct loader *l, guint i)
{
	struct sheet_objects *known = l->cache ? spec_cache_find(l->cache, l->files[i].path, l->files[i].blob_id) : NULL;
	if (!known)
		return FALSE;
	l->made[i] = sheet_objects_ref(known);
	l->sheets[i] = known->sheet;
	return TRUE;
}

/* With `under`, decodes it too. */
static void read_sheet(struct loader *l, guint i, const struct sheet_under *under)
{
	gboolean is_kept = l->cache != NULL;
	g_assert(l->files[i].bytes || !l->files[i].size);
	l->sheets[i] = sheet_new(is_kept ? arena_new() : l->arena, is_kept, &l->files[i], l->is_status, &l->tools, under, &l->made[i]);
	if (under) /* its objects hold it from now on */
		sheet_unref(l->sheets[i]);
}

static void add_twin(struct loader *l, const struct object *o, const struct object *first)
{
	problem_add(l->problems, SEVERITY_ERROR, o->place, "%s %s is there twice; the first is at %s:%u", o->kind->name, o->id,
	            first->place.path, first->place.line);
}

/* The file, of those read, that holds the Farm, or NULL. Of several Farms, which is an error, the first by
 * name. */
static struct sheet *find_farm(struct loader *l)
{
	struct sheet *lender = NULL;
	const struct object *first = NULL;
	objects_set(l->objects, KIND_FARM, NULL, 0);
	for (guint i = 0; i < l->n; i++)
		for (guint k = 0; l->sheets[i] && k < l->sheets[i]->n_farms; k++) {
			struct object *farm = l->sheets[i]->farms[k];
			if (!objects_add(l->objects, farm) || (first && strcmp(first->id, farm->id) < 0))
				continue;
			first = farm;
			lender = l->sheets[i];
		}
	objects_sort(l->objects);
	return lender;
}

static void tell_farm_twins(struct loader *l)
{
	for (guint i = 0; i < l->n; i++)
		for (guint k = 0; k < l->sheets[i]->n_farms; k++) {
			const struct object *farm = l->sheets[i]->farms[k], *first = objects_get(l->objects, KIND_FARM, farm->id);
			if (first != farm)
				add_twin(l, farm, first);
		}
}

/* Decodes a file, unless it is decoded over this Farm. What is decoded again, because the Farm changed,
 * leaves the objects of the time before as they are: another revision may hold them. */
static void decode_sheet(struct loader *l, guint i, const struct sheet_under *under)
{
	struct sheet *sheet = l->sheets[i];
	struct sheet_objects *before = l->made[i];
	if (before && before->farm == objects_farm(l->objects))
		return;
	l->made[i] = sheet_decode(sheet, before && l->cache ? arena_new() : sheet->arena, under, &l->tools);
	if (before)
		sheet_objects_unref(before);
	else
		sheet_unref(sheet);
}

/* The Farm's word, as it stands in nearly every file that has one. */
static gboolean may_hold_farm(const struct spec_file *file)
{
	return file->size && memmem(file->bytes, file->size, "Farm", strlen("Farm")) != NULL;
}

/* The Farm is found first where it is likely, so that all other files are decoded as they are read. */
static void read_all(struct loader *l)
{
	for (guint i = 0; i < l->n; i++)
		if (!take_known(l, i) && may_hold_farm(&l->files[i]))
			read_sheet(l, i, NULL);
	struct sheet_under under = { l->objects, find_farm(l) };
	gboolean is_found = TRUE;
	for (guint i = 0; i < l->n; i++) {
		if (!l->sheets[i]) {
			read_sheet(l, i, &under);
			is_found &= l->sheets[i]->n_farms == 0;
		}
		decode_sheet(l, i, &under);
	}
	/* "F\x61rm" is one too. */
	if (!is_found)
		under.lender = find_farm(l);
	for (guint i = 0; i < l->n && !is_found; i++)
		decode_sheet(l, i, &under);
	tell_farm_twins(l);
}

/* Of objects with one id the first stays. */
static void drop_twins(struct loader *l)
{
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
		g_ptr_array_set_size(list, (gint)n);
	}
}

/* All objects in order of their ids. TRUE when no two are equal. */
static gboolean sort_objects(struct loader *l)
{
	for (guint i = 0; i < l->n; i++)
		for (guint k = 0; k < l->made[i]->n; k++)
			g_ptr_array_add(l->objects->by_kind[l->made[i]->items[k]->kind->id], l->made[i]->items[k]);
	gboolean is_clean = objects_sort(l->objects);
	if (!is_clean)
		drop_twins(l);
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

static void load(struct loader *l)
{
	l->sheets = ARENA_ARRAY(l->arena, struct sheet *, l->n);
	l->made = ARENA_ARRAY(l->arena, struct sheet_objects *, l->n);
	sheet_tools_init(&l->tools);
	read_all(l);
	sheet_tools_clear(&l->tools);
	if (!l->cache)
		sort_objects(l);
	else if (!spec_cache_keep(l->cache, hold(l), l->objects, &l->news) && sort_objects(l) &&
	         g_hash_table_size(l->cache->by_path) == l->n)
		spec_cache_keep_order(l->cache, l->objects);
	for (guint i = 0; i < l->n; i++) {
		problems_add_run(l->problems, &l->made[i]->sheet->problems);
		problems_add_run(l->problems, &l->made[i]->problems);
	}
}

static void check_across(struct loader *l)
{
	SCOPED_ARENA(scratch);
	guint before = l->problems->n_errors + l->problems->n_warnings;
	rules_check_across(scratch, l->objects, &l->news, l->problems);
	if (l->cache)
		l->cache->is_clean = l->problems->n_errors + l->problems->n_warnings == before;
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
	struct loader l = { .arena = a, .problems = problems, .objects = objects_new(a), .files = files, .n = n_files };
	if (cache && all_have_ids(files, n_files))
		l.cache = cache;
	else if (cache)
		spec_cache_clear(cache);
	load(&l);
	check_across(&l);
	problems_sort(problems);
	return l.objects;
}

struct objects *spec_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems)
{
	return spec_load_cached(a, NULL, files, n_files, problems);
}

struct objects *status_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems)
{
	struct loader l = { .arena = a, .problems = problems, .is_status = TRUE, .objects = objects_new(a), .files = files, .n = n_files };
	load(&l);
	problems_sort(problems);
	return l.objects;
}
