/* Which folders are watched, and what counts as a change.
 *
 * Repository: HEAD (its folder: git writes HEAD.lock and renames it), packed-refs (renamed as well),
 * refs/ with every folder beneath; `git push` to a/b makes folder a, `git pack-refs` removes it again.
 * Directory: the folders beneath it, without hidden ones. When a root itself is gone, its nearest
 * parent that exists is watched until it comes back.
 *
 * A folder is armed before it is listed, so that nothing made in between is missed. libinotifytools
 * never forgets a folder that was deleted; after MANY_GHOSTS of them, after lost events and after a
 * rename its tables are dropped and all is armed anew. */
#include "source/watch.h"
#include "base/error.h"
#include "source/collect.h"
#include <errno.h>
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <inotifytools/inotifytools.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY_GHOSTS = 256, RETRY_S = 30, DEPTH_MAX = 64 };
enum {
	FOLDER_EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
			IN_MOVE_SELF | IN_ONLYDIR,
};

/* What a watched folder is for; a folder may have several roles (a bare repository's own folder). */
enum role {
	ROLE_HEAD = 1 << 0,   /* names HEAD, packed-refs */
	ROLE_REFS = 1 << 1,   /* any name but *.lock; folders are armed */
	ROLE_FILES = 1 << 2,  /* *.yaml, *.yml; folders are armed */
	ROLE_ONE = 1 << 3,    /* the one name of a SOURCE_FILE */
	ROLE_PARENT = 1 << 4, /* waits for a root to come back */
};

struct root {
	char *path;
	enum role role;
	gboolean alone; /* no folders beneath: gitdir and commondir */
	char *only;     /* ROLE_ONE: that name */
};

struct source_watch {
	GThread *thread;
	GSource *post; /* ready time 0 = "look again" is due; so never more than one is pending */
	source_watch_func callback;
	gpointer user;
	GArray *roots;       /* struct root */
	GHashTable *folders; /* path with a slash → roles; only the thread's after start */
	guint n_ghosts;
	int wake_fd; /* a memfd that is watched as well: changing its mode wakes the thread */
	char *wake_path;
	gint stopping; /* atomic */
	GMutex lock;
	GCond stop_asked;
	char *trouble; /* under lock */
};

static gint running; /* atomic: libinotifytools' state is the process's */

static void post(struct source_watch *w)
{
	g_source_set_ready_time(w->post, 0);
}

static void note_trouble(struct source_watch *w, const char *sentence)
{
	g_mutex_lock(&w->lock);
	if (!sentence || !w->trouble) {
		g_free(w->trouble);
		w->trouble = g_strdup(sentence);
	}
	g_mutex_unlock(&w->lock);
}

/* -- arming ---------------------------------------------------------------------------------- */

static void note_failure(struct source_watch *w, const char *path, int why)
{
	g_autofree char *sentence =
		why == ENOSPC
			? g_strdup_printf(
				  "%s is not watched: the kernel's limit is reached; raise fs.inotify.max_user_watches",
				  path)
			: g_strdup_printf("%s is not watched: %s", path, g_strerror(why));
	note_trouble(w, sentence);
}

/* TRUE when the folder is watched. The kernel gives one watch a folder, so roles add up. */
static gboolean arm_folder(struct source_watch *w, const char *path, guint role)
{
	g_autofree char *key = g_str_has_suffix(path, "/") ? g_strdup(path) : g_strconcat(path, "/", NULL);
	guint roles = GPOINTER_TO_UINT(g_hash_table_lookup(w->folders, key));
	if (!roles && !inotifytools_watch_file(key, FOLDER_EVENTS)) {
		int why = inotifytools_error();
		if (why != ENOENT && why != ENOTDIR)
			note_failure(w, path, why);
		return FALSE;
	}
	g_hash_table_replace(w->folders, g_steal_pointer(&key), GUINT_TO_POINTER(roles | role));
	return TRUE;
}

static gboolean is_folder(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static gboolean arm_folders(struct source_watch *w, const char *path, guint role, guint depth)
{
	if (depth > DEPTH_MAX || !arm_folder(w, path, role))
		return FALSE;
	GDir *dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		if (!source_name_is_hidden(name) && is_folder(child))
			arm_folders(w, child, role, depth + 1);
	}
	if (dir)
		g_dir_close(dir);
	return TRUE;
}

