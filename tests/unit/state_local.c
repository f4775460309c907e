/* What is decided for one host alone is kept, replaced, and forgotten when its time has passed; what cannot be understood
 * is an error, never nothing. */
#include "base/arena.h"
#include "base/error.h"
#include "state/hold.h"
#include "state/local_decisions.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define LATER "2199-01-01T00:00:00Z"
#define BEFORE "2020-01-01T00:00:00Z"
#define TIP "0123456789abcdef0123456789abcdef01234567"
#define OLDER "89abcdef0123456789abcdef0123456789abcdef"

static int make_folder(void **state)
{
	*state = g_dir_make_tmp("cleave-local.XXXXXX", NULL);
	return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "suspended.json", "hold.json" };
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(*state, names[i], NULL);
		g_unlink(path);
	}
	int left = g_rmdir(*state); /* no part of a file stays behind */
	g_free(*state);
	return left;
}

static void put(const char *dir, const char *name, const char *reason, const char *until)
{
	const struct local_decision one = { .kind = "VM", .name = name, .reason = reason, .by = "ada", .until = until };
	assert_true(local_decisions_put(dir, &one, NULL));
}

/* "name=reason …" */
static char *kept(const char *dir)
{
	SCOPED_ARENA(a);
	struct local_decision *all;
	guint n;
	GString *s = g_string_new(NULL);
	assert_true(local_decisions_read(a, dir, &all, &n, NULL));
	for (guint i = 0; i < n; i++)
		g_string_append_printf(s, "%s%s=%s", i ? " " : "", all[i].name, all[i].reason);
	return g_string_free(s, FALSE);
}

static void expect_kept(const char *dir, const char *wanted)
{
	g_autofree char *all = kept(dir);
	assert_string_equal(all, wanted);
}

static void kept_and_replaced(void **state)
{
	g_autoptr(GError) error = NULL;
	struct stat st;
	g_autofree char *path = g_build_filename(*state, "suspended.json", NULL);
	expect_kept(*state, "");
	put(*state, "a", "one", LATER);
	put(*state, "b", "two \"\xc3\xab\"", LATER);
	put(*state, "a", "three", LATER);
	expect_kept(*state, "b=two \"\xc3\xab\" a=three");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(local_decisions_end(*state, "VM", "b", FALSE, NULL));
	expect_kept(*state, "a=three");
	assert_false(local_decisions_end(*state, "VM", "b", FALSE, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_NOT_FOUND));
	assert_true(local_decisions_end(*state, "VM", "a", FALSE, NULL));
	assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void over(void **state)
{
	put(*state, "a", "one", BEFORE);
	expect_kept(*state, "a=one"); /* who plans says when it is over, by the clock of what was observed */
	put(*state, "b", "two", LATER);
	expect_kept(*state, "b=two");
	put(*state, "b", "three", BEFORE);
	assert_false(local_decisions_end(*state, "VM", "b", FALSE, NULL));
	expect_kept(*state, "");
}

/* A Host may be suspended and drained; each ends by itself. */
static void of_two_sorts(void **state)
{
	const struct local_decision halted = { .kind = "Host", .name = "h1", .reason = "one", .until = LATER },
	                            drained = { .kind = "Host", .name = "h1", .state = "drained", .reason = "two", .until = LATER };
	assert_true(local_decisions_put(*state, &halted, NULL));
	assert_true(local_decisions_put(*state, &drained, NULL));
	expect_kept(*state, "h1=one h1=two");
	assert_true(local_decisions_end(*state, "Host", "h1", FALSE, NULL));
	expect_kept(*state, "h1=two");
	assert_false(local_decisions_end(*state, "Host", "h1", FALSE, NULL));
	assert_true(local_decisions_end(*state, "Host", "h1", TRUE, NULL));
	expect_kept(*state, "");
}

static void bounded(void **state)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new("[");
	g_autofree char *path = g_build_filename(*state, "suspended.json", NULL);
	const struct local_decision one = { .kind = "VM", .name = "more", .reason = "x", .until = LATER },
	                            same = { .kind = "VM", .name = "v7", .reason = "y", .until = LATER };
	for (guint i = 0; i < LOCAL_DECISIONS_MAX; i++)
		g_string_append_printf(text, "%s{\"kind\":\"VM\",\"name\":\"v%u\",\"reason\":\"x\",\"until\":\"" LATER "\"}", i ? "," : "", i);
	g_string_append_c(text, ']');
	assert_true(g_file_set_contents(path, text->str, -1, NULL));
	assert_false(local_decisions_put(*state, &one, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_REFUSED));
	assert_true(local_decisions_put(*state, &same, NULL));
}

