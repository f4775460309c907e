/* A folder for each URL, whoever the farm is. */
#include "commands/bucket.h"
#include "base/error.h"
#include "frames/root.h"
#include "spec/farm.h"
#include <string.h>

enum { PATIENCE_MS = 10000, DIGEST_LEN = 16 };

struct remote *bucket_open(const struct farm_root *root, GError **error)
{
	const struct s3_options o = { .url = root->url,
		                      .endpoint = root->s3.endpoint,
		                      .region = root->s3.region,
		                      .credentials_file = root->s3.credentials_file,
		                      .patience_ms = PATIENCE_MS };
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, root->url, -1);
	digest[DIGEST_LEN] = '\0';
	g_autofree char *local = g_build_filename(g_get_user_cache_dir(), "cleave", "buckets", digest, NULL);
	return remote_new(&o, local, error);
}

gboolean bucket_digest(const struct farm_root *root, const char *path, char ret[SHA256_HEX_SIZE], GError **error)
{
	struct remote *r = bucket_open(root, error);
	SCOPED_FD(fd) = r ? remote_open(r, root->marker, error) : -1;
	gboolean ok = fd >= 0 && remote_digest(r, path, ret, error);
	remote_free(r);
	return ok;
}

/* TRUE: it is there. Another root's name in it is an error. */
static gboolean is_marked(struct remote *r, const struct farm_root *root, GError **error)
{
	SCOPED_FD(fd) = remote_open(r, root->marker, NULL);
	g_autofree char *name = fd >= 0 ? root_name_in(fd, root->marker, NULL) : NULL;
	if (name && strcmp(name, root->name) != 0)
		fail(error, ERROR_EXISTS, "%s is marked as root %s, not %s; it may be another bucket", remote_name(r), *name ? name : "(without a name)",
		     root->name);
	return name != NULL;
}

gboolean bucket_mark(const struct farm_root *root, gboolean *ret_was_marked, GError **error)
{
	g_autoptr(GError) problem = NULL;
	struct remote *r = bucket_open(root, &problem);
	*ret_was_marked = r && is_marked(r, root, &problem);
	if (r && !problem && !*ret_was_marked)
		remote_mark(r, root->marker, root->name, &problem);
	remote_free(r);
	if (!problem)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&problem));
	return FALSE;
}
