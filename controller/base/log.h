/* One line an event: "level area: sentence key=value". To stderr; only main.c, commands/, reconcile.c
 * and worker/ log (linted). The level is the program's only global. */
#pragma once
#include <glib.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_DEBUG };

extern enum log_level log_level;

void log_line(enum log_level level, const char *area, const char *format, ...) G_GNUC_PRINTF(3, 4);
#define log_error(area, ...) log_line(LOG_ERROR, area, __VA_ARGS__)
#define log_warning(area, ...) log_line(LOG_WARNING, area, __VA_ARGS__)
#define log_notice(area, ...) log_line(LOG_NOTICE, area, __VA_ARGS__)
#define log_debug(area, ...) log_line(LOG_DEBUG, area, __VA_ARGS__)
