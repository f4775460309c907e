/* {"SOURCE":{"commit":…,"revision":…,"time":ms,"before":[…]}, …} */
#include "state/last_good.h"
#include "base/error.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCES_MAX = 64, BEFORE_MAX = 32, SIZE_MAX_BYTES = 1024 * 1024 };

static char *file_of(const char *dir)
{
	return g_build_filename(dir, "last-good.json", NULL);
}

static json_t *read_all(const char *dir)
{
	g_autofree char *path = file_of(dir), *text = NULL;
	gsize size = 0;
	json_t *all = NULL;
	if (g_file_get_contents(path, &text, &size, NULL) && size < SIZE_MAX_BYTES)
		all = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(all))
		return all;
	json_decref(all);
	return json_object();
}

static gboolean is_commit(const char *text)
{
	return text && strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

void last_good_find(const char *dir, const char *source, struct last_good *ret)
{
	json_t *all = read_all(dir), *one = json_object_get(all, source), *list = json_object_get(one, "before"), *item;
	const char *commit = json_string_value(json_object_get(one, "commit")), *revision = json_string_value(json_object_get(one, "revision"));
	g_autoptr(GPtrArray) before = g_ptr_array_new();
	size_t i;
	*ret = (struct last_good){ 0 };
	if (is_commit(commit) && revision) {
		ret->commit = g_strdup(commit);
		ret->revision = g_strdup(revision);
		ret->time_ms = json_integer_value(json_object_get(one, "time"));
	}
	json_array_foreach(list, i, item)
		if (is_commit(json_string_value(item)))
			g_ptr_array_add(before, g_strdup(json_string_value(item)));
	g_ptr_array_add(before, NULL);
	ret->before = (char **)g_ptr_array_free(g_steal_pointer(&before), FALSE);
	json_decref(all);
}

gboolean last_good_knows(const char *dir, const char *prefix)
{
	json_t *all = read_all(dir), *one;
	const char *key;
	gboolean is_known = FALSE;
	json_object_foreach(all, key, one)
		is_known |= g_str_has_prefix(key, prefix) && is_commit(json_string_value(json_object_get(one, "commit")));
	json_decref(all);
	return is_known;
}

void last_good_clear(struct last_good *g)
{
	g_free(g->commit);
	g_free(g->revision);
	g_strfreev(g->before);
	*g = (struct last_good){ 0 };
}

/* Sources that are not used any more do not fill the file. */
static void drop_oldest(json_t *all)
{
	while (json_object_size(all) > SOURCES_MAX) {
		const char *key, *oldest = NULL;
		json_t *one;
		gint64 time_ms = G_MAXINT64;
		json_object_foreach(all, key, one) {
			gint64 its_ms = json_integer_value(json_object_get(one, "time"));
			if (oldest && its_ms >= time_ms)
				continue;
			oldest = key;
			time_ms = its_ms;
		}
		g_autofree char *name = g_strdup(oldest);
		json_object_del(all, name);
	}
}

/* The newest first. */
static json_t *list_before(const struct last_good *last, const char *commit)
{
	json_t *list = json_array();
	if (last->commit && strcmp(last->commit, commit) != 0)
		json_array_append_new(list, json_string(last->commit));
	for (guint i = 0; last->before[i] && json_array_size(list) < BEFORE_MAX; i++)
		json_array_append_new(list, json_string(last->before[i]));
	return list;
}

gboolean last_good_put(const char *dir, const char *source, const char *commit, const char *revision, GError **error)
{
	struct last_good last;
	last_good_find(dir, source, &last);
	gboolean is_known = g_strcmp0(last.commit, commit) == 0 && g_strcmp0(last.revision, revision) == 0;
	json_t *all = is_known ? NULL : read_all(dir);
	gboolean ok = TRUE;
	if (!is_known) {
		g_autofree char *path = file_of(dir);
		json_t *one = json_pack("{s:s,s:s,s:I,s:o}", "commit", commit, "revision", revision, "time",
		                        (json_int_t)(g_get_real_time() / 1000), "before", list_before(&last, commit));
		/* NULL: a name that is no UTF-8. */
		ok = one && json_object_set_new(all, source, one) == 0;
		if (ok)
			drop_oldest(all);
		g_autofree char *text = ok ? json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
		ok = text ? g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error)
		          : fail(error, ERROR_INVALID, "%s is not valid UTF-8", source);
	}
	if (!ok)
		g_prefix_error(error, "keeping the last good commit: ");
	json_decref(all);
	last_good_clear(&last);
	return ok;
}
