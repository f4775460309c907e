/* cleave docs DIR: README.md and the JSON Schemas of specs/, as `make docs` commits them. */
#include "commands/command.h"
#include "report/language.h"
#include <string.h>

static gboolean write_file(const char *folder, const char *name, const GString *text, GError **error)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	return g_file_set_contents(path, text->str, (gssize)text->len, error);
}

static gboolean write_schema(const char *folder, const struct kind *kind, GError **error)
{
	g_autofree char *name = g_strdup_printf("%s.schema.json", kind ? kind->name : "cleave");
	g_autoptr(GString) text = g_string_new(NULL);
	report_schema(text, kind);
	return write_file(folder, name, text, error);
}

static gboolean write_schemas(const char *folder, GError **error)
{
	for (guint i = 0; i < N_KINDS; i++)
		if (kinds[i].spec_fields && !write_schema(folder, &kinds[i], error))
			return FALSE;
	return write_schema(folder, NULL, error);
}

static gboolean write_reference(const char *folder, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree struct reference_command *rows = g_new0(struct reference_command, n_commands);
	g_autofree struct reference_exit *exits = g_new0(struct reference_exit, n_exit_rows);
	struct reference r = { .commands = rows, .exits = exits, .n_exits = n_exit_rows };
	for (guint i = 0; i < n_commands; i++)
		if (!(commands[i].options & OPTION_HIDDEN))
			rows[r.n_commands++] =
			    (struct reference_command){ commands[i].name, commands[i].arguments, commands[i].summary };
	for (guint i = 0; i < n_exit_rows; i++)
		exits[i] = (struct reference_exit){ (int)exit_rows[i].code, exit_rows[i].doc };
	report_reference(text, &r);
	return write_file(folder, "README.md", text, error);
}

int command_docs(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	if (!in->n_args) {
		fail(&error, ERROR_USAGE, "name the folder to write to");
		return command_fail(error);
	}
	if (!write_schemas(in->args[0], &error) || !write_reference(in->args[0], &error))
		return command_fail(error);
	return EXIT_FINE;
}
