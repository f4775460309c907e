/* Each format, depth, colour mode and codec as the installed Blender writes it: read, with depth and colour as
 * asked; cuts and changes found. Skipped where there is no Blender. */
#include "frames/image.h"
#include "frames_files.h"
#include <gio/gio.h>
#include <sys/mman.h>

static struct test_root root;
static GPtrArray *names; /* files that Blender wrote */

/* format, mode, depth, codec */
static char **parts_of(const char *name)
{
	g_autofree char *stem = g_strndup(name, (gsize)(strrchr(name, '.') - name));
	return g_strsplit(stem, "~", 4);
}

static gboolean check_bytes(const char *bytes, gsize size, const struct image_expected *expected, struct image_facts *ret,
                            GError **error)
{
	SCOPED_FD(fd) = memfd_create("frame", MFD_CLOEXEC);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return image_check_fd(fd, expected, ret, error);
}

static void all_are_whole(void **state)
{
	(void)state;
	if (!names)
		skip();
	for (guint i = 0; i < names->len; i++) {
		g_auto(GStrv) part = parts_of(names->pdata[i]);
		struct image_expected expected = { .width = 48, .height = 32 };
		struct image_facts f;
		g_autoptr(GError) error = NULL;
		image_expect(part[0], part[1], part[2], &expected);
		if (!image_check(root.fd, names->pdata[i], &expected, &f, &error))
			fail_msg("%s", error->message);
		assert_true(!f.is_black && !f.is_constant && !f.is_nan);
		gboolean is_multilayer = strcmp(part[0], "OPEN_EXR_MULTILAYER") == 0;
		assert_true(is_multilayer ? f.n_layers > 3 && f.channels == 4 : f.n_layers == 1);
		assert_int_equal(f.is_float, g_str_has_prefix(part[0], "OPEN_EXR"));
	}
}

static void others_are_not(void **state)
{
	(void)state;
	if (!names)
		skip();
	for (guint i = 0; i < names->len; i++) {
		g_auto(GStrv) part = parts_of(names->pdata[i]);
		struct image_expected expected = { .width = 48, .height = 32 };
		struct image_facts f;
		if (strcmp(part[0], "JPEG") != 0) {
			image_expect(part[0], "", strcmp(part[2], "16") == 0 ? "8" : "16", &expected);
			assert_false(image_check(root.fd, names->pdata[i], &expected, &f, NULL));
		}
		image_expect(part[0], "", "", &expected);
		expected.height = 31;
		assert_false(image_check(root.fd, names->pdata[i], &expected, &f, NULL));
	}
}

static void damage(void **state)
{
	(void)state;
	if (!names)
		skip();
	for (guint i = 0; i < names->len; i++) {
		g_auto(GStrv) part = parts_of(names->pdata[i]);
		g_autofree char *path = g_build_filename(root.path, names->pdata[i], NULL), *bytes = NULL;
		gsize size;
		struct image_facts f;
		guint found = 0, n = 60;
		const struct image_expected expected = { part[0], 48, 32, 0, 0 };
		g_autoptr(GRand) random = g_rand_new_with_seed(i);
		assert_true(g_file_get_contents(path, &bytes, &size, NULL));
		for (guint k = 0; k < n; k++) {
			gsize at = (gsize)g_rand_int_range(random, 0, (gint32)size);
			char change = (char)g_rand_int_range(random, 1, 256);
			assert_false(check_bytes(bytes, at, &expected, &f, NULL)); /* cut there */
			bytes[at] ^= change;
			found += !check_bytes(bytes, size, &expected, &f, NULL);
			bytes[at] ^= change;
		}
		print_message("# %s: all cuts and %u of %u changes found\n", (char *)names->pdata[i], found, n);
		assert_true(strcmp(part[0], "PNG") != 0 || found == n);
	}
}

static int begin(void **state)
{
	(void)state;
	g_autoptr(GError) error = NULL;
	root = test_root_new();
	const char *argv[] = { "blender", "-b", "--factory-startup", "--python-exit-code", "9",
		               "-P",      "tests/unit/blender_images.py", "--", root.path, NULL };
	g_autofree char *program = g_find_program_in_path(argv[0]);
	if (!program)
		return 0;
	g_autoptr(GSubprocess) child = g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
	if (!child || !g_subprocess_wait_check(child, NULL, &error))
		return -1;
	GPtrArray *all = root_list(root.fd, &error);
	names = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; all && i < all->len; i++)
		if (strchr(all->pdata[i], '~'))
			g_ptr_array_add(names, g_strdup(all->pdata[i]));
	g_clear_pointer(&all, g_ptr_array_unref);
	return names->len > 90 ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	g_clear_pointer(&names, g_ptr_array_unref);
	test_root_free(&root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_whole),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(damage),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
