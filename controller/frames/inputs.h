/* The files that a scene needs besides itself: which they are, and one digest of all of them.
 *
 * In: patterns ROOT:path, where `*` stands for anything in one name (not for a name's leading dot, never
 * for a slash), and the roots they speak of. Out: the files in order of their names, each once, with
 * digests. Called by the job owner, which keys frames with the digest, and by the worker, which
 * demands the same one before it renders. */
#pragma once
#include "frames/digest.h"

struct arena;
struct remote;

enum { INPUTS_MAX = 100000 };

struct inputs_from {
	/* The root's directory, which stays the callee's; -1 with an error when it is not there. */
	int (*root)(void *user, const char *name, GError **error);
	void *user;
	struct digest_cache *cache; /* may be NULL */
	/* The root as a bucket, of which its listing is asked, and each content read once; NULL: it is a folder. Called
	 * after `root`. May be NULL itself: then all are folders. */
	struct remote *(*remote)(void *user, const char *name);
};

struct input {
	const char *name; /* ROOT:path */
	char sha256[SHA256_HEX_SIZE];
};

struct inputs {
	struct input *items;
	guint n;
	gboolean is_settled; /* no file was written in the last 2 s: facts_are_settled(); objects come whole */
};

/* The files' names, without reading them; `patterns` ends with NULL. ERROR_NOT_FOUND when a pattern with `*`
 * matches none, ERROR_INVALID when there are more than INPUTS_MAX. A name without `*` is not looked for.
 * Folders are no files; what is neither is left for inputs_read() to refuse. */
gboolean inputs_list(struct arena *a, const struct inputs_from *from, const char *const *patterns, struct inputs *ret,
		     GError **error);
/* Fills in the digests. */
gboolean inputs_read(struct arena *a, const struct inputs_from *from, const char *const *patterns, struct inputs *ret,
		     GError **error);
/* One file, ROOT:path, without `*`. */
gboolean input_read(const struct inputs_from *from, const char *name, struct file_digest *ret, GError **error);
/* SHA-256 over a line "ROOT:path sha256" for each: 64 hexadecimal digits. */
void inputs_sum(const struct inputs *all, char ret[SHA256_HEX_SIZE]);
/* List, read and sum up. */
gboolean inputs_digest(const struct inputs_from *from, const char *const *patterns, char ret[SHA256_HEX_SIZE], GError **error);
/* Whether a path below a root is one of those that the pattern means, and which folder (with its slash, "" for the
 * root's own) has them all; g_free(). `ret_deep`: also in folders of it. */
gboolean inputs_match(const char *pattern, const char *path);
char *inputs_folder(const char *pattern, gboolean *ret_deep);
