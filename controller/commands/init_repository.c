/* The repository that `cleave init` writes into: one that is there, one around the folder, or a new one. */
#include "commands/init_repository.h"
#include "base/arena.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Runs git; what it printed is in `ret_out`, without the space around it. */
static gboolean run_git(const char *const *argv, char **ret_out, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher =
	    g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
	/* Of a hook that calls us these would name its own repository. */
	static const char *const others[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR",
		                              "GIT_OBJECT_DIRECTORY", "GIT_PREFIX" };
	for (guint n = 0; n < G_N_ELEMENTS(others); n++)
		g_subprocess_launcher_unsetenv(launcher, others[n]);
	g_autoptr(GSubprocess) git = g_subprocess_launcher_spawnv(launcher, argv, error);
	g_autofree char *out = NULL, *said = NULL;
	if (!git || !g_subprocess_communicate_utf8(git, NULL, NULL, &out, &said, error)) {
		g_prefix_error(error, "running git: ");
		return FALSE;
	}
	if (g_subprocess_get_if_signaled(git))
		return fail(error, ERROR_FAILED, "git was ended by signal %d", g_subprocess_get_term_sig(git));
	if (!g_subprocess_get_successful(git))
		return fail(error, ERROR_FAILED, "%s", g_strstrip(said));
	*ret_out = g_strdup(g_strstrip(out));
	return TRUE;
}

/* By its own name: from a broken one git would go on to the folders above. */
static gboolean check_repository(const char *git_folder, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *out = NULL, *option = g_strdup_printf("--git-dir=%s", git_folder);
	const char *const argv[] = { "git", option, "rev-parse", "--git-dir", NULL };
	return run_git(argv, &out, &trouble) ||
	       fail(error, ERROR_INVALID, "%s is not a whole repository (%s); remove it, or mend it with `git init`", git_folder,
	            trouble->message);
}

/* The top of the work tree that the folder lies in, or would; NULL when there is none. */
static char *find_work_tree(const char *folder)
{
	g_autofree char *there = g_canonicalize_filename(folder, NULL), *out = NULL;
	while (!g_file_test(there, G_FILE_TEST_IS_DIR)) {
		char *parent = g_path_get_dirname(there);
		g_free(there);
		there = parent;
	}
	static const char yes[] = "true\n";
	const char *const argv[] = { "git", "-C", there, "rev-parse", "--is-inside-work-tree", "--show-toplevel", NULL };
	return run_git(argv, &out, NULL) && g_str_has_prefix(out, yes) ? g_strdup(out + strlen(yes)) : NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

/* Half a repository would pass for one: what git leaves behind when it fails goes away again. */
static gboolean create(const char *folder, const char *git_folder, GError **error)
{
	enum { FDS = 16 };
	gboolean is_new = !g_file_test(folder, G_FILE_TEST_EXISTS);
	if (g_mkdir_with_parents(folder, 0755) < 0)
		return fail_errno(error, errno, "making %s", folder);
	g_autofree char *out = NULL;
	const char *const argv[] = { "git", "init", "--quiet", "--initial-branch=main", "--", folder, NULL };
	if (run_git(argv, &out, error))
		return TRUE;
	g_prefix_error(error, "git init: ");
	if (nftw(git_folder, remove_one, FDS, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		g_prefix_error(error, "%s is left in parts (%s); remove it. ", git_folder, g_strerror(errno));
	if (is_new)
		rmdir(folder);
	return FALSE;
}

gboolean init_make_repository(struct init *i, GError **error)
{
	g_autofree char *git_folder = g_build_filename(i->folder, ".git", NULL);
	if (g_file_test(git_folder, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
		return check_repository(git_folder, error);
	g_autofree char *top = find_work_tree(i->folder);
	if (!top)
		return create(i->folder, git_folder, error);
	i->work_tree = arena_strdup(i->arena, top);
	g_string_append_printf(i->notes,
	                       "No repository was made: the folder lies in the work tree %s.\n"
	                       "Hooks and the checks of merge requests act only from there: move them if you want them.\n",
	                       top);
	return TRUE;
}
