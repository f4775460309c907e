/* STATE/accepted.json: of each repository the commit that was trusted and valid last. What comes after it is judged by
 * who may change what; without it the newest commit's signature alone vouches for the whole tree. */
#pragma once
#include <glib.h>

#define ACCEPTED_FILE "accepted.json"

/* The commit's id; g_free(). NULL without an error: none was accepted yet. ERROR_INVALID: the file is not what was written. */
char *accepted_read(const char *dir, const char *repository, GError **error);
/* Atomically; what it says of others stays. */
gboolean accepted_write(const char *dir, const char *repository, const char *commit, GError **error);
