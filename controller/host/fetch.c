/* A transfer by libcurl, resumed where an earlier one ended, its digest taken as it comes. */
#include "host/fetch.h"
#include "base/error.h"
#include "host/virt_storage.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECT_S = 30, STALL_S = 60, N_REDIRECTS = 5, N_TRIES = 4, PAUSE_US = 500000, TICK_MS = 200 };
enum { BLOCK = 1 << 16, SOME_BYTES = 1 << 16, ROOM_EVERY = 64 << 20 };
#define MOST_BYTES (G_GINT64_CONSTANT(16) << 40)

struct transfer {
	gatomicrefcount refs; /* the thread that fetches, and the one that asks whether it is over */
	gint is_cancelled, is_done;
	gboolean (*is_over)(void *user);
	void *user;
	const struct fetch_order *order;
	CURL *curl;
	char *path;
	int fd;
	gint64 at;         /* bytes that are there */
	gint64 measured_at; /* where there was room last */
	GChecksum *sum;
	GError *error; /* of writing; libcurl then only says that it was not wanted */
	struct curl_slist *headers; /* If-Range of a part */
	char said[CURL_ERROR_SIZE];
};

static void transfer_unref(gpointer data)
{
	struct transfer *t = data;
	if (!g_atomic_ref_count_dec(&t->refs))
		return;
	g_clear_error(&t->error);
	g_free(t->path);
	g_free(t);
}

/* -- what comes ------------------------------------------------------------------------------------------------ */

static gboolean is_zero(const char *bytes, gsize n)
{
	return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

/* Zeros stay a hole: images are mostly that. The last one is made by the end's ftruncate(). */
static gboolean write_at(struct transfer *t, const char *bytes, gsize n, GError **error)
{
	for (gsize done = 0; done < n && !is_zero(bytes, n);) {
		ssize_t k = pwrite(t->fd, bytes + done, n - done, t->at + (off_t)done);
		if (k < 0 && errno != EINTR)
			return fail_errno(error, errno, "writing %s", t->path);
		done += k > 0 ? (gsize)k : 0;
	}
	g_checksum_update(t->sum, (const guchar *)bytes, (gssize)n);
	t->at += (gint64)n;
	return TRUE;
}

/* Once the size is told, all of it has to fit; where it is not, room is looked for as it grows. */
static gboolean has_room(struct transfer *t)
{
	curl_off_t length = -1;
	gint64 more = ROOM_EVERY;
	if (t->measured_at >= 0 && t->at - t->measured_at < ROOM_EVERY)
		return TRUE;
	if (curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK && length > 0) {
		if (t->measured_at >= 0)
			return TRUE;
		more = length;
	}
	t->measured_at = t->at;
	return volume_room_check(t->order->folder, (guint64)more, t->order->least_free_bytes, &t->error);
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	gint64 most = t->order->most_bytes ? (gint64)t->order->most_bytes : MOST_BYTES;
	if (t->at + (gint64)(size * n) > most && !t->error)
		fail(&t->error, ERROR_INVALID, "it has more than %" G_GINT64_FORMAT " bytes", most);
	return !t->error && has_room(t) && write_at(t, bytes, size * n, &t->error) ? size * n : 0;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	(void)total, (void)now, (void)up_total, (void)up_now;
	return g_atomic_int_get(&((struct transfer *)user)->is_cancelled);
}

/* -- which version it is ------------------------------------------------------------------------------------------ */

static char *tag_path(const struct transfer *t)
{
	return t->order->tag ? g_build_filename(t->order->folder, t->order->tag, NULL) : NULL;
}

/* Kept as soon as it is told: a part without it is only half as good. A weak one is no proof of equal bytes. */
static size_t on_header(char *bytes, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	g_autofree char *line = g_strndup(bytes, size * n), *path = tag_path(t);
	long status = 0;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (path && status == 200 && g_ascii_strncasecmp(line, "etag:", strlen("etag:")) == 0) {
		const char *tag = g_strstrip(line + strlen("etag:"));
		if (*tag == '"')
			(void)g_file_set_contents(path, tag, -1, NULL);
	}
	return size * n;
}

static void ask_for_version(struct transfer *t)
{
	g_autofree char *path = tag_path(t), *tag = NULL;
	g_clear_pointer(&t->headers, curl_slist_free_all);
	if (path && t->at > 0 && g_file_get_contents(path, &tag, NULL, NULL)) {
		g_autofree char *header = g_strconcat("If-Range: ", tag, NULL);
		t->headers = curl_slist_append(NULL, header);
	} else if (path && t->at == 0) {
		(void)unlink(path);
	}
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
}

/* -- what is there already --------------------------------------------------------------------------------------- */

static gboolean begin_anew(struct transfer *t)
{
	g_checksum_reset(t->sum);
	t->at = 0;
	return ftruncate(t->fd, 0) == 0 ? TRUE : fail_errno(&t->error, errno, "writing %s", t->path);
}

static gboolean open_part(struct transfer *t)
{
	g_autofree char *block = g_malloc(BLOCK);
	ssize_t n = 0;
	t->fd = open(t->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->fd < 0)
		return fail_errno(&t->error, errno, "making %s", t->path);
	while ((n = pread(t->fd, block, BLOCK, t->at)) > 0) {
		g_checksum_update(t->sum, (const guchar *)block, n);
		t->at += n;
	}
	return n == 0 ? TRUE : fail_errno(&t->error, errno, "reading %s", t->path);
}

/* -- transfers --------------------------------------------------------------------------------------------------- */

static void set_protocols(CURL *c, gboolean is_web)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, is_web ? "http,https" : "http,https,file");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS | (is_web ? 0 : CURLPROTO_FILE)));
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void set_up(struct transfer *t)
{
	CURL *c = t->curl;
	guint stall_s = t->order->stall_s ? t->order->stall_s : STALL_S;
	set_protocols(c, t->order->is_web);
	curl_easy_setopt(c, CURLOPT_URL, t->order->url);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L); /* other threads run */
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)N_REDIRECTS);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)MIN(stall_s, (guint)CONNECT_S));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)MAX(t->order->slowest, 1));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)stall_s);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)BLOCK);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->said);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
}

