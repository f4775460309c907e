/* cleave plan: what would be done, and why. */
#include "commands/command.h"
#include "report/report.h"

int command_plan(struct invocation *in)
{
	struct looked l;
	g_autoptr(GString) text = g_string_new(NULL);
	int code = command_look(in, &l);
	if (code < 0) {
		if (in->output == OUTPUT_JSON)
			report_plan_json(text, l.plan);
		else
			report_plan_text(text, l.plan, (struct report_style){ command_has_colour() });
		code = l.plan->n_refusals                                ? EXIT_REFUSED
		       : l.plan->n_actions && in->detailed_exitcode ? EXIT_CHANGES
		                                                    : EXIT_FINE;
		if (!command_print(text))
			code = EXIT_FAILED;
	}
	looked_clear(&l);
	return code;
}
