/* A folder with all that is in it, as one thing: what it is, and away with it. Called by cache.c. */
#pragma once
#include "frames/digest.h"

struct cache_tree_facts {
	guint64 bytes;                 /* of its files, and a little for each */
	char digest[SHA256_HEX_SIZE]; /* of names, sizes, times and inodes; whoever writes to a file changes it */
};

/* `path` below `dir_fd`. Links are looked at, never followed. */
gboolean cache_tree_look(int dir_fd, const char *path, struct cache_tree_facts *ret, GError **error);
/* As much of it as can be. */
void cache_tree_remove(int dir_fd, const char *path);
