/* Tables, first match first. Looked at as files: libgit2 gives up before it says more. */
#include "source/git_trouble.h"
#include "base/error.h"
#include <stdio.h>
#include <string.h>

enum { ID_LEN = 40, LINE_MAX_LEN = 4096 };

static const struct {
	const char *words; /* in lower case, within libgit2's */
	const char *way_out;
} openings[] = {
	{ "objectformat", "cleave reads SHA-1 repositories: push to one made with `git init --object-format=sha1`" },
	{ "object format", "cleave reads SHA-1 repositories: push to one made with `git init --object-format=sha1`" },
	{ "refstorage", "turn its refs into files: `git refs migrate --ref-format=files`" },
	{ "reftable", "turn its refs into files: `git refs migrate --ref-format=files`" },
	{ "extension", "mirror it with plain `git clone --mirror` and name the mirror" },
	{ "version", "mirror it with plain `git clone --mirror` and name the mirror" },
	{ "parse config", "mend its file `config` (`git config --list` there shows the place)" },
	{ "permission denied", "let the user that cleave runs as read it" },
	{ "owned by", "let the user that cleave runs as read it" },
};

gboolean git_trouble_open(const char *path, const char *words, GError **error)
{
	g_autofree char *folded = g_ascii_strdown(words, -1);
	for (guint i = 0; i < G_N_ELEMENTS(openings); i++)
		if (strstr(folded, openings[i].words))
			return fail(error, ERROR_INVALID, "%s: libgit2 cannot read this repository: %s; %s", path, words, openings[i].way_out);
	return fail(error, ERROR_INVALID, "%s: libgit2 cannot read this repository: %s", path, words);
}

/* -- a revision that leads nowhere ---------------------------------------------------------------------------- */

struct looked_at {
	const char *path, *gitdir, *commondir, *rev, *words;
};

static gboolean is_id(const char *text)
{
	return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

/* The first line of DIR/NAME, without the space around it; NULL: it cannot be read. */
static char *first_line(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	char line[LINE_MAX_LEN] = "";
	FILE *file = fopen(path, "re");
	if (!file)
		return NULL;
	if (!fgets(line, sizeof line, file))
		*line = '\0';
	fclose(file);
	return g_strdup(g_strstrip(line));
}

/* Objects that a clone made with --shared or --reference borrows. */
static char *alternates_gone(const struct looked_at *x)
{
	g_autofree char *file = g_build_filename(x->commondir, "objects", "info", "alternates", NULL), *text = NULL;
	g_autofree char *objects = g_build_filename(x->commondir, "objects", NULL);
	if (!g_file_get_contents(file, &text, NULL, NULL))
		return NULL;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		g_autofree char *place = *lines[i] && *lines[i] != '#' ? g_canonicalize_filename(lines[i], objects) : NULL;
		if (place && !g_file_test(place, G_FILE_TEST_IS_DIR))
			return g_strdup_printf("borrows objects of %s (objects/info/alternates), which is gone; bring that back, or clone anew without --shared and "
			                       "--reference", place);
	}
	return NULL;
}

static char *head_damaged(const struct looked_at *x)
{
	g_autofree char *head = first_line(x->gitdir, "HEAD");
	if (strcmp(x->rev, "HEAD") != 0 || (head && (g_str_has_prefix(head, "ref: refs/") || is_id(head))))
		return NULL;
	return g_strdup("has a damaged HEAD, which names neither a branch nor a commit; `git symbolic-ref HEAD refs/heads/main` there mends it, or name a "
	                "branch as @main");
}

static char *packed_refs_damaged(const struct looked_at *x)
{
	if (!strstr(x->words, "packed ref"))
		return NULL;
	return g_strdup("has a damaged file packed-refs; push its branches anew, or put a mirror in its place (`git clone --mirror` of a good clone)");
}

/* The branch or tag that was meant: its file, of which git has written half or nothing. */
static char *named_ref(const struct looked_at *x)
{
	static const char *const heads[] = { "", "refs/heads/", "refs/tags/" };
	g_autofree char *head = strcmp(x->rev, "HEAD") == 0 ? first_line(x->gitdir, "HEAD") : NULL;
	const char *name = head && g_str_has_prefix(head, "ref: ") ? head + strlen("ref: ") : x->rev;
	for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
		g_autofree char *full = g_strconcat(heads[i], name, NULL), *file = g_build_filename(x->commondir, full, NULL);
		if (g_str_has_prefix(full, "refs/") && !strstr(full, "..") && g_file_test(file, G_FILE_TEST_IS_REGULAR))
			return g_steal_pointer(&full);
	}
	return NULL;
}

