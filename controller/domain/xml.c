/* Small words over libxml2: finding, reading, adding. */
#include "domain/xml.h"
#include "base/arena.h"
#include "base/units.h"
#include <string.h>

gboolean xml_is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

xmlNode *xml_next(xmlNode *n, const char *name)
{
	while (n && !(name ? xml_is(n, name) : n->type == XML_ELEMENT_NODE))
		n = n->next;
	return n;
}

xmlNode *xml_child(const xmlNode *parent, const char *name)
{
	return parent ? xml_next(parent->children, name) : NULL;
}

guint xml_count(const xmlNode *parent, const char *name)
{
	guint n = 0;
	XML_EACH (e, parent, name)
		n++;
	return n;
}

/* libxml2 makes one node of a value without entities, which is looked at in place. A value that is several is copied to
 * *ret_copy, to be freed. */
static const char *look(const xmlNode *n, const char *attribute, xmlChar **ret_copy)
{
	const xmlAttr *found = n && n->type == XML_ELEMENT_NODE ? n->properties : NULL;
	*ret_copy = NULL;
	while (found && strcmp((const char *)found->name, attribute) != 0)
		found = found->next;
	if (!found)
		return NULL;
	if (!found->children)
		return "";
	if (found->children->type == XML_TEXT_NODE && !found->children->next)
		return found->children->content ? (const char *)found->children->content : "";
	*ret_copy = xmlNodeListGetString(n->doc, found->children, 1);
	return *ret_copy ? (const char *)*ret_copy : "";
}

char *xml_get(struct arena *a, const xmlNode *n, const char *attribute)
{
	xmlChar *own;
	char *copy = arena_strdup(a, look(n, attribute, &own));
	xmlFree(own);
	return copy;
}

gboolean xml_says(const xmlNode *n, const char *attribute, const char *value)
{
	xmlChar *own;
	gboolean is_same = g_strcmp0(look(n, attribute, &own), value) == 0;
	xmlFree(own);
	return is_same;
}

gint64 xml_int(const xmlNode *n, const char *attribute)
{
	xmlChar *own;
	const char *text = look(n, attribute, &own);
	gint64 value = text ? g_ascii_strtoll(text, NULL, 10) : 0;
	xmlFree(own);
	return value;
}

char *xml_text(struct arena *a, const xmlNode *n)
{
	xmlChar *text = n ? xmlNodeGetContent(n) : NULL;
	char *copy = text && *text ? arena_strdup(a, (const char *)text) : NULL;
	xmlFree(text);
	return copy;
}

guint64 xml_bytes(const xmlNode *n)
{
	xmlChar *text = n ? xmlNodeGetContent(n) : NULL;
	guint64 value = text ? g_ascii_strtoull((const char *)text, NULL, 10) : 0;
	xmlFree(text);
	return value <= G_MAXUINT64 / KiB ? value * KiB : 0;
}

xmlNode *xml_add(xmlNode *parent, const char *name)
{
	return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

xmlNode *xml_have(xmlNode *parent, const char *name)
{
	xmlNode *n = xml_child(parent, name);
	return n ? n : xml_add(parent, name);
}

void xml_set(xmlNode *n, const char *attribute, const char *value)
{
	if (value)
		xmlSetProp(n, (const xmlChar *)attribute, (const xmlChar *)value);
}

void xml_set_int(xmlNode *n, const char *attribute, gint64 value)
{
	char text[24];
	g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, value);
	xml_set(n, attribute, text);
}

void xml_put(xmlNode *n, const char *text)
{
	xmlNodeAddContent(n, (const xmlChar *)text);
}

void xml_put_int(xmlNode *n, gint64 value)
{
	char text[24];
	g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, value);
	xml_put(n, text);
}

void xml_put_bytes(xmlNode *n, guint64 bytes)
{
	xml_set(n, "unit", "KiB");
	xml_put_int(n, (gint64)(bytes / KiB));
}
