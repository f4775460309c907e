/* cleave render [KIND [NAME]]: the specs as they are meant, every default in its place. Reads nothing else. */
#include "base/arena.h"
#include "commands/command.h"
#include "report/report.h"
#include "spec/emit.h"
#include <stdio.h>

/* All problems, warnings as well: stdout is for the objects. */
static void print_problems(struct wanted *w)
{
	g_autoptr(GString) text = g_string_new(NULL);
	report_problems_text(text, &w->problems, wanted_find_text, w);
	fputs(text->str, stderr);
}

static int write_objects(const struct invocation *in, struct arena *a, const struct wanted *w)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const struct kind *kind = in->n_args > 0 ? kind_find(in->args[0]) : NULL;
	const char *id = in->n_args > 1 ? in->args[1] : NULL;
	const struct objects *selected = emit_select(a, w->objects, kind, id);
	if (id && !selected->by_kind[kind->id]->len) {
		fprintf(stderr, "cleave: there is no %s %s at %s\n", kind->name, id, w->tree.revision);
		return EXIT_FAILED;
	}
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
	if (in->n_args > 0 && !kind_find(in->args[0]))
		return command_unknown_kind(in->args[0]);
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
	print_problems(&w);
	int code = w.problems.n_errors ? EXIT_FAILED : write_objects(in, a, &w);
	wanted_clear(&w);
	session_free(s); /* the texts that problems quote are found through it */
	return code;
}
