/* cleave repin JOB: the job takes the scene and the inputs as they are now, by a commit; its frames are rendered with
 * them. What is there is looked at on this machine, which has the roots; Redis and a controller are not needed. */
#include "base/arena.h"
#include "commands/proposal.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>

/* The scene and the inputs as they lie there now. */
static gboolean look(const struct proposal_tip *tip, const struct object *o, struct renderjob_status *ret, GError **error)
{
	struct settings settings = *tip->settings;
	settings.libvirt = settings.redis = "none";
	settings.acts = FALSE;
	struct session *session = session_new(&settings);
	gboolean ok = session_observe_files(session, tip->arena, tip->wanted->objects, o, ret, error);
	session_free(session);
	if (!ok)
		g_prefix_error(error, "%s cannot be looked at from here: ", o->id);
	else if (!ret->scene.found)
		ok = fail(error, ERROR_AWAY, "%s cannot be looked at from here: %s", o->id,
		          ret->scene.reason ? ret->scene.reason : "its scene is fetched by the workers");
	return ok;
}

static gboolean set_both(const struct proposal_tip *tip, const struct renderjob_status *s, const struct object *o,
                         struct proposal *ret, GError **error)
{
	static const char *const scene_keys[] = { "scene", "sha256", NULL }, *const inputs_keys[] = { "inputs", "sha256", NULL };
	const struct renderjob_spec *job = o->spec;
	gboolean has_scene = g_strcmp0(job->scene.sha256, s->scene.found) != 0;
	gboolean has_inputs = s->inputs.found && g_strcmp0(job->inputs.sha256, s->inputs.found) != 0;
	if (!has_scene && !has_inputs)
		return fail(error, ERROR_EXISTS, "%s says so already", o->place.path);
	return (!has_scene || proposal_set(tip, o, scene_keys, s->scene.found, ret, error)) &&
	       (!has_inputs || proposal_set(tip, o, inputs_keys, s->inputs.found, ret, error));
}

static gboolean make(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	const struct invocation *in = user;
	const struct object *o = proposal_find(tip, KIND_RENDERJOB, in->args[0], error);
	struct renderjob_status *s = arena_alloc(tip->arena, sizeof *s);
	if (!o || !look(tip, o, s, error))
		return FALSE;
	ret->message = arena_printf(tip->arena, "%s: take the scene as it is now\n", o->id);
	return set_both(tip, s, o, ret, error);
}

int command_repin(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct proposal_done done = { 0 };
	if (!in->n_args) {
		fprintf(stderr, "cleave: which job? As `cleave repin nimbus/shot1`\n");
		return EXIT_BAD_USAGE;
	}
	gboolean ok = proposal_push(in, make, in, &done, &error) || g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS);
	int code = !ok ? error ? command_fail(error) : EXIT_FAILED : proposal_report(in, &done, "the scene is pinned as it is now");
	proposal_done_clear(&done);
	return code;
}
