/* Orders and answers go through two pipes of their own; what Blender prints goes into a bounded tail. */
#include "worker/blender.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HELLO_MS = 60000,
	TAIL_SIZE = 4096,
	REAP_MS = 10000,
};

/* Descriptors in the child, and as warm.py is told them. */
#define ORDERS_FD  3
#define ANSWERS_FD 4

struct blender {
	GPid pid; /* 0: not running */
	pid_t parent;
	int orders_fd, answers_fd, log_fd;
	GString *answers; /* read, not yet a whole line */
	GString *tail;    /* of what it printed */
	char *folder;     /* its TMPDIR, with warm.py */
	const char *const *variables; /* only while it is started */
	char *version;
	char **devices;
	int n_frames;
};

/* -- starting and ending --------------------------------------------------------------------- */

/* In the child. Its own process group: a Ctrl-C is for the worker to handle. */
static void prepare_child(gpointer data)
{
	const struct blender *b = data;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != b->parent)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
}

/* Blender shall not know how to reach the queue. */
static char **child_environment(const struct blender *b)
{
	char **environment = g_get_environ();
	for (guint i = 0; b->variables[i]; i++) {
		const char *value = strchr(b->variables[i], '=');
		g_autofree char *name = g_strndup(b->variables[i], (gsize)(value - b->variables[i]));
		environment = g_environ_setenv(environment, name, value + 1, FALSE);
	}
	static const char *const kept_back[] = { "CLEAVE_REDIS", "CLEAVE_REDIS_PASSWORD_FILE", "CLEAVE_SETTINGS", "CREDENTIALS_DIRECTORY", "PYTHONPATH" };
	for (guint i = 0; i < G_N_ELEMENTS(kept_back); i++)
		environment = g_environ_unsetenv(environment, kept_back[i]);
	return g_environ_setenv(environment, "TMPDIR", b->folder, TRUE);
}

static char *write_script(const struct blender *b, GError **error)
{
	g_autofree char *path = g_build_filename(b->folder, "warm.py", NULL);
	g_autoptr(GBytes) script =
		g_resources_lookup_data("/cleave/worker/warm.py", G_RESOURCE_LOOKUP_FLAGS_NONE, error);
	gsize size;
	const char *text = script ? g_bytes_get_data(script, &size) : NULL;
	if (!text || !g_file_set_contents_full(path, text, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600, error))
		return NULL;
	return g_steal_pointer(&path);
}

static gboolean spawn(struct blender *b, const char *program, int orders_read, int answers_write, int log_write,
		      GError **error)
{
	g_autofree char *script = write_script(b, error);
	g_auto(GStrv) environment = child_environment(b);
	if (!script)
		return FALSE;
	/* Site preferences are asked for by BLENDER_USER_CONFIG; without it nobody's apply. */
	const char *factory = g_getenv("BLENDER_USER_CONFIG") ? "--background" : "--factory-startup";
	const char *argv[] = {
		program, "--background", factory, "-noaudio", "--disable-autoexec",   "--python-exit-code",
		"3",     "--python",     script,  "--",       G_STRINGIFY(ORDERS_FD), G_STRINGIFY(ANSWERS_FD),
		NULL
	};
	const int sources[] = { orders_read, answers_write }, targets[] = { ORDERS_FD, ANSWERS_FD };
	const GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD;
	return g_spawn_async_with_pipes_and_fds("/", argv, (const char *const *)environment, flags, prepare_child, b,
						-1, log_write, log_write, sources, targets, 2, &b->pid, NULL, NULL,
						NULL, error);
}

static gboolean open_and_spawn(struct blender *b, const char *program, GError **error)
{
	int orders[2] = { -1, -1 }, answers[2] = { -1, -1 }, log[2] = { -1, -1 };
	gboolean is_started =
		g_unix_open_pipe(orders, FD_CLOEXEC, error) && g_unix_open_pipe(answers, FD_CLOEXEC, error) &&
		g_unix_open_pipe(log, FD_CLOEXEC, error) && spawn(b, program, orders[0], answers[1], log[1], error);
	b->orders_fd = orders[1];
	b->answers_fd = answers[0];
	b->log_fd = log[0];
	const int child_ends[] = { orders[0], answers[1], log[1] };
	for (guint i = 0; i < G_N_ELEMENTS(child_ends); i++)
		if (child_ends[i] >= 0)
			close(child_ends[i]);
	if (!is_started)
		return FALSE;
	return g_unix_set_fd_nonblocking(b->answers_fd, TRUE, error) &&
	       g_unix_set_fd_nonblocking(b->log_fd, TRUE, error);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	(void)remove(path);
	return 0;
}

