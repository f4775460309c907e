/* clear-store: removes superseded frames from a root's store. What may go is found out anew, by the same rules; never
 * more files go than the plan named. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include "frames/clear.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "spec/frame_key.h"

/* What a wanted job needs. FALSE: it is not known. */
static gboolean add_job(const struct apply_input *in, const struct farm_root *root, const char *job_dir, struct clearing *c,
                        GError **error)
{
	g_autofree char *id = root_job_id(job_dir);
	const struct object *want = objects_get(in->plan->want, KIND_RENDERJOB, id);
	const struct object *have = objects_get(in->plan->have, KIND_RENDERJOB, id);
	const struct renderjob_status *status = have ? have->status : NULL;
	if (!want)
		return TRUE;
	const struct key_digests of = status && !status->trouble ? frame_key_digests(want->spec, status) : (struct key_digests){ 0 };
	if (!of.scene)
		return fail(error, ERROR_REFUSED, "what %s wants is not known", id);
	const struct manifest_view *v = shelf_view_now(in->shelf, farm_root_where(root), job_dir, error);
	if (!v)
		return FALSE;
	struct key_groups groups = frame_key_groups(in->arena, want->spec, &of);
	clearing_add_job(c, v, (guint)root->store.n_keys, frame_key_is_wanted, &groups);
	return TRUE;
}

static gboolean add_jobs(const struct apply_input *in, const struct farm_root *root, struct clearing *c, GError **error)
{
	g_autoptr(GPtrArray) dirs = shelf_job_dirs(in->shelf, farm_root_where(root), error);
	OBJECTS_EACH (o, in->plan->want, KIND_RENDERJOB)
		if (dirs && root->url)
			shelf_add_job_dir(dirs, o->id);
	for (guint i = 0; dirs && i < dirs->len; i++)
		if (!add_job(in, root, dirs->pdata[i], c, error))
			return FALSE;
	return dirs != NULL;
}

gboolean clear_store(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct farm_root *root = farm_root_find(act->want->spec, act->upkeep->root);
	const struct root_store *store = &root->store;
	const struct clear_rules rules = { .max_bytes = store->max_bytes, .keep_ms = store->keep_ms,
		                           .n_keys = (guint)store->n_keys, .now_us = g_get_real_time() };
	struct clear_store gone;
	struct clearing *c = clearing_new();
	int fd = shelf_root(in->shelf, farm_root_where(root), error);
	shelf_upkeep_again(in->shelf);
	gboolean ok = fd >= 0 && add_jobs(in, root, c, error) &&
	              clearing_run(c, fd, shelf_remote(in->shelf, farm_root_where(root)), &rules, TRUE, (guint)act->count, &gone, error);
	if (ok)
		apply_note(in, act, "%" G_GUINT64_FORMAT " files, %s", gone.n_clear, bytes_about(in->arena, gone.clear_bytes));
	clearing_free(c);
	return ok;
}