static void arm_parent(struct source_watch *w, const char *path)
{
	g_autofree char *missing = g_strdup_printf("%s is gone; waiting for it to come back", path);
	note_trouble(w, missing);
	g_autofree char *parent = g_path_get_dirname(path);
	while (!arm_folder(w, parent, ROLE_PARENT) && strcmp(parent, "/") != 0 && strcmp(parent, ".") != 0) {
		char *up = g_path_get_dirname(parent);
		g_free(parent);
		parent = up;
	}
}

static gboolean try_root(struct source_watch *w, const struct root *root)
{
	return root->alone ? arm_folder(w, root->path, root->role) : arm_folders(w, root->path, root->role, 0);
}

/* Tried again once its parent is watched: it may have come back in between. */
static void arm_root(struct source_watch *w, const struct root *root)
{
	if (try_root(w, root) || is_folder(root->path))
		return;
	arm_parent(w, root->path);
	try_root(w, root);
}

/* Drops libinotifytools' tables and begins anew. FALSE: no inotify instance, or no wake file. */
static gboolean arm_all(struct source_watch *w)
{
	inotifytools_cleanup();
	g_hash_table_remove_all(w->folders);
	w->n_ghosts = 0;
	note_trouble(w, NULL);
	if (!inotifytools_initialize() || !inotifytools_watch_file(w->wake_path, IN_ATTRIB)) {
		note_failure(w, w->wake_path, inotifytools_error());
		return FALSE;
	}
	for (guint i = 0; i < w->roots->len; i++)
		arm_root(w, &g_array_index(w->roots, struct root, i));
	return TRUE;
}

/* -- events ---------------------------------------------------------------------------------- */

/* Whether `folder` (a slash at its end) is a root, or with `or_above` leads to one. */
static gboolean is_root(const struct source_watch *w, const char *folder, gboolean or_above)
{
	gsize len = strlen(folder) - 1;
	for (guint i = 0; i < w->roots->len; i++) {
		const char *path = g_array_index(w->roots, struct root, i).path;
		if (strncmp(path, folder, len) == 0 && (!path[len] || (or_above && path[len] == '/')))
			return TRUE;
	}
	return FALSE;
}

static gboolean is_awaited_file(const struct source_watch *w, const char *name)
{
	for (guint i = 0; i < w->roots->len; i++)
		if (g_strcmp0(g_array_index(w->roots, struct root, i).only, name) == 0)
			return TRUE;
	return FALSE;
}

static gboolean name_counts(const struct source_watch *w, guint roles, const char *name)
{
	if ((roles & ROLE_HEAD) && (strcmp(name, "HEAD") == 0 || strcmp(name, "packed-refs") == 0))
		return TRUE;
	if ((roles & ROLE_REFS) && !g_str_has_suffix(name, ".lock"))
		return TRUE;
	if ((roles & ROLE_FILES) && source_name_is_yaml(name) && !source_name_is_hidden(name))
		return TRUE;
	return (roles & ROLE_ONE) && is_awaited_file(w, name);
}

/* IN_CREATE of a file is left to the IN_CLOSE_WRITE or IN_MOVED_TO that follows when it is whole. */
static void take_file_event(struct source_watch *w, guint roles, const struct inotify_event *event)
{
	if ((event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) &&
	    name_counts(w, roles, event->name))
		post(w);
}

static void forget_folder(struct source_watch *w, const char *folder)
{
	if (g_hash_table_remove(w->folders, folder))
		w->n_ghosts++;
}

/* A folder whose watch ended. One of the same name may be there already: then nobody can tell the two
 * watches apart by the library's tables, and adding one twice leaks. TRUE when all must be armed anew. */
static gboolean take_end(struct source_watch *w, guint roles, const char *folder, const struct inotify_event *event)
{
	gboolean anew =
		(roles & ROLE_PARENT) || (event->mask & IN_MOVE_SELF) || is_root(w, folder, FALSE) || is_folder(folder);
	forget_folder(w, folder);
	return anew || w->n_ghosts > MANY_GHOSTS;
}

