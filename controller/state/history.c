/* A list of revisions, and its file. One that comes back (a rollback) is in force a second time: a record of its own. */
#include "state/history.h"
#include "state/lines.h"
#include <stddef.h>
#include <string.h>

struct history {
	struct lines *lines;
	GPtrArray *all; /* struct kept_revision, oldest first */
};

/* One row a member, for both ways. */
static const struct {
	const char *key;
	gsize at;
} texts[] = {
	{ "revision", offsetof(struct kept_revision, revision) },
	{ "commit", offsetof(struct kept_revision, commit) },
	{ "author", offsetof(struct kept_revision, author) },
	{ "summary", offsetof(struct kept_revision, summary) },
}, times[] = {
	{ "seen", offsetof(struct kept_revision, seen_ms) },
	{ "applied", offsetof(struct kept_revision, applied_ms) },
	{ "look", offsetof(struct kept_revision, look_ms) },
	{ "plan", offsetof(struct kept_revision, plan_ms) },
	{ "apply", offsetof(struct kept_revision, apply_ms) },
}, counts[] = {
	{ "done", offsetof(struct kept_revision, n_done) },
	{ "failed", offsetof(struct kept_revision, n_failed) },
	{ "skipped", offsetof(struct kept_revision, n_skipped) },
	{ "healed", offsetof(struct kept_revision, n_healed) },
	{ "refused", offsetof(struct kept_revision, n_refused) },
	{ "stalled", offsetof(struct kept_revision, n_stalled) },
	{ "waiting", offsetof(struct kept_revision, n_waiting) },
};

#define MEMBER(one, row, type) (*(type *)(void *)((char *)(one) + (row).at))

static void one_free(gpointer p)
{
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(MEMBER(p, texts[i], char *));
	g_free(p);
}

static json_t *record_of(struct kept_revision *one)
{
	json_t *record = json_object();
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		lines_set(record, texts[i].key, MEMBER(one, texts[i], char *));
	for (guint i = 0; i < G_N_ELEMENTS(times); i++)
		json_object_set_new(record, times[i].key, json_integer(MEMBER(one, times[i], gint64)));
	for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
		json_object_set_new(record, counts[i].key, json_integer(MEMBER(one, counts[i], guint)));
	return record;
}

static void add(struct history *h, struct kept_revision *one)
{
	g_ptr_array_add(h->all, one);
	if (h->all->len > HISTORY_MAX)
		g_ptr_array_remove_index(h->all, 0);
}

static void on_record(void *user, const json_t *record)
{
	struct history *h = user;
	struct kept_revision *one = g_new0(struct kept_revision, 1);
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		MEMBER(one, texts[i], char *) = lines_text(record, texts[i].key);
	for (guint i = 0; i < G_N_ELEMENTS(times); i++)
		MEMBER(one, times[i], gint64) = lines_number(record, times[i].key);
	for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
		MEMBER(one, counts[i], guint) = (guint)lines_number(record, counts[i].key);
	if (!one->revision) {
		one_free(one);
		return;
	}
	const struct kept_revision *newest = h->all->len ? h->all->pdata[h->all->len - 1] : NULL;
	if (newest && newest->seen_ms == one->seen_ms && strcmp(newest->revision, one->revision) == 0)
		g_ptr_array_set_size(h->all, (gint)h->all->len - 1);
	add(h, one);
}

struct history *history_open(const char *dir)
{
	struct history *h = g_new0(struct history, 1);
	h->all = g_ptr_array_new_with_free_func(one_free);
	h->lines = lines_open(dir, "history.jsonl", on_record, h);
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	lines_free(h->lines);
	g_ptr_array_free(h->all, TRUE);
	g_free(h);
}

struct kept_revision *history_current(const struct history *h, const char *revision)
{
	struct kept_revision *newest = h->all->len ? h->all->pdata[h->all->len - 1] : NULL;
	return newest && strcmp(newest->revision, revision) == 0 ? newest : NULL;
}

struct kept_revision *history_begin(struct history *h, const struct kept_revision *first)
{
	struct kept_revision *one = g_new(struct kept_revision, 1);
	*one = *first;
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		MEMBER(one, texts[i], char *) = g_strdup(MEMBER(one, texts[i], char *));
	add(h, one);
	return one;
}

static void all_to(void *user, struct lines *l)
{
	const struct history *h = user;
	for (guint i = 0; i < h->all->len; i++)
		lines_add(l, record_of(h->all->pdata[i]));
}

gboolean history_flush(struct history *h, GError **error)
{
	if (h->all->len)
		lines_add(h->lines, record_of(h->all->pdata[h->all->len - 1]));
	return lines_flush(h->lines, h->all->len, all_to, h, error);
}

guint history_count(const struct history *h)
{
	return h->all->len;
}

const struct kept_revision *history_at(const struct history *h, guint i)
{
	return h->all->pdata[h->all->len - 1 - i];
}

char *history_text(const struct history *h)
{
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < h->all->len; i++)
		lines_append(text, record_of(h->all->pdata[i]));
	return g_string_free(text, FALSE);
}

struct history *history_parse(const char *text)
{
	struct history *h = history_open(NULL);
	lines_parse(text, strlen(text), on_record, h);
	return h;
}
