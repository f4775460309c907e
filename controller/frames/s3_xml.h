/* What S3 answers in XML: error codes, upload ids, listings.
 *
 * In: the body of an answer. Out: the text of each element, in order. Called by s3*.c. */
#pragma once
#include <glib.h>

/* `name`: of the element that ends; `text`: what stood right in it. */
typedef void s3_xml_element(const char *name, const char *text, gpointer data);

/* Calls `each` as elements end, inner ones first. ERROR_INVALID when it is no XML. */
gboolean s3_xml_read(const char *xml, gsize size, s3_xml_element *each, gpointer data, GError **error);
/* The text of the first element of that name, or NULL; also NULL when it is no XML. g_free(). */
char *s3_xml_find(const char *xml, gsize size, const char *name);