/* TRUE when all must be armed anew. */
static gboolean take_folder_event(struct source_watch *w, guint roles, const char *folder,
				  const struct inotify_event *event)
{
	g_autofree char *path = g_strconcat(folder, event->name, "/", NULL);
	if ((roles & (ROLE_PARENT | ROLE_HEAD)) && is_root(w, path, TRUE)) /* a root, or what leads to it */
		return TRUE;
	if ((event->mask & IN_MOVED_FROM) && (roles & (ROLE_REFS | ROLE_FILES)))
		return TRUE;
	if (event->mask & IN_DELETE) {
		if (g_hash_table_contains(w->folders, path) && is_folder(path))
			return TRUE;
		forget_folder(w, path);
	}
	if (!(event->mask & (IN_CREATE | IN_MOVED_TO)))
		return FALSE;
	if (!(roles & (ROLE_REFS | ROLE_FILES)) || source_name_is_hidden(event->name))
		return FALSE;
	arm_folders(w, path, roles & (ROLE_REFS | ROLE_FILES), 0);
	post(w);
	return FALSE;
}

/* TRUE when all must be armed anew. */
static gboolean take_event(struct source_watch *w, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return TRUE;
	const char *folder = inotifytools_filename_from_wd(event->wd);
	gpointer roles_pointer;
	if (!folder || !g_hash_table_lookup_extended(w->folders, folder, NULL, &roles_pointer))
		return FALSE;
	guint roles = GPOINTER_TO_UINT(roles_pointer);
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
		return take_end(w, roles, folder, event);
	if (event->len == 0)
		return FALSE;
	if (event->mask & IN_ISDIR)
		return take_folder_event(w, roles, folder, event);
	take_file_event(w, roles, event);
	return FALSE;
}

/* No inotify at all: wait, so that the thread never spins. */
static void wait_for_retry(struct source_watch *w)
{
	gint64 until = g_get_monotonic_time() + RETRY_S * G_TIME_SPAN_SECOND;
	g_mutex_lock(&w->lock);
	while (!g_atomic_int_get(&w->stopping) && g_cond_wait_until(&w->stop_asked, &w->lock, until))
		;
	g_mutex_unlock(&w->lock);
}

static gboolean has_trouble(struct source_watch *w)
{
	g_mutex_lock(&w->lock);
	gboolean yes = w->trouble != NULL;
	g_mutex_unlock(&w->lock);
	return yes;
}

static void arm_anew(struct source_watch *w)
{
	while (!g_atomic_int_get(&w->stopping) && !arm_all(w))
		wait_for_retry(w);
	post(w);
}

static gpointer watch_thread(gpointer data)
{
	struct source_watch *w = data;
	while (!g_atomic_int_get(&w->stopping)) {
		gboolean trouble = has_trouble(w);
		/* Negative = for ever; 1 event, since the library spins until as many bytes as asked are there. */
		const struct inotify_event *event = inotifytools_next_events(trouble ? RETRY_S : -1, 1);
		if (g_atomic_int_get(&w->stopping))
			break;
		gboolean anew = event ? take_event(w, event) : inotifytools_error() != EINTR;
		if (anew)
			arm_anew(w);
	}
	return NULL;
}

/* -- start and stop -------------------------------------------------------------------------- */

