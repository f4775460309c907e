/* libcurl moves the bytes; the signature is ours (s3_sign.h). */
#include "frames/s3_request.h"
#include "base/error.h"
#include "frames/s3_xml.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	SAID_MAX = 64 * 1024 * 1024, /* a listing's page has some 400 KB */
	CONNECT_MS = 5000,
	FIRST_WAIT_MS = 50,
	LONGEST_WAIT_MS = 3000,
	TRIES_MAX = 12,
	SLOWEST = 512, /* bytes a second */
	READ_SIZE = 128 * 1024,
};

/* -- bodies ------------------------------------------------------------------------------------ */

static void body_finish(struct s3_body *b, GChecksum *sha256, GChecksum *md5)
{
	g_strlcpy(b->sha256, g_checksum_get_string(sha256), sizeof b->sha256);
	g_strlcpy(b->md5, g_checksum_get_string(md5), sizeof b->md5);
}

gboolean s3_body_of_fd(int fd, guint64 at, guint64 size, struct s3_body *ret, GError **error)
{
	g_autofree guchar *buffer = g_malloc(READ_SIZE);
	g_autoptr(GChecksum) sha256 = g_checksum_new(G_CHECKSUM_SHA256);
	g_autoptr(GChecksum) md5 = g_checksum_new(G_CHECKSUM_MD5);
	struct s3_body b = { .fd = fd, .at = at, .size = size };
	for (guint64 done = 0; done < size;) {
		ssize_t n = pread(fd, buffer, MIN(READ_SIZE, size - done), (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_errno(error, n < 0 ? errno : EIO, "the file cannot be read");
		g_checksum_update(sha256, buffer, n);
		g_checksum_update(md5, buffer, n);
		done += (guint64)n;
	}
	body_finish(&b, sha256, md5);
	*ret = b;
	return TRUE;
}

struct s3_body s3_body_of_text(const char *text)
{
	struct s3_body b = { .fd = -1, .text = text, .size = strlen(text) };
	g_autoptr(GChecksum) sha256 = g_checksum_new(G_CHECKSUM_SHA256);
	g_autoptr(GChecksum) md5 = g_checksum_new(G_CHECKSUM_MD5);
	g_checksum_update(sha256, (const guchar *)text, (gssize)b.size);
	g_checksum_update(md5, (const guchar *)text, (gssize)b.size);
	body_finish(&b, sha256, md5);
	return b;
}

char *s3_body_md5_base64(const struct s3_body *body)
{
	guchar raw[(S3_MD5_SIZE - 1) / 2];
	for (guint i = 0; i < sizeof raw; i++)
		raw[i] = (guchar)(g_ascii_xdigit_value(body->md5[2 * i]) << 4 |
				  g_ascii_xdigit_value(body->md5[2 * i + 1]));
	return g_base64_encode(raw, sizeof raw);
}

/* -- one exchange ------------------------------------------------------------------------------ */

struct exchange {
	struct s3 *s;
	const struct s3_request *request;
	struct s3_answer *answer;
	guint64 sent;
	int errno_value;       /* the sink could not be written */
	gboolean is_too_large; /* more than the sink takes */
};

static size_t send_body(char *buffer, size_t one, size_t n, void *data)
{
	struct exchange *x = data;
	const struct s3_body *b = x->request->body;
	gsize size = MIN(one * n, (gsize)(b->size - x->sent));
	if (b->fd < 0)
		memcpy(buffer, b->text + x->sent, size);
	else if (size > 0) {
		ssize_t got = pread(b->fd, buffer, size, (off_t)(b->at + x->sent));
		if (got <= 0)
			return CURL_READFUNC_ABORT;
		size = (gsize)got;
	}
	x->sent += size;
	return size;
}

/* libcurl goes back to the start when a kept connection turns out to be closed. */
static int seek_body(void *data, curl_off_t offset, int origin)
{
	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	((struct exchange *)data)->sent = (guint64)offset;
	return CURL_SEEKFUNC_OK;
}

static gboolean sink_take(struct exchange *x, const char *bytes, gsize size)
{
	struct s3_sink *sink = x->request->sink;
	x->is_too_large = sink->limit && sink->n + size > sink->limit;
	for (gsize done = 0; sink->fd >= 0 && !x->is_too_large && done < size;) {
		ssize_t n = pwrite(sink->fd, bytes + done, size - done, (off_t)(sink->n + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			x->errno_value = errno;
			return FALSE;
		}
		done += (gsize)n;
	}
	if (x->is_too_large)
		return FALSE;
	if (sink->sum)
		g_checksum_update(sink->sum, (const guchar *)bytes, (gssize)size);
	sink->n += size;
	return TRUE;
}

/* Content from the start although its end was asked for: some servers know no ranges. */
static gboolean sink_is_placed(struct s3_sink *sink, const struct s3_answer *a)
{
	guint64 from = a->status == 206 ? a->from : 0;
	if (sink->n == from)
		return TRUE;
	if (from != 0)
		return FALSE;
	sink->n = 0;
	if (sink->sum)
		g_checksum_reset(sink->sum);
	return sink->fd < 0 || ftruncate(sink->fd, 0) == 0;
}

static size_t take_body(char *bytes, size_t one, size_t n, void *data)
{
	struct exchange *x = data;
	struct s3_answer *a = x->answer;
	gsize size = one * n;
	gboolean is_first = a->status == 0;
	curl_easy_getinfo(x->s->curl, CURLINFO_RESPONSE_CODE, &a->status);
	if (x->request->sink && a->status / 100 == 2) {
		if (is_first && !sink_is_placed(x->request->sink, a))
			return 0;
		return sink_take(x, bytes, size) ? size : 0;
	}
	if (a->said->len + size > SAID_MAX)
		return 0;
	g_string_append_len(a->said, bytes, (gssize)size);
	return size;
}

static void take_etag(struct s3_answer *a, const char *value)
{
	const char *from = g_str_has_prefix(value, "W/") ? value + 2 : value;
	g_strlcpy(a->facts.etag, from + (*from == '"'), sizeof a->facts.etag);
	a->facts.etag[strcspn(a->facts.etag, "\"")] = '\0';
}

static size_t take_header(char *bytes, size_t one, size_t n, void *data)
{
	struct s3_answer *a = ((struct exchange *)data)->answer;
	g_autofree char *line = g_strndup(bytes, one * n);
	char *colon = strchr(line, ':');
	if (!colon && g_str_has_prefix(line, "HTTP/")) /* a new answer, as after "100 Continue" */
		a->facts = (struct s3_facts){ 0 };
	if (!colon)
		return one * n;
	*colon = '\0';
	const char *value = g_strstrip(colon + 1);
	if (g_ascii_strcasecmp(line, "etag") == 0)
		take_etag(a, value);
	else if (g_ascii_strcasecmp(line, "content-length") == 0)
		a->facts.size = g_ascii_strtoull(value, NULL, 10);
	else if (g_ascii_strcasecmp(line, "content-range") == 0 && g_str_has_prefix(value, "bytes ")) {
		char *end;
		const char *slash = strchr(value, '/');
		a->from = g_ascii_strtoull(value + strlen("bytes "), &end, 10);
		a->facts.size = slash ? g_ascii_strtoull(slash + 1, NULL, 10) : 0;
	}
	return one * n;
}

/* -- what is sent ------------------------------------------------------------------------------ */

/* By the name alone: a colon sorts behind a hyphen. */
static gint by_name(gconstpointer x, gconstpointer y)
{
	const char *a = *(const char *const *)x, *b = *(const char *const *)y;
	gsize a_len = strcspn(a, ":"), b_len = strcspn(b, ":");
	int order = strncmp(a, b, MIN(a_len, b_len));
	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* All headers, sorted, without the signature. */
static GPtrArray *headers_of(const struct s3 *s, const struct s3_request *r, const char *payload, const char *time)
{
	GPtrArray *headers = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < S3_HEADERS_MAX && r->headers[i]; i++)
		g_ptr_array_add(headers, g_strdup(r->headers[i]));
	g_ptr_array_add(headers, g_strconcat("x-amz-content-sha256: ", payload, NULL));
	g_ptr_array_add(headers, g_strconcat("x-amz-date: ", time, NULL));
	if (s->key.token)
		g_ptr_array_add(headers, g_strconcat("x-amz-security-token: ", s->key.token, NULL));
	g_ptr_array_sort(headers, by_name);
	g_ptr_array_add(headers, NULL);
	return headers;
}

static struct curl_slist *sign(const struct s3 *s, const struct s3_request *r, const char *path)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
	const char *payload = r->body ? r->body->sha256
				      : "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; /* of nothing */
	g_autoptr(GPtrArray) headers = headers_of(s, r, payload, time);
	const struct s3_to_sign to_sign = { r->method, s->host, path, r->query ? r->query : "",
					    (const char *const *)headers->pdata, payload, time, s->region };
	g_autofree char *signature = s3_sign(&s->key, &to_sign);
	g_autofree char *authorization = g_strconcat("Authorization: ", signature, NULL);
	g_autofree char *host = g_strconcat("Host: ", s->host, NULL);
	struct curl_slist *list = curl_slist_append(curl_slist_append(NULL, host), authorization);
	for (guint i = 0; headers->pdata[i]; i++)
		list = curl_slist_append(list, headers->pdata[i]);
	return list;
}

static int on_progress(void *data, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	const struct s3 *s = data;
	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return s->is_over(s->user);
}

static void prepare(struct s3 *s, struct exchange *x, const char *url, struct curl_slist *headers)
{
	const struct s3_request *r = x->request;
	CURL *c = s->curl;
	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "cleave");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOWEST);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)s->stall_s);
	if (s->is_over) {
		curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
	}
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	if (r->body) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body->size);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, send_body);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
	}
	if (strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

/* Keys come from specs and manifests: none may mean another object than its text says. */
static gboolean key_is_plain(const char *key)
{
	g_auto(GStrv) parts = g_strsplit(key, "/", -1);
	for (guint i = 0; parts[i]; i++)
		if (!*parts[i] || strcmp(parts[i], ".") == 0 || strcmp(parts[i], "..") == 0)
			return FALSE;
	return g_utf8_validate(key, -1, NULL) && strlen(key) <= 900;
}

/* -- answers ----------------------------------------------------------------------------------- */

void s3_answer_clear(struct s3_answer *a)
{
	if (a->said)
		g_string_free(a->said, TRUE);
	*a = (struct s3_answer){ 0 };
}

static gboolean is_brief(long status, const char *code)
{
	static const char *const codes[] = { "RequestTimeout", "SlowDown", "ConditionalRequestConflict", "OperationAborted",
					     "InternalError", "ServiceUnavailable" };
	if (status == 429 || (status >= 500 && status != 501))
		return TRUE;
	for (guint i = 0; code && i < G_N_ELEMENTS(codes); i++)
		if (strcmp(code, codes[i]) == 0)
			return TRUE;
	return FALSE;
}

static char *what(const struct s3 *s, const struct s3_request *r)
{
	return g_strdup_printf("%s %s%s%s", r->method, s->name, r->key ? "/" : "", r->key ? r->key : "");
}

gboolean s3_answer_is_fine(const struct s3 *s, const struct s3_request *r, const struct s3_answer *a, GError **error)
{
	if (a->status / 100 == 2)
		return TRUE;
	g_autofree char *asked = what(s, r);
	g_autofree char *code = s3_xml_find(a->said->str, a->said->len, "Code");
	g_autofree char *message = s3_xml_find(a->said->str, a->said->len, "Message");
	enum cleave_error kind = a->status == 404   ? ERROR_NOT_FOUND
				 : a->status == 412 ? ERROR_EXISTS
				 : is_brief(a->status, code) ? ERROR_AWAY
						    : ERROR_REFUSED;
	if (g_strcmp0(code, "RequestTimeTooSkewed") == 0)
		return fail(error, kind, "%s: refused: this machine's clock is wrong", asked);
	return fail(error, kind, "%s: the server says %ld%s%s%s%.200s", asked, a->status, code ? " " : "", code ? code : "",
		    message ? ": " : "", message ? message : "");
}

static enum s3_asked judge(struct exchange *x, CURLcode code, GError **error)
{
	struct s3_answer *a = x->answer;
	g_autofree char *asked = what(x->s, x->request);
	if (x->is_too_large) {
		fail(error, ERROR_REFUSED, "%s: it has more than %" G_GUINT64_FORMAT " bytes", asked,
		     x->request->sink->limit);
		return S3_GAVE_UP;
	}
	if (x->errno_value) {
		fail_errno(error, x->errno_value, "%s: it cannot be written", asked);
		return S3_GAVE_UP;
	}
	if (code == CURLE_ABORTED_BY_CALLBACK) {
		fail(error, ERROR_TIMEOUT, "%s: interrupted", asked);
		return S3_GAVE_UP;
	}
	if (code != CURLE_OK) {
		fail(error, ERROR_AWAY, "%s: %s", asked, curl_easy_strerror(code));
		return S3_TRY_AGAIN;
	}
	g_autofree char *text = a->status / 100 == 2 ? NULL : s3_xml_find(a->said->str, a->said->len, "Code");
	if (a->status / 100 == 2 || !is_brief(a->status, text))
		return S3_ANSWERED;
	(void)s3_answer_is_fine(x->s, x->request, a, error);
	return S3_TRY_AGAIN;
}

enum s3_asked s3_ask_once(struct s3 *s, const struct s3_request *r, struct s3_answer *ret, GError **error)
{
	guint n_tries = ret->n_tries + 1;
	s3_answer_clear(ret);
	*ret = (struct s3_answer){ .said = g_string_new(NULL), .n_tries = n_tries };
	if (r->key && !key_is_plain(r->key)) {
		fail(error, ERROR_INVALID, "\"%s\" is no name of an object in %s", r->key, s->name);
		return S3_GAVE_UP;
	}
	g_autofree char *whole = g_strconcat(s->prefix, r->key, NULL);
	g_autofree char *escaped = s3_escape(whole, "/");
	g_autofree char *path = r->key ? g_strconcat(s->above, "/", escaped, NULL) : g_strdup(s->above);
	g_autofree char *url = g_strconcat(s->origin, path, r->query ? "?" : NULL, r->query, NULL);
	struct exchange x = { .s = s, .request = r, .answer = ret };
	struct curl_slist *headers = sign(s, r, path);
	prepare(s, &x, url, headers);
	CURLcode code = curl_easy_perform(s->curl);
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &ret->status);
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return judge(&x, code, error);
}

