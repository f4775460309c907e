/* The table of formats; a new one is a file with its reader and a row here. */
#include "base/error.h"
#include "frames/image_reader.h"
#include "frames/root.h"
#include <string.h>
#include <sys/stat.h>

/* What Blender keeps to when it writes the format, and a file can thus be compared with. */
enum {
	TELLS_DEPTH = 1 << 0,
	TELLS_GREY = 1 << 1,   /* a picture of mode BW has one channel; OpenEXR gets all of them */
	TELLS_COLOUR = 1 << 2, /* RGB has 3, RGBA 4 */
};

struct image_format {
	const char *name; /* as Blender and the specs write it */
	const char *suffixes[2];
	image_reader *check;
	guint tells;
};

static const struct image_format image_formats[] = {
	{ "PNG", { ".png" }, image_png_check, TELLS_DEPTH | TELLS_GREY | TELLS_COLOUR },
	{ "OPEN_EXR", { ".exr" }, image_exr_check, TELLS_DEPTH | TELLS_COLOUR },
	{ "OPEN_EXR_MULTILAYER", { NULL }, image_exr_check, TELLS_DEPTH },
	{ "JPEG", { ".jpg", ".jpeg" }, image_jpeg_check, TELLS_GREY | TELLS_COLOUR },
	{ "TIFF", { ".tif", ".tiff" }, image_tiff_check, TELLS_DEPTH | TELLS_GREY | TELLS_COLOUR },
};

/* Blender's other formats, and why not. */
static const struct {
	const char *name, *why;
} refused_formats[] = {
	{ "WEBP", "WebP has no checksum, and its decoder fills in what is missing" },
	{ "FFMPEG", "a movie has no frames of its own; render images" },
	{ "AVI_JPEG", "a movie has no frames of its own; render images" },
	{ "AVI_RAW", "a movie has no frames of its own; render images" },
};

static const struct image_format *find_format(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(image_formats); i++)
		if (strcmp(image_formats[i].name, name) == 0)
			return &image_formats[i];
	return NULL;
}

gboolean image_format_is_known(const char *format)
{
	return find_format(format) != NULL;
}

const char *image_format_of_name(const char *path)
{
	for (guint i = 0; i < G_N_ELEMENTS(image_formats); i++)
		for (guint k = 0; k < G_N_ELEMENTS(image_formats[i].suffixes); k++)
			if (image_formats[i].suffixes[k] && g_str_has_suffix(path, image_formats[i].suffixes[k]))
				return image_formats[i].name;
	return NULL;
}

void image_expect(const char *format, const char *color_mode, const char *color_depth, struct image_expected *ret)
{
	static const struct {
		const char *mode;
		guint channels, needs;
	} modes[] = { { "BW", 1, TELLS_GREY }, { "RGB", 3, TELLS_COLOUR }, { "RGBA", 4, TELLS_COLOUR } };
	const struct image_format *f = find_format(format);
	ret->format = format;
	ret->channels = ret->bits = 0;
	for (guint i = 0; f && color_mode && i < G_N_ELEMENTS(modes); i++)
		if (strcmp(color_mode, modes[i].mode) == 0 && (f->tells & modes[i].needs))
			ret->channels = modes[i].channels;
	if (f && color_depth && (f->tells & TELLS_DEPTH))
		ret->bits = (guint)g_ascii_strtoull(color_depth, NULL, 10);
}

static gboolean fail_unknown(const char *format, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(image_formats); i++)
		g_string_append_printf(known, "%s%s", i ? ", " : "", image_formats[i].name);
	const char *why = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(refused_formats); i++)
		if (strcmp(refused_formats[i].name, format) == 0)
			why = refused_formats[i].why;
	return fail(error, ERROR_INVALID, "format %s cannot be verified as frames (these can: %s)%s%s", format,
		    known->str, why ? ": " : "", why ? why : "");
}

gboolean image_size_check(const struct image_expected *expected, guint width, guint height, GError **error)
{
	if ((expected->width && expected->width != width) || (expected->height && expected->height != height))
		return fail(error, ERROR_INVALID, "is %ux%u pixels, should be %ux%u", width, height,
			    expected->width ? expected->width : width, expected->height ? expected->height : height);
	if (width == 0 || height == 0 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
		return fail(error, ERROR_INVALID, "claims to be %ux%u pixels", width, height);
	return TRUE;
}

static const char *channels_name(guint channels)
{
	static const char *const names[] = { "without colour", "grey", "grey with alpha", "RGB", "RGBA" };
	return channels < G_N_ELEMENTS(names) ? names[channels] : "of many channels";
}

gboolean image_depth_check(const struct image_expected *expected, const struct image_facts *facts, GError **error)
{
	if (expected->bits && expected->bits != facts->bits)
		return fail(error, ERROR_INVALID, "has %u bits a channel, should have %u", facts->bits, expected->bits);
	if (expected->channels && expected->channels != facts->channels)
		return fail(error, ERROR_INVALID, "is %s, should be %s", channels_name(facts->channels),
			    channels_name(expected->channels));
	return TRUE;
}

gboolean image_pread(int fd, void *to, gsize size, guint64 at, GError **error)
{
	for (gsize done = 0; done < size;) {
		ssize_t n = at + done <= G_MAXINT64 ? pread(fd, (guchar *)to + done, size - done, (off_t)(at + done)) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(error, errno, "cannot be read at byte %" G_GUINT64_FORMAT, at + done);
		if (n == 0)
			return fail(error, ERROR_INVALID, "is cut off at byte %" G_GUINT64_FORMAT, at + done);
		done += (gsize)n;
	}
	return TRUE;
}

gint64 image_file_size(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_size : 0;
}

gboolean image_decode_fd(int fd, const struct image_expected *expected, const struct image_sink *sink,
			 struct image_facts *ret, GError **error)
{
	const struct image_format *format = find_format(expected->format);
	if (!format)
		return fail_unknown(expected->format, error);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return fail_errno(error, errno, "cannot be looked at");
	if (!S_ISREG(st.st_mode))
		return fail(error, ERROR_INVALID, "is not a regular file");
	if (st.st_size == 0)
		return fail(error, ERROR_INVALID, "is empty (0 bytes); a full disk leaves such files");
	struct image_facts facts = { .format = format->name, .n_layers = 1 };
	if (!format->check(fd, expected, sink, &facts, error))
		return FALSE;
	if (!facts.n_all_channels)
		facts.n_all_channels = facts.channels;
	*ret = facts;
	return TRUE;
}

gboolean image_check_fd(int fd, const struct image_expected *expected, struct image_facts *ret, GError **error)
{
	return image_decode_fd(fd, expected, NULL, ret, error);
}

gboolean image_check(int dir_fd, const char *path, const struct image_expected *expected, struct image_facts *ret,
		     GError **error)
{
	SCOPED_FD(fd) = root_openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be opened", path);
	if (image_check_fd(fd, expected, ret, error))
		return TRUE;
	g_prefix_error(error, "%s: ", path);
	return FALSE;
}
