/* Decides what `DIR-or-repository[@REV]` names, and hands on to git.c or directory.c. */
#include "source/source.h"
#include "base/arena.h"
#include "base/error.h"
#include "source/collect.h"
#include "source/directory.h"
#include "source/git.h"
#include "source/git_trouble.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Splits at the last `@` whose left side exists; REV may hold more of them (main@{yesterday}). */
static char *split_revision(const char *text, const char **ret_rev)
{
	*ret_rev = NULL;
	if (g_file_test(text, G_FILE_TEST_EXISTS))
		return g_strdup(text);
	for (gsize i = strlen(text); i-- > 1;) {
		if (text[i] != '@')
			continue;
		g_autofree char *left = g_strndup(text, i);
		if (!g_file_test(left, G_FILE_TEST_EXISTS))
			continue;
		*ret_rev = text + i + 1;
		return g_steal_pointer(&left);
	}
	return g_strdup(text);
}

static gboolean looks_like_url(const char *text)
{
	const char *colon = strchr(text, ':'), *slash = strchr(text, '/');
	return strstr(text, "://") || (colon && strchr(text, '@') && (!slash || colon < slash));
}

static gboolean fail_missing(GError **error, const char *text, int errno_value)
{
	if (looks_like_url(text))
		return fail(
			error, ERROR_INVALID,
			"\"%s\" is a URL; cleave reads a local repository: `git clone --mirror %s DIR`, then name DIR",
			text, text);
	return fail_errno(error, errno_value, "\"%s\" (write DIR, or a repository and a revision as DIR@main)", text);
}

static gboolean check_plain(const char *text, const char *rev, GError **error)
{
	return !rev || fail(error, ERROR_INVALID,
			    "\"%s\" is not in a git repository, so it has no revision \"%s\"; leave out the \"@%s\"",
			    text, rev, rev);
}

gboolean source_parse(struct arena *arena, const char *text, gboolean worktree, struct source_where *ret,
		      GError **error)
{
	const char *rev;
	g_autofree char *named = split_revision(text, &rev);
	g_autofree char *path = realpath(named, NULL);
	if (!path)
		return fail_missing(error, text, errno);
	if (rev && !*rev)
		return fail(error, ERROR_INVALID, "\"%s\": a revision must follow the @, as %s@main", text, named);
	if (rev && worktree)
		return fail(error, ERROR_INVALID,
			    "\"%s\": --worktree reads files, which have no revision; leave out \"@%s\"", text, rev);
	struct source_where where = { .kind = SOURCE_DIRECTORY, .path = arena_strdup(arena, path) };
	GError *problem = NULL;
	if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
		where.kind = SOURCE_FILE;
	} else if (!worktree && source_git_discover(arena, path, &where, &problem)) {
		where.rev = rev ? arena_strdup(arena, rev) : "HEAD";
		rev = NULL;
	}
	if (!problem && !worktree && where.kind != SOURCE_COMMIT)
		git_trouble_place(path, &problem);
	if (problem) {
		g_propagate_error(error, problem);
		return FALSE;
	}
	if (!check_plain(named, rev, error))
		return FALSE;
	*ret = where;
	return TRUE;
}

gboolean source_read(struct arena *arena, struct source_where *where, const struct source_known *known,
		     struct source_tree *ret, struct problems *problems, GError **error)
{
	struct source_tree tree = { .revision = "directory" };
	struct source_collect collect;
	source_collect_init(&collect, arena, known, problems);
	gboolean done = where->kind == SOURCE_COMMIT ? source_git_read(&collect, where, &tree, error)
						     : source_directory_read(&collect, where, error);
	if (done) {
		source_collect_end(&collect, &tree);
		*ret = tree;
	}
	source_collect_clear(&collect);
	return done;
}

guint source_n_uncommitted(const struct source_where *where)
{
	return where->kind == SOURCE_COMMIT && strcmp(where->rev, "HEAD") == 0 ? source_git_n_uncommitted(where) : 0;
}

gboolean source_has_moved(const struct source_where *where, const char *commit)
{
	return where->kind != SOURCE_COMMIT || !commit || source_git_has_moved(where, commit);
}

gboolean source_file_at(struct arena *arena, const struct source_where *where, const struct source_tree *tree,
			const char *path, struct source_file *ret, GError **error)
{
	if (!source_path_check(path, error))
		return FALSE;
	return where->kind == SOURCE_COMMIT ? source_git_file(arena, where, tree->commit, path, ret, error)
					    : source_directory_file(arena, where, path, ret, error);
}

static gboolean has_file(struct source_lookup *l, const char *path, GError **error)
{
	if (!source_path_check(path, error))
		return FALSE;
	return l->where->kind == SOURCE_COMMIT ? source_git_has_file(l, path, error)
					       : source_directory_has_file(l->where, path, error);
}

void source_lookup_init(struct source_lookup *l, const struct source_where *where, const struct source_tree *tree)
{
	*l = (struct source_lookup){ .where = where,
				     .tree = tree,
				     .arena = arena_new(),
				     .asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) };
}

void source_lookup_clear(struct source_lookup *l)
{
	g_hash_table_destroy(l->asked);
	arena_free(l->arena);
	*l = (struct source_lookup){ 0 };
}

const char *source_lookup_file(struct source_lookup *l, const char *path)
{
	g_autoptr(GError) error = NULL;
	gpointer why;
	if (g_hash_table_lookup_extended(l->asked, path, NULL, &why))
		return why;
	why = has_file(l, path, &error) ? NULL : g_strdup(error->message);
	g_hash_table_insert(l->asked, g_strdup(path), why);
	return why;
}
