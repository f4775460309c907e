/* PNG: every chunk's CRC first, then every row through libpng.
 *
 * The walk over the chunks catches each damaged or missing byte, ancillary chunks included, and says
 * where. Decoding then proves that the pixels are there: libpng must finish without one warning.
 * Ancillary chunks are not decoded: their content cannot harm the pixels, and an odd colour profile is
 * no damage. */
#include "base/error.h"
#include "frames/image_reader.h"
#include "frames/root.h"
#include <png.h>
#include <string.h>
#include <zlib.h>

enum {
	WINDOW_SIZE = 64 * 1024,
	SIGNATURE_SIZE = 8,
	CHUNK_FRAME = 12, /* length, type and CRC around the data */
	IHDR_SIZE = 13,
};

static const guchar png_signature[SIGNATURE_SIZE] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

/* Buffered reading by pread, so that many small reads cost few system calls. */
struct window {
	int fd;
	guint64 at;         /* the file offset of the next byte */
	gsize used, filled; /* within bytes[] */
	guchar *bytes;      /* WINDOW_SIZE */
};

/* FALSE at the end of the file or on an error; *error is then set. */
static gboolean window_read(struct window *w, guchar *to, gsize size, GError **error)
{
	while (size > 0) {
		if (w->used == w->filled) {
			ssize_t n = pread(w->fd, w->bytes, WINDOW_SIZE, (off_t)w->at);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return fail_errno(error, errno, "cannot be read at byte %" G_GUINT64_FORMAT, w->at);
			if (n == 0)
				return fail(error, ERROR_INVALID, "is cut off at byte %" G_GUINT64_FORMAT, w->at);
			w->filled = (gsize)n;
			w->used = 0;
		}
		gsize part = MIN(size, w->filled - w->used);
		memcpy(to, w->bytes + w->used, part);
		w->used += part;
		w->at += part;
		to += part;
		size -= part;
	}
	return TRUE;
}

static gboolean at_end(struct window *w, gboolean *ret, GError **error)
{
	guchar byte;
	ssize_t n = w->used < w->filled ? 1 : pread(w->fd, &byte, 1, (off_t)w->at);
	if (n < 0)
		return fail_errno(error, errno, "cannot be read at byte %" G_GUINT64_FORMAT, w->at);
	*ret = n == 0;
	return TRUE;
}

struct chunk {
	char type[5];
	guint32 size;
	guint64 at; /* offset of its length field */
};

static guint32 big_endian(const guchar *p)
{
	return (guint32)p[0] << 24 | (guint32)p[1] << 16 | (guint32)p[2] << 8 | p[3];
}

static gboolean chunk_begin(struct window *w, struct chunk *c, GError **error)
{
	guchar head[8];
	c->at = w->at;
	if (!window_read(w, head, sizeof head, error))
		return FALSE;
	c->size = big_endian(head);
	memcpy(c->type, head + 4, 4);
	c->type[4] = '\0';
	for (guint i = 0; i < 4; i++)
		if (!g_ascii_isalpha(c->type[i]))
			return fail(error, ERROR_INVALID, "has no PNG chunk at byte %" G_GUINT64_FORMAT, c->at);
	if (c->size > G_MAXINT32)
		return fail(error, ERROR_INVALID, "chunk %s at byte %" G_GUINT64_FORMAT " has an impossible length",
			    c->type, c->at);
	return TRUE;
}

/* Reads the data and compares the CRC; the first bytes of the data are left in `start`. */
static gboolean chunk_check(struct window *w, const struct chunk *c, guchar start[IHDR_SIZE], GError **error)
{
	guchar part[4096];
	uLong crc = crc32(crc32(0, NULL, 0), (const guchar *)c->type, 4);
	for (guint32 left = c->size; left > 0;) {
		guint32 n = MIN(left, (guint32)sizeof part);
		if (!window_read(w, part, n, error)) {
			g_prefix_error(error, "chunk %s at byte %" G_GUINT64_FORMAT ": ", c->type, c->at);
			return FALSE;
		}
		if (left == c->size)
			memcpy(start, part, MIN(n, (guint32)IHDR_SIZE));
		crc = crc32(crc, part, n);
		left -= n;
	}
	guchar stored[4];
	if (!window_read(w, stored, sizeof stored, error))
		return FALSE;
	if (big_endian(stored) != crc)
		return fail(error, ERROR_INVALID, "chunk %s at byte %" G_GUINT64_FORMAT " is damaged (CRC)", c->type,
			    c->at);
	return TRUE;
}

static gboolean check_header(const struct chunk *c, const guchar *data, const struct image_expected *expected,
			     GError **error)
{
	if (strcmp(c->type, "IHDR") != 0 || c->size != IHDR_SIZE)
		return fail(error, ERROR_INVALID, "does not begin with the chunk IHDR");
	return image_size_check(expected, big_endian(data), big_endian(data + 4), error);
}

static gboolean walk_chunks(struct window *w, const struct image_expected *expected, GError **error)
{
	guchar data[IHDR_SIZE] = { 0 };
	if (!window_read(w, data, SIGNATURE_SIZE, error))
		return FALSE;
	if (memcmp(data, png_signature, SIGNATURE_SIZE) != 0)
		return fail(error, ERROR_INVALID, "is not a PNG file (signature)");
	struct chunk c;
	gboolean is_first = TRUE, is_end = FALSE;
	do {
		if (!chunk_begin(w, &c, error) || !chunk_check(w, &c, data, error))
			return FALSE;
		if (is_first && !check_header(&c, data, expected, error))
			return FALSE;
		is_first = FALSE;
	} while (strcmp(c.type, "IEND") != 0);
	if (!at_end(w, &is_end, error))
		return FALSE;
	if (!is_end)
		return fail(error, ERROR_INVALID, "goes on after its end (chunk IEND) at byte %" G_GUINT64_FORMAT,
			    w->at);
	return TRUE;
}

