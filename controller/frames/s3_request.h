/* One request to S3: signed, sent, tried again. Private to s3*.c. */
#pragma once
#include "frames/s3.h"
#include "frames/s3_sign.h"
#include <curl/curl.h>

enum s3_support { SUPPORT_UNKNOWN, SUPPORT_YES, SUPPORT_NO };
enum { S3_SHA256_SIZE = 65, S3_MD5_SIZE = 33, S3_HEADERS_MAX = 8 };

struct s3 {
	char *name;               /* s3://bucket/prefix */
	char *origin, *host;      /* https://host:port, and what its Host header says */
	char *above;              /* path of the bucket, escaped: "/bucket" */
	char *bucket, *prefix;    /* the prefix ends with "/" or is "" */
	char *region;
	struct s3_key key;
	CURL *curl;
	guint64 part_bytes, whole_max; /* larger objects go in parts */
	guint patience_ms, stall_s;
	gboolean (*is_over)(void *user); /* see s3_options */
	void *user;
	enum s3_support conditions;
};

/* A part of a file, or a text, with the digests under which it is sent. */
struct s3_body {
	int fd; /* -1: `text` */
	const char *text;
	guint64 at, size;
	char sha256[S3_SHA256_SIZE], md5[S3_MD5_SIZE];
};
gboolean s3_body_of_fd(int fd, guint64 at, guint64 size, struct s3_body *ret, GError **error);
struct s3_body s3_body_of_text(const char *text);
/* For Content-MD5; g_free(). */
char *s3_body_md5_base64(const struct s3_body *body);

struct s3_request {
	const char *method;
	const char *key;   /* NULL: the bucket */
	const char *query; /* escaped and sorted; NULL: none */
	const char *headers[S3_HEADERS_MAX]; /* "name: value", lower case, sorted */
	const struct s3_body *body;
	struct s3_sink *sink; /* where the content goes; NULL: into the answer */
};

struct s3_answer {
	long status;
	struct s3_facts facts; /* of its headers */
	guint64 from;          /* 206: where the content begins */
	GString *said;         /* what was not content; bounded */
	guint n_tries;
};
#define SCOPED_ANSWER(variable) __attribute__((cleanup(s3_answer_clear))) struct s3_answer variable = { 0 }
void s3_answer_clear(struct s3_answer *a);

/* How long something is tried again, and how often it was. */
struct s3_patience {
	gint64 until_us;
	guint n_tries;
};
struct s3_patience s3_patience_of(const struct s3 *s);
/* Sleeps, longer each time; FALSE when it was tried long enough. */
gboolean s3_patience_wait(struct s3_patience *p);

enum s3_asked { S3_ANSWERED, S3_TRY_AGAIN, S3_GAVE_UP };
/* Once. TRY_AGAIN sets *error too, for the case that it was tried long enough. */
enum s3_asked s3_ask_once(struct s3 *s, const struct s3_request *r, struct s3_answer *ret, GError **error);
/* Until there is an answer, of whatever status. */
gboolean s3_ask(struct s3 *s, const struct s3_request *r, struct s3_answer *ret, GError **error);
/* FALSE and the error that the status means, unless it is 2xx. */
gboolean s3_answer_is_fine(const struct s3 *s, const struct s3_request *r, const struct s3_answer *a, GError **error);

/* s3_put() of what is larger than s->whole_max. */
gboolean s3_put_parts(struct s3 *s, const char *key, int fd, guint64 size, const char *condition,
		      struct s3_answer *ret, GError **error);
