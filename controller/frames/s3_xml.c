/* GMarkup is enough: the answers have neither document types nor processing instructions of meaning. */
#include "frames/s3_xml.h"
#include "base/error.h"
#include <string.h>

struct reading {
	s3_xml_element *each;
	gpointer data;
	GString *text; /* since the last tag */
};

static void on_start(GMarkupParseContext *context, const char *name, const char **names, const char **values,
		     gpointer data, GError **error)
{
	(void)context, (void)name, (void)names, (void)values, (void)error;
	g_string_truncate(((struct reading *)data)->text, 0);
}

static void on_text(GMarkupParseContext *context, const char *text, gsize size, gpointer data, GError **error)
{
	(void)context, (void)error;
	g_string_append_len(((struct reading *)data)->text, text, (gssize)size);
}

static void on_end(GMarkupParseContext *context, const char *name, gpointer data, GError **error)
{
	(void)context, (void)error;
	struct reading *r = data;
	r->each(name, r->text->str, r->data);
	g_string_truncate(r->text, 0);
}

gboolean s3_xml_read(const char *xml, gsize size, s3_xml_element *each, gpointer data, GError **error)
{
	static const GMarkupParser parser = { on_start, on_end, on_text, NULL, NULL };
	struct reading r = { each, data, g_string_new(NULL) };
	g_autoptr(GError) why = NULL;
	GMarkupParseContext *context = g_markup_parse_context_new(&parser, G_MARKUP_DEFAULT_FLAGS, &r, NULL);
	gboolean ok = g_markup_parse_context_parse(context, xml, (gssize)size, &why) &&
		      g_markup_parse_context_end_parse(context, &why);
	g_markup_parse_context_free(context);
	g_string_free(r.text, TRUE);
	return ok || fail(error, ERROR_INVALID, "its answer is no XML: %s", why->message);
}

struct search {
	const char *name;
	char *found;
};

static void look_for(const char *name, const char *text, gpointer data)
{
	struct search *s = data;
	if (!s->found && strcmp(name, s->name) == 0)
		s->found = g_strdup(text);
}

char *s3_xml_find(const char *xml, gsize size, const char *name)
{
	struct search s = { name, NULL };
	(void)s3_xml_read(xml, size, look_for, &s, NULL);
	return s.found;
}
