/* A table by KIND/NAME, and its file. */
#include "state/conditions.h"
#include "state/lines.h"
#include <string.h>

struct conditions {
	struct lines *lines;
	GHashTable *all; /* "KIND/NAME" → struct kept_condition */
	char *revision, *commit;
	gboolean is_moved; /* to another revision, in this pass */
	guint pass;
};

static void one_free(gpointer p)
{
	struct kept_condition *one = p;
	char *owned[] = { one->kind, one->name, one->type, one->reason, one->message, one->ready };
	for (guint i = 0; i < G_N_ELEMENTS(owned); i++)
		g_free(owned[i]);
	g_free(one);
}

static char *key_of(const char *kind, const char *name)
{
	return g_strdup_printf("%s/%s", kind, name);
}

static gboolean is_ready(const struct kept_condition *one)
{
	return g_strcmp0(one->type, "Ready") == 0;
}

/* -- the file ------------------------------------------------------------------------------------------------ */

static json_t *head_record(const struct conditions *c)
{
	json_t *record = json_object();
	lines_set(record, "revision", c->revision);
	lines_set(record, "commit", c->commit);
	return record;
}

static json_t *one_record(const struct kept_condition *one)
{
	json_t *record = json_object();
	lines_set(record, "kind", one->kind);
	lines_set(record, "name", one->name);
	lines_set(record, "type", one->type);
	lines_set(record, "reason", one->reason);
	lines_set(record, "message", one->message);
	json_object_set_new(record, "since", json_integer(one->since_ms));
	lines_set(record, "ready", one->ready);
	return record;
}

static void on_record(void *user, const json_t *record)
{
	struct conditions *c = user;
	g_autofree char *kind = lines_text(record, "kind"), *name = lines_text(record, "name");
	if (!kind || !name) {
		g_free(c->revision);
		g_free(c->commit);
		c->revision = lines_text(record, "revision");
		c->commit = lines_text(record, "commit");
		return;
	}
	if (json_is_true(json_object_get(record, "gone"))) {
		g_autofree char *key = key_of(kind, name);
		g_hash_table_remove(c->all, key);
		return;
	}
	struct kept_condition *one = g_new0(struct kept_condition, 1);
	*one = (struct kept_condition){ .kind = g_steal_pointer(&kind), .name = g_steal_pointer(&name),
		                        .type = lines_text(record, "type"), .reason = lines_text(record, "reason"),
		                        .message = lines_text(record, "message"), .since_ms = lines_number(record, "since"),
		                        .ready = lines_text(record, "ready") };
	g_hash_table_replace(c->all, key_of(one->kind, one->name), one);
}

static gint by_key(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void each_record(const struct conditions *c, void (*take)(gpointer to, json_t *record), gpointer to)
{
	guint n;
	g_autofree gpointer *keys = g_hash_table_get_keys_as_array(c->all, &n);
	qsort(keys, n, sizeof *keys, by_key);
	if (c->revision)
		take(to, head_record(c));
	for (guint i = 0; i < n; i++)
		take(to, one_record(g_hash_table_lookup(c->all, keys[i])));
}

static void to_lines(gpointer to, json_t *record)
{
	lines_add(to, record);
}

static void to_text(gpointer to, json_t *record)
{
	lines_append(to, record);
}

static void all_to(void *user, struct lines *l)
{
	each_record(user, to_lines, l);
}

struct conditions *conditions_open(const char *dir)
{
	struct conditions *c = g_new0(struct conditions, 1);
	c->all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, one_free);
	c->lines = lines_open(dir, "conditions.jsonl", on_record, c);
	return c;
}

void conditions_free(struct conditions *c)
{
	if (!c)
		return;
	lines_free(c->lines);
	g_hash_table_destroy(c->all);
	g_free(c->revision);
	g_free(c->commit);
	g_free(c);
}

/* -- a pass -------------------------------------------------------------------------------------------------- */

/* Those that were Ready until now, and are not any more, have to remember at which revision. */
void conditions_begin(struct conditions *c, const char *revision, const char *commit)
{
	c->pass++;
	if (g_strcmp0(c->revision, revision) == 0)
		return;
	GHashTableIter it;
	gpointer p;
	g_hash_table_iter_init(&it, c->all);
	while (g_hash_table_iter_next(&it, NULL, &p)) {
		struct kept_condition *one = p;
		if (is_ready(one)) {
			g_free(one->ready);
			one->ready = g_strdup(c->revision);
		}
	}
	g_free(c->revision);
	g_free(c->commit);
	c->revision = g_strdup(revision);
	c->commit = g_strdup(commit);
	c->is_moved = TRUE;
}

