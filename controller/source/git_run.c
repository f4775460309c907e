/* A session of its own for each git: what it starts (ssh, git-remote-https, index-pack) ends with it at the deadline,
 * and nobody asks questions on a terminal. It ends as well when we do (PR_SET_PDEATHSIG), however we end.
 *
 * What it prints goes into files in memory that cannot grow beyond PRINTED_MAX: a remote's words are a stranger's. */
#include "source/git_run.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PRINTED_MAX = 65536, WORDS_MAX = 600, HELD_FD = 3 };

struct git_run {
	GPid pid;
	int out_fd, said_fd;
	GSource *child, *deadline;
	gint64 deadline_ms;
	gboolean is_late;
	void (*ended)(gpointer user, const struct git_end *end);
	gpointer user;
};

char **git_run_environment(void)
{
	static const char *const others[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR",
		                              "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_NAMESPACE",
		                              "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_SHALLOW_FILE" };
	char **environment = g_get_environ();
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		environment = g_environ_unsetenv(environment, others[i]);
	environment = g_environ_setenv(environment, "GIT_TERMINAL_PROMPT", "0", TRUE);
	environment = g_environ_setenv(environment, "SSH_ASKPASS_REQUIRE", "never", TRUE);
	/* Of the transports none that runs a command of the URL's choice. */
	environment = g_environ_setenv(environment, "GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh", TRUE);
	return g_environ_setenv(environment, "LC_ALL", "C", TRUE);
}

