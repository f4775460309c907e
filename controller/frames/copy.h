/* Copies of files whose content is known: never more than what was asked for, never less than whole.
 *
 * In: a file below a folder and its SHA-256. Out: another file of that content, on disk. Blocks are shared where the
 * file system clones (FICLONE): a write to one of the two is not seen in the other. A hard link would share it, and is
 * never made. Called by store and move. */
#pragma once
#include "frames/digest.h"

enum copy_how {
	COPY_PLAIN,  /* bytes, where blocks cannot be shared */
	COPY_SHARED, /* blocks or nothing */
};

/* Replaces what is at (to_dir, name). ERROR_INVALID when the content is another one. *ret_is_shared may be NULL. */
gboolean copy_checked(int from_dir, const char *path, int to_dir, const char *name, const char *sha256,
		      gboolean *ret_is_shared, GError **error);
/* The same where blocks can be shared; ERROR_REFUSED where not, and nothing is left. */
gboolean copy_shared(int from_dir, const char *path, int to_dir, const char *name, const char *sha256, GError **error);
/* FALSE: the file system is of a kind that never shares blocks, and trying would only cost. */
gboolean copy_may_share(int fd);
