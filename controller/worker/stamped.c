/* A frame that was mixed up with another has all the right checksums; only its own word tells. */
#include "worker/stamped.h"
#include "base/error.h"
#include "frames/image_stamp.h"
#include "frames/root.h"
#include <string.h>

enum { SCENE_CUT = 500 }; /* longer paths are not whole in it */

static gboolean is_of_scene(const char *said, const char *scene)
{
	g_autofree char *ours = g_canonicalize_filename(scene, "/"), *theirs = g_canonicalize_filename(said, "/");
	gsize len = strlen(said);
	return len < SCENE_CUT ? strcmp(ours, theirs) == 0 : strncmp(ours, theirs, SCENE_CUT) == 0;
}

gboolean stamped_check(int dir_fd, const char *file, gint64 frame, const char *scene, GError **error)
{
	struct image_stamp stamp;
	gboolean is_right = TRUE;
	SCOPED_FD(fd) = root_openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be opened", file);
	image_stamp_read(fd, &stamp);
	if (stamp.has_frame && stamp.frame != frame)
		is_right = fail(error, ERROR_FAILED, "%s is of frame %" G_GINT64_FORMAT ", should be of frame %" G_GINT64_FORMAT,
				file, stamp.frame, frame);
	else if (stamp.scene && *stamp.scene == '/' && !is_of_scene(stamp.scene, scene))
		is_right = fail(error, ERROR_FAILED, "%s is of the scene %s, should be of %s", file, stamp.scene, scene);
	image_stamp_clear(&stamp);
	return is_right;
}
