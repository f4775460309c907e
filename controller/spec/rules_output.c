/* job-output-own. Jobs are grouped by output; within a group their runs of frames are swept in order of
 * the first frame, so that only runs whose ranges meet are compared. */
#include "spec/rule.h"

/* A template that a job writes. */
struct claim {
	const struct object *job;
	const char *file, *at; /* file: a run of # stands as one; at: the key it stands under */
	guint width;           /* of the run: least digits of a frame's number */
};

struct span {
	guint claim, width; /* claim: its place among the claims */
	const struct frame_run *run;
};

static const struct claim *claim_at(const GArray *claims, guint i)
{
	return &g_array_index(claims, struct claim, i);
}

static gint by_first(gconstpointer x, gconstpointer y)
{
	const struct span *a = x, *b = y;
	if (a->run->first != b->run->first)
		return a->run->first < b->run->first ? -1 : 1;
	return a->claim < b->claim ? -1 : a->claim > b->claim;
}

/* From here on numbers have at least that many digits, so that a_#.png and a_####.png are one file. */
static struct frame_run from_width(struct frame_run r, guint width)
{
	gint64 least = 1;
	for (guint i = 1; i < width && least < G_MAXINT64 / 10; i++)
		least *= 10;
	if (r.first < least)
		r.first += (least - r.first + r.step - 1) / r.step * r.step;
	return r;
}

static gboolean share_a_frame(const struct span *a, const struct span *b)
{
	struct frame_run x = *a->run, y = *b->run;
	if (a->width != b->width) {
		x = from_width(x, MAX(a->width, b->width));
		y = from_width(y, MAX(a->width, b->width));
		if (x.first > x.last || y.first > y.last)
			return FALSE;
	}
	struct frame_set one = { &x, 1 }, other = { &y, 1 };
	return frames_overlap(&one, &other);
}

static void tell(struct arena *a, const struct claim *c, const struct claim *before, struct problems *problems)
{
	ERROR(c->job, c->at, "RenderJob %s: %s: %s writes the same files", c->job->id, c->at,
	      before->job == c->job ? arena_printf(a, "its %s", before->at) : rule_who(a, before->job));
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
			gboolean meets = other.claim != s.claim && share_a_frame(&other, &s);
			if (meets) {
				guint later = MAX(s.claim, other.claim);
				before[later] = MIN(before[later], MIN(s.claim, other.claim));
				s = other.run->last > s.run->last ? other : s;
			}
			if (meets || other.run->last < s.run->first)
				g_array_remove_index_fast(active, k);
		}
		g_array_append_val(active, s);
	}
}

static void check_group(struct arena *a, const GArray *claims, const GArray *group, guint *before, struct problems *problems)
{
	g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(struct span));
	for (guint i = 0; i < group->len; i++) {
		guint claim = g_array_index(group, guint, i);
		const struct frame_set *frames = &((const struct renderjob_spec *)claim_at(claims, claim)->job->spec)->frames;
		for (guint r = 0; r < frames->n_runs; r++) {
			struct span s = { claim, claim_at(claims, claim)->width, &frames->runs[r] };
			g_array_append_val(spans, s);
		}
	}
	g_array_sort(spans, by_first);
	sweep(spans, before);
	for (guint i = 0; i < group->len; i++) {
		guint claim = g_array_index(group, guint, i);
		if (before[claim] != G_MAXUINT)
			tell(a, claim_at(claims, claim), claim_at(claims, before[claim]), problems);
	}
}

/* Only a file name's run of # is a frame's number. */
static struct claim claim_of(struct arena *a, const struct object *job, const char *file, const char *at)
{
	struct claim c = { job, NULL, at, 0 };
	const char *mark = strchr(strrchr(file, '/') ? strrchr(file, '/') : file, '#');
	if (!mark)
		return c;
	c.width = (guint)strspn(mark, "#");
	c.file = arena_printf(a, "%.*s#%s", (int)(mark - file), file, mark + c.width);
	return c;
}

static void add_claim(GArray *claims, struct arena *a, const struct object *job, const char *file, const char *at)
{
	struct claim c = file ? claim_of(a, job, file, at) : (struct claim){ 0 };
	if (c.file)
		g_array_append_val(claims, c);
}

static GArray *collect_claims(struct arena *a, const struct objects *all)
{
	GArray *claims = g_array_new(FALSE, FALSE, sizeof(struct claim));
	OBJECTS_EACH (o, all, KIND_RENDERJOB) {
		const struct renderjob_spec *job = o->spec;
		add_claim(claims, a, o, job->output, "output");
		for (guint i = 0; i < job->outputs.n; i++)
			add_claim(claims, a, o, LIST_AT(job->outputs, struct job_output, i)->file, arena_printf(a, "outputs[%u].file", i));
	}
	return claims;
}

/* Files that more than one claim names → GArray of those claims. */
static GHashTable *group_by_file(const GArray *claims)
{
	g_autoptr(GHashTable) first = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTable *groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_array_unref);
	for (guint i = 0; i < claims->len; i++) {
		const char *file = claim_at(claims, i)->file;
		gpointer other;
		if (!g_hash_table_lookup_extended(first, file, NULL, &other)) {
			g_hash_table_insert(first, (gpointer)file, GUINT_TO_POINTER(i));
			continue;
		}
		GArray *group = g_hash_table_lookup(groups, file);
		if (!group) {
			guint one = GPOINTER_TO_UINT(other);
			group = g_array_new(FALSE, FALSE, sizeof(guint));
			g_array_append_val(group, one);
			g_hash_table_insert(groups, (gpointer)file, group);
		}
		g_array_append_val(group, i);
	}
	return groups;
}

/* Two that write one file with common frames would replace each other's for ever. */
RULE(job_output_own)
{
	g_autoptr(GArray) claims = collect_claims(a, all);
	g_autoptr(GHashTable) groups = group_by_file(claims);
	g_autofree guint *before = g_new(guint, claims->len + 1);
	GHashTableIter it;
	gpointer group;
	for (guint i = 0; i < claims->len; i++)
		before[i] = G_MAXUINT;
	g_hash_table_iter_init(&it, groups);
	while (g_hash_table_iter_next(&it, NULL, &group))
		check_group(a, claims, group, before, problems);
}

/* One manifest and one staging folder tell of a frame's files; a rename does not cross file systems. */
RULE(job_outputs_one_root)
{
	const struct list *outputs = &((const struct renderjob_spec *)o->spec)->outputs;
	const char *first = NULL, *root, *path;
	for (guint i = 0; i < outputs->n; i++) {
		if (!root_path_split(a, LIST_AT(*outputs, struct job_output, i)->file, &root, &path))
			continue;
		first = first ? first : root;
		const char *at = arena_printf(a, "outputs[%u].file", i);
		if (strcmp(first, root) != 0)
			ERROR(o, at, "RenderJob %s: %s: root %s; the outputs of a job are below one root, and the first is below %s", o->id, at, root, first);
	}
}

RULE(job_preview_own)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (each, all, KIND_RENDERJOB) {
		const char *movie = ((const struct renderjob_spec *)each->spec)->preview.movie;
		const struct object *first = movie ? g_hash_table_lookup(seen, movie) : NULL;
		if (first)
			ERROR(each, "preview.movie", "RenderJob %s: preview.movie: %s writes the same file", each->id, rule_who(a, first));
		else if (movie)
			g_hash_table_insert(seen, (gpointer)movie, each);
	}
}
