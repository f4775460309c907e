/* Writes, drop-in files and programs: what the hands ask for, in the helper's process. */
#include "host/hands_main.h"
#include "base/error.h"
#include "host/put.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 2048, READ_MAX = 4096, WAIT_MS = 20 };

static const char *text_of(const json_t *request, const char *key, GError **error)
{
	const char *text = json_string_value(json_object_get(request, key));
	if (!text)
		fail(error, ERROR_INVALID, "the request has no \"%s\"", key);
	return text;
}

static json_t *answer_errno(int e)
{
	return json_pack("{s:i}", "errno", e);
}

/* One write(2): an attribute takes what it is given at once, or not at all. */
json_t *hands_main_write(const json_t *request, GError **error)
{
	const char *path = text_of(request, "path", error), *text = path ? text_of(request, "text", error) : NULL;
	if (!text)
		return NULL;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return answer_errno(errno);
	ssize_t n = write(fd, text, strlen(text));
	int e = n < 0 ? errno : 0;
	if (close(fd) < 0 && !e)
		e = errno;
	if (e)
		return answer_errno(e);
	return (gsize)n == strlen(text) ? json_object() : json_pack("{s:i}", "short", (int)n);
}

json_t *hands_main_read(const json_t *request, GError **error)
{
	const char *path = text_of(request, "path", error);
	char text[READ_MAX + 1];
	if (!path)
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return answer_errno(errno);
	ssize_t n = read(fd, text, READ_MAX);
	int e = n < 0 ? errno : 0;
	close(fd);
	if (e)
		return answer_errno(e);
	text[n] = '\0';
	g_autofree char *valid = g_utf8_make_valid(g_strchomp(text), -1);
	return json_pack("{s:s}", "text", valid);
}

json_t *hands_main_put(const json_t *request, GError **error)
{
	const char *path = text_of(request, "path", error), *text = path ? text_of(request, "text", error) : NULL;
	return text && put_file(path, text, 0644, error) ? json_object() : NULL;
}

json_t *hands_main_remove(const json_t *request, GError **error)
{
	const char *path = text_of(request, "path", error);
	return path && put_away(path, error) ? json_object() : NULL;
}

/* -- programs ------------------------------------------------------------------------------------------------ */

/* In a group of its own, so that its children can be ended with it; signals are as at program start. */
static int spawn(char **argv, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, out, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	int e = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

/* What there is to read; keeps the end of it. FALSE once all have closed it. */
static gboolean listen_to(int fd, GString *said)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof chunk);
	if (n > 0)
		g_string_append_len(said, chunk, n);
	if (said->len > SAID_MAX)
		g_string_erase(said, 0, (gssize)(said->len - SAID_MAX));
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Until it has ended, whoever else holds its output. FALSE at the deadline. */
static gboolean wait_for(pid_t pid, int fd, gint64 until_us, GString *said, int *ret_status)
{
	gboolean is_open = TRUE;
	while (waitpid(pid, ret_status, WNOHANG) == 0) {
		struct pollfd p = { .fd = is_open ? fd : -1, .events = POLLIN };
		if (poll(&p, 1, WAIT_MS) > 0)
			is_open = listen_to(fd, said);
		if (g_get_monotonic_time() >= until_us)
			return FALSE;
	}
	for (struct pollfd p = { .fd = fd, .events = POLLIN }; poll(&p, 1, 0) > 0 && listen_to(fd, said);)
		if (g_get_monotonic_time() >= until_us) /* a child of it goes on and talks */
			break;
	return TRUE;
}

static json_t *run(char **argv, gint64 timeout_ms)
{
	int pipe_fds[2], status = 0;
	pid_t pid;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return answer_errno(errno);
	/* Our end alone: a program whose own output would block loses what it says, or fails. */
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	int e = spawn(argv, pipe_fds[1], &pid);
	close(pipe_fds[1]);
	if (e) {
		close(pipe_fds[0]);
		return answer_errno(e);
	}
	g_autoptr(GString) said = g_string_new(NULL);
	gboolean in_time = wait_for(pid, pipe_fds[0], g_get_monotonic_time() + timeout_ms * 1000, said, &status);
	close(pipe_fds[0]);
	if (!in_time) {
		kill(-pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	g_autofree char *valid = g_utf8_make_valid(said->str, -1);
	return json_pack("{s:i, s:s, s:b}", "status", status, "said", g_strstrip(valid), "late", !in_time);
}

json_t *hands_main_run(const json_t *request, GError **error)
{
	const json_t *words = json_object_get(request, "argv");
	gsize n = json_array_size(words);
	g_autofree char **argv = g_new0(char *, n + 1);
	for (gsize i = 0; i < n; i++)
		argv[i] = (char *)json_string_value(json_array_get(words, i));
	if (argv[0])
		return run(argv, json_integer_value(json_object_get(request, "timeout_ms")));
	fail(error, ERROR_INVALID, "the request has no \"argv\"");
	return NULL;
}
