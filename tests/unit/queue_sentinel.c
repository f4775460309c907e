/* A primary, a replica and a sentinel: who is asked, and what a failover means to connections that stand. */
#include "base/arena.h"
#include "base/error.h"
#include "queue/functions.h"
#include "queue/notice.h"
#include "queue/owner.h"
#include "queue/sentinel.h"
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SERVERS = 2 };

struct farm {
	char *folder, *url;
	int ports[SERVERS], sentinel_port;
	GPid pids[SERVERS], sentinel_pid; /* 0: not running */
};

static void die_with_test(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&at, size) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* An answer of the server at that port, on one line; NULL when there is none. */
static char *ask(int port, const char *line)
{
	g_autofree char *url = g_strdup_printf("redis://127.0.0.1:%d", port);
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	struct redis *r = redis_new(url, NULL, 1000, NULL);
	SCOPED_REPLY reply = redis_call(r, REDIS_ONCE, g_strv_length(words), (const char *const *)words, NULL);
	char *text = reply ? g_strdup(reply_count(reply) ? reply_text(reply_at(reply, 0)) : reply_text(reply)) : NULL;
	redis_free(r);
	return text;
}

static gboolean says(int port, const char *line, const char *wanted)
{
	for (int i = 0; i < 1500; i++) {
		g_autofree char *text = ask(port, line);
		if (text && strstr(text, wanted))
			return TRUE;
		g_usleep(10000);
	}
	return FALSE;
}

static GPid start(const struct farm *f, const char *const *args)
{
	GPid pid;
	const GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL;
	assert_true(g_spawn_async(f->folder, (char **)args, NULL, flags, die_with_test, NULL, &pid, NULL));
	return pid;
}

static void start_server(struct farm *f, int i, int primary_port)
{
	g_autofree char *port = g_strdup_printf("%d", f->ports[i]), *file = g_strdup_printf("%d.rdb", i);
	g_autofree char *of = primary_port ? g_strdup_printf("127.0.0.1 %d", primary_port) : g_strdup("no one");
	const char *args[] = { "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		               "--repl-diskless-sync-delay", "0", "--dir", f->folder, "--dbfilename", file, "--replicaof", of, NULL };
	args[primary_port ? G_N_ELEMENTS(args) - 1 : G_N_ELEMENTS(args) - 3] = NULL;
	f->pids[i] = start(f, args);
	assert_true(says(f->ports[i], "PING", "PONG"));
}

static void stop(GPid *pid)
{
	if (*pid) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void start_sentinel(struct farm *f)
{
	g_autofree char *path = g_build_filename(f->folder, "sentinel.conf", NULL);
	g_autofree char *text = g_strdup_printf("port %d\nbind 127.0.0.1\ndir %s\n"
	                                        "sentinel monitor render 127.0.0.1 %d 1\n"
	                                        "sentinel down-after-milliseconds render 500\n"
	                                        "sentinel failover-timeout render 2000\n",
	                                        f->sentinel_port, f->folder, f->ports[0]);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	f->sentinel_pid = start(f, (const char *const[]){ "redis-server", path, "--sentinel", NULL });
	assert_true(says(f->sentinel_port, "PING", "PONG"));
	/* It can promote a replica only when it has heard of one. */
	assert_true(says(f->sentinel_port, "INFO sentinel", "slaves=1"));
}

static int setup(void **state)
{
	g_autofree char *program = g_find_program_in_path("redis-server");
	*state = NULL;
	if (!program)
		return 0;
	struct farm *f = g_new0(struct farm, 1);
	f->folder = g_dir_make_tmp("cleave-sentinel-XXXXXX", NULL);
	for (int i = 0; i < SERVERS; i++)
		f->ports[i] = free_port();
	f->sentinel_port = free_port();
	/* The first one is not there: the next is asked. */
	f->url = g_strdup_printf("redis+sentinel://127.0.0.1:1,127.0.0.1:%d/render", f->sentinel_port);
	start_server(f, 0, 0);
	start_server(f, 1, f->ports[0]);
	assert_true(says(f->ports[1], "INFO replication", "master_link_status:up"));
	start_sentinel(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct farm *f = *state;
	if (!f)
		return 0;
	stop(&f->sentinel_pid);
	for (int i = 0; i < SERVERS; i++)
		stop(&f->pids[i]);
	GDir *all = g_dir_open(f->folder, 0, NULL);
	for (const char *name; (name = g_dir_read_name(all));) {
		g_autofree char *path = g_build_filename(f->folder, name, NULL);
		g_unlink(path);
	}
	g_dir_close(all);
	g_rmdir(f->folder);
	g_free(f->folder);
	g_free(f->url);
	g_free(f);
	return 0;
}

static struct farm *farm_of(void **state)
{
	if (!*state) {
		print_message("redis-server is not installed\n");
		skip();
	}
	return *state;
}

static void count_look(gpointer data)
{
	++*(guint *)data;
}

static gboolean spin(const struct notice *n, gboolean wanted)
{
	for (int i = 0; i < 1500 && notice_is_connected(n) != wanted; i++) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(10000);
	}
	return notice_is_connected(n) == wanted;
}

/* Calls until it answers: how many attempts failed, all of them with ERROR_AWAY. */
static guint call_until(struct redis *r, struct arena *a, struct owner *ret)
{
	guint n = 0;
	g_autoptr(GError) problem = NULL;
	while (!owner_acquire(r, a, "one", 60000, ret, &problem)) {
		if (!g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY))
			fail_msg("%s", problem->message);
		g_clear_error(&problem);
		assert_true(++n < 300);
		g_usleep(50000);
	}
	return n;
}

static void the_primary_is_found(void **state)
{
	struct farm *f = farm_of(state);
	struct redis_address a;
	assert_true(redis_address_parse(f->url, NULL, &a, NULL));
	assert_true(sentinel_find(&a, 1000, NULL));
	assert_int_equal(a.port, f->ports[0]);
	redis_address_clear(&a);
}

static void nobody_tells(void **state)
{
	struct farm *f = farm_of(state);
	g_autofree char *url = g_strdup_printf("redis+sentinel://127.0.0.1:1,127.0.0.1:%d/other/1", f->sentinel_port);
	g_autoptr(GError) problem = NULL;
	struct redis *r = redis_new(url, NULL, 1000, NULL);
	assert_false(redis_ping(r, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY));
	assert_non_null(strstr(problem->message, "service other"));
	assert_non_null(strstr(problem->message, "127.0.0.1:1: Connection refused"));
	assert_non_null(strstr(problem->message, "it knows no such service"));
	redis_free(r);
}

/* The old primary lives on as a replica: who is connected to it is told so, or cut off. */
static void roles_are_exchanged(void **state)
{
	struct farm *f = farm_of(state);
	SCOPED_ARENA(a);
	struct owner before, after;
	guint looks = 0;
	struct redis *r = redis_new(f->url, NULL, 1000, NULL);
	struct notice *n = notice_new(f->url, NULL, count_look, &looks, NULL);
	assert_int_equal(call_until(r, a, &before), 0);
	assert_true(spin(n, TRUE));
	assert_true(says(f->ports[1], "HGET cleave:owner holder", "one")); /* copied later, by nature */
	g_autofree char *done = ask(f->sentinel_port, "SENTINEL FAILOVER render");
	assert_string_equal(done, "OK");
	assert_true(says(f->ports[1], "ROLE", "master"));
	assert_true(says(f->ports[0], "ROLE", "slave"));
	call_until(r, a, &after);
	assert_true(after.fence == before.fence);
	guint looks_before = looks;
	spin(n, FALSE);
	assert_true(spin(n, TRUE));
	assert_true(looks > looks_before);
	notice_free(n);
	redis_free(r);
}

/* Without its last writes and without functions: both come anew, and the fence does not go back. */
static void the_primary_is_lost(void **state)
{
	struct farm *f = farm_of(state);
	SCOPED_ARENA(a);
	struct owner before, after;
	struct redis *r = redis_new(f->url, NULL, 1000, NULL);
	assert_true(says(f->ports[0], "INFO replication", "master_link_status:up"));
	call_until(r, a, &before);
	g_autofree char *apart = ask(f->ports[0], "REPLICAOF no one"), *emptied = ask(f->ports[0], "FLUSHALL");
	g_autofree char *deleted = ask(f->ports[0], "FUNCTION FLUSH");
	assert_true(apart && emptied && deleted);
	stop(&f->pids[1]);
	/* Sentinel may only promote what it takes for a replica; it makes one of it again at once. */
	call_until(r, a, &after);
	assert_true(after.is_mine && after.fence >= before.fence);
	assert_true(says(f->ports[0], "ROLE", "master"));
	redis_free(r);
}

static void a_subscription_ends_while_it_asks(void **state)
{
	enum { ENDS = 20 };
	struct farm *f = farm_of(state);
	/* One may be answered before it ends, where the thread that asks is quick; none is heard of afterwards. */
	guint looks[ENDS] = { 0 }, looks_at_end[ENDS];
	for (int i = 0; i < ENDS; i++) {
		struct notice *n = notice_new(f->url, NULL, count_look, &looks[i], NULL);
		for (int k = 0; k < i; k++)
			g_main_context_iteration(NULL, FALSE);
		notice_free(n);
		looks_at_end[i] = looks[i];
	}
	for (int i = 0; i < 50; i++) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(2000);
	}
	assert_memory_equal(looks, looks_at_end, sizeof looks);
}

