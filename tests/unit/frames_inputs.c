/* Which files patterns mean, and what one digest of all of them depends on. */
#include "frames/inputs.h"
#include "base/arena.h"
#include "frames/manifest.h"
#include "frames_files.h"

static int root_of(void *user, const char *name, GError **error)
{
	const struct test_root *r = user;
	if (strcmp(name, "tex") == 0)
		return r->fd;
	g_set_error(error, CLEAVE_ERROR, ERROR_AWAY, "root %s is not mounted", name);
	return -1;
}

static char *listed(const struct inputs_from *from, const char *const *patterns)
{
	SCOPED_ARENA(a);
	struct inputs all;
	GError *error = NULL;
	if (!inputs_list(a, from, patterns, &all, &error)) {
		char *said = g_strdup_printf("error %d: %s", error->code, error->message);
		g_error_free(error);
		return said;
	}
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < all.n; i++)
		g_string_append_printf(out, "%s%s", i ? " " : "", all.items[i].name);
	return g_string_free(out, FALSE);
}

#define ASSERT_LISTED(expected, ...)                                         \
	do {                                                                 \
		const char *const patterns_[] = { __VA_ARGS__, NULL };       \
		g_autofree char *said_ = listed(&from, patterns_);           \
		assert_string_equal(said_, expected);                        \
	} while (0)

static void patterns_mean_files(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	const struct inputs_from from = { root_of, &r, NULL, NULL };
	const char *files[] = { "a/wood.png", "a/wood2.png", "a/.hidden.png", "b/wood.png", "b/deep/x.png", "sky.exr", "two**.png" };
	for (guint i = 0; i < G_N_ELEMENTS(files); i++)
		test_text(&r, files[i], files[i]);
	ASSERT_LISTED("tex:a/wood.png tex:a/wood2.png", "tex:a/*");
	ASSERT_LISTED("tex:a/wood.png tex:b/wood.png", "tex:*/wood.png");
	ASSERT_LISTED("tex:a/wood.png tex:a/wood2.png tex:b/wood.png tex:sky.exr", "tex:sky.exr", "tex:*/w*d*.png", "tex:a/wood.png");
	ASSERT_LISTED("tex:a/.hidden.png", "tex:a/.*");
	ASSERT_LISTED("tex:b/deep/x.png", "tex:*/*/*.png");
	ASSERT_LISTED("tex:sky.exr tex:two**.png", "tex:*");
	ASSERT_LISTED("tex:not/there.png", "tex:not/there.png");
	ASSERT_LISTED("error 2: inputs: no file is like tex:c/*", "tex:c/*");
	ASSERT_LISTED("error 2: inputs: no file is like tex:*.jpg", "tex:sky.exr", "tex:*.jpg");
	ASSERT_LISTED("error 5: root lib is not mounted", "lib:*");
	test_root_free(&r);
}

/* A folder that leads out of the root is not walked. */
static void links_stay_inside(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	const struct inputs_from from = { root_of, &r, NULL, NULL };
	const char *const patterns[] = { "tex:*/passwd", NULL }, *const linked[] = { "tex:link.png", NULL };
	char sum[SHA256_HEX_SIZE];
	test_text(&r, "a/passwd", "x");
	assert_int_equal(symlinkat("/etc", r.fd, "out"), 0);
	assert_int_equal(symlinkat("/etc/hostname", r.fd, "link.png"), 0);
	g_autofree char *said = listed(&from, patterns);
	assert_string_equal(said, "tex:a/passwd");
	GError *error = NULL;
	assert_false(inputs_digest(&from, linked, sum, &error));
	assert_non_null(strstr(error->message, "link.png"));
	g_error_free(error);
	test_root_free(&r);
}

