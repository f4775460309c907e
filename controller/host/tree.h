/* The root below which all of the host is read, so that a test or a capture can stand in for it.
 *
 * Paths are relative: "proc/cmdline", "etc/machine-id"; what begins with "sys/" is read below the sysfs
 * folder. What is absent or unreadable is NULL: a machine that does not tell is no error. */
#pragma once
#include <glib.h>

struct arena;

struct host_tree {
	const char *root;  /* "/" */
	const char *sysfs; /* "/sys" */
};

/* NULL for the defaults; a root without a sysfs has it in ROOT/sys. */
struct host_tree host_tree_at(struct arena *arena, const char *root, const char *sysfs);

/* Of another machine's sysfs, with nothing else of that machine: all besides it is absent. */
struct host_tree host_tree_of_sysfs(struct arena *arena, const char *sysfs);
gboolean host_tree_is_sysfs_alone(const struct host_tree *t);

/* Whether the sysfs folder is the root's own: what /proc below the root tells is then of the same machine. */
gboolean host_tree_is_whole(const struct host_tree *t);
/* Whether it is what the kernel and libraries of this very machine speak of. */
gboolean host_tree_is_this_machine(const struct host_tree *t);

char *host_path(struct arena *arena, const struct host_tree *t, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A small file's text without white space at its end; "" for an empty one. At most 1 MiB. */
char *host_read(struct arena *arena, const struct host_tree *t, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The bytes of a regular file, with a NUL behind them; NULL also when it has more than 1 MiB. */
char *host_read_bytes(struct arena *arena, const struct host_tree *t, const char *path, gsize *ret_size);
/* The number a file begins with, decimal or 0x…; `otherwise` when there is none. */
gint64 host_read_number(const struct host_tree *t, gint64 otherwise, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Last part of what a symbolic link points to. */
char *host_read_link(struct arena *arena, const struct host_tree *t, const char *format, ...) G_GNUC_PRINTF(3, 4);
gboolean host_exists(const struct host_tree *t, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Names in a folder without "." and "..", sorted by bytes, NULL at the end; empty when it is absent. */
char **host_list(struct arena *arena, const struct host_tree *t, const char *format, ...) G_GNUC_PRINTF(3, 4);
