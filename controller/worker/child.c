/* Orders and answers go through two pipes of their own; what Blender prints goes into a bounded tail. */
#include "worker/child.h"
#include "base/error.h"
#include "worker/memory.h"
#include "worker/words.h"
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PIECE = 64 << 10,
	PIECES_MAX = 16,          /* of what it prints, between two looks at the clock */
	LINE_MAX_SIZE = 64 << 20, /* an answer names each file that a scene uses */
	REAP_MS = 10000,
	MEMORY_LOOK_MS = 200,
	LOG_PAUSE_MS = 10,
};

/* -- starting and ending --------------------------------------------------------------------- */

/* In the child. Its own process group: a Ctrl-C is for the worker to handle. */
static void prepare_child(gpointer data)
{
	const struct child *c = data;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != c->parent)
		_exit(1);
	/* A core would hold the scene, and fill the disk. */
	setrlimit(RLIMIT_CORE, &(const struct rlimit){ 0 });
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	/* Where memory ends, it is Blender that goes, and not the worker which can tell about it. */
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t ignored = write(fd, "500", 3);
		(void)ignored;
		close(fd);
	}
}

gboolean child_init(struct child *c, const struct sandbox *sandbox, GError **error)
{
	*c = (struct child){ .parent = getpid(), .orders_fd = -1, .answers_fd = -1, .log_fd = -1, .sandbox = sandbox };
	c->answers = g_string_new(NULL);
	c->tail = g_string_new(NULL);
	return scratch_make(&c->scratch, sandbox, error);
}

static char **readable_folders(const struct child *c, const struct child_order *o)
{
	GStrvBuilder *all = g_strv_builder_new();
	if (o->readable)
		g_strv_builder_addv(all, (const char **)o->readable);
	g_strv_builder_add(all, c->scratch.scripts);
	char **folders = g_strv_builder_end(all);
	g_strv_builder_unref(all);
	return folders;
}

static gboolean spawn(struct child *c, const struct child_order *o, int orders_read, int answers_write, int log_write,
		      GError **error)
{
	g_auto(GStrv) readable = readable_folders(c, o);
	const struct cage cage = { c->scratch.own, (const char *const *)readable };
	g_auto(GStrv) argv = sandbox_wrap(c->sandbox, &cage, o->command);
	g_auto(GStrv) environment = sandbox_environment(o->variables, c->scratch.own);
	const int sources[] = { orders_read, answers_write }, targets[] = { CHILD_ORDERS_FD, CHILD_ANSWERS_FD };
	return g_spawn_async_with_pipes_and_fds("/", (const char *const *)argv, (const char *const *)environment,
						G_SPAWN_DO_NOT_REAP_CHILD, prepare_child, c, -1, log_write, log_write,
						sources, targets, 2, &c->pid, NULL, NULL, NULL, error);
}

gboolean child_spawn(struct child *c, const struct child_order *o, GError **error)
{
	int orders[2] = { -1, -1 }, answers[2] = { -1, -1 }, log[2] = { -1, -1 };
	gboolean is_started =
		g_unix_open_pipe(orders, FD_CLOEXEC, error) && g_unix_open_pipe(answers, FD_CLOEXEC, error) &&
		g_unix_open_pipe(log, FD_CLOEXEC, error) && spawn(c, o, orders[0], answers[1], log[1], error);
	c->orders_fd = orders[1];
	c->answers_fd = answers[0];
	c->log_fd = log[0];
	const int child_ends[] = { orders[0], answers[1], log[1] };
	for (guint i = 0; i < G_N_ELEMENTS(child_ends); i++)
		if (child_ends[i] >= 0)
			close(child_ends[i]);
	if (!is_started)
		return FALSE;
	return g_unix_set_fd_nonblocking(c->answers_fd, TRUE, error) &&
	       g_unix_set_fd_nonblocking(c->log_fd, TRUE, error);
}

/* A process that hangs in a driver cannot be waited for without end. */
static void kill_and_reap(struct child *c)
{
	if (!c->pid)
		return;
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	for (int i = 0; i < REAP_MS / 10; i++) {
		if (waitpid(c->pid, NULL, WNOHANG) != 0)
			break;
		g_usleep(10000);
	}
	c->pid = 0;
}

void child_clear(struct child *c)
{
	kill_and_reap(c);
	const int fds[] = { c->orders_fd, c->answers_fd, c->log_fd };
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	scratch_remove(&c->scratch);
	g_string_free(c->answers, TRUE);
	g_string_free(c->tail, TRUE);
}

/* -- talking --------------------------------------------------------------------------------- */

