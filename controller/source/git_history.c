/* Signatures are cut out of the raw object here: libgit2's own reader stops at a NUL and takes the first of several. */
#include "base/arena.h"
#include "base/error.h"
#include "source/history.h"
#include <git2.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_repository, git_repository_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_object, git_object_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_reference, git_reference_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_commit, git_commit_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_odb, git_odb_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_odb_object, git_odb_object_free)

enum { OBJECT_SIZE_MAX = 1024 * 1024, SHORT_LEN = 7 };

static const char *git_sentence(void)
{
	const git_error *e = git_error_last();
	return e && e->message ? e->message : "no reason given";
}

/* The library is there already: the where was made by it. */
static git_repository *open_repository(const struct source_where *where, GError **error)
{
	git_repository *repository = NULL;
	if (git_repository_open_bare(&repository, where->gitdir) < 0)
		fail(error, ERROR_FAILED, "%s: %s", where->gitdir, git_sentence());
	return repository;
}

/* -- what was signed ---------------------------------------------------------------------------------------- */

/* The object's own bytes, as text. */
static const char *read_object(struct arena *a, git_repository *repository, const git_oid *id, const char *what, gsize *ret_size, GError **error)
{
	g_autoptr(git_odb) odb = NULL;
	g_autoptr(git_odb_object) object = NULL;
	size_t size;
	git_object_t type;
	if (git_repository_odb(&odb, repository) < 0 || git_odb_read_header(&size, &type, odb, id) < 0) {
		fail(error, ERROR_FAILED, "%s cannot be read: %s", what, git_sentence());
		return NULL;
	}
	if (size > OBJECT_SIZE_MAX) {
		fail(error, ERROR_REFUSED, "%s has more than %d KiB: its message or its signature is none that a person writes; write it shorter", what,
		     OBJECT_SIZE_MAX / 1024);
		return NULL;
	}
	if (git_odb_read(&object, odb, id) < 0) {
		fail(error, ERROR_FAILED, "%s cannot be read: %s", what, git_sentence());
		return NULL;
	}
	const char *bytes = git_odb_object_data(object);
	if (memchr(bytes, '\0', size)) {
		fail(error, ERROR_REFUSED, "%s holds a NUL byte, which git writes into none; make it anew with git", what);
		return NULL;
	}
	*ret_size = size;
	return arena_strndup(a, bytes, size);
}

static const char *line_end(const char *line, const char *end)
{
	const char *nl = memchr(line, '\n', (gsize)(end - line));
	return nl ? nl + 1 : end;
}

static gboolean is_header(const char *line, const char *name)
{
	return g_str_has_prefix(line, name) && line[strlen(name)] == ' ';
}

/* A header's value goes on in lines that begin with a space. */
static const char *header_end(const char *line, const char *end)
{
	const char *next = line_end(line, end);
	while (next < end && *next == ' ')
		next = line_end(next, end);
	return next;
}

/* Behind the header's name, and behind each line's first space. */
static void append_value(GString *out, const char *name, const char *line, const char *end)
{
	const char *next;
	for (const char *at = line + strlen(name); at < end; at = next) {
		next = line_end(at, end);
		g_string_append_len(out, at + 1, next - at - 1);
	}
}

/* The signature is the value of `gpgsig`, and the rest without it is what was signed; git leaves its sibling for SHA-256
 * out as well. */
static gboolean split_commit(struct arena *a, const char *bytes, gsize size, struct signed_object *ret, GError **error)
{
	static const char header[] = "gpgsig";
	g_autoptr(GString) payload = g_string_new(NULL), signature = g_string_new(NULL);
	const char *end = bytes + size, *line = bytes;
	guint n_signatures = 0;
	for (const char *next; line < end && *line != '\n'; line = next) {
		next = header_end(line, end);
		if (is_header(line, header) && ++n_signatures)
			append_value(signature, header, line, next);
		else if (!is_header(line, "gpgsig-sha256"))
			g_string_append_len(payload, line, next - line);
	}
	g_string_append_len(payload, line, end - line);
	if (n_signatures > 1)
		return fail(error, ERROR_REFUSED, "%s has several signatures; which one counts is not to be guessed: sign it anew", ret->what);
	ret->payload = arena_strndup(a, payload->str, payload->len);
	ret->payload_size = payload->len;
	ret->signature = signature->len ? arena_strdup(a, signature->str) : NULL;
	return TRUE;
}

/* Of a tag the signature stands at the end of the message: from its last line that begins one. */
static void split_tag(struct arena *a, const char *bytes, gsize size, struct signed_object *ret)
{
	static const char *const marks[] = { "-----BEGIN SSH SIGNATURE-----", "-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----",
		                             "-----BEGIN SIGNED MESSAGE-----" };
	const char *found = NULL, *end = bytes + size;
	for (const char *line = bytes; line < end; line = line_end(line, end))
		for (guint i = 0; i < G_N_ELEMENTS(marks); i++)
			if (g_str_has_prefix(line, marks[i]))
				found = line;
	ret->payload = bytes;
	ret->payload_size = found ? (gsize)(found - bytes) : size;
	ret->signature = found ? arena_strdup(a, found) : NULL;
}

