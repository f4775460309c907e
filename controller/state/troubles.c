/* Two lists: troubles, and heals of the last ten minutes, of which enough make a trouble. */
#include "state/troubles.h"
#include "base/error.h"
#include <jansson.h>
#include <string.h>

struct heal {
	char *kind, *id, *field, *before, *after;
	gint64 at_ms;
};

struct troubles {
	char *path;
	GPtrArray *list;  /* struct trouble, oldest first */
	GPtrArray *heals; /* struct heal, oldest first */
	gboolean is_changed;
};

static void trouble_free(gpointer data)
{
	struct trouble *one = data;
	g_free(one->kind);
	g_free(one->id);
	g_free(one->verb);
	g_free(one->why);
	g_free(one);
}

static void heal_free(gpointer data)
{
	struct heal *h = data;
	g_free(h->kind);
	g_free(h->id);
	g_free(h->field);
	g_free(h->before);
	g_free(h->after);
	g_free(h);
}

static void keep_most(GPtrArray *list)
{
	if (list->len > TROUBLES_KEPT)
		g_ptr_array_remove_range(list, 0, list->len - TROUBLES_KEPT);
}

static struct trouble *find(const struct troubles *t, const char *kind, const char *id, const char *verb)
{
	for (guint i = 0; i < t->list->len; i++) {
		struct trouble *one = t->list->pdata[i];
		if (strcmp(one->id, id) == 0 && strcmp(one->kind, kind) == 0 && g_strcmp0(one->verb, verb) == 0)
			return one;
	}
	return NULL;
}

static struct trouble *get(struct troubles *t, const char *kind, const char *id, const char *verb)
{
	struct trouble *one = find(t, kind, id, verb);
	t->is_changed = TRUE;
	if (one)
		return one;
	one = g_new0(struct trouble, 1);
	*one = (struct trouble){ .kind = g_strdup(kind), .id = g_strdup(id), .verb = g_strdup(verb) };
	g_ptr_array_add(t->list, one);
	keep_most(t->list);
	return one;
}

/* -- failures ------------------------------------------------------------------------------------------------ */

guint troubles_failed(struct troubles *t, const char *kind, const char *id, const char *verb, const char *why, gint64 now_ms)
{
	struct trouble *one = get(t, kind, id, verb);
	gint64 pause_ms = TROUBLE_FIRST_MS;
	for (guint i = 0; i < one->n && pause_ms < TROUBLE_MOST_MS; i++)
		pause_ms *= 2;
	one->n++;
	one->until_ms = now_ms + MIN(pause_ms, TROUBLE_MOST_MS);
	g_free(one->why);
	one->why = g_utf8_make_valid(why ? why : "", -1);
	return one->n;
}

void troubles_settled(struct troubles *t, const char *kind, const char *id, const char *verb)
{
	struct trouble *one = verb ? find(t, kind, id, verb) : NULL;
	if (one) {
		g_ptr_array_remove(t->list, one);
		t->is_changed = TRUE;
	}
}

/* -- heals --------------------------------------------------------------------------------------------------- */

/* Of a field that was wanted otherwise before, a commit changed it. */
static gboolean is_same_heal(const struct heal *x, const struct heal *y)
{
	return strcmp(x->kind, y->kind) == 0 && strcmp(x->id, y->id) == 0 && strcmp(x->field, y->field) == 0 &&
	       g_strcmp0(x->after, y->after) == 0;
}

static void forget_old(struct troubles *t, gint64 now_ms)
{
	guint n = 0;
	while (n < t->heals->len && ((struct heal *)t->heals->pdata[n])->at_ms <= now_ms - HEALS_WITHIN_MS)
		n++;
	if (n)
		g_ptr_array_remove_range(t->heals, 0, n);
}

