/* cleave render [KIND [NAME]]: the specs as they are meant, every default in its place. Reads nothing else. */
#include "base/arena.h"
#include "commands/command.h"
#include "report/report.h"
#include "spec/emit.h"
#include <stdio.h>

/* Errors; what is only warned of is a matter of `validate`. */
static void print_errors(struct wanted *w)
{
	g_autoptr(GString) text = g_string_new(NULL);
	GArray *list = w->problems.list;
	for (guint i = list->len; i-- > 0;)
		if (g_array_index(list, struct problem, i).severity != SEVERITY_ERROR)
			g_array_remove_index(list, i);
	w->problems.n_warnings = 0;
	report_problems_text(text, &w->problems, wanted_find_text, w);
	fputs(text->str, stderr);
}

static int not_found(const struct wanted *w, const struct kind *kind, const char *id)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new();
	OBJECTS_EACH (o, w->objects, kind->id)
		g_ptr_array_add(ids, (gpointer)o->id);
	return command_no_object(kind, id, ids, w->tree.revision);
}

static int write_objects(const struct invocation *in, struct arena *a, const struct wanted *w)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const struct kind *kind = in->n_args > 0 ? kind_find(in->args[0]) : NULL;
	const char *id = in->n_args > 1 ? in->args[1] : NULL;
	const struct objects *selected = emit_select(a, w->objects, kind, id);
	if (id && !selected->by_kind[kind->id]->len)
		return not_found(w, kind, id);
	if (in->output == OUTPUT_JSON)
		report_objects_json(text, selected, EMIT_SPEC);
	else
		emit_objects(text, selected, EMIT_SPEC | (in->origins ? EMIT_ORIGINS : 0));
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

int command_render(struct invocation *in)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct wanted w;
	struct settings settings = in->settings;
	int code = EXIT_FINE;
	if (in->n_args > 0 && !command_find_kind(in->args[0], TRUE, &code))
		return code;
	if (in->origins && in->output == OUTPUT_JSON) {
		fputs("cleave: --origins: JSON has no comments; leave out `-o json`\n", stderr);
		return EXIT_BAD_USAGE;
	}
	settings.worktree |= command_is_folder(settings.specs);
	struct session *s = session_new(&settings);
	gboolean read = session_want(s, a, &w, &error);
	if (!read) {
		session_free(s);
		return command_fail(error);
	}
	print_errors(&w);
	code = w.problems.n_errors ? EXIT_FAILED : write_objects(in, a, &w);
	wanted_clear(&w);
	session_free(s); /* the texts that problems quote are found through it */
	return code;
}