gboolean history_signed_commit(struct arena *a, const struct source_where *where, const char *commit, struct signed_object *ret, GError **error)
{
	g_autoptr(git_repository) repository = open_repository(where, error);
	struct signed_object o = { .id = commit, .what = arena_printf(a, "commit %.*s", SHORT_LEN, commit) };
	git_oid id;
	gsize size;
	if (!repository)
		return FALSE;
	if (git_oid_fromstr(&id, commit) < 0)
		return fail(error, ERROR_INVALID, "\"%s\" is no commit's id", commit);
	const char *bytes = read_object(a, repository, &id, o.what, &size, error);
	if (!bytes || !split_commit(a, bytes, size, &o, error))
		return FALSE;
	*ret = o;
	return TRUE;
}

gboolean history_signed_tag(struct arena *a, const struct source_where *where, const char *commit, struct signed_object *ret, GError **error)
{
	g_autoptr(git_repository) repository = open_repository(where, error);
	g_autoptr(git_object) object = NULL, target = NULL;
	g_autoptr(git_reference) ref = NULL;
	gsize size;
	if (!repository || git_revparse_ext(&object, &ref, repository, where->rev) < 0 || git_object_type(object) != GIT_OBJECT_TAG ||
	    git_object_peel(&target, object, GIT_OBJECT_COMMIT) < 0 || strcmp(git_oid_tostr_s(git_object_id(target)), commit) != 0)
		return FALSE;
	/* A tag of a tag says nothing of what lies below. */
	if (git_tag_target_type((const git_tag *)object) != GIT_OBJECT_COMMIT)
		return FALSE;
	struct signed_object o = { .id = arena_strdup(a, git_oid_tostr_s(git_object_id(object))), .what = arena_printf(a, "tag %s", where->rev) };
	const char *bytes = read_object(a, repository, git_object_id(object), o.what, &size, error);
	if (!bytes)
		return FALSE;
	split_tag(a, bytes, size, &o);
	*ret = o;
	return TRUE;
}

/* -- the way ------------------------------------------------------------------------------------------------ */

static gboolean fail_step(const struct source_where *where, const char *id, GError **error)
{
	return fail(error, ERROR_FAILED, "%s: the commit before %.*s cannot be read (%s); a shallow clone lacks it: `git fetch --unshallow`", where->path,
	            SHORT_LEN, id, git_sentence());
}

static gboolean fail_many(const char *accepted, GError **error)
{
	return fail(error, ERROR_REFUSED,
	            "more than %d commits lie between %.*s, which was accepted last, and this one: whose each of them is would take too long to say; push "
	            "them in parts, or accept them as a whole as this host's administrator", HISTORY_STEPS_MAX, SHORT_LEN, accepted);
}

/* Whether the accepted commit is this one, or has it behind it. */
static gboolean is_shared(git_repository *repository, const git_oid *accepted, const git_oid *id)
{
	return git_oid_equal(accepted, id) || git_graph_descendant_of(repository, accepted, id) == 1;
}

/* Ids from the tip back, in hex: until the accepted one, the first of all, or one more than may be. */
static gboolean list_parents(git_repository *repository, const struct source_where *where, const git_oid *accepted, const git_oid *tip,
                             GArray *ids, GError **error)
{
	git_oid at = *tip;
	for (;;) {
		g_autoptr(git_commit) commit = NULL;
		if (git_commit_lookup(&commit, repository, &at) < 0) {
			const git_oid *child = ids->len ? &g_array_index(ids, git_oid, ids->len - 1) : tip;
			return fail_step(where, git_oid_tostr_s(child), error);
		}
		g_array_append_val(ids, at);
		if (git_oid_equal(&at, accepted) || ids->len > HISTORY_STEPS_MAX || git_commit_parentcount(commit) == 0)
			return TRUE;
		git_oid_cpy(&at, git_commit_parent_id(commit, 0));
	}
}

/* The first that the accepted one has behind it, or their number: of an ancestor all ancestors are, too, so that few have to be
 * asked, which takes long in a long history. */
static guint find_base(git_repository *repository, const git_oid *accepted, const GArray *ids)
{
	guint low = 0, high = ids->len;
	if (git_oid_equal(&g_array_index(ids, git_oid, ids->len - 1), accepted))
		return ids->len - 1;
	while (low < high) {
		guint middle = low + (high - low) / 2;
		if (is_shared(repository, accepted, &g_array_index(ids, git_oid, middle)))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

gboolean history_since(struct arena *a, const struct source_where *where, const char *accepted, const char *tip, struct history *ret, GError **error)
{
	g_autoptr(git_repository) repository = open_repository(where, error);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(git_oid));
	g_autoptr(git_commit) known = NULL;
	git_oid from, to;
	if (!repository)
		return FALSE;
	if (git_oid_fromstr(&from, accepted) < 0 || git_oid_fromstr(&to, tip) < 0 || git_commit_lookup(&known, repository, &from) < 0)
		return fail(error, ERROR_NOT_FOUND, "commit %.*s, which was accepted last, is not in %s any more", SHORT_LEN, accepted, where->path);
	if (!list_parents(repository, where, &from, &to, ids, error))
		return FALSE;
	guint n = find_base(repository, &from, ids);
	if (n > HISTORY_STEPS_MAX)
		return fail_many(accepted, error);
	*ret = (struct history){ .commits = ARENA_ARRAY(a, char *, n + 1), .n = n };
	for (guint i = 0; i < n; i++)
		ret->commits[i] = arena_strdup(a, git_oid_tostr_s(&g_array_index(ids, git_oid, n - 1 - i)));
	ret->base = n < ids->len ? arena_strdup(a, git_oid_tostr_s(&g_array_index(ids, git_oid, n))) : NULL;
	ret->is_behind = n == 0 && !git_oid_equal(&from, &to);
	return TRUE;
}
