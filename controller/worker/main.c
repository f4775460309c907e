/* cleave-worker: renders the frames of cleave's queue on this machine, one after the other.
 *
 * Exit codes: 0 it was told to leave, or (--once) there is nothing left; 1 it could not; 64 usage. */
#include "base/error.h"
#include "base/log.h"
#include "worker/worker.h"
#include <errno.h>
#include <signal.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef CLEAVE_VERSION
#define CLEAVE_VERSION "0"
#endif

enum { EXIT_FINE = 0, EXIT_COULD_NOT = 1, EXIT_MISUSED = 64, ANSWER_MS = 10000 };

/* A signal handler has no other way to it. */
static int stop_fd = -1;

static void on_signal(int number)
{
	const guint64 one = 1;
	int saved = errno;
	(void)number;
	if (write(stop_fd, &one, sizeof one) < 0)
		errno = saved;
	errno = saved;
}

/* A second signal ends the process at once: SA_RESETHAND. */
static void handle_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND };
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static char *read_boot_id(void)
{
	char *text = NULL;
	if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
		return g_strdup("unknown");
	return g_strstrip(text);
}

static void worker_clear(struct worker *w)
{
	blender_stop(w->blender);
	heartbeat_stop(w->heartbeat);
	redis_free(w->redis);
	digest_cache_free(w->digests);
	g_free(w->host);
	g_free(w->boot_id);
	g_free(w->trouble);
}

static int run(const struct config *c)
{
	g_autoptr(GError) problem = NULL;
	struct worker w = { .config = c, .stop_fd = stop_fd, .boot_id = read_boot_id() };
	const struct crew_member self = {
		.name = c->name, .host = g_get_host_name(), .boot_id = w.boot_id, .version = CLEAVE_VERSION
	};
	int code = EXIT_COULD_NOT;
	w.host = g_strdup(g_get_host_name());
	w.digests = digest_cache_new();
	w.redis = redis_new(c->redis_url, c->redis_password_file, ANSWER_MS, &problem);
	if (w.redis)
		w.heartbeat = heartbeat_start(c, &self, &problem);
	if (w.heartbeat) {
		log_notice("worker", "starting name=%s version=%s", c->name, CLEAVE_VERSION);
		code = worker_run(&w) ? EXIT_FINE : EXIT_COULD_NOT;
		log_notice("worker", "leaving name=%s", c->name);
	} else {
		log_error("worker", "%s", problem->message);
		code = g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID) ? EXIT_MISUSED : EXIT_COULD_NOT;
	}
	worker_clear(&w);
	return code;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) problem = NULL;
	struct config c;
	int code = EXIT_MISUSED;
	setlocale(LC_CTYPE, "");
	if (!config_parse(&c, argc, argv, &problem))
		fprintf(stderr, "cleave-worker: %s\n", problem->message);
	else if (c.version)
		code = printf("cleave-worker %s\n", CLEAVE_VERSION) < 0 ? EXIT_COULD_NOT : EXIT_FINE;
	else {
		handle_signals();
		code = run(&c);
	}
	config_clear(&c);
	return code;
}
