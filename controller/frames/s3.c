/* The verbs. A write whose answer was lost is looked at before it is called a conflict: the object may be
 * the one that was just sent. */
#include "frames/s3.h"
#include "base/error.h"
#include "frames/s3_request.h"
#include <string.h>
#include <sys/stat.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)
static const guint64 DEFAULT_PART = 16 * MIB, DEFAULT_WHOLE_MAX = 64 * MIB;
enum { DEFAULT_PATIENCE_MS = 20000, DEFAULT_STALL_S = 30 };

/* -- where it is ------------------------------------------------------------------------------- */

static gboolean bucket_is_plain(const char *bucket)
{
	gsize len = strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
	return len >= 1 && len <= 255 && !bucket[len] && g_ascii_isalnum(bucket[0]);
}

/* Path style for all: a bucket's name in the host's name needs a certificate and a DNS entry for each. */
static gboolean take_endpoint(struct s3 *s, const char *endpoint, GError **error)
{
	g_autofree char *amazon = g_strdup_printf("https://s3.%s.amazonaws.com", s->region);
	g_autoptr(GUri) uri = g_uri_parse(endpoint ? endpoint : amazon, G_URI_FLAGS_ENCODED_PATH, NULL);
	const char *scheme = uri ? g_uri_get_scheme(uri) : "";
	if (!uri || !g_uri_get_host(uri) || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) ||
	    g_uri_get_userinfo(uri))
		return fail(error, ERROR_INVALID, "%s: \"%s\" is no endpoint; https://HOST[:PORT], without a user", s->name,
			    endpoint);
	int port = g_uri_get_port(uri);
	gboolean is_usual = port < 0 || port == (strcmp(scheme, "https") == 0 ? 443 : 80);
	g_autofree char *path = g_strdup(g_uri_get_path(uri));
	while (g_str_has_suffix(path, "/"))
		path[strlen(path) - 1] = '\0';
	gboolean is_v6 = strchr(g_uri_get_host(uri), ':') != NULL;
	g_autofree char *name = g_strdup_printf(is_v6 ? "[%s]" : "%s", g_uri_get_host(uri));
	s->host = is_usual ? g_steal_pointer(&name) : g_strdup_printf("%s:%d", name, port);
	s->origin = g_strdup_printf("%s://%s", scheme, s->host);
	s->above = g_strdup_printf("%s/%s", path, s->bucket);
	return TRUE;
}

static gboolean take_url(struct s3 *s, const struct s3_options *o, GError **error)
{
	g_autoptr(GHashTable) said = NULL;
	const char *text = g_str_has_prefix(o->url, "s3://") ? o->url + strlen("s3://") : "";
	const char *question = strchr(text, '?');
	g_autofree char *place = question ? g_strndup(text, (gsize)(question - text)) : g_strdup(text);
	if (question)
		said = g_uri_parse_params(question + 1, -1, "&", G_URI_PARAMS_NONE, NULL);
	char *slash = strchr(place, '/');
	s->bucket = slash ? g_strndup(place, (gsize)(slash - place)) : g_strdup(place);
	if (!bucket_is_plain(s->bucket) || (question && !said))
		return fail(error, ERROR_INVALID, "\"%s\" is no bucket; s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME]",
			    o->url);
	g_autofree char *prefix = g_strdup(slash ? slash + 1 : "");
	while (g_str_has_suffix(prefix, "/"))
		prefix[strlen(prefix) - 1] = '\0';
	s->prefix = *prefix ? g_strconcat(prefix, "/", NULL) : g_strdup("");
	s->name = g_strconcat("s3://", s->bucket, *prefix ? "/" : NULL, prefix, NULL);
	const char *region = said ? g_hash_table_lookup(said, "region") : NULL;
	const char *endpoint = said ? g_hash_table_lookup(said, "endpoint") : NULL;
	s->region = g_strdup(region ? region : o->region ? o->region : "us-east-1");
	return take_endpoint(s, endpoint ? endpoint : o->endpoint, error);
}

