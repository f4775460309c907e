/* cleave reconcile: tells the running controller to fetch and look now, as from a hook of the repository. */
#include "commands/command.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

enum { RECONCILE_WAIT };

const struct own_option reconcile_options[] = {
	[RECONCILE_WAIT] = { "wait", 0, NULL, "Wait until it has looked and acted, say what it did, and end as it ended" },
	{ 0 },
};

int command_reconcile(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	if (!state_is_locked(in->settings.state)) {
		fprintf(stderr, "cleave: no controller works with %s; start it (`systemctl start cleave`), or look once with `cleave apply`\n",
		        in->settings.state);
		return EXIT_FAILED;
	}
	g_autofree char *request = g_strdup_printf("look %s%s", in->output == OUTPUT_JSON ? "json" : "text", in->own[RECONCILE_WAIT] ? " wait" : "");
	g_autofree char *body = control_ask(in->settings.state, request, &error);
	if (!body)
		return command_fail(error);
	gboolean in_part = control_take_in_part(body);
	fputs(body, stdout);
	if (!command_flush())
		return EXIT_FAILED;
	return in_part ? EXIT_IN_PART : EXIT_FINE;
}
