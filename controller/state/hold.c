/* One JSON object with the members of the struct. */
#include "state/hold.h"
#include "base/arena.h"
#include "base/error.h"
#include "state/state_file.h"
#include <string.h>

static const struct {
	const char *name;
	gsize offset;
} members[] = {
	{ "source", G_STRUCT_OFFSET(struct hold, source) }, { "commit", G_STRUCT_OFFSET(struct hold, commit) },
	{ "tip", G_STRUCT_OFFSET(struct hold, tip) },       { "reason", G_STRUCT_OFFSET(struct hold, reason) },
	{ "by", G_STRUCT_OFFSET(struct hold, by) },         { "since", G_STRUCT_OFFSET(struct hold, since) },
};

static const char **at(const struct hold *h, guint i)
{
	return (const char **)G_STRUCT_MEMBER_P(h, members[i].offset);
}

static gboolean is_commit(const char *text)
{
	return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

static gboolean from_json(struct arena *a, const json_t *o, struct hold *ret, GError **error)
{
	*ret = (struct hold){ 0 };
	for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
		const char *text = json_string_value(json_object_get(o, members[i].name));
		if (!text)
			return fail(error, ERROR_INVALID, "a hold without `%s`", members[i].name);
		*at(ret, i) = arena_strdup(a, text);
	}
	return (is_commit(ret->commit) && is_commit(ret->tip)) || fail(error, ERROR_INVALID, "a hold at what is no commit");
}

static json_t *to_json(const struct hold *h)
{
	json_t *o = json_object();
	for (guint i = 0; i < G_N_ELEMENTS(members); i++)
		json_object_set_new(o, members[i].name, json_string(*at(h, i)));
	return o;
}

static char *path_of(const char *dir)
{
	return g_build_filename(dir, "hold.json", NULL);
}

gboolean hold_read(struct arena *a, const char *dir, struct hold *ret, GError **error)
{
	g_autofree char *path = path_of(dir);
	json_t *o = NULL;
	*ret = (struct hold){ 0 };
	if (!state_file_read(path, &o, error))
		return FALSE;
	gboolean ok = !o || from_json(a, o, ret, error);
	if (!ok)
		g_prefix_error(error, "%s: mend or remove it: ", path);
	json_decref(o);
	return ok;
}

gboolean hold_write(const char *dir, const struct hold *h, GError **error)
{
	g_autofree char *path = path_of(dir);
	json_t *o = h ? to_json(h) : NULL;
	gboolean ok = state_file_write(path, o, error);
	json_decref(o);
	return ok;
}

char *hold_text(const struct hold *h)
{
	json_t *o = to_json(h);
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

gboolean hold_parse(struct arena *a, const char *text, struct hold *ret, GError **error)
{
	json_error_t wrong;
	json_t *o = json_loads(text, 0, &wrong);
	gboolean ok = json_is_object(o) ? from_json(a, o, ret, error) : fail(error, ERROR_INVALID, "no hold: %s", wrong.text);
	json_decref(o);
	return ok;
}
