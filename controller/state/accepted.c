/* {"version":1,"accepted":{"REPOSITORY":"COMMIT"}} */
#include "state/accepted.h"
#include "base/error.h"
#include <jansson.h>
#include <string.h>

enum { SIZE_MAX_KIB = 256, ID_LEN = 40 };

static json_t *fail_form(const char *path, const char *why, GError **error)
{
	fail(error, ERROR_INVALID, "%s: %s; remove it, and the newest commit's signature alone vouches for what is there", path, why);
	return NULL;
}

/* The whole file; an empty one where there is none. */
static json_t *read_all(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) problem = NULL;
	json_error_t where;
	gsize size;
	if (!g_file_get_contents(path, &text, &size, &problem)) {
		/* Who may not read it does not act on this host: the newest commit's signature is all that can be judged. */
		if (g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT) || g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_ACCES))
			return json_pack("{s:i,s:{}}", "version", 1, "accepted");
		fail(error, ERROR_FAILED, "%s", problem->message);
		return NULL;
	}
	if (size > SIZE_MAX_KIB * 1024)
		return fail_form(path, "it is larger than what is written there", error);
	json_t *all = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
	if (json_is_object(json_object_get(all, "accepted")) && json_integer_value(json_object_get(all, "version")) == 1)
		return all;
	json_decref(all);
	return fail_form(path, all ? "it is of another version" : where.text, error);
}

char *accepted_read(const char *dir, const char *repository, GError **error)
{
	g_autofree char *path = g_build_filename(dir, ACCEPTED_FILE, NULL);
	json_t *all = read_all(path, error);
	const char *commit = json_string_value(json_object_get(json_object_get(all, "accepted"), repository));
	gboolean is_id = commit && strlen(commit) == ID_LEN && strspn(commit, "0123456789abcdef") == ID_LEN;
	char *found = is_id ? g_strdup(commit) : NULL;
	if (commit && !is_id)
		fail_form(path, "it names no commit", error);
	json_decref(all);
	return found;
}

gboolean accepted_write(const char *dir, const char *repository, const char *commit, GError **error)
{
	g_autofree char *path = g_build_filename(dir, ACCEPTED_FILE, NULL);
	json_t *all = read_all(path, error);
	if (!all)
		return FALSE;
	json_object_set_new(json_object_get(all, "accepted"), repository, json_string(commit));
	char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_decref(all);
	gboolean ok = g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
	free(text);
	return ok;
}
