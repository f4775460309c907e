/* A root that is a bucket: what others must see is moved there, the rest is as with a folder.
 *
 * Each process has a local folder per bucket, laid out like a root: it writes its manifest segment and what
 * is staged there first, and reads others' segments from there. In: keys that are paths below a root. Out:
 * objects in the bucket, and answers from one listing a folder and pass. What an object holds is told by its
 * ETag: it is read once, and again only when that changes. Used by one thread; called by all of frames/ where
 * a root's `remote` is not NULL, by shelf.c and by the worker. */
#pragma once
#include "frames/digest.h"
#include "frames/s3.h"

struct remote;

/* `local` is made. Asks nobody yet. */
struct remote *remote_new(const struct s3_options *options, const char *local, GError **error);
void remote_free(struct remote *r);
/* Looks again at all: the marker, the listings. */
void remote_begin(struct remote *r);
const char *remote_name(const struct remote *r);
const char *remote_local(const struct remote *r);

/* The local folder's descriptor, or -1: ERROR_AWAY when the bucket cannot be reached or bears no marker. The
 * marker is then in the local folder as well, or not there either. NULL: the usual one. The caller closes it. */
int remote_open(struct remote *r, const char *marker, GError **error);
/* Writes the marker. ERROR_EXISTS when there is one. */
gboolean remote_mark(struct remote *r, const char *marker, const char *name, GError **error);
/* Why it is less safe than others, for a line in the log; NULL: it is not, or is not known yet. */
const char *remote_weakness(const struct remote *r);

/* -- what lies there --------------------------------------------------------------------------- */

/* From the listing of its folder; no error when it is not there. */
gboolean remote_look(struct remote *r, const char *path, gboolean *ret_is_there, struct s3_facts *ret, GError **error);
/* The same, asked for now. */
gboolean remote_ask(struct remote *r, const char *path, gboolean *ret_is_there, struct s3_facts *ret, GError **error);
/* The digest of content that was read or written before under these facts, or NULL. */
const char *remote_known(const struct remote *r, const struct s3_facts *facts);
void remote_learn(struct remote *r, const struct s3_facts *facts, const char *sha256);
/* Reads the object unless its content is known. ERROR_EXISTS when it has other facts by now. */
gboolean remote_identify(struct remote *r, const char *path, const struct s3_facts *facts, char ret[SHA256_HEX_SIZE],
			 GError **error);
/* Reads it in any case. */
gboolean remote_read(struct remote *r, const char *path, const struct s3_facts *facts, char ret[SHA256_HEX_SIZE],
		     GError **error);
/* Of what is there now, for a scene: asks for its facts. ERROR_NOT_FOUND. */
gboolean remote_digest(struct remote *r, const char *path, char ret[SHA256_HEX_SIZE], GError **error);
/* What lies in the folder (with its slash, "" for the root's own), `deep`: also in folders of it; as the first call of
 * this pass saw it. Valid until remote_begin(). */
GHashTable *remote_listing(struct remote *r, const char *folder, gboolean deep, GError **error);
/* What lies below the folder, at any depth: path → struct s3_facts *; fresh. g_hash_table_unref(). */
GHashTable *remote_list(struct remote *r, const char *folder, GError **error);

/* The folders of all jobs that have one in the bucket, as root_job_dirs(). */
GPtrArray *remote_job_dirs(struct remote *r, GError **error);

/* -- moving ------------------------------------------------------------------------------------ */

/* The object into the local folder, at the same path; replaced at once, as whole. `sha256`: ERROR_INVALID when
 * it is not of this content; NULL: any. `limit` in bytes, 0 none. */
gboolean remote_fetch(struct remote *r, int root_fd, const char *path, const char *sha256, guint64 limit, GError **error);
/* The local file to the bucket, at `to`, under a condition or without. */
gboolean remote_send(struct remote *r, int root_fd, const char *path, const char *to, const struct s3_condition *only,
		     struct s3_facts *ret, GError **error);
gboolean remote_copy(struct remote *r, const char *from, const char *etag, const char *to, GError **error);
gboolean remote_remove(struct remote *r, const char *path, GError **error);

/* -- manifests --------------------------------------------------------------------------------- */

/* Brings the job's segments of other writers into the local folder: those whose ETag changed. To be called
 * before manifest_view_update(). NULL: a root that is a folder, nothing is done. */
gboolean remote_fetch_manifest(struct remote *r, int root_fd, const char *job_dir, GError **error);
/* Which segment a writer goes on with: a full one is not sent whole for each line. The local copy is made what
 * the bucket has. Writes its path (g_free) and its ETag, "" for none. */
char *remote_claim_segment(struct remote *r, int root_fd, const char *job_dir, const char *writer,
			   char ret_etag[S3_ETAG_SIZE], GError **error);
/* Sends the segment; `etag` is what it had and what it has then. ERROR_EXISTS: another process writes it. */
gboolean remote_publish(struct remote *r, const char *path, int fd, char etag[S3_ETAG_SIZE], GError **error);

/* -- attempts ---------------------------------------------------------------------------------- */

/* A staged file that was verified, given to all: before its manifest line. `etag` for that line. With NULL
 * nothing is done, and `etag` is "". */
gboolean remote_stage(struct remote *r, int root_fd, const char *folder, const char *name, const char *sha256,
		      char etag[S3_ETAG_SIZE], GError **error);
/* A frame's log, which only tells: without a condition. NULL is fine. */
gboolean remote_send_log(struct remote *r, int root_fd, const char *job_dir, gint64 frame, GError **error);
/* A staged file that nobody needs; also the local one, and all that is empty then. NULL is fine. */
void remote_unstage(struct remote *r, const char *folder, const char *name);
/* The local copies of an attempt that is over, and its folder: what is wanted of them is in the bucket. */
void remote_forget_stage(struct remote *r, int root_fd, const char *folder);
