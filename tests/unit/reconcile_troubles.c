/* What failed, from pass to pass: when it is tried again, and when it is forgotten. */
#include "base/arena.h"
#include "reconcile_session.h"
#include "source_fixture.h"
#include "state/troubles.h"
#include <string.h>

struct ctx {
	char *dir, *specs;
	struct settings settings;
	struct session *session;
};

static gint64 now_ms(void)
{
	return g_get_real_time() / 1000;
}

/* A session on a folder whose troubles are one start-vm of w1, until then. */
static struct ctx begin(gint64 until_ms)
{
	struct ctx x = { .dir = temp_folder() };
	g_autofree char *path = g_build_filename(x.dir, "troubles.json", NULL);
	g_autofree char *text = g_strdup_printf("{\"version\":1,\"troubles\":[{\"kind\":\"VM\",\"id\":\"w1\",\"verb\":\"start-vm\",\"why\":\"no\",\"n\":1,"
	                                        "\"until\":%" G_GINT64_FORMAT "}],\"heals\":[]}", until_ms);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	x.specs = g_strdup_printf("%s/w@main", x.dir);
	return x;
}

static void open_session(struct ctx *x)
{
	x->settings = (struct settings){ .specs = x->specs, .specs_given = TRUE, .host = "h1", .libvirt = "none", .redis = "none", .root = "/",
		                         .state = x->dir, .lib = "/", .acts = TRUE };
	x->session = session_new(&x->settings);
}

static void end(struct ctx *x)
{
	session_free(x->session);
	temp_remove(x->dir);
	g_free(x->specs);
}

static gint64 end_pass(struct ctx *x, gboolean is_refused)
{
	struct action start = { .verb = VERB_START_VM, .kind = KIND_VM, .id = "w1" };
	const struct plan p = { .actions = &start, .n_actions = 1, .n_refusals = is_refused ? 1 : 0 };
	return session_end_pass(x->session, &p, NULL);
}

/* A pause that is over while the plan is refused, or while what it waits for fails, makes no pass of its own. */
static void test_over(void **state)
{
	(void)state;
	struct ctx x = begin(now_ms() - 5000);
	open_session(&x);
	assert_int_equal(end_pass(&x, TRUE), 0);
	assert_int_equal(end_pass(&x, FALSE), 0);
	end(&x);
}

static void test_later(void **state)
{
	(void)state;
	struct ctx x = begin(now_ms() + 5000);
	open_session(&x);
	assert_in_range(end_pass(&x, TRUE), 3000, 5000);
	end(&x);
}

/* The clock was a year ahead when it failed: no pause is longer than the longest. */
static void test_clock(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct ctx x = begin(now_ms() + (gint64)365 * 86400 * 1000);
	open_session(&x);
	const struct list pauses = session_pauses(x.session, a);
	assert_int_equal(pauses.n, 1);
	assert_in_range(((const struct plan_pause *)pauses.items)->in_ms, 1, TROUBLE_MOST_MS);
	assert_in_range(end_pass(&x, FALSE), 1, TROUBLE_MOST_MS);
	end(&x);
}

#define SPECS "printf 'apiVersion: cleave/v1alpha1\\nkind: Farm\\nmetadata: {name: f}\\n' >farm.yaml; "

static gboolean is_newer(struct ctx *x)
{
	g_autoptr(GError) error = NULL;
	struct arena *a = arena_new();
	struct wanted w;
	if (!session_want(x->session, a, &w, &error))
		fail_msg("%s", error->message);
	gboolean is = session_is_newer(x->session, &w);
	session_keep_good(x->session, &w);
	wanted_clear(&w);
	arena_free(a);
	return is;
}

/* Pushed while the controller was off, a commit is as new as one that comes while it runs. */
static void test_pushed_meanwhile(void **state)
{
	(void)state;
	struct ctx x = begin(now_ms() + 5000);
	run_in(x.dir, "git init -q -b main w; cd w; " SPECS "git add .; git commit -q -m 1");
	open_session(&x);
	assert_false(is_newer(&x)); /* nothing was in force before */
	assert_false(is_newer(&x));
	session_free(x.session);
	run_in(x.dir, "cd w; git commit -q --allow-empty -m 2");
	open_session(&x);
	assert_true(is_newer(&x));
	assert_false(is_newer(&x));
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_pushed_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
