/* Texts that come from specs, hosts and people, for pages that others read. */
#include "base/arena.h"
#include "report/merge.h"
#include "spec/secret.h"
#include <string.h>

/* Control characters; marks that reorder what is shown, or are not shown. */
static gboolean is_harmful(gunichar c)
{
	GUnicodeType type = g_unichar_type(c);
	return type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT || type == G_UNICODE_LINE_SEPARATOR ||
	       type == G_UNICODE_PARAGRAPH_SEPARATOR || type == G_UNICODE_SURROGATE || type == G_UNICODE_PRIVATE_USE ||
	       type == G_UNICODE_UNASSIGNED;
}

char *merge_line(const char *text, const char *field, guint most)
{
	if (secret_is_value(field, text))
		return g_strdup(SECRET_MASKED);
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_new(NULL);
	guint n = 0;
	for (const char *at = valid; *at; at = g_utf8_next_char(at), n++) {
		gunichar c = g_utf8_get_char(at);
		if (n == most) {
			g_autofree char *rest = merge_number((guint64)g_utf8_strlen(at, -1));
			g_string_append_printf(out, "… (and %s more characters)", rest);
			break;
		}
		if (c == '\n' || c == '\t')
			g_string_append_c(out, ' ');
		else
			g_string_append_unichar(out, is_harmful(c) ? 0xfffd : c);
	}
	return g_string_free(out, FALSE);
}

/* CommonMark 6.2: a numeric reference is text, never structure; what is left as it is has a meaning at the begin of a
 * line alone, where none of these texts stands. Who reads the page's text for mentions and references
 * afterwards (@name, #12, !12, ~label) finds something between the sign and the name. */
static void put(GString *out, const char *line, gboolean is_code)
{
	for (const char *c = line; *c; c++) {
		if ((guchar)*c >= 0x80 || g_ascii_isalnum(*c) || strchr(" ,;/.-=+()'\"", *c) || (*c == ':' && c[1] != '/'))
			g_string_append_c(out, *c);
		else
			g_string_append_printf(out, "&#%d;", *c);
		if (!is_code && strchr("@#!~%$^&", *c) && (g_ascii_isalnum(c[1]) || (c[1] && strchr("\"{_", c[1]))))
			g_string_append(out, "&#8203;");
	}
}

void merge_put_text(GString *out, const char *line)
{
	put(out, line, FALSE);
}

void merge_put_code(GString *out, const char *line)
{
	g_string_append(out, "<code>");
	put(out, line, TRUE);
	g_string_append(out, "</code>");
}

void merge_put_xml(GString *out, const char *line)
{
	g_autofree char *escaped = g_markup_escape_text(line, -1);
	g_string_append(out, escaped);
}

char *merge_number(guint64 n)
{
	GString *out = g_string_new(NULL);
	g_string_printf(out, "%" G_GUINT64_FORMAT, n);
	for (gssize at = (gssize)out->len - 3; at > 0; at -= 3)
		g_string_insert_c(out, at, ',');
	return g_string_free(out, FALSE);
}

/* https://docs.github.com/actions/reference/workflow-commands-for-github-actions: a command ends with its line, and
 * `%` begins an escape. */
void merge_put_command(GString *out, const char *text, gboolean is_property)
{
	for (const char *c = text; *c; c++)
		if (strchr("%\r\n", *c) || (is_property && strchr(":,", *c)))
			g_string_append_printf(out, "%%%02X", (guchar)*c);
		else
			g_string_append_c(out, *c);
}
