/* Metrics in Prometheus' text format, version 0.0.4: what node_exporter's textfile collector reads.
 *
 * In: a table of metrics, a row each, and values with their labels. Out: text with HELP and TYPE, each metric's lines
 * together, labels escaped. Of one metric at most EXPOSITION_MOST lines are kept: what has a label for each of a
 * farm's objects must not grow without end. */
#pragma once
#include <glib.h>

enum { EXPOSITION_LABELS = 4, EXPOSITION_MOST = 2000 };

struct exposition_row {
	const char *name; /* with its unit; counters end in _total */
	const char *type; /* gauge, counter, summary (sum and count alone) */
	const char *help;
	const char *labels[EXPOSITION_LABELS + 1]; /* NULL at the end */
};

struct exposition;

struct exposition *exposition_new(const struct exposition_row *rows, guint n_rows);
/* As many values of labels as the row has; NULL is "". */
void exposition_add(struct exposition *e, guint row, double value, ...);
/* Of a summary. */
void exposition_add_sum(struct exposition *e, guint row, double sum, guint64 count, ...);
/* The text; frees `e`. g_free(). */
char *exposition_end(struct exposition *e);

/* Replaces the file by a rename, readable by all, without waiting for the disk. */
gboolean exposition_write(const char *path, const char *text, GError **error);
