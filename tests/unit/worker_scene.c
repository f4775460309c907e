/* Scenes on a root: as they lie there, and out of an archive. Downloads are in tests/e2e/fetch. */
#include "base/error.h"
#include "frames/root.h"
#include "worker/cache.h"
#include "worker/scene.h"
#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	char *folder, *root, *cache_folder;
	struct config config;
	struct worker w;
	struct task task;
	char *sha256;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);
	static const struct crew_member nobody = { .name = "w", .host = "", .boot_id = "", .vm = "", .uuid = "", .gpus = "", .version = "" };
	f->folder = g_dir_make_tmp("cleave-scene-XXXXXX", NULL);
	f->root = g_build_filename(f->folder, "shots", NULL);
	f->cache_folder = g_build_filename(f->folder, "cache", NULL);
	assert_int_equal(g_mkdir(f->root, 0755), 0);
	assert_true(root_mark(f->root, "shots", NULL));
	f->config = (struct config){ .redis_url = "redis+unix:///nowhere/redis.sock", .lease_ms = 30000, .cache_bytes = 1 << 20,
				     .fetch_limit_bytes = 1 << 20, .mounts = g_hash_table_new(g_str_hash, g_str_equal),
				     .buckets = g_hash_table_new(g_str_hash, g_str_equal), .markers = g_hash_table_new(g_str_hash, g_str_equal),
				     .credentials = g_hash_table_new(g_str_hash, g_str_equal) };
	g_hash_table_insert(f->config.mounts, "shots", f->root);
	f->w = (struct worker){ .config = &f->config, .stop_fd = -1, .leave_fd = -1, .digests = digest_cache_new(),
				.cache = cache_new(f->cache_folder, 1 << 20), .heartbeat = heartbeat_start(&f->config, &nobody, NULL) };
	assert_non_null(f->w.heartbeat);
	f->task = (struct task){ .scene_root = "shots", .scene_path = "", .scene_url = "", .scene_blend = "" };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { "rm", "-rf", f->folder, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	heartbeat_stop(f->w.heartbeat);
	digest_cache_free(f->w.digests);
	cache_free(f->w.cache);
	g_hash_table_unref(f->config.mounts);
	g_hash_table_unref(f->config.buckets);
	g_hash_table_unref(f->config.markers);
	g_hash_table_unref(f->config.credentials);
	g_free(f->folder);
	g_free(f->root);
	g_free(f->cache_folder);
	g_free(f->sha256);
	g_free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *bytes, gsize size)
{
	g_autofree char *path = g_build_filename(f->root, name, NULL);
	assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
	g_free(f->sha256);
	f->sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
	f->task.scene_path = name;
	f->task.scene_sha256 = f->sha256;
}

static void put_zip(struct fixture *f, const char *name, const char *const *paths)
{
	char bytes[1 << 14];
	size_t size = 0;
	struct archive *a = archive_write_new();
	archive_write_set_format_zip(a);
	assert_int_equal(archive_write_open_memory(a, bytes, sizeof bytes, &size), ARCHIVE_OK);
	for (guint i = 0; paths[i]; i++) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, paths[i]);
		archive_entry_set_perm(e, 0600);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_size(e, (gint64)strlen(paths[i]));
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		archive_write_data(a, paths[i], strlen(paths[i]));
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	put(f, name, bytes, size);
}

/* `wanted`: the path below the archive, or what the error says. */
static void assert_chosen(struct fixture *f, const char *blend, const char *wanted, gboolean is_error)
{
	struct scene s = { 0 };
	g_autoptr(GError) problem = NULL;
	f->task.scene_blend = blend;
	gboolean is_open = scene_open(&f->w, &f->task, &s, &problem);
	if (is_open == is_error)
		fail_msg("%s: %s", blend, is_open ? s.path : problem->message);
	if (is_error) {
		assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
		if (!strstr(problem->message, wanted))
			fail_msg("%s: \"%s\", not \"%s\"", blend, problem->message, wanted);
		return;
	}
	assert_true(g_str_has_prefix(s.path, f->cache_folder) && g_str_has_prefix(s.path, s.folder));
	assert_string_equal(s.path + strlen(s.folder) + 1, wanted);
	assert_true(scene_check(&f->w, &f->task, &s, NULL));
	scene_close(&s);
}

static void as_it_lies(void **state)
{
	struct fixture *f = *state;
	struct scene s = { 0 };
	g_autoptr(GError) problem = NULL;
	put(f, "a.blend", "BLENDER", 7);
	assert_true(scene_open(&f->w, &f->task, &s, NULL));
	g_autofree char *path = g_build_filename(f->root, "a.blend", NULL);
	assert_string_equal(s.path, path);
	assert_null(s.entry);
	assert_true(scene_check(&f->w, &f->task, &s, NULL));
	assert_true(g_file_set_contents(path, "BLENDER, saved again", -1, NULL));
	assert_false(scene_check(&f->w, &f->task, &s, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED));
	assert_true(g_str_has_prefix(problem->message, "SceneChanged: shots:a.blend is "));
	scene_close(&s);
}

static void which_blend(void **state)
{
	struct fixture *f = *state;
	static const char *const one[] = { "shot/a.blend", "shot/a.blend1", "__MACOSX/shot/._a.blend", NULL };
	static const char *const several[] = { "lib/tree.blend", "shot/a.blend", "old/a.blend", NULL };
	static const char *const none[] = { "readme.txt", NULL };
	put_zip(f, "one.zip", one);
	assert_chosen(f, "", "shot/a.blend", FALSE);
	assert_chosen(f, "a.blend", "shot/a.blend", FALSE);
	assert_chosen(f, "b.blend", "has no b.blend; there: shot/a.blend", TRUE);
	put_zip(f, "several.zip", several);
	assert_chosen(f, "", "has 3 .blend files, and scene.blend says not which: lib/tree.blend, old/a.blend, shot/a.blend", TRUE);
	assert_chosen(f, "old/a.blend", "old/a.blend", FALSE);
	assert_chosen(f, "tree.blend", "lib/tree.blend", FALSE);
	assert_chosen(f, "a.blend", "has more than one a.blend; there: ", TRUE);
	assert_chosen(f, "../cache", "has no ../cache", TRUE);
	put_zip(f, "none.zip", none);
	assert_chosen(f, "", "has 0 .blend files, and scene.blend says not which: none", TRUE);
}

static void not_here(void **state)
{
	struct fixture *f = *state;
	struct scene s = { 0 };
	g_autoptr(GError) problem = NULL;
	g_autofree char *marker = g_build_filename(f->root, ROOT_MARKER, NULL);
	put(f, "a.blend", "BLENDER", 7);
	g_unlink(marker);
	assert_false(scene_open(&f->w, &f->task, &s, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY));
	f->task.scene_root = "other";
	g_clear_error(&problem);
	assert_false(scene_open(&f->w, &f->task, &s, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_NOT_FOUND));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = { TEST(as_it_lies), TEST(which_blend), TEST(not_here) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
