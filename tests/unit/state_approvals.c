/* Approvals are kept, begun and forgotten; a file that was damaged approves nothing. */
#include "base/error.h"
#include "state/approvals.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static int make_folder(void **state)
{
	*state = g_dir_make_tmp("cleave-approvals.XXXXXX", NULL);
	return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
	g_autofree char *path = g_build_filename(*state, "approvals.json", NULL);
	g_unlink(path);
	g_rmdir(*state);
	g_free(*state);
	return 0;
}

static void add(const char *dir, const char *digest, const char *host, const char *revision)
{
	const struct approval one = { (char *)digest, (char *)host, (char *)revision, (char *)"mei", (char *)"2026-01-02T03:04:05Z", FALSE, NULL };
	assert_true(approvals_add(dir, &one, NULL));
}

static guint n_kept(const char *dir)
{
	g_autoptr(GPtrArray) all = approvals_read(dir, NULL);
	return all->len;
}

static void kept_and_begun(void **state)
{
	g_autoptr(GError) error = NULL;
	assert_int_equal(n_kept(*state), 0);
	add(*state, "0123456789abcdef", "h1", "main@1");
	add(*state, "0123456789abcdef", "h1", "main@1");
	g_autoptr(GPtrArray) all = approvals_read(*state, NULL);
	assert_int_equal(all->len, 1);
	const struct approval *one = all->pdata[0];
	assert_string_equal(one->digest, "0123456789abcdef");
	assert_string_equal(one->by, "mei");
	assert_false(one->has_begun);

	const char *items[] = { "restart VM/a 1", "delete VM/b" };
	assert_true(approvals_begin(*state, "0123456789abcdef", items, 2, NULL));
	/* What is left later on replaces nothing. */
	assert_true(approvals_begin(*state, "0123456789abcdef", items, 1, NULL));
	assert_false(approvals_begin(*state, "another", items, 1, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_REFUSED));
	g_autoptr(GPtrArray) again = approvals_read(*state, NULL);
	one = again->pdata[0];
	assert_true(one->has_begun);
	assert_int_equal(g_strv_length(one->items), 2);
	assert_string_equal(one->items[1], "delete VM/b");
}

static void only_the_owner_reads_it(void **state)
{
	struct stat st;
	g_autofree char *path = g_build_filename(*state, "approvals.json", NULL);
	add(*state, "0123456789abcdef", "h1", "main@1");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void forgotten_with_the_revision(void **state)
{
	const char *items[] = { "delete VM/b" };
	add(*state, "1", "h1", "main@1");
	add(*state, "2", "h1", "main@2");
	add(*state, "3", "h2", "main@1");
	assert_true(approvals_forget(*state, "h1", "main@2", FALSE, NULL));
	assert_int_equal(n_kept(*state), 2);
	/* One that nothing was done of is still to be used, though nothing waits for it now. */
	assert_true(approvals_forget(*state, "h1", "main@2", TRUE, NULL));
	assert_int_equal(n_kept(*state), 2);
	assert_true(approvals_begin(*state, "2", items, 1, NULL));
	assert_true(approvals_forget(*state, "h1", "main@2", FALSE, NULL));
	assert_int_equal(n_kept(*state), 2);
	assert_true(approvals_forget(*state, "h1", "main@2", TRUE, NULL));
	assert_int_equal(n_kept(*state), 1);
}

static void damaged_approves_nothing(void **state)
{
	static const char *const texts[] = { "", "{}", "[{\"digest\":", "[1,2,{\"digest\":7,\"items\":3,\"begun\":\"yes\"}]" };
	g_autofree char *path = g_build_filename(*state, "approvals.json", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		assert_true(g_file_set_contents(path, texts[i], -1, NULL));
		g_autoptr(GPtrArray) all = approvals_read(*state, &error);
		assert_true(i == 3 ? all->len == 1 && !error : all->len == 0 && error);
		if (i == 3)
			assert_string_equal(((struct approval *)all->pdata[0])->digest, "");
	}
	add(*state, "0123456789abcdef", "h1", "main@1");
	assert_int_equal(n_kept(*state), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kept_and_begun, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(only_the_owner_reads_it, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(forgotten_with_the_revision, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(damaged_approves_nothing, make_folder, remove_folder),
	};
	return cmocka_run_group_tests_name("approvals", tests, NULL, NULL);
}