/* Every file that ends too early, and some that say something else. */
static void not_understood(void **state)
{
	static const char *const texts[] = { "", "{}", "[7]", "[{\"kind\": \"VM\"}]", "[{\"kind\": \"VM\", \"name\": 7, \"reason\": \"x\", \"until\": \"y\"}]" };
	SCOPED_ARENA(a);
	struct local_decision *all;
	struct hold h;
	guint n;
	g_autofree char *path = g_build_filename(*state, "suspended.json", NULL), *hold = g_build_filename(*state, "hold.json", NULL), *whole = NULL;
	put(*state, "a", "one", LATER);
	assert_true(g_file_get_contents(path, &whole, NULL, NULL));
	for (gssize size = 0; size < (gssize)strlen(whole) - 1; size++) {
		assert_true(g_file_set_contents(path, whole, size, NULL));
		assert_false(local_decisions_read(a, *state, &all, &n, NULL));
	}
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		assert_true(g_file_set_contents(path, texts[i], -1, NULL) && g_file_set_contents(hold, texts[i], -1, NULL));
		assert_false(local_decisions_read(a, *state, &all, &n, &error));
		assert_non_null(strstr(error->message, path));
		assert_false(hold_read(a, *state, &h, NULL));
		const struct local_decision one = { .kind = "VM", .name = "b", .reason = "x", .until = LATER };
		assert_false(local_decisions_put(*state, &one, NULL)); /* and nothing is lost for that */
	}
}

static void through_the_socket(void **state)
{
	SCOPED_ARENA(a);
	const struct local_decision one = { "RenderJob", "p/shot 1", "drained", "line\nbreak", "ada", BEFORE, LATER };
	struct local_decision again;
	(void)state;
	g_autofree char *text = local_decision_text(&one);
	assert_null(strchr(text, '\n'));
	assert_true(local_decision_parse(a, text, &again, NULL));
	assert_string_equal(again.name, one.name);
	assert_string_equal(again.reason, one.reason);
	assert_string_equal(again.state, one.state);
	assert_string_equal(again.since, BEFORE);
	assert_false(local_decision_parse(a, "[]", &again, NULL));
	assert_false(local_decision_parse(a, "{\"kind\":\"VM\"}", &again, NULL));
}

static void held(void **state)
{
	SCOPED_ARENA(a);
	const struct hold one = { "/srv/specs.git", OLDER, TIP, "it swaps", "ada", BEFORE };
	struct hold again;
	assert_true(hold_read(a, *state, &again, NULL));
	assert_null(again.commit);
	assert_true(hold_write(*state, &one, NULL));
	assert_true(hold_read(a, *state, &again, NULL));
	assert_string_equal(again.commit, OLDER);
	assert_string_equal(again.tip, TIP);
	g_autofree char *text = hold_text(&one);
	assert_true(hold_parse(a, text, &again, NULL));
	assert_string_equal(again.reason, "it swaps");
	/* What would be read as something else than a commit. */
	const struct hold branch = { "/srv/specs.git", "main", TIP, "x", "ada", BEFORE };
	g_autofree char *wrong = hold_text(&branch);
	assert_false(hold_parse(a, wrong, &again, NULL));
	assert_true(hold_write(*state, NULL, NULL));
	assert_true(hold_write(*state, NULL, NULL));
	assert_true(hold_read(a, *state, &again, NULL));
	assert_null(again.commit);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(kept_and_replaced), TEST(over), TEST(of_two_sorts), TEST(bounded), TEST(not_understood), TEST(through_the_socket), TEST(held) };
	return cmocka_run_group_tests_name("decisions of one host", tests, NULL, NULL);
}
