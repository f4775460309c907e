/* Gathering the story of frames: the plan, the manifest beside the frames, their logs. */
#pragma once
#include "commands/command.h"
#include "report/frames.h"

struct story_book {
	struct looked looked;
	const struct object *want;           /* the job */
	const struct renderjob_status *have; /* NULL: it could not be looked at */
	const struct verdict *verdict;
	const char *redis, *blind;           /* why the queue could not be asked, and what that hides; NULL: it was */
	const char *root_path, *output;      /* of the first output; of a bucket the local folder */
	const char *root_where;              /* the same for people */
	struct remote *remote;               /* that root is a bucket; NULL: a folder */
	char *job_dir;
	int root_fd;
	struct manifest_view *view;
	struct key_digests of;
	struct key_groups groups;
};

/* Looks, and finds the job, PROJECT/NAME or NAME where it is the only one. Prints what is wrong; -1 = fine, else an exit
 * code. story_close() in any case. */
int story_open(struct invocation *in, const char *job, struct story_book *ret);
void story_close(struct story_book *b);
/* A file below that root, opened; -1: it is not there. */
int story_open_file(const struct story_book *b, const char *path);
/* Strings in the look's arena. `is_full`: with attempts, values and log. */
struct frame_story story_tell(const struct story_book *b, gint64 frame, gboolean is_full);