gboolean child_send(const struct child *c, const char *line)
{
	gsize size = strlen(line), sent = 0;
	while (sent < size) {
		ssize_t n = write(c->orders_fd, line + sent, size - sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		sent += (gsize)n;
	}
	return TRUE;
}

void child_read_log(struct child *c)
{
	char buffer[PIECE];
	ssize_t n = 1;
	for (guint i = 0; i < PIECES_MAX && n > 0; i++) {
		n = read(c->log_fd, buffer, sizeof buffer);
		g_string_append_len(c->tail, buffer, MAX(n, 0));
		/* Not at each line: what stays is moved. */
		if (c->tail->len > 2 * CHILD_TAIL_SIZE)
			g_string_erase(c->tail, 0, (gssize)(c->tail->len - CHILD_TAIL_SIZE));
	}
}

/* FALSE at the end of the pipe. */
static gboolean read_answers(struct child *c)
{
	char buffer[PIECE];
	ssize_t n = read(c->answers_fd, buffer, sizeof buffer);
	if (n > 0)
		g_string_append_len(c->answers, buffer, n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Bytes of any value may stand in a line; a NUL ends what is read of it. */
static char *take_line(struct child *c)
{
	const char *from = c->answers->str + c->n_searched;
	const char *end = memchr(from, '\n', c->answers->len - c->n_searched);
	c->n_searched = end ? 0 : c->answers->len;
	if (!end)
		return NULL;
	gssize len = end - c->answers->str;
	char *line = g_strndup(c->answers->str, (gsize)len);
	g_string_erase(c->answers, 0, len + 1);
	return line;
}

char *child_describe_end(struct child *c)
{
	int status = -1;
	/* Its pipe was closed: it ends by itself within moments, and its own status says more than SIGKILL. */
	for (int i = 0; i < 100 && waitpid(c->pid, &status, WNOHANG) == 0; i++)
		g_usleep(10000);
	child_read_log(c);
	g_autofree char *words = words_last(c->tail->str);
	if (status == -1)
		return g_strdup_printf("Blender closed its answers: %s", words);
	c->pid = 0;
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : sandbox_signal_of(c->sandbox, WEXITSTATUS(status));
	if (number)
		return g_strdup_printf("Blender was ended by signal %d (%s): %s", number, g_strsignal(number), words);
	return g_strdup_printf("Blender ended with code %d: %s", WEXITSTATUS(status), words);
}

/* For poll(). -1: for ever; 0: it is too late. */
static int time_left(const struct patience *p)
{
	gint64 ms = G_MAXINT;
	if (p->deadline_us)
		ms = CLAMP((p->deadline_us - g_get_monotonic_time()) / 1000 + 1, 0, G_MAXINT - 1);
	if (p->memory_bytes)
		ms = MIN(ms, MEMORY_LOOK_MS);
	return ms == G_MAXINT ? -1 : (int)ms;
}

/* Blender writes what it prints a few bytes at a time: to be woken for each of them takes the CPU from a short frame. Its
 * pipe holds 64 KiB meanwhile. */
struct log_pause {
	gint64 until_us;
	gboolean is_over; /* the pipe is closed */
};

/* What poll() is to wait for of the log now, and how long. */
static int pause_log(const struct log_pause *pause, gint64 now_us, int log_fd, int left_ms, struct pollfd *fd)
{
	fd->fd = pause->is_over || now_us < pause->until_us ? -1 : log_fd;
	if (pause->is_over || fd->fd >= 0)
		return left_ms;
	int pause_ms = (int)((pause->until_us - now_us) / 1000) + 1;
	return left_ms < 0 ? pause_ms : MIN(left_ms, pause_ms);
}

enum heard child_hear(struct child *c, const struct patience *p, char **ret_line)
{
	struct pollfd fds[] = { { c->answers_fd, POLLIN, 0 },
				{ c->log_fd, POLLIN, 0 },
				{ p->stop_fds ? p->stop_fds[0] : -1, POLLIN, 0 },
				{ p->stop_fds ? p->stop_fds[1] : -1, POLLIN, 0 } };
	gboolean is_open = TRUE;
	struct log_pause log = { .until_us = g_get_monotonic_time() + LOG_PAUSE_MS * 1000 };
	for (gint64 looked_us = 0;;) {
		gint64 now_us = g_get_monotonic_time();
		if ((*ret_line = take_line(c)))
			return HEARD_LINE;
		if (!is_open)
			return HEARD_END;
		if (c->answers->len > LINE_MAX_SIZE)
			return HEARD_LOUD;
		if (p->deadline_us && now_us >= p->deadline_us)
			return HEARD_LATE;
		if (p->memory_bytes && now_us - looked_us >= MEMORY_LOOK_MS * 1000) {
			looked_us = now_us;
			if (memory_of_tree(c->pid) > p->memory_bytes)
				return HEARD_FULL;
		}
		if (poll(fds, G_N_ELEMENTS(fds), pause_log(&log, now_us, c->log_fd, time_left(p), &fds[1])) < 0)
			continue;
		if (fds[2].revents || fds[3].revents)
			return HEARD_STOP;
		if (fds[1].revents) {
			child_read_log(c);
			log.is_over = !(fds[1].revents & POLLIN);
			log.until_us = now_us + LOG_PAUSE_MS * 1000;
		}
		if (fds[0].revents)
			is_open = read_answers(c);
	}
}