/* A process that hangs in a driver cannot be waited for without end. Returns its status, or -1. */
static int kill_and_reap(struct blender *b)
{
	int status = -1;
	if (!b->pid)
		return status;
	kill(-b->pid, SIGKILL);
	kill(b->pid, SIGKILL);
	for (int i = 0; i < REAP_MS / 10; i++) {
		if (waitpid(b->pid, &status, WNOHANG) != 0)
			break;
		g_usleep(10000);
	}
	b->pid = 0;
	return status;
}

void blender_stop(struct blender *b)
{
	if (!b)
		return;
	kill_and_reap(b);
	const int fds[] = { b->orders_fd, b->answers_fd, b->log_fd };
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (b->folder)
		nftw(b->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	g_free(b->folder);
	g_free(b->version);
	g_strfreev(b->devices);
	g_string_free(b->answers, TRUE);
	g_string_free(b->tail, TRUE);
	g_free(b);
}

/* -- listening ------------------------------------------------------------------------------- */

static void read_log(struct blender *b)
{
	char buffer[TAIL_SIZE];
	ssize_t n;
	while ((n = read(b->log_fd, buffer, sizeof buffer)) > 0)
		g_string_append_len(b->tail, buffer, n);
	if (b->tail->len > TAIL_SIZE)
		g_string_erase(b->tail, 0, (gssize)(b->tail->len - TAIL_SIZE));
}

/* FALSE at the end of the pipe. */
static gboolean read_answers(struct blender *b)
{
	char buffer[4096];
	ssize_t n;
	while ((n = read(b->answers_fd, buffer, sizeof buffer)) > 0)
		g_string_append_len(b->answers, buffer, n);
	return n < 0 && errno == EAGAIN;
}

static char *take_line(struct blender *b)
{
	const char *end = strchr(b->answers->str, '\n');
	if (!end)
		return NULL;
	gssize len = end - b->answers->str;
	char *line = g_strndup(b->answers->str, (gsize)len);
	g_string_erase(b->answers, 0, len + 1);
	return line;
}

/* The last line Blender printed that says anything; progress and memory lines do not. */
static char *last_words(const struct blender *b)
{
	g_auto(GStrv) lines = g_strsplit(b->tail->str, "\n", -1);
	for (guint i = g_strv_length(lines); i-- > 0;) {
		const char *line = g_strstrip(lines[i]);
		if (*line && !g_str_has_prefix(line, "Fra:") && !g_str_has_prefix(line, "Blender quit"))
			return g_strdup(line);
	}
	return g_strdup("it printed nothing");
}

/* How the child ended, in a sentence. */
static char *describe_end(struct blender *b)
{
	int status = -1;
	/* Its pipe was closed: it ends by itself within moments, and its own status says more than SIGKILL. */
	for (int i = 0; i < 100 && waitpid(b->pid, &status, WNOHANG) == 0; i++)
		g_usleep(10000);
	read_log(b);
	g_autofree char *words = last_words(b);
	if (status == -1)
		return g_strdup_printf("Blender closed its answers: %s", words);
	b->pid = 0;
	if (WIFSIGNALED(status))
		return g_strdup_printf("Blender was ended by signal %d (%s): %s", WTERMSIG(status),
				       g_strsignal(WTERMSIG(status)), words);
	return g_strdup_printf("Blender ended with code %d: %s", WEXITSTATUS(status), words);
}

enum heard { HEARD_LINE, HEARD_END, HEARD_LATE, HEARD_STOP };

/* Waits for a line until `deadline_us` (monotonic; 0: for ever). */
static enum heard hear(struct blender *b, gint64 deadline_us, const int stop_fds[2], char **ret_line)
{
	struct pollfd fds[] = { { b->answers_fd, POLLIN, 0 },
				{ b->log_fd, POLLIN, 0 },
				{ stop_fds ? stop_fds[0] : -1, POLLIN, 0 },
				{ stop_fds ? stop_fds[1] : -1, POLLIN, 0 } };
	gboolean is_open = TRUE;
	for (;;) {
		if ((*ret_line = take_line(b)))
			return HEARD_LINE;
		if (!is_open)
			return HEARD_END;
		gint64 left_us = deadline_us ? deadline_us - g_get_monotonic_time() : G_MAXINT;
		if (left_us <= 0)
			return HEARD_LATE;
		int timeout = deadline_us ? (int)MIN(left_us / 1000 + 1, (gint64)G_MAXINT) : -1;
		if (poll(fds, G_N_ELEMENTS(fds), timeout) < 0)
			continue;
		if (fds[2].revents || fds[3].revents)
			return HEARD_STOP;
		if (fds[1].revents) {
			read_log(b);
			fds[1].fd = fds[1].revents & POLLIN ? fds[1].fd : -1;
		}
		if (fds[0].revents)
			is_open = read_answers(b);
	}
}

static gboolean await_hello(struct blender *b, GError **error)
{
	g_autofree char *line = NULL;
	enum heard heard = hear(b, g_get_monotonic_time() + (gint64)HELLO_MS * 1000, NULL, &line);
	if (heard == HEARD_LATE)
		return fail(error, ERROR_TIMEOUT, "Blender did not start within a minute");
	if (heard == HEARD_END) {
		g_autofree char *end = describe_end(b);
		return fail(error, ERROR_FAILED, "%s", end);
	}
	struct answer hello = answer_decode(line);
	gboolean is_hello = hello.type == ANSWER_HELLO && hello.version;
	b->version = g_steal_pointer(&hello.version);
	b->devices = g_steal_pointer(&hello.devices);
	answer_clear(&hello);
	return is_hello || fail(error, ERROR_FAILED, "Blender answered \"%s\"", line);
}

struct blender *blender_start(const char *program, const char *const *variables, GError **error)
{
	struct blender *b = g_new0(struct blender, 1);
	b->variables = variables;
	b->orders_fd = b->answers_fd = b->log_fd = -1;
	b->parent = getpid();
	b->answers = g_string_new(NULL);
	b->tail = g_string_new(NULL);
	b->folder = g_dir_make_tmp("cleave-blender-XXXXXX", error);
	if (b->folder && open_and_spawn(b, program, error) && await_hello(b, error))
		return b;
	g_prefix_error(error, "%s: ", program);
	blender_stop(b);
	return NULL;
}

const char *blender_version(const struct blender *b)
{
	return b->version;
}

const char *const *blender_devices(const struct blender *b)
{
	return (const char *const *)b->devices;
}

int blender_n_frames(const struct blender *b)
{
	return b->n_frames;
}

/* -- rendering ------------------------------------------------------------------------------- */

static gboolean send_order(const struct blender *b, const struct order *o)
{
	g_autofree char *line = order_encode(o);
	gsize size = strlen(line), sent = 0;
	while (sent < size) {
		ssize_t n = write(b->orders_fd, line + sent, size - sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		sent += (gsize)n;
	}
	return TRUE;
}

static enum render_end failed(struct answer *ret, char *reason)
{
	answer_clear(ret);
	ret->type = ANSWER_FAILED;
	ret->reason = reason;
	return RENDER_FAILED;
}

static gint64 deadline_of(const struct order *o)
{
	return o->task->time_limit_ms ? g_get_monotonic_time() + o->task->time_limit_ms * 1000 : 0;
}

enum render_end blender_render(struct blender *b, const struct order *o, const int stop_fds[2], struct answer *ret)
{
	*ret = (struct answer){ 0 };
	b->n_frames++;
	g_string_truncate(b->tail, 0);
	/* An order that cannot be sent is heard as the end of the answers; without this its pipe would end us. */
	signal(SIGPIPE, SIG_IGN);
	(void)send_order(b, o);
	for (gint64 deadline_us = deadline_of(o);;) {
		g_autofree char *line = NULL;
		switch (hear(b, deadline_us, stop_fds, &line)) {
		case HEARD_STOP: return RENDER_INTERRUPTED;
		case HEARD_END: return failed(ret, describe_end(b));
		case HEARD_LATE:
			return failed(ret, g_strdup_printf("the time limit of %.1f s passed",
							   (double)o->task->time_limit_ms / 1000));
		case HEARD_LINE: break;
		}
		answer_clear(ret);
		*ret = answer_decode(line);
		if (ret->type == ANSWER_LOADED)
			deadline_us = deadline_of(o);
		else if (ret->type == ANSWER_DONE)
			return RENDER_DONE;
		else if (ret->type == ANSWER_FAILED)
			return RENDER_FAILED;
		else
			return failed(ret, g_strdup_printf("Blender answered \"%s\"", line));
	}
}
