/* One line an event: "level area: sentence key=value". To stderr; only main.c, commands/, reconcile.c
 * and worker/ log (linted). The level and who writes are the program's only globals. */
#pragma once
#include <glib.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_DEBUG };

extern enum log_level log_level;

void log_line(enum log_level level, const char *area, const char *format, ...) G_GNUC_PRINTF(3, 4);
#define log_error(area, ...) log_line(LOG_ERROR, area, __VA_ARGS__)
#define log_warning(area, ...) log_line(LOG_WARNING, area, __VA_ARGS__)
#define log_notice(area, ...) log_line(LOG_NOTICE, area, __VA_ARGS__)
#define log_debug(area, ...) log_line(LOG_DEBUG, area, __VA_ARGS__)

/* Who takes lines instead of stderr, set once before there are threads; FALSE from it: stderr after all. */
void log_set_writer(gboolean (*take)(enum log_level level, const char *area, const char *sentence));
