/* The store: never what a wanted key needs, never what is young; the rest by keys, age and size. And logs. */
#include "base/arena.h"
#include "frames/clear.h"
#include "frames/log_keep.h"
#include "frames/manifest.h"
#include "frames/store.h"
#include "frames_files.h"
#include "frames_faults.h"

#define JOB "show+shot"
enum { SIZE = 100, KEYS = 6 }; /* k1 … k6, of which the last is wanted */

struct farm {
	struct test_root root;
	struct manifest *manifest;
	struct clear_rules rules;
};

static char *content(gint64 frame, guint key)
{
	char *text = g_strnfill(SIZE, ' ');
	g_snprintf(text, SIZE, "frame %" G_GINT64_FORMAT " key %u", frame, key);
	return text;
}

static char *stored_path(gint64 frame, guint key)
{
	g_autofree char *bytes = content(frame, key), *sum = test_sha256(bytes, SIZE);
	return store_path(sum, ".png", NULL);
}

static void store_one(struct farm *f, gint64 frame, guint key, gboolean is_recorded)
{
	g_autofree char *bytes = content(frame, key), *sum = test_sha256(bytes, SIZE), *path = store_path(sum, ".png", NULL);
	g_autofree char *name = g_strdup_printf("k%u", key), *token = g_strdup_printf("t%u", key);
	const struct record r = { .type = RECORD_FRAME, .frame = frame, .key = name, .token = token, .sha256 = sum,
				  .file = "out/f.png", .size = SIZE };
	test_write(&f->root, path, bytes, SIZE);
	if (is_recorded)
		assert_true(manifest_append(f->manifest, &r, NULL));
}

/* An hour after all that was written. */
static struct farm farm_new(void)
{
	struct farm f = { .root = test_root_new() };
	f.rules = (struct clear_rules){ .n_keys = 2, .keep_ms = 60000, .now_us = g_get_real_time() + 3600 * (gint64)G_USEC_PER_SEC };
	f.manifest = manifest_open(f.root.fd, JOB, "owner", NULL);
	for (gint64 frame = 1; frame <= 2; frame++)
		for (guint key = 1; key <= KEYS; key++)
			store_one(&f, frame, key, TRUE);
	return f;
}

static void farm_end(struct farm *f)
{
	manifest_close(f->manifest);
	test_root_free(&f->root);
}

static gboolean is_last_key(gpointer user, gint64 frame, const char *key)
{
	(void)user, (void)frame;
	return strcmp(key, "k6") == 0;
}

static struct clear_store clear(struct farm *f, gboolean is_known, gboolean removes, guint most)
{
	struct clear_store done = { 0 };
	struct clearing *c = clearing_new();
	struct manifest_view *v = manifest_view_new();
	assert_true(manifest_view_update(v, f->root.fd, JOB, NULL));
	if (is_known)
		clearing_add_job(c, v, f->rules.n_keys, is_last_key, NULL);
	g_autoptr(GError) error = NULL;
	clearing_run(c, f->root.fd, NULL, &f->rules, removes, most, &done, &error);
	manifest_view_free(v);
	clearing_free(c);
	return done;
}

static guint n_there(struct farm *f, guint first_key, guint last_key)
{
	guint n = 0;
	for (gint64 frame = 1; frame <= 2; frame++)
		for (guint key = first_key; key <= last_key; key++) {
			g_autofree char *path = stored_path(frame, key);
			n += test_exists(&f->root, path) ? 1 : 0;
		}
	return n;
}

static void test_keys(void **state)
{
	(void)state;
	struct farm f = farm_new();
	struct clear_store look = clear(&f, TRUE, FALSE, 1000);
	assert_int_equal(look.n_files, 2 * KEYS);
	assert_int_equal(look.bytes, 2 * KEYS * SIZE);
	assert_int_equal(look.n_clear, 6);
	assert_int_equal(look.clear_bytes, 6 * SIZE);
	assert_int_equal(n_there(&f, 1, 6), 12); /* looking removes nothing */
	clear(&f, TRUE, TRUE, 1000);
	assert_int_equal(n_there(&f, 1, 3), 0);
	assert_int_equal(n_there(&f, 4, 6), 6);
	assert_int_equal(clear(&f, TRUE, FALSE, 1000).n_clear, 0);
	farm_end(&f);
}

