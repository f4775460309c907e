/* The file's shape, without decoding: cheap, and it finds what was cut, doubled, shifted or left out. The
 * format has no checksum; what is looked at here is all that it says twice. */
#include "base/error.h"
#include "frames/image_exr.h"
#include <OpenEXR/openexr.h>
#include <string.h>

/* Half of it: a chunk is held packed and unpacked. */
#define MOST_UNPACKED (IMAGE_MAX_BLOCK / 2)

struct chunk {
	guint64 start, end; /* offsets in the file */
};

struct walk {
	int fd;
	guint64 size;
	exr_context_t exr;
	int n_parts;
	guint64 leader; /* bytes before a chunk's data: part number and coordinates */
	GArray *chunks; /* struct chunk */
	char said[160]; /* the library's words for its last error */
	GError *error;
};

static int64_t on_read(exr_const_context_t exr, void *data, void *to, uint64_t size, uint64_t at,
		       exr_stream_error_func_ptr_t on_error)
{
	struct walk *w = data;
	(void)exr, (void)on_error;
	if (at >= w->size)
		return 0;
	gsize n = (gsize)MIN(size, w->size - at);
	return image_pread(w->fd, to, n, at, w->error ? NULL : &w->error) ? (int64_t)n : -1;
}

static int64_t on_size(exr_const_context_t exr, void *data)
{
	(void)exr;
	return (int64_t)((struct walk *)data)->size;
}

static void on_error(exr_const_context_t exr, exr_result_t code, const char *text)
{
	void *data = NULL;
	(void)code;
	if (exr && exr_get_user_data(exr, &data) == EXR_ERR_SUCCESS && data)
		g_strlcpy(((struct walk *)data)->said, text, sizeof((struct walk *)data)->said);
}

/* The library's result as ours. */
static gboolean did(struct walk *w, exr_result_t result, const char *what)
{
	if (result == EXR_ERR_SUCCESS)
		return TRUE;
	if (w->error)
		return FALSE;
	return fail(&w->error, ERROR_INVALID, "%s: %s", what, *w->said ? w->said : exr_get_default_error_message(result));
}

static gboolean begin(struct walk *w)
{
	exr_context_initializer_t how = EXR_DEFAULT_CONTEXT_INITIALIZER;
	how.user_data = w;
	how.read_fn = on_read;
	how.size_fn = on_size;
	how.error_handler_fn = on_error;
	how.max_image_width = how.max_image_height = how.max_tile_width = how.max_tile_height = IMAGE_MAX_SIDE;
	how.flags = EXR_CONTEXT_FLAG_STRICT_HEADER | EXR_CONTEXT_FLAG_DISABLE_CHUNK_RECONSTRUCTION;
	return did(w, exr_start_read(&w->exr, "image", &how), "has a damaged header") &&
	       did(w, exr_get_count(w->exr, &w->n_parts), "has a damaged header");
}

/* -- windows --------------------------------------------------------------------------------------------- */

static gboolean same_box(const exr_attr_box2i_t *x, const exr_attr_box2i_t *y)
{
	return memcmp(x, y, sizeof *x) == 0;
}

static gboolean check_windows(struct walk *w, const struct image_expected *expected, struct image_facts *facts)
{
	exr_attr_box2i_t first = { 0 };
	for (int part = 0; part < w->n_parts; part++) {
		exr_attr_box2i_t pixels, shown;
		if (!did(w, exr_get_data_window(w->exr, part, &pixels), "has no data window") ||
		    !did(w, exr_get_display_window(w->exr, part, &shown), "has no display window"))
			return FALSE;
		if (part == 0)
			first = pixels;
		if (!same_box(&pixels, &shown) || !same_box(&pixels, &first))
			return fail(&w->error, ERROR_INVALID, "has a part whose pixels are not those of the picture's frame");
	}
	gint64 width = (gint64)first.max.x - first.min.x + 1, height = (gint64)first.max.y - first.min.y + 1;
	facts->width = (guint)CLAMP(width, 0, G_MAXINT32);
	facts->height = (guint)CLAMP(height, 0, G_MAXINT32);
	return image_size_check(expected, facts->width, facts->height, &w->error);
}

/* -- chunks ---------------------------------------------------------------------------------------------- */

static gboolean add_chunk(struct walk *w, const exr_chunk_info_t *info)
{
	if (info->unpacked_size > MOST_UNPACKED)
		return fail(&w->error, ERROR_INVALID, "has a chunk that would take %" G_GUINT64_FORMAT " bytes",
		            (guint64)info->unpacked_size);
	const struct chunk c = { info->data_offset - w->leader, info->data_offset + info->packed_size };
	g_array_append_val(w->chunks, c);
	return TRUE;
}

static gboolean walk_lines(struct walk *w, int part)
{
	exr_attr_box2i_t window;
	int32_t step = 0;
	exr_get_data_window(w->exr, part, &window);
	if (!did(w, exr_get_scanlines_per_chunk(w->exr, part, &step), "has a damaged header") || step < 1)
		return FALSE;
	for (gint64 y = window.min.y; y <= window.max.y; y += step) {
		exr_chunk_info_t info;
		if (!did(w, exr_read_scanline_chunk_info(w->exr, part, (int)y, &info), "has a damaged chunk") ||
		    !add_chunk(w, &info))
			return FALSE;
	}
	return TRUE;
}

