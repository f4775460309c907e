/* How one scalar is written: plain where libyaml's emitter would, else in double quotes; blocks keep
 * their lines. */
#include "base/arena.h"
#include "spec/fmt_tree.h"
#include "spec/form.h"
#include <string.h>

/* -- in one line ------------------------------------------------------------------------------------------ */

/* What libyaml prints as it is (yaml_private.h: IS_PRINTABLE), but for line breaks and tabs. */
static gboolean is_printable(gunichar c)
{
	return (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff && c != 0x2028 && c != 0x2029) ||
	       (c >= 0xe000 && c <= 0xfffd && c != 0xfeff) || c >= 0x10000;
}

static gboolean may_begin(const char *text, gboolean in_flow)
{
	if (strchr("#,[]{}&*!|>'\"%@`", *text) || g_str_has_prefix(text, "---") || g_str_has_prefix(text, "..."))
		return FALSE;
	if (strchr("?:", *text) && in_flow)
		return FALSE;
	return !strchr("?:-", *text) || (text[1] && text[1] != ' ');
}

/* The emitter's rules (yaml_emitter_analyze_scalar): what is plain here is plain to every reader. */
static gboolean may_be_plain(const char *text, gboolean in_flow)
{
	gsize len = strlen(text);
	if (!len || *text == ' ' || text[len - 1] == ' ' || !may_begin(text, in_flow))
		return FALSE;
	for (const char *c = text; *c; c = g_utf8_next_char(c)) {
		if (!is_printable(g_utf8_get_char(c)) || (in_flow && strchr(",?[]{}:", *c)))
			return FALSE;
		if (*c == ':' && (!c[1] || c[1] == ' '))
			return FALSE;
		if (*c == '#' && c > text && c[-1] == ' ')
			return FALSE;
	}
	/* YAML 1.1's merge key and default value: no texts to some readers. */
	return strcmp(text, "<<") != 0 && strcmp(text, "=") != 0;
}

static void append_escaped(GString *out, gunichar c)
{
	static const struct { gunichar c; const char *text; } known[] = {
		{ '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" }, { '\t', "\\t" }, { '\r', "\\r" }, { 0x1b, "\\e" },
	};
	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].c == c) {
			g_string_append(out, known[i].text);
			return;
		}
	if (is_printable(c))
		g_string_append_unichar(out, c);
	else
		g_string_append_printf(out, c < 0x100 ? "\\x%02X" : "\\u%04X", c);
}

void fmt_write_text(GString *out, const char *text, gboolean was_plain, gboolean in_flow)
{
	/* A number stays a number, and a text that looks like one to YAML or to people ("4.2.3") stays a text:
	 * of PCI addresses some are numbers to YAML 1.1, and they should look alike. */
	gboolean is_like_number = text_is_ambiguous(text) || (g_ascii_isdigit(*text) && !was_plain);
	if (is_like_number ? was_plain : may_be_plain(text, in_flow)) {
		g_string_append(out, text);
		return;
	}
	g_string_append_c(out, '"');
	for (const char *c = text; *c; c = g_utf8_next_char(c))
		append_escaped(out, g_utf8_get_char(c));
	g_string_append_c(out, '"');
}

/* -- blocks -------------------------------------------------------------------------------------------------- */

/* Spaces before the first character of a text that is neither space nor newline; -1: there is none. */
static gssize first_indent(const char *text, gsize size)
{
	gssize spaces = 0;
	for (gsize i = 0; i < size; i++) {
		if (text[i] != ' ' && text[i] != '\n')
			return spaces;
		spaces = text[i] == ' ' ? spaces + 1 : 0;
	}
	return -1;
}

/* Line breaks of YAML 1.1 that are no newlines: rather in quotes than cut into lines that look like one. */
static gboolean has_odd_breaks(const char *text)
{
	return strstr(text, "\xc2\x85") || strstr(text, "\xe2\x80\xa8") || strstr(text, "\xe2\x80\xa9");
}

void fmt_read_block(struct arena *a, struct fmt_value *v, char style, const char *raw, gsize size)
{
	gssize in_text = first_indent(v->text, strlen(v->text)), in_file = first_indent(raw, size);
	if (in_text < 0 || in_file < in_text || has_odd_breaks(v->text))
		return;
	g_autofree char *all = g_strndup(raw, size);
	g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
	guint n = g_strv_length(lines);
	v->lines = ARENA_ARRAY(a, char *, n);
	for (guint i = 0; i < n; i++) {
		gsize indent = MIN(strspn(lines[i], " "), (gsize)(in_file - in_text));
		v->lines[i] = arena_strdup(a, lines[i] + indent);
		if (*v->lines[i])
			v->n_lines = i + 1; /* empty ones at the end are said by the header */
	}
	v->block = style;
}

static guint count_newlines_at_end(const char *text)
{
	gsize len = strlen(text), n = 0;
	while (n < len && text[len - 1 - n] == '\n')
		n++;
	return (guint)n;
}

static gboolean begins_with_space(const struct fmt_value *v)
{
	for (guint i = 0; i < v->n_lines; i++)
		if (*v->lines[i])
			return *v->lines[i] == ' ' || *v->lines[i] == '\t';
	return FALSE;
}

gboolean fmt_write_block(GString *out, const struct fmt_value *v, guint indent, GString *ret_lines)
{
	guint n_newlines = count_newlines_at_end(v->text);
	g_string_append_c(out, v->block);
	if (begins_with_space(v))
		g_string_append_c(out, '2');
	if (n_newlines != 1)
		g_string_append_c(out, n_newlines ? '+' : '-');
	for (guint i = 0; i < v->n_lines; i++)
		g_string_append_printf(ret_lines, "%*s%s\n", *v->lines[i] ? (int)indent : 0, "", v->lines[i]);
	for (guint i = 1; i < n_newlines; i++)
		g_string_append_c(ret_lines, '\n');
	return n_newlines > 1;
}

static gboolean is_words(const char *text)
{
	if (!*text || *text == ' ' || strstr(text, "  ") || g_str_has_suffix(text, " "))
		return FALSE;
	for (const char *c = text; *c; c = g_utf8_next_char(c))
		if (!is_printable(g_utf8_get_char(c)))
			return FALSE;
	return TRUE;
}

gboolean fmt_write_folded(GString *out, const char *text, guint indent, guint width, GString *ret_lines)
{
	if (!is_words(text))
		return FALSE;
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	glong column = 0;
	g_string_append(out, ">-");
	for (guint i = 0; words[i]; i++) {
		glong len = g_utf8_strlen(words[i], -1);
		gboolean begins = i == 0 || column + 1 + len > (glong)width;
		if (begins)
			g_string_append_printf(ret_lines, "%s%*s", i ? "\n" : "", (int)indent, "");
		else
			g_string_append_c(ret_lines, ' ');
		column = begins ? (glong)indent + len : column + 1 + len;
		g_string_append(ret_lines, words[i]);
	}
	g_string_append_c(ret_lines, '\n');
	return TRUE;
}
