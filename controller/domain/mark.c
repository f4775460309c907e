/* cleave's mark: an element in the domain's metadata that says whose it is, and what libvirt has no place for. */
#include "domain/mark.h"
#include "base/arena.h"
#include "domain/mark.h"
#include "domain/part.h"
#include <string.h>

static xmlNode *mark_of(const xmlNode *root)
{
	XML_EACH (e, xml_child(root, "metadata"), NULL)
		if (e->ns && strcmp((const char *)e->ns->href, DOMAIN_MARK_URI) == 0)
			return e;
	return NULL;
}

void mark_set(struct context *c, const char *word, const char *value)
{
	xmlNode *mark = mark_of(c->root);
	if (!mark) {
		mark = xml_add(xml_have(c->root, "metadata"), "vm");
		xmlSetNs(mark, xmlNewNs(mark, (const xmlChar *)DOMAIN_MARK_URI, (const xmlChar *)DOMAIN_MARK_PREFIX));
	}
	xml_set(mark, word, value);
}

char *mark_get_of(struct arena *a, const xmlNode *root, const char *word)
{
	return xml_get(a, mark_of(root), word);
}

char *mark_get(struct context *c, const char *word)
{
	return mark_get_of(c->arena, c->root, word);
}

void mark_set_words(struct context *c, const char *word, const struct strings *values)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < values->n; i++)
		g_string_append_printf(s, "%s%s", i ? " " : "", values->items[i]);
	mark_set(c, word, values->n ? s->str : NULL);
}

struct strings mark_get_words(struct context *c, const char *word)
{
	const char *text = mark_get(c, word);
	struct strings words = { 0 };
	g_auto(GStrv) parts = g_strsplit(text ? text : "", " ", -1);
	words.items = ARENA_ARRAY(c->arena, const char *, g_strv_length(parts));
	for (guint i = 0; parts[i]; i++)
		if (*parts[i])
			words.items[words.n++] = arena_strdup(c->arena, parts[i]);
	return words;
}

char *domain_mark(struct arena *a, const char *farm)
{
	g_autofree char *text = g_markup_printf_escaped("<vm farm=\"%s\"/>", farm);
	return arena_strdup(a, text);
}

/* -- rows that stand in the mark alone ------------------------------------------------------------------------- */

void worker_write(struct context *c, const struct vm_spec *vm)
{
	mark_set(c, "worker", vm->worker.bundle);
}

void worker_read(struct context *c, struct vm_spec *ret)
{
	ret->worker.bundle = mark_get(c, "worker");
}

void kept_write(struct context *c, const struct vm_spec *vm)
{
	mark_set_words(c, "kept", &vm->kept);
}

void kept_read(struct context *c, struct vm_spec *ret)
{
	ret->kept = mark_get_words(c, "kept");
}
