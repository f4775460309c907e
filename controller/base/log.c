/* A line is written with one write(), so that lines of several threads do not mix. */
#include "base/log.h"
#include <string.h>
#include <unistd.h>

enum log_level log_level = LOG_NOTICE;
static gboolean (*writer)(enum log_level level, const char *area, const char *sentence);

void log_set_writer(gboolean (*take)(enum log_level level, const char *area, const char *sentence))
{
	writer = take;
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
	static const char *const words[] = { "error", "warning", "notice", "debug" };
	if (level > log_level)
		return;
	va_list args;
	va_start(args, format);
	g_autofree char *sentence = g_strdup_vprintf(format, args);
	va_end(args);
	if (writer && writer(level, area, sentence))
		return;
	g_autofree char *line = g_strdup_printf("%s %s: %s\n", words[level], area, sentence);
	gsize len = strlen(line);
	/* Nothing sensible can be done when stderr is gone. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
