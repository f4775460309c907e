/* A repository is made under another name first, so that one that is there was whole at some time. */
#include "source/mirror_files.h"
#include "base/error.h"
#include "source/git_run.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INIT_MS = 30000, FDS = 16 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void remove_all(const char *path)
{
	(void)nftw(path, remove_one, FDS, FTW_DEPTH | FTW_PHYS);
}

char *mirror_files_beside(const char *path, const char *what)
{
	g_assert(g_str_has_suffix(path, ".git") || g_str_has_suffix(path, ".new"));
	return g_strdup_printf("%.*s%s", (int)(strlen(path) - strlen("git")), path, what);
}

/* What git itself asks of a folder before it takes it for a repository (setup.c, is_git_directory()). */
static gboolean looks_whole(const char *path)
{
	static const char *const parts[] = { "HEAD", "objects", "refs", "config" };
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		struct stat st;
		g_autofree char *part = g_build_filename(path, parts[i], NULL);
		if (stat(part, &st) < 0 || (S_ISREG(st.st_mode) && st.st_size == 0))
			return FALSE;
	}
	return TRUE;
}

/* Of two that make it at once the first one's stays. */
static gboolean put(const char *made, const char *path, GError **error)
{
	g_autofree char *old = mirror_files_beside(path, "old");
	if (rename(made, path) == 0)
		return TRUE;
	if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
		return fail_errno(error, errno, "moving a repository to %s", path);
	if (looks_whole(path)) {
		remove_all(made);
		return TRUE;
	}
	remove_all(old);
	return (rename(path, old) == 0 && rename(made, path) == 0) || fail_errno(error, errno, "moving a repository to %s", path);
}

gboolean mirror_files_make(const char *path, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path), *made = g_strdup_printf("%s.%d", path, (int)getpid());
	const char *argv[] = { "init", "--quiet", "--bare", "--template=", "--object-format=sha1", "--initial-branch=main", "--", made, NULL };
	if (looks_whole(path))
		return TRUE;
	if (g_mkdir_with_parents(folder, 0700) != 0)
		return fail_errno(error, errno, "making the folder %s", folder);
	remove_all(made);
	return git_run_sync(argv, INIT_MS, -1, NULL, error) && put(made, path, error);
}

gboolean mirror_files_replace(const char *path, const char *fresh, GError **error)
{
	g_autofree char *old = mirror_files_beside(path, "old");
	remove_all(old);
	if (rename(path, old) < 0 || rename(fresh, path) < 0)
		return fail_errno(error, errno, "putting %s in the place of %s", fresh, path);
	remove_all(old);
	return TRUE;
}

/* -- tidying ------------------------------------------------------------------------------------------------ */

static int tidy_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *name = path + at->base;
	(void)st;
	if (type == FTW_F && (g_str_has_suffix(name, ".lock") || g_str_has_prefix(name, "tmp_")))
		(void)unlink(path);
	return 0;
}

/* The 256 folders of loose objects hold no locks, and nothing of a size. */
void mirror_files_tidy(const char *path)
{
	static const char *const parts[] = { "refs", "objects/pack", "objects/info" };
	static const char *const locks[] = { "HEAD.lock", "config.lock", "packed-refs.lock", "packed-refs.new", "shallow.lock", "gc.pid" };
	static const char *const others[] = { "new", "old" };
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *part = g_build_filename(path, parts[i], NULL);
		(void)nftw(part, tidy_one, FDS, FTW_PHYS);
	}
	for (guint i = 0; i < G_N_ELEMENTS(locks); i++) {
		g_autofree char *lock = g_build_filename(path, locks[i], NULL);
		(void)unlink(lock);
	}
	for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
		g_autofree char *other = mirror_files_beside(path, others[i]);
		remove_all(other);
	}
}

/* -- small files -------------------------------------------------------------------------------------------- */

static gboolean is_branch(const char *ref)
{
	if (!g_str_has_prefix(ref, "refs/heads/") || strstr(ref, "..") || strlen(ref) > 1024)
		return FALSE;
	for (const char *c = ref; *c; c++)
		if (g_ascii_iscntrl(*c) || *c == ' ')
			return FALSE;
	return TRUE;
}

void mirror_files_set_head(const char *path, const char *ref)
{
	g_autofree char *head = g_build_filename(path, "HEAD", NULL), *before = NULL, *text = g_strdup_printf("ref: %s\n", ref);
	if (!is_branch(ref) || (g_file_get_contents(head, &before, NULL, NULL) && strcmp(before, text) == 0))
		return;
	(void)g_file_set_contents(head, text, -1, NULL);
}

void mirror_files_note(const char *path, const char *shown)
{
	g_autofree char *file = mirror_files_beside(path, "url"), *text = g_strdup_printf("%s\n", shown);
	(void)g_file_set_contents(file, text, -1, NULL);
}

gint64 mirror_files_fetched_ms(const char *path)
{
	g_autofree char *file = mirror_files_beside(path, "url");
	struct stat st;
	if (stat(file, &st) < 0)
		return 0;
	return (gint64)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}
