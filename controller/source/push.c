/* Plumbing commands on a bare copy: an index of its own, a tree, a commit, a push. Arguments go as vectors; texts
 * of people (messages, file contents) go through files, never through a shell. */
#include "source/push.h"
#include "base/error.h"
#include "source/remote.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct push {
	char *url, *branch;
	char *shown; /* the URL, without a password */
	char *folder; /* temporary: copy.git, index, and files on their way */
	char *copy;   /* --git-dir=… */
	char *commit, *tip;
};

enum { ARGUMENTS_MAX = 24 };

/* -- the git program -------------------------------------------------------------------------------------- */

/* Of a hook that calls us these would name its own repository. */
static char **git_environment(const char *index)
{
	static const char *const others[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR",
		                              "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH" };
	char **environment = g_get_environ();
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		environment = g_environ_unsetenv(environment, others[i]);
	environment = g_environ_setenv(environment, "LC_ALL", "C", TRUE);
	return index ? g_environ_setenv(environment, "GIT_INDEX_FILE", index, TRUE) : environment;
}

/* Runs git with the arguments up to NULL. What it printed, without the space around it, is in *ret_out (may be
 * NULL); of a failure its last words are the error. */
static gboolean git(const char *index, char **ret_out, GError **error, ...)
{
	const char *argv[ARGUMENTS_MAX] = { "git" };
	g_auto(GStrv) environment = git_environment(index);
	g_autofree char *out = NULL, *said = NULL;
	int status;
	va_list arguments;
	va_start(arguments, error);
	for (guint n = 1; n < ARGUMENTS_MAX - 1 && (argv[n] = va_arg(arguments, const char *)); n++)
		continue;
	va_end(arguments);
	if (!g_spawn_sync(NULL, (char **)argv, environment, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &said, &status, error)) {
		g_prefix_error(error, "running git: ");
		return FALSE;
	}
	if (ret_out)
		*ret_out = g_strdup(g_strstrip(out));
	if (status == 0)
		return TRUE;
	if (WIFSIGNALED(status))
		return fail(error, ERROR_FAILED, "git was ended by signal %d", WTERMSIG(status));
	return fail(error, ERROR_FAILED, "%s", *g_strstrip(said) ? said : "git gave no reason");
}

/* -- where it goes ---------------------------------------------------------------------------------------- */

/* Of a work tree the remote that its branch is pushed to; of all else the repository itself. */
static gboolean find_remote(struct push *p, const char *repository, GError **error)
{
	g_autofree char *is_bare = NULL, *head = NULL, *remote = NULL, *key = NULL;
	if (!g_file_test(repository, G_FILE_TEST_IS_DIR)) {
		p->url = g_strdup(repository);
		return TRUE;
	}
	if (!git(NULL, &is_bare, error, "-C", repository, "rev-parse", "--is-bare-repository", NULL))
		return FALSE;
	if (strcmp(is_bare, "true") == 0) {
		p->url = g_canonicalize_filename(repository, NULL);
		return TRUE;
	}
	if (git(NULL, &head, NULL, "-C", repository, "symbolic-ref", "--short", "HEAD", NULL)) {
		key = g_strdup_printf("branch.%s.remote", head);
		if (!p->branch)
			p->branch = g_strdup(head);
	}
	if (!key || !git(NULL, &remote, NULL, "-C", repository, "config", key, NULL))
		remote = g_strdup("origin");
	if (!git(NULL, &p->url, NULL, "-C", repository, "remote", "get-url", "--push", remote, NULL))
		return fail(error, ERROR_INVALID,
		            "%s is a work tree without a remote to push to; name the repository that the controller reads", repository);
	if (!strstr(p->url, ":") && !g_path_is_absolute(p->url)) {
		g_autofree char *relative = p->url;
		p->url = g_canonicalize_filename(relative, repository);
	}
	return TRUE;
}

static gboolean find_url(struct push *p, const char *repository, GError **error)
{
	if (!find_remote(p, repository, error))
		return FALSE;
	p->shown = remote_shown(p->url);
	return TRUE;
}

/* What the remote's HEAD points to: "ref: refs/heads/main	HEAD". */
static gboolean find_branch(struct push *p, GError **error)
{
	g_autofree char *out = NULL;
	static const char prefix[] = "ref: refs/heads/";
	if (p->branch)
		return TRUE;
	if (!git(NULL, &out, error, "ls-remote", "--symref", "--", p->url, "HEAD", NULL))
		return FALSE;
	if (!g_str_has_prefix(out, prefix))
		return fail(error, ERROR_NOT_FOUND, "%s has no branch yet, or its HEAD names none; name one", p->shown);
	const char *name = out + strlen(prefix);
	p->branch = g_strndup(name, strcspn(name, "\t\n"));
	return TRUE;
}

