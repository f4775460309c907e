/* The table of formats; a new one is a file with its reader and a row here. */
#include "frames/image.h"
#include "base/error.h"
#include "frames/root.h"
#include <string.h>
#include <sys/stat.h>

struct image_format {
	const char *name; /* as Blender and the specs write it */
	gboolean (*check)(int fd, const struct image_expected *expected, struct image_facts *ret, GError **error);
};

static const struct image_format image_formats[] = {
	{ "PNG", image_png_check },
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

static char *known_formats(void)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(image_formats); i++)
		g_string_append_printf(s, "%s%s", i ? ", " : "", image_formats[i].name);
	return g_string_free(s, FALSE);
}

gboolean image_size_check(const struct image_expected *expected, guint width, guint height, GError **error)
{
	if ((!expected->width || expected->width == width) && (!expected->height || expected->height == height))
		return TRUE;
	return fail(error, ERROR_INVALID, "is %ux%u pixels, should be %ux%u", width, height,
		    expected->width ? expected->width : width, expected->height ? expected->height : height);
}

gboolean image_check_fd(int fd, const struct image_expected *expected, struct image_facts *ret, GError **error)
{
	const struct image_format *format = find_format(expected->format);
	if (!format) {
		g_autofree char *known = known_formats();
		return fail(error, ERROR_INVALID, "format %s cannot be verified (these can: %s)", expected->format,
			    known);
	}
	struct stat st;
	if (fstat(fd, &st) < 0)
		return fail_errno(error, errno, "cannot be looked at");
	if (!S_ISREG(st.st_mode))
		return fail(error, ERROR_INVALID, "is not a regular file");
	if (st.st_size == 0)
		return fail(error, ERROR_INVALID, "is empty (0 bytes); a full disk leaves such files");
	struct image_facts facts = { .format = format->name };
	if (!format->check(fd, expected, &facts, error))
		return FALSE;
	*ret = facts;
	return TRUE;
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
