/* Fetched files, what images say of themselves, and pools of test:///default. What makes and fills volumes takes a real
 * storage driver: tests/e2e/storage. */
#include "base/arena.h"
#include "base/error.h"
#include "host/disk_image.h"
#include "host/fetch.h"
#include "host/virt_storage.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { TIMEOUT_MS = 20000, SIZE = 3 << 20 };

static char *folder;

static char *in_folder(const char *name)
{
	return g_build_filename(folder, name, NULL);
}

static int setup(void **state)
{
	(void)state;
	folder = g_dir_make_tmp("cleave-storage.XXXXXX", NULL);
	return folder ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *path = in_folder(name);
		g_remove(path);
	}
	g_rmdir(folder);
	g_clear_pointer(&folder, g_free);
	return 0;
}

static void put(const char *name, const void *bytes, gsize size)
{
	g_autofree char *path = in_folder(name);
	assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
}

static gboolean exists(const char *name)
{
	g_autofree char *path = in_folder(name);
	return access(path, F_OK) == 0;
}

/* -- fetching ------------------------------------------------------------------------------------------------ */

/* Some bytes that differ, zeros, one byte, zeros to the end: holes in the middle and at the end. */
static char *make_source(void)
{
	char *bytes = g_malloc0(SIZE);
	for (guint i = 0; i < 300000; i++)
		bytes[i] = (char)(i * 7 + i / 1000);
	bytes[2 << 20] = 1;
	put("source", bytes, SIZE);
	return bytes;
}

static gboolean fetch(const char *bytes, guint64 least_free, GError **error)
{
	g_autofree char *path = in_folder("source"), *uri = g_filename_to_uri(path, NULL, NULL);
	g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, SIZE);
	struct fetch_order order = { .url = uri, .folder = folder, .part = "x.part", .sha256 = sum, .least_free_bytes = least_free };
	return fetch_file(&order, NULL, NULL, error);
}

static void assert_fetched(const char *bytes)
{
	g_autofree char *path = in_folder("x.part"), *got = NULL;
	gsize size = 0;
	assert_true(g_file_get_contents(path, &got, &size, NULL));
	assert_int_equal(size, SIZE);
	assert_memory_equal(got, bytes, SIZE);
}

static void a_file_comes_whole(void **state)
{
	(void)state;
	g_autofree char *bytes = make_source(), *path = in_folder("x.part");
	g_autoptr(GError) error = NULL;
	struct stat st;
	assert_true(fetch(bytes, 0, &error));
	assert_fetched(bytes);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks * 512 < SIZE / 2);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fetch(bytes, 0, &error)); /* all of it is there */
	assert_fetched(bytes);
}

static void a_part_is_gone_on_with(void **state)
{
	(void)state;
	g_autofree char *bytes = make_source();
	put("x.part", bytes, 100001);
	assert_true(fetch(bytes, 0, NULL));
	assert_fetched(bytes);
}

static void a_part_of_something_else_is_not(void **state)
{
	(void)state;
	g_autofree char *bytes = make_source(), *other = g_strnfill(SIZE + 10, 'x');
	put("x.part", other, 5000);
	assert_true(fetch(bytes, 0, NULL));
	assert_fetched(bytes);
	put("x.part", other, SIZE + 10);
	assert_true(fetch(bytes, 0, NULL));
	assert_fetched(bytes);
}

static void what_is_wrong_does_not_stay(void **state)
{
	(void)state;
	g_autofree char *bytes = make_source();
	g_autoptr(GError) error = NULL;
	bytes[5]++; /* the sum is of other bytes than the file's */
	assert_false(fetch(bytes, 0, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_INVALID));
	assert_non_null(strstr(error->message, "its sha256 is "));
	assert_false(exists("x.part"));
}

static void without_room_nothing_comes(void **state)
{
	(void)state;
	g_autofree char *bytes = make_source();
	g_autoptr(GError) error = NULL;
	assert_false(fetch(bytes, G_MAXUINT64 / 2, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_REFUSED));
	assert_non_null(strstr(error->message, "minFree"));
	assert_false(exists("x.part"));
}

static void what_is_not_there_is_said(void **state)
{
	(void)state;
	g_autofree char *bytes = g_malloc0(SIZE);
	g_autoptr(GError) error = NULL;
	assert_false(fetch(bytes, 0, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_AWAY));
}

