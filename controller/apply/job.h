/* What the verbs on jobs share: where the job's frames and manifest are. Private to apply/. */
#pragma once
#include "apply/apply.h"
#include "frames/deliver.h"
#include "frames/inspect.h"
#include "frames/shelf.h"
#include "queue/backlog.h"
#include "spec/farm.h"
#include "spec/renderjob.h"

struct job_place {
	const struct renderjob_spec *job;
	const struct farm_spec *farm;
	const struct farm_root *root;
	int root_fd;        /* the shelf's */
	struct remote *remote; /* the shelf's; NULL: the root is a folder */
	char *job_dir;
	struct list outputs; /* struct job_output: the files of a frame, all below that root */
	const char **templates; /* of each its path below the root */
	struct manifest_view *view;
};

/* ERROR_AWAY when the root is not mounted (any more). job_place_clear() in any case. */
gboolean job_place_find(const struct apply_input *in, const struct action *act, struct job_place *ret, GError **error);
void job_place_clear(struct job_place *p);
/* Below the root, where that output of the frame is to be seen; g_free(). */
char *job_place_visible(const struct job_place *p, guint output, gint64 frame);

/* The controller's own segment of the job's manifest; later than all that the view holds. */
struct manifest *job_place_manifest(const struct apply_input *in, const struct job_place *p, GError **error);

/* A job's own folder in a root that the action names: also of a job that the specs name no more. */
struct upkeep_place {
	const struct farm_root *root;
	int root_fd;           /* the shelf's */
	struct remote *remote; /* the shelf's; NULL: the root is a folder */
	char *job_dir;
	struct manifest_view *view; /* up to date */
};
/* ERROR_AWAY when the root is not mounted. upkeep_place_clear() in any case. */
gboolean upkeep_place_find(const struct apply_input *in, const struct action *act, struct upkeep_place *ret, GError **error);
void upkeep_place_clear(struct upkeep_place *p);

/* For looking at frames again. */
struct inspection job_place_look(const struct apply_input *in, const struct job_place *p);

struct authority job_authority(const struct apply_input *in);
/* Also what a worker must have: the job's roots and its device, as it announces them. */
struct job_meta job_meta_of(struct arena *a, const struct object *job, const struct farm_spec *farm);
