/* cleave-worker: renders the frames of cleave's queue on this machine, one after the other.
 *
 * Exit codes: 0 it was told to leave, or (--once) there is nothing left; 1 it could not; 64 usage. */
#include "base/error.h"
#include "base/log.h"
#include "worker/cache.h"
#include "worker/buckets.h"
#include "worker/traced.h"
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

/* A signal handler has no other way to them. */
static int stop_fd = -1, leave_fd = -1;

static void on_signal(int number)
{
	const guint64 one = 1;
	int saved = errno;
	if (write(leave_fd, &one, sizeof one) < 0 || (number != SIGHUP && write(stop_fd, &one, sizeof one) < 0))
		errno = saved;
	errno = saved;
}

/* SIGHUP: leave after the frame in hand, to be started anew with the settings as they are then. Of the others a
 * second one ends the process at once: SA_RESETHAND. */
static void handle_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	leave_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigemptyset(&action.sa_mask);
	sigaction(SIGHUP, &action, NULL);
	action.sa_flags |= (int)SA_RESETHAND;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static char *read_boot_id(void)
{
	char *text = NULL;
	if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
		return g_strdup("unknown");
	return g_strstrip(text);
}

/* Of the VM, by which its host knows it. Firmware tells it to root alone; what was said by hand comes first. */
static char *find_uuid(const struct config *c)
{
	g_autofree char *path = g_build_filename(c->sysfs, "class/dmi/id/product_uuid", NULL), *told = NULL;
	const char *uuid = c->vm_uuid;
	if (!uuid && g_file_get_contents(path, &told, NULL, NULL))
		uuid = g_strstrip(told);
	if (!uuid)
		uuid = c->vm_uuid_otherwise;
	return g_ascii_strdown(uuid ? uuid : "", -1);
}

/* The program that is the helper: this one. Started through a loader of its own, it is not /proc/self/exe. */
static char *find_self(const char *argv0)
{
	g_autofree char *running = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *name = running ? g_path_get_basename(running) : NULL;
	return g_strdup(!running || g_str_has_prefix(name, "ld-") ? argv0 : "/proc/self/exe");
}

static void worker_clear(struct worker *w)
{
	blender_stop(w->blender);
	sandbox_free(w->sandbox);
	traced_free(w->traced);
	gpus_free(w->gpus);
	g_free(w->shown);
	g_free(w->vm_uuid);
	heartbeat_stop(w->heartbeat);
	measure_free(w->measure);
	redis_free(w->redis);
	digest_cache_free(w->digests);
	buckets_free(w->buckets);
	blenders_choice_clear(&w->choice);
	blenders_free(w->blenders);
	g_hash_table_unref(w->roots);
	g_strfreev(w->devices);
	cache_free(w->cache);
	g_free(w->host);
	g_free(w->boot_id);
	g_free(w->trouble);
}

static int run(const struct config *c, const char *argv0)
{
	g_autoptr(GError) problem = NULL;
	g_autofree char *program = find_self(argv0);
	struct worker w = { .config = c,
			    .stop_fd = stop_fd,
			    .leave_fd = leave_fd,
			    .boot_id = read_boot_id(),
			    .vm_uuid = find_uuid(c),
			    .gpus = gpus_new(c->sysfs, program, c->slot, c->n_slots) };
	gpus_look(w.gpus);
	w.measure = measure_new(c, w.gpus);
	const struct crew_member self = { .name = c->name,
					  .host = g_get_host_name(),
					  .boot_id = w.boot_id,
					  .vm = c->vm,
					  .uuid = w.vm_uuid,
					  .gpus = gpus_text(w.gpus),
					  .version = CLEAVE_VERSION };
	int code = EXIT_COULD_NOT;
	w.host = g_strdup(g_get_host_name());
	w.digests = digest_cache_new();
	w.buckets = buckets_new(c);
	w.traced = traced_new();
	w.cache = cache_new(c->cache, c->cache_bytes);
	w.blenders = blenders_new(c->blenders);
	w.roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
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

static int print_reference(void)
{
	g_autofree char *table = config_reference();
	return fputs("<!-- Written by `make docs` from the table in controller/worker/config.c; `make test` fails when it differs. -->\n"
		     "# Settings of cleave-worker\n\nThe command line counts before the environment, and that "
		     "before the settings file\n`/etc/cleave/worker.env`, in which a line is `CLEAVE_NAME=VALUE`.\n\n",
		     stdout) < 0 || fputs(table, stdout) < 0 ? EXIT_COULD_NOT : EXIT_FINE;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) problem = NULL;
	struct config c;
	int code = EXIT_MISUSED;
	setlocale(LC_CTYPE, "");
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return gpus_helper_main(); /* hidden: for what may hang (host/helper.h) */
	g_autofree char *argv0 = g_strdup(argv[0]);
	if (!config_parse(&c, argc, argv, &problem))
		fprintf(stderr, "cleave-worker: %s\n", problem->message);
	else if (c.version)
		code = printf("cleave-worker %s\n", CLEAVE_VERSION) < 0 ? EXIT_COULD_NOT : EXIT_FINE;
	else if (c.reference)
		code = print_reference();
	else {
		handle_signals();
		code = run(&c, argv0);
	}
	config_clear(&c);
	return code;
}