struct s3_patience s3_patience_of(const struct s3 *s)
{
	return (struct s3_patience){ .until_us = g_get_monotonic_time() + (gint64)s->patience_ms * 1000 };
}

gboolean s3_patience_wait(struct s3_patience *p)
{
	guint ms = MIN((guint)LONGEST_WAIT_MS, (guint)FIRST_WAIT_MS << MIN(p->n_tries, 10));
	ms = (guint)g_random_int_range((gint32)(ms / 2), (gint32)(ms + 1)); /* clients do not come back together */
	if (++p->n_tries >= TRIES_MAX || g_get_monotonic_time() + (gint64)ms * 1000 > p->until_us)
		return FALSE;
	g_usleep((gulong)ms * 1000);
	return TRUE;
}

gboolean s3_ask(struct s3 *s, const struct s3_request *r, struct s3_answer *ret, GError **error)
{
	struct s3_patience p = s3_patience_of(s);
	for (;;) {
		g_autoptr(GError) why = NULL;
		enum s3_asked asked = s3_ask_once(s, r, ret, &why);
		if (asked == S3_ANSWERED)
			return TRUE;
		if (asked == S3_GAVE_UP || !s3_patience_wait(&p)) {
			g_propagate_error(error, g_steal_pointer(&why));
			return FALSE;
		}
	}
}