/* What libpng's callbacks need; it lives outside the function that calls setjmp. */
struct decoder {
	struct window window;
	png_structp png;
	png_infop info;
	guchar *row;
	const struct image_expected *expected;
	struct image_pixels pixels;
	GError *error;
};

static void on_read(png_structp png, png_bytep to, png_size_t size)
{
	struct decoder *d = png_get_io_ptr(png);
	if (!window_read(&d->window, to, size, d->error ? NULL : &d->error))
		png_longjmp(png, 1);
}

/* Also for warnings: libpng warns where it could go on with less than the file should hold. */
static void on_error(png_structp png, png_const_charp message)
{
	struct decoder *d = png_get_error_ptr(png);
	if (!d->error)
		fail(&d->error, ERROR_INVALID, "cannot be decoded: %s", message);
	png_longjmp(png, 1);
}

/* Pixels of `size` that a pass holds, which starts at `start` and takes every 2^shift-th. */
static guint pass_size(guint size, int start, int shift)
{
	return (size + (1u << shift) - 1 - (guint)start) >> shift;
}

/* Without libpng's interlace handling each pass of an interlaced image comes as a small image of its
 * own, which needs no buffer for the whole (PNG specification, 8.2). */
static void read_pass(struct decoder *d, const struct image_facts *facts, int pass)
{
	guint width = pass_size(facts->width, PNG_PASS_START_COL(pass), PNG_PASS_COL_SHIFT(pass));
	guint height = pass_size(facts->height, PNG_PASS_START_ROW(pass), PNG_PASS_ROW_SHIFT(pass));
	for (guint y = 0; y < height && width > 0; y++) {
		png_read_row(d->png, d->row, NULL);
		const struct pixel_row row = { .y = (guint)PNG_PASS_START_ROW(pass) + (y << PNG_PASS_ROW_SHIFT(pass)),
			                       .x = (guint)PNG_PASS_START_COL(pass),
			                       .step = 1u << PNG_PASS_COL_SHIFT(pass),
			                       .n = width,
			                       .samples = d->row };
		pixels_row(&d->pixels, &row);
	}
}

static void read_rows(struct decoder *d, const struct image_facts *facts)
{
	if (png_get_interlace_type(d->png, d->info) != PNG_INTERLACE_NONE) {
		for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
			read_pass(d, facts, pass);
		return;
	}
	for (guint y = 0; y < facts->height; y++) {
		png_read_row(d->png, d->row, NULL);
		pixels_row(&d->pixels, &(struct pixel_row){ y, 0, 1, facts->width, d->row });
	}
}

static void decode(struct decoder *d, struct image_facts *facts)
{
	png_set_read_fn(d->png, d, on_read);
	png_set_crc_action(d->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
	png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_read_info(d->png, d->info);
	png_set_expand(d->png); /* palette to colours, less than 8 bits to 8 */
	if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
		png_set_swap(d->png);
	png_read_update_info(d->png, d->info);
	facts->width = png_get_image_width(d->png, d->info);
	facts->height = png_get_image_height(d->png, d->info);
	facts->channels = png_get_channels(d->png, d->info);
	facts->bits = png_get_bit_depth(d->png, d->info);
	d->pixels.facts = facts;
	d->pixels.sample = facts->bits == 16 ? PIXEL_16 : PIXEL_8;
	if (!image_depth_check(d->expected, facts, &d->error) || !pixels_begin(&d->pixels, &d->error))
		png_longjmp(d->png, 1);
	d->row = g_malloc(png_get_rowbytes(d->png, d->info));
	read_rows(d, facts);
	png_read_end(d->png, d->info);
}

/* Nothing of this frame is used after a longjmp but its parameters, which are not changed. */
static gboolean decode_guarded(struct decoder *d, struct image_facts *facts)
{
	d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, on_error, on_error);
	d->info = d->png ? png_create_info_struct(d->png) : NULL;
	if (!d->info)
		return fail(&d->error, ERROR_FAILED, "libpng does not start");
	if (setjmp(png_jmpbuf(d->png)))
		return FALSE;
	decode(d, facts);
	return TRUE;
}

gboolean image_png_check(int fd, const struct image_expected *expected, const struct image_sink *sink,
			 struct image_facts *ret, GError **error)
{
	g_autofree guchar *bytes = g_malloc(WINDOW_SIZE);
	struct window walk = { .fd = fd, .bytes = bytes };
	if (!walk_chunks(&walk, expected, error))
		return FALSE;
	struct decoder d = { .window = { .fd = fd, .bytes = bytes }, .expected = expected, .pixels.sink = sink };
	struct image_facts facts = *ret;
	gboolean ok = decode_guarded(&d, &facts);
	png_destroy_read_struct(&d.png, &d.info, NULL);
	pixels_clear(&d.pixels);
	g_free(d.row);
	if (!ok) {
		g_propagate_error(error, d.error);
		return FALSE;
	}
	*ret = facts;
	return TRUE;
}
