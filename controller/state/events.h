/* What happened to each object: DIR/events.jsonl, a line for each change. Equal events of an object (reason and
 * message) within an hour of the last are one with a count; of an object the newest 50 are kept, in all 1,000. */
#pragma once
#include "state/kept.h"

enum { EVENTS_MAX = 1000, EVENTS_OF_OBJECT_MAX = 50, EVENTS_EQUAL_MS = 3600 * 1000 };

struct events;

struct events *events_open(const char *dir);
void events_free(struct events *e);
/* Strings are copied; seq, times and count are set here. */
void events_add(struct events *e, const struct kept_event *event, gint64 now_ms);
/* Writes what came since the last time; nothing where nothing did. */
gboolean events_flush(struct events *e, GError **error);

/* The number of the newest change; 0: there is none. */
guint64 events_newest(const struct events *e);
/* In the order in which they changed last. */
guint events_count(const struct events *e);
const struct kept_event *events_at(const struct events *e, guint i);

/* For the control socket: those changed after `since`. g_free(); events_free(). */
char *events_text(const struct events *e, guint64 since);
struct events *events_parse(const char *text);
