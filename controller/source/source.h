/* Where specs come from: a commit's tree (libgit2) or a directory, as (path, bytes, revision).
 *
 * In: what a person wrote, `DIR-or-repository[@REV]`. Out: every *.yaml and *.yml beneath it, sorted
 * by path, undecoded. A repository is read from the commit, never from files that are half written.
 * Called by commands and reconcile.c, on one thread. */
#pragma once
#include "base/problem.h"
#include <glib.h>

struct arena;

enum source_kind {
	SOURCE_COMMIT,    /* the tree of a commit */
	SOURCE_DIRECTORY, /* files as they are now */
	SOURCE_FILE,      /* one file as it is now */
};

/* Strings belong to the arena given to source_parse(). */
struct source_where {
	enum source_kind kind;
	const char *path;      /* canonical: the repository's work tree or git folder, the directory, the file */
	const char *subtree;   /* COMMIT: folder within the tree that was named; NULL = all of it */
	const char *rev;       /* COMMIT: as written; "HEAD" when nothing was */
	const char *gitdir;    /* COMMIT: holds HEAD */
	const char *commondir; /* COMMIT: holds refs and packed-refs; differs from gitdir in a linked work tree */
	/* What source_read() remembers, so that a new commit's epoch costs only the new history. */
	char known_commit[41];
	guint64 known_epoch;
};

struct source_file {
	const char *path;  /* within the tree that was named, `/` between its parts, valid UTF-8 */
	const char *bytes; /* `size` of them; not NUL-terminated by contract. NULL: known, so not read */
	gsize size;
	const char *blob_id; /* git's id of the content in hex; NULL for a directory */
};

struct source_tree {
	struct source_file *files; /* ascending by the bytes of their path */
	guint n_files;
	const char *revision; /* "main@sha1:…", "sha1:…" when no branch or tag was named, or "directory" */
	const char *commit;   /* 40 hex digits; NULL for a directory */
	guint64 epoch;        /* commits reachable from here, itself counted; 0 = no order known (shallow, directory) */
	gint64 time_s;        /* of the commit, seconds since 1970; 0 for a directory */
	const char *author;   /* "Name <mail>"; NULL for a directory */
	const char *summary;  /* first line of the commit's message; NULL for a directory */
};

enum {
	SOURCE_FILES_MAX = 100000,
	SOURCE_OTHERS_MAX = 10000, /* files beside specs in a directory: more are a folder of something else */
	SOURCE_FILE_MIB_MAX = 64,
	SOURCE_TOTAL_MIB_MAX = 512,
};

/* Finds out what `text` names. A directory in a git repository is read from the commit REV (default
 * HEAD) unless `worktree`. Where a path itself holds an `@`, the longest part that exists is the path.
 * ERROR_INVALID, ERROR_NOT_FOUND; whether REV exists shows only in source_read(). */
gboolean source_parse(struct arena *arena, const char *text, gboolean worktree, struct source_where *ret,
		      GError **error);

/* What need not be read again. */
struct source_known {
	/* Whether the file's content is known; `ret_size` is then how many bytes it has. Asked of a commit's
	 * files only. */
	gboolean (*is_known)(void *user, const char *path, const char *blob_id, gsize *ret_size);
	void *user;
};

/* Reads the tree. What cannot be a spec though its name says so (a link, a submodule, a git LFS
 * pointer, a file too large) becomes a problem and is left out; the rest is read. Bytes live as long
 * as the arena; a file that is `known` (NULL: none is) has none. FALSE when there is no tree to read, or
 * more than the limits above allow. */
gboolean source_read(struct arena *arena, struct source_where *where, const struct source_known *known,
		     struct source_tree *ret, struct problems *problems, GError **error);

/* How commit `to` stands to commit `from`, both in hex. */
enum source_relation {
	RELATION_SAME,
	RELATION_NEWER,   /* it descends from it */
	RELATION_OLDER,   /* it is among its ancestors */
	RELATION_APART,   /* neither: history was rewritten */
	RELATION_UNKNOWN, /* one of them is not there, or history is cut */
};
enum source_relation source_relation(const struct source_where *where, const char *from, const char *to);
/* The first commit of its history, in hex: by it copies of one repository know each other. NULL: it cannot be told. */
const char *source_root(struct arena *arena, const struct source_where *where, const char *commit);

/* Spec files of the work tree that the commit at HEAD does not hold as they lie there: changed, new or gone. 0 as well
 * when there is no work tree, or it cannot be told. */
guint source_n_uncommitted(const struct source_where *where);

/* Whether `where` names another commit now than the one with these 40 digits; of files, which have none, always. FALSE when it
 * cannot be told. */
gboolean source_has_moved(const struct source_where *where, const char *commit);

/* Asks a tree for its files, one after another; each is looked up once. */
struct source_lookup {
	const struct source_where *where;
	const struct source_tree *tree;
	struct arena *arena; /* its own */
	GHashTable *asked;   /* path → why not, or NULL */
	struct git_repository *repository; /* with the next two: opened when the first file is asked for */
	struct git_tree *root;
	struct git_odb *odb;
};
void source_lookup_init(struct source_lookup *l, const struct source_where *where, const struct source_tree *tree);
void source_lookup_clear(struct source_lookup *l);
/* Whether source_file_at() would give the file, and it is no git LFS pointer; its content is not read. NULL, or why
 * not, until source_lookup_clear(). */
const char *source_lookup_file(struct source_lookup *l, const char *path);

/* One more file of the same tree, of any name: the commit that `tree` was read from, not a newer one.
 * `path` is relative to the tree, without `..`; links are not followed. */
gboolean source_file_at(struct arena *arena, const struct source_where *where, const struct source_tree *tree,
			const char *path, struct source_file *ret, GError **error);
