/* What stays open between passes: proven roots, the manifests read so far, digests of files.
 *
 * In: paths of roots. Out: descriptors valid until the next shelf_begin(), views and digests that go on
 * from where they were. Owned by the session; used by observe/ and apply/ on the main thread. */
#pragma once
#include "frames/digest.h"
#include "frames/manifest.h"
#include "frames/remote.h"
#include "frames/sweep.h"

struct shelf;

struct shelf *shelf_new(void);
void shelf_free(struct shelf *s);

/* A new pass: every root has to prove itself again. */
void shelf_begin(struct shelf *s);
/* How the root of that path is marked, from now on; NULL: as usual. */
void shelf_mark(struct shelf *s, const char *path, const char *marker);
/* Below this folder lie the local folders of buckets. To be said once, before shelf_know(). */
void shelf_keep(struct shelf *s, const char *folder);
/* How the bucket of options->url is reached, from now on; its URL then stands for a path in what follows. */
void shelf_know(struct shelf *s, const struct s3_options *options, const char *marker);
/* The bucket of that URL, as shelf_root() opened it; NULL: a folder, or not there. */
struct remote *shelf_remote(const struct shelf *s, const char *path);
/* The root's directory (of a bucket the local folder), or -1 with ERROR_AWAY; the shelf closes it. */
int shelf_root(struct shelf *s, const char *path, GError **error);
/* The folders of all jobs below that root, sorted; char *. g_ptr_array_unref(). */
GPtrArray *shelf_job_dirs(struct shelf *s, const char *path, GError **error);
/* Adds the job's folder unless it is among them: some servers leave folders out of a listing, and what a wanted job
 * needs must be known before anything is cleared. */
void shelf_add_job_dir(GPtrArray *dirs, const char *job_id);
/* The job's view below that root, as it was read last; never NULL. */
struct manifest_view *shelf_view(struct shelf *s, const char *root_path, const char *job_dir);
/* The same, read up to what is there now. NULL with an error. */
struct manifest_view *shelf_view_now(struct shelf *s, const char *root_path, const char *job_dir, GError **error);
struct digest_cache *shelf_digests(struct shelf *s);
struct sweep *shelf_sweep(struct shelf *s);
/* What lies beside the frames is looked at once a minute; FALSE: not now. */
gboolean shelf_upkeep_is_due(struct shelf *s);
/* Something was found or done: the next pass looks again. */
void shelf_upkeep_again(struct shelf *s);
