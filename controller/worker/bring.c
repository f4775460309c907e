/* A source may be slow, gone or hostile: all of it is bounded. */
#include "worker/bring.h"
#include "base/error.h"
#include "base/units.h"
#include "frames/digest.h"
#include "frames/root.h"
#include "frames/s3.h"
#include "host/fetch.h"
#include "worker/archive.h"
#include <poll.h>
#include <string.h>

enum { N_TRIES = 2, N_ENTRIES = 100000, SLOWEST = 4096 };
#define LEAST_FREE (64 * MiB)
#define S3_SCHEME "s3://"

gboolean bring_is_over(void *worker)
{
	const struct worker *w = worker;
	struct pollfd fds[] = { { w->stop_fd, POLLIN, 0 }, { heartbeat_lost_fd(w->heartbeat), POLLIN, 0 } };
	return poll(fds, G_N_ELEMENTS(fds), 0) > 0;
}

/* Of one download, which has an end even where a little always comes. */
struct limited {
	const struct worker *w;
	gint64 until_us;
};

static gboolean download_is_over(void *user)
{
	const struct limited *l = user;
	return g_get_monotonic_time() > l->until_us || bring_is_over((gpointer)l->w);
}

static guint64 most_bytes(const struct worker *w)
{
	return MIN(w->config->fetch_limit_bytes, w->config->cache_bytes);
}

static guint stall_s(const struct worker *w)
{
	return (guint)((w->config->fetch_stall_ms + 999) / 1000);
}

/* s3://BUCKET/KEY. The digest of what came is compared here: S3 tells none of the whole. */
static gboolean bring_s3(const struct worker *w, const char *url, const char *sha256, const char *path,
			 struct limited *until, GError **error)
{
	const char *slash = strchr(url + strlen(S3_SCHEME), '/');
	g_autofree char *bucket = g_strndup(url, slash ? (gsize)(slash - url) : strlen(url));
	const struct s3_options options = { .url = bucket, .endpoint = w->config->s3_endpoint, .region = w->config->s3_region,
					    .credentials_file = w->config->s3_credentials_file, .stall_s = stall_s(w),
					    .is_over = download_is_over, .user = until };
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	SCOPED_FD(fd) = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	struct s3_sink sink = { .fd = fd, .limit = most_bytes(w), .sum = sum };
	if (fd < 0)
		return fail_errno(error, errno, "making %s", path);
	struct s3 *s = s3_new(&options, error);
	gboolean is_there = s && s3_get(s, slash ? slash + 1 : "", &sink, NULL, error);
	s3_free(s);
	if (is_there && g_ascii_strcasecmp(g_checksum_get_string(sum), sha256) == 0)
		return TRUE;
	(void)unlink(path);
	return is_there ? fail(error, ERROR_INVALID, "its sha256 is %s, not %s", g_checksum_get_string(sum), sha256) : FALSE;
}

gboolean bring_url(const struct worker *w, const char *url, const char *sha256, const struct cache_place *place, GError **error)
{
	const struct fetch_order order = { .url = url, .folder = place->folder, .part = place->part, .sha256 = sha256,
					   .least_free_bytes = LEAST_FREE, .most_bytes = most_bytes(w),
					   .stall_s = stall_s(w), .slowest = SLOWEST,
					   .n_tries = N_TRIES, .is_web = TRUE, .tag = place->tag };
	struct limited l = { w, g_get_monotonic_time() + w->config->fetch_ms * 1000 };
	if (!sha256_is_valid(sha256))
		return fail(error, ERROR_INVALID, "it has no SHA-256 to check it by");
	if (g_str_has_prefix(url, S3_SCHEME)) {
		g_autofree char *path = g_build_filename(place->folder, place->part, NULL);
		return bring_s3(w, url, sha256, path, &l, error);
	}
	return fetch_file(&order, download_is_over, &l, error);
}

gboolean bring_archive(struct worker *w, int fd, const struct cache_place *place, GError **error)
{
	const struct archive_limits limits = { N_ENTRIES, most_bytes(w), bring_is_over, w };
	guint64 bytes;
	SCOPED_FD(tree) = open(place->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0)
		return fail_errno(error, errno, "opening %s", place->tree);
	return archive_unpack(fd, tree, &limits, &bytes, error);
}

gboolean bring_fail(struct worker *w, GError *problem, const char *what, GError **error)
{
	if (bring_is_over(w))
		return fail(error, ERROR_TIMEOUT, "interrupted");
	/* Another worker may reach what this one does not; wrong bytes are wrong for all. */
	gboolean is_wrong = g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID) || g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED);
	return fail(error, is_wrong ? ERROR_REFUSED : ERROR_FAILED, "%s: %s", what, problem->message);
}
