/* Two hash tables: roots of this pass, views for good. */
#include "frames/shelf.h"
#include "frames/root.h"

static const gint64 UPKEEP_US = 60 * G_USEC_PER_SEC;

struct shelf {
	GHashTable *roots; /* path → descriptor + 1 */
	GHashTable *markers; /* path → its marker */
	GHashTable *views; /* "root path\njob dir" → struct manifest_view * */
	struct digest_cache *digests;
	struct sweep *sweep;
	gint64 upkept_us; /* when it was last due; 0: never */
};

static void close_root(gpointer value)
{
	close(GPOINTER_TO_INT(value) - 1);
}

static void free_view(gpointer value)
{
	manifest_view_free(value);
}

struct shelf *shelf_new(void)
{
	struct shelf *s = g_new0(struct shelf, 1);
	s->roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_root);
	s->markers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	s->views = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_view);
	s->digests = digest_cache_new();
	s->sweep = sweep_new();
	return s;
}

void shelf_free(struct shelf *s)
{
	if (!s)
		return;
	g_hash_table_destroy(s->roots);
	g_hash_table_destroy(s->markers);
	g_hash_table_destroy(s->views);
	digest_cache_free(s->digests);
	sweep_free(s->sweep);
	g_free(s);
}

void shelf_begin(struct shelf *s)
{
	g_hash_table_remove_all(s->roots);
}

void shelf_mark(struct shelf *s, const char *path, const char *marker)
{
	if (g_strcmp0(g_hash_table_lookup(s->markers, path), marker) == 0)
		return;
	g_hash_table_insert(s->markers, g_strdup(path), g_strdup(marker));
	g_hash_table_remove(s->roots, path);
}

int shelf_root(struct shelf *s, const char *path, GError **error)
{
	int fd = GPOINTER_TO_INT(g_hash_table_lookup(s->roots, path)) - 1;
	if (fd >= 0)
		return fd;
	fd = root_open_marked(path, g_hash_table_lookup(s->markers, path), error);
	if (fd >= 0)
		g_hash_table_insert(s->roots, g_strdup(path), GINT_TO_POINTER(fd + 1));
	return fd;
}

struct manifest_view *shelf_view(struct shelf *s, const char *root_path, const char *job_dir)
{
	g_autofree char *key = g_strdup_printf("%s\n%s", root_path, job_dir);
	struct manifest_view *v = g_hash_table_lookup(s->views, key);
	if (!v) {
		v = manifest_view_new();
		g_hash_table_insert(s->views, g_steal_pointer(&key), v);
	}
	return v;
}

struct digest_cache *shelf_digests(struct shelf *s)
{
	return s->digests;
}

struct sweep *shelf_sweep(struct shelf *s)
{
	return s->sweep;
}

gboolean shelf_upkeep_is_due(struct shelf *s)
{
	gint64 now_us = g_get_monotonic_time();
	if (s->upkept_us && now_us - s->upkept_us < UPKEEP_US)
		return FALSE;
	s->upkept_us = now_us;
	return TRUE;
}

void shelf_upkeep_again(struct shelf *s)
{
	s->upkept_us = 0;
}
