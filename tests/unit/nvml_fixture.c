/* The machine is a key file; the library lies beside the test programs. */
#include "nvml_fixture.h"
#include <glib/gstdio.h>

static const char MACHINE[] = "[nvml]\n"
			      "driver=550.54.15\n"
			      "[" A100 "]\n"
			      "serial=1324821070001\n"
			      "ecc=1\n"
			      "mig=0\n"
			      "profiles=MIG 1g.10gb:19:1:7;MIG 2g.20gb:14:2:3;MIG 7g.80gb:0:7:1\n"
			      "[" A4000 "]\n" /* neither serial nor ECC nor MIG */
			      "name=RTX A4000\n";

char *fake_machine_new(void)
{
	char *path = NULL;
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(self);
	g_autofree char *library = g_build_filename(folder, "../../tests/tools", NULL);
	int fd = g_file_open_tmp("cleave-nvml-XXXXXX", &path, NULL);
	g_assert(fd >= 0 && g_close(fd, NULL));
	g_assert(g_file_set_contents(path, MACHINE, -1, NULL));
	g_setenv("FAKE_NVML", path, TRUE);
	g_setenv("LD_LIBRARY_PATH", library, TRUE);
	return path;
}

void fake_machine_free(char *path)
{
	g_unlink(path);
	g_free(path);
}

void fake_machine_set(const char *path, const char *group, const char *key, const char *value)
{
	g_autoptr(GKeyFile) f = g_key_file_new();
	g_assert(g_key_file_load_from_file(f, path, 0, NULL));
	g_key_file_set_string(f, group, key, value);
	g_assert(g_key_file_save_to_file(f, path, NULL));
}

char *fake_machine_get(const char *path, const char *group, const char *key)
{
	g_autoptr(GKeyFile) f = g_key_file_new();
	g_assert(g_key_file_load_from_file(f, path, 0, NULL));
	char *value = g_key_file_get_string(f, group, key, NULL);
	return value ? value : g_strdup("");
}
