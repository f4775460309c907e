/* A file of JSON lines below --state: read whole at the start, written by appending what changed.
 *
 * A line counts once its newline is there, so that a process that is killed while it writes leaves the file readable;
 * a line that is none is left out. A file that has grown far beyond what is still true, or ends in half a line, is
 * written anew beside and renamed. Nothing is written where nothing changed. Private to state/. */
#pragma once
#include <glib.h>
#include <jansson.h>

struct lines;
typedef void (*lines_each)(void *user, const json_t *record);

/* Reads DIR/NAME; what cannot be read is empty. DIR may be NULL: nothing is ever read or written. */
struct lines *lines_open(const char *dir, const char *name, lines_each each, void *user);
void lines_free(struct lines *l);
/* The same of a text, as another process sent it. */
void lines_parse(const char *text, gsize size, lines_each each, void *user);

/* To be written with the next lines_flush(); takes the record over. */
void lines_add(struct lines *l, json_t *record);
/* Writes what was added. `all` adds each record that is still true, `n_live` of them. After an error the next call
 * writes everything. */
gboolean lines_flush(struct lines *l, guint n_live, void (*all)(void *user, struct lines *l), void *user, GError **error);
/* Appends a record as a line. */
void lines_append(GString *out, json_t *record);

/* A record's text, NULL where there is none; g_strdup'ed. */
char *lines_text(const json_t *record, const char *key);
gint64 lines_number(const json_t *record, const char *key);
/* The text as a record keeps it: valid UTF-8, and cut where it is much longer than a sentence. NULL of NULL; g_strdup'ed. */
char *lines_cut(const char *text);
/* Leaves a NULL out. */
void lines_set(json_t *record, const char *key, const char *text);
