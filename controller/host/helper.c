/* The controller's side: start, ask, wait with poll(), replace. */
#include "host/helper.h"
#include "base/error.h"
#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 << 20, END_MS = 200 };

struct helper {
	char *program;
	pid_t pid; /* 0: none */
	pid_t last_pid;
	int fd;    /* -1: none */
	gboolean serves_loop; /* while an answer is waited for */
};

struct helper *helper_start(const char *program)
{
	struct helper *h = g_new0(struct helper, 1);
	h->program = g_strdup(program ? program : "/proc/self/exe");
	h->fd = -1;
	return h;
}

void helper_serve_loop(struct helper *h)
{
	h->serves_loop = TRUE;
}

pid_t helper_pid(const struct helper *h)
{
	return h->pid;
}

pid_t helper_last_pid(const struct helper *h)
{
	return h->last_pid;
}

/* The socket becomes the child's descriptor 0; signals are as at program start. */
static int spawn_on(const char *program, int fd, pid_t *ret_pid)
{
	char *argv[] = { (char *)program, (char *)"helper", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	int e = posix_spawn(ret_pid, program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

static gboolean ensure_process(struct helper *h, GError **error)
{
	int pair[2];
	if (h->pid)
		return TRUE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_errno(error, errno, "starting the helper");
	int e = spawn_on(h->program, pair[1], &h->pid);
	close(pair[1]);
	if (e) {
		h->pid = 0;
		close(pair[0]);
		return fail_errno(error, e, "starting the helper %s", h->program);
	}
	h->fd = pair[0];
	h->last_pid = h->pid;
	return TRUE;
}

static void reap_later(GPid pid, gint status, gpointer user)
{
	(void)status, (void)user;
	g_spawn_close_pid(pid);
}

/* Waits `ms` for the process to end. A process that is stuck in the kernel outlives even SIGKILL: it is left to
 * the main loop. Returns the wait status, or -1. */
static int reap(pid_t pid, int ms)
{
	int status = -1, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	while (pidfd >= 0 && poll(&ended, 1, ms) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	pid_t got = waitpid(pid, &status, WNOHANG);
	if (got == pid)
		return status;
	if (got == 0)
		g_child_watch_add(pid, reap_later, NULL);
	return -1;
}

static int discard(struct helper *h, gboolean by_force)
{
	if (!h->pid)
		return -1;
	pid_t pid = h->pid;
	close(h->fd);
	h->fd = -1;
	h->pid = 0;
	if (by_force)
		kill(pid, SIGKILL);
	return reap(pid, END_MS);
}

void helper_stop(struct helper *h)
{
	if (!h)
		return;
	pid_t pid = h->pid;
	if (pid && discard(h, FALSE) == -1)
		kill(pid, SIGKILL); /* not reaped above, so still ours */
	g_free(h->program);
	g_free(h);
}

static gboolean fail_ended(struct helper *h, GError **error)
{
	int status = discard(h, TRUE);
	if (status != -1 && WIFSIGNALED(status))
		return fail(error, ERROR_AWAY, "the helper was ended by signal %d (%s)", WTERMSIG(status),
			    g_strsignal(WTERMSIG(status)));
	return fail(error, ERROR_AWAY, "the helper ended without an answer");
}

static gboolean fail_late(struct helper *h, gint64 timeout_ms, GError **error)
{
	discard(h, TRUE);
	return fail(error, ERROR_TIMEOUT, "the helper did not answer in %" G_GINT64_FORMAT " ms and was replaced",
		    timeout_ms);
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer user)
{
	(void)fd, (void)condition;
	*(gboolean *)user = TRUE;
	return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer unused)
{
	(void)unused;
	return G_SOURCE_CONTINUE; /* that it is due ends an iteration */
}

static gboolean iterate_until_ready(int fd, short events, gint64 until_us)
{
	gboolean is_ready = FALSE;
	GSource *ready = g_unix_fd_source_new(fd, (GIOCondition)events), *deadline = g_timeout_source_new(0);
	g_source_set_callback(ready, G_SOURCE_FUNC(on_ready), &is_ready, NULL);
	g_source_set_callback(deadline, on_deadline, NULL, NULL);
	g_source_set_ready_time(deadline, until_us);
	g_source_attach(ready, NULL);
	g_source_attach(deadline, NULL);
	while (!is_ready && g_get_monotonic_time() < until_us)
		g_main_context_iteration(NULL, TRUE);
	g_source_destroy(ready);
	g_source_destroy(deadline);
	g_source_unref(ready);
	g_source_unref(deadline);
	return is_ready;
}

/* Waits for `events`; FALSE at the deadline. */
static gboolean wait_fd(const struct helper *h, short events, gint64 until_us)
{
	int fd = h->fd;
	if (h->serves_loop && g_main_context_is_owner(g_main_context_default()))
		return iterate_until_ready(fd, events, until_us);
	for (;;) {
		gint64 left_us = until_us - g_get_monotonic_time();
		struct pollfd p = { .fd = fd, .events = events };
		int n = left_us > 0 ? poll(&p, 1, (int)MIN(left_us / 1000 + 1, 60000)) : 0;
		if (n > 0)
			return TRUE;
		if (left_us <= 0 || (n < 0 && errno != EINTR))
			return FALSE;
	}
}

enum outcome { OUTCOME_DONE, OUTCOME_ENDED, OUTCOME_LATE };

static enum outcome send_line(struct helper *h, const char *line, gint64 until_us)
{
	for (gsize n = strlen(line); n > 0;) {
		if (!wait_fd(h, POLLOUT, until_us))
			return OUTCOME_LATE;
		ssize_t sent = send(h->fd, line, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EINTR && errno != EAGAIN)
			return OUTCOME_ENDED;
		if (sent > 0) {
			line += sent;
			n -= (gsize)sent;
		}
	}
	return OUTCOME_DONE;
}

static enum outcome receive_line(struct helper *h, GString *line, gint64 until_us)
{
	char chunk[65536];
	while (line->len < ANSWER_MAX) {
		if (!wait_fd(h, POLLIN, until_us))
			return OUTCOME_LATE;
		ssize_t n = recv(h->fd, chunk, sizeof chunk, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return OUTCOME_ENDED;
		if (n > 0)
			g_string_append_len(line, chunk, n);
		if (n > 0 && chunk[n - 1] == '\n')
			return OUTCOME_DONE;
	}
	return OUTCOME_ENDED;
}

static gboolean take_answer(struct helper *h, const char *line, json_t **ret_answer, GError **error)
{
	json_error_t problem;
	json_t *whole = json_loads(line, 0, &problem), *ok = json_object_get(whole, "ok");
	const char *sentence = json_string_value(json_object_get(whole, "error"));
	gboolean done = ok != NULL;
	if (ok)
		*ret_answer = json_incref(ok);
	else
		fail(error, ERROR_FAILED, "%s", sentence ? sentence : "the helper's answer is no JSON of ours");
	if (!whole || json_is_true(json_object_get(whole, "last")))
		discard(h, TRUE);
	json_decref(whole);
	return done;
}

/* A helper that died since the last call is noticed here and replaced without an error. */
static void notice_death(struct helper *h)
{
	char byte;
	if (h->pid && recv(h->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		discard(h, TRUE);
}

gboolean helper_call(struct helper *h, json_t *request, gint64 timeout_ms, json_t **ret_answer, GError **error)
{
	gint64 until_us = g_get_monotonic_time() + timeout_ms * 1000;
	notice_death(h);
	if (!ensure_process(h, error))
		return FALSE;
	g_autofree char *text = json_dumps(request, JSON_COMPACT);
	g_autofree char *line = g_strconcat(text, "\n", NULL);
	g_autoptr(GString) answer = g_string_new(NULL);
	enum outcome outcome = send_line(h, line, until_us);
	if (outcome == OUTCOME_DONE)
		outcome = receive_line(h, answer, until_us);
	switch (outcome) {
	case OUTCOME_DONE: return take_answer(h, answer->str, ret_answer, error);
	case OUTCOME_LATE: return fail_late(h, timeout_ms, error);
	case OUTCOME_ENDED: break;
	}
	return fail_ended(h, error);
}
