/* cleave validate: are the specs right? Reads nothing but them. */
#include "base/arena.h"
#include "commands/command.h"
#include "report/merge.h"
#include <stdio.h>
#include <string.h>

static guint count_objects(const struct objects *o)
{
	guint n = 0;
	for (int kind = 0; kind < N_KINDS; kind++)
		n += o->by_kind[kind]->len;
	return n;
}

/* A folder that is named is checked as it lies there: before the commit is when one wants to know. A bare
 * repository, or a revision, is read from git. */
gboolean command_is_folder(const char *path)
{
	g_autofree char *objects = g_build_filename(path, "objects", NULL);
	return g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(objects, G_FILE_TEST_IS_DIR);
}

/* For tools that look for the files from where cleave was started: as they were named there. */
static void name_from_here(struct arena *a, const char *named, struct problems *problems)
{
	g_autofree char *base = g_strdup(named);
	while (g_str_has_suffix(base, "/") && base[1])
		base[strlen(base) - 1] = '\0';
	gboolean is_here = strcmp(base, ".") == 0, is_file = g_file_test(base, G_FILE_TEST_IS_REGULAR);
	for (guint i = 0; i < problems->list->len && !is_here; i++) {
		struct place *place = &g_array_index(problems->list, struct problem, i).place;
		if (place->path)
			place->path = is_file ? arena_strdup(a, base) : arena_printf(a, "%s/%s", base, place->path);
	}
}

static void write_junit(GString *out, const struct wanted *w)
{
	g_autofree const char **paths = g_new(const char *, w->tree.n_files + 1);
	for (guint i = 0; i < w->tree.n_files; i++)
		paths[i] = w->tree.files[i].path;
	report_problems_junit(out, &w->problems, paths, w->tree.n_files);
}

static void write_problems(GString *out, enum output how, struct wanted *w)
{
	switch (how) {
	case OUTPUT_JSON: report_problems_json(out, &w->problems); return;
	case OUTPUT_GITHUB: report_problems_github(out, &w->problems); return;
	case OUTPUT_SARIF: report_problems_sarif(out, &w->problems); return;
	case OUTPUT_JUNIT: write_junit(out, w); return;
	default: report_problems_text(out, &w->problems, wanted_find_text, w);
	}
}

/* A commit is judged here as the controller of this host would, where it has one; a file of its that cannot be read is its
 * matter. Files as they lie are judged by nobody. */
static void take_local(struct invocation *in, struct settings *settings)
{
	if (!settings->worktree && local_read(in->controller, settings->root, &in->local, NULL))
		settings->local = in->local.spec;
}

/* What is refused of the sources beside the main one is told with the rest. */
static void add_sources(struct wanted *w)
{
	for (guint i = 0; i < w->n_sources; i++) {
		struct wanted_source *one = &w->sources[i];
		gboolean is_told = one->problems.n_errors > 0;
		const struct problem_run run = problems_take(&one->problems);
		problems_add_run(&w->problems, &run);
		if (one->refused && !is_told)
			problem_add(&w->problems, SEVERITY_ERROR, (struct place){ one->name, 0, 0 }, "%s is refused: %s", one->refused, one->trouble);
	}
	problems_sort(&w->problems);
}

int command_validate(struct invocation *in)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	struct wanted w;
	struct settings settings = in->settings;
	if (in->n_args) {
		settings.specs = in->args[0];
		settings.specs_given = TRUE;
		settings.worktree |= command_is_folder(in->args[0]);
	} else if (!settings.specs_given) {
		settings.worktree |= command_is_folder(settings.specs);
	}
	take_local(in, &settings);
	struct session *s = session_new(&settings);
	gboolean read = session_want(s, a, &w, &error);
	if (!read) {
		session_free(s);
		return command_fail(error);
	}
	add_sources(&w);
	guint n_errors = w.problems.n_errors;
	if ((in->output == OUTPUT_GITHUB || in->output == OUTPUT_SARIF) && settings.worktree)
		name_from_here(a, settings.specs, &w.problems);
	write_problems(text, in->output, &w);
	if (in->output == OUTPUT_TEXT && n_errors == 0)
		g_string_append_printf(text, "%s: %u objects in %u files, valid\n", w.tree.revision, count_objects(w.objects),
		                       w.tree.n_files);
	wanted_clear(&w);
	session_free(s); /* the texts that problems quote are found through it */
	if (!command_print(text))
		return EXIT_FAILED;
	return n_errors ? EXIT_FAILED : EXIT_FINE;
}
