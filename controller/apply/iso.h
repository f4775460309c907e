/* ISO 9660 images with Rock Ridge and Joliet names, the same bytes for the same files. */
#pragma once
#include <glib.h>

struct iso_file {
	const char *name; /* in the image's only folder */
	guint mode;
	const char *bytes;
	gsize size;
};

/* Writes the image to the descriptor. *ret_digest: SHA-256 of it, hex; g_free(). */
gboolean iso_write(int fd, const char *label, const struct iso_file *files, guint n, char **ret_digest, GError **error);
