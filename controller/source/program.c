/* Its end is waited for by a pidfd beside its two streams: what it left running behind it, and holds them open, is not waited for. */
#include "source/program.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct running {
	pid_t pid;
	int fds[3]; /* out, err, the pidfd; -1: closed */
	GString *said[2];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* FALSE at the end of the stream, or when nothing more is there now. */
static gboolean read_some(struct running *r, int i)
{
	char buffer[4096];
	ssize_t n = read(r->fds[i], buffer, sizeof buffer);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (n <= 0) {
		close_fd(&r->fds[i]);
		return FALSE;
	}
	gsize room = PROGRAM_SAID_MAX - r->said[i]->len;
	g_string_append_len(r->said[i], buffer, (gssize)MIN((gsize)n, room));
	return TRUE;
}

/* TRUE once it has ended; FALSE when the deadline passed. */
static gboolean wait_for(struct running *r, gint64 deadline_us)
{
	for (;;) {
		struct pollfd polled[3];
		gint64 left_us = deadline_us - g_get_monotonic_time();
		for (int i = 0; i < 3; i++)
			polled[i] = (struct pollfd){ .fd = r->fds[i], .events = POLLIN };
		if (left_us <= 0)
			return FALSE;
		if (poll(polled, G_N_ELEMENTS(polled), (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
			return FALSE;
		for (int i = 0; i < 2; i++)
			if (polled[i].revents && !polled[2].revents)
				read_some(r, i);
		if (!polled[2].revents)
			continue;
		for (int i = 0; i < 2; i++)
			while (r->fds[i] >= 0 && read_some(r, i) && g_get_monotonic_time() < deadline_us)
				continue;
		return TRUE;
	}
}

static gboolean start(struct running *r, const char *const *argv, char **environment, const char *input, GError **error)
{
	g_autoptr(GError) problem = NULL;
	int in = open(input ? input : "/dev/null", O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return fail_errno(error, errno, "%s", input);
	gboolean ok = g_spawn_async_with_pipes_and_fds("/", argv, (const char *const *)environment,
	                                               G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, in, -1, -1, NULL, NULL, 0,
	                                               &r->pid, NULL, &r->fds[0], &r->fds[1], &problem);
	close(in);
	if (!ok)
		return fail(error, g_error_matches(problem, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT) ? ERROR_NOT_FOUND : ERROR_FAILED,
		            "running %s: %s", argv[0], problem->message);
	for (int i = 0; i < 2; i++)
		fcntl(r->fds[i], F_SETFL, O_NONBLOCK);
	r->fds[2] = (int)syscall(SYS_pidfd_open, r->pid, 0);
	return TRUE;
}

gboolean program_run(const char *const *argv, char **environment, const char *input, guint timeout_ms, struct program_said *ret,
                     GError **error)
{
	struct running r = { .fds = { -1, -1, -1 } };
	int status = 0;
	if (!start(&r, argv, environment, input, error))
		return FALSE;
	r.said[0] = g_string_new(NULL);
	r.said[1] = g_string_new(NULL);
	gboolean has_ended = r.fds[2] >= 0 && wait_for(&r, g_get_monotonic_time() + (gint64)timeout_ms * 1000);
	if (!has_ended)
		kill(r.pid, SIGKILL);
	while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
		continue;
	for (int i = 0; i < 3; i++)
		close_fd(&r.fds[i]);
	if (has_ended)
		*ret = (struct program_said){ WIFEXITED(status) && WEXITSTATUS(status) == 0, g_utf8_make_valid(r.said[0]->str, -1),
			                      g_utf8_make_valid(r.said[1]->str, -1) };
	g_string_free(r.said[0], TRUE);
	g_string_free(r.said[1], TRUE);
	return has_ended || fail(error, ERROR_TIMEOUT, "%s did not end within %u s", argv[0], timeout_ms / 1000);
}

void program_said_clear(struct program_said *said)
{
	g_free(said->out);
	g_free(said->err);
	*said = (struct program_said){ 0 };
}
