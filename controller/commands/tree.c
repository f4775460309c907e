/* cleave tree [KIND NAME]: hosts, their GPUs, VMs, workers and jobs, one below the other. */
#include "base/arena.h"
#include "commands/select.h"
#include "report/tree.h"
#include <stdio.h>

static int show(const struct invocation *in, const struct looked *l, const struct targets *targets)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const struct report_page page = command_page();
	struct shown_list list;
	int code = targets_select(targets, l->arena, l->plan, NULL, &list);
	if (code >= 0)
		return code;
	for (guint i = 0; i < (targets->n ? list.n : 1); i++) {
		const struct object *top = targets->n ? list.items[i].verdict->object : NULL;
		if (in->output == OUTPUT_JSON)
			report_tree_json(text, l->plan, top);
		else
			report_tree_text(text, l->plan, top, &page);
	}
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

int command_tree(struct invocation *in)
{
	SCOPED_ARENA(a);
	struct looked l;
	struct targets targets = { 0 };
	int code = targets_parse(in, 0, a, &targets);
	if (code < 0 && targets.n && (targets.n > 1 || !targets.items[0].id)) {
		fputs("cleave: the tree below what? As `cleave tree host gpu01`, or without a name for all\n", stderr);
		code = EXIT_BAD_USAGE;
	}
	if (code >= 0)
		return code;
	in->falls_back = TRUE;
	code = command_look(in, &l);
	if (code < 0)
		code = show(in, &l, &targets);
	looked_clear(&l);
	return code;
}
