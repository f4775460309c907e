/* A root in a temporary directory and files in it, for the frames_* tests. */
#pragma once
#include "base/error.h" /* before cmocka.h, which has a macro fail() */
#include "frames/digest.h"
#include "frames/root.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
/* cmocka needs the five above */
#include <cmocka.h>

struct test_root {
	char *path;
	int fd;
};

static inline struct test_root test_root_new(void)
{
	GError *error = NULL;
	struct test_root r = { .path = g_dir_make_tmp("cleave-frames-XXXXXX", NULL) };
	assert_non_null(r.path);
	assert_true(root_mark(r.path, "frames", &error));
	r.fd = root_open(r.path, &error);
	assert_true(r.fd >= 0);
	return r;
}

static inline int test_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline void test_root_free(struct test_root *r)
{
	close(r->fd);
	nftw(r->path, test_remove, 16, FTW_DEPTH | FTW_PHYS);
	g_free(r->path);
}

static inline char *test_sha256(const void *bytes, gsize size)
{
	return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, size);
}

/* Replaces the file by a new inode. */
static inline void test_write(const struct test_root *r, const char *path, const void *bytes, gsize size)
{
	g_autofree char *full = g_build_filename(r->path, path, NULL);
	g_autofree char *folder = g_path_get_dirname(full);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	unlink(full);
	assert_true(g_file_set_contents_full(full, bytes, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static inline void test_text(const struct test_root *r, const char *path, const char *text)
{
	test_write(r, path, text, strlen(text));
}

/* NULL when it is not there. g_free(). */
static inline char *test_read(const struct test_root *r, const char *path)
{
	g_autofree char *full = g_build_filename(r->path, path, NULL);
	char *text = NULL;
	g_file_get_contents(full, &text, NULL, NULL);
	return text;
}

static inline gboolean test_exists(const struct test_root *r, const char *path)
{
	struct stat st;
	return fstatat(r->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void test_assert_text(const struct test_root *r, const char *path, const char *text)
{
	g_autofree char *got = test_read(r, path);
	if (!got)
		fail_msg("%s is not there", path);
	assert_string_equal(got, text);
}

/* As if the file had been written a minute ago. */
static inline void test_age(const struct test_root *r, const char *path)
{
	struct timespec then[2];
	clock_gettime(CLOCK_REALTIME, &then[0]);
	then[0].tv_sec -= 60;
	then[1] = then[0];
	assert_int_equal(utimensat(r->fd, path, then, AT_SYMLINK_NOFOLLOW), 0);
}

static inline void test_assert_error(GError **error, int code, const char *part)
{
	assert_non_null(*error);
	if ((*error)->code != code || !strstr((*error)->message, part))
		fail_msg("error %d \"%s\", expected %d with \"%s\"", (*error)->code, (*error)->message, code, part);
	g_clear_error(error);
}
