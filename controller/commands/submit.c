/* cleave submit SCENE --frames …: a RenderJob of a scene, committed and pushed. */
#include "commands/submit.h"
#include "base/arena.h"
#include "commands/follow.h"
#include "spec/farm.h"
#include <stdio.h>
#include <string.h>

const struct own_option submit_options[] = {
	[SUBMIT_FRAMES] = { "frames", 'f', "SET", "Which frames, as 1-240 or 1-100:5,240" },
	[SUBMIT_JOB] = { "job", 'j', "NAME", "The job's name (default: the scene file's)" },
	[SUBMIT_PROJECT] = { "project", 'p', "NAME", "Its project (default: the first folder of the scene's path)" },
	[SUBMIT_OUTPUT] = { "output-file", 0, "ROOT:PATH", "Where frames go, with #### (default: PROJECT/JOB/JOB.####.png)" },
	[SUBMIT_SAMPLES] = { "samples", 's', "N", "Samples a pixel" },
	[SUBMIT_RESOLUTION] = { "resolution", 'r', "WxH", "Pixels (default: as the Farm's defaults for jobs say)" },
	[SUBMIT_QUEUE] = { "queue", 'q', "NAME", "A queue of the Farm" },
	[SUBMIT_PRIORITY] = { "priority", 0, "N", "Within the queue, 0 to 100" },
	[SUBMIT_BLENDER] = { "blender", 0, "VERSION", "Blender's version" },
	[SUBMIT_ENGINE] = { "engine", 0, "NAME", "Render engine" },
	[SUBMIT_DEVICE] = { "device", 0, "NAME", "CPU, OPTIX, CUDA, HIP or ONEAPI" },
	[SUBMIT_CHUNK] = { "chunk", 0, "N", "Frames that a worker takes at once" },
	[SUBMIT_SHA256] = { "sha256", 0, "DIGEST", "Of the scene, instead of reading it here" },
	[SUBMIT_LABEL] = { "label", 'l', "KEY=VALUE,…", "Labels of the job, as artist=mei" },
	[SUBMIT_PATH] = { "path", 0, "FILE", "Where its YAML goes in the repository (default: jobs/PROJECT/JOB.yaml)" },
	[SUBMIT_MESSAGE] = { "message", 'm', "TEXT", "Of the commit" },
	[SUBMIT_FOLLOW] = { "follow", 0, NULL, "Stay and show how it goes" },
	[SUBMIT_DRY_RUN] = { "dry-run", 'n', NULL, "Print the RenderJob, and push nothing" },
	{ 0 },
};

struct submitting {
	const struct invocation *in;
	char *id;   /* of the job; owned */
	char *text; /* its YAML; owned */
};

static gboolean is_taken(const struct proposal_tip *tip, const char *path)
{
	for (guint i = 0; i < tip->wanted->tree.n_files; i++)
		if (strcmp(tip->wanted->tree.files[i].path, path) == 0)
			return TRUE;
	return FALSE;
}

static gboolean make(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	struct submitting *s = user;
	struct arena *a = tip->arena;
	const struct invocation *in = s->in;
	const struct object *farm = objects_farm(tip->wanted->objects);
	struct submit_scene scene;
	const char *id, *text;
	if (!farm || tip->wanted->problems.n_errors)
		return fail(error, ERROR_INVALID, "the specs at %s are not valid; see `cleave validate`", tip->wanted->tree.revision);
	if (!submit_find_scene(a, farm->spec, in->args[0], in->own[SUBMIT_SHA256], &scene, error) ||
	    !submit_write_job(a, in, farm->spec, &scene, &id, &text, error))
		return FALSE;
	const struct object *there = objects_get(tip->wanted->objects, KIND_RENDERJOB, id);
	if (there)
		return fail(error, ERROR_REFUSED, "there is a job %s already, in %s; choose another name with --job, or change that file", id,
		            there->place.path);
	ret->path = in->own[SUBMIT_PATH] ? in->own[SUBMIT_PATH] : arena_printf(a, "jobs/%s.yaml", id);
	if (is_taken(tip, ret->path))
		return fail(error, ERROR_REFUSED, "there is a file %s already; name another one with --path", ret->path);
	ret->bytes = text;
	ret->size = strlen(text);
	ret->message = in->own[SUBMIT_MESSAGE] ? in->own[SUBMIT_MESSAGE]
	                                       : arena_printf(a, "%s: render frames %s\n", id, in->own[SUBMIT_FRAMES]);
	g_free(s->id);
	g_free(s->text);
	s->id = g_strdup(id);
	s->text = g_strdup(text);
	return !in->own[SUBMIT_DRY_RUN] || fail(error, ERROR_EXISTS, "nothing was pushed");
}

static int finish(struct invocation *in, const struct submitting *s, const struct proposal_done *done)
{
	g_autofree char *sentence = g_strdup_printf("%s is submitted", s->id);
	int code = proposal_report(in, done, sentence);
	if (code == EXIT_FINE && in->own[SUBMIT_FOLLOW])
		code = follow_submitted(in, s->id);
	return code;
}

int command_submit(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct submitting s = { .in = in };
	struct proposal_done done = { 0 };
	if (!in->n_args || !in->own[SUBMIT_FRAMES]) {
		fprintf(stderr, "cleave: which frames of which scene? As `cleave submit shots:nimbus/lgt_v012.blend --frames 1-240`\n");
		return EXIT_BAD_USAGE;
	}
	int code = EXIT_FAILED;
	if (proposal_push(in, make, &s, &done, &error))
		code = finish(in, &s, &done);
	else if (in->own[SUBMIT_DRY_RUN] && g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS))
		code = fputs(s.text, stdout) < 0 || !command_flush() ? EXIT_FAILED : EXIT_FINE;
	else if (error)
		code = command_fail(error);
	proposal_done_clear(&done);
	g_free(s.id);
	g_free(s.text);
	return code;
}
