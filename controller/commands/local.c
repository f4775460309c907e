/* One file of kind Controller, read by the same tables as the specs. */
#include "commands/local.h"
#include "base/arena.h"
#include "base/error.h"
#include "report/report.h"
#include "spec/load.h"
#include <string.h>

static const char *find_text(void *user, const char *path, gsize *ret_size)
{
	const struct spec_file *file = user;
	(void)path;
	*ret_size = file->size;
	return file->bytes;
}

static gboolean take(struct local *l, struct spec_file *file, GError **error)
{
	struct problems problems;
	problems_init(&problems, l->arena);
	struct objects *objects = spec_load(l->arena, file, 1, &problems);
	const GPtrArray *found = objects->by_kind[KIND_CONTROLLER];
	g_autoptr(GString) text = g_string_new(NULL);
	report_problems_text(text, &problems, find_text, file);
	gboolean is_good = problems.n_errors == 0;
	if (!is_good)
		fail(error, ERROR_INVALID, "%s is not valid:\n%s", file->path, text->str);
	else if (found->len != 1)
		is_good = fail(error, ERROR_INVALID, "%s: one object of kind Controller stands here, and nothing else", file->path);
	else
		l->spec = ((const struct object *)found->pdata[0])->spec;
	if (is_good && problems.n_warnings)
		l->warnings = g_strdup(text->str);
	problems_clear(&problems);
	return is_good;
}

gboolean local_read(const char *path, const char *root, struct local *ret, GError **error)
{
	*ret = (struct local){ .arena = arena_new() };
	g_autofree char *usual = g_build_filename(root, "etc", "cleave", "controller.yaml", NULL);
	g_autoptr(GError) problem = NULL;
	struct spec_file file = { .path = arena_strdup(ret->arena, path ? path : usual) };
	char *bytes;
	if (!g_file_get_contents(file.path, &bytes, &file.size, &problem)) {
		if (!path && g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return TRUE;
		return fail(error, ERROR_FAILED, "%s", problem->message);
	}
	arena_own(ret->arena, bytes, g_free);
	file.bytes = bytes;
	return take(ret, &file, error);
}

void local_clear(struct local *l)
{
	if (l->arena)
		arena_free(l->arena);
	g_free(l->warnings);
	*l = (struct local){ 0 };
}
