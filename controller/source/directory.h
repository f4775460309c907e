/* Reads files as they are now, for people at work on them. Called by source.c. */
#pragma once
#include "source/collect.h"

gboolean source_directory_read(struct source_collect *c, const struct source_where *where, GError **error);
gboolean source_directory_has_file(const struct source_where *where, const char *path, GError **error);
gboolean source_directory_file(struct arena *arena, const struct source_where *where, const char *path,
			       struct source_file *ret, GError **error);