static void test_size_and_age(void **state)
{
	(void)state;
	struct farm f = farm_new();
	/* all is young: nothing goes, however small the store is to be */
	f.rules.keep_ms = 2 * 3600000;
	f.rules.max_bytes = 1;
	assert_int_equal(clear(&f, TRUE, TRUE, 1000).n_clear, 0);
	/* three files too many of those that no wanted key needs */
	f.rules.keep_ms = 0;
	f.rules.max_bytes = 2 * SIZE;
	assert_int_equal(clear(&f, TRUE, TRUE, 1000).n_clear, 8);
	assert_int_equal(n_there(&f, 1, 5), 2);
	assert_int_equal(n_there(&f, 6, 6), 2);
	/* what is needed never goes, and does not count */
	f.rules.max_bytes = 1;
	f.rules.n_keys = 0;
	clear(&f, TRUE, TRUE, 1000);
	assert_int_equal(n_there(&f, 1, 5), 0);
	assert_int_equal(n_there(&f, 6, 6), 2);
	farm_end(&f);
}

static void test_what_nobody_knows(void **state)
{
	(void)state;
	struct farm f = farm_new();
	store_one(&f, 7, 1, FALSE);
	test_text(&f.root, ROOT_STORE "/notes.txt", "of a person");
	g_autofree char *name = stored_path(1, 6);
	g_autofree char *half = g_strconcat(name, STORE_PARTIAL, NULL);
	test_text(&f.root, half, "cut off");
	clear(&f, TRUE, TRUE, 1000);
	assert_int_equal(n_there(&f, 4, 6), 6);
	assert_false(test_exists(&f.root, half));
	g_autofree char *unknown = stored_path(7, 1);
	assert_false(test_exists(&f.root, unknown));
	test_assert_text(&f.root, ROOT_STORE "/notes.txt", "of a person");
	/* the job is not in the specs any more: within `keep` all stays, then all goes */
	f.rules.keep_ms = 2 * 3600000;
	assert_int_equal(clear(&f, FALSE, TRUE, 1000).n_clear, 0);
	f.rules.keep_ms = 60000;
	assert_int_equal(clear(&f, FALSE, TRUE, 4).n_clear, 4);
	assert_int_equal(clear(&f, FALSE, TRUE, 1000).n_clear, 2);
	farm_end(&f);
}

static void run_clear(gpointer user)
{
	clear(user, TRUE, TRUE, 1000);
}

static void test_faults(void **state)
{
	(void)state;
	for (guint k = 0; k < 2; k++)
		for (gint step = 0; step < 7; step++) {
			struct farm f = farm_new();
			with_fault(run_clear, &f, step, k ? EIO : 0);
			assert_int_equal(n_there(&f, 4, 6), 6);
			run_clear(&f);
			assert_int_equal(n_there(&f, 1, 3), 0);
			assert_int_equal(n_there(&f, 4, 6), 6);
			farm_end(&f);
		}
}

static void test_logs(void **state)
{
	(void)state;
	struct farm f = farm_new();
	struct log_excess excess;
	struct manifest_view *v = manifest_view_new();
	const struct record failed = { .type = RECORD_FAILED, .frame = 3, .reason = "no memory" };
	assert_true(manifest_append(f.manifest, &failed, NULL) && manifest_view_update(v, f.root.fd, JOB, NULL));
	assert_true(logs_trim(f.root.fd, JOB, v, 10, TRUE, &excess, NULL));
	assert_int_equal(excess.n, 0);
	for (guint i = 1; i <= 4; i++) {
		g_autofree char *path = g_strdup_printf(".cleave/" JOB "/log/%u.log", i);
		test_text(&f.root, path, "0123456789");
		if (i >= 3) /* the oldest are 3, which failed, and 4 */
			test_age(&f.root, path);
	}
	assert_true(logs_trim(f.root.fd, JOB, v, 25, FALSE, &excess, NULL));
	assert_int_equal(excess.n, 2);
	assert_int_equal(excess.bytes, 20);
	assert_true(logs_trim(f.root.fd, JOB, v, 25, TRUE, &excess, NULL));
	assert_false(test_exists(&f.root, ".cleave/" JOB "/log/4.log"));
	assert_true(test_exists(&f.root, ".cleave/" JOB "/log/3.log"));
	assert_true(logs_trim(f.root.fd, JOB, v, 25, TRUE, &excess, NULL));
	assert_int_equal(excess.n, 0);
	manifest_view_free(v);
	farm_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_size_and_age),
		cmocka_unit_test(test_what_nobody_knows),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_logs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