struct s3 *s3_new(const struct s3_options *o, GError **error)
{
	struct s3 *s = g_new0(struct s3, 1);
	s->part_bytes = o->part_bytes ? o->part_bytes : DEFAULT_PART;
	s->whole_max = o->part_bytes ? o->part_bytes : DEFAULT_WHOLE_MAX;
	s->patience_ms = o->patience_ms ? o->patience_ms : DEFAULT_PATIENCE_MS;
	s->stall_s = o->stall_s ? o->stall_s : DEFAULT_STALL_S;
	s->is_over = o->is_over;
	s->user = o->user;
	if (take_url(s, o, error) && s3_key_find(&s->key, o->credentials_file, error)) {
		s->curl = curl_easy_init();
		return s;
	}
	s3_free(s);
	return NULL;
}

void s3_free(struct s3 *s)
{
	if (!s)
		return;
	char *texts[] = { s->name, s->origin, s->host, s->above, s->bucket, s->prefix, s->region };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	s3_key_clear(&s->key);
	if (s->curl)
		curl_easy_cleanup(s->curl);
	g_free(s);
}

const char *s3_name(const struct s3 *s)
{
	return s->name;
}

/* -- reading ----------------------------------------------------------------------------------- */

gboolean s3_head(struct s3 *s, const char *key, struct s3_facts *ret, GError **error)
{
	const struct s3_request r = { .method = "HEAD", .key = key };
	SCOPED_ANSWER(a);
	if (!s3_ask(s, &r, &a, error) || !s3_answer_is_fine(s, &r, &a, error))
		return FALSE;
	*ret = a.facts;
	return TRUE;
}

static void sink_reset(struct s3_sink *sink)
{
	sink->n = 0;
	if (sink->sum)
		g_checksum_reset(sink->sum);
}

gboolean s3_get(struct s3 *s, const char *key, struct s3_sink *sink, struct s3_facts *ret, GError **error)
{
	struct s3_patience p = s3_patience_of(s);
	char etag[S3_ETAG_SIZE] = "";
	SCOPED_ANSWER(a);
	sink_reset(sink);
	for (;;) {
		guint64 before = sink->n;
		g_autoptr(GError) why = NULL;
		g_autofree char *range = g_strdup_printf("range: bytes=%" G_GUINT64_FORMAT "-", sink->n);
		g_autofree char *match = g_strdup_printf("if-match: \"%s\"", etag);
		struct s3_request r = { .method = "GET", .key = key, .sink = sink };
		if (sink->n) {
			r.headers[0] = *etag ? match : range;
			r.headers[1] = *etag ? range : NULL;
		}
		enum s3_asked asked = s3_ask_once(s, &r, &a, &why);
		if (asked == S3_ANSWERED && a.status != 412 && a.status != 416) {
			if (s3_answer_is_fine(s, &r, &a, error) && ret)
				*ret = (struct s3_facts){ .size = sink->n };
			if (a.status / 100 == 2 && ret)
				g_strlcpy(ret->etag, a.facts.etag, sizeof ret->etag);
			return a.status / 100 == 2;
		}
		if (asked == S3_ANSWERED) /* another object by now, or a server that knows no ranges */
			sink_reset(sink);
		else if (a.status / 100 == 2)
			g_strlcpy(etag, a.facts.etag, sizeof etag);
		/* as long as something comes it is worth going on */
		if (asked == S3_TRY_AGAIN && sink->n > before)
			p = s3_patience_of(s);
		if (asked == S3_GAVE_UP || !s3_patience_wait(&p)) {
			if (!why)
				fail(&why, ERROR_AWAY, "GET %s/%s: it changes while it is read", s->name, key);
			g_propagate_error(error, g_steal_pointer(&why));
			return FALSE;
		}
	}
}

char *s3_get_text(struct s3 *s, const char *key, gsize limit, struct s3_facts *ret, GError **error)
{
	const struct s3_request r = { .method = "GET", .key = key };
	SCOPED_ANSWER(a);
	if (!s3_ask(s, &r, &a, error) || !s3_answer_is_fine(s, &r, &a, error))
		return NULL;
	if (a.said->len > limit || strlen(a.said->str) != a.said->len) {
		fail(error, ERROR_INVALID, "GET %s/%s: no text of at most %" G_GSIZE_FORMAT " bytes", s->name, key, limit);
		return NULL;
	}
	if (ret)
		*ret = a.facts;
	return g_strdup(a.said->str);
}

