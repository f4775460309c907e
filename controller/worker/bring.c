/* A source may be slow, gone or hostile: all of it is bounded. */
#include "worker/bring.h"
#include "base/error.h"
#include "base/units.h"
#include "frames/digest.h"
#include "frames/root.h"
#include "host/fetch.h"
#include "worker/archive.h"
#include <poll.h>
#include <string.h>

enum { N_TRIES = 2, N_ENTRIES = 100000, SLOWEST = 256 };
#define LEAST_FREE (64 * MiB)

gboolean bring_is_over(void *worker)
{
	const struct worker *w = worker;
	struct pollfd fds[] = { { w->stop_fd, POLLIN, 0 }, { heartbeat_lost_fd(w->heartbeat), POLLIN, 0 } };
	return poll(fds, G_N_ELEMENTS(fds), 0) > 0;
}

static guint64 most_bytes(const struct worker *w)
{
	return MIN(w->config->fetch_limit_bytes, w->config->cache_bytes);
}

gboolean bring_url(const struct worker *w, const char *url, const char *sha256, const struct cache_place *place, GError **error)
{
	const struct fetch_order order = { .url = url, .folder = place->folder, .part = place->part, .sha256 = sha256,
					   .least_free_bytes = LEAST_FREE, .most_bytes = most_bytes(w),
					   .stall_s = (guint)((w->config->fetch_stall_ms + 999) / 1000), .slowest = SLOWEST,
					   .n_tries = N_TRIES, .is_web = TRUE, .tag = place->tag };
	if (!sha256_is_valid(sha256))
		return fail(error, ERROR_INVALID, "it has no SHA-256 to check it by");
	return fetch_file(&order, bring_is_over, (gpointer)w, error);
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
