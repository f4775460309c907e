/* What lies beside the frames of each root: the store, and per job what attempts left, the manifest's segments, logs.
 * Looked at once a minute by `run`, and each time by whoever only asks. After the jobs: which keys are wanted, and which
 * frames still wait to be delivered, is known then. */
#include "base/arena.h"
#include "frames/abandon.h"
#include "frames/clear.h"
#include "frames/compact.h"
#include "frames/log_keep.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "frames/shelf.h"
#include "observe/observe.h"
#include "queue/backlog.h"
#include "queue/crew.h"
#include "queue/redis.h"
#include "spec/farm.h"
#include "spec/frame_key.h"
#include <string.h>

enum { TOKENS_MOST = 1000 };                             /* a job and pass */
static const gint64 DELIVERING_US = 60 * G_USEC_PER_SEC; /* at least so long is nobody bothered after a lease */
/* Of a job that the specs do not name: the root may be another farm's as well, whose leases are in a queue that is not
 * asked here. */
static const gint64 STRANGE_US = 24 * 3600 * (gint64)G_USEC_PER_SEC;

struct storing {
	struct arena *arena;
	const struct observe_input *in;
	const struct farm_spec *farm;
	struct objects *have;
	GHashTable *writers; /* who may still write manifests: workers that the queue knows */
	const struct farm_root *root;
	int root_fd;
	const char *where;     /* for the shelf */
	struct remote *remote; /* the root is a bucket; NULL: a folder */
	gboolean all_known; /* of all wanted jobs it is known which keys they want */
};

static const struct renderjob_status *status_of(const struct storing *s, const char *id)
{
	const struct object *have = objects_get(s->have, KIND_RENDERJOB, id);
	const struct renderjob_status *status = have ? have->status : NULL;
	return status && !status->trouble ? status : NULL;
}

/* -- attempts ---------------------------------------------------------------------------------- */

/* Attempts that hold what is still to be delivered; deliver-frames is for them. */
static void add_awaited(const struct storing *s, const char *id, const struct manifest_view *v, GHashTable *busy)
{
	const struct renderjob_status *status = status_of(s, id);
	const struct list *lists[] = { status ? &status->staged : NULL, status ? &status->running : NULL,
		                       status ? &status->elsewhere : NULL };
	for (guint l = 0; l < G_N_ELEMENTS(lists) && status; l++)
		for (guint i = 0; i < lists[l]->n; i++) {
			const struct job_frames *f = LIST_AT(*lists[l], struct job_frames, i);
			FRAMES_EACH (it, &f->frames) {
				const struct record *r = NULL;
				while (f->key && (r = manifest_next(v, it.frame, r)))
					if (strcmp(r->key, f->key) == 0)
						g_hash_table_add(busy, (gpointer)r->token);
			}
		}
}

/* FALSE: the queue does not say who lives. */
static gboolean add_living(const struct storing *s, const char *id, GHashTable *busy)
{
	const struct backlog *b = backlog_show(s->in->redis, s->arena, id, NULL);
	for (guint i = 0; b && i < b->n_running; i++)
		g_hash_table_add(busy, (gpointer)b->running[i].token);
	return b != NULL;
}

static struct strings find_abandoned(const struct storing *s, const char *id, const char *job_dir, const struct manifest_view *v)
{
	g_autoptr(GPtrArray) old = g_ptr_array_new(), over = g_ptr_array_new();
	gboolean is_wanted = objects_get(s->in->want, KIND_RENDERJOB, id) != NULL;
	gint64 age_us = is_wanted ? MAX(2 * s->farm->lease_ms * 1000, DELIVERING_US) : STRANGE_US;
	g_autoptr(GHashTable) busy = g_hash_table_new(g_str_hash, g_str_equal);
	if (!abandoned_tokens(s->arena, s->root_fd, s->remote, job_dir, age_us, TOKENS_MOST, old, NULL) || !old->len)
		return (struct strings){ 0 };
	if (!add_living(s, id, busy))
		return (struct strings){ 0 };
	add_awaited(s, id, v, busy);
	for (guint i = 0; i < old->len; i++)
		if (!g_hash_table_contains(busy, old->pdata[i]))
			g_ptr_array_add(over, old->pdata[i]);
	return (struct strings){ arena_memdup(s->arena, over->pdata, over->len * sizeof(char *)), over->len };
}

/* -- a job ------------------------------------------------------------------------------------- */

/* What of the store the job needs; what is not known is not cleared. */
static void add_to_clearing(struct storing *s, struct clearing *c, const char *id, const struct manifest_view *v)
{
	const struct object *want = objects_get(s->in->want, KIND_RENDERJOB, id);
	const struct renderjob_status *status = status_of(s, id);
	if (!want)
		return;
	const struct key_digests of = status ? frame_key_digests(want->spec, status) : (struct key_digests){ 0 };
	if (!of.scene) {
		s->all_known = FALSE;
		return;
	}
	struct key_groups groups = frame_key_groups(s->arena, want->spec, &of);
	clearing_add_job(c, v, (guint)s->root->store.n_keys, frame_key_is_wanted, &groups);
}

