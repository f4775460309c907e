/* Hash tables: roots of this pass, views as long as somebody asks for them. */
#include "frames/shelf.h"
#include "base/error.h"
#include "frames/root.h"
#include <string.h>

/* A view that nobody asked for through several upkeeps is of a job that is gone. */
static const gint64 UPKEEP_US = 60 * G_USEC_PER_SEC, FORGET_US = 600 * G_USEC_PER_SEC;

struct shelf {
	GHashTable *roots; /* path → descriptor + 1 */
	GHashTable *markers; /* path → its marker */
	GHashTable *buckets; /* URL → struct bucket * */
	char *keep;          /* their local folders lie there */
	GHashTable *views; /* "root path\njob dir" → struct kept_view * */
	struct digest_cache *digests;
	struct sweep *sweep;
	gint64 upkept_us; /* when it was last due; 0: never */
};

struct bucket {
	char *url, *endpoint, *region, *credentials_file;
	struct remote *remote; /* NULL: not reached yet */
};

static void free_bucket(gpointer value)
{
	struct bucket *b = value;
	remote_free(b->remote);
	g_free(b->url);
	g_free(b->endpoint);
	g_free(b->region);
	g_free(b->credentials_file);
	g_free(b);
}

static void close_root(gpointer value)
{
	close(GPOINTER_TO_INT(value) - 1);
}

struct kept_view {
	struct manifest_view *view;
	gint64 asked_us;
};

static void free_view(gpointer value)
{
	struct kept_view *k = value;
	manifest_view_free(k->view);
	g_free(k);
}

static gboolean is_left(gpointer key, gpointer value, gpointer user)
{
	(void)key;
	return ((const struct kept_view *)value)->asked_us < *(const gint64 *)user;
}

struct shelf *shelf_new(void)
{
	struct shelf *s = g_new0(struct shelf, 1);
	s->roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_root);
	s->markers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	s->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_bucket);
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
	g_hash_table_destroy(s->buckets);
	g_free(s->keep);
	g_hash_table_destroy(s->views);
	digest_cache_free(s->digests);
	sweep_free(s->sweep);
	g_free(s);
}

void shelf_begin(struct shelf *s)
{
	GHashTableIter it;
	gpointer bucket;
	gint64 since_us = g_get_monotonic_time() - FORGET_US;
	g_hash_table_remove_all(s->roots);
	g_hash_table_foreach_remove(s->views, is_left, &since_us);
	g_hash_table_iter_init(&it, s->buckets);
	while (g_hash_table_iter_next(&it, NULL, &bucket))
		if (((struct bucket *)bucket)->remote)
			remote_begin(((struct bucket *)bucket)->remote);
}

void shelf_keep(struct shelf *s, const char *folder)
{
	g_free(s->keep);
	s->keep = g_strdup(folder);
}

static gboolean is_known_as(const struct bucket *b, const struct s3_options *o)
{
	return g_strcmp0(b->endpoint, o->endpoint) == 0 && g_strcmp0(b->region, o->region) == 0 &&
	       g_strcmp0(b->credentials_file, o->credentials_file) == 0;
}

void shelf_know(struct shelf *s, const struct s3_options *o, const char *marker)
{
	const struct bucket *had = g_hash_table_lookup(s->buckets, o->url);
	shelf_mark(s, o->url, marker);
	if (had && is_known_as(had, o))
		return;
	struct bucket *b = g_new0(struct bucket, 1);
	*b = (struct bucket){ g_strdup(o->url), g_strdup(o->endpoint), g_strdup(o->region),
			      g_strdup(o->credentials_file), NULL };
	g_hash_table_remove(s->roots, o->url);
	g_hash_table_replace(s->buckets, b->url, b);
}

struct remote *shelf_remote(const struct shelf *s, const char *path)
{
	const struct bucket *b = g_hash_table_lookup(s->buckets, path);
	return b ? b->remote : NULL;
}

static int open_bucket(struct shelf *s, struct bucket *b, GError **error)
{
	const struct s3_options o = { .url = b->url,
				      .endpoint = b->endpoint,
				      .region = b->region,
				      .credentials_file = b->credentials_file };
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, b->url, -1);
	g_autofree char *local = g_strdup_printf("%s/%.16s", s->keep, digest);
	g_autoptr(GError) why = NULL;
	if (!b->remote)
		b->remote = remote_new(&o, local, &why);
	if (b->remote)
		return remote_open(b->remote, g_hash_table_lookup(s->markers, b->url), error);
	fail(error, ERROR_AWAY, "root %s: %s", b->url, why->message);
	return -1;
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
	struct bucket *b = g_hash_table_lookup(s->buckets, path);
	fd = b ? open_bucket(s, b, error) : root_open_marked(path, g_hash_table_lookup(s->markers, path), error);
	if (fd >= 0)
		g_hash_table_insert(s->roots, g_strdup(path), GINT_TO_POINTER(fd + 1));
	return fd;
}

struct manifest_view *shelf_view(struct shelf *s, const char *root_path, const char *job_dir)
{
	g_autofree char *key = g_strdup_printf("%s\n%s", root_path, job_dir);
	struct kept_view *k = g_hash_table_lookup(s->views, key);
	if (!k) {
		k = g_new0(struct kept_view, 1);
		k->view = manifest_view_new();
		g_hash_table_insert(s->views, g_steal_pointer(&key), k);
	}
	k->asked_us = g_get_monotonic_time();
	return k->view;
}

GPtrArray *shelf_job_dirs(struct shelf *s, const char *path, GError **error)
{
	int fd = shelf_root(s, path, error);
	struct remote *r = shelf_remote(s, path);
	if (fd < 0)
		return NULL;
	return r ? remote_job_dirs(r, error) : root_job_dirs(fd, error);
}

void shelf_add_job_dir(GPtrArray *dirs, const char *job_id)
{
	g_autofree char *dir = root_job_dir(job_id);
	if (!g_ptr_array_find_with_equal_func(dirs, dir, g_str_equal, NULL))
		g_ptr_array_add(dirs, g_steal_pointer(&dir));
}

struct manifest_view *shelf_view_now(struct shelf *s, const char *root_path, const char *job_dir, GError **error)
{
	int fd = shelf_root(s, root_path, error);
	struct manifest_view *v = shelf_view(s, root_path, job_dir);
	if (fd < 0 || !remote_fetch_manifest(shelf_remote(s, root_path), fd, job_dir, error))
		return NULL;
	return manifest_view_update(v, fd, job_dir, error) ? v : NULL;
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
