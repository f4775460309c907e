/* What a job owner asks of a bucket besides frames: listed inputs, the store, attempts that were left. */
#include "base/arena.h"
#include "frames/abandon.h"
#include "frames/clear.h"
#include "frames/inputs.h"
#include "frames/manifest.h"
#include "frames_site.h"
#include <fcntl.h>

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

/* -- jobs, attempts -------------------------------------------------------------------------------- */

static void set_age(const struct s3_fixture *f, const char *key, gint64 seconds)
{
	g_autofree char *path = g_build_filename(f->folder, "farm", key, NULL);
	struct timespec times[2] = { { .tv_sec = time(NULL) - seconds }, { .tv_sec = time(NULL) - seconds } };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_jobs_are_listed(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site s;
	site_open(&s, f);
	g_autoptr(GPtrArray) none = remote_job_dirs(s.remote, NULL);
	assert_int_equal(none->len, 0);
	s3_fixture_overwrite(f, ".cleave/p+b/manifest/w.log", "");
	s3_fixture_overwrite(f, ".cleave/p+a/staging/t/f.png", "f");
	s3_fixture_overwrite(f, ".cleave/store/x.png", "x");
	s3_fixture_overwrite(f, "p+c/f.png", "f");
	g_autoptr(GPtrArray) dirs = remote_job_dirs(s.remote, NULL);
	assert_int_equal(dirs->len, 2);
	assert_string_equal(dirs->pdata[0], "p+a");
	assert_string_equal(dirs->pdata[1], "p+b");
	site_close(&s);
	s3_fixture_free(f);
}

/* An attempt is as young as its youngest object. */
static void test_abandoned_attempts(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	static const struct { const char *key; gint64 age_s; } objects[] = {
		{ ".cleave/p+a/staging/old/f_1.png", 500 },	  { ".cleave/p+a/staging/old/deep/f_1.exr", 300 },
		{ ".cleave/p+a/staging/mixed/f_1.png", 500 },	  { ".cleave/p+a/staging/mixed/deep/f_1.exr", 5 },
		{ ".cleave/p+a/staging/older/f_1.png", 4000 },	  { ".cleave/p+b/staging/another/f_1.png", 4000 },
	};
	struct site s;
	SCOPED_ARENA(a);
	site_open(&s, f);
	for (guint i = 0; i < G_N_ELEMENTS(objects); i++) {
		s3_fixture_overwrite(f, objects[i].key, "x");
		set_age(f, objects[i].key, objects[i].age_s);
	}
	g_autoptr(GPtrArray) all = g_ptr_array_new(), one = g_ptr_array_new();
	FINE(abandoned_tokens(a, s.fd, s.remote, "p+a", 200 * G_USEC_PER_SEC, 10, all, &why));
	assert_int_equal(all->len, 2);
	assert_string_equal(all->pdata[0], "old");
	assert_string_equal(all->pdata[1], "older");
	FINE(abandoned_tokens(a, s.fd, s.remote, "p+a", 200 * G_USEC_PER_SEC, 1, one, &why));
	assert_int_equal(one->len, 1);
	site_close(&s);
	s3_fixture_free(f);
}

/* -- the store ------------------------------------------------------------------------------------- */

static gboolean is_wanted(gpointer user, gint64 frame, const char *key)
{
	(void)user, (void)frame;
	return strcmp(key, "k:wanted") == 0;
}

static char *stored_key(const char *text)
{
	g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	return g_strdup_printf(".cleave/store/%s.png", sha256);
}

static void store(struct s3_fixture *f, const char *text, gint64 age_s)
{
	g_autofree char *key = stored_key(text);
	s3_fixture_overwrite(f, key, text);
	set_age(f, key, age_s);
}

static gboolean is_stored(struct s3_fixture *f, const char *text)
{
	g_autofree char *key = stored_key(text), *found = s3_fixture_object(f, key);
	return found != NULL;
}

static void add_record(struct manifest *m, const char *key, const char *text)
{
	g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	const struct record r = { .type = RECORD_FRAME, .frame = 1, .key = key, .sha256 = sha256, .token = "t", .file = "s/f_1.png" };
	FINE(manifest_append(m, &r, &why));
}

/* What a wanted key needs stays, however old; so does what came within `keep`, and the last superseded key. */
static void test_store_is_cleared(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site s;
	struct clear_store done;
	struct clear_rules rules = { .keep_ms = 3600 * 1000, .n_keys = 1, .now_us = g_get_real_time() };
	struct manifest_view *v = manifest_view_new();
	struct clearing *c = clearing_new();
	site_open(&s, f);
	struct manifest *m = manifest_open_remote(s.remote, s.fd, "p+a", "w1", NULL);
	add_record(m, "k:older", "older");
	add_record(m, "k:recent", "recent");
	add_record(m, "k:wanted", "wanted");
	manifest_close(m);
	FINE(manifest_view_update(v, s.fd, "p+a", &why));
	clearing_add_job(c, v, 1, is_wanted, NULL);
	store(f, "wanted", 90000);
	store(f, "older", 80000);
	store(f, "recent", 80000);
	store(f, "nobody's", 70000);
	store(f, "just displaced", 10);
	s3_fixture_overwrite(f, ".cleave/store/readme", "no content of a frame");
	FINE(clearing_run(c, s.fd, s.remote, &rules, FALSE, 10, &done, &why));
	assert_int_equal(done.n_files, 5);
	assert_int_equal(done.n_clear, 2);
	assert_true(is_stored(f, "older"));
	FINE(clearing_run(c, s.fd, s.remote, &rules, TRUE, 1, &done, &why));
	assert_int_equal(done.n_clear, 1);
	assert_false(is_stored(f, "older"));
	assert_true(is_stored(f, "nobody's"));
	FINE(clearing_run(c, s.fd, s.remote, &rules, TRUE, 10, &done, &why));
	assert_false(is_stored(f, "nobody's"));
	assert_true(is_stored(f, "wanted") && is_stored(f, "recent") && is_stored(f, "just displaced"));
	rules.max_bytes = 1;
	FINE(clearing_run(c, s.fd, s.remote, &rules, TRUE, 10, &done, &why));
	assert_true(is_stored(f, "wanted") && !is_stored(f, "recent") && is_stored(f, "just displaced"));
	g_autofree char *other = s3_fixture_object(f, ".cleave/store/readme");
	assert_non_null(other);
	clearing_free(c);
	manifest_view_free(v);
	site_close(&s);
	s3_fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs_are_listed),
		cmocka_unit_test(test_inputs_are_read_once),
		cmocka_unit_test(test_jobs_are_listed),
		cmocka_unit_test(test_abandoned_attempts),
		cmocka_unit_test(test_store_is_cleared),
	};
	return cmocka_run_group_tests_name("frames_bucket", tests, NULL, NULL);
}