static gboolean post_dispatch(GSource *source, GSourceFunc func, gpointer user)
{
	(void)func, (void)user;
	struct source_watch *w = *(struct source_watch **)(source + 1);
	g_source_set_ready_time(source, -1); /* before the callback: what comes while it runs counts */
	w->callback(w->user);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs post_funcs = { .dispatch = post_dispatch };

static void add_root(struct source_watch *w, const char *folder, const char *name, guint role, gboolean alone)
{
	struct root root = { .path = g_build_filename(folder, name, NULL), .role = role, .alone = alone };
	gsize len = strlen(root.path);
	if (len > 1 && root.path[len - 1] == '/')
		root.path[len - 1] = '\0';
	g_array_append_val(w->roots, root);
}

static void add_roots(struct source_watch *w, const struct source_where *where)
{
	if (where->kind == SOURCE_COMMIT) {
		add_root(w, where->gitdir, NULL, ROLE_HEAD, TRUE);
		add_root(w, where->commondir, NULL, ROLE_HEAD, TRUE);
		add_root(w, where->commondir, "refs", ROLE_REFS, FALSE);
	} else if (where->kind == SOURCE_DIRECTORY) {
		add_root(w, where->path, NULL, ROLE_FILES, FALSE);
	} else {
		g_autofree char *folder = g_path_get_dirname(where->path);
		add_root(w, folder, NULL, ROLE_ONE, TRUE);
		g_array_index(w->roots, struct root, w->roots->len - 1).only = g_path_get_basename(where->path);
	}
}

static void root_clear(gpointer data)
{
	struct root *root = data;
	g_free(root->path);
	g_free(root->only);
}

static struct source_watch *watch_new(source_watch_func callback, gpointer user)
{
	struct source_watch *w = g_new0(struct source_watch, 1);
	w->callback = callback;
	w->user = user;
	w->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	w->roots = g_array_new(FALSE, TRUE, sizeof(struct root));
	g_array_set_clear_func(w->roots, root_clear);
	w->wake_fd = -1;
	g_mutex_init(&w->lock);
	g_cond_init(&w->stop_asked);
	w->post = g_source_new(&post_funcs, sizeof(GSource) + sizeof(struct source_watch *));
	*(struct source_watch **)(w->post + 1) = w;
	return w;
}

static void watch_free(struct source_watch *w)
{
	inotifytools_cleanup();
	g_source_destroy(w->post);
	g_source_unref(w->post);
	g_array_free(w->roots, TRUE);
	g_hash_table_destroy(w->folders);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	g_free(w->wake_path);
	g_free(w->trouble);
	g_mutex_clear(&w->lock);
	g_cond_clear(&w->stop_asked);
	g_free(w);
	g_atomic_int_set(&running, 0);
}

/* The library hides its descriptor, so a pipe cannot be waited for beside it; what it can watch is a
 * file. A memfd is one without a name in any folder, reached through /proc. A changed mode is noticed
 * on the inode, whatever later kernels do about events of descriptors without a path. */
static gboolean wake_open(struct source_watch *w, GError **error)
{
	w->wake_fd = memfd_create("cleave-wake", MFD_CLOEXEC);
	if (w->wake_fd < 0)
		return fail_errno(error, errno, "watching the source: no memfd");
	w->wake_path = g_strdup_printf("/proc/self/fd/%d", w->wake_fd);
	return TRUE;
}

static gboolean arm_first(struct source_watch *w, GError **error)
{
	if (!wake_open(w, error))
		return FALSE;
	gboolean armed = arm_all(w);
	g_autofree char *trouble = source_watch_trouble(w);
	return (armed && !trouble) ||
	       fail(error, ERROR_FAILED, "watching the source: %s", trouble ? trouble : "no inotify");
}

struct source_watch *source_watch_start(const struct source_where *wheres, guint n_wheres, source_watch_func callback,
					gpointer user, GError **error)
{
	if (!g_atomic_int_compare_and_exchange(&running, 0, 1)) {
		fail(error, ERROR_EXISTS, "a watch is running in this process; stop it first");
		return NULL;
	}
	struct source_watch *w = watch_new(callback, user);
	for (guint i = 0; i < n_wheres; i++)
		add_roots(w, &wheres[i]);
	if (!arm_first(w, error)) {
		watch_free(w);
		return NULL;
	}
	g_source_attach(w->post, g_main_context_get_thread_default());
	w->thread = g_thread_new("source-watch", watch_thread, w);
	return w;
}

void source_watch_stop(struct source_watch *w)
{
	if (!w)
		return;
	g_mutex_lock(&w->lock);
	g_atomic_int_set(&w->stopping, 1);
	g_cond_signal(&w->stop_asked);
	g_mutex_unlock(&w->lock);
	fchmod(w->wake_fd, 0600);
	g_thread_join(w->thread);
	watch_free(w);
}

char *source_watch_trouble(struct source_watch *w)
{
	g_mutex_lock(&w->lock);
	char *copy = g_strdup(w->trouble);
	g_mutex_unlock(&w->lock);
	return copy;
}
