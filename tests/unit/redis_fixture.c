#include "redis_fixture.h"
#include "queue/functions.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

static void die_with_test(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void redis_fixture_start(struct redis_fixture *f)
{
	char *argv[] = { (char *)"redis-server", (char *)"--port", (char *)"0", (char *)"--unixsocket",
			 f->socket_path,         (char *)"--save", (char *)"",  (char *)"--appendonly",
			 (char *)"no",           (char *)"--dir",  f->folder,   NULL };
	const GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL;
	assert_true(g_spawn_async(NULL, argv, NULL, flags, die_with_test, NULL, &f->pid, NULL));
	struct redis *r = redis_new(f->url, NULL, 1000, NULL);
	for (int i = 0; !redis_ping(r, NULL); i++) {
		assert_true(i < 500);
		g_usleep(10000);
	}
	redis_free(r);
}

void redis_fixture_stop(struct redis_fixture *f)
{
	if (!f->pid)
		return;
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	f->pid = 0;
}

int redis_fixture_setup(void **state)
{
	g_autofree char *program = g_find_program_in_path("redis-server");
	*state = NULL;
	if (!program)
		return 0;
	struct redis_fixture *f = g_new0(struct redis_fixture, 1);
	f->folder = g_dir_make_tmp("cleave-redis-XXXXXX", NULL);
	f->socket_path = g_build_filename(f->folder, "redis.sock", NULL);
	f->url = g_strconcat("redis+unix://", f->socket_path, NULL);
	redis_fixture_start(f);
	*state = f;
	return 0;
}

int redis_fixture_teardown(void **state)
{
	struct redis_fixture *f = *state;
	if (!f)
		return 0;
	redis_fixture_stop(f);
	g_unlink(f->socket_path);
	g_rmdir(f->folder);
	g_free(f->folder);
	g_free(f->socket_path);
	g_free(f->url);
	g_free(f);
	return 0;
}

struct redis_fixture *redis_fixture_of(void **state)
{
	struct redis_fixture *f = *state;
	if (!f) {
		print_message("redis-server is not installed\n");
		skip();
	}
	if (!f->pid)
		redis_fixture_start(f);
	g_free(redis_fixture_ask(f, "FLUSHALL", NULL));
	return f;
}

static void print_reply(GString *out, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_INTEGER)
		g_string_append_printf(out, "%lld", reply->integer);
	else if (reply->type == REDIS_REPLY_NIL)
		g_string_append(out, "nil");
	else if (reply->type != REDIS_REPLY_ARRAY)
		g_string_append(out, reply->str);
	for (gsize i = 0; i < reply_count(reply); i++) {
		g_string_append(out, i ? " " : "");
		print_reply(out, reply_at(reply, i));
	}
}

char *redis_fixture_ask(struct redis_fixture *f, const char *first, ...)
{
	const char *args[16] = { first };
	guint n = 1;
	va_list rest;
	va_start(rest, first);
	while (n < 16 && (args[n] = va_arg(rest, const char *)))
		n++;
	va_end(rest);
	g_autoptr(GError) problem = NULL;
	struct redis *r = redis_new(f->url, NULL, 5000, NULL);
	SCOPED_REPLY reply = redis_call(r, REDIS_ONCE, n, args, &problem);
	GString *out = g_string_new(problem ? problem->message : NULL);
	if (reply)
		print_reply(out, reply);
	redis_free(r);
	return g_string_free(out, FALSE);
}
