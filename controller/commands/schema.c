/* cleave schema [KIND]: the JSON Schema of one kind's documents, or of all kinds'. */
#include "commands/command.h"
#include "report/language.h"

int command_schema(struct invocation *in)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int code = EXIT_FINE;
	const struct kind *kind = in->n_args ? command_find_kind(in->args[0], TRUE, &code) : NULL;
	if (in->n_args && !kind)
		return code;
	report_schema(text, kind);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}