/* "memory was put back from 2GiB to 4GiB 5 times within 10m, at 17:00:01, …; WHO". In UTC. */
static char *tell(const struct troubles *t, const struct heal *last, guint n, const char *who)
{
	g_autoptr(GString) s = g_string_new(NULL);
	const char *between = ", at ";
	g_string_append_printf(s, "%s was put back from %s to %s %u times within 10m", last->field,
	                       last->before ? last->before : "(none)", last->after ? last->after : "(none)", n);
	for (guint i = 0; i < t->heals->len; i++) {
		const struct heal *h = t->heals->pdata[i];
		if (!is_same_heal(h, last))
			continue;
		g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc(h->at_ms / 1000);
		g_autofree char *text = at ? g_date_time_format(at, "%H:%M:%S") : NULL;
		g_string_append_printf(s, "%s%s", between, text ? text : "?");
		between = ", ";
	}
	g_string_append_printf(s, " (UTC); %s", who ? who : "who changes it is not known");
	return g_utf8_make_valid(s->str, -1);
}

/* Values may be whole files. */
static char *cut(const char *value)
{
	enum { VALUE_LEN = 100 };
	if (!value)
		return NULL;
	g_autofree char *valid = g_utf8_make_valid(value, -1);
	return g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), VALUE_LEN));
}

static gboolean is_counted(const struct troubles *t, const struct heal *h)
{
	for (guint i = 0; i < t->heals->len; i++) {
		const struct heal *other = t->heals->pdata[i];
		if (other->at_ms == h->at_ms && is_same_heal(other, h))
			return TRUE;
	}
	return FALSE;
}

gboolean troubles_healed(struct troubles *t, const char *kind, const char *id, const char *field, const char *before,
                         const char *after, const char *who, gint64 now_ms)
{
	struct heal *h = g_new0(struct heal, 1);
	guint n = 0;
	*h = (struct heal){ g_strdup(kind), g_strdup(id), g_strdup(field), cut(before), cut(after), now_ms };
	forget_old(t, now_ms);
	if (is_counted(t, h)) {
		heal_free(h);
		return FALSE;
	}
	g_ptr_array_add(t->heals, h);
	keep_most(t->heals);
	t->is_changed = TRUE;
	for (guint i = 0; i < t->heals->len; i++)
		n += is_same_heal(t->heals->pdata[i], h) ? 1 : 0;
	if (n < HEALS_MOST)
		return FALSE;
	struct trouble *one = get(t, kind, id, NULL);
	one->n = n;
	one->until_ms = 0;
	g_free(one->why);
	one->why = tell(t, h, n, who);
	return TRUE;
}

/* -- letting go ------------------------------------------------------------------------------------------------ */

void troubles_clear(struct troubles *t)
{
	while (t->list->len) {
		const struct trouble *last = t->list->pdata[t->list->len - 1];
		troubles_clear_object(t, last->kind, last->id);
	}
}

gboolean troubles_clear_object(struct troubles *t, const char *kind, const char *id)
{
	g_autofree char *its_kind = g_strdup(kind), *its_id = g_strdup(id); /* may be of what is freed here */
	gboolean was_there = FALSE;
	for (guint i = t->list->len; i > 0; i--) {
		const struct trouble *one = t->list->pdata[i - 1];
		if (strcmp(one->kind, its_kind) != 0 || strcmp(one->id, its_id) != 0)
			continue;
		g_ptr_array_remove_index(t->list, i - 1);
		was_there = t->is_changed = TRUE;
	}
	for (guint i = t->heals->len; was_there && i > 0; i--) {
		const struct heal *h = t->heals->pdata[i - 1];
		if (strcmp(h->kind, its_kind) == 0 && strcmp(h->id, its_id) == 0)
			g_ptr_array_remove_index(t->heals, i - 1);
	}
	return was_there;
}

void troubles_set_clock(struct troubles *t, gint64 now_ms)
{
	for (guint i = 0; i < t->list->len; i++) {
		struct trouble *one = t->list->pdata[i];
		if (one->verb && one->until_ms > now_ms + TROUBLE_MOST_MS) {
			one->until_ms = now_ms + TROUBLE_MOST_MS;
			t->is_changed = TRUE;
		}
	}
	for (guint i = t->heals->len; i > 0; i--)
		if (((const struct heal *)t->heals->pdata[i - 1])->at_ms > now_ms)
			g_ptr_array_remove_index(t->heals, i - 1);
}

guint troubles_count(const struct troubles *t)
{
	return t->list->len;
}

