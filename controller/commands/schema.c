/* cleave schema [KIND]: the JSON Schema of one kind's documents, or of all kinds'. */
#include "commands/command.h"
#include "report/language.h"

int command_schema(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	const struct kind *kind = in->n_args ? kind_find(in->args[0]) : NULL;
	if (in->n_args && !(kind && kind->spec_fields)) {
		fail(&error, ERROR_USAGE, kind ? "%s is observed, never written: it has no schema"
		                               : "there is no kind `%s`; `cleave explain` lists them", in->args[0]);
		return command_fail(error);
	}
	report_schema(text, kind);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}
