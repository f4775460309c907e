/* A JSON array of objects. A file that cannot be read approves nothing. */
#include "state/approvals.h"
#include "base/error.h"
#include <gio/gio.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* More are never needed: another revision ends all of them. */
enum { APPROVALS_MOST = 16 };

static void approval_free(gpointer data)
{
	struct approval *one = data;
	g_free(one->digest);
	g_free(one->host);
	g_free(one->revision);
	g_free(one->by);
	g_free(one->at);
	g_strfreev(one->items);
	g_free(one);
}

static char *path_of(const char *dir)
{
	return g_build_filename(dir, "approvals.json", NULL);
}

static char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return g_strdup(text ? text : "");
}

static struct approval *read_one(const json_t *o)
{
	struct approval *one = g_new0(struct approval, 1);
	const json_t *items = json_object_get(o, "items");
	*one = (struct approval){ .digest = text_of(o, "digest"), .host = text_of(o, "host"), .revision = text_of(o, "revision"),
		                  .by = text_of(o, "by"), .at = text_of(o, "at"), .has_begun = json_is_true(json_object_get(o, "begun")),
		                  .items = g_new0(char *, json_array_size(items) + 1) };
	for (gsize i = 0, n = 0; i < json_array_size(items); i++)
		if (json_is_string(json_array_get(items, i)))
			one->items[n++] = g_strdup(json_string_value(json_array_get(items, i)));
	return one;
}

GPtrArray *approvals_read(const char *dir, GError **error)
{
	g_autofree char *path = path_of(dir);
	GPtrArray *all = g_ptr_array_new_with_free_func(approval_free);
	json_error_t trouble;
	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return all;
	json_t *array = json_load_file(path, JSON_REJECT_DUPLICATES, &trouble);
	if (!json_is_array(array)) {
		fail(error, ERROR_INVALID, "%s approves nothing: %s; remove it, and approve again", path, array ? "it holds no list" : trouble.text);
		json_decref(array);
		return all;
	}
	for (gsize i = 0; i < json_array_size(array) && all->len < APPROVALS_MOST; i++)
		if (json_is_object(json_array_get(array, i)))
			g_ptr_array_add(all, read_one(json_array_get(array, i)));
	json_decref(array);
	return all;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static json_t *one_json(const struct approval *one)
{
	json_t *items = json_array();
	for (guint i = 0; one->items && one->items[i]; i++)
		json_array_append_new(items, json_string(one->items[i]));
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:o}", "digest", one->digest, "host", one->host, "revision", one->revision, "by", one->by,
	                 "at", one->at, "begun", one->has_begun, "items", items);
}

static gboolean write_all(const char *dir, const GPtrArray *all, GError **error)
{
	g_autofree char *path = path_of(dir);
	json_t *array = json_array();
	for (guint i = all->len > APPROVALS_MOST ? all->len - APPROVALS_MOST : 0; i < all->len; i++)
		json_array_append_new(array, one_json(all->pdata[i]));
	char *text = json_dumps(array, JSON_INDENT(2));
	gboolean ok = g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
	free(text);
	json_decref(array);
	if (!ok)
		g_prefix_error(error, "keeping the approval: ");
	return ok;
}

static gint find(const GPtrArray *all, const char *digest)
{
	for (guint i = 0; i < all->len; i++)
		if (strcmp(((const struct approval *)all->pdata[i])->digest, digest) == 0)
			return (gint)i;
	return -1;
}

gboolean approvals_add(const char *dir, const struct approval *one, GError **error)
{
	/* What could not be read is replaced. */
	g_autoptr(GPtrArray) all = approvals_read(dir, NULL);
	gint at = find(all, one->digest);
	if (at >= 0)
		g_ptr_array_remove_index(all, (guint)at);
	struct approval *copy = g_new0(struct approval, 1);
	*copy = (struct approval){ g_strdup(one->digest), g_strdup(one->host), g_strdup(one->revision), g_strdup(one->by), g_strdup(one->at),
		                   one->has_begun, g_strdupv(one->items) };
	g_ptr_array_add(all, copy);
	return write_all(dir, all, error);
}

gboolean approvals_begin(const char *dir, const char *digest, const char *const *items, guint n_items, GError **error)
{
	g_autoptr(GPtrArray) all = approvals_read(dir, error);
	gint at = find(all, digest);
	if (at < 0)
		return fail(error, ERROR_REFUSED, "the approval %s is gone", digest);
	struct approval *one = all->pdata[at];
	if (one->has_begun)
		return TRUE;
	one->has_begun = TRUE;
	g_strfreev(one->items);
	one->items = g_new0(char *, n_items + 1);
	for (guint i = 0; i < n_items; i++)
		one->items[i] = g_strdup(items[i]);
	return write_all(dir, all, error);
}

gboolean approvals_forget(const char *dir, const char *host, const char *revision, gboolean ends_begun, GError **error)
{
	g_autoptr(GPtrArray) all = approvals_read(dir, NULL);
	guint n = all->len;
	for (guint i = all->len; i-- > 0;) {
		const struct approval *one = all->pdata[i];
		if (strcmp(one->host, host) == 0 && (strcmp(one->revision, revision) != 0 || (one->has_begun && ends_begun)))
			g_ptr_array_remove_index(all, i);
	}
	return n == all->len || write_all(dir, all, error);
}
