/* First by the name alone, so that nothing outside is even looked at; then by the longest part that is there. */
#include "host/allowed.h"
#include "base/arena.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static gboolean is_within(const char *path, const char *folder)
{
	gsize len = strlen(folder);
	if (strcmp(folder, "/") == 0)
		return TRUE;
	return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Where it leads, below the tree's root; of what is not there the rest stays as it is written. g_free(). */
static char *follow(struct arena *a, const struct host_tree *t, const char *path)
{
	g_autofree char *part = g_canonicalize_filename(path, "/");
	g_autofree char *rest = g_strdup("");
	for (;;) {
		g_autofree char *real = realpath(host_path(a, t, "%s", part + 1), NULL);
		if (real)
			return g_build_filename(real, rest, NULL);
		if (strcmp(part, "/") == 0)
			return g_build_filename(t->root, rest, NULL);
		g_autofree char *name = g_path_get_basename(part), *below = g_steal_pointer(&rest), *whole = g_steal_pointer(&part);
		rest = *below ? g_build_filename(name, below, NULL) : g_strdup(name);
		part = g_path_get_dirname(whole);
	}
}

/* The link alone is read: what lies behind it may be a file server's. */
static char *follow_parent(struct arena *a, const struct host_tree *t, const char *path)
{
	g_autofree char *clean = g_canonicalize_filename(path, "/"), *parent = g_path_get_dirname(clean), *name = g_path_get_basename(clean);
	g_autofree char *real = follow(a, t, parent), *link = g_build_filename(real, name, NULL);
	g_autofree char *target = g_file_read_link(link, NULL);
	return target ? g_canonicalize_filename(target, real) : g_steal_pointer(&link);
}

static const char *list_folders(struct arena *a, const char *const *folders, guint n)
{
	const char *text = folders[0];
	for (guint i = 1; i < n; i++)
		text = arena_printf(a, "%s, %s", text, folders[i]);
	return text;
}

static gboolean leads_into(struct arena *a, const struct host_tree *t, const char *const *folders, guint n, const char *real)
{
	gboolean is_in = FALSE;
	for (guint i = 0; i < n && !is_in; i++) {
		g_autofree char *folder = follow(a, t, folders[i]);
		is_in = is_within(real, folder);
	}
	return is_in;
}

const char *host_path_outside(struct arena *a, const struct host_tree *t, const char *const *folders, guint n, const char *path, gboolean is_remote)
{
	g_autofree char *clean = g_canonicalize_filename(path, "/");
	gboolean is_in = n == 0;
	for (guint i = 0; i < n && !is_in; i++) {
		g_autofree char *folder = g_canonicalize_filename(folders[i], "/");
		is_in = is_within(clean, folder);
	}
	if (n == 0)
		return NULL;
	if (!is_in)
		return arena_printf(a, "is outside of what this host's controller.yaml allows: %s", list_folders(a, folders, n));
	g_autofree char *real = is_remote ? follow_parent(a, t, path) : follow(a, t, path);
	if (leads_into(a, t, folders, n, real))
		return NULL;
	return arena_printf(a, "leads by a link to %s, outside of what this host's controller.yaml allows: %s", real, list_folders(a, folders, n));
}
