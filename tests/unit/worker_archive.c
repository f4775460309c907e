/* Archives of friends and of others, written here entry by entry. */
#include "base/error.h"
#include "worker/archive.h"
#include <archive.h>
#include <archive_entry.h>
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

struct entry {
	const char *path;
	mode_t type; /* 0: a file */
	const char *target, *content;
	gint64 size; /* 0: the content's */
	mode_t mode;
};

enum pack { PACK_ZIP, PACK_TAR_XZ, PACK_TAR_GZ, PACK_7Z, PACK_TAR };

struct fixture {
	char *folder;
	int fd, tree_fd;
	guint64 bytes;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);
	f->folder = g_dir_make_tmp("cleave-archive-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(f->folder, "packed", NULL), *tree = g_build_filename(f->folder, "tree", NULL);
	assert_int_equal(g_mkdir(tree, 0755), 0);
	f->fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	f->tree_fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { "rm", "-rf", f->folder, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	close(f->fd);
	close(f->tree_fd);
	g_free(f->folder);
	g_free(f);
	return 0;
}

static void write_entry(struct archive *a, const struct entry *in)
{
	static const char zeros[1 << 16];
	struct archive_entry *e = archive_entry_new();
	gint64 size = in->size ? in->size : in->content ? (gint64)strlen(in->content) : 0;
	archive_entry_set_pathname(e, in->path);
	archive_entry_set_perm(e, in->mode ? in->mode : 0600);
	archive_entry_set_filetype(e, in->type ? in->type : AE_IFREG);
	if (in->type == AE_IFLNK)
		archive_entry_set_symlink(e, in->target);
	else if (in->target)
		archive_entry_set_hardlink(e, in->target);
	if (!in->target)
		archive_entry_set_size(e, size);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	if (in->content)
		archive_write_data(a, in->content, (size_t)size);
	else if (!in->type && !in->target)
		for (gint64 left = size; left > 0; left -= (gint64)sizeof zeros)
			archive_write_data(a, zeros, (size_t)MIN(left, (gint64)sizeof zeros));
	archive_entry_free(e);
}

static void pack(struct fixture *f, enum pack how, const struct entry *entries, guint n)
{
	struct archive *a = archive_write_new();
	switch (how) {
	case PACK_ZIP: archive_write_set_format_zip(a); break;
	case PACK_7Z: archive_write_set_format_7zip(a); break;
	case PACK_TAR:
	case PACK_TAR_XZ:
	case PACK_TAR_GZ: archive_write_set_format_pax_restricted(a); break;
	}
	if (how == PACK_TAR_XZ)
		archive_write_add_filter_xz(a);
	if (how == PACK_TAR_GZ)
		archive_write_add_filter_gzip(a);
	assert_int_equal(ftruncate(f->fd, 0), 0);
	lseek(f->fd, 0, SEEK_SET);
	assert_int_equal(archive_write_open_fd(a, f->fd), ARCHIVE_OK);
	for (guint i = 0; i < n; i++)
		write_entry(a, &entries[i]);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static gboolean unpack(struct fixture *f, GError **error)
{
	const struct archive_limits limits = { .n_entries = 20, .bytes = 1 << 20 };
	return archive_unpack(f->fd, f->tree_fd, &limits, &f->bytes, error);
}

static void assert_refused(struct fixture *f, const char *why)
{
	g_autoptr(GError) problem = NULL;
	g_autofree char *out = g_build_filename(f->folder, "out", NULL);
	if (unpack(f, &problem))
		fail_msg("unpacked, though: %s", why);
	if (!g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID) || !strstr(problem->message, why))
		fail_msg("%s, not: %s", problem->message, why);
	assert_false(g_file_test(out, G_FILE_TEST_EXISTS));
}

static const struct entry friendly[] = {
	{ "shot/", .type = AE_IFDIR, .mode = 0700 },
	{ "./shot/shot.blend", .content = "BLENDER", .mode = 04600 },
	{ "shot/lib/tree.blend", .content = "BLENDER lib" },
	{ "shot/bin/run", .content = "#!", .mode = 0700 },
};

static void all_kinds(void **state)
{
	struct fixture *f = *state;
	for (enum pack how = PACK_ZIP; how <= PACK_TAR; how++) {
		struct stat st;
		pack(f, how, friendly, G_N_ELEMENTS(friendly));
		assert_int_equal(archive_kind_of(f->fd), ARCHIVE_KNOWN);
		assert_true(unpack(f, NULL));
		assert_int_equal(f->bytes, strlen("BLENDER") + strlen("BLENDER lib") + strlen("#!"));
		assert_int_equal(fstatat(f->tree_fd, "shot/shot.blend", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
		assert_int_equal(fstatat(f->tree_fd, "shot/lib/tree.blend", &st, 0), 0);
		assert_int_equal(st.st_size, strlen("BLENDER lib"));
		assert_int_equal(fstatat(f->tree_fd, "shot/bin/run", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
	}
}

static void no_archive(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(archive_kind_of(f->fd), ARCHIVE_NONE);
	assert_int_equal(write(f->fd, "BLENDER-v304", 12), 12);
	assert_int_equal(archive_kind_of(f->fd), ARCHIVE_NONE);
}

static void escapes(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct entry entries[4];
		guint n;
		const char *why;
	} cases[] = {
		{ { { "../out", .content = "x" } }, 1, "\"../out\" leads out of it" },
		{ { { "a/../../out", .content = "x" } }, 1, "leads out of it" },
		{ { { "/out", .content = "x" } }, 1, "\"/out\" leads out of it" },
		{ { { "l", .type = AE_IFLNK, .target = ".." }, { "l/out", .content = "x" } }, 2, "link l is something else as well" },
		{ { { "l", .type = AE_IFLNK, .target = ".." } }, 1, "link l leads out of it, to .." },
		{ { { "l", .type = AE_IFLNK, .target = "/etc/passwd" } }, 1, "link l leads out of it, to /etc/passwd" },
		{ { { "d/d/l", .type = AE_IFLNK, .target = "../../t" }, { "t/x", .content = "x" }, { "up", .type = AE_IFLNK, .target = "d/d/l/../.." } }, 3, "link up leads out" },
		{ { { "h", .target = "../packed" } }, 1, "\"../packed\" leads out of it" },
		{ { { "pipe", .type = AE_IFIFO } }, 1, "pipe is neither file, folder nor link" },
		{ { { "disk", .type = AE_IFBLK } }, 1, "disk is neither file, folder nor link" },
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *name = g_strdup_printf("case-%u", i);
		int whole = f->tree_fd;
		assert_int_equal(mkdirat(whole, name, 0755), 0);
		f->tree_fd = openat(whole, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		pack(f, PACK_TAR, cases[i].entries, cases[i].n);
		assert_refused(f, cases[i].why);
		close(f->tree_fd);
		f->tree_fd = whole;
	}
}

static void links_within(void **state)
{
	struct fixture *f = *state;
	static const struct entry entries[] = {
		{ "scene.blend", .type = AE_IFLNK, .target = "v2/scene.blend" }, { "v2/scene.blend", .content = "BLENDER" },
		{ "v1", .type = AE_IFLNK, .target = "gone" }, { "twin.blend", .target = "v2/scene.blend" },
	};
	struct stat st;
	pack(f, PACK_TAR, entries, G_N_ELEMENTS(entries));
	assert_true(unpack(f, NULL));
	assert_int_equal(fstatat(f->tree_fd, "scene.blend", &st, 0), 0);
	assert_int_equal(st.st_size, strlen("BLENDER"));
	assert_int_equal(fstatat(f->tree_fd, "twin.blend", &st, 0), 0);
	assert_int_equal(fstatat(f->tree_fd, "v1", &st, AT_SYMLINK_NOFOLLOW), -1); /* it led nowhere */
}

static void bombs(void **state)
{
	struct fixture *f = *state;
	static const struct entry large[] = { { "zeros", .size = 2 << 20 } };
	static const struct entry two[] = { { "a", .size = 600 << 10 }, { "b", .size = 600 << 10 } };
	for (enum pack how = PACK_ZIP; how <= PACK_7Z; how++) {
		pack(f, how, large, 1);
		assert_refused(f, "unpacks to more than 1048576 bytes");
		pack(f, how, two, 2);
		assert_refused(f, "unpacks to more than 1048576 bytes");
	}
	struct entry many[30] = { 0 };
	char names[30][8];
	for (guint i = 0; i < G_N_ELEMENTS(many); i++) {
		g_snprintf(names[i], sizeof names[i], "f%u", i);
		many[i].path = names[i];
	}
	pack(f, PACK_ZIP, many, G_N_ELEMENTS(many));
	assert_refused(f, "more than 20 entries");
	g_autoptr(GString) deep = g_string_new(NULL);
	for (guint i = 0; i < 100; i++)
		g_string_append(deep, "d/");
	const struct entry below = { deep->str, .type = AE_IFDIR };
	pack(f, PACK_TAR, &below, 1);
	assert_refused(f, "lies too deep");
}

static void damaged(void **state)
{
	struct fixture *f = *state;
	static const struct entry entries[] = { { "scene.blend", .size = 100000 } };
	for (enum pack how = PACK_ZIP; how <= PACK_TAR; how++) {
		g_autoptr(GError) problem = NULL;
		pack(f, how, entries, 1);
		off_t size = lseek(f->fd, 0, SEEK_END);
		assert_int_equal(ftruncate(f->fd, size / 2), 0);
		assert_false(unpack(f, &problem));
		assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID));
	}
}

static gboolean at_once(void *user)
{
	(void)user;
	return TRUE;
}

static void interrupted(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GError) problem = NULL;
	const struct archive_limits limits = { .n_entries = 20, .bytes = 1 << 20, .is_over = at_once };
	pack(f, PACK_ZIP, friendly, G_N_ELEMENTS(friendly));
	assert_false(archive_unpack(f->fd, f->tree_fd, &limits, &f->bytes, &problem));
	assert_true(g_error_matches(problem, CLEAVE_ERROR, ERROR_TIMEOUT));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = { TEST(all_kinds), TEST(no_archive), TEST(escapes),	  TEST(links_within),
					    TEST(bombs),     TEST(damaged),    TEST(interrupted) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
