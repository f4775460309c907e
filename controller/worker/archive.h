/* Unpacks an archive that somebody sent, without letting it write anywhere else.
 *
 * In: an open file and an empty folder. Out: its files below that folder, with plain permissions and no link that
 * leads out. zip, tar in any compression that libarchive reads itself, 7z. Called by scene.c and blenders.c. */
#pragma once
#include <glib.h>

struct archive_limits {
	guint n_entries;
	guint64 bytes;            /* of all files together, unpacked */
	gboolean (*is_over)(void *user); /* asked between blocks: TRUE ends it with ERROR_TIMEOUT. NULL: never */
	void *user;
};

enum archive_kind { ARCHIVE_NONE, ARCHIVE_KNOWN };
/* What the bytes are, whatever the name says. The descriptor's offset does not matter and is lost. */
enum archive_kind archive_kind_of(int fd);

/* ERROR_INVALID, with the entry's name: it is damaged, too large, or would write elsewhere; what was unpacked until
 * then is left to the caller to remove. *ret_bytes: of all files. */
gboolean archive_unpack(int fd, int folder_fd, const struct archive_limits *limits, guint64 *ret_bytes, GError **error);