/* -- writing ----------------------------------------------------------------------------------- */

/* For a server that does not know conditions; between the look and the write another may come. */
static gboolean condition_holds(struct s3 *s, const char *key, const struct s3_condition *only, GError **error)
{
	struct s3_facts now;
	g_autoptr(GError) why = NULL;
	gboolean is_there = s3_head(s, key, &now, &why);
	if (!is_there && !g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	if (only->etag ? is_there && strcmp(now.etag, only->etag) == 0 : !is_there)
		return TRUE;
	return fail(error, ERROR_EXISTS, "%s/%s is another object by now", s->name, key);
}

static char *condition_header(const struct s3_condition *only)
{
	if (!only)
		return NULL;
	return only->etag ? g_strdup_printf("if-match: \"%s\"", only->etag) : g_strdup("if-none-match: *");
}

static gboolean put_whole(struct s3 *s, const char *key, const struct s3_body *body, const char *condition,
			  struct s3_answer *ret, GError **error)
{
	g_autofree char *md5 = s3_body_md5_base64(body);
	g_autofree char *digest = g_strconcat("content-md5: ", md5, NULL);
	const struct s3_request r = { .method = "PUT", .key = key, .body = body, .headers = { digest, condition } };
	return s3_ask(s, &r, ret, error) && s3_answer_is_fine(s, &r, ret, error);
}

/* Sends it, in one or in parts. `body` is NULL for what goes in parts. */
static gboolean put_once(struct s3 *s, const char *key, int fd, guint64 size, const struct s3_body *body,
			 const char *condition, struct s3_answer *ret, GError **error)
{
	return body ? put_whole(s, key, body, condition, ret, error)
		    : s3_put_parts(s, key, fd, size, condition, ret, error);
}

/* It was refused as being there already: by an earlier try whose answer was lost? */
static gboolean is_ours(struct s3 *s, const char *key, const char *etag, struct s3_facts *ret)
{
	struct s3_facts now;
	if (!s3_head(s, key, &now, NULL) || strcmp(now.etag, etag) != 0)
		return FALSE;
	*ret = now;
	return TRUE;
}

static gboolean put(struct s3 *s, const char *key, int fd, guint64 size, const struct s3_body *body, const char *etag,
		    const struct s3_condition *only, struct s3_facts *ret, GError **error)
{
	SCOPED_ANSWER(a);
	g_autoptr(GError) why = NULL;
	struct s3_facts now = { .size = size };
	gboolean sends_condition = only && s->conditions != SUPPORT_NO;
	g_autofree char *condition = sends_condition ? condition_header(only) : NULL;
	if (only && !sends_condition && !condition_holds(s, key, only, error))
		return FALSE;
	gboolean ok = put_once(s, key, fd, size, body, condition, &a, &why);
	if (!ok && sends_condition && a.status == 501) { /* it knows headers of conditions, and does not like them */
		s->conditions = SUPPORT_NO;
		return put(s, key, fd, size, body, etag, only, ret, error);
	}
	g_strlcpy(now.etag, a.facts.etag, sizeof now.etag);
	/* 404: an upload in parts that was put together already */
	if (!ok && (a.status == 412 || a.status == 404) && a.n_tries > 1 && is_ours(s, key, etag, &now))
		ok = TRUE;
	/* a lost object has no ETag to match */
	if (!ok && sends_condition && only->etag && a.status == 404)
		return fail(error, ERROR_EXISTS, "%s/%s is gone by now", s->name, key);
	if (!ok)
		return g_propagate_error(error, g_steal_pointer(&why)), FALSE;
	if (ret)
		*ret = now;
	return TRUE;
}

static gboolean size_of(int fd, guint64 *ret, GError **error)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return fail_errno(error, errno, "the file cannot be looked at");
	*ret = (guint64)st.st_size;
	return TRUE;
}

