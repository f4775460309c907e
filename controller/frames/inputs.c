/* Patterns are walked component by component; only folders under a `*` are listed. Of a bucket it is the folder before
 * the first `*`, and all that is in it. */
#include "frames/inputs.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/remote.h"
#include "frames/root.h"
#include <string.h>
#include <sys/stat.h>

struct listing {
	struct arena *arena;
	GArray *found; /* struct input */
	int root_fd;
	const char *root; /* its name */
};

/* `*` alone is special. The last star is tried anew at each later place, which is enough: an earlier one
 * that took more could only leave less. */
static gboolean matches(const char *pattern, const char *name)
{
	const char *star = NULL, *after = NULL;
	if (*name == '.' && *pattern != '.')
		return FALSE;
	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			after = name;
		} else if (*pattern == *name) {
			pattern++, name++;
		} else if (star) {
			pattern = star + 1;
			name = ++after;
		} else {
			return FALSE;
		}
	}
	pattern += strspn(pattern, "*");
	return !*pattern;
}

gboolean inputs_match(const char *pattern, const char *path)
{
	g_auto(GStrv) wanted = g_strsplit(pattern, "/", -1), parts = g_strsplit(path, "/", -1);
	if (g_strv_length(wanted) != g_strv_length(parts))
		return FALSE;
	for (guint i = 0; parts[i]; i++)
		if (!*parts[i] || !matches(wanted[i], parts[i]))
			return FALSE;
	return TRUE;
}

char *inputs_folder(const char *pattern, gboolean *ret_deep)
{
	gsize fixed = strcspn(pattern, "*");
	*ret_deep = strchr(pattern + fixed, '/') != NULL;
	while (fixed && pattern[fixed - 1] != '/')
		fixed--;
	return g_strndup(pattern, fixed);
}

static gboolean add(struct listing *l, const char *path, GError **error)
{
	struct input one = { .name = arena_printf(l->arena, "%s:%s", l->root, path) };
	if (l->found->len == INPUTS_MAX)
		return fail(error, ERROR_INVALID, "inputs: more than %d files", INPUTS_MAX);
	g_array_append_val(l->found, one);
	return TRUE;
}

static gboolean is_folder(int dir_fd, const char *name, gboolean follow)
{
	struct stat st;
	return fstatat(dir_fd, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static gboolean walk(struct listing *l, const char *folder, char **parts, GError **error);

/* The matches of parts[0] in the folder. A folder that a link leads to out of the root is refused when it is opened. */
static gboolean walk_matches(struct listing *l, const char *folder, char **parts, GError **error)
{
	SCOPED_FD(dir) = root_openat(l->root_fd, *folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return TRUE;
	if (dir < 0)
		return fail_errno(error, errno, "folder %s:%s cannot be opened", l->root, folder);
	g_autoptr(GPtrArray) names = root_list(dir, error);
	gboolean ok = names != NULL;
	for (guint i = 0; ok && i < names->len; i++) {
		const char *name = names->pdata[i];
		gboolean goes_on = parts[1] != NULL;
		if (!matches(parts[0], name) || is_folder(dir, name, goes_on) != goes_on)
			continue;
		g_autofree char *path = g_strconcat(folder, *folder ? "/" : "", name, NULL);
		ok = goes_on ? walk(l, path, parts + 1, error) : add(l, path, error);
	}
	return ok;
}

/* What lies there of a path without `*` behind a folder that one stood for: not every such folder has it. */
static gboolean add_if_there(struct listing *l, const char *path, GError **error)
{
	SCOPED_FD(fd) = root_openat(l->root_fd, path, O_PATH | O_NOFOLLOW, 0);
	return fd < 0 || add(l, path, error);
}

static gboolean walk(struct listing *l, const char *folder, char **parts, GError **error)
{
	if (!*parts)
		return add_if_there(l, folder, error);
	if (strchr(*parts, '*'))
		return walk_matches(l, folder, parts, error);
	g_autofree char *path = g_strconcat(folder, *folder ? "/" : "", *parts, NULL);
	return walk(l, path, parts + 1, error);
}

static gboolean list_bucket(struct listing *l, struct remote *r, const char *pattern, GError **error)
{
	gboolean deep;
	g_autofree char *folder = inputs_folder(pattern, &deep);
	GHashTable *all = remote_listing(r, folder, deep, error);
	GHashTableIter it;
	gpointer path;
	gboolean ok = all != NULL;
	if (ok)
		g_hash_table_iter_init(&it, all);
	while (ok && g_hash_table_iter_next(&it, &path, NULL))
		ok = !inputs_match(pattern, path) || add(l, path, error);
	return ok;
}

static struct remote *bucket_of(const struct inputs_from *from, const char *root)
{
	return from->remote ? from->remote(from->user, root) : NULL;
}

static gboolean list_one(struct listing *l, const struct inputs_from *from, const char *pattern, GError **error)
{
	const char *colon = strchr(pattern, ':');
	if (!colon || colon == pattern)
		return fail(error, ERROR_INVALID, "inputs: %s is not ROOT:path", pattern);
	l->root = arena_strndup(l->arena, pattern, (gsize)(colon - pattern));
	if (!strchr(colon, '*'))
		return add(l, colon + 1, error);
	l->root_fd = from->root(from->user, l->root, error);
	if (l->root_fd < 0)
		return FALSE;
	g_auto(GStrv) parts = g_strsplit(colon + 1, "/", -1);
	guint before = l->found->len;
	struct remote *bucket = bucket_of(from, l->root);
	if (bucket ? !list_bucket(l, bucket, colon + 1, error) : !walk(l, "", parts, error))
		return FALSE;
	return l->found->len > before || fail(error, ERROR_NOT_FOUND, "inputs: no file is like %s", pattern);
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(((const struct input *)x)->name, ((const struct input *)y)->name);
}

/* In order, each once: two patterns may mean the same file. */
static struct inputs gather(struct arena *a, GArray *found)
{
	struct inputs all = { .is_settled = TRUE };
	g_array_sort(found, by_name);
	all.items = ARENA_ARRAY(a, struct input, found->len);
	for (guint i = 0; i < found->len; i++) {
		const struct input *one = &g_array_index(found, struct input, i);
		if (all.n == 0 || strcmp(all.items[all.n - 1].name, one->name) != 0)
			all.items[all.n++] = *one;
	}
	return all;
}

gboolean inputs_list(struct arena *a, const struct inputs_from *from, const char *const *patterns, struct inputs *ret,
		     GError **error)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct input));
	struct listing l = { a, found, -1, NULL };
	for (guint i = 0; patterns && patterns[i]; i++)
		if (!list_one(&l, from, patterns[i], error))
			return FALSE;
	*ret = gather(a, found);
	return TRUE;
}

