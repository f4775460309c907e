/* Magic numbers, and the header of qcow2 (QEMU: docs/interop/qcow2.txt), whose numbers are big-endian. */
#include "host/disk_image.h"
#include "base/error.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_SIZE = 512, BACKING_AT = 8, SIZE_AT = 24, INCOMPATIBLE_AT = 72, V3 = 3 };
/* Incompatible feature: the data are in another file. */
#define EXTERNAL_DATA (G_GUINT64_CONSTANT(1) << 2)

static const struct {
	const char *name;
	gsize at;
	const char *magic;
	gsize len;
} others[] = {
	{ "VMDK", 0, "KDMV", 4 },
	{ "VMDK", 0, "# Disk DescriptorFile", 21 },
	{ "VHDX", 0, "vhdxfile", 8 },
	{ "VHD", 0, "conectix", 8 },
	{ "VDI", 64, "\x7f\x10\xda\xbe", 4 },
	{ "QED", 0, "QED", 4 },
	{ "gzip", 0, "\x1f\x8b", 2 },
	{ "xz", 0, "\xfd" "7zXZ", 6 },
	{ "zstd", 0, "\x28\xb5\x2f\xfd", 4 },
	{ "bzip2", 0, "BZh", 3 },
	{ "ZIP", 0, "PK\x03\x04", 4 },
};

static guint64 number_at(const guchar *bytes, gsize at, gsize n)
{
	guint64 value = 0;
	for (gsize i = 0; i < n; i++)
		value = value << 8 | bytes[at + i];
	return value;
}

static void read_qcow2(const guchar *header, struct disk_image *ret)
{
	ret->is_qcow2 = TRUE;
	ret->size_bytes = number_at(header, SIZE_AT, 8);
	ret->names_files = number_at(header, BACKING_AT, 8) != 0 ||
	                   (number_at(header, 4, 4) >= V3 && (number_at(header, INCOMPATIBLE_AT, 8) & EXTERNAL_DATA));
}

gboolean disk_image_read(int fd, struct disk_image *ret, GError **error)
{
	guchar header[HEADER_SIZE] = { 0 };
	struct stat st;
	*ret = (struct disk_image){ 0 };
	ssize_t n = pread(fd, header, sizeof header, 0);
	if (n < 0 || fstat(fd, &st) < 0)
		return fail_errno(error, errno, "reading the image");
	ret->size_bytes = (guint64)st.st_size;
	if (memcmp(header, "QFI\xfb", 4) == 0)
		read_qcow2(header, ret);
	for (gsize i = 0; i < G_N_ELEMENTS(others) && !ret->is_qcow2; i++)
		if (memcmp(header + others[i].at, others[i].magic, others[i].len) == 0)
			ret->other = others[i].name;
	return TRUE;
}
