/* What a job is rendered from: whether scene and inputs are what the frames are keyed with, what is recorded of
 * them, and which files Blender opened that nobody declared. */
#include "base/arena.h"
#include "plan/plan_job.h"
#include <string.h>

/* Longer than files take to settle (frames/digest.h). */
enum { LOOK_AGAIN_MS = 2500 };

gboolean job_is_changing(struct job_plan *j)
{
	gboolean scene = j->have->scene.changing;
	if (!j->want->scene.follow)
		return FALSE;
	if (j->have->inputs.reason) {
		builder_judge(j->b, j->o, IS_STALLED, "InputsMissing", j->have->inputs.reason);
		return TRUE;
	}
	if (!scene && !j->have->inputs.changing)
		return FALSE;
	builder_judge(j->b, j->o, IS_RECONCILING, scene ? "SceneChanging" : "InputsChanging",
	              scene ? "the scene that it follows was written a moment ago" : "inputs that it follows were written a moment ago");
	builder_wake(j->b, LOOK_AGAIN_MS);
	return TRUE;
}

static const char *find_scene_problem(struct job_plan *j, const char **ret_message)
{
	const struct job_scene_status *s = &j->have->scene;
	if (j->want->scene.url)
		return NULL; /* who fetches it compares it with its declared digest */
	if (!s->found) {
		*ret_message = s->reason ? s->reason : "the scene cannot be read";
		return "SceneMissing";
	}
	if (strcmp(s->found, j->of.scene) == 0)
		return NULL;
	*ret_message = arena_printf(j->b->arena,
	                            "%s is not the scene this job was pinned to (%.12s…) any more; save it under a new name, or take "
	                            "it with `cleave repin %s`, which writes scene.sha256: %s",
	                            j->want->scene.file, j->of.scene, j->o->id, s->found);
	return "SceneChanged";
}

/* "a, b and 3 more" */
static const char *name_files(struct arena *a, const struct strings *first, gint64 n)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < first->n; i++)
		g_string_append_printf(s, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", first->items[i]);
	if (n > first->n)
		g_string_append_printf(s, " and %" G_GINT64_FORMAT " more", n - first->n);
	return arena_strdup(a, s->str);
}

static const char *find_inputs_problem(struct job_plan *j, const char **ret_message)
{
	const struct job_inputs_status *s = &j->have->inputs;
	struct arena *a = j->b->arena;
	if (!j->want->inputs.files.n && j->want->inputs.mode != INPUTS_TRACED)
		return NULL;
	if (s->reason || (j->want->inputs.files.n && !s->found)) {
		*ret_message = s->reason ? s->reason : "the inputs cannot be read";
		return "InputsMissing";
	}
	if (g_strcmp0(s->found, j->of.inputs) == 0)
		return NULL;
	if (!s->found) {
		*ret_message = "the inputs are again what they were when they were opened first; take inputs.sha256 out of the spec";
		return "InputsChanged";
	}
	const char *which = s->n_changed ? name_files(a, &s->changed, s->n_changed) : "the inputs";
	*ret_message = arena_printf(a, "%s %s not what this job's frames are rendered from any more; put back what was there, or take "
	                               "what is there with `cleave repin %s`, which writes inputs.sha256: %s",
	                            which, s->n_changed == 1 ? "is" : "are", j->o->id, s->found);
	return "InputsChanged";
}

void job_find_problem(struct job_plan *j)
{
	j->problem = find_scene_problem(j, &j->problem_message);
	if (!j->problem)
		j->problem = find_inputs_problem(j, &j->problem_message);
}

/* The worker's words; where the controller cannot look at the file itself, it does not know that they are over. */
struct frame_set job_changed_back(struct job_plan *j, const struct frame_set *failed)
{
	struct arena *a = j->b->arena;
	struct frame_set back = { 0 };
	if (j->problem || j->want->scene.url)
		return back;
	for (guint i = 0; i < j->have->failed.n; i++) {
		const struct job_frames *f = LIST_AT(j->have->failed, struct job_frames, i);
		if (f->detail && (g_str_has_prefix(f->detail, "SceneChanged:") || g_str_has_prefix(f->detail, "InputsChanged:")))
			back = frames_union(a, &back, &f->frames);
	}
	return frames_common(a, failed, &back);
}

static void pin(struct job_plan *j, enum verb verb, const char *pinned, const char *digest, const char *reason)
{
	if (g_strcmp0(pinned, digest) != 0)
		builder_act(j->b, verb, j->o, KIND_RENDERJOB, j->o->id, reason)->digest = digest;
}

/* A job that follows its files is recorded also when nothing is rendered: where they cannot be read for a while,
 * its frames are still those of the latest ones. */
void job_plan_pins(struct job_plan *j)
{
	const struct renderjob_spec *want = j->want;
	const struct renderjob_status *have = j->have;
	if (j->problem || (!j->n_new && !want->scene.follow))
		return;
	if (want->scene.file && !want->scene.sha256)
		pin(j, VERB_PIN_SCENE, have->scene.pinned, j->of.scene,
		    have->scene.pinned ? "the scene that it follows was saved anew" : "the scene has no digest yet");
	if (want->inputs.files.n)
		pin(j, VERB_PIN_INPUTS, have->inputs.pinned, j->of.inputs,
		    have->inputs.pinned ? "the inputs are other ones now" : "the inputs have no digest yet");
}

const char *job_tell_undeclared(struct job_plan *j)
{
	const struct job_inputs_status *s = &j->have->inputs;
	const struct job_inputs *in = &j->want->inputs;
	struct arena *a = j->b->arena;
	if (!s->n_undeclared || in->mode == INPUTS_TRACED)
		return NULL;
	const char *text = arena_printf(a, "Blender opened %s, which `inputs` does not name", name_files(a, &s->undeclared, s->n_undeclared));
	builder_note(j->b, KIND_RENDERJOB, j->o->id, arena_printf(a, "UndeclaredInputs: %s", text));
	return in->mode == INPUTS_NONE || in->files.n ? text : NULL;
}
