/* Users with the rules of `cleave redis-acl` in a real Redis: what each of them does every day, and what none may. */
#include "queue/acl.h"
#include "base/arena.h"
#include "base/error.h"
#include "queue/crew.h"
#include "queue/drain.h"
#include "queue/functions.h"
#include "queue/health.h"
#include "queue/homes.h"
#include "queue/owner.h"
#include "queue/plain.h"
#include "queue_fixture.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const lists[] = { "queue:blender", NULL };

struct users {
	struct redis_fixture *f;
	struct arena *a;
	struct redis *root, *of[ACL_ROLES];
};

static void make_user(struct users *u, enum acl_role role)
{
	g_autoptr(GPtrArray) rules = acl_rules(role, lists);
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	const char *head[] = { "ACL", "SETUSER", acl_role_names[role], "reset", "on", ">secret" };
	g_autoptr(GError) problem = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(head); i++)
		g_ptr_array_add(words, (gpointer)head[i]);
	for (guint i = 0; i < rules->len; i++)
		g_ptr_array_add(words, rules->pdata[i]);
	SCOPED_REPLY reply = redis_call(u->root, REDIS_ONCE, words->len, (const char *const *)words->pdata, &problem);
	if (!reply)
		fail_msg("%s", problem->message);
	g_autofree char *url = g_strdup_printf("redis+unix://%s:secret@%s", acl_role_names[role], u->f->socket_path);
	u->of[role] = redis_new(url, NULL, 2000, NULL);
}

static struct users users_new(void **state)
{
	struct users u = { .f = redis_fixture_of(state), .a = arena_new() };
	u.root = redis_new(u.f->url, NULL, 2000, NULL);
	for (enum acl_role role = 0; role < ACL_ROLES; role++)
		make_user(&u, role);
	return u;
}

static void users_free(struct users *u)
{
	for (int role = 0; role < ACL_ROLES; role++)
		redis_free(u->of[role]);
	redis_free(u->root);
	arena_free(u->a);
}

static gboolean may(struct redis *r, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	g_autoptr(GError) problem = NULL;
	SCOPED_REPLY reply = redis_call(r, REDIS_ONCE, g_strv_length(words), (const char *const *)words, &problem);
	return reply || !strstr(problem->message, "NOPERM");
}