const struct trouble *troubles_at(const struct troubles *t, guint i)
{
	return t->list->pdata[i];
}

/* -- the file -------------------------------------------------------------------------------------------------- */

enum { FILE_MAX = 16 << 20 };

static void load_trouble(struct troubles *t, json_t *row)
{
	const char *kind, *id, *verb = NULL, *why;
	json_int_t n, until_ms;
	if (json_unpack(row, "{s:s,s:s,s?s,s:s,s:I,s:I}", "kind", &kind, "id", &id, "verb", &verb, "why", &why, "n", &n, "until", &until_ms) < 0 ||
	    n < 1 || n > G_MAXINT || (verb && until_ms < 1))
		return;
	struct trouble *one = get(t, kind, id, verb);
	one->n = (guint)n;
	one->until_ms = verb ? until_ms : 0;
	g_free(one->why);
	one->why = g_strdup(why);
}

static void load_heal(struct troubles *t, json_t *row)
{
	const char *kind, *id, *field, *before = NULL, *after = NULL;
	json_int_t at_ms;
	if (json_unpack(row, "{s:s,s:s,s:s,s?s,s?s,s:I}", "kind", &kind, "id", &id, "field", &field, "before", &before, "after", &after, "at",
	                &at_ms) < 0)
		return;
	struct heal *h = g_new0(struct heal, 1);
	*h = (struct heal){ g_strdup(kind), g_strdup(id), g_strdup(field), g_strdup(before), g_strdup(after), at_ms };
	g_ptr_array_add(t->heals, h);
	keep_most(t->heals);
}

struct troubles *troubles_load(const char *dir)
{
	struct troubles *t = g_new0(struct troubles, 1);
	g_autofree char *text = NULL;
	gsize size = 0, i;
	json_t *row;
	t->path = g_build_filename(dir, "troubles.json", NULL);
	t->list = g_ptr_array_new_with_free_func(trouble_free);
	t->heals = g_ptr_array_new_with_free_func(heal_free);
	if (!g_file_get_contents(t->path, &text, &size, NULL) || size > FILE_MAX)
		return t;
	json_t *all = json_loadb(text, size, 0, NULL);
	json_array_foreach(json_object_get(all, "troubles"), i, row)
		load_trouble(t, row);
	json_array_foreach(json_object_get(all, "heals"), i, row)
		load_heal(t, row);
	json_decref(all);
	t->is_changed = FALSE;
	return t;
}

static json_t *write_all(const struct troubles *t)
{
	json_t *list = json_array(), *heals = json_array();
	for (guint i = 0; i < t->list->len; i++) {
		const struct trouble *one = t->list->pdata[i];
		json_array_append_new(list, json_pack("{s:s,s:s,s:s*,s:s,s:I,s:I}", "kind", one->kind, "id", one->id, "verb", one->verb, "why",
		                                      one->why, "n", (json_int_t)one->n, "until", (json_int_t)one->until_ms));
	}
	for (guint i = 0; i < t->heals->len; i++) {
		const struct heal *h = t->heals->pdata[i];
		json_array_append_new(heals, json_pack("{s:s,s:s,s:s,s:s*,s:s*,s:I}", "kind", h->kind, "id", h->id, "field", h->field, "before",
		                                       h->before, "after", h->after, "at", (json_int_t)h->at_ms));
	}
	return json_pack("{s:i,s:o,s:o}", "version", 1, "troubles", list, "heals", heals);
}

gboolean troubles_save(struct troubles *t, GError **error)
{
	if (!t->is_changed)
		return TRUE;
	json_t *all = write_all(t);
	g_autofree char *text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	/* Renamed into place, so that a reader finds the one or the other whole. */
	if (!text)
		return fail(error, ERROR_FAILED, "noting what failed: not to be written as JSON");
	if (!g_file_set_contents_full(t->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error)) {
		g_prefix_error(error, "noting what failed: ");
		return FALSE;
	}
	t->is_changed = FALSE;
	return TRUE;
}

void troubles_free(struct troubles *t)
{
	if (!t)
		return;
	g_ptr_array_unref(t->list);
	g_ptr_array_unref(t->heals);
	g_free(t->path);
	g_free(t);
}