static void set(char **to, const char *value)
{
	if (g_strcmp0(*to, value) == 0)
		return;
	g_free(*to);
	*to = g_strdup(value);
}

gboolean conditions_note(struct conditions *c, const struct kept_condition *now, gint64 now_ms)
{
	g_autofree char *key = key_of(now->kind, now->name);
	struct kept_condition *one = g_hash_table_lookup(c->all, key);
	gboolean is_new = !one;
	if (is_new) {
		one = g_new0(struct kept_condition, 1);
		one->kind = g_strdup(now->kind);
		one->name = g_strdup(now->name);
		g_hash_table_replace(c->all, g_steal_pointer(&key), one);
	}
	one->pass = c->pass;
	/* A message moves with each frame: it is told on, and not worth the disk. */
	set(&one->message, now->message);
	if (!is_new && strcmp(one->type, now->type) == 0 && g_strcmp0(one->reason, now->reason) == 0)
		return FALSE;
	if (!is_new && is_ready(one) && !one->ready)
		one->ready = g_strdup(c->revision);
	set(&one->type, now->type);
	set(&one->reason, now->reason);
	if (is_ready(one))
		set(&one->ready, NULL);
	one->since_ms = now_ms;
	lines_add(c->lines, one_record(one));
	return TRUE;
}

static void forget(struct conditions *c, void (*gone)(void *user, const struct kept_condition *one), void *user)
{
	GHashTableIter it;
	gpointer p;
	g_hash_table_iter_init(&it, c->all);
	while (g_hash_table_iter_next(&it, NULL, &p)) {
		struct kept_condition *one = p;
		if (one->pass == c->pass) {
			if (is_ready(one))
				set(&one->ready, NULL);
			continue;
		}
		if (gone)
			gone(user, one);
		json_t *record = json_object();
		lines_set(record, "kind", one->kind);
		lines_set(record, "name", one->name);
		json_object_set_new(record, "gone", json_true());
		lines_add(c->lines, record);
		g_hash_table_iter_remove(&it);
	}
}

gboolean conditions_end(struct conditions *c, void (*gone)(void *user, const struct kept_condition *one), void *user, GError **error)
{
	forget(c, gone, user);
	/* Behind the objects: cut off before it, the file speaks of the revision before. */
	if (c->is_moved)
		lines_add(c->lines, head_record(c));
	c->is_moved = FALSE;
	return lines_flush(c->lines, g_hash_table_size(c->all) + 1, all_to, c, error);
}

/* -- reading ------------------------------------------------------------------------------------------------- */

const struct kept_condition *conditions_find(const struct conditions *c, const char *kind, const char *name)
{
	g_autofree char *key = key_of(kind, name);
	return g_hash_table_lookup(c->all, key);
}

const struct kept_condition *conditions_match(const struct conditions *c, const char *kind, const char *name)
{
	const struct kept_condition *found = name ? conditions_find(c, kind, name) : NULL;
	GHashTableIter it;
	gpointer p;
	if (found)
		return found;
	g_hash_table_iter_init(&it, c->all);
	while (g_hash_table_iter_next(&it, NULL, &p)) {
		const struct kept_condition *one = p;
		const char *slash = strrchr(one->name, '/');
		if (strcmp(one->kind, kind) != 0 || (name && (!slash || strcmp(slash + 1, name) != 0)))
			continue;
		if (found)
			return NULL;
		found = one;
	}
	return found;
}

const char *conditions_ready_at(const struct conditions *c, const struct kept_condition *one)
{
	return is_ready(one) ? c->revision : one->ready;
}

const char *conditions_revision(const struct conditions *c)
{
	return c->revision;
}

const char *conditions_commit(const struct conditions *c)
{
	return c->commit;
}

guint conditions_count(const struct conditions *c)
{
	return g_hash_table_size(c->all);
}

char *conditions_text(const struct conditions *c)
{
	GString *text = g_string_new(NULL);
	each_record(c, to_text, text);
	return g_string_free(text, FALSE);
}

struct conditions *conditions_parse(const char *text)
{
	struct conditions *c = conditions_open(NULL);
	lines_parse(text, strlen(text), on_record, c);
	return c;
}