/* In the child, before git: only what a signal handler may do. */
static void begin_session(gpointer unused)
{
	(void)unused;
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static int open_printed(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && (ftruncate(fd, PRINTED_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The offset is shared with who wrote. */
static char *read_printed(int fd)
{
	off_t end = lseek(fd, 0, SEEK_CUR);
	gsize size = (gsize)CLAMP(end, 0, PRINTED_MAX);
	char *text = g_malloc0(size + 1);
	if (pread(fd, text, size, 0) != (ssize_t)size)
		*text = '\0';
	char *valid = g_utf8_make_valid(text, -1);
	g_free(text);
	return g_strstrip(valid);
}

static void run_free(struct git_run *r)
{
	GSource *sources[] = { r->child, r->deadline };
	for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
		if (!sources[i])
			continue;
		g_source_destroy(sources[i]);
		g_source_unref(sources[i]);
	}
	if (r->out_fd >= 0)
		close(r->out_fd);
	if (r->said_fd >= 0)
		close(r->said_fd);
	g_free(r);
}

/* The lines that say why, on one line; git's own first words ("fatal: ") and its advice are left out. */
static char *last_words(const char *said)
{
	g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
	GString *words = g_string_new(NULL);
	for (guint i = 0; lines[i] && words->len < WORDS_MAX; i++) {
		const char *line = g_strstrip(lines[i]);
		static const char *const heads[] = { "fatal: ", "error: ", "remote: ", "ERROR: " };
		for (guint k = 0; k < G_N_ELEMENTS(heads); k++)
			line += g_str_has_prefix(line, heads[k]) ? strlen(heads[k]) : 0;
		if (*line && !g_str_has_prefix(line, "hint:") && !g_str_has_prefix(line, "Could not read from remote") && !g_str_has_prefix(line, "Please make sure you have") &&
		    !g_str_has_prefix(line, "and the repository exists"))
			g_string_append_printf(words, "%s%s", words->len ? "; " : "", line);
	}
	for (char *c = words->str; *c; c++) /* of terminals' escapes nothing goes to a log */
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	return g_string_free(words, FALSE);
}

static gboolean judge(const struct git_run *r, int status, const char *said, GError **error)
{
	g_autofree char *words = last_words(said);
	if (r->is_late)
		return fail(error, ERROR_TIMEOUT, "git did not end within %g s%s%s", (double)r->deadline_ms / 1000, *words ? ": " : "", words);
	if (WIFSIGNALED(status))
		return fail(error, ERROR_FAILED, "git was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return fail(error, ERROR_FAILED, "%s", *words ? words : "git gave no reason");
	return TRUE;
}

static void on_ended(GPid pid, gint status, gpointer user)
{
	struct git_run *r = user;
	g_autoptr(GError) error = NULL;
	g_autofree char *out = read_printed(r->out_fd), *said = read_printed(r->said_fd);
	g_spawn_close_pid(pid);
	judge(r, status, said, &error);
	const struct git_end end = { out, error };
	void (*ended)(gpointer, const struct git_end *) = r->ended;
	gpointer to = r->user;
	run_free(r);
	ended(to, &end);
}

/* The session's processes; the watch on the child then finds it ended. */
static gboolean on_late(gpointer user)
{
	struct git_run *r = user;
	r->is_late = TRUE;
	kill(-r->pid, SIGKILL);
	kill(r->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

static gboolean spawn(struct git_run *r, const char *const *argv, int held_fd, GError **error)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	g_auto(GStrv) environment = git_run_environment();
	const int target = HELD_FD;
	g_ptr_array_add(all, (gpointer) "git");
	for (; *argv; argv++)
		g_ptr_array_add(all, (gpointer)*argv);
	g_ptr_array_add(all, NULL);
	if (g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)all->pdata, (const char *const *)environment,
	                                     G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, begin_session, NULL, -1, r->out_fd,
	                                     r->said_fd, &held_fd, &target, held_fd >= 0 ? 1 : 0, &r->pid, NULL, NULL, NULL, error))
		return TRUE;
	g_prefix_error(error, "running git: ");
	return FALSE;
}

static GSource *attach(GSource *source, GSourceFunc callback, struct git_run *r, GMainContext *context)
{
	g_source_set_callback(source, callback, r, NULL);
	g_source_attach(source, context);
	return source;
}

struct git_run *git_run_start(const char *const *argv, gint64 deadline_ms, int held_fd, GMainContext *context,
                              void (*ended)(gpointer user, const struct git_end *end), gpointer user, GError **error)
{
	struct git_run *r = g_new0(struct git_run, 1);
	*r = (struct git_run){ .out_fd = open_printed("git-out"), .said_fd = open_printed("git-said"), .deadline_ms = deadline_ms,
		               .ended = ended, .user = user };
	if (r->out_fd < 0 || r->said_fd < 0 || !spawn(r, argv, held_fd, error)) {
		if (error && !*error)
			fail(error, ERROR_FAILED, "running git: no memory for its output");
		run_free(r);
		return NULL;
	}
	r->child = attach(g_child_watch_source_new(r->pid), G_SOURCE_FUNC(on_ended), r, context);
	r->deadline = attach(g_timeout_source_new((guint)CLAMP(deadline_ms, 1, G_MAXINT)), on_late, r, context);
	return r;
}

void git_run_cancel(struct git_run *r)
{
	int status;
	if (!r)
		return;
	kill(-r->pid, SIGKILL);
	kill(r->pid, SIGKILL);
	/* The watch is ours alone: nobody else waits for this process. */
	g_source_destroy(r->child);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	run_free(r);
}

/* -- waiting for it ------------------------------------------------------------------------------------ */

struct waiting {
	gboolean is_over;
	char *out;
	GError *error;
};

static void on_over(gpointer user, const struct git_end *end)
{
	struct waiting *w = user;
	w->is_over = TRUE;
	w->out = g_strdup(end->out);
	w->error = end->error ? g_error_copy(end->error) : NULL;
}

gboolean git_run_sync(const char *const *argv, gint64 deadline_ms, int held_fd, char **ret_out, GError **error)
{
	struct waiting w = { 0 };
	GMainContext *context = g_main_context_new();
	struct git_run *r = git_run_start(argv, deadline_ms, held_fd, context, on_over, &w, error);
	while (r && !w.is_over)
		g_main_context_iteration(context, TRUE);
	g_main_context_unref(context);
	if (!r)
		return FALSE;
	if (ret_out)
		*ret_out = g_steal_pointer(&w.out);
	g_free(w.out);
	if (!w.error)
		return TRUE;
	g_propagate_error(error, w.error);
	return FALSE;
}
