/* ListObjectsV2, page by page. */
#include "base/error.h"
#include "frames/s3_request.h"
#include "frames/s3_xml.h"
#include <string.h>

struct page {
	GHashTable *found;
	GPtrArray *folders;
	gsize prefix_len; /* of what is not told */
	char *key;        /* of the object whose elements come now */
	struct s3_facts facts;
	gboolean is_truncated;
	char *next;
	char *folder; /* of the element that names one */
};

static void take_object(struct page *p)
{
	/* a key that ends with "/" is how some tools make a folder visible */
	if (p->key && strlen(p->key) > p->prefix_len && !g_str_has_suffix(p->key, "/"))
		g_hash_table_replace(p->found, g_strdup(p->key + p->prefix_len), g_memdup2(&p->facts, sizeof p->facts));
	g_clear_pointer(&p->key, g_free);
	p->facts = (struct s3_facts){ 0 };
}

/* "KEY/" of which the name is between the last two slashes. */
static void take_folder(struct page *p)
{
	if (p->folder && g_str_has_suffix(p->folder, "/"))
		p->folder[strlen(p->folder) - 1] = '\0';
	const char *slash = p->folder ? strrchr(p->folder, '/') : NULL;
	if (p->folder)
		g_ptr_array_add(p->folders, g_strdup(slash ? slash + 1 : p->folder));
}

static gint64 us_of(const char *text)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);
	return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time) : 0;
}

static void take_element(const char *name, const char *text, gpointer data)
{
	struct page *p = data;
	if (strcmp(name, "Key") == 0) {
		g_free(p->key);
		p->key = g_strdup(text);
	} else if (strcmp(name, "Size") == 0) {
		p->facts.size = g_ascii_strtoull(text, NULL, 10);
	} else if (strcmp(name, "ETag") == 0) {
		g_strlcpy(p->facts.etag, text + (*text == '"'), sizeof p->facts.etag);
		p->facts.etag[strcspn(p->facts.etag, "\"")] = '\0';
	} else if (strcmp(name, "LastModified") == 0) {
		p->facts.modified_us = us_of(text);
	} else if (strcmp(name, "Prefix") == 0) {
		g_free(p->folder);
		p->folder = g_strdup(text);
	} else if (strcmp(name, "CommonPrefixes") == 0) {
		take_folder(p);
	} else if (strcmp(name, "Contents") == 0) {
		take_object(p);
	} else if (strcmp(name, "IsTruncated") == 0) {
		p->is_truncated = strcmp(text, "true") == 0;
	} else if (strcmp(name, "NextContinuationToken") == 0) {
		g_free(p->next);
		p->next = g_strdup(text);
	}
}

static char *query_of(const struct s3 *s, const char *folder, gboolean deep, const char *next)
{
	g_autofree char *prefix = g_strconcat(s->prefix, folder, NULL);
	g_autofree char *escaped = s3_escape(prefix, NULL);
	g_autofree char *token = next ? s3_escape(next, NULL) : NULL;
	/* sorted by name, as it is signed */
	return g_strconcat(token ? "continuation-token=" : "", token ? token : "", token ? "&" : "",
			   deep ? "" : "delimiter=%2F&", "list-type=2&prefix=", escaped, NULL);
}

static gboolean list_page(struct s3 *s, const char *query, struct page *p, GError **error)
{
	const struct s3_request r = { .method = "GET", .query = query };
	SCOPED_ANSWER(a);
	g_clear_pointer(&p->next, g_free);
	p->is_truncated = FALSE;
	if (!s3_ask(s, &r, &a, error) || !s3_answer_is_fine(s, &r, &a, error))
		return FALSE;
	if (!s3_xml_read(a.said->str, a.said->len, take_element, p, error)) {
		g_prefix_error(error, "GET %s: ", s->name);
		return FALSE;
	}
	return !p->is_truncated || p->next ||
	       fail(error, ERROR_INVALID, "GET %s: a listing that goes on and does not say where", s->name);
}

static gboolean list_pages(struct s3 *s, const char *folder, gboolean deep, struct page *p, GError **error)
{
	gboolean ok;
	p->found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	p->folders = g_ptr_array_new_with_free_func(g_free);
	p->prefix_len = strlen(s->prefix);
	do {
		g_autofree char *query = query_of(s, folder, deep, p->next);
		ok = list_page(s, query, p, error);
	} while (ok && p->is_truncated);
	g_free(p->key);
	g_free(p->next);
	g_free(p->folder);
	return ok;
}

GHashTable *s3_list(struct s3 *s, const char *folder, gboolean deep, GError **error)
{
	struct page p = { 0 };
	gboolean ok = list_pages(s, folder, deep, &p, error);
	g_ptr_array_unref(p.folders);
	if (ok)
		return p.found;
	g_hash_table_unref(p.found);
	return NULL;
}

GPtrArray *s3_list_folders(struct s3 *s, const char *folder, GError **error)
{
	struct page p = { 0 };
	gboolean ok = list_pages(s, folder, FALSE, &p, error);
	g_hash_table_unref(p.found);
	if (ok)
		return p.folders;
	g_ptr_array_unref(p.folders);
	return NULL;
}
