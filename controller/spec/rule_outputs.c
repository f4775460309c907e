/* job-output-own. Jobs are grouped by output; within a group their runs of frames are swept in order of
 * the first frame, so that only runs whose ranges meet are compared. */
#include "spec/renderjob.h"
#include "spec/rules.h"
#include <string.h>

struct span {
	guint job; /* its place among the jobs */
	const struct frame_run *run;
};

static struct object *job_at(const struct objects *all, guint i)
{
	return g_ptr_array_index(all->by_kind[KIND_RENDERJOB], i);
}

static const struct renderjob_spec *spec_at(const struct objects *all, guint i)
{
	return job_at(all, i)->spec;
}

static gint by_first(gconstpointer x, gconstpointer y)
{
	const struct span *a = x, *b = y;
	if (a->run->first != b->run->first)
		return a->run->first < b->run->first ? -1 : 1;
	return a->job < b->job ? -1 : a->job > b->job;
}

static gboolean share_a_frame(const struct span *a, const struct span *b)
{
	struct frame_run x = *a->run, y = *b->run;
	struct frame_set one = { &x, 1 }, other = { &y, 1 };
	return frames_overlap(&one, &other);
}

static void tell(const struct objects *all, guint job, guint before, struct problems *problems)
{
	const struct object *o = job_at(all, job), *other = job_at(all, before);
	problem_add(problems, SEVERITY_ERROR, object_place(o, "output"),
	            "RenderJob %s: output: RenderJob %s (%s:%u) writes the same files", o->id, other->id, other->place.path,
	            other->place.line);
}

/* What is compared with the span that comes next: of two that share frames the one that reaches farther
 * stands for both, else a group of equal jobs would be compared pair by pair. */
static void sweep(const GArray *spans, guint *before)
{
	g_autoptr(GArray) active = g_array_new(FALSE, FALSE, sizeof(struct span));
	for (guint i = 0; i < spans->len; i++) {
		struct span s = g_array_index(spans, struct span, i);
		for (guint k = active->len; k-- > 0;) {
			struct span other = g_array_index(active, struct span, k);
			gboolean meets = other.job != s.job && share_a_frame(&other, &s);
			if (meets) {
				guint later = MAX(s.job, other.job);
				before[later] = MIN(before[later], MIN(s.job, other.job));
				s = other.run->last > s.run->last ? other : s;
			}
			if (meets || other.run->last < s.run->first)
				g_array_remove_index_fast(active, k);
		}
		g_array_append_val(active, s);
	}
}

static void check_group(const struct objects *all, const GArray *jobs, guint *before, struct problems *problems)
{
	g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(struct span));
	for (guint i = 0; i < jobs->len; i++) {
		guint job = g_array_index(jobs, guint, i);
		const struct frame_set *frames = &spec_at(all, job)->frames;
		for (guint r = 0; r < frames->n_runs; r++) {
			struct span s = { job, &frames->runs[r] };
			g_array_append_val(spans, s);
		}
	}
	g_array_sort(spans, by_first);
	sweep(spans, before);
	for (guint i = 0; i < jobs->len; i++) {
		guint job = g_array_index(jobs, guint, i);
		if (before[job] != G_MAXUINT)
			tell(all, job, before[job], problems);
	}
}

void rule_outputs_differ(const struct objects *all, struct problems *problems)
{
	guint n = all->by_kind[KIND_RENDERJOB]->len;
	/* output → the first job with it, or, once there are more, those jobs */
	g_autoptr(GHashTable) first = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_array_unref);
	g_autofree guint *before = g_new(guint, n + 1);
	for (guint i = 0; i < n; i++) {
		const char *output = spec_at(all, i)->output;
		gpointer other;
		before[i] = G_MAXUINT;
		if (!output)
			continue;
		if (!g_hash_table_lookup_extended(first, output, NULL, &other)) {
			g_hash_table_insert(first, (gpointer)output, GUINT_TO_POINTER(i));
			continue;
		}
		GArray *group = g_hash_table_lookup(groups, output);
		if (!group) {
			guint one = GPOINTER_TO_UINT(other);
			group = g_array_new(FALSE, FALSE, sizeof(guint));
			g_array_append_val(group, one);
			g_hash_table_insert(groups, (gpointer)output, group);
		}
		g_array_append_val(group, i);
	}
	GHashTableIter it;
	gpointer group;
	g_hash_table_iter_init(&it, groups);
	while (g_hash_table_iter_next(&it, NULL, &group))
		check_group(all, group, before, problems);
}
