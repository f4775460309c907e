#include "base/exposition.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct exposition {
	const struct exposition_row *rows;
	guint n;
	GString **lines; /* of each row */
	guint *n_lines;
	guint64 n_left_out;
};

struct exposition *exposition_new(const struct exposition_row *rows, guint n_rows)
{
	struct exposition *e = g_new0(struct exposition, 1);
	*e = (struct exposition){ rows, n_rows, g_new0(GString *, n_rows), g_new0(guint, n_rows), 0 };
	for (guint i = 0; i < n_rows; i++)
		e->lines[i] = g_string_new(NULL);
	return e;
}

/* Of a value only backslash, quote and line feed are escaped; it has to be UTF-8. */
static void append_value(GString *out, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
	for (const char *c = valid; *c; c++)
		if (*c == '\n')
			g_string_append(out, "\\n");
		else if (*c == '\\' || *c == '"')
			g_string_append_printf(out, "\\%c", *c);
		else
			g_string_append_c(out, *c);
}

static char *labels_text(const struct exposition_row *row, va_list values)
{
	GString *out = g_string_new(NULL);
	for (guint i = 0; row->labels[i]; i++) {
		g_string_append_printf(out, "%s%s=\"", i ? "," : "{", row->labels[i]);
		append_value(out, va_arg(values, const char *));
		g_string_append_c(out, '"');
	}
	if (out->len)
		g_string_append_c(out, '}');
	return g_string_free(out, FALSE);
}

/* Without the locale's comma; whole numbers as such. */
static void append_number(GString *out, double value)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];
	if (isnan(value))
		g_string_append(out, "NaN");
	else if (isinf(value))
		g_string_append(out, value < 0 ? "-Inf" : "+Inf");
	else if (fabs(value) < 9e15 && value == floor(value))
		g_string_append_printf(out, "%.0f", value);
	else
		g_string_append(out, g_ascii_formatd(digits, sizeof digits, "%.15g", value));
}

static void append_line(struct exposition *e, guint row, const char *suffix, const char *labels, double value)
{
	g_string_append_printf(e->lines[row], "%s%s%s ", e->rows[row].name, suffix, labels);
	append_number(e->lines[row], value);
	g_string_append_c(e->lines[row], '\n');
}

static gboolean has_room(struct exposition *e, guint row)
{
	if (e->n_lines[row] < EXPOSITION_MOST) {
		e->n_lines[row]++;
		return TRUE;
	}
	e->n_left_out++;
	return FALSE;
}

void exposition_add(struct exposition *e, guint row, double value, ...)
{
	va_list values;
	if (!has_room(e, row))
		return;
	va_start(values, value);
	g_autofree char *labels = labels_text(&e->rows[row], values);
	va_end(values);
	append_line(e, row, "", labels, value);
}

void exposition_add_sum(struct exposition *e, guint row, double sum, guint64 count, ...)
{
	va_list values;
	if (!has_room(e, row))
		return;
	va_start(values, count);
	g_autofree char *labels = labels_text(&e->rows[row], values);
	va_end(values);
	append_line(e, row, "_sum", labels, sum);
	append_line(e, row, "_count", labels, (double)count);
}

static void append_head(GString *out, const char *name, const char *type, const char *help)
{
	g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

char *exposition_end(struct exposition *e)
{
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < e->n; i++) {
		if (e->lines[i]->len) {
			append_head(out, e->rows[i].name, e->rows[i].type, e->rows[i].help);
			g_string_append_len(out, e->lines[i]->str, (gssize)e->lines[i]->len);
		}
		g_string_free(e->lines[i], TRUE);
	}
	if (e->n_left_out) {
		append_head(out, "cleave_metrics_left_out", "gauge", "Lines left out because a metric had too many.");
		g_string_append_printf(out, "cleave_metrics_left_out %" G_GUINT64_FORMAT "\n", e->n_left_out);
	}
	g_free(e->lines);
	g_free(e->n_lines);
	g_free(e);
	return g_string_free(out, FALSE);
}

/* The collector's folder may be another user's, who could leave a link there to a file of ours: what lies there under that
 * name goes, and is never written into. */
static FILE *open_new(const char *path)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return NULL;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

gboolean exposition_write(const char *path, const char *text, GError **error)
{
	/* The collector reads *.prom alone. */
	g_autofree char *other = g_strdup_printf("%s.new", path);
	FILE *f = open_new(other);
	if (!f)
		return fail_errno(error, errno, "writing %s", other);
	gboolean ok = fputs(text, f) >= 0 && fflush(f) == 0 && fchmod(fileno(f), 0644) == 0;
	int why = errno;
	ok = fclose(f) == 0 && ok;
	if (ok && rename(other, path) == 0)
		return TRUE;
	why = ok ? errno : why;
	unlink(other);
	return fail_errno(error, why, "writing %s", path);
}