static char *ref_damaged(const struct looked_at *x)
{
	g_autofree char *ref = named_ref(x), *id = ref ? first_line(x->commondir, ref) : NULL;
	if (!id || is_id(id) || g_str_has_prefix(id, "ref: "))
		return NULL;
	return g_strdup_printf("has a damaged %s (%s, as after a power cut); push that branch anew: `git push --force` from a good clone", ref,
	                       *id ? "it is no commit's id" : "its file is empty");
}

/* The ref is there: so it is what it leads to. */
static char *commit_gone(const struct looked_at *x)
{
	g_autofree char *ref = named_ref(x), *id = ref ? first_line(x->commondir, ref) : NULL;
	g_autofree char *packed = g_build_filename(x->commondir, "packed-refs", NULL), *text = NULL;
	g_autofree char *line = g_strdup_printf(" refs/heads/%s\n", x->rev);
	gboolean is_packed = !id && (strcmp(x->rev, "HEAD") == 0 ? strstr(x->words, "object") != NULL
	                                                         : g_file_get_contents(packed, &text, NULL, NULL) && strstr(text, line) != NULL);
	if (!id && !is_packed)
		return NULL;
	return g_strdup_printf("lacks the commit to which %s leads (%s): it is damaged, or a copy that did not end; `git fsck` there shows what is "
	                       "lacking, a fresh `git clone --mirror` mends it", x->rev, x->words);
}

/* A shallow clone is read; only what lies behind the cut is not there. */
static char *history_cut(const struct looked_at *x)
{
	g_autofree char *shallow = g_build_filename(x->commondir, "shallow", NULL);
	if (!strpbrk(x->rev, "~^") || !g_file_test(shallow, G_FILE_TEST_EXISTS))
		return NULL;
	return g_strdup_printf("is a shallow clone, which does not reach as far back as %s; `git fetch --unshallow` brings the rest", x->rev);
}

/* What every reading needs comes first. */
static char *(*const findings[])(const struct looked_at *x) = {
	alternates_gone, packed_refs_damaged, head_damaged, ref_damaged, history_cut, commit_gone,
};

gboolean git_trouble_find(const char *path, const char *gitdir, const char *commondir, const char *rev, const char *words, GError **error)
{
	const struct looked_at x = { path, gitdir, commondir, rev, words };
	for (guint i = 0; i < G_N_ELEMENTS(findings); i++) {
		g_autofree char *sentence = findings[i](&x);
		if (!sentence)
			continue;
		fail(error, ERROR_INVALID, "%s %s", path, sentence);
		return TRUE;
	}
	return FALSE;
}

/* -- what is no repository any more ----------------------------------------------------------------------------- */

static gboolean has(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* A linked work tree or submodule: ".git" is a file that says where the repository is. */
static gboolean link_gone(const char *dir, GError **error)
{
	g_autofree char *line = first_line(dir, ".git"), *to = NULL;
	if (!line || !g_str_has_prefix(line, "gitdir: "))
		return FALSE;
	to = g_canonicalize_filename(line + strlen("gitdir: "), dir);
	if (g_file_test(to, G_FILE_TEST_IS_DIR))
		return FALSE;
	fail(error, ERROR_INVALID, "%s is a work tree whose repository %s is gone; bring that back, name another repository, or read the files as they are with "
	     "--worktree", dir, to);
	return TRUE;
}

static gboolean is_half(const char *dir, const char *shown, GError **error)
{
	if (!has(dir, "HEAD") || !(has(dir, "refs") || has(dir, "packed-refs")) || has(dir, "objects"))
		return FALSE;
	fail(error, ERROR_INVALID, "%s was a git repository, and has lost its folder objects; put a mirror in its place (`git clone --mirror` of a good clone)",
	     shown);
	return TRUE;
}

gboolean git_trouble_place(const char *path, GError **error)
{
	static const char *const bundles[] = { "# v2 git bundle", "# v3 git bundle" };
	if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
		g_autofree char *line = first_line("", path);
		for (guint i = 0; i < G_N_ELEMENTS(bundles); i++)
			if (line && strcmp(line, bundles[i]) == 0) {
				fail(error, ERROR_INVALID, "%s is a git bundle; `git clone --mirror %s DIR`, then name DIR", path, path);
				return TRUE;
			}
		return FALSE;
	}
	g_autofree char *dir = g_strdup(path), *git = g_build_filename(path, ".git", NULL);
	if (is_half(path, path, error) || is_half(git, path, error))
		return TRUE;
	while (!link_gone(dir, error)) {
		char *up = g_path_get_dirname(dir);
		gboolean is_top = strcmp(up, dir) == 0;
		g_free(dir);
		dir = up;
		if (is_top)
			return FALSE;
	}
	return TRUE;
}
