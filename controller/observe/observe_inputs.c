/* Inputs of a job: as they are now, against what was recorded of them when its frames were queued (listed ones)
 * or when Blender first opened them (traced ones). */
#include "base/arena.h"
#include "base/error.h"
#include "frames/inputs.h"
#include "frames/manifest.h"
#include "frames/shelf.h"
#include "observe/observe_job.h"
#include <string.h>

enum { NAMED_MAX = 5 };

static int root_of(void *user, const char *name, GError **error)
{
	const struct looking *l = user;
	const struct farm_root *root = farm_root_find(l->farm, name);
	if (root)
		return shelf_root(l->in->shelf, farm_root_where(root), error);
	fail(error, ERROR_AWAY, "the Farm has no root %s", name);
	return -1;
}

static struct remote *remote_of(void *user, const char *name)
{
	const struct looking *l = user;
	return shelf_remote(l->in->shelf, farm_root_where(farm_root_find(l->farm, name)));
}

static struct inputs_from from_of(const struct looking *l)
{
	return (struct inputs_from){ root_of, (void *)l, shelf_digests(l->in->shelf), remote_of };
}

/* The first few by name; all are counted. */
static void add_name(struct arena *a, struct strings *first, gint64 *n, const char *name)
{
	if (!first->items)
		first->items = ARENA_ARRAY(a, const char *, NAMED_MAX);
	if (first->n < NAMED_MAX)
		first->items[first->n++] = arena_strdup(a, name);
	++*n;
}

/* -- listed ------------------------------------------------------------------------------------------ */

/* Which of them have other content than was recorded, or no record: a pattern takes in more than it did. Those that
 * are gone leave no trace in the list; the digest of all of them does. */
static void name_changed(const struct looking *l, const struct inputs *all, struct job_inputs_status *s)
{
	for (guint i = 0; i < all->n; i++) {
		const struct record *pin = manifest_pin(l->inspection.view, all->items[i].name);
		if (!pin || strcmp(pin->sha256, all->items[i].sha256) != 0)
			add_name(l->arena, &s->changed, &s->n_changed, all->items[i].name);
	}
}

static void look_at_listed(const struct looking *l, struct job_inputs_status *s)
{
	const struct inputs_from from = from_of(l);
	const struct strings *files = &l->job->inputs.files;
	const char **patterns = ARENA_ARRAY(l->arena, const char *, files->n + 1);
	g_autoptr(GError) error = NULL;
	struct inputs all;
	char sum[SHA256_HEX_SIZE];
	const struct record *pin = manifest_pin(l->inspection.view, PIN_INPUTS);
	s->pinned = pin ? arena_strdup(l->arena, pin->sha256) : NULL;
	for (guint i = 0; i < files->n; i++)
		patterns[i] = files->items[i];
	if (!inputs_read(l->arena, &from, patterns, &all, &error)) {
		s->reason = arena_strdup(l->arena, error->message);
		return;
	}
	inputs_sum(&all, sum);
	s->found = arena_strdup(l->arena, sum);
	s->changing = l->job->scene.follow && !all.is_settled;
	if (pin && strcmp(pin->sha256, sum) != 0)
		name_changed(l, &all, s);
}

/* -- traced ------------------------------------------------------------------------------------------ */

/* What was opened while frames are rendered grows with them, so it is not the whole list that is summed up, but those
 * that have other content now than when they were first opened. */
static void look_at_traced(const struct looking *l, struct job_inputs_status *s)
{
	const struct inputs_from from = from_of(l);
	g_autoptr(GPtrArray) opened = manifest_inputs(l->inspection.view);
	struct inputs changed = { ARENA_ARRAY(l->arena, struct input, opened->len), 0, TRUE };
	char sum[SHA256_HEX_SIZE];
	for (guint i = 0; i < opened->len; i++) {
		const struct record *r = manifest_first_input(l->inspection.view, ((const struct record *)opened->pdata[i])->file);
		struct file_digest now = { 0 };
		g_autoptr(GError) error = NULL;
		/* What lies outside of the roots is another machine's. The scene has a digest of its own. */
		if (r->file[0] == '/' || g_strcmp0(r->file, l->job->scene.file) == 0)
			continue;
		if (!input_read(&from, r->file, &now, &error))
			s->reason = s->reason ? s->reason : arena_strdup(l->arena, error->message);
		else if (strcmp(now.sha256, r->sha256) != 0) {
			struct input *one = &changed.items[changed.n++];
			one->name = r->file;
			g_strlcpy(one->sha256, now.sha256, sizeof one->sha256);
			s->changing = s->changing || (l->job->scene.follow && !facts_are_settled(&now.facts));
			add_name(l->arena, &s->changed, &s->n_changed, r->file);
		}
	}
	inputs_sum(&changed, sum);
	s->found = changed.n ? arena_strdup(l->arena, sum) : NULL;
}

/* -- undeclared -------------------------------------------------------------------------------------- */

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(x, ((const struct input *)y)->name);
}

static void look_for_undeclared(const struct looking *l, struct job_inputs_status *s)
{
	g_autoptr(GPtrArray) opened = manifest_inputs(l->inspection.view);
	const struct inputs_from from = from_of(l);
	const struct strings *files = &l->job->inputs.files;
	const char **patterns = ARENA_ARRAY(l->arena, const char *, files->n + 1);
	struct inputs listed = { 0 };
	for (guint i = 0; i < files->n; i++)
		patterns[i] = files->items[i];
	if (!opened->len || (files->n && !inputs_list(l->arena, &from, patterns, &listed, NULL)))
		return;
	for (guint i = 0; i < opened->len; i++) {
		const char *file = ((const struct record *)opened->pdata[i])->file;
		gboolean is_declared = g_strcmp0(file, l->job->scene.file) == 0 ||
		                       (listed.n && bsearch(file, listed.items, listed.n, sizeof *listed.items, by_name));
		if (!is_declared)
			add_name(l->arena, &s->undeclared, &s->n_undeclared, file);
	}
}

void observe_inputs(const struct looking *l, struct renderjob_status *status)
{
	struct job_inputs_status *s = &status->inputs;
	if (l->job->inputs.files.n)
		look_at_listed(l, s);
	else if (l->job->inputs.mode == INPUTS_TRACED)
		look_at_traced(l, s);
	if (l->job->inputs.mode != INPUTS_TRACED)
		look_for_undeclared(l, s);
}
