/* cleave repin JOB: the job takes the scene and the inputs as they are now, by a commit; its frames are rendered with
 * them. What is there is looked at on this machine, which has the roots. */
#include "base/arena.h"
#include "commands/proposal.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>

struct repinning {
	const struct invocation *in;
	const char *job;
	const char *scene, *inputs; /* as they were found */
};

static gboolean set_both(const struct proposal_tip *tip, const struct repinning *r, const struct object *o, struct proposal *ret,
                         GError **error)
{
	static const char *const scene_keys[] = { "scene", "sha256", NULL }, *const inputs_keys[] = { "inputs", "sha256", NULL };
	const struct renderjob_spec *job = o->spec;
	gboolean has_scene = r->scene && g_strcmp0(job->scene.sha256, r->scene) != 0;
	gboolean has_inputs = r->inputs && g_strcmp0(job->inputs.sha256, r->inputs) != 0;
	if (!has_scene && !has_inputs)
		return fail(error, ERROR_EXISTS, "%s says so already", o->place.path);
	return (!has_scene || proposal_set(tip, o, scene_keys, r->scene, ret, error)) &&
	       (!has_inputs || proposal_set(tip, o, inputs_keys, r->inputs, ret, error));
}

static gboolean make(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	const struct repinning *r = user;
	const struct object *o = proposal_find_job(tip, r->job, error);
	if (!o)
		return FALSE;
	ret->message = arena_printf(tip->arena, "%s: take the scene as it is now\n", o->id);
	return set_both(tip, r, o, ret, error);
}

/* What the job's scene and inputs are now. */
static int look(struct invocation *in, struct looked *l, struct repinning *r)
{
	int code = command_look(in, l);
	if (code >= 0)
		return code;
	const struct object *have = objects_get(l->plan->have, KIND_RENDERJOB, r->job);
	const struct renderjob_status *s = have ? have->status : NULL;
	if (!objects_get(l->plan->want, KIND_RENDERJOB, r->job)) {
		fprintf(stderr, "cleave: there is no RenderJob %s at %s; write PROJECT/NAME, as `cleave get jobs` lists them\n", r->job,
		        l->plan->revision);
		return EXIT_FAILED;
	}
	if (!s || !s->scene.found) {
		fprintf(stderr, "cleave: %s cannot be looked at from here: %s\n", r->job,
		        s && s->trouble ? s->trouble : s && s->scene.reason ? s->scene.reason : "its roots or Redis are not there");
		return EXIT_FAILED;
	}
	r->scene = s->scene.found;
	r->inputs = s->inputs.found;
	return -1;
}

int command_repin(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct repinning r = { .in = in, .job = in->n_args ? in->args[0] : NULL };
	struct proposal_done done = { 0 };
	struct looked l = { 0 };
	if (!r.job) {
		fprintf(stderr, "cleave: which job? As `cleave repin nimbus/shot1`\n");
		return EXIT_BAD_USAGE;
	}
	int code = look(in, &l, &r);
	if (code < 0) {
		gboolean ok = proposal_push(in, make, &r, &done, &error) || g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS);
		code = !ok ? error ? command_fail(error) : EXIT_FAILED : proposal_report(in, &done, "the scene is pinned as it is now");
	}
	proposal_done_clear(&done);
	looked_clear(&l);
	return code;
}
