/* The file of a saved plan; what stands in it is report/saved_plan.c's matter. */
#include "commands/saved_plan.h"
#include "report/report.h"
#include <glib/gstdio.h>

/* 10,000 objects make a few MiB. */
enum { MOST_BYTES = 256 * 1024 * 1024 };

gboolean saved_plan_write(const char *path, const struct plan *p, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	report_plan_json(text, p);
	gboolean ok = g_file_set_contents_full(path, text->str, (gssize)text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
	if (!ok)
		g_prefix_error(error, "writing the plan: ");
	return ok;
}

gboolean saved_plan_read(const char *path, struct saved_plan *ret, GError **error)
{
	char *text;
	GStatBuf st;
	if (g_stat(path, &st) == 0 && st.st_size > MOST_BYTES)
		return fail(error, ERROR_INVALID, "%s is no plan: it is larger than any", path);
	if (!g_file_get_contents(path, &text, NULL, error)) {
		g_prefix_error(error, "reading the plan: ");
		return FALSE;
	}
	return saved_plan_parse(text, path, ret, error);
}