#define ASSERT_DONE(call)                                                                                              \
	do {                                                                                                           \
		g_autoptr(GError) error_ = NULL;                                                                       \
		GError **error = &error_;                                                                              \
		if (!(call))                                                                                           \
			fail_msg("%s: %s", #call, error_->message);                                                    \
	} while (0)

static void a_day(void **state)
{
	struct users u = users_new(state);
	struct redis *controller = u.of[ACL_CONTROLLER], *worker = u.of[ACL_WORKER], *plain = u.of[ACL_PLAIN];
	struct owner owner;
	struct lease *l;
	guint64 n_added;
	gboolean yes;
	enum lease_failed how;
	const char *home;
	const gint64 frame = 1;
	const struct capabilities can = { 0 };
	const struct job_meta meta = { .chunk = 2, .n_retries = 3 };
	struct backlog_part part = { "k", frames_range(u.a, 1, 9), &queue_fixture_task };
	struct crew_member self = { .name = "w1" };
	ASSERT_DONE(owner_acquire(controller, u.a, "one", 60000, &owner, error));
	struct authority by = { owner.fence, 1 };
	ASSERT_DONE(backlog_enqueue(controller, &by, "p/a", &meta, &part, 1, &n_added, error));
	ASSERT_DONE(home_take(controller, u.a, "vm", "h1", &home, error));
	ASSERT_DONE(crew_report(worker, &self, error));
	ASSERT_DONE(lease_take(worker, u.a, "w1", &can, 5000, &l, error));
	ASSERT_DONE(lease_extend(worker, l->token, 5000, &frame, &yes, error));
	ASSERT_DONE(lease_progress(worker, l->token, 5000, 1, 0.5, &yes, error));
	ASSERT_DONE(lease_commit(worker, l->token, 1, 0.1, &yes, error));
	assert_true(yes);
	ASSERT_DONE(lease_fail(worker, l->token, 2, "no paint", FAILURE_RETRY, &how, error));
	ASSERT_DONE(lease_take(worker, u.a, "w1", &can, 5000, &l, error));
	ASSERT_DONE(lease_give_back(worker, l->token, error));
	ASSERT_DONE(lease_wait(worker, "w1", 1, -1, &yes, error));
	struct drained *drained;
	guint n;
	ASSERT_DONE(drain_set(controller, "0a-1", "maintenance", error));
	ASSERT_DONE(drain_list(worker, u.a, &drained, &n, error));
	assert_int_equal(n, 1);
	ASSERT_DONE(lease_reap(controller, &n, error));
	ASSERT_DONE(backlog_show(controller, u.a, "p/a", error));
	const struct capabilities only = { .jobs = (const char *const[]){ "p/a", NULL } };
	ASSERT_DONE(lease_take(controller, u.a, "plain.x", &only, 5000, &l, error));
	struct plain_task t = { .id = l->token, .job = l->job, .key = l->key, .frames = l->frames, .task = l->task, .payload = "{}" };
	ASSERT_DONE(plain_push(controller, &by, lists[0], &t, 1, error));
	assert_true(may(plain, "BRPOP queue:blender 1"));
	g_autofree char *set = g_strdup_printf("HSET job:%s status running", t.id);
	assert_true(may(plain, set));
	struct plain_window w;
	ASSERT_DONE(plain_show(controller, u.a, lists[0], &w, error));
	assert_int_equal(plain_judge(&w, 0), PLAIN_BEGUN);
	ASSERT_DONE(plain_drop(controller, &by, lists[0], &w.tasks[0], FALSE, &yes, error));
	ASSERT_DONE(backlog_cancel(controller, &by, "p/a", NULL, error));
	ASSERT_DONE(crew_leave(worker, "w1", error));
	struct health health;
	health_read(controller, u.a, &health);
	assert_non_null(health.version);
	users_free(&u);
}

static void what_none_may(void **state)
{
	static const char *const all[] = { "FLUSHALL", "FLUSHDB", "CONFIG GET requirepass", "CONFIG SET save x", "ACL LIST",
		                           "SHUTDOWN", "EVAL return(1) 0", "KEYS *", "GET theirs", "SET theirs 1", "MONITOR",
		                           "FUNCTION FLUSH", "FUNCTION DELETE cleave", "REPLICAOF no one", "SCRIPT KILL", "CLIENT LIST" };
	static const char *const worker[] = { "FUNCTION LOAD x", "HGETALL cleave:owner", "HSET cleave:owner holder w1", "GET cleave:epoch",
		                              "SET cleave:epoch 0", "HSET cleave:homes vm h2", "HDEL cleave:drain u", "HGETALL cleave:plain:queue:blender",
		                              "LPUSH queue:blender x", "HGET job:1 status", "PUBLISH theirs x", "INFO" };
	static const char *const plain[] = { "HGETALL cleave:jobs", "HGET cleave:owner holder", "FCALL cleave_version 0", "PUBLISH cleave:notice x",
		                             "LPUSH queue:blender x", "DEL job:1", "BRPOP queue:vip 1", "INFO" };
	struct users u = users_new(state);
	for (int role = 0; role < ACL_ROLES; role++)
		for (guint i = 0; i < G_N_ELEMENTS(all); i++)
			if (may(u.of[role], all[i]))
				fail_msg("%s may %s", acl_role_names[role], all[i]);
	for (guint i = 0; i < G_N_ELEMENTS(worker); i++)
		if (may(u.of[ACL_WORKER], worker[i]))
			fail_msg("a worker may %s", worker[i]);
	for (guint i = 0; i < G_N_ELEMENTS(plain); i++)
		if (may(u.of[ACL_PLAIN], plain[i]))
			fail_msg("a plain worker may %s", plain[i]);
	users_free(&u);
}

/* Redis cannot forbid the call; it ends at the first key that the worker may not touch, before it wrote anything. */
static void worker_is_no_owner(void **state)
{
	static const char *const calls[] = { "FCALL cleave_own 0 w1 60000", "FCALL cleave_disown 0 one", "FCALL cleave_pass 0 1 1",
		                             "FCALL cleave_update 0 1 1 p/a {}",
		                             "FCALL cleave_cancel 0 1 1 p/a 1", "FCALL cleave_enqueue 0 1 1 p/a {} 0",
		                             "FCALL cleave_plain_push 0 1 1 queue:blender 1 {} {}", "FCALL cleave_plain_show 0 queue:blender",
		                             "FCALL cleave_home_take 0 vm h2", "FCALL cleave_drain 0 0a-1 why", "FCALL cleave_undrain 0 0a-1" };
	struct users u = users_new(state);
	struct owner owner;
	assert_true(owner_acquire(u.of[ACL_CONTROLLER], u.a, "one", 60000, &owner, NULL));
	for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
		g_auto(GStrv) words = g_strsplit(calls[i], " ", -1);
		g_autoptr(GError) problem = NULL;
		SCOPED_REPLY reply = redis_call(u.of[ACL_WORKER], REDIS_ONCE, g_strv_length(words), (const char *const *)words, &problem);
		if (reply || (!strstr(problem->message, "can't access") && !strstr(problem->message, "ermission")))
			fail_msg("%s: %s", calls[i], reply ? "was done" : problem->message);
	}
	struct owner still;
	assert_true(owner_show(u.of[ACL_CONTROLLER], u.a, &still, NULL));
	assert_string_equal(still.holder, "one");
	assert_true(still.fence == owner.fence);
	users_free(&u);
}

static void password_is_hashed(void **state)
{
	(void)state;
	g_autofree char *path = NULL;
	g_autoptr(GError) problem = NULL;
	int fd = g_file_open_tmp("cleave-pass-XXXXXX", &path, NULL);
	assert_true(fd >= 0 && g_close(fd, NULL));
	assert_true(g_file_set_contents(path, "secret\n", -1, NULL));
	g_autofree char *hash = acl_password(path, NULL);
	assert_string_equal(hash, "#2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
	assert_true(g_file_set_contents(path, "\n", -1, NULL));
	assert_null(acl_password(path, &problem));
	assert_int_equal(problem->code, ERROR_INVALID);
	g_unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day),
		cmocka_unit_test(what_none_may),
		cmocka_unit_test(worker_is_no_owner),
		cmocka_unit_test(password_is_hashed),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
