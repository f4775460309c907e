/* People name a scene as they see it: below a mount of this machine, below a drive of theirs. */
#include "base/arena.h"
#include "commands/bucket.h"
#include "commands/submit.h"
#include "frames/digest.h"
#include "frames/root.h"
#include "spec/farm.h"
#include <stdlib.h>
#include <string.h>

/* What is behind the folder `prefix` in `path`; NULL when it does not lie there. `\` is `/` on Windows, and capitals
 * do not matter. */
static const char *below(const char *path, const char *prefix, gboolean is_windows)
{
	gsize len = prefix ? strlen(prefix) : 0;
	while (len > 1 && strchr("/\\", prefix[len - 1]))
		len--;
	if (!len || (is_windows ? g_ascii_strncasecmp(path, prefix, len) : strncmp(path, prefix, len)) != 0)
		return NULL;
	if (path[len] != '/' && !(is_windows && path[len] == '\\'))
		return NULL;
	const char *rest = path + len;
	while (*rest && strchr(is_windows ? "/\\" : "/", *rest))
		rest++;
	return *rest ? rest : NULL;
}

static const char *with_slashes(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);
	g_strdelimit(copy, "\\", '/');
	return copy;
}

/* The root that the path lies on, the deepest when one is mounted within another. */
static gboolean find_on_roots(struct arena *a, const struct farm_spec *farm, const char *path, struct submit_scene *ret)
{
	for (guint i = 0; i < farm->roots.n; i++) {
		const struct farm_root *root = LIST_AT(farm->roots, struct farm_root, i);
		const char *const prefixes[] = { root->path, root->artist.linux_path, root->artist.macos };
		const char *rest = below(path, root->artist.windows, TRUE);
		rest = rest ? with_slashes(a, rest) : NULL;
		for (guint p = 0; p < G_N_ELEMENTS(prefixes) && !rest; p++)
			rest = below(path, prefixes[p], FALSE);
		if (rest && (!ret->path || strlen(rest) < strlen(ret->path))) {
			ret->root = root->name;
			ret->path = rest;
		}
	}
	return ret->path != NULL;
}

static const char *root_names(struct arena *a, const struct farm_spec *farm)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < farm->roots.n; i++) {
		const struct farm_root *root = LIST_AT(farm->roots, struct farm_root, i);
		g_string_append_printf(s, "%s%s (%s)", i ? ", " : "", root->name, root->path ? root->path : root->url);
	}
	return arena_strdup(a, s->len ? s->str : "none");
}

/* The file as this machine sees it: as it was named, or below the root's own path. */
static gboolean read_digest(const char *text, const struct farm_root *root, const char *path, char ret[SHA256_HEX_SIZE], GError **error)
{
	struct file_digest found;
	if (root->url && bucket_digest(root, path, ret, error))
		return TRUE;
	if (root->url) {
		g_prefix_error(error, "%s:%s (--sha256 says its digest instead): ", root->name, path);
		return FALSE;
	}
	g_autofree char *below_root = root->path ? g_build_filename(root->path, path, NULL) : NULL;
	const char *const places[] = { text, below_root };
	for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
		SCOPED_FD(fd) = places[i] && g_path_is_absolute(places[i]) ? open(places[i], O_RDONLY | O_CLOEXEC) : -1;
		if (fd >= 0 && digest_fd(fd, &found, error)) {
			g_strlcpy(ret, found.sha256, SHA256_HEX_SIZE);
			return TRUE;
		}
		if (fd >= 0)
			return FALSE;
	}
	return fail_errno(error, errno, "%s is not to be seen from here (--sha256 says its digest instead)", below_root ? below_root : text);
}

gboolean submit_find_scene(struct arena *a, const struct farm_spec *farm, const char *text, const char *sha256,
                           struct submit_scene *ret, GError **error)
{
	struct submit_scene s = { .sha256 = sha256 };
	const char *root = NULL, *path = NULL;
	if (strstr(text, "://")) {
		s.url = text;
		*ret = s;
		return sha256 || fail(error, ERROR_USAGE, "what is fetched is checked: give the archive's or file's digest with --sha256");
	}
	g_autofree char *here = realpath(text, NULL);
	const char *named = here ? arena_strdup(a, here) : text;
	gboolean is_root = root_path_split(a, text, &root, &path) && farm_root_find(farm, root);
	if (is_root) {
		s.root = root;
		s.path = path;
	} else if (!find_on_roots(a, farm, named, &s) && !find_on_roots(a, farm, text, &s)) {
		return fail(error, ERROR_INVALID, "%s lies on none of the Farm's roots: %s; a scene is ROOT:path, a path below one of them, or a URL",
		            text, root_names(a, farm));
	}
	if (!sha256) {
		char found[SHA256_HEX_SIZE];
		if (!read_digest(named, farm_root_find(farm, s.root), s.path, found, error))
			return FALSE;
		s.sha256 = arena_strdup(a, found);
	}
	*ret = s;
	return TRUE;
}
