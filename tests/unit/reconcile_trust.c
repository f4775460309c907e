/* What a session believes of a repository that others can write to: real keys, a real repository. */
#include "base/arena.h"
#include "base/error.h"
#include "reconcile_session.h"
#include "source_fixture.h"
#include "spec/controller.h"
#include "state/hold.h"
#include <string.h>

#define FARM "printf 'apiVersion: cleave/v1alpha1\\nkind: Farm\\nmetadata: {name: f}\\nspec: {redis: {url: \"redis://h\"}}\\n' >farm.yaml; "

struct ctx {
	char *dir, *specs, *state, *allowed;
	struct controller_spec local;
	struct settings settings;
	struct session *session;
	GError *error;
	char *commit; /* that was read last */
	gboolean is_held;
};

static void open_session(struct ctx *x)
{
	x->local = (struct controller_spec){ .allowed_signers_file = x->allowed };
	x->settings = (struct settings){ .specs = x->specs, .specs_given = TRUE, .host = "h1", .libvirt = "none", .redis = "none", .root = "/",
		                         .state = x->state, .lib = "/", .acts = TRUE, .local = &x->local };
	x->session = session_new(&x->settings);
}

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->dir = temp_folder();
	x->specs = g_strdup_printf("%s/w@main", x->dir);
	x->state = g_strdup_printf("%s/state", x->dir);
	x->allowed = g_strdup_printf("%s/allowed", x->dir);
	g_assert_true(g_mkdir(x->state, 0700) == 0);
	run_in(x->dir, "ssh-keygen -q -t ed25519 -N '' -C mei -f mei\n"
	               "echo \"mei@example.org $(cut -d' ' -f1,2 mei.pub)\" >allowed\n"
	               "git init -q -b main w; cd w; git config gpg.format ssh; git config user.signingKey $PWD/../mei\n" FARM
	               "git add .; git commit -q -S -m 1; git tag one; git commit -q -S --allow-empty -m 2; git tag two");
	open_session(x);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	session_free(x->session);
	g_clear_error(&x->error);
	temp_remove(x->dir);
	char *texts[] = { x->specs, x->state, x->allowed, x->commit };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_free(x);
	return 0;
}

static void in_work(struct ctx *x, const char *script)
{
	g_autofree char *full = g_strdup_printf("cd w\n%s\n", script);
	run_in(x->dir, full);
}

/* FALSE: it is not believed, or not valid. */
static gboolean want(struct ctx *x)
{
	struct arena *a = arena_new();
	struct wanted w;
	g_clear_error(&x->error);
	gboolean ok = session_want(x->session, a, &w, &x->error) && w.problems.n_errors == 0;
	g_free(x->commit);
	x->commit = g_strdup(w.tree.commit);
	x->is_held = w.held != NULL;
	wanted_clear(&w);
	arena_free(a);
	return ok;
}

static char *id_of(struct ctx *x, const char *rev)
{
	g_autofree char *work = g_build_filename(x->dir, "w", NULL);
	const char *argv[] = { "git", "-C", work, "rev-parse", rev, NULL };
	char *out = NULL;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL, NULL));
	return g_strstrip(out);
}

static void must_refuse(struct ctx *x, const char *words)
{
	assert_false(want(x));
	if (!g_error_matches(x->error, CLEAVE_ERROR, ERROR_REFUSED) || !strstr(x->error->message, words))
		fail_msg("\"%s\" is no refusal that says \"%s\"", x->error ? x->error->message : "(none)", words);
}

static void test_goes_back(void **state)
{
	struct ctx *x = *state;
	if (!want(x))
		fail_msg("%s", x->error->message);
	in_work(x, "git update-ref refs/heads/main one");
	must_refuse(x, "lies behind");
}

/* The same once git has thrown the accepted commit away. */
static void test_goes_back_and_forgets(void **state)
{
	struct ctx *x = *state;
	assert_true(want(x));
	in_work(x, "git tag -d two; git update-ref refs/heads/main one; git reflog expire --expire=now --all; git gc -q --prune=now");
	must_refuse(x, "is not in");
	/* A commit made meanwhile that is signed does not say that it is newer either; who is root here says so. */
	in_work(x, "git reset -q --hard; git commit -q -S --allow-empty -m 3");
	must_refuse(x, "accepted.json");
	g_autofree char *accepted = g_build_filename(x->state, "accepted.json", NULL);
	assert_int_equal(g_unlink(accepted), 0);
	assert_true(want(x));
}

static void hold_at(struct ctx *x, const char *rev)
{
	g_autofree char *commit = id_of(x, rev), *tip = id_of(x, "main"), *source = session_source_name(x->specs);
	const struct hold h = { .source = source, .commit = commit, .tip = tip, .reason = "two is bad", .by = "ada", .since = "now" };
	assert_true(hold_write(x->state, &h, NULL));
}

/* What nobody signed, or is not valid, ends no hold: else the one that was left would come back with the branch. */
static void test_hold_outlives_what_is_refused(void **state)
{
	struct ctx *x = *state;
	g_autofree char *one = id_of(x, "one");
	assert_true(want(x));
	hold_at(x, "one");
	assert_true(want(x));
	assert_true(x->is_held);
	assert_string_equal(x->commit, one);
	in_work(x, "git commit -q --no-gpg-sign --allow-empty -m junk");
	must_refuse(x, "no signature");
	in_work(x, "git reset -q --hard two; echo nonsense: >bad.yaml; git add .; git commit -q -S -m broken");
	assert_false(want(x));
	in_work(x, "git reset -q --hard two");
	assert_true(want(x));
	assert_true(x->is_held);
	assert_string_equal(x->commit, one);
	in_work(x, "git commit -q -S --allow-empty -m 3; git tag three");
	assert_true(want(x));
	assert_false(x->is_held);
	g_autofree char *three = id_of(x, "three"), *file = g_build_filename(x->state, "hold.json", NULL);
	assert_string_equal(x->commit, three);
	assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goes_back_and_forgets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold_outlives_what_is_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