/* Of its facts only the size is told. */
static gboolean read_object(struct remote *r, const char *path, struct file_digest *ret, GError **error)
{
	struct s3_facts facts;
	struct file_digest found = { 0 };
	gboolean is_there;
	if (!remote_look(r, path, &is_there, &facts, error))
		return FALSE;
	if (!is_there)
		return fail(error, ERROR_NOT_FOUND, "%s is not there", path);
	if (!remote_identify(r, path, &facts, found.sha256, error))
		return FALSE;
	found.facts.size = facts.size;
	*ret = found;
	return TRUE;
}

gboolean input_read(const struct inputs_from *from, const char *name, struct file_digest *ret, GError **error)
{
	const char *colon = strchr(name, ':');
	if (!colon)
		return fail(error, ERROR_INVALID, "inputs: %s is not ROOT:path", name);
	g_autofree char *root = g_strndup(name, (gsize)(colon - name));
	int fd = from->root(from->user, root, error);
	if (fd < 0)
		return FALSE;
	struct remote *bucket = bucket_of(from, root);
	if (bucket ? read_object(bucket, colon + 1, ret, error) : digest_file(from->cache, fd, colon + 1, ret, error))
		return TRUE;
	g_prefix_error(error, "input %s:", root);
	return FALSE;
}

gboolean inputs_read(struct arena *a, const struct inputs_from *from, const char *const *patterns, struct inputs *ret,
		     GError **error)
{
	struct inputs all;
	struct file_digest digest;
	if (!inputs_list(a, from, patterns, &all, error))
		return FALSE;
	for (guint i = 0; i < all.n; i++) {
		if (!input_read(from, all.items[i].name, &digest, error))
			return FALSE;
		g_strlcpy(all.items[i].sha256, digest.sha256, SHA256_HEX_SIZE);
		all.is_settled = all.is_settled && facts_are_settled(&digest.facts);
	}
	*ret = all;
	return TRUE;
}

void inputs_sum(const struct inputs *all, char ret[SHA256_HEX_SIZE])
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (guint i = 0; i < all->n; i++) {
		const char *pieces[] = { all->items[i].name, " ", all->items[i].sha256, "\n" };
		for (guint k = 0; k < G_N_ELEMENTS(pieces); k++)
			g_checksum_update(sum, (const guchar *)pieces[k], (gssize)strlen(pieces[k]));
	}
	g_strlcpy(ret, g_checksum_get_string(sum), SHA256_HEX_SIZE);
}

gboolean inputs_digest(const struct inputs_from *from, const char *const *patterns, char ret[SHA256_HEX_SIZE], GError **error)
{
	SCOPED_ARENA(scratch);
	struct inputs all;
	if (!inputs_read(scratch, from, patterns, &all, error))
		return FALSE;
	inputs_sum(&all, ret);
	return TRUE;
}