static gboolean walk_level(struct walk *w, int part, int level_x, int level_y)
{
	int32_t tile_width = 0, tile_height = 0, width = 0, height = 0;
	if (!did(w, exr_get_tile_sizes(w->exr, part, level_x, level_y, &tile_width, &tile_height), "has damaged tiles") ||
	    !did(w, exr_get_level_sizes(w->exr, part, level_x, level_y, &width, &height), "has damaged tiles"))
		return FALSE;
	if (tile_width < 1 || tile_height < 1)
		return fail(&w->error, ERROR_INVALID, "has tiles without a size");
	for (gint64 y = 0; y * tile_height < height; y++)
		for (gint64 x = 0; x * tile_width < width; x++) {
			exr_chunk_info_t info;
			if (!did(w, exr_read_tile_chunk_info(w->exr, part, (int)x, (int)y, level_x, level_y, &info),
			         "has a damaged tile") ||
			    !add_chunk(w, &info))
				return FALSE;
		}
	return TRUE;
}

static gboolean walk_tiles(struct walk *w, int part)
{
	uint32_t width, height;
	exr_tile_level_mode_t mode;
	exr_tile_round_mode_t round;
	int32_t n_x = 0, n_y = 0;
	if (!did(w, exr_get_tile_descriptor(w->exr, part, &width, &height, &mode, &round), "has damaged tiles") ||
	    !did(w, exr_get_tile_levels(w->exr, part, &n_x, &n_y), "has damaged tiles"))
		return FALSE;
	/* OpenEXR 3.1's core looks for their chunks in the wrong places; nobody renders them */
	if (mode == EXR_TILE_RIPMAP_LEVELS)
		return fail(&w->error, ERROR_INVALID, "has ripmap levels, which cannot be verified");
	for (int level = 0; level < n_x; level++)
		if (!walk_level(w, part, level, level))
			return FALSE;
	return TRUE;
}

static gboolean walk_part(struct walk *w, int part)
{
	exr_storage_t storage;
	int32_t n_chunks = 0;
	if (!did(w, exr_get_storage(w->exr, part, &storage), "has a damaged header") ||
	    !did(w, exr_get_chunk_count(w->exr, part, &n_chunks), "has a damaged header"))
		return FALSE;
	if (storage != EXR_STORAGE_SCANLINE && storage != EXR_STORAGE_TILED)
		return fail(&w->error, ERROR_INVALID, "is a deep image, which cannot be verified as a frame");
	w->leader = (w->n_parts > 1 ? 4u : 0u) + (storage == EXR_STORAGE_TILED ? 20u : 8u);
	guint before = w->chunks->len;
	if (storage == EXR_STORAGE_TILED ? !walk_tiles(w, part) : !walk_lines(w, part))
		return FALSE;
	if (w->chunks->len - before != (guint)n_chunks)
		return fail(&w->error, ERROR_INVALID, "has %d chunks in its table, and %u in its pixels", n_chunks,
		            w->chunks->len - before);
	return TRUE;
}

static int by_start(const void *x, const void *y)
{
	guint64 a = ((const struct chunk *)x)->start, b = ((const struct chunk *)y)->start;
	return a < b ? -1 : a > b;
}

/* No gap, no overlap, nothing behind the last; before the first stands the table, 8 bytes a chunk, and before
 * that the NUL which ends the header. */
static gboolean check_cover(struct walk *w)
{
	g_array_sort(w->chunks, by_start);
	const struct chunk *c = (const struct chunk *)w->chunks->data;
	guint n = w->chunks->len;
	guchar last = 1;
	for (guint i = 0; i < n; i++) {
		guint64 next = i + 1 < n ? c[i + 1].start : w->size;
		if (c[i].end != next)
			return fail(&w->error, ERROR_INVALID, "%s at byte %" G_GUINT64_FORMAT,
			            i + 1 < n       ? "has chunks that do not follow each other" :
			            next > c[i].end ? "goes on after its last chunk" :
			                              "is cut off",
			            MIN(c[i].end, next));
	}
	guint64 table = (guint64)n * 8;
	if (n == 0 || c[0].start <= table || !image_pread(w->fd, &last, 1, c[0].start - table - 1, &w->error) || last)
		return w->error ? FALSE : fail(&w->error, ERROR_INVALID, "has a header that does not end at its table of chunks");
	return TRUE;
}

gboolean image_exr_walk(int fd, const struct image_expected *expected, struct image_facts *facts, GError **error)
{
	struct walk w = { .fd = fd, .size = (guint64)image_file_size(fd) };
	w.chunks = g_array_new(FALSE, FALSE, sizeof(struct chunk));
	gboolean ok = begin(&w) && check_windows(&w, expected, facts);
	for (int part = 0; ok && part < w.n_parts; part++)
		ok = walk_part(&w, part);
	ok = ok && check_cover(&w);
	if (w.exr)
		exr_finish(&w.exr);
	g_array_unref(w.chunks);
	if (ok && !w.error)
		return TRUE;
	if (!w.error)
		fail(&w.error, ERROR_INVALID, "has a damaged header");
	g_propagate_error(error, w.error);
	return FALSE;
}
