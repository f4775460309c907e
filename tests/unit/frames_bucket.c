/* What a job owner asks of a bucket besides frames: listed inputs, the store, attempts that were left. */
#include "base/arena.h"
#include "frames/inputs.h"
#include "frames_site.h"

#define SHA_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" /* of "a" */

/* -- inputs ---------------------------------------------------------------------------------------- */

static int root_of(void *user, const char *name, GError **error)
{
	(void)name, (void)error;
	return ((struct site *)user)->fd;
}

static struct remote *remote_of(void *user, const char *name)
{
	return strcmp(name, "farm") == 0 ? ((struct site *)user)->remote : NULL;
}

static char *names_of(const struct inputs *all)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < all->n; i++)
		g_string_append_printf(s, "%s%s", i ? " " : "", all->items[i].name);
	return g_string_free(s, FALSE);
}

static void expect_inputs(struct site *s, const char *pattern, const char *names)
{
	SCOPED_ARENA(a);
	const struct inputs_from from = { root_of, s, NULL, remote_of };
	const char *const patterns[] = { pattern, NULL };
	struct inputs all;
	FINE(inputs_read(a, &from, patterns, &all, &why));
	g_autofree char *found = names_of(&all);
	assert_string_equal(found, names);
	assert_true(all.is_settled);
}

static void expect_no_input(struct site *s, const char *pattern, const char *message)
{
	SCOPED_ARENA(a);
	const struct inputs_from from = { root_of, s, NULL, remote_of };
	const char *const patterns[] = { pattern, NULL };
	g_autoptr(GError) error = NULL;
	struct inputs all;
	assert_false(inputs_read(a, &from, patterns, &all, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_NOT_FOUND));
	assert_string_equal(error->message, message);
}

static void test_inputs_are_listed(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site s;
	site_open(&s, f);
	s3_fixture_overwrite(f, "tex/a.png", "a");
	s3_fixture_overwrite(f, "tex/b?.png", "b");
	s3_fixture_overwrite(f, "tex/.hidden.png", "h");
	s3_fixture_overwrite(f, "tex/deep/c.png", "c");
	s3_fixture_overwrite(f, "tex/other/c.png", "c");
	s3_fixture_overwrite(f, "tex/other/d.txt", "d");
	s3_fixture_overwrite(f, "top.png", "t");
	expect_inputs(&s, "farm:tex/*.png", "farm:tex/a.png farm:tex/b?.png");
	expect_inputs(&s, "farm:tex/*/c.png", "farm:tex/deep/c.png farm:tex/other/c.png");
	expect_inputs(&s, "farm:*/o*/*", "farm:tex/other/c.png farm:tex/other/d.txt");
	expect_inputs(&s, "farm:*", "farm:top.png");
	expect_inputs(&s, "farm:tex/.h*", "farm:tex/.hidden.png");
	expect_inputs(&s, "farm:tex/a.png", "farm:tex/a.png");
	expect_no_input(&s, "farm:tex/z.png", "input farm:tex/z.png is not there");
	expect_no_input(&s, "farm:tex/*.exr", "inputs: no file is like farm:tex/*.exr");
	/* none of it was written anywhere */
	assert_int_not_equal(faccessat(s.fd, "tex", F_OK, 0), 0);
	site_close(&s);
	s3_fixture_free(f);
}

/* A content is read once, also by another process with the same folder; a pass over what is known only lists. */
static void test_inputs_are_read_once(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site s;
	struct file_digest one;
	site_open(&s, f);
	const struct inputs_from from = { root_of, &s, NULL, remote_of };
	s3_fixture_overwrite(f, "tex/a.png", "a");
	s3_fixture_overwrite(f, "tex/b.png", "b");
	s3_fixture_forget(f);
	expect_inputs(&s, "farm:tex/*", "farm:tex/a.png farm:tex/b.png");
	expect_inputs(&s, "farm:tex/a.png", "farm:tex/a.png");
	assert_int_equal(s3_fixture_count(f, "GET /farm/tex/"), 2);
	s3_fixture_forget(f);
	remote_begin(s.remote);
	FINE(input_read(&from, "farm:tex/a.png", &one, &why));
	assert_string_equal(one.sha256, SHA_A);
	assert_int_equal(s3_fixture_count(f, "GET /farm/tex/"), 0);
	s3_fixture_overwrite(f, "tex/a.png", "A");
	remote_begin(s.remote);
	FINE(input_read(&from, "farm:tex/a.png", &one, &why));
	assert_string_not_equal(one.sha256, SHA_A);
	site_close(&s);
	s3_fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs_are_listed),
		cmocka_unit_test(test_inputs_are_read_once),
	};
	return cmocka_run_group_tests_name("frames_bucket", tests, NULL, NULL);
}
