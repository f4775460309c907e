/* From what a person types to a RenderJob. Private to `cleave submit`. */
#pragma once
#include "commands/proposal.h"

struct farm_spec;

/* Indices of in->own. */
enum submit_option {
	SUBMIT_FRAMES,
	SUBMIT_JOB,
	SUBMIT_PROJECT,
	SUBMIT_OUTPUT,
	SUBMIT_FORMAT,
	SUBMIT_SAMPLES,
	SUBMIT_RESOLUTION,
	SUBMIT_QUEUE,
	SUBMIT_PRIORITY,
	SUBMIT_BLENDER,
	SUBMIT_ENGINE,
	SUBMIT_DEVICE,
	SUBMIT_CHUNK,
	SUBMIT_SHA256,
	SUBMIT_LABEL,
	SUBMIT_PATH,
	SUBMIT_MESSAGE,
	SUBMIT_FOLLOW,
	SUBMIT_DRY_RUN,
	N_SUBMIT_OPTIONS,
};
extern const struct own_option submit_options[];

/* Where a scene is: on a root, or at a URL. Strings in the arena. */
struct submit_scene {
	const char *root, *path; /* NULL, NULL: url */
	const char *url;
	const char *sha256;
};

/* SCENE is ROOT:path, a URL, or a path as this machine or an artist's sees it. Reads the file for its digest, unless
 * `sha256` says it. */
gboolean submit_find_scene(struct arena *a, const struct farm_spec *farm, const char *text, const char *sha256,
                           struct submit_scene *ret, GError **error);
/* The job as a file of its own. ERROR_USAGE names what has to be given. */
gboolean submit_write_job(struct arena *a, const struct invocation *in, const struct farm_spec *farm,
                          const struct submit_scene *scene, const char **ret_id, const char **ret_text, GError **error);
