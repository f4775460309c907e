/* JPEG: every scan decoded, and no warning of libjpeg's let pass: it warns where it fills in.
 *
 * The format has no checksum: damage that leaves a stream which can be decoded shows as odd blocks and is
 * not seen here. Cuts, broken markers, codes that do not exist, and bytes behind the end are. */
#include "base/error.h"
#include "frames/image_reader.h"
#include <setjmp.h>
#include <stdio.h>
/* jpeglib needs stdio */
#include <jpeglib.h>
#include <string.h>

enum {
	BUFFER_SIZE = 64 * 1024,
	MOST_SCANS = 100, /* a usual progressive file has 10; thousands of them only keep a machine busy */
};

/* What libjpeg's callbacks need; it lives outside the function that calls setjmp. */
struct decoder {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_source_mgr source;
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	int fd;
	guint64 at; /* of the file: behind the buffer */
	const struct image_expected *expected;
	struct image_pixels pixels;
	guchar *buffer, *row;
	GError *error;
};

static struct decoder *decoder_of(j_common_ptr jpeg)
{
	return (struct decoder *)jpeg->client_data;
}

G_GNUC_NORETURN static void give_up(struct decoder *d)
{
	longjmp(d->out, 1);
}

/* Errors and, with a level below 0, warnings; what is above are traces. */
static void on_message(j_common_ptr jpeg, int level)
{
	struct decoder *d = decoder_of(jpeg);
	if (level >= 0)
		return;
	char text[JMSG_LENGTH_MAX];
	jpeg->err->format_message(jpeg, text);
	if (!d->error)
		fail(&d->error, ERROR_INVALID, "cannot be decoded: %s", text);
	give_up(d);
}

G_GNUC_NORETURN static void on_error(j_common_ptr jpeg)
{
	on_message(jpeg, -1);
	give_up(decoder_of(jpeg));
}

static void on_nothing(j_decompress_ptr jpeg)
{
	(void)jpeg;
}

static boolean on_fill(j_decompress_ptr jpeg)
{
	struct decoder *d = decoder_of((j_common_ptr)jpeg);
	gint64 left = image_file_size(d->fd) - (gint64)d->at;
	gsize n = (gsize)CLAMP(left, 1, BUFFER_SIZE);
	if (!image_pread(d->fd, d->buffer, n, d->at, &d->error))
		give_up(d);
	d->at += n;
	d->source.next_input_byte = d->buffer;
	d->source.bytes_in_buffer = n;
	return TRUE;
}

static void on_skip(j_decompress_ptr jpeg, long n)
{
	struct decoder *d = decoder_of((j_common_ptr)jpeg);
	gsize part = MIN((gsize)MAX(n, 0), d->source.bytes_in_buffer);
	d->source.next_input_byte += part;
	d->source.bytes_in_buffer -= part;
	d->at += (gsize)MAX(n, 0) - part;
}

static void on_progress(j_common_ptr jpeg)
{
	struct decoder *d = decoder_of(jpeg);
	if (d->jpeg.input_scan_number <= MOST_SCANS)
		return;
	fail(&d->error, ERROR_INVALID, "has more than %d scans", MOST_SCANS);
	give_up(d);
}

static void set_up(struct decoder *d)
{
	jpeg_create_decompress(&d->jpeg);
	d->jpeg.client_data = d;
	d->jpeg.mem->max_memory_to_use = (long)IMAGE_MAX_BLOCK;
	d->progress.progress_monitor = on_progress;
	d->jpeg.progress = &d->progress;
	d->source = (struct jpeg_source_mgr){ .init_source = on_nothing,
		                              .fill_input_buffer = on_fill,
		                              .skip_input_data = on_skip,
		                              .resync_to_restart = jpeg_resync_to_restart,
		                              .term_source = on_nothing };
	d->jpeg.src = &d->source;
}

static gboolean check_header(struct decoder *d, struct image_facts *facts)
{
	facts->width = d->jpeg.image_width;
	facts->height = d->jpeg.image_height;
	facts->channels = (guint)d->jpeg.num_components;
	facts->bits = 8;
	if (facts->channels != 1 && facts->channels != 3)
		return fail(&d->error, ERROR_INVALID, "has %u components; frames have 1 or 3", facts->channels);
	return image_size_check(d->expected, facts->width, facts->height, &d->error) &&
	       image_depth_check(d->expected, facts, &d->error);
}

static void decode(struct decoder *d, struct image_facts *facts)
{
	set_up(d);
	jpeg_read_header(&d->jpeg, TRUE);
	d->pixels.facts = facts;
	if (!check_header(d, facts) || !pixels_begin(&d->pixels, &d->error))
		give_up(d);
	d->jpeg.out_color_space = facts->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	d->row = g_malloc_n(facts->width, facts->channels);
	jpeg_start_decompress(&d->jpeg);
	while (d->jpeg.output_scanline < d->jpeg.output_height) {
		guint y = d->jpeg.output_scanline;
		jpeg_read_scanlines(&d->jpeg, &d->row, 1);
		pixels_row(&d->pixels, &(struct pixel_row){ y, 0, 1, facts->width, d->row });
	}
	jpeg_finish_decompress(&d->jpeg);
	guint64 end = d->at - d->source.bytes_in_buffer;
	if (end != (guint64)image_file_size(d->fd)) {
		fail(&d->error, ERROR_INVALID, "goes on after its end (marker EOI) at byte %" G_GUINT64_FORMAT, end);
		give_up(d);
	}
}

/* Nothing of this frame is used after a longjmp but its parameters, which are not changed. */
static gboolean decode_guarded(struct decoder *d, struct image_facts *facts)
{
	if (setjmp(d->out))
		return FALSE;
	decode(d, facts);
	return TRUE;
}

gboolean image_jpeg_check(int fd, const struct image_expected *expected, const struct image_sink *sink,
			  struct image_facts *ret, GError **error)
{
	g_autofree guchar *buffer = g_malloc(BUFFER_SIZE);
	struct decoder d = { .fd = fd, .expected = expected, .pixels.sink = sink, .buffer = buffer };
	struct image_facts facts = *ret;
	d.jpeg.err = jpeg_std_error(&d.errors);
	d.jpeg.client_data = &d; /* errors come before set_up() ends, too */
	d.errors.emit_message = on_message;
	d.errors.error_exit = on_error;
	gboolean ok = decode_guarded(&d, &facts);
	jpeg_destroy_decompress(&d.jpeg);
	pixels_clear(&d.pixels);
	g_free(d.row);
	if (!ok) {
		g_propagate_error(error, d.error);
		return FALSE;
	}
	*ret = facts;
	return TRUE;
}
