/* An image file as it is, and once more with the right CRC in each chunk, so that libpng gets to see it. */
#include "base/error.h"
#include "frames/image.h"
#include "fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

enum { SIGNATURE = 8, HEAD = 8, CRC = 4 };

static void check(const uint8_t *data, size_t size)
{
	struct image_facts facts = { 0 };
	const struct image_expected expected = { .format = "PNG" };
	g_autoptr(GError) error = NULL;
	int fd = memfd_create("png", MFD_CLOEXEC);
	g_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (image_check_fd(fd, &expected, &facts, &error))
		g_assert(facts.width > 0 && facts.height > 0 && facts.channels >= 1 && facts.channels <= 4 &&
			 (facts.bits == 8 || facts.bits == 16));
	else
		g_assert_nonnull(error);
	close(fd);
}

static void mend(uint8_t *data, size_t size)
{
	for (size_t at = SIGNATURE; at + HEAD + CRC <= size;) {
		uint32_t n = (uint32_t)data[at] << 24 | (uint32_t)data[at + 1] << 16 | (uint32_t)data[at + 2] << 8 | data[at + 3];
		if (n > size - at - HEAD - CRC)
			return;
		uLong crc = crc32_z(crc32_z(0, NULL, 0), data + at + 4, n + 4);
		for (int i = 0; i < CRC; i++)
			data[at + HEAD + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
		at += HEAD + n + CRC;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	g_autofree uint8_t *copy = g_memdup2(data, size);
	if (size > SIGNATURE) {
		mend(copy, size);
		check(copy, size);
	}
	return 0;
}
