/* A list in order of the last change, and its file. */
#include "state/events.h"
#include "state/lines.h"
#include <string.h>

struct events {
	struct lines *lines;
	GPtrArray *all; /* struct kept_event, ascending by seq */
	guint64 newest;
};

static void one_free(gpointer p)
{
	struct kept_event *one = p;
	char *owned[] = { one->kind, one->name, one->reason, one->message, one->revision };
	for (guint i = 0; i < G_N_ELEMENTS(owned); i++)
		g_free(owned[i]);
	g_free(one);
}

static json_t *record_of(const struct kept_event *one)
{
	json_t *record = json_object();
	json_object_set_new(record, "seq", json_integer((json_int_t)one->seq));
	lines_set(record, "kind", one->kind);
	lines_set(record, "name", one->name);
	json_object_set_new(record, "warning", json_boolean(one->is_warning));
	lines_set(record, "reason", one->reason);
	lines_set(record, "message", one->message);
	lines_set(record, "revision", one->revision);
	json_object_set_new(record, "first", json_integer(one->first_ms));
	json_object_set_new(record, "last", json_integer(one->last_ms));
	json_object_set_new(record, "count", json_integer(one->count));
	return record;
}

static gboolean is_of(const struct kept_event *a, const struct kept_event *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0;
}

static gboolean is_equal(const struct kept_event *a, const struct kept_event *b)
{
	return is_of(a, b) && a->is_warning == b->is_warning && g_strcmp0(a->reason, b->reason) == 0 &&
	       g_strcmp0(a->message, b->message) == 0;
}

/* The oldest of the object, where it has too many, else of all. */
static void make_room(struct events *e, const struct kept_event *for_one)
{
	guint n = 0, oldest = 0;
	for (guint i = e->all->len; i-- > 0;)
		if (is_of(e->all->pdata[i], for_one)) {
			n++;
			oldest = i;
		}
	if (n > EVENTS_OF_OBJECT_MAX)
		g_ptr_array_remove_index(e->all, oldest);
	else if (e->all->len > EVENTS_MAX)
		g_ptr_array_remove_index(e->all, 0);
}

/* Later lines of the file are the later state of an event that is equal and began at the same time. */
static void drop_older(struct events *e, const struct kept_event *newer)
{
	for (guint i = e->all->len; i-- > 0;) {
		const struct kept_event *one = e->all->pdata[i];
		if (one->first_ms == newer->first_ms && is_equal(one, newer)) {
			g_ptr_array_remove_index(e->all, i);
			return;
		}
	}
}

static void on_record(void *user, const json_t *record)
{
	struct events *e = user;
	struct kept_event *one = g_new0(struct kept_event, 1);
	*one = (struct kept_event){ (guint64)lines_number(record, "seq"), lines_text(record, "kind"), lines_text(record, "name"),
		                    json_is_true(json_object_get(record, "warning")), lines_text(record, "reason"),
		                    lines_text(record, "message"), lines_text(record, "revision"), lines_number(record, "first"),
		                    lines_number(record, "last"), (guint)lines_number(record, "count") };
	if (!one->kind || !one->name || !one->reason || one->seq <= e->newest) {
		one_free(one);
		return;
	}
	drop_older(e, one);
	e->newest = one->seq;
	g_ptr_array_add(e->all, one);
	make_room(e, one);
}

struct events *events_open(const char *dir)
{
	struct events *e = g_new0(struct events, 1);
	e->all = g_ptr_array_new_with_free_func(one_free);
	e->lines = lines_open(dir, "events.jsonl", on_record, e);
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	lines_free(e->lines);
	g_ptr_array_free(e->all, TRUE);
	g_free(e);
}

/* Latest first: who repeats itself did so just now. */
static struct kept_event *take_equal(struct events *e, const struct kept_event *event, gint64 now_ms)
{
	for (guint i = e->all->len; i-- > 0;) {
		struct kept_event *one = e->all->pdata[i];
		if (one->last_ms >= now_ms - EVENTS_EQUAL_MS && is_equal(one, event))
			return g_ptr_array_steal_index(e->all, i);
	}
	return NULL;
}

void events_add(struct events *e, const struct kept_event *event, gint64 now_ms)
{
	g_autofree char *message = lines_cut(event->message);
	struct kept_event asked = *event;
	asked.message = message;
	struct kept_event *one = take_equal(e, &asked, now_ms);
	if (!one) {
		one = g_new0(struct kept_event, 1);
		*one = (struct kept_event){ .kind = g_strdup(event->kind), .name = g_strdup(event->name), .is_warning = event->is_warning,
			                    .reason = g_strdup(event->reason), .message = g_strdup(message), .first_ms = now_ms };
	}
	g_free(one->revision);
	one->revision = g_strdup(event->revision);
	one->last_ms = now_ms;
	one->count++;
	one->seq = ++e->newest;
	g_ptr_array_add(e->all, one);
	make_room(e, one);
	lines_add(e->lines, record_of(one));
}

static void all_to(void *user, struct lines *l)
{
	const struct events *e = user;
	for (guint i = 0; i < e->all->len; i++)
		lines_add(l, record_of(e->all->pdata[i]));
}

gboolean events_flush(struct events *e, GError **error)
{
	return lines_flush(e->lines, e->all->len, all_to, e, error);
}

guint64 events_newest(const struct events *e)
{
	return e->newest;
}

guint events_count(const struct events *e)
{
	return e->all->len;
}

const struct kept_event *events_at(const struct events *e, guint i)
{
	return e->all->pdata[i];
}

char *events_text(const struct events *e, guint64 since)
{
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < e->all->len; i++)
		if (((const struct kept_event *)e->all->pdata[i])->seq > since)
			lines_append(text, record_of(e->all->pdata[i]));
	return g_string_free(text, FALSE);
}

struct events *events_parse(const char *text)
{
	struct events *e = events_open(NULL);
	lines_parse(text, strlen(text), on_record, e);
	return e;
}
