/* Places in files, and the list of all problems found in them.
 *
 * Decoding and checking never stop at the first problem: they add to the list. Who prints it sorts
 * it by place and shows the source line with a caret. */
#pragma once
#include <glib.h>

struct arena;

struct place {
	const char *path; /* within the tree; NULL when there is none */
	guint line;       /* from 1; 0 = unknown */
	guint column;     /* from 1, in characters */
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct problem {
	enum severity severity;
	struct place place;
	const char *message; /* what is wrong, and what would be right */
	const char *rule;    /* the rule that says so (spec/rules.h), or NULL; static */
	gboolean hides_text; /* the line says no more: it is not shown */
	gboolean is_secret;  /* the line holds a secret: problems_sort() hides it wherever it would be shown */
};

/* Problems set aside, to be told later or again. */
struct problem_run {
	const struct problem *items;
	guint n, n_errors, n_warnings;
};

struct problems {
	struct arena *arena; /* owns the messages */
	GArray *list;        /* struct problem; errors push out warnings when it is full */
	guint n_errors, n_warnings; /* also of those beyond PROBLEMS_HELD */
	gpointer look; /* kept by rules from one question to the next (struct object_look); nothing to the list itself */
	/* These go into each problem that is added meanwhile. */
	const char *rule;
	gboolean hides_text, is_secret;
};

/* More are counted, not held: a farm with one wrong habit has it in every file. */
enum { PROBLEMS_HELD = 1000 };

void problems_init(struct problems *p, struct arena *arena);
void problems_clear(struct problems *p);
/* One line of valid text of what strangers wrote: that may hold line feeds, escapes of a terminal, and, where it was cut
 * (%.80s), half a character. `len` -1: to its end. g_free(). */
char *problem_shown(const char *text, gssize len);

void problem_add(struct problems *p, enum severity severity, struct place place, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* FALSE when one more would only be counted: its place and words need not be made. */
gboolean problems_has_room(const struct problems *p, enum severity severity);
/* Moves all problems out; they live as long as the arena. */
struct problem_run problems_take(struct problems *p);
/* Adds them as if they had been found now. */
void problems_add_run(struct problems *p, const struct problem_run *r);
/* How many were only counted. */
guint problems_left_out(const struct problems *p);
/* By path, line, column, and at one place by message. */
void problems_sort(struct problems *p);

/* Appends "path:line:column: error: message" and, when `text` (the file's bytes) is given, the line
 * and a caret under the column. Tabs are shown as one space so that the caret stands right. */
void problem_format(GString *out, const struct problem *p, const char *text, gsize text_len);
