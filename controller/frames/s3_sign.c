/* https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
#include "frames/s3_sign.h"
#include "base/error.h"
#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
enum { DATE_LEN = 8, DIGEST_SIZE = 32 };

/* -- access keys ------------------------------------------------------------------------------- */

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

void s3_key_clear(struct s3_key *key)
{
	g_free(key->id);
	forget(key->secret);
	forget(key->token);
	*key = (struct s3_key){ 0 };
}

static char *from_profile(GKeyFile *file, const char *profile, const char *name)
{
	g_autofree char *value = g_key_file_get_string(file, profile, name, NULL);
	char *stripped = value && *g_strstrip(value) ? g_strdup(value) : NULL;
	if (value)
		explicit_bzero(value, strlen(value));
	return stripped;
}

static gboolean key_from_file(struct s3_key *ret, const char *path, GError **error)
{
	const char *named = g_getenv("AWS_PROFILE");
	const char *profile = named && *named ? named : "default";
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) why = NULL;
	/* GLib's message of a malformed line quotes the line, which may be the secret */
	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &why)) {
		gboolean is_file = why->domain == G_FILE_ERROR;
		return fail(error, is_file ? ERROR_NOT_FOUND : ERROR_INVALID, "credentials %s: %s", path,
			    is_file ? why->message : "not lines of key = value below [profile]");
	}
	ret->id = from_profile(file, profile, "aws_access_key_id");
	ret->secret = from_profile(file, profile, "aws_secret_access_key");
	ret->token = from_profile(file, profile, "aws_session_token");
	if (ret->id && ret->secret)
		return TRUE;
	s3_key_clear(ret);
	return fail(error, ERROR_INVALID, "credentials %s: [%s] needs aws_access_key_id and aws_secret_access_key", path,
		    profile);
}

static const char *from_environment(const char *name)
{
	const char *value = g_getenv(name);
	return value && *value ? value : NULL;
}

gboolean s3_key_find(struct s3_key *ret, const char *file, GError **error)
{
	*ret = (struct s3_key){ 0 };
	if (file)
		return key_from_file(ret, file, error);
	const char *id = from_environment("AWS_ACCESS_KEY_ID"), *secret = from_environment("AWS_SECRET_ACCESS_KEY");
	if (!id != !secret)
		return fail(error, ERROR_INVALID, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together");
	if (id) {
		*ret = (struct s3_key){ g_strdup(id), g_strdup(secret), g_strdup(from_environment("AWS_SESSION_TOKEN")) };
		return TRUE;
	}
	const char *shared = from_environment("AWS_SHARED_CREDENTIALS_FILE");
	g_autofree char *usual = g_build_filename(g_get_home_dir(), ".aws", "credentials", NULL);
	return key_from_file(ret, shared ? shared : usual, error);
}

/* -- signatures -------------------------------------------------------------------------------- */

char *s3_escape(const char *text, const char *kept)
{
	return g_uri_escape_string(text, kept, FALSE);
}

static void hmac(const guint8 *key, gsize key_size, const char *text, guint8 ret[DIGEST_SIZE])
{
	gsize size = DIGEST_SIZE;
	GHmac *h = g_hmac_new(G_CHECKSUM_SHA256, key, key_size);
	g_hmac_update(h, (const guchar *)text, (gssize)strlen(text));
	g_hmac_get_digest(h, ret, &size);
	g_hmac_unref(h);
}

static char *hex(const guint8 bytes[DIGEST_SIZE])
{
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < DIGEST_SIZE; i++)
		g_string_append_printf(text, "%02x", bytes[i]);
	return g_string_free(text, FALSE);
}

/* host sorts among the others; its place is found here, so that callers need not give it. */
static void append_headers(const struct s3_to_sign *r, GString *canonical, GString *names)
{
	gboolean has_host = FALSE;
	for (guint i = 0; r->headers[i] || !has_host; i++) {
		const char *header = r->headers[i];
		if (!has_host && (!header || strcmp(header, "host") > 0)) {
			g_string_append_printf(canonical, "host:%s\n", r->host);
			g_string_append(names, names->len ? ";host" : "host");
			has_host = TRUE;
			if (!header)
				return;
		}
		const char *colon = strchr(header, ':');
		g_autofree char *value = g_strstrip(g_strdup(colon + 1));
		g_string_append_printf(canonical, "%.*s:%s\n", (int)(colon - header), header, value);
		g_string_append_printf(names, "%s%.*s", names->len ? ";" : "", (int)(colon - header), header);
	}
}

static char *digest_of_request(const struct s3_to_sign *r, GString *names)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_string_append_printf(text, "%s\n%s\n%s\n", r->method, r->path, r->query);
	append_headers(r, text, names);
	g_string_append_printf(text, "\n%s\n%s", names->str, r->payload_sha256);
	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text->str, (gssize)text->len);
}

char *s3_sign(const struct s3_key *key, const struct s3_to_sign *r)
{
	guint8 at[DIGEST_SIZE];
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *date = g_strndup(r->time, DATE_LEN);
	g_autofree char *scope = g_strdup_printf("%s/%s/s3/aws4_request", date, r->region);
	g_autofree char *digest = digest_of_request(r, names);
	g_autofree char *to_sign = g_strdup_printf(ALGORITHM "\n%s\n%s\n%s", r->time, scope, digest);
	char *first = g_strconcat("AWS4", key->secret, NULL);
	hmac((const guint8 *)first, strlen(first), date, at);
	forget(first);
	const char *const steps[] = { r->region, "s3", "aws4_request", to_sign };
	for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
		guint8 next[DIGEST_SIZE];
		hmac(at, sizeof at, steps[i], next);
		memcpy(at, next, sizeof at);
	}
	g_autofree char *signature = hex(at);
	explicit_bzero(at, sizeof at);
	return g_strdup_printf(ALGORITHM " Credential=%s/%s,SignedHeaders=%s,Signature=%s", key->id, scope, names->str,
			       signature);
}