/* Of a folder only: a bucket's segments are whole objects, and its logs are not listed each time. */
static void look_at_files(const struct storing *s, const char *job_dir, const struct manifest_view *v, struct root_job_status *ret)
{
	struct log_excess logs = { 0 };
	guint n_segments = 0;
	g_autofree char *own = g_strdup_printf("controller-%s", s->in->host);
	const struct compact_by by = compact_usual(own, s->writers);
	if (s->writers && compact_look(s->root_fd, job_dir, v, &by, &n_segments, NULL))
		ret->n_segments = n_segments;
	if (logs_trim(s->root_fd, job_dir, v, LOG_BYTES_MOST, FALSE, &logs, NULL)) {
		ret->n_logs = logs.n;
		ret->log_bytes = logs.bytes;
	}
}

/* What cannot be looked at is looked at again. */
static struct root_job_status look_at_job_dir(struct storing *s, const char *id, const char *job_dir, struct clearing *c)
{
	struct root_job_status status = { .job = arena_strdup(s->arena, id) };
	const struct manifest_view *v = shelf_view_now(s->in->shelf, s->where, job_dir, NULL);
	if (!v) {
		s->all_known = FALSE;
		return status;
	}
	status.abandoned = find_abandoned(s, id, job_dir, v);
	if (!s->remote)
		look_at_files(s, job_dir, v, &status);
	add_to_clearing(s, c, id, v);
	return status;
}

/* -- a root ------------------------------------------------------------------------------------ */

static void look_at_jobs(struct storing *s, struct clearing *c, struct farm_root_status *ret)
{
	g_autoptr(GPtrArray) dirs = shelf_job_dirs(s->in->shelf, s->where, NULL);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct root_job_status));
	s->all_known = dirs != NULL;
	OBJECTS_EACH (o, s->in->want, KIND_RENDERJOB)
		if (dirs && s->remote)
			shelf_add_job_dir(dirs, o->id);
	for (guint i = 0; dirs && i < dirs->len; i++) {
		g_autofree char *id = root_job_id(dirs->pdata[i]);
		struct root_job_status one = look_at_job_dir(s, id, dirs->pdata[i], c);
		if (one.abandoned.n || one.n_segments || one.n_logs)
			g_array_append_val(found, one);
	}
	ret->jobs = (struct list){ arena_memdup(s->arena, found->data, found->len * sizeof(struct root_job_status)), found->len };
}

static void look_at_store(struct storing *s, struct clearing *c, struct farm_root_status *ret)
{
	const struct root_store *rules = &s->root->store;
	struct clear_store store;
	const struct clear_rules all = { .max_bytes = rules->max_bytes, .keep_ms = rules->keep_ms, .n_keys = (guint)rules->n_keys,
		                         .now_us = g_get_real_time() };
	if (!clearing_run(c, s->root_fd, s->remote, &all, FALSE, G_MAXUINT, &store, NULL))
		return;
	ret->store = (struct root_store_status){ .n_files = (gint64)store.n_files, .bytes = store.bytes };
	if (!s->all_known)
		return;
	ret->store.n_clear = (gint64)store.n_clear;
	ret->store.clear_bytes = store.clear_bytes;
}

static void look_at_root(struct storing *s, struct farm_root_status *ret)
{
	struct clearing *c = clearing_new();
	look_at_jobs(s, c, ret);
	look_at_store(s, c, ret);
	clearing_free(c);
	if (ret->jobs.n || ret->store.n_clear)
		shelf_upkeep_again(s->in->shelf);
}

/* NULL: the queue does not say. */
static GHashTable *list_writers(struct arena *a, const struct observe_input *in)
{
	struct crew_member *crew;
	guint n;
	if (!crew_list(in->redis, a, &crew, &n, NULL))
		return NULL;
	GHashTable *all = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < n; i++)
		g_hash_table_add(all, (gpointer)crew[i].name);
	return all;
}

void observe_store(struct arena *a, const struct observe_input *in, struct objects *have)
{
	const struct object *farm = objects_farm(in->want), *seen = farm ? objects_get(have, KIND_FARM, farm->id) : NULL;
	struct farm_status *status = seen ? seen->status : NULL;
	if (!status || status->redis != PLANE_OK)
		return;
	status->is_sweeping = in->claims && sweep_is_pending(shelf_sweep(in->shelf));
	if (in->claims && !in->checks && !shelf_upkeep_is_due(in->shelf))
		return;
	struct storing s = { .arena = a, .in = in, .farm = farm->spec, .have = have, .writers = list_writers(a, in) };
	for (guint i = 0; i < status->roots.n; i++) {
		struct farm_root_status *root = LIST_AT(status->roots, struct farm_root_status, i);
		s.root = farm_root_find(s.farm, root->name);
		s.where = farm_root_where(s.root);
		s.root_fd = root->mounted ? shelf_root(in->shelf, s.where, NULL) : -1;
		s.remote = shelf_remote(in->shelf, s.where);
		if (s.root_fd >= 0)
			look_at_root(&s, root);
	}
	g_clear_pointer(&s.writers, g_hash_table_unref);
}
