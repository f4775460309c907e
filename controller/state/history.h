/* The revisions that came into force here: DIR/history.jsonl, a line for each change of one; the newest 100 are kept. */
#pragma once
#include "state/kept.h"

enum { HISTORY_MAX = 100 };

struct history;

struct history *history_open(const char *dir);
void history_free(struct history *h);
/* The newest, if it is of that revision, to be changed by the caller; NULL: another is in force. */
struct kept_revision *history_current(const struct history *h, const char *revision);
/* A revision that is in force from now on. Strings are copied. */
struct kept_revision *history_begin(struct history *h, const struct kept_revision *first);
/* Writes the newest; to be called only when it has changed. */
gboolean history_flush(struct history *h, GError **error);

/* Newest first. */
guint history_count(const struct history *h);
const struct kept_revision *history_at(const struct history *h, guint i);

/* For the control socket. g_free(); history_free(). */
char *history_text(const struct history *h);
struct history *history_parse(const char *text);
