/* cleave diff: the fields that differ; exits as diff(1) does: 0 equal, 1 different, more on trouble. */
#include "commands/command.h"
#include "report/report.h"

int command_diff(struct invocation *in)
{
	struct looked l;
	g_autoptr(GString) text = g_string_new(NULL);
	int code = command_look(in, &l);
	if (code < 0) {
		guint n = report_diff_text(text, l.plan, command_style());
		code = n ? 1 : 0;
		if (!command_print(text) || command_is_blind(in, &l))
			code = 2;
	} else {
		code = code == EXIT_FAILED ? 2 : code;
	}
	looked_clear(&l);
	return code;
}
