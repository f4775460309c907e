/* Workers of one machine share the local folders: files come by rename, and what is staged has a token. */
#include "worker/buckets.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/remote_mirror.h"
#include "frames/root.h"
#include "worker/worker.h"
#include <string.h>

struct buckets {
	const struct config *config;
	GHashTable *open;   /* root → struct remote * */
	GHashTable *warned; /* root: its weakness was said */
};

static void free_remote(gpointer r)
{
	remote_free(r);
}

char *bucket_folder(const char *cache, const char *name, const char *url)
{
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, url, -1);
	return g_strdup_printf("%s/buckets/%s+%.12s", cache, name, digest);
}

struct buckets *buckets_new(const struct config *c)
{
	struct buckets *b = g_new0(struct buckets, 1);
	b->config = c;
	b->open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_remote);
	b->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return b;
}

void buckets_free(struct buckets *b)
{
	if (!b)
		return;
	g_hash_table_unref(b->open);
	g_hash_table_unref(b->warned);
	g_free(b);
}

void buckets_begin(struct buckets *b)
{
	GHashTableIter it;
	gpointer name, remote;
	g_hash_table_iter_init(&it, b->open);
	while (g_hash_table_iter_next(&it, &name, &remote)) {
		const char *weakness = remote_weakness(remote);
		if (weakness && g_hash_table_add(b->warned, g_strdup(name)))
			log_warning("worker", "root %s: %s", (const char *)name, weakness);
		remote_begin(remote);
	}
}

struct remote *worker_bucket(const struct worker *w, const char *root, GError **error)
{
	const struct config *c = w->config;
	const char *url = g_hash_table_lookup(c->buckets, root);
	struct remote *r = url ? g_hash_table_lookup(w->buckets->open, root) : NULL;
	if (!url || r)
		return r;
	const char *own = g_hash_table_lookup(c->credentials, root);
	const struct s3_options o = { .url = url,
				      .endpoint = c->s3_endpoint,
				      .region = c->s3_region,
				      .credentials_file = own ? own : c->s3_credentials_file,
				      .patience_ms = (guint)MIN(c->lease_ms, 60000) };
	g_autoptr(GError) why = NULL;
	r = remote_new(&o, g_hash_table_lookup(c->mounts, root), &why);
	if (!r) {
		fail(error, ERROR_AWAY, "root %s: %s", root, why->message);
		return NULL;
	}
	g_hash_table_insert(w->buckets->open, g_strdup(root), r);
	return r;
}

int worker_open_bucket(const struct worker *w, const char *root, const char *marker, GError **error)
{
	struct remote *r = worker_bucket(w, root, error);
	return r ? remote_open(r, marker, error) : -1;
}

gboolean worker_bring(const struct worker *w, int root_fd, const char *root, const char *path, const char *sha256,
		      GError **error)
{
	struct file_digest local;
	struct remote *r = worker_bucket(w, root, NULL);
	if (!r || (digest_file(w->digests, root_fd, path, &local, NULL) && strcmp(local.sha256, sha256) == 0))
		return TRUE;
	return remote_fetch(r, root_fd, path, NULL, w->config->fetch_limit_bytes, error);
}

gboolean worker_bring_inputs(const struct worker *w, const char *const *patterns, GError **error)
{
	gboolean ok = TRUE;
	for (guint i = 0; ok && patterns && patterns[i]; i++) {
		const char *colon = strchr(patterns[i], ':');
		g_autofree char *root = colon ? g_strndup(patterns[i], (gsize)(colon - patterns[i])) : g_strdup("");
		struct remote *r = worker_bucket(w, root, NULL);
		SCOPED_FD(fd) = r ? worker_open_root(w, root, error) : -1;
		ok = !r || (fd >= 0 && remote_mirror(r, fd, w->digests, colon + 1, w->config->fetch_limit_bytes, error));
	}
	return ok;
}
