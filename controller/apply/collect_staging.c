/* collect-staging: clears up after attempts whose leases are gone. The queue is asked once more: a token that came to
 * life, as no token does, would be left alone. What was verified is put into the store, and never lost. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/collect.h"
#include "frames/manifest.h"
#include "spec/frame_key.h"
#include <string.h>

/* Content that a wanted key may still need where it lies. */
static gboolean add_wanted(const struct record *r, gpointer user, GError **error)
{
	gpointer *both = user;
	(void)error;
	if (r->type == RECORD_FRAME && frame_key_is_wanted(both[0], r->frame, r->key))
		g_hash_table_add(both[1], (gpointer)r->sha256);
	return TRUE;
}

static void find_wanted(const struct apply_input *in, const struct action *act, const struct upkeep_place *p, GHashTable *wanted)
{
	const struct object *have = objects_get(in->plan->have, KIND_RENDERJOB, act->id);
	const struct renderjob_status *status = have ? have->status : NULL;
	if (!act->want || !status)
		return;
	const struct key_digests of = frame_key_digests(act->want->spec, status);
	if (!of.scene)
		return;
	struct key_groups groups = frame_key_groups(in->arena, act->want->spec, &of);
	gpointer both[] = { &groups, wanted };
	manifest_each(p->view, add_wanted, both, NULL);
}

static gboolean is_alive(const struct backlog *b, const char *token)
{
	for (guint i = 0; i < b->n_running; i++)
		if (strcmp(b->running[i].token, token) == 0)
			return TRUE;
	return FALSE;
}

static gboolean collect(const struct apply_input *in, const struct action *act, const struct upkeep_place *p, GError **error)
{
	struct collected one, all = { 0 };
	g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
	const struct backlog *b = backlog_show(in->redis, in->arena, act->id, error);
	if (!b)
		return FALSE;
	find_wanted(in, act, p, wanted);
	for (guint i = 0; i < act->upkeep->tokens.n; i++) {
		const char *token = act->upkeep->tokens.items[i];
		if (is_alive(b, token))
			continue;
		if (!frame_collect(p->root_fd, p->job_dir, token, p->view, wanted, &one, error))
			return FALSE;
		all.removed += one.removed;
		all.stored += one.stored;
		all.kept += one.kept;
	}
	apply_note(in, act, "%u files removed, %u put into the store, %u left to be delivered", all.removed, all.stored, all.kept);
	return TRUE;
}

gboolean collect_staging(const struct apply_input *in, const struct action *act, GError **error)
{
	struct upkeep_place p;
	gboolean ok = upkeep_place_find(in, act, &p, error) && collect(in, act, &p, error);
	upkeep_place_clear(&p);
	return ok;
}
