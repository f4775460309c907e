/* Small words over libxml2. Texts that are read are copies in the arena; no function takes NULL for granted:
 * a missing element has no attributes, no text and no children. */
#pragma once
#include <glib.h>
#include <libxml/tree.h>

struct arena;

/* The first element from `n` on, among its siblings, called `name` (NULL = any); or NULL. */
xmlNode *xml_next(xmlNode *n, const char *name);
xmlNode *xml_child(const xmlNode *parent, const char *name);
#define XML_EACH(e, parent, name) \
	for (xmlNode *e = xml_child((parent), (name)); e; e = xml_next(e->next, (name)))
guint xml_count(const xmlNode *parent, const char *name);
gboolean xml_is(const xmlNode *n, const char *name);

char *xml_get(struct arena *a, const xmlNode *n, const char *attribute);
/* Whether the attribute has that value. */
gboolean xml_says(const xmlNode *n, const char *attribute, const char *value);
/* Absent, empty or no number: 0. */
gint64 xml_int(const xmlNode *n, const char *attribute);
/* NULL when it is empty. */
char *xml_text(struct arena *a, const xmlNode *n);
/* Memory in bytes; libvirt gives KiB whatever was written. */
guint64 xml_bytes(const xmlNode *n);

xmlNode *xml_add(xmlNode *parent, const char *name);
/* The child of that name, made where there is none. */
xmlNode *xml_have(xmlNode *parent, const char *name);
/* A NULL value sets nothing. */
void xml_set(xmlNode *n, const char *attribute, const char *value);
void xml_set_int(xmlNode *n, const char *attribute, gint64 value);
void xml_put(xmlNode *n, const char *text);
void xml_put_int(xmlNode *n, gint64 value);
void xml_put_bytes(xmlNode *n, guint64 bytes);
