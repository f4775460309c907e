/* How each object stood at the last pass, and since when: DIR/conditions.jsonl, a line for each change.
 *
 * Who calls: the controller and `apply` after a pass, as holders of the state folder; others read. A pass that finds
 * everything as before writes nothing; one at a new revision writes that alone, since what is Ready is Ready at it. */
#pragma once
#include "state/kept.h"

struct conditions;

/* DIR NULL: in memory alone. */
struct conditions *conditions_open(const char *dir);
void conditions_free(struct conditions *c);

void conditions_begin(struct conditions *c, const char *revision, const char *commit);
/* Strings are copied. TRUE: type or reason is another than before, or the object is new. */
gboolean conditions_note(struct conditions *c, const struct kept_condition *now, gint64 now_ms);
/* Objects that the pass did not speak of are forgotten, each after `gone` (may be NULL) was called. Writes what changed. */
gboolean conditions_end(struct conditions *c, void (*gone)(void *user, const struct kept_condition *one), void *user, GError **error);

const struct kept_condition *conditions_find(const struct conditions *c, const char *kind, const char *name);
/* The same of a job without its project, where it is the only one; `name` NULL: the only one of its kind. */
const struct kept_condition *conditions_match(const struct conditions *c, const char *kind, const char *name);
/* The revision at which it was Ready last, or is; NULL: never. */
const char *conditions_ready_at(const struct conditions *c, const struct kept_condition *one);
/* Of the last pass; NULL: there was none. */
const char *conditions_revision(const struct conditions *c);
const char *conditions_commit(const struct conditions *c);
guint conditions_count(const struct conditions *c);

/* For the control socket, and read again. g_free(); conditions_free(). */
char *conditions_text(const struct conditions *c);
struct conditions *conditions_parse(const char *text);
