/* The store of a root: R/.cleave/store/<sha256 of the content><extension>.
 *
 * It holds what was superseded or displaced, whatever it is, so that nothing is lost, and gives it back.
 * A file in it never shares its inode with a visible one: damage there would be damage here. Called by
 * deliver, collect and inspect, and by whoever clears the store. */
#pragma once
#include "frames/copy.h"
#include "frames/digest.h"

/* Suffix of a copy into or out of the store that is not whole yet; always disposable. */
#define STORE_PARTIAL ".partial"

/* The extension as the store uses it: from the last dot of the last component, ".png"; "" when there is
 * none or an odd one. Points into `path` or is static. */
const char *store_extension(const char *path);
/* ".cleave/store/<sha256><extension>"; NULL when either is not well formed. g_free(). */
char *store_path(const char *sha256, const char *extension, GError **error);

/* A file of that name and size is there; 0: of any size. The content is not read. */
gboolean store_has(int root_fd, const char *sha256, const char *extension, guint64 size);
/* Moves a regular file of the same file system into the store, under its own digest (*ret, may be NULL);
 * one that has other names as well is copied. A stored file whose content does not match its name is
 * moved to its right name first. On disk when it
 * returns TRUE. Called again after a crash it goes on; ERROR_NOT_FOUND when the file is gone. */
gboolean store_add(int root_fd, int dir_fd, const char *name, const char *extension, struct file_digest *ret,
		   GError **error);
/* Puts a copy of a visible file of that content into the store as well, so that it can be put back when it is cut or
 * overwritten. COPY_SHARED: only where the file system shares the blocks, else ERROR_REFUSED. */
gboolean store_copy_in(int root_fd, const char *visible, const char *sha256, enum copy_how how, GError **error);
/* Writes a copy of stored content to (dir_fd, name), replacing what is there; the digest is checked on
 * the way and the copy is on disk. ERROR_INVALID when the stored file is damaged. */
gboolean store_copy_out(int root_fd, const char *sha256, const char *extension, int dir_fd, const char *name,
			GError **error);
/* Gone already is fine. */
gboolean store_remove(int root_fd, const char *sha256, const char *extension, GError **error);
