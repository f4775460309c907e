/* The text of a revision, of one source and of several. */
#include "base/arena.h"
#include "base/revision.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define A "0123456789abcdef0123456789abcdef01234567"
#define B "fedcba9876543210fedcba9876543210fedcba98"
#define C "00000000000000000000000000000000000000ff"

static void commits(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	assert_string_equal(revision_commit(a, "main@sha1:" A, NULL), A);
	assert_string_equal(revision_commit(a, "sha1:" A, NULL), A);
	assert_string_equal(revision_commit(a, "feature+x@y@sha1:" A "+art@sha1:" B, NULL), A);
	assert_string_equal(revision_commit(a, "feature+x@y@sha1:" A "+art@sha1:" B, "art"), B);
	assert_string_equal(revision_commit(a, "sha1:" A "+art@sha1:" B "+fx@sha1:" C, "fx"), C);
	assert_null(revision_commit(a, "main@sha1:" A "+art@sha1:" B, "fx"));
	assert_null(revision_commit(a, "main@sha1:" A "+art@sha1:" B, "main"));
	assert_null(revision_commit(a, "main@sha1:" A "+art@sha1:" B, "ar"));
	assert_null(revision_commit(a, "directory", NULL));
	assert_null(revision_commit(a, "main@sha1:0123", NULL));
	assert_null(revision_commit(a, NULL, NULL));
}

static void appended(void **state)
{
	g_autoptr(GString) s = g_string_new("main@sha1:" A);
	(void)state;
	revision_append(s, "art", B);
	assert_string_equal(s->str, "main@sha1:" A "+art@sha1:" B);
	g_autofree char *text = revision_short(s->str);
	assert_string_equal(text, "main@sha1:0123456789ab+art@sha1:fedcba987654");
	g_autofree char *folder = revision_short("directory"), *one = revision_short("sha1:" A);
	assert_string_equal(folder, "directory");
	assert_string_equal(one, "sha1:0123456789ab");
}

static void pins(void **state)
{
	(void)state;
	assert_string_equal(revision_pins("main@sha1:" A "+art@sha1:" B), A "+art@sha1:" B);
	assert_string_equal(revision_pins("main@sha1:" A), A);
	assert_null(revision_pins("directory"));
	assert_string_equal(revision_rest(A "+art@sha1:" B), "+art@sha1:" B);
	assert_string_equal(revision_rest("main@sha1:" A "+art@sha1:" B), "+art@sha1:" B);
	assert_string_equal(revision_rest(A), "");
	assert_string_equal(revision_rest(A "^"), "");
	assert_string_equal(revision_rest(A "~2"), "");
	assert_string_equal(revision_rest("main"), "");
	assert_string_equal(revision_rest("directory"), "");
}

static void agreement(void **state)
{
	static const struct {
		const char *x, *y;
		gboolean agree;
	} rows[] = {
		{ "main@sha1:" A, "main@sha1:" A, TRUE },
		{ "main@sha1:" A, "main@sha1:" B, FALSE },
		{ "main@sha1:" A "+art@sha1:" B, "main@sha1:" A, TRUE },
		{ "main@sha1:" A "+art@sha1:" B, "main@sha1:" A "+fx@sha1:" C, TRUE },
		{ "main@sha1:" A "+art@sha1:" B, "main@sha1:" A "+fx@sha1:" C "+art@sha1:" B, TRUE },
		{ "main@sha1:" A "+art@sha1:" B, "main@sha1:" A "+fx@sha1:" C "+art@sha1:" C, FALSE },
		{ "directory", "directory", TRUE },
		{ "directory", "main@sha1:" A, FALSE },
		{ NULL, "main@sha1:" A, FALSE },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		assert_int_equal(revision_agrees(rows[i].x, rows[i].y), rows[i].agree);
		assert_int_equal(revision_agrees(rows[i].y, rows[i].x), rows[i].agree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(commits), cmocka_unit_test(appended), cmocka_unit_test(pins), cmocka_unit_test(agreement) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
