/* record-damage: a `seen` record of what was read instead of what was verified, so that the next process does not
 * believe the older one. Files that are right again by now get none. */
#include "apply/job.h"
#include "base/arena.h"
#include "frames/inspect.h"

static gboolean add_sight(struct arena *a, const struct inspection *look, gint64 frame, const char *path, GArray *records,
                          GError **error)
{
	struct frame_sight *sight = ARENA_NEW(a, struct frame_sight);
	const char *visible = arena_strdup(a, path);
	if (!frame_inspect(look, frame, NULL, visible, sight, error))
		return FALSE;
	if (sight->state == FRAME_DAMAGED && sight->should_record) {
		struct record seen = frame_seen_record(sight, frame, visible);
		g_array_append_val(records, seen);
	}
	return TRUE;
}

static gboolean gather(const struct apply_input *in, const struct action *act, const struct job_place *p, GArray *records,
                       GError **error)
{
	const struct inspection look = job_place_look(in, p);
	FRAMES_EACH (it, &act->frames)
		for (guint i = 0; i < p->outputs.n; i++) {
			g_autofree char *path = job_place_visible(p, i, it.frame);
			if (!apply_goes_on(in, error) || !add_sight(in->arena, &look, it.frame, path, records, error))
				return FALSE;
		}
	return TRUE;
}

gboolean record_damage(const struct apply_input *in, const struct action *act, GError **error)
{
	struct job_place p;
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(struct record));
	gboolean ok = job_place_find(in, act, &p, error) && gather(in, act, &p, records, error);
	struct manifest *m = ok && records->len ? job_place_manifest(in, &p, error) : NULL;
	if (ok && records->len)
		ok = m && manifest_append_all(m, (const struct record *)(gpointer)records->data, records->len, error);
	manifest_close(m);
	job_place_clear(&p);
	return ok;
}
