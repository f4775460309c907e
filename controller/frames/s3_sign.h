/* Who asks, and the signature that proves it: AWS Signature Version 4, header form.
 *
 * In: the parts of a request and the access key. Out: the value of its Authorization header. Signed here and
 * not by libcurl: the one of Debian 12 (7.88) signs a query in the order in which it is given, and headers
 * that are only there to be left out. Called by s3_request.c. */
#pragma once
#include <glib.h>

/* An access key. The secret is never in a message, a log or an argument vector. */
struct s3_key {
	char *id, *secret;
	char *token; /* of temporary keys; NULL: none */
};

/* From the file, in the way of the AWS tools, the profile that AWS_PROFILE names or `default`; for NULL from
 * AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else from AWS_SHARED_CREDENTIALS_FILE, else from
 * ~/.aws/credentials. ERROR_NOT_FOUND when there is none, ERROR_INVALID when half of one is. */
gboolean s3_key_find(struct s3_key *ret, const char *file, GError **error);
void s3_key_clear(struct s3_key *key);

struct s3_to_sign {
	const char *method;
	const char *host;           /* with its port, as the Host header says it */
	const char *path;           /* escaped, begins with / */
	const char *query;          /* escaped and sorted, "" for none */
	const char *const *headers; /* "name: value", names in lower case, sorted; NULL-terminated. Without host */
	const char *payload_sha256;
	const char *time; /* 20130524T000000Z */
	const char *region;
};

/* Escapes all but A-Z a-z 0-9 - . _ ~, and what is in `kept` ("/" for a key). g_free(). */
char *s3_escape(const char *text, const char *kept);
/* The Authorization header's value; g_free(). */
char *s3_sign(const struct s3_key *key, const struct s3_to_sign *r);