static gpointer fetch_in_thread(gpointer bytes)
{
	return GINT_TO_POINTER(fetch(bytes, 0, NULL));
}

static void other_threads_fetch_as_well(void **state)
{
	(void)state;
	g_autofree char *bytes = make_source();
	GThread *thread = g_thread_new("test", fetch_in_thread, bytes);
	assert_true(GPOINTER_TO_INT(g_thread_join(thread)));
	assert_fetched(bytes);
}

/* -- images --------------------------------------------------------------------------------------------------- */

static struct disk_image look(const void *bytes, gsize size)
{
	struct disk_image image;
	g_autofree char *path = in_folder("image");
	put("image", bytes, size);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(disk_image_read(fd, &image, NULL));
	close(fd);
	return image;
}

static void images_say_what_they_are(void **state)
{
	char qcow2[104] = "QFI\xfb\0\0\0\3";
	(void)state;
	qcow2[28] = 0x40; /* of the size, at 24, big-endian: 1 GiB */
	struct disk_image image = look(qcow2, sizeof qcow2);
	assert_true(image.is_qcow2 && !image.names_files && !image.other);
	assert_int_equal(image.size_bytes, 1 << 30);
	qcow2[79] = 4; /* incompatible feature: data in another file */
	assert_true(look(qcow2, sizeof qcow2).names_files);
	qcow2[79] = 0;
	qcow2[15] = 104; /* a backing file's name is there */
	assert_true(look(qcow2, sizeof qcow2).names_files);
	qcow2[15] = 0, qcow2[7] = 2, qcow2[79] = 4; /* version 2 has no features */
	assert_false(look(qcow2, sizeof qcow2).names_files);
	image = look("\0\0boot sector", 13);
	assert_true(!image.is_qcow2 && !image.other);
	assert_int_equal(image.size_bytes, 13);
	assert_string_equal(look("\x1f\x8b\x08", 3).other, "gzip");
	assert_string_equal(look("KDMV\1\0\0\0", 8).other, "VMDK");
	assert_int_equal(look("", 0).size_bytes, 0);
}

/* -- pools ---------------------------------------------------------------------------------------------------- */

static void pools_are_seen_and_defined(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	const char *why_not = NULL;
	struct virt *v = virt_open("test:///default", NULL, TIMEOUT_MS, &error);
	struct virt_pool pools[] = { { .name = "default-pool", .path = "/default-pool" }, { .name = "disks", .path = folder } };
	assert_non_null(v);
	put("a.raw", "12345", 5);
	put("b.txt", "12345", 5);
	assert_true(virt_look_at_pools(v, a, pools, 2, TIMEOUT_MS, &why_not, &error));
	assert_null(why_not);
	assert_int_equal(pools[0].state, VIRT_POOL_ACTIVE);
	assert_string_equal(pools[0].is_type, "dir");
	assert_string_equal(pools[0].is_path, "/default-pool");
	assert_non_null(pools[0].trouble); /* the test driver's folder is none */
	assert_int_equal(pools[1].state, VIRT_POOL_ABSENT);
	assert_int_equal(pools[1].n_volumes, 1);
	assert_string_equal(pools[1].volumes[0].name, "a.raw");
	assert_int_equal(pools[1].volumes[0].size_bytes, 5);
	assert_true(virt_define_pool(v, "disks", folder, TIMEOUT_MS, &error));
	assert_true(virt_define_pool(v, "disks", folder, TIMEOUT_MS, &error));
	assert_true(virt_look_at_pools(v, a, pools, 2, TIMEOUT_MS, &why_not, &error));
	assert_int_equal(pools[1].state, VIRT_POOL_ACTIVE);
	assert_string_equal(pools[1].is_path, folder);
	assert_true(pools[1].autostarts);
	assert_false(virt_define_pool(v, "disks", "/elsewhere", TIMEOUT_MS, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS));
	virt_close(v, TIMEOUT_MS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_comes_whole),
		TEST(a_part_is_gone_on_with),
		TEST(a_part_of_something_else_is_not),
		TEST(what_is_wrong_does_not_stay),
		TEST(without_room_nothing_comes),
		TEST(what_is_not_there_is_said),
		TEST(other_threads_fetch_as_well),
		TEST(images_say_what_they_are),
		TEST(pools_are_seen_and_defined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
