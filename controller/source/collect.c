/* Names, limits and refusals, the same words for a commit and for a directory. */
#include "source/collect.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include <string.h>

void source_collect_init(struct source_collect *c, struct arena *arena, const struct source_known *known,
			 struct problems *problems)
{
	*c = (struct source_collect){ .arena = arena,
				      .problems = problems,
				      .known = known,
				      .files = g_array_new(FALSE, FALSE, sizeof(struct source_file)) };
}

void source_collect_clear(struct source_collect *c)
{
	if (c->files)
		g_array_free(c->files, TRUE);
	*c = (struct source_collect){ 0 };
}

static gint by_path(gconstpointer x, gconstpointer y)
{
	const struct source_file *a = x, *b = y;
	return strcmp(a->path, b->path);
}

void source_collect_end(struct source_collect *c, struct source_tree *ret)
{
	g_array_sort(c->files, by_path);
	ret->n_files = c->files->len;
	ret->files = arena_memdup(c->arena, c->files->data, sizeof(struct source_file) * c->files->len);
}

gboolean source_name_is_hidden(const char *name)
{
	return name[0] == '.';
}

gboolean source_name_is_yaml(const char *name)
{
	return g_str_has_suffix(name, ".yaml") || g_str_has_suffix(name, ".yml");
}

gboolean source_path_check(const char *path, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	gboolean good = parts[0] != NULL;
	for (char **part = parts; *part && good; part++)
		good = **part && strcmp(*part, ".") != 0 && strcmp(*part, "..") != 0;
	return good || fail(error, ERROR_INVALID,
			    "\"%s\" must be a path within the tree, without \"..\", as cloud/user.yaml", path);
}

void source_collect_refuse(struct source_collect *c, enum severity severity, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *message = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *shown = g_utf8_make_valid(path, -1);
	struct place place = { .path = arena_strdup(c->arena, shown) };
	problem_add(c->problems, severity, place, "%s", message);
}

gboolean source_collect_admits(struct source_collect *c, const char *path, guint64 size)
{
	if (!g_utf8_validate(path, -1, NULL)) {
		source_collect_refuse(c, SEVERITY_ERROR, path, "the file's name is not valid UTF-8; rename it");
		return FALSE;
	}
	if (size > SOURCE_FILE_MIB_MAX * MiB) {
		source_collect_refuse(c, SEVERITY_ERROR, path,
				      "is %" G_GUINT64_FORMAT " MiB; a spec file has at most %d MiB, split it",
				      (size + MiB - 1) / MiB, SOURCE_FILE_MIB_MAX);
		return FALSE;
	}
	return TRUE;
}

/* https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: the first line of every pointer. */
gboolean source_is_lfs_pointer(const char *bytes, gsize size)
{
	static const char first_line[] = "version https://git-lfs.github.com/spec/v1";
	G_STATIC_ASSERT(sizeof first_line - 1 == SOURCE_LFS_LEN);
	return bytes && size >= SOURCE_LFS_LEN && memcmp(bytes, first_line, SOURCE_LFS_LEN) == 0;
}

#define LFS_SENTENCE "is a git LFS pointer, not the file"

gboolean source_fail_lfs(const char *path, GError **error)
{
	return fail(error, ERROR_INVALID, "\"%s\" " LFS_SENTENCE "; keep it out of LFS (`git lfs untrack`)", path);
}

gboolean source_collect_knows(struct source_collect *c, const char *path, const char *blob_id, struct source_file *ret)
{
	gsize size;
	if (!c->known || !c->known->is_known(c->known->user, path, blob_id, &size))
		return FALSE;
	*ret = (struct source_file){ .path = arena_strdup(c->arena, path),
				     .size = size,
				     .blob_id = arena_strdup(c->arena, blob_id) };
	return TRUE;
}

gboolean source_collect_add(struct source_collect *c, const struct source_file *file, GError **error)
{
	if (source_is_lfs_pointer(file->bytes, file->size)) {
		source_collect_refuse(c, SEVERITY_ERROR, file->path,
				      LFS_SENTENCE "; keep specs out of LFS (`git lfs untrack`)");
		return TRUE;
	}
	c->total_bytes += file->size;
	if (c->total_bytes > SOURCE_TOTAL_MIB_MAX * MiB)
		return fail(error, ERROR_INVALID,
			    "more than %d MiB of YAML in one tree (at %s); split it in several sources",
			    SOURCE_TOTAL_MIB_MAX, file->path);
	if (c->files->len == SOURCE_FILES_MAX)
		return fail(error, ERROR_INVALID, "more than %d YAML files in one tree; split it in several sources",
			    SOURCE_FILES_MAX);
	g_array_append_vals(c->files, file, 1);
	return TRUE;
}
