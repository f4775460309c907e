/* What a disk image says of itself in its first bytes. */
#pragma once
#include <glib.h>

struct disk_image {
	gboolean is_qcow2;
	const char *other;        /* a format that no disk is made from, as "VMDK" or "gzip"; NULL: raw or qcow2 */
	guint64 size_bytes;       /* of the disk inside */
	gboolean names_files;     /* qcow2 with a backing file or an external data file: it would show files of the host */
};

/* From an open file, at any position. */
gboolean disk_image_read(int fd, struct disk_image *ret, GError **error);
