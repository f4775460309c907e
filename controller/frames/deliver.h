/* Making a staged, verified frame visible, without ever losing what was visible before.
 *
 * In: content in staging/<token>/ and where it shall be seen. Out: it is there, on disk, and what it
 * displaced is in the store. Called by the worker after its commit, and by the job owner for what
 * workers left, for plain workers, and to put a stored frame back.
 *
 * The steps: staged ──link──> visible, where nothing is; otherwise staged ──> "<staged>.displaced"
 * <──exchange──> visible, then "<staged>.displaced" ──> store. A file of that suffix therefore goes to
 * the store or back, never away. Each step leaves a state from which another call goes on: call again
 * after a crash, by whoever. Two callers at once for one token lose nothing, but may need one more pass. */
#pragma once
#include <glib.h>

struct remote;

/* What a staged name becomes while it stands for displaced content. */
#define DELIVER_DISPLACED ".displaced"

struct delivery {
	int root_fd;
	const char *job_dir, *token;
	const char *staged;    /* the name in staging/<token>/; NULL: the last component of `visible` */
	const char *sha256;    /* the verified content */
	const char *visible;   /* path relative to the root */
	gboolean may_replace;  /* FALSE: whatever else is visible stays, and it is ERROR_EXISTS */
	gboolean keeps_copy;   /* a copy of it goes into the store as well; where blocks are shared one always does */
	gboolean keeps_stored; /* frame_put_back(): leave the stored copy where it is */
	struct remote *remote; /* the root is a bucket (deliver_remote.h); NULL: a folder */
};

enum delivered {
	DELIVERED_NEW,     /* nothing was visible there */
	DELIVERED_OVER,    /* something else was; it is in the store now */
	DELIVERED_ALREADY, /* this content was visible: an earlier call, or an equal render */
};

/* Reads the staged file once more, and what is visible. Errors:
 * ERROR_NOT_FOUND  neither staged nor visible holds the content
 * ERROR_INVALID    the staged content is not what was verified; render again
 * ERROR_EXISTS     other content is visible and may_replace is FALSE
 * ERROR_REFUSED    a folder or a special file is in the way, or the path leads out of the root
 * ERROR_FAILED     I/O; or the file system has neither hard links nor exclusive renames
 * Staging's folder stays: see stage_end(). */
gboolean frame_deliver(const struct delivery *d, enum delivered *ret, GError **error);

/* The same with content from the store (its extension is that of `visible`); `staged` must be NULL or
 * free to use, and staging/<token>/ is made when it is not there. ERROR_INVALID when the stored file is
 * damaged. The stored copy is removed, although another frame may have had the same content, unless
 * keeps_stored. */
gboolean frame_put_back(const struct delivery *d, enum delivered *ret, GError **error);
