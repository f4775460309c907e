/* Digests come from the worker's cache, so that a frame costs a stat(2) for each of its files. */
#include "worker/traced.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/inputs.h"
#include "frames/root.h"
#include "worker/scene.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KNOWN_MAX = 200000 };

struct traced {
	GHashTable *known;  /* "job\nROOT:path\nsha256" that this worker wrote */
	GHashTable *loaded; /* ROOT:path → its SHA-256 since the scene was read */
};

struct traced *traced_new(void)
{
	struct traced *t = g_new0(struct traced, 1);
	t->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	t->loaded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return t;
}

void traced_free(struct traced *t)
{
	if (!t)
		return;
	g_hash_table_unref(t->known);
	g_hash_table_unref(t->loaded);
	g_free(t);
}

void traced_forget(struct traced *t)
{
	g_hash_table_remove_all(t->loaded);
}

/* -- roots ----------------------------------------------------------------------------------- */

/* Roots that were opened, for as long as the inputs are read. */
struct opened_roots {
	struct worker *w;
	GHashTable *fds; /* name → its descriptor + 1 */
};

static void close_fd(gpointer fd_plus_1)
{
	close(GPOINTER_TO_INT(fd_plus_1) - 1);
}

static int open_once(void *user, const char *name, GError **error)
{
	struct opened_roots *roots = user;
	int fd = GPOINTER_TO_INT(g_hash_table_lookup(roots->fds, name)) - 1;
	if (fd < 0)
		fd = worker_open_root(roots->w, name, error);
	else
		return fd;
	if (fd >= 0)
		g_hash_table_insert(roots->fds, g_strdup(name), GINT_TO_POINTER(fd + 1));
	return fd;
}

static struct opened_roots roots_begin(struct worker *w)
{
	return (struct opened_roots){ w, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_fd) };
}

gboolean traced_check(struct worker *w, const struct task *task, GError **error)
{
	char sum[SHA256_HEX_SIZE];
	if (strcmp(task->inputs_mode, "files") != 0 || !*task->inputs_sha256)
		return TRUE;
	struct opened_roots roots = roots_begin(w);
	const struct inputs_from from = { open_once, &roots, w->digests, NULL };
	gboolean is_read = inputs_digest(&from, task->inputs, sum, error);
	g_hash_table_unref(roots.fds);
	if (!is_read || strcmp(sum, task->inputs_sha256) == 0)
		return is_read;
	return fail(error, ERROR_REFUSED, "InputsChanged: the inputs are %.12s now, the job renders with %.12s", sum,
		    task->inputs_sha256);
}

/* -- what Blender opened --------------------------------------------------------------------- */

