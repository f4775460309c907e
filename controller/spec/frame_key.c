/* Keys of frames, and the groups that overrides cut a job into. */
#include "spec/frame_key.h"
#include "base/arena.h"
#include "spec/walk.h"
#include <string.h>

/* Items of a list have no key of their own: the row's name stands before each. */
static void add_line(void *user, const char *key, const struct field *f, const char *text)
{
	g_string_append_printf(user, "%s %s\n", key ? key : f->name, text);
}

static void add_output_line(void *user, const char *key, const struct field *f, const char *text)
{
	g_string_append_printf(user, "output.%s %s\n", key ? key : f->name, text);
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	const struct job_output *const *a = x, *const *b = y;
	return strcmp((*a)->name, (*b)->name);
}

/* By name: their order in the spec decides no pixel. */
static void add_outputs(GString *s, const struct list *outputs)
{
	static const struct visitor lines = { .scalar = add_output_line };
	const struct field *table = field_find(renderjob_fields, "outputs")->fields;
	g_autoptr(GPtrArray) sorted = g_ptr_array_new();
	for (guint i = 0; i < outputs->n; i++)
		g_ptr_array_add(sorted, LIST_AT(*outputs, struct job_output, i));
	g_ptr_array_sort(sorted, by_name);
	for (guint i = 0; i < sorted->len; i++)
		walk_struct(table, sorted->pdata[i], FIELD_IN_KEY, FALSE, &lines, s);
}

struct key_digests frame_key_digests(const struct renderjob_spec *job, const struct renderjob_status *status)
{
	return (struct key_digests){ renderjob_scene_sha256(job, status), renderjob_inputs_sha256(job, status) };
}

char *frame_key_text(struct arena *a, const struct renderjob_spec *values, const struct key_digests *of)
{
	static const struct visitor lines = { .scalar = add_line };
	g_autoptr(GString) s = g_string_new("k1\n");
	g_string_append_printf(s, "scene %s\n", of->scene);
	if (of->inputs)
		g_string_append_printf(s, "inputs %s\n", of->inputs);
	walk_struct(renderjob_fields, values, FIELD_IN_KEY, FALSE, &lines, s);
	add_outputs(s, &values->outputs);
	return arena_strdup(a, s->str);
}

static char *short_digest(struct arena *a, const char *prefix, const char *text)
{
	g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	return arena_printf(a, "%s%.32s", prefix, hex);
}

static void apply_override(struct renderjob_spec *values, const struct job_override *o)
{
	if (o->samples)
		values->samples = o->samples;
	if (o->resolution.width)
		values->resolution = o->resolution;
}

/* Adds frames under a key; a key that is there already takes them in. */
static void group_add(struct arena *a, GArray *groups, const struct frame_set *frames, const char *key,
                      const struct renderjob_spec *values)
{
	for (guint i = 0; i < groups->len; i++) {
		struct key_group *g = &g_array_index(groups, struct key_group, i);
		if (strcmp(g->key, key) != 0)
			continue;
		g->frames = frames_union(a, &g->frames, frames);
		return;
	}
	struct key_group g = { *frames, key, *values };
	g_array_append_val(groups, g);
}

static gint by_first_frame(gconstpointer x, gconstpointer y)
{
	const struct key_group *a = x, *b = y;
	gint64 fa = a->frames.runs[0].first, fb = b->frames.runs[0].first;
	return fa < fb ? -1 : fa > fb;
}

/* Splits each piece by one override: the part it speaks of gets its values. */
static GArray *split_by(struct arena *a, GArray *pieces, const struct job_override *o)
{
	GArray *out = g_array_new(FALSE, FALSE, sizeof(struct key_group));
	for (guint i = 0; i < pieces->len; i++) {
		struct key_group piece = g_array_index(pieces, struct key_group, i), touched = piece;
		touched.frames = frames_common(a, &piece.frames, &o->frames);
		piece.frames = frames_minus(a, &piece.frames, &o->frames);
		apply_override(&touched.values, o);
		if (piece.frames.n_runs)
			g_array_append_val(out, piece);
		if (touched.frames.n_runs)
			g_array_append_val(out, touched);
	}
	g_array_free(pieces, TRUE);
	return out;
}

struct key_groups frame_key_groups(struct arena *a, const struct renderjob_spec *job, const struct key_digests *of)
{
	GArray *pieces = g_array_new(FALSE, FALSE, sizeof(struct key_group));
	struct key_group all = { job->frames, NULL, *job };
	g_array_append_val(pieces, all);
	for (guint i = 0; i < job->overrides.n; i++)
		pieces = split_by(a, pieces, LIST_AT(job->overrides, struct job_override, i));
	g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(struct key_group));
	for (guint i = 0; i < pieces->len; i++) {
		const struct key_group *p = &g_array_index(pieces, struct key_group, i);
		const char *key = short_digest(a, "k1-", frame_key_text(a, &p->values, of));
		group_add(a, groups, &p->frames, key, &p->values);
	}
	g_array_free(pieces, TRUE);
	g_array_sort(groups, by_first_frame);
	return (struct key_groups){ arena_memdup(a, groups->data, groups->len * sizeof(struct key_group)), groups->len };
}

char *frame_key_groups_digest(struct arena *a, const struct key_groups *g)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < g->n; i++)
		g_string_append_printf(s, "%s %s\n", g->items[i].key, frames_format(a, &g->items[i].frames));
	return short_digest(a, "c1-", s->str);
}

gboolean frame_key_is_wanted(gpointer user, gint64 frame, const char *key)
{
	const struct key_groups *groups = user;
	for (guint i = 0; i < groups->n; i++)
		if (strcmp(groups->items[i].key, key) == 0 && frames_contain(&groups->items[i].frames, frame))
			return TRUE;
	return FALSE;
}
