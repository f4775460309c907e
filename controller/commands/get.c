/* cleave get [KIND [NAME…]]: what is wanted and how it stands. */
#include "commands/select.h"
#include "base/arena.h"
#include "report/report.h"
#include "spec/emit.h"
#include <stdio.h>
#include <string.h>

enum { OWN_SELECTOR };

const struct own_option get_options[] = {
	[OWN_SELECTOR] = { "selector", 'l', "LABELS", "Only objects with these labels, as show=nimbus,tier!=test" },
	{ 0 },
};

/* Wanted and observed in one document each. */
static void emit_both(GString *out, struct arena *a, const struct shown_list *l)
{
	for (guint i = 0; i < l->n; i++) {
		struct object o = *l->items[i].verdict->object;
		const struct object *have = objects_get(l->plan->have, o.kind->id, o.id);
		o.status = have ? have->status : NULL;
		struct condition condition = report_condition(a, l->plan, &l->items[i]);
		emit_object_standing(out, &o, &condition, EMIT_SPEC | EMIT_STATUS | EMIT_ORIGINS);
	}
}

static void write_objects(const struct invocation *in, struct arena *a, const struct shown_list *l, GString *out)
{
	const struct report_page page = command_page();
	switch (in->output) {
	case OUTPUT_JSON: report_get_json(out, l); break;
	case OUTPUT_YAML: emit_both(out, a, l); break;
	case OUTPUT_NAME: report_get_names(out, l); break;
	default: report_get_text(out, l, in->output == OUTPUT_WIDE, &page);
	}
}

static int show(const struct invocation *in, const struct targets *t, const struct looked *l)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct conditions *kept = select_conditions(in, l);
	struct shown_list list;
	int code = targets_select(t, l->arena, l->plan, kept, &list);
	if (code < 0) {
		code = EXIT_FINE;
		if (list.n == 0 && t->labels)
			fprintf(stderr, "cleave: no object has the labels %s\n", t->labels);
		else if (list.n == 0 && list.kind && (in->output == OUTPUT_TEXT || in->output == OUTPUT_WIDE))
			fprintf(stderr, "cleave: there are no %s\n", list.kind->plural);
	}
	/* Those that are there are shown also where another is not. */
	if (list.n || code == EXIT_FINE)
		write_objects(in, l->arena, &list, text);
	conditions_free(kept);
	return command_print(text) ? code : EXIT_FAILED;
}

int command_get(struct invocation *in)
{
	struct looked l;
	SCOPED_ARENA(a);
	struct targets targets = { .labels = in->own[OWN_SELECTOR] };
	if (in->n_args > 0 && (strcmp(in->args[0], "frames") == 0 || strcmp(in->args[0], "frame") == 0))
		return command_get_frames(in);
	int code = targets_parse(in, 0, a, &targets);
	if (code >= 0)
		return code;
	in->falls_back = TRUE;
	code = command_look(in, &l);
	if (code < 0)
		code = show(in, &targets, &l);
	looked_clear(&l);
	return code;
}