/* "Name <mail> 1700000000 +0100" */
char *push_user(void)
{
	g_autofree char *out = NULL;
	if (!git(NULL, &out, NULL, "var", "GIT_AUTHOR_IDENT", NULL))
		return NULL;
	const char *end = strrchr(out, '>');
	return end ? g_strndup(out, (gsize)(end - out) + 1) : NULL;
}

/* The copy lies in no clone of the person's: who commits, and with which key, is said by the folder they stand in, as for
 * `git commit` there. Nothing but that is taken over. */
static gboolean take_identity(const struct push *p, GError **error)
{
	static const char *const keys[] = { "user.name", "user.email", "user.signingKey", "commit.gpgSign",
		                            "gpg.format", "gpg.program", "gpg.ssh.program" };
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *value = NULL;
		if (git(NULL, &value, NULL, "config", "--get", keys[i], NULL) && *value &&
		    !git(NULL, NULL, error, p->copy, "config", keys[i], value, NULL))
			return FALSE;
	}
	return TRUE;
}

struct push *push_new(const char *repository, const char *branch, GError **error)
{
	struct push *p = g_new0(struct push, 1);
	p->branch = g_strdup(branch);
	p->folder = g_dir_make_tmp("cleave-push-XXXXXX", error);
	p->copy = g_strdup_printf("--git-dir=%s/copy.git", p->folder);
	const char *copy = p->copy + strlen("--git-dir=");
	if (p->folder && find_url(p, repository, error) && find_branch(p, error) &&
	    git(NULL, NULL, error, "init", "--quiet", "--bare", "--", copy, NULL) && take_identity(p, error))
		return p;
	push_free(p);
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void push_free(struct push *p)
{
	enum { FDS = 16 };
	if (!p)
		return;
	if (p->folder)
		(void)nftw(p->folder, remove_one, FDS, FTW_DEPTH | FTW_PHYS);
	char *texts[] = { p->url, p->shown, p->branch, p->folder, p->copy, p->commit, p->tip };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_free(p);
}

const char *push_tip(const struct push *p)
{
	return p->tip;
}

const char *push_url(const struct push *p)
{
	return p->shown;
}

const char *push_branch(const struct push *p)
{
	return p->branch;
}

/* Takes the commit's name. */
static void set_tip(struct push *p, char *commit)
{
	g_free(p->commit);
	g_free(p->tip);
	p->commit = commit;
	p->tip = g_strdup_printf("%s@%s", p->copy + strlen("--git-dir="), commit);
}

gboolean push_fetch(struct push *p, GError **error)
{
	g_autofree char *ref = g_strdup_printf("+refs/heads/%s:refs/heads/tip", p->branch), *commit = NULL;
	if (!git(NULL, NULL, error, p->copy, "fetch", "--quiet", "--no-tags", "--depth=1", "--", p->url, ref, NULL) ||
	    !git(NULL, &commit, error, p->copy, "rev-parse", "--verify", "refs/heads/tip^{commit}", NULL)) {
		g_prefix_error(error, "reading %s of %s: ", p->branch, p->shown);
		return FALSE;
	}
	set_tip(p, g_steal_pointer(&commit));
	return TRUE;
}

/* -- the commit ------------------------------------------------------------------------------------------- */

static gboolean stage_file(const struct push *p, const char *index, const char *path, const char *bytes, gsize size,
                           GError **error)
{
	g_autofree char *file = g_build_filename(p->folder, "content", NULL), *blob = NULL, *info = NULL;
	if (!git(index, NULL, error, p->copy, "read-tree", p->commit, NULL))
		return FALSE;
	/* Git asks for a work tree here and looks at nothing in it. */
	g_autofree char *work_tree = g_strdup_printf("--work-tree=%s", p->folder);
	if (!bytes)
		return git(index, NULL, error, p->copy, work_tree, "update-index", "--force-remove", "--", path, NULL);
	if (!g_file_set_contents(file, bytes, (gssize)size, error) ||
	    !git(NULL, &blob, error, p->copy, "hash-object", "-w", "--no-filters", "--", file, NULL))
		return FALSE;
	info = g_strdup_printf("100644,%s,%s", blob, path);
	return git(index, NULL, error, p->copy, "update-index", "--add", "--cacheinfo", info, NULL);
}

/* `git commit` signs when the user's configuration says so; commit-tree has to be told. */
static gboolean must_sign(const struct push *p)
{
	g_autofree char *out = NULL;
	return git(NULL, &out, NULL, p->copy, "config", "--bool", "commit.gpgSign", NULL) && strcmp(out, "true") == 0;
}

static gboolean make_commit(const struct push *p, const char *index, const char *message, char **ret, GError **error)
{
	g_autofree char *tree = NULL, *text = g_build_filename(p->folder, "message", NULL);
	return g_file_set_contents(text, message, -1, error) && git(index, &tree, error, p->copy, "write-tree", NULL) &&
	       git(NULL, ret, error, p->copy, "commit-tree", must_sign(p) ? "-S" : "--no-gpg-sign", "-p", p->commit, "-F", text,
	           tree, NULL);
}

/* One line a ref in --porcelain: "!	from:to	[rejected] (fetch first)", or "[remote rejected] (…)" of a hook. */
gboolean push_send(struct push *p, GError **error)
{
	g_autofree char *ref = g_strdup_printf("%s:refs/heads/%s", p->commit, p->branch), *out = NULL;
	g_autoptr(GError) problem = NULL;
	if (git(NULL, &out, &problem, p->copy, "push", "--porcelain", "--", p->url, ref, NULL))
		return TRUE;
	if (out && strstr(out, "[rejected]"))
		return fail(error, ERROR_EXISTS, "%s of %s moved meanwhile", p->branch, p->shown);
	gboolean is_refused = out && strstr(out, "[remote rejected]");
	/* Two who push at once: the later one finds the ref locked, or another commit there. */
	if (is_refused && (strstr(out, "failed to update ref") || strstr(out, "cannot lock ref") || strstr(out, "incorrect old value")))
		return fail(error, ERROR_EXISTS, "%s of %s is moving", p->branch, p->shown);
	return fail(error, is_refused ? ERROR_REFUSED : ERROR_FAILED, "pushing to %s: %s", p->shown, problem->message);
}

gboolean push_commit(struct push *p, const char *path, const char *bytes, gsize size, const char *message, GError **error)
{
	g_autofree char *index = g_build_filename(p->folder, "index", NULL), *commit = NULL;
	if (!stage_file(p, index, path, bytes, size, error) || !make_commit(p, index, message, &commit, error))
		return FALSE;
	set_tip(p, g_steal_pointer(&commit));
	return TRUE;
}

/* -- an older tree ------------------------------------------------------------------------------------------ */

gboolean push_deepen(struct push *p, GError **error)
{
	/* More than any history has: what is whole already is no error. */
	g_autofree char *ref = g_strdup_printf("+refs/heads/%s:refs/heads/tip", p->branch), *own = g_strdup_printf("refs/heads/%s", p->branch);
	return git(NULL, NULL, error, p->copy, "fetch", "--quiet", "--tags", "--depth=2147483647", "--", p->url, ref, NULL) &&
	       git(NULL, NULL, error, p->copy, "update-ref", own, p->commit, NULL) &&
	       git(NULL, NULL, error, p->copy, "symbolic-ref", "HEAD", own, NULL);
}

char *push_resolve(const struct push *p, const char *rev, GError **error)
{
	g_autofree char *commit = g_strdup_printf("%s^{commit}", rev);
	char *id = NULL;
	if (git(NULL, &id, NULL, p->copy, "rev-parse", "--quiet", "--verify", "--end-of-options", commit, NULL)) {
		char *last = strrchr(id, '\n'); /* older git prints --end-of-options as well */
		char *only = g_strdup(last ? last + 1 : id);
		g_free(id);
		return only;
	}
	fail(error, ERROR_NOT_FOUND, "%s of %s has no commit %s in its history", p->branch, p->shown, rev);
	return NULL;
}

char *push_at(const struct push *p, const char *commit)
{
	return g_strdup_printf("%s@%s", p->copy + strlen("--git-dir="), commit);
}

static gboolean stage_tree(const struct push *p, const char *index, const char *commit, const char *subtree, GError **error)
{
	if (!subtree)
		return git(index, NULL, error, p->copy, "read-tree", commit, NULL);
	g_autofree char *work_tree = g_strdup_printf("--work-tree=%s", p->folder), *from = g_strdup_printf("%s:%s", commit, subtree),
	                *prefix = g_strdup_printf("--prefix=%s/", subtree);
	return git(index, NULL, error, p->copy, "read-tree", p->commit, NULL) &&
	       git(index, NULL, error, p->copy, work_tree, "rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", subtree, NULL) &&
	       git(index, NULL, error, p->copy, "read-tree", prefix, from, NULL);
}

gboolean push_restore(struct push *p, const char *commit, const char *subtree, const char *message, GError **error)
{
	g_autofree char *index = g_build_filename(p->folder, "index", NULL), *made = NULL, *before = NULL, *after = NULL;
	g_autofree char *tree = g_strdup_printf("%s^{tree}", p->commit);
	if (!stage_tree(p, index, commit, subtree, error) || !git(index, &after, error, p->copy, "write-tree", NULL) ||
	    !git(NULL, &before, error, p->copy, "rev-parse", tree, NULL))
		return FALSE;
	if (strcmp(before, after) == 0)
		return fail(error, ERROR_EXISTS, "%s is as %.12s is already", p->branch, commit);
	if (!make_commit(p, index, message, &made, error))
		return FALSE;
	set_tip(p, g_steal_pointer(&made));
	return TRUE;
}

const char *push_commit_id(const struct push *p)
{
	return p->commit;
}