/* The other side may do better when it is asked again. */
static gboolean is_worth_retry(CURLcode code)
{
	return code == CURLE_OPERATION_TIMEDOUT || code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_RECV_ERROR ||
	       code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR || code == CURLE_HTTP2_STREAM;
}

/* A part that the server cannot go on with: it knows no ranges, or has another file now. */
static gboolean is_refused_part(CURLcode code)
{
	return code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME || code == CURLE_HTTP_RETURNED_ERROR || code == CURLE_FILE_COULDNT_READ_FILE;
}

static CURLcode perform(struct transfer *t)
{
	t->said[0] = 0;
	t->measured_at = -1;
	ask_for_version(t);
	curl_easy_setopt(t->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->at);
	CURLcode code = curl_easy_perform(t->curl);
	if (t->at == 0 || !is_refused_part(code) || t->error || !begin_anew(t))
		return code;
	ask_for_version(t);
	curl_easy_setopt(t->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)0);
	return curl_easy_perform(t->curl);
}

/* A pause that ends when it is over. */
static void pause_between(const struct transfer *t, gint64 us)
{
	for (; us > 0 && !g_atomic_int_get(&t->is_cancelled); us -= TICK_MS * 1000)
		g_usleep((gulong)MIN(us, (gint64)TICK_MS * 1000));
}

/* As long as more of it comes each time, being cut off is no reason to give up; a trickle is. */
static CURLcode perform_patiently(struct transfer *t)
{
	guint n_tries = t->order->n_tries ? t->order->n_tries : N_TRIES;
	gint64 most_there = t->at;
	CURLcode code = perform(t);
	for (guint n_vain = 1; is_worth_retry(code) && !t->error; n_vain++) {
		if (t->at >= most_there + SOME_BYTES)
			n_vain = 0;
		most_there = MAX(most_there, t->at);
		if (n_vain >= n_tries || g_atomic_int_get(&t->is_cancelled))
			break;
		pause_between(t, (gint64)PAUSE_US << n_vain);
		code = perform(t);
	}
	return code;
}

