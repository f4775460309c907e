/* Why frames are rendered, in the order a person asks: damaged, other values and which, gone, never rendered. An
 * action for each reason, so that each names its own frames. */
#include "base/arena.h"
#include "plan/plan_job.h"
#include <string.h>

static struct action *render(struct job_plan *j, const struct key_group *g, const char *reason, struct frame_set frames)
{
	if (!frames.n_runs)
		return NULL;
	struct action *act = job_act(j, VERB_ENQUEUE_FRAMES, reason, frames, g->key);
	act->effect = EFFECT_RENDER;
	act->expect = "neither whole nor queued";
	act->values = &g->values;
	return act;
}

/* -- which values ------------------------------------------------------------------------------------- */

/* A field may have several lines: the items of a list. */
static const char *value_of(struct arena *a, const struct strings *lines, const char *field, gsize len)
{
	g_autoptr(GString) s = g_string_new(NULL);
	guint n = 0;
	for (guint i = 0; i < lines->n; i++) {
		const char *line = lines->items[i];
		if (strncmp(line, field, len) == 0 && line[len] == ' ')
			g_string_append_printf(s, "%s%s", n++ ? ", " : "", line + len + 1);
	}
	/* of a digest as much as people compare */
	if (s->len == 64 && (strncmp(field, "scene ", 6) == 0 || strncmp(field, "inputs ", 7) == 0))
		return arena_printf(a, "%.12s…", s->str);
	return n ? arena_strdup(a, s->str) : NULL;
}

static gboolean is_told(const GArray *changes, const char *field)
{
	for (guint i = 0; i < changes->len; i++)
		if (strcmp(g_array_index(changes, struct change, i).field, field) == 0)
			return TRUE;
	return FALSE;
}

static void add_changes(struct arena *a, GArray *changes, const struct strings *fields, const struct strings *before,
                        const struct strings *after)
{
	for (guint i = 0; i < fields->n; i++) {
		const char *line = fields->items[i];
		gsize len = strcspn(line, " ");
		struct change c = { arena_strndup(a, line, len), value_of(a, before, line, len), value_of(a, after, line, len), EFFECT_RENDER };
		if (g_strcmp0(c.before, c.after) != 0 && !is_told(changes, c.field))
			g_array_append_val(changes, c);
	}
}

static struct strings lines_of(struct arena *a, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct strings all = { ARENA_ARRAY(a, const char *, g_strv_length(lines)), 0 };
	for (guint i = 1; lines[i]; i++)
		if (*lines[i])
			all.items[all.n++] = arena_strdup(a, lines[i]);
	return all;
}

static struct strings wanted_values(struct job_plan *j, const struct key_group *g)
{
	return lines_of(j->b->arena, frame_key_text(j->b->arena, &g->values, &j->of));
}

/* Another group's, or as it was recorded when its frames were queued; none of frames from before that was done. */
static struct strings values_of_key(struct job_plan *j, const char *key)
{
	for (guint i = 0; i < j->groups.n; i++)
		if (strcmp(j->groups.items[i].key, key) == 0)
			return wanted_values(j, &j->groups.items[i]);
	for (guint i = 0; i < j->have->keys.n; i++)
		if (strcmp(LIST_AT(j->have->keys, struct job_key, i)->key, key) == 0)
			return LIST_AT(j->have->keys, struct job_key, i)->values;
	return (struct strings){ 0 };
}

/* From what the old key stood for to what these frames are to be. */
static struct changes changes_from(struct job_plan *j, const struct key_group *g, const char *old_key)
{
	struct arena *a = j->b->arena;
	const struct strings old = values_of_key(j, old_key), now = wanted_values(j, g);
	if (!old.n)
		return (struct changes){ 0 };
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct change));
	add_changes(a, found, &now, &old, &now);
	add_changes(a, found, &old, &old, &now);
	return (struct changes){ arena_memdup(a, found->data, found->len * sizeof(struct change)), found->len };
}

/* "were rendered with other values: samples, scene" */
static void render_anew(struct job_plan *j, const struct key_group *g, struct frame_set frames, const char *old_key)
{
	struct changes c = changes_from(j, g, old_key);
	g_autoptr(GString) reason = g_string_new("were rendered with other values");
	for (guint i = 0; i < c.n; i++)
		g_string_append_printf(reason, "%s%s", i ? ", " : ": ", c.items[i].field);
	struct action *act = render(j, g, arena_strdup(j->b->arena, reason->str), frames);
	if (act)
		act->changes = c;
}

/* -- reasons ------------------------------------------------------------------------------------------ */

static struct frame_set take_common(struct arena *a, struct frame_set *rest, const struct frame_set *of)
{
	struct frame_set taken = frames_common(a, rest, of);
	if (taken.n_runs)
		*rest = frames_minus(a, rest, of);
	return taken;
}

/* Frames of another key, key by key. */
static void take_stale(struct job_plan *j, const struct key_group *g, struct frame_set *rest, const struct list *list)
{
	for (guint i = 0; i < list->n && rest->n_runs; i++) {
		const struct job_frames *f = LIST_AT(*list, struct job_frames, i);
		if (!f->key || strcmp(f->key, g->key) == 0)
			continue;
		struct frame_set stale = take_common(j->b->arena, rest, &f->frames);
		if (stale.n_runs)
			render_anew(j, g, stale, f->key);
	}
}

void job_plan_render(struct job_plan *j, const struct key_group *g, struct frame_set rest)
{
	struct arena *a = j->b->arena;
	const struct frame_set damaged = job_frames_of(a, &j->have->damaged, NULL);
	render(j, g, "are not what was verified any more", take_common(a, &rest, &damaged));
	take_stale(j, g, &rest, &j->have->whole);
	const struct frame_set known = job_frames_of(a, &j->have->rendered, g->key);
	render(j, g, "are gone", take_common(a, &rest, &known));
	take_stale(j, g, &rest, &j->have->rendered);
	render(j, g, "were never rendered", rest);
}
