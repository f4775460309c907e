/* cleave waive JOB FRAMES: frames are given up, by a commit. */
#include "base/arena.h"
#include "base/frameset.h"
#include "commands/proposal.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>

enum { WAIVE_MESSAGE, WAIVE_UNDO };

const struct own_option waive_options[] = {
	[WAIVE_MESSAGE] = { "message", 'm', "TEXT", "Why, for the commit" },
	[WAIVE_UNDO] = { "undo", 0, NULL, "The frames are wanted again" },
	{ 0 },
};

struct waiving {
	const struct invocation *in;
	const char *job, *frames;
};

static gboolean make(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	const struct waiving *w = user;
	const char *const keys[] = { "waive", NULL };
	struct frame_set named;
	const char *wrong = frames_parse(tip->arena, w->frames, &named, NULL);
	const struct object *o = proposal_find(tip, KIND_RENDERJOB, w->job, error);
	if (!o)
		return FALSE;
	if (wrong)
		return fail(error, ERROR_USAGE, "%s: %s", w->frames, wrong);
	const struct renderjob_spec *job = o->spec;
	struct frame_set strange = frames_minus(tip->arena, &named, &job->frames);
	if (strange.n_runs)
		return fail(error, ERROR_INVALID, "%s has no frames %s; it has %s", o->id, frames_format(tip->arena, &strange),
		            frames_format(tip->arena, &job->frames));
	gboolean undo = w->in->own[WAIVE_UNDO] != NULL;
	struct frame_set all = undo ? frames_minus(tip->arena, &job->waive, &named) : frames_union(tip->arena, &job->waive, &named);
	const char *why = w->in->own[WAIVE_MESSAGE];
	ret->message = arena_printf(tip->arena, "%s: %s frames %s\n%s%s%s", o->id, undo ? "want" : "waive", w->frames, why ? "\n" : "",
	                            why ? why : "", why ? "\n" : "");
	if (frames_equal(&all, &job->waive))
		return fail(error, ERROR_EXISTS, "%s says so already", o->place.path);
	return proposal_set(tip, o, keys, all.n_runs ? frames_format(tip->arena, &all) : NULL, ret, error);
}

int command_waive(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct waiving w = { in, in->n_args > 0 ? in->args[0] : NULL, in->n_args > 1 ? in->args[1] : NULL };
	struct proposal_done done;
	if (!w.frames) {
		fprintf(stderr, "cleave: which frames of which job? As `cleave waive nimbus/shot1 7,12-14`\n");
		return EXIT_BAD_USAGE;
	}
	gboolean ok = proposal_push(in, make, &w, &done, &error);
	ok = ok || g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS);
	int code = !ok ? error ? command_fail(error) : EXIT_FAILED
	               : proposal_report(in, &done, in->own[WAIVE_UNDO] ? "the frames are wanted again" : "the frames are waived");
	proposal_done_clear(&done);
	return code;
}
