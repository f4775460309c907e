/* A JSON array of objects with the members of the struct. */
#include "state/local_decisions.h"
#include "base/arena.h"
#include "base/error.h"
#include "state/state_file.h"
#include <jansson.h>
#include <string.h>

static const struct {
	const char *name;
	gsize offset;
	gboolean is_needed;
} members[] = {
	{ "kind", G_STRUCT_OFFSET(struct local_decision, kind), TRUE },     { "name", G_STRUCT_OFFSET(struct local_decision, name), TRUE },
	{ "state", G_STRUCT_OFFSET(struct local_decision, state), FALSE },
	{ "reason", G_STRUCT_OFFSET(struct local_decision, reason), TRUE }, { "by", G_STRUCT_OFFSET(struct local_decision, by), FALSE },
	{ "since", G_STRUCT_OFFSET(struct local_decision, since), FALSE },  { "until", G_STRUCT_OFFSET(struct local_decision, until), TRUE },
};

static const char **at(const struct local_decision *d, guint i)
{
	return (const char **)G_STRUCT_MEMBER_P(d, members[i].offset);
}

static json_t *to_json(const struct local_decision *d)
{
	json_t *o = json_object();
	for (guint i = 0; i < G_N_ELEMENTS(members); i++)
		if (*at(d, i))
			json_object_set_new(o, members[i].name, json_string(*at(d, i)));
	return o;
}

static gboolean from_json(struct arena *a, const json_t *o, struct local_decision *ret, GError **error)
{
	*ret = (struct local_decision){ 0 };
	for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
		const char *text = json_string_value(json_object_get(o, members[i].name));
		if (text)
			*at(ret, i) = arena_strdup(a, text);
		else if (members[i].is_needed)
			return fail(error, ERROR_INVALID, "a suspension without `%s`", members[i].name);
	}
	return TRUE;
}

static char *path_of(const char *dir)
{
	return g_build_filename(dir, "suspended.json", NULL);
}

gboolean local_decisions_read(struct arena *a, const char *dir, struct local_decision **ret, guint *ret_n, GError **error)
{
	g_autofree char *path = path_of(dir);
	json_t *all = NULL;
	*ret = NULL;
	*ret_n = 0;
	if (!state_file_read(path, &all, error))
		return FALSE;
	if (!all)
		return TRUE;
	gboolean ok = json_is_array(all) && json_array_size(all) <= LOCAL_DECISIONS_MAX;
	if (!ok)
		fail(error, ERROR_INVALID, "%s: no list of suspensions", path);
	*ret = ARENA_ARRAY(a, struct local_decision, json_array_size(all));
	for (gsize i = 0; ok && i < json_array_size(all); i++) {
		ok = from_json(a, json_array_get(all, i), &(*ret)[*ret_n], error);
		*ret_n += 1;
	}
	if (!ok)
		g_prefix_error(error, "%s: ", path);
	json_decref(all);
	return ok;
}

gboolean local_decision_is_over(const struct local_decision *d)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc(), until = g_date_time_new_from_iso8601(d->until, NULL);
	return until && g_date_time_compare(until, now) <= 0;
}

static gboolean is_of(const struct local_decision *d, const char *kind, const char *name, gboolean is_state)
{
	return strcmp(d->kind, kind) == 0 && strcmp(d->name, name) == 0 && (d->state != NULL) == is_state;
}

/* Without the one on that object; `one` (may be NULL) comes last. */
static gboolean rewrite(const char *dir, const char *kind, const char *name, gboolean is_state, const struct local_decision *one,
                        gboolean *ret_was, GError **error)
{
	SCOPED_ARENA(a);
	struct local_decision *all;
	guint n;
	g_autofree char *path = path_of(dir);
	*ret_was = FALSE;
	if (!local_decisions_read(a, dir, &all, &n, error))
		return FALSE;
	json_t *list = json_array();
	for (guint i = 0; i < n; i++) {
		gboolean is_it = is_of(&all[i], kind, name, is_state);
		*ret_was |= is_it && !local_decision_is_over(&all[i]);
		if (!is_it && !local_decision_is_over(&all[i]))
			json_array_append_new(list, to_json(&all[i]));
	}
	if (one)
		json_array_append_new(list, to_json(one));
	gboolean ok = json_array_size(list) <= LOCAL_DECISIONS_MAX
	                  ? state_file_write(path, json_array_size(list) ? list : NULL, error)
	                  : fail(error, ERROR_REFUSED, "%d objects are suspended on this host already; suspend their Host or the Farm",
	                         LOCAL_DECISIONS_MAX);
	json_decref(list);
	return ok;
}

gboolean local_decisions_put(const char *dir, const struct local_decision *one, GError **error)
{
	gboolean was;
	return rewrite(dir, one->kind, one->name, one->state != NULL, one, &was, error);
}

gboolean local_decisions_end(const char *dir, const char *kind, const char *name, gboolean is_state, GError **error)
{
	gboolean was;
	if (!rewrite(dir, kind, name, is_state, NULL, &was, error))
		return FALSE;
	return was || fail(error, ERROR_NOT_FOUND, "%s/%s is not %s on this host alone", kind, name, is_state ? "cordoned or drained" : "suspended");
}

char *local_decision_text(const struct local_decision *one)
{
	json_t *o = to_json(one);
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

gboolean local_decision_parse(struct arena *a, const char *text, struct local_decision *ret, GError **error)
{
	json_error_t wrong;
	json_t *o = json_loads(text, 0, &wrong);
	gboolean ok = json_is_object(o) ? from_json(a, o, ret, error) : fail(error, ERROR_INVALID, "no suspension: %s", wrong.text);
	json_decref(o);
	return ok;
}