static void digest_is_of_names_and_contents(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct digest_cache *cache = digest_cache_new();
	const struct inputs_from from = { root_of, &r, cache, NULL };
	const char *const patterns[] = { "tex:b.png", "tex:*.png", NULL }, *const one[] = { "tex:a.png", NULL };
	char sum[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
	test_text(&r, "a.png", "a");
	test_text(&r, "b.png", "b");
	g_autofree char *a = test_sha256("a", 1), *b = test_sha256("b", 1);
	g_autofree char *lines = g_strdup_printf("tex:a.png %s\ntex:b.png %s\n", a, b);
	g_autofree char *expected = test_sha256(lines, strlen(lines));
	assert_true(inputs_digest(&from, patterns, sum, NULL));
	assert_string_equal(sum, expected);
	assert_true(inputs_digest(&from, one, other, NULL));
	assert_string_not_equal(sum, other);
	test_text(&r, "b.png", "c");
	assert_true(inputs_digest(&from, patterns, other, NULL));
	assert_string_not_equal(sum, other);
	test_text(&r, "b.png", "b");
	assert_true(inputs_digest(&from, patterns, other, NULL));
	assert_string_equal(sum, other);
	/* a file more that a pattern takes in */
	test_text(&r, "c.png", "c");
	assert_true(inputs_digest(&from, patterns, other, NULL));
	assert_string_not_equal(sum, other);
	digest_cache_free(cache);
	test_root_free(&r);
}

/* Just written: nothing may be concluded from it yet. */
static void fresh_files_are_not_settled(void **state)
{
	(void)state;
	SCOPED_ARENA(arena);
	struct test_root r = test_root_new();
	const struct inputs_from from = { root_of, &r, NULL, NULL };
	const char *const patterns[] = { "tex:a.png", NULL };
	struct inputs all;
	test_text(&r, "a.png", "a");
	assert_true(inputs_read(arena, &from, patterns, &all, NULL));
	assert_int_equal(all.n, 1);
	assert_false(all.is_settled);
	test_root_free(&r);
}

static gboolean count_inputs(const struct record *r, gpointer n, GError **error)
{
	(void)error;
	*(guint *)n += r->type == RECORD_INPUT;
	return TRUE;
}

/* Frames count on what was there first; what a compaction keeps says so as well. */
static void the_first_content_is_remembered(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = manifest_open(r.fd, "p+j", "w1", NULL);
	struct manifest_view *v = manifest_view_new();
	const char *const sums[] = { "b", "a", "c" }; /* in the order of the lines; by time a, b, c */
	const gint64 times[] = { 2, 1, 3 };
	guint n = 0;
	for (guint i = 0; i < G_N_ELEMENTS(sums); i++) {
		struct record one = { .type = RECORD_INPUT, .time_us = times[i] * 1000000, .file = "tex:a.png", .sha256 = sums[i] };
		assert_true(manifest_append(m, &one, NULL));
	}
	assert_true(manifest_append(m, &(struct record){ .type = RECORD_INPUT, .time_us = 1, .file = "tex:b.png", .sha256 = "d" }, NULL));
	assert_true(manifest_view_update(v, r.fd, "p+j", NULL));
	g_autoptr(GPtrArray) latest = manifest_inputs(v);
	assert_int_equal(latest->len, 2);
	assert_string_equal(((const struct record *)latest->pdata[0])->sha256, "c");
	assert_string_equal(manifest_first_input(v, "tex:a.png")->sha256, "a");
	assert_string_equal(manifest_first_input(v, "tex:b.png")->sha256, "d");
	assert_null(manifest_first_input(v, "tex:c.png"));
	assert_true(manifest_each(v, count_inputs, &n, NULL));
	assert_int_equal(n, 3); /* a first and a latest, and one that is both */
	manifest_view_free(v);
	manifest_close(m);
	test_root_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_mean_files),
		cmocka_unit_test(links_stay_inside),
		cmocka_unit_test(digest_is_of_names_and_contents),
		cmocka_unit_test(fresh_files_are_not_settled),
		cmocka_unit_test(the_first_content_is_remembered),
	};
	return cmocka_run_group_tests_name("inputs", tests, NULL, NULL);
}
