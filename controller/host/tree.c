/* Small reads below a root. */
#include "host/tree.h"
#include "base/arena.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

struct host_tree host_tree_at(struct arena *arena, const char *root, const char *sysfs)
{
	struct host_tree t = { root ? arena_strdup(arena, root) : "/", NULL };
	t.sysfs = sysfs ? arena_strdup(arena, sysfs)
			: arena_printf(arena, "%s%ssys", t.root, g_str_has_suffix(t.root, "/") ? "" : "/");
	return t;
}

/* Below a file there is nothing. */
#define NO_ROOT "/dev/null"

struct host_tree host_tree_of_sysfs(struct arena *arena, const char *sysfs)
{
	return host_tree_at(arena, NO_ROOT, sysfs);
}

gboolean host_tree_is_sysfs_alone(const struct host_tree *t)
{
	return strcmp(t->root, NO_ROOT) == 0;
}

gboolean host_tree_is_this_machine(const struct host_tree *t)
{
	return strcmp(t->root, "/") == 0 && strcmp(t->sysfs, "/sys") == 0;
}

gboolean host_tree_is_whole(const struct host_tree *t)
{
	struct stat own, given;
	g_autofree char *path = g_build_filename(t->root, "sys", NULL);
	if (strcmp(path, t->sysfs) == 0)
		return TRUE;
	return stat(path, &own) == 0 && stat(t->sysfs, &given) == 0 && own.st_dev == given.st_dev && own.st_ino == given.st_ino;
}

static char *build_path(const struct host_tree *t, const char *format, va_list args) G_GNUC_PRINTF(2, 0);
static char *build_path(const struct host_tree *t, const char *format, va_list args)
{
	g_autofree char *path = g_strdup_vprintf(format, args);
	if (g_str_has_prefix(path, "sys/"))
		return g_build_filename(t->sysfs, path + strlen("sys/"), NULL);
	return g_build_filename(t->root, path, NULL);
}

#define BUILD_PATH(path, t, format)                                                                                    \
	va_list args;                                                                                                  \
	va_start(args, format);                                                                                        \
	g_autofree char *path = build_path((t), format, args);                                                         \
	va_end(args)

char *host_path(struct arena *arena, const struct host_tree *t, const char *format, ...)
{
	BUILD_PATH(path, t, format);
	return arena_strdup(arena, path);
}

static GString *read_all(int fd)
{
	GString *text = g_string_new(NULL);
	char chunk[4096];
	ssize_t n = 0;
	while (text->len < FILE_MAX && ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			g_string_append_len(text, chunk, n);
	if (n >= 0)
		return text;
	g_string_free(text, TRUE);
	return NULL;
}

char *host_read_bytes(struct arena *arena, const struct host_tree *t, const char *path, gsize *ret_size)
{
	g_autofree char *full = g_build_filename(t->root, path, NULL);
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	gboolean is_read = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < FILE_MAX;
	GString *text = is_read ? read_all(fd) : NULL;
	if (fd >= 0)
		close(fd);
	if (!text)
		return NULL;
	*ret_size = text->len;
	char *copy = arena_memdup(arena, text->str, text->len + 1);
	g_string_free(text, TRUE);
	return copy;
}

/* Not g_file_get_contents(): sysfs files say 4096 bytes, procfs files 0, and a FIFO must not block. */
static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	GString *text = read_all(fd);
	close(fd);
	return text ? g_strchomp(g_string_free(text, FALSE)) : NULL;
}

char *host_read(struct arena *arena, const struct host_tree *t, const char *format, ...)
{
	BUILD_PATH(path, t, format);
	g_autofree char *text = read_text(path);
	return arena_strdup(arena, text);
}

gint64 host_read_number(const struct host_tree *t, gint64 otherwise, const char *format, ...)
{
	BUILD_PATH(path, t, format);
	g_autofree char *text = read_text(path);
	char *end = NULL;
	gint64 n = text ? g_ascii_strtoll(text, &end, 0) : 0;
	return end && end != text ? n : otherwise;
}

char *host_read_link(struct arena *arena, const struct host_tree *t, const char *format, ...)
{
	BUILD_PATH(path, t, format);
	char target[4096];
	ssize_t n = readlink(path, target, sizeof target - 1);
	if (n <= 0)
		return NULL;
	target[n] = '\0';
	g_autofree char *name = g_path_get_basename(target);
	return arena_strdup(arena, name);
}

gboolean host_exists(const struct host_tree *t, const char *format, ...)
{
	BUILD_PATH(path, t, format);
	return access(path, F_OK) == 0;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **host_list(struct arena *arena, const struct host_tree *t, const char *format, ...)
{
	BUILD_PATH(path, t, format);
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	GDir *dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));)
		g_ptr_array_add(names, arena_strdup(arena, name));
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	g_ptr_array_add(names, NULL);
	return arena_memdup(arena, names->pdata, sizeof(gpointer) * names->len);
}