gboolean s3_put(struct s3 *s, const char *key, int fd, const struct s3_condition *only, struct s3_facts *ret,
		GError **error)
{
	guint64 size = 0;
	struct s3_body body;
	char etag[S3_ETAG_SIZE] = "";
	if (!size_of(fd, &size, error))
		return FALSE;
	if (size > s->whole_max)
		return s3_etag_of(s, fd, etag, error) && put(s, key, fd, size, NULL, etag, only, ret, error);
	return s3_body_of_fd(fd, 0, size, &body, error) && put(s, key, fd, size, &body, body.md5, only, ret, error);
}

gboolean s3_put_text(struct s3 *s, const char *key, const char *text, const struct s3_condition *only,
		     struct s3_facts *ret, GError **error)
{
	struct s3_body body = s3_body_of_text(text);
	return put(s, key, -1, body.size, &body, body.md5, only, ret, error);
}

gboolean s3_etag_of(const struct s3 *s, int fd, char ret[S3_ETAG_SIZE], GError **error)
{
	guint64 size = 0;
	struct s3_body body;
	if (!size_of(fd, &size, error))
		return FALSE;
	if (size <= s->whole_max) {
		if (!s3_body_of_fd(fd, 0, size, &body, error))
			return FALSE;
		g_strlcpy(ret, body.md5, S3_ETAG_SIZE);
		return TRUE;
	}
	/* in parts: the MD5 of their MD5s, and how many they were */
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_MD5);
	guint n = 0;
	for (guint64 at = 0; at < size; at += s->part_bytes, n++) {
		if (!s3_body_of_fd(fd, at, MIN(s->part_bytes, size - at), &body, error))
			return FALSE;
		g_autofree char *base64 = s3_body_md5_base64(&body);
		gsize raw_size;
		g_autofree guchar *raw = g_base64_decode(base64, &raw_size);
		g_checksum_update(sum, raw, (gssize)raw_size);
	}
	g_snprintf(ret, S3_ETAG_SIZE, "%s-%u", g_checksum_get_string(sum), n);
	return TRUE;
}

gboolean s3_copy(struct s3 *s, const char *from, const char *etag, const char *to, GError **error)
{
	g_autofree char *whole = g_strconcat(s->prefix, from, NULL);
	g_autofree char *escaped = s3_escape(whole, "/");
	g_autofree char *source = g_strdup_printf("x-amz-copy-source: /%s/%s", s->bucket, escaped);
	g_autofree char *match = etag ? g_strdup_printf("x-amz-copy-source-if-match: \"%s\"", etag) : NULL;
	const struct s3_body nothing = s3_body_of_text("");
	const struct s3_request r = { .method = "PUT", .key = to, .body = &nothing, .headers = { source, match } };
	SCOPED_ANSWER(a);
	if (!s3_ask(s, &r, &a, error) || !s3_answer_is_fine(s, &r, &a, error))
		return FALSE;
	/* it may fail after it said 200 */
	if (strstr(a.said->str, "<Error>"))
		return fail(error, ERROR_AWAY, "PUT %s/%s: the copy broke off", s->name, to);
	return TRUE;
}

gboolean s3_delete(struct s3 *s, const char *key, GError **error)
{
	const struct s3_request r = { .method = "DELETE", .key = key };
	SCOPED_ANSWER(a);
	return s3_ask(s, &r, &a, error) && (a.status == 404 || s3_answer_is_fine(s, &r, &a, error));
}

gboolean s3_keeps_conditions(struct s3 *s, const char *marker, gboolean *ret, GError **error)
{
	static const struct s3_condition no_object = { 0 };
	if (s->conditions == SUPPORT_UNKNOWN) {
		g_autoptr(GError) why = NULL;
		g_autofree char *text = s3_get_text(s, marker, 4096, NULL, error);
		if (!text)
			return FALSE;
		/* one that does not keep to it writes the same once more */
		gboolean was_written = s3_put_text(s, marker, text, &no_object, NULL, &why);
		gboolean is_kept = !was_written && g_error_matches(why, CLEAVE_ERROR, ERROR_EXISTS);
		if (!was_written && !is_kept) {
			g_propagate_error(error, g_steal_pointer(&why));
			return FALSE;
		}
		if (s->conditions == SUPPORT_UNKNOWN)
			s->conditions = is_kept ? SUPPORT_YES : SUPPORT_NO;
	}
	*ret = s->conditions == SUPPORT_YES;
	return TRUE;
}