static gboolean is_below(const char *path, const char *folder)
{
	gsize len = strlen(folder);
	while (len > 1 && folder[len - 1] == '/')
		len--;
	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* "ROOT:path" by the longest mount that holds it, else the path itself. */
static const char *name_of_path(struct arena *a, const struct worker *w, const char *path)
{
	GHashTableIter i;
	gpointer name, folder;
	const char *best = NULL, *best_folder = "";
	g_hash_table_iter_init(&i, w->config->mounts);
	while (g_hash_table_iter_next(&i, &name, &folder))
		if (is_below(path, folder) && strlen(folder) > strlen(best_folder)) {
			best = name;
			best_folder = folder;
		}
	if (!best)
		return path;
	const char *below = path + strlen(best_folder);
	while (*below == '/')
		below++;
	return arena_printf(a, "%s:%s", best, below);
}

static gboolean read_file(const struct inputs_from *from, const char *name, struct file_digest *ret, GError **error)
{
	if (*name != '/')
		return input_read(from, name, ret, error);
	SCOPED_FD(fd) = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail_errno(error, errno, "/") : digest_file(from->cache, fd, name + 1, ret, error);
}

/* Could it have opened this? Blender says what it likes, and is not told by a digest what it may not read: a password
 * is soon guessed from one. */
static gboolean is_within_reach(const struct worker *w, const char *name)
{
	if (*name != '/' || !sandbox_confines(w->sandbox))
		return TRUE;
	if (strstr(name, "/../"))
		return FALSE;
	return is_below(name, "/usr") || (w->choice.folder && is_below(name, w->choice.folder));
}

/* The first look since the scene was read is what Blender has in memory. */
static gboolean is_as_loaded(struct traced *t, const struct input *input, GError **error)
{
	const char *before = g_hash_table_lookup(t->loaded, input->name);
	if (before && strcmp(before, input->sha256) != 0)
		return fail(error, ERROR_FAILED, "%s changed while Blender had it in memory", input->name);
	if (!before)
		g_hash_table_insert(t->loaded, g_strdup(input->name), g_strdup(input->sha256));
	return TRUE;
}

static gboolean write_new(struct traced *t, struct manifest *m, const char *job, const struct inputs *all, GError **error)
{
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(struct record));
	if (g_hash_table_size(t->known) > KNOWN_MAX)
		g_hash_table_remove_all(t->known);
	for (guint i = 0; i < all->n; i++) {
		const struct input *input = &all->items[i];
		const struct record r = { .type = RECORD_INPUT, .file = input->name, .sha256 = input->sha256 };
		if (g_hash_table_add(t->known, g_strdup_printf("%s\n%s\n%s", job, input->name, input->sha256)))
			g_array_append_val(records, r);
	}
	if (!records->len || manifest_append_all(m, (const struct record *)(void *)records->data, records->len, error))
		return TRUE;
	/* None is written; which of them were known before does not matter, a second line does no harm. */
	g_hash_table_remove_all(t->known);
	return FALSE;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

/* A file that vanished since, or that the worker may not read, is said and left out: the frame is there. */
static gboolean read_all(struct worker *w, struct arena *a, const char *const *opened, const struct scene *scene,
			 struct inputs *ret, GError **error)
{
	struct opened_roots roots = roots_begin(w);
	const struct inputs_from from = { open_once, &roots, w->digests, NULL };
	gboolean ok = TRUE;
	*ret = (struct inputs){ ARENA_ARRAY(a, struct input, g_strv_length((char **)opened) + 1), 0, FALSE };
	for (guint i = 0; ok && opened[i]; i++) {
		struct file_digest digest;
		g_autoptr(GError) problem = NULL;
		struct input *input = &ret->items[ret->n];
		/* What was unpacked with the scene has the scene's digest. */
		if (strcmp(opened[i], scene->path) == 0 || (scene->entry && is_below(opened[i], scene->folder)))
			continue;
		input->name = name_of_path(a, w, opened[i]);
		if (!is_within_reach(w, input->name)) {
			log_warning("worker", "Blender tells of a file that it cannot see file=%s", input->name);
			continue;
		}
		if (!read_file(&from, input->name, &digest, &problem)) {
			log_warning("worker", "an input cannot be read file=%s: %s", input->name, problem->message);
			continue;
		}
		g_strlcpy(input->sha256, digest.sha256, sizeof input->sha256);
		ok = is_as_loaded(w->traced, input, error);
		ret->n++;
	}
	g_hash_table_unref(roots.fds);
	qsort(ret->items, ret->n, sizeof *ret->items, by_name);
	return ok;
}

gboolean traced_record(struct worker *w, struct manifest *m, const char *job, const struct scene *scene,
		       const char *const *opened, char ret_sum[SHA256_HEX_SIZE], GError **error)
{
	SCOPED_ARENA(a);
	struct inputs all;
	*ret_sum = '\0';
	if (!opened || !opened[0])
		return TRUE;
	if (!read_all(w, a, opened, scene, &all, error) || !write_new(w->traced, m, job, &all, error))
		return FALSE;
	if (all.n)
		inputs_sum(&all, ret_sum);
	return TRUE;
}
