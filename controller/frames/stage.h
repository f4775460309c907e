/* Staging: R/.cleave/<job dir>/staging/<token>/, where one attempt writes before anything is visible.
 *
 * In: a token that no attempt had before. Out: a folder of its own, and files of it that are on disk
 * and have a digest. Called by the worker per lease, and by the job owner to see what attempts left. */
#pragma once
#include "frames/digest.h"

struct arena;

struct stage {
	int dir_fd; /* the attempt's folder; to give it to another user id, fchown() it */
	char *path; /* the same, relative to the root */
};

/* Makes the folder; ERROR_EXISTS when the token had one already. stage_free() the result. */
struct stage *stage_begin(int root_fd, const char *job_dir, const char *token, GError **error);
/* Opens the folder that an attempt left. ERROR_NOT_FOUND. */
struct stage *stage_open(int root_fd, const char *job_dir, const char *token, GError **error);
/* Puts a written file on disk (itself and its name) and reads its digest. `file` is relative to the stage. */
gboolean stage_seal(const struct stage *s, const char *file, struct file_digest *ret, GError **error);
/* Takes a file away from whoever might deliver it from here, under its name with this at its end. FALSE: too late, it is
 * visible or in the store by now. Where it is TRUE, nobody can make it visible any more. */
#define STAGE_WITHDRAWN ".withdrawn"
gboolean stage_withdraw(const struct stage *s, const char *file);
/* Removes the folder, which must hold no file any more, and frees `s` in any case. */
gboolean stage_end(int root_fd, struct stage *s, GError **error);
/* Only closes it; the folder stays. */
void stage_free(struct stage *s);

struct leftover {
	const char *token;
	const char *file; /* relative to the token's folder; NULL: the folder holds no file */
	guint64 size;     /* bytes */
};
/* All that lies in staging, of living attempts too; no order. Elements: struct leftover, strings in the
 * arena. `token` NULL: of all tokens. g_array_unref(). */
GArray *stage_list(struct arena *a, int root_fd, const char *job_dir, const char *token, GError **error);