static gboolean transfer_all(struct transfer *t)
{
	CURLcode code = perform_patiently(t);
	if (t->error)
		return FALSE;
	if (g_atomic_int_get(&t->is_cancelled))
		return fail(&t->error, ERROR_AWAY, "it was ended before all of it was there");
	if (code == CURLE_OK)
		return ftruncate(t->fd, t->at) == 0 ? TRUE : fail_errno(&t->error, errno, "writing %s", t->path);
	return fail(&t->error, code == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_AWAY, "%s", *t->said ? t->said : curl_easy_strerror(code));
}

static gboolean is_right(struct transfer *t)
{
	/* A sum that was asked for takes no more bytes. */
	g_autoptr(GChecksum) copy = g_checksum_copy(t->sum);
	return g_ascii_strcasecmp(g_checksum_get_string(copy), t->order->sha256) == 0;
}

static gboolean fail_wrong(struct transfer *t)
{
	return fail(&t->error, ERROR_INVALID, "its sha256 is %s, not %s; correct what is asked for, or the file", g_checksum_get_string(t->sum), t->order->sha256);
}

/* A part from an earlier time may be of another file: once more from its begin. */
static gboolean bring(struct transfer *t)
{
	if (!open_part(t))
		return FALSE;
	gint64 was_there = t->at;
	if (was_there > 0 && is_right(t))
		return TRUE;
	if (!transfer_all(t))
		return FALSE;
	if (is_right(t))
		return TRUE;
	if (was_there == 0)
		return fail_wrong(t);
	return begin_anew(t) && transfer_all(t) && (is_right(t) || fail_wrong(t));
}

static gpointer run(gpointer data)
{
	struct transfer *t = data;
	t->sum = g_checksum_new(G_CHECKSUM_SHA256);
	t->curl = curl_easy_init();
	t->fd = -1;
	set_up(t);
	gboolean good = bring(t);
	/* What the other side did not give may come later; what is wrong, or has no room, may not stay. */
	if (!good && !g_error_matches(t->error, CLEAVE_ERROR, ERROR_AWAY) && !g_error_matches(t->error, CLEAVE_ERROR, ERROR_TIMEOUT))
		unlink(t->path);
	g_autofree char *tag = tag_path(t);
	if (tag && (good || !g_file_test(t->path, G_FILE_TEST_EXISTS)))
		unlink(tag);
	if (t->fd >= 0)
		close(t->fd);
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	g_checksum_free(t->sum);
	g_atomic_int_set(&t->is_done, 1);
	g_main_context_wakeup(NULL);
	return NULL;
}

/* -- waiting ------------------------------------------------------------------------------------------------------ */

static gboolean on_tick(gpointer data)
{
	struct transfer *t = data;
	if (!g_atomic_int_get(&t->is_done) && t->is_over && t->is_over(t->user))
		g_atomic_int_set(&t->is_cancelled, 1);
	return G_SOURCE_CONTINUE;
}

static void wait_on_main(struct transfer *t)
{
	GThread *thread = g_thread_new("fetch", run, t);
	while (!g_atomic_int_get(&t->is_done))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
}

gboolean fetch_file(const struct fetch_order *order, gboolean (*is_over)(void *user), void *user, GError **error)
{
	static gsize is_ready;
	if (g_once_init_enter(&is_ready))
		g_once_init_leave(&is_ready, curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 1 : 2);
	if (is_ready != 1)
		return fail(error, ERROR_FAILED, "libcurl cannot be initialised");
	struct transfer *t = g_new0(struct transfer, 1);
	g_atomic_ref_count_init(&t->refs);
	t->order = order;
	t->is_over = is_over;
	t->user = user;
	t->path = g_build_filename(order->folder, order->part, NULL);
	GSource *tick = g_timeout_source_new(TICK_MS);
	g_atomic_ref_count_inc(&t->refs);
	g_source_set_callback(tick, on_tick, t, transfer_unref);
	g_source_attach(tick, NULL);
	if (gettid() == getpid())
		wait_on_main(t);
	else
		run(t);
	g_source_destroy(tick);
	g_source_unref(tick);
	GError *why = g_steal_pointer(&t->error);
	transfer_unref(t);
	if (why)
		g_propagate_error(error, why);
	return !why;
}
