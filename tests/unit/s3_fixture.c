#include "s3_fixture.h"
#include <ftw.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void die_with_test(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static char *in_folder(const struct s3_fixture *f, const char *name)
{
	return g_build_filename(f->folder, name, NULL);
}

static void start(struct s3_fixture *f, const char *const *options)
{
	GPtrArray *argv = g_ptr_array_new();
	char port[16] = "";
	int out = -1;
	g_ptr_array_add(argv, (char *)"python3");
	g_ptr_array_add(argv, (char *)"tests/tools/s3_server.py");
	g_ptr_array_add(argv, f->folder);
	for (guint i = 0; options && options[i]; i++)
		g_ptr_array_add(argv, (char *)options[i]);
	g_ptr_array_add(argv, NULL);
	assert_true(g_spawn_async_with_pipes(NULL, (char **)argv->pdata, NULL,
					     G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, die_with_test, NULL, &f->pid,
					     NULL, &out, NULL, NULL));
	g_ptr_array_free(argv, TRUE);
	assert_true(read(out, port, sizeof port - 1) > 0);
	close(out);
	f->endpoint = g_strdup_printf("http://127.0.0.1:%s", g_strchomp(port));
}

struct s3_fixture *s3_fixture_new(const char *const *options)
{
	g_autofree char *program = g_find_program_in_path("python3");
	if (!program)
		return NULL;
	struct s3_fixture *f = g_new0(struct s3_fixture, 1);
	f->folder = g_dir_make_tmp("cleave-s3-XXXXXX", NULL);
	g_autofree char *bucket = in_folder(f, "farm");
	g_mkdir(bucket, 0755);
	f->keys = in_folder(f, "credentials");
	assert_true(g_file_set_contents(f->keys,
					"[default]\naws_access_key_id = test\naws_secret_access_key = secret/of+tests\n"
					"[wrong]\naws_access_key_id = test\naws_secret_access_key = another\n",
					-1, NULL));
	start(f, options);
	return f;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void s3_fixture_clear(struct s3_fixture *f)
{
	g_autofree char *bucket_folder = in_folder(f, "farm");
	nftw(bucket_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	g_mkdir(bucket_folder, 0755);
	s3_fixture_faults(f, "");
}

void s3_fixture_free(struct s3_fixture *f)
{
	if (!f)
		return;
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	g_free(f->folder);
	g_free(f->endpoint);
	g_free(f->keys);
	g_free(f);
}

void s3_fixture_faults(struct s3_fixture *f, const char *lines)
{
	g_autofree char *path = in_folder(f, "faults");
	assert_true(g_file_set_contents(path, lines, -1, NULL));
}

guint s3_fixture_count(struct s3_fixture *f, const char *part)
{
	g_autofree char *path = in_folder(f, "log"), *text = NULL;
	guint n = 0;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++)
		n += strstr(lines[i], part) != NULL;
	return n;
}

void s3_fixture_forget(struct s3_fixture *f)
{
	g_autofree char *path = in_folder(f, "log");
	g_unlink(path);
}

char *s3_fixture_object(const struct s3_fixture *f, const char *key)
{
	g_autofree char *path = g_build_filename(f->folder, "farm", key, NULL);
	char *text = NULL;
	return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

void s3_fixture_overwrite(const struct s3_fixture *f, const char *key, const char *text)
{
	g_autofree char *path = g_build_filename(f->folder, "farm", key, NULL);
	g_autofree char *folder = g_path_get_dirname(path);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	assert_true(g_file_set_contents(path, text, -1, NULL));
}
