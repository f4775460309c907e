/* What both readers share: which names are specs, what may not be one, and the limits.
 *
 * In: entries as git.c and directory.c meet them. Out: the sorted array of a source_tree. */
#pragma once
#include "source/source.h"

struct source_collect {
	struct arena *arena;
	struct problems *problems;
	const struct source_known *known; /* NULL: nothing is */
	GArray *files; /* struct source_file */
	guint64 total_bytes;
	guint n_others; /* of a directory: files whose names are no specs' */
};

void source_collect_init(struct source_collect *c, struct arena *arena, const struct source_known *known,
			 struct problems *problems);
void source_collect_clear(struct source_collect *c);
/* Sorts, and moves the files to the arena. */
void source_collect_end(struct source_collect *c, struct source_tree *ret);

/* A leading dot: .git, .github, .gitlab-ci.yml, an editor's swap file. Never a spec. */
gboolean source_name_is_hidden(const char *name);
gboolean source_name_is_yaml(const char *name);
/* Relative, no empty part, `.` or `..`. */
gboolean source_path_check(const char *path, GError **error);

void source_collect_refuse(struct source_collect *c, enum severity severity, const char *path, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
/* Before reading: FALSE with a problem for a file that is too large or whose name is no UTF-8. */
gboolean source_collect_admits(struct source_collect *c, const char *path, guint64 size);
/* Of a file's first bytes, SOURCE_LFS_LEN of them or all it has. */
enum { SOURCE_LFS_LEN = 42 };
gboolean source_is_lfs_pointer(const char *bytes, gsize size);
gboolean source_fail_lfs(const char *path, GError **error);
/* TRUE when a file of that content need not be read: `ret` is then all of it but its bytes. */
gboolean source_collect_knows(struct source_collect *c, const char *path, const char *blob_id, struct source_file *ret);
/* After reading; FALSE with an error when the whole tree is beyond the limits. */
gboolean source_collect_add(struct source_collect *c, const struct source_file *file, GError **error);
