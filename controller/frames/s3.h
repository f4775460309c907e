/* A bucket, or a prefix of one, through the S3 API: one object at a time.
 *
 * In: a URL, keys below its prefix, descriptors. Out: objects read and written, each answer with the facts
 * that tell one content from another. Brief failures are tried again, for a bounded time. Called by
 * remote.c; not for use by two threads at once. */
#pragma once
#include <glib.h>

struct s3;

struct s3_options {
	const char *url;              /* s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME]; what it says comes first */
	const char *endpoint;         /* NULL: Amazon's of that region */
	const char *region;           /* NULL: us-east-1 */
	const char *credentials_file; /* NULL: see s3_key_find() */
	guint64 part_bytes;           /* of objects that go in parts; 0: 16 MiB, and in one up to 64 MiB */
	guint patience_ms;            /* how long one thing is tried again; 0: 20 s */
	guint stall_s;                /* how long a server may say nothing; 0: 30 s */
	gboolean (*is_over)(void *user); /* ends what is under way with ERROR_TIMEOUT; NULL: nothing does */
	void *user;
};

enum { S3_ETAG_SIZE = 80 };

struct s3_facts {
	guint64 size;
	char etag[S3_ETAG_SIZE]; /* without quotes; differs when the content does */
	gint64 modified_us;      /* since 1970, by the server's clock; 0: not told. Only listings tell */
};

/* Asks nobody yet. ERROR_INVALID: the URL; ERROR_NOT_FOUND, ERROR_INVALID: the access key. */
struct s3 *s3_new(const struct s3_options *options, GError **error);
void s3_free(struct s3 *s);
/* For messages: s3://bucket/prefix. */
const char *s3_name(const struct s3 *s);

/* Errors of all of them: ERROR_NOT_FOUND; ERROR_REFUSED the server says no (its code is in the message);
 * ERROR_AWAY it does not answer or is overloaded; ERROR_INVALID a key with "..", "." or an empty part. */
gboolean s3_head(struct s3 *s, const char *key, struct s3_facts *ret, GError **error);

struct s3_sink {
	int fd;         /* written from its start; -1: only summed up */
	guint64 limit;  /* ERROR_REFUSED for more bytes; 0: any number */
	GChecksum *sum; /* of what came; may be NULL. Reset when it has to begin anew */
	guint64 n;      /* bytes that came */
};
/* A transfer that was cut goes on where it was, unless the object is another one by then. `ret` may be NULL. */
gboolean s3_get(struct s3 *s, const char *key, struct s3_sink *sink, struct s3_facts *ret, GError **error);
/* A small object as text; g_free(). */
char *s3_get_text(struct s3 *s, const char *key, gsize limit, struct s3_facts *ret, GError **error);

/* What must hold for a write; otherwise it is ERROR_EXISTS and nothing was written. NULL: anything. */
struct s3_condition {
	const char *etag; /* the object has it; NULL: there is no object */
};
/* From the descriptor's start to its end, which others must not change meanwhile. Where the server does not
 * know conditions, it is looked before it is written: see s3_keeps_conditions(). */
gboolean s3_put(struct s3 *s, const char *key, int fd, const struct s3_condition *only, struct s3_facts *ret,
		GError **error);
gboolean s3_put_text(struct s3 *s, const char *key, const char *text, const struct s3_condition *only,
		     struct s3_facts *ret, GError **error);
/* The ETag that s3_put() of this content gets from a server that does not encrypt; written to `ret`. */
gboolean s3_etag_of(const struct s3 *s, int fd, char ret[S3_ETAG_SIZE], GError **error);
/* Within the bucket, by the server. `etag`: of the source, ERROR_EXISTS when it is another by now. */
gboolean s3_copy(struct s3 *s, const char *from, const char *etag, const char *to, GError **error);
/* Gone already is fine. */
gboolean s3_delete(struct s3 *s, const char *key, GError **error);

/* Whether writes under a condition are kept to by the server itself; asked once, with `marker`, an object
 * that may be written again as it is. */
gboolean s3_keeps_conditions(struct s3 *s, const char *marker, gboolean *ret, GError **error);

/* key below the prefix → struct s3_facts *. `folder` ends with "/" or is ""; `deep`: what lies in folders
 * of it too. g_hash_table_unref(). */
GHashTable *s3_list(struct s3 *s, const char *folder, gboolean deep, GError **error);
/* The names of the folders right in this one; char *, no order. g_ptr_array_unref(). */
GPtrArray *s3_list_folders(struct s3 *s, const char *folder, GError **error);
