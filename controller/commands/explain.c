/* cleave explain [KIND[.KEY…]|RULE]: what the language's own tables say. Reads no specs. */
#include "commands/command.h"
#include "report/language.h"

int command_explain(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	if (!report_explain(text, in->n_args ? in->args[0] : NULL, in->output == OUTPUT_JSON, &error))
		return command_fail(error);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}
