/* A visitor of the tables. Not spec/emit.c: that one writes values for programs, all of them, and lists as
 * libyaml has them. */
#include "commands/init_text.h"
#include "base/arena.h"
#include "spec/secret.h"
#include "spec/walk.h"
#include <string.h>

struct writer {
	GString *out;
	guint indent;
	gboolean after_dash; /* the line of a list's item has begun */
	const char *first;   /* not written yet */
};

static void begin_line(struct writer *w)
{
	for (guint i = 0; !w->after_dash && i < w->indent; i++)
		g_string_append_c(w->out, ' ');
	w->after_dash = FALSE;
}

static void on_begin(void *user, const char *key, gboolean is_list)
{
	struct writer *w = user;
	(void)is_list;
	begin_line(w);
	if (key)
		init_write_text(w->out, key);
	g_string_append(w->out, key ? ":\n" : "- ");
	w->after_dash = key == NULL;
	w->indent += 2;
	g_string_append(w->out, w->first ? w->first : "");
	w->first = NULL;
}

static void on_end(void *user, gboolean is_list)
{
	struct writer *w = user;
	if (w->after_dash)
		g_string_append(w->out, is_list ? "[]\n" : "{}\n");
	w->after_dash = FALSE;
	w->indent -= 2;
}

/* Indicators of YAML, and digits: numbers, times and addresses of which some reader makes a number. */
static gboolean is_plain(const char *text)
{
	return g_ascii_strncasecmp(text, "<<", 2) && !strchr("-?:,[]{}#&*!|>'\"%@`=0123456789", *text) && !text_is_ambiguous(text) &&
	       !strstr(text, ": ") && !strstr(text, " #") && !g_str_has_suffix(text, ":") && !g_str_has_suffix(text, " ") &&
	       *text != ' ' && !strpbrk(text, "\t\r\n");
}

void init_write_text(GString *out, const char *text)
{
	if (is_plain(text)) {
		g_string_append(out, text);
		return;
	}
	g_string_append_c(out, '"');
	for (const char *c = text; *c; c++)
		if ((guchar)*c < 0x20 || *c == 0x7f)
			g_string_append_printf(out, "\\x%02x", (guint)*c);
		else
			g_string_append_printf(out, "%s%c", strchr("\\\"", *c) ? "\\" : "", *c);
	g_string_append_c(out, '"');
}

static void on_scalar(void *user, const char *key, const struct field *f, const char *text)
{
	SCOPED_ARENA(scratch);
	struct writer *w = user;
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	gboolean is_text = f->type == FIELD_STRING || f->type == FIELD_STRINGS;
	begin_line(w);
	if (key)
		init_write_text(w->out, key);
	g_string_append(w->out, key ? ": " : "- ");
	if (secret_check(scratch, valid))
		g_string_append(w->out, "left-out # it looks like a secret");
	else if (is_text)
		init_write_text(w->out, valid);
	else
		g_string_append(w->out, valid);
	g_string_append_c(w->out, '\n');
}

void init_write_spec(GString *out, const struct field *table, const void *object, const char *first)
{
	static const struct visitor visitor = { on_scalar, on_begin, on_end };
	const struct field whole[] = { { "spec", FIELD_STRUCT, .fields = table, .flags = FIELD_PARTIAL }, { 0 } };
	struct writer w = { .out = out, .first = first };
	gsize before = out->len;
	walk_struct(whole, object, 0, FALSE, &visitor, &w);
	if (out->len == before)
		g_string_append(out, "spec: {}\n");
}
