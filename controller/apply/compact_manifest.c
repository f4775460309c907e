/* compact-manifest: fewer segments for a job's manifest. The workers are asked for once more: one that came back writes. */
#include "apply/job.h"
#include "base/units.h"
#include "frames/compact.h"
#include "frames/manifest.h"
#include "queue/crew.h"

static GHashTable *list_writers(const struct apply_input *in, GError **error)
{
	struct crew_member *crew;
	guint n;
	if (!crew_list(in->redis, in->arena, &crew, &n, error))
		return NULL;
	GHashTable *all = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < n; i++)
		g_hash_table_add(all, (gpointer)crew[i].name);
	return all;
}

gboolean compact_manifest_files(const struct apply_input *in, const struct action *act, GError **error)
{
	struct upkeep_place p = { 0 };
	struct compacted done;
	g_autofree char *own = g_strdup_printf("controller-%s", in->plan->host);
	g_autoptr(GHashTable) writers = list_writers(in, error);
	const struct compact_by by = compact_usual(own, writers);
	gboolean ok = writers && upkeep_place_find(in, act, &p, error) &&
	              compact_manifest(p.root_fd, p.job_dir, p.view, &by, &done, error);
	if (ok && done.n_removed)
		apply_note(in, act, "%u segments became one, %s instead of %s", done.n_removed, bytes_about(in->arena, done.after_bytes),
		           bytes_about(in->arena, done.before_bytes));
	else if (ok)
		apply_note(in, act, "%u segments of writers that are gone are closed; they are put together later", done.n_closed);
	upkeep_place_clear(&p);
	return ok;
}
