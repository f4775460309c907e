/* Runs a fuzz target over files and folders of inputs, without libFuzzer: the corpus as a regression test.
 *
 *     tests/fuzz/NAME FILE-or-FOLDER...
 *
 * TAP on stdout, a test a target. Each input is named before it runs, so that the last name is the one
 * that made the program end. */
#include "fuzz.h"
#include <stdio.h>
#include <string.h>

static guint run_file(const char *path)
{
	g_autofree char *bytes = NULL;
	g_autoptr(GError) error = NULL;
	gsize size = 0;
	if (!g_file_get_contents(path, &bytes, &size, &error)) {
		printf("# %s\n", error->message);
		return 0;
	}
	printf("# %s\n", path);
	fflush(stdout);
	/* A copy of exactly this size: a byte read behind it is seen by the sanitizers. */
	g_autofree uint8_t *exact = g_memdup2(bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	return 1;
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static guint run_folder(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	guint n = 0;
	for (const char *name; dir && (name = g_dir_read_name(dir));)
		if (name[0] != '.')
			g_ptr_array_add(names, g_build_filename(path, name, NULL));
	g_ptr_array_sort(names, by_text);
	for (guint i = 0; i < names->len; i++)
		n += run_file(names->pdata[i]);
	return n;
}

int main(int argc, char **argv)
{
	guint n = 0;
	printf("1..1\n");
	for (int i = 1; i < argc; i++)
		n += g_file_test(argv[i], G_FILE_TEST_IS_DIR) ? run_folder(argv[i]) : run_file(argv[i]);
	printf("%s 1 - %u inputs\n", n ? "ok" : "not ok", n);
	return n ? 0 : 1;
}
