/* A JSON file a VM, NAME.json, each text of it a member of struct vm_record. */
#include "host/vm_records.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/put.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_MOST = 128, TEXT_MOST = 256, FILE_MOST = 16384 };

struct vm_records {
	char *folder;
};

struct vm_records *vm_records_new(const char *state)
{
	struct vm_records *r = g_new0(struct vm_records, 1);
	r->folder = g_build_filename(state, "vm-records", NULL);
	return r;
}

void vm_records_free(struct vm_records *r)
{
	if (!r)
		return;
	g_free(r->folder);
	g_free(r);
}

const char *vm_records_now(struct arena *a)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *text = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	return arena_strdup(a, text);
}

/* -- a file ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *key;
	gsize offset;
} texts[] = {
	{ "uuid", offsetof(struct vm_record, uuid) },
	{ "state", offsetof(struct vm_record, state) },
	{ "since", offsetof(struct vm_record, since) },
	{ "startedAt", offsetof(struct vm_record, started_at) },
	{ "startedRevision", offsetof(struct vm_record, started_revision) },
	{ "drainingSince", offsetof(struct vm_record, draining_since) },
	{ "leftAt", offsetof(struct vm_record, left_at) },
	{ "undefinedOf", offsetof(struct vm_record, undefined_of) },
	{ "notTaken", offsetof(struct vm_record, not_taken) },
	{ "shutdownTimeout", offsetof(struct vm_record, shutdown_timeout) },
};
#define TEXT_AT(record, i) ((const char **)(void *)((char *)(record) + texts[i].offset))

/* NULL for what is no VM's name: libvirt's names may be anything, and this one becomes a file's. */
static char *path_of(const struct vm_records *r, const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	gsize len = strlen(name);
	if (len == 0 || len > NAME_MOST || *name == '.' || name[strspn(name, letters)])
		return NULL;
	return g_strconcat(r->folder, "/", name, ".json", NULL);
}

static gboolean decode_kept(struct arena *a, const json_t *list, struct vm_record *ret)
{
	const json_t *item;
	size_t i;
	if (list && !json_is_array(list))
		return FALSE;
	ret->kept = ARENA_ARRAY(a, const char *, json_array_size(list) + 1);
	json_array_foreach (list, i, item) {
		if (!json_is_string(item) || json_string_length(item) > TEXT_MOST)
			return FALSE;
		ret->kept[ret->n_kept++] = arena_strdup(a, json_string_value(item));
	}
	return TRUE;
}

/* FALSE unless each member is what it should be: half a record is none. */
static gboolean decode(struct arena *a, const json_t *o, struct vm_record *ret)
{
	struct vm_record record = { 0 };
	const json_t *n = json_object_get(o, "shortRuns");
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		const json_t *value = json_object_get(o, texts[i].key);
		if (value && (!json_is_string(value) || json_string_length(value) > TEXT_MOST))
			return FALSE;
		*TEXT_AT(&record, i) = arena_strdup(a, json_string_value(value));
	}
	if (!decode_kept(a, json_object_get(o, "kept"), &record))
		return FALSE;
	if (n && (!json_is_integer(n) || json_integer_value(n) < 0 || json_integer_value(n) > G_MAXINT32))
		return FALSE;
	record.n_short_runs = json_integer_value(n);
	*ret = record;
	return json_is_object(o);
}

gboolean vm_records_find(const struct vm_records *r, struct arena *a, const char *name, const char *uuid, struct vm_record *ret)
{
	g_autofree char *path = r ? path_of(r, name) : NULL, *text = NULL;
	struct vm_record record;
	GStatBuf st;
	*ret = (struct vm_record){ .uuid = uuid };
	if (!path || g_lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MOST ||
	    !g_file_get_contents(path, &text, NULL, NULL))
		return FALSE;
	json_t *o = json_loads(text, 0, NULL);
	gboolean is_good = decode(a, o, &record) && (!uuid || g_strcmp0(record.uuid, uuid) == 0);
	json_decref(o);
	if (is_good)
		*ret = record;
	return is_good;
}

/* Not synced: what a power cut takes is as one that never was, and a sync a VM would take longer than its start. */
static gboolean write_file(const char *path, const char *text, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path), *draft = g_strconcat(path, ".new", NULL);
	if (g_mkdir_with_parents(folder, 0700) != 0 ||
	    !g_file_set_contents_full(draft, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, error) || g_rename(draft, path) != 0) {
		if (error && !*error)
			fail_errno(error, errno, "writing %s", path);
		return FALSE;
	}
	return TRUE;
}

gboolean vm_records_save(const struct vm_records *r, const char *name, const struct vm_record *record, GError **error)
{
	g_autofree char *path = r ? path_of(r, name) : NULL;
	if (!path)
		return !r || fail(error, ERROR_INVALID, "\"%s\" is no VM's name, so nothing of it is remembered", name);
	json_t *o = json_object();
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		if (*TEXT_AT(record, i))
			json_object_set_new(o, texts[i].key, json_string(*TEXT_AT(record, i)));
	if (record->n_short_runs)
		json_object_set_new(o, "shortRuns", json_integer(record->n_short_runs));
	for (guint i = 0; i < record->n_kept; i++) {
		if (i == 0)
			json_object_set_new(o, "kept", json_array());
		json_array_append_new(json_object_get(o, "kept"), json_string(record->kept[i]));
	}
	g_autofree char *text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(o);
	return write_file(path, text, error);
}

gboolean vm_records_forget(const struct vm_records *r, const char *name, GError **error)
{
	g_autofree char *path = r ? path_of(r, name) : NULL;
	return !path || put_away(path, error);
}

const char **vm_records_names(const struct vm_records *r, struct arena *a, guint *ret_n)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autoptr(GDir) dir = r ? g_dir_open(r->folder, 0, NULL) : NULL;
	const char *file;
	while (dir && (file = g_dir_read_name(dir)))
		if (g_str_has_suffix(file, ".json"))
			g_ptr_array_add(names, arena_strndup(a, file, strlen(file) - strlen(".json")));
	*ret_n = names->len;
	return arena_memdup(a, names->pdata, names->len * sizeof(char *));
}
