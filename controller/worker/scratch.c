/* Whatever Blender made of its folder: it is gone when this is done, and nothing beside it. */
#include "worker/scratch.h"
#include "base/error.h"
#include "frames/root.h"
#include "worker/cache_tree.h"
#include <dirent.h>
#include <gio/gio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "cleave-warm-"

enum { YOUNG_S = 60 };

/* -- what others left ------------------------------------------------------------------------ */

/* A young one may not have its lock yet. */
static gboolean is_left(int tmp_fd, const char *name)
{
	struct stat st;
	SCOPED_FD(fd) = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && time(NULL) - st.st_mtim.tv_sec > YOUNG_S &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void sweep(void)
{
	SCOPED_FD(tmp_fd) = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_autoptr(GDir) tmp = tmp_fd < 0 ? NULL : g_dir_open(g_get_tmp_dir(), 0, NULL);
	const char *name;
	while (tmp && (name = g_dir_read_name(tmp)))
		if (g_str_has_prefix(name, NAME) && is_left(tmp_fd, name))
			cache_tree_remove(tmp_fd, name);
}

/* -- one ------------------------------------------------------------------------------------- */

/* warm.py imports the others from its own folder. */
static gboolean write_scripts(const struct scratch *s, GError **error)
{
	static const char *const names[] = { "warm.py", "outputs.py", "opened.py" };
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(s->scripts, names[i], NULL);
		g_autofree char *resource = g_strconcat("/cleave/worker/", names[i], NULL);
		g_autoptr(GBytes) script = g_resources_lookup_data(resource, G_RESOURCE_LOOKUP_FLAGS_NONE, error);
		gsize size;
		const char *text = script ? g_bytes_get_data(script, &size) : NULL;
		if (!text || !g_file_set_contents_full(path, text, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0644, error))
			return FALSE;
	}
	return TRUE;
}

gboolean scratch_make(struct scratch *s, const struct sandbox *sandbox, GError **error)
{
	*s = (struct scratch){ .lock_fd = -1 };
	sweep();
	s->folder = g_dir_make_tmp(NAME "XXXXXX", error);
	if (!s->folder)
		return FALSE;
	s->lock_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->scripts = g_build_filename(s->folder, "scripts", NULL);
	s->own = g_build_filename(s->folder, "scratch", NULL);
	s->output = g_build_filename(s->own, "out", NULL);
	/* Whatever the worker's umask is: another user reads the one. */
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0 || mkdir(s->scripts, 0755) < 0 ||
	    chmod(s->scripts, 0755) < 0 || mkdir(s->own, 0700) < 0 || mkdir(s->output, 0700) < 0)
		return fail_errno(error, errno, "%s cannot be filled", s->folder);
	return sandbox_hand_over(sandbox, s->own, error) && sandbox_hand_over(sandbox, s->output, error) &&
	       write_scripts(s, error);
}

void scratch_remove(struct scratch *s)
{
	if (s->folder)
		cache_tree_remove(AT_FDCWD, s->folder);
	fd_clear(&s->lock_fd);
	char *texts[] = { s->folder, s->scripts, s->own, s->output };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	*s = (struct scratch){ .lock_fd = -1 };
}

void scratch_clear_output(const struct scratch *s)
{
	int fd = open(s->output, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}
