/* Long lines on a terminal: broken at blanks, what goes on stands deeper than what it belongs to. */
#include "report/report.h"
#include <string.h>

enum { LEAST_COLUMNS = 40, DEEPER = 8 };

/* Bytes of a sequence that colours, which takes no column; 0: there is none. */
static gsize escape_size(const char *c)
{
	const char *end = *c == '\033' ? strchr(c, 'm') : NULL;
	return end ? (gsize)(end - c) + 1 : 0;
}

static guint columns_of(const char *word, gsize size)
{
	guint n = 0;
	for (const char *c = word; c < word + size;) {
		gsize skip = escape_size(c);
		n += skip || ((guchar)*c & 0xc0) == 0x80 ? 0 : 1;
		c += skip ? skip : 1;
	}
	return n;
}

/* A word that is longer than a line stands alone. */
static void wrap_line(GString *out, const char *line, gsize size, guint columns)
{
	gsize indent = strspn(line, " ");
	guint at = 0, deep = (guint)MIN(indent + DEEPER, columns / 2);
	for (const char *c = line; c < line + size;) {
		gsize blanks = strspn(c, " "), word = strcspn(c + blanks, " \n");
		guint width = columns_of(c + blanks, word);
		if (at > deep && at + blanks + width > columns) {
			g_string_append_printf(out, "\n%*s", (int)deep, "");
			at = deep;
		} else {
			g_string_append_len(out, c, (gssize)blanks);
			at += (guint)blanks;
		}
		g_string_append_len(out, c + blanks, (gssize)word);
		at += width;
		c += blanks + word;
	}
}

void report_wrap(GString *out, const char *text, guint columns)
{
	columns = MAX(columns, LEAST_COLUMNS);
	for (const char *line = text; *line;) {
		gsize size = strcspn(line, "\n");
		if (columns_of(line, size) <= columns)
			g_string_append_len(out, line, (gssize)size);
		else
			wrap_line(out, line, size, columns);
		line += size;
		if (*line == '\n')
			g_string_append_c(out, *line++);
	}
}