static void urls(void **state)
{
	struct redis_address a;
	(void)state;
	assert_true(redis_address_parse("redis+sentinel://u:p@s1,[::1]:7,s3:26380/render/2?sentinelUser=watch", NULL, &a, NULL));
	const struct redis_host *h[3];
	assert_int_equal(a.sentinels->len, 3);
	for (guint i = 0; i < 3; i++)
		h[i] = g_ptr_array_index(a.sentinels, i);
	assert_string_equal(h[0]->host, "s1");
	assert_int_equal(h[0]->port, 26379);
	assert_string_equal(h[1]->host, "::1");
	assert_int_equal(h[1]->port, 7);
	assert_int_equal(h[2]->port, 26380);
	assert_string_equal(a.service, "render");
	assert_string_equal(a.user, "u");
	assert_string_equal(a.password, "p");
	assert_string_equal(a.sentinel_user, "watch");
	assert_int_equal(a.db, 2);
	assert_null(a.host);
	redis_address_clear(&a);
	static const char *const wrong[] = { "redis+sentinel://s1", "redis+sentinel://s1/", "redis+sentinel:///render",
		                             "redis+sentinel://s1,/render", "redis+sentinel://s1/render/x",
		                             "redis+sentinel://s1/render?db=1", "redis+sentinel://s1/render/1/2" };
	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) problem = NULL;
		assert_false(redis_address_parse(wrong[i], NULL, &a, &problem));
		assert_int_equal(problem->code, ERROR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(the_primary_is_found),
		cmocka_unit_test(nobody_tells),
		cmocka_unit_test(a_subscription_ends_while_it_asks),
		cmocka_unit_test(roles_are_exchanged),
		cmocka_unit_test(the_primary_is_lost),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
