/* cleave plan: what would be done, and why. */
#include "commands/command.h"
#include "commands/plan_many.h"
#include "commands/saved_plan.h"
#include "report/merge.h"
#include <stdio.h>

gboolean plan_has_refused_vm(const struct plan *p)
{
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].is_refused && p->verdicts[i].object->kind->id == KIND_VM)
			return TRUE;
	return FALSE;
}

/* What a rule took out of the plan is asked for as well where changes are: nobody applies it away. A domain that is
 * not ours is a mistake in any case. */
gboolean plan_is_refused(const struct invocation *in, const struct plan *p, guint n_actions)
{
	gboolean is_left_out = plan_n_refused(p) || (p->waiting.n && !p->approved && !n_actions);
	return p->n_refusals || plan_has_refused_vm(p) || (in->detailed_exitcode && is_left_out);
}

static int judge(const struct invocation *in, const struct looked *l)
{
	const struct plan *p = l->plan;
	gboolean is_blind = command_is_blind(in, l);
	if (plan_is_refused(in, p, p->n_actions))
		return EXIT_REFUSED;
	if (is_blind && in->detailed_exitcode)
		return EXIT_FAILED;
	return p->n_actions && in->detailed_exitcode ? EXIT_CHANGES : EXIT_FINE;
}

void plan_write(GString *out, const struct invocation *in, const struct report_plans *plans)
{
	switch (in->output) {
	case OUTPUT_MARKDOWN: report_plans_markdown(out, plans); return;
	case OUTPUT_GITHUB: report_plans_github(out, plans); return;
	case OUTPUT_JUNIT: report_plans_junit(out, plans); return;
	default: break;
	}
	for (guint i = 0; i < plans->n; i++)
		if (in->output == OUTPUT_JSON) {
			report_plan_json(out, plans->items[i]);
		} else {
			report_plan_text(out, plans->items[i], command_style());
			report_estimate_text(out, plans->items[i]);
		}
}

int command_plan(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct looked l;
	if (plan_is_of_many(in) && in->out) {
		fputs("cleave: --out writes the plan of one host, as it is now; leave out --from and further --have\n", stderr);
		return EXIT_BAD_USAGE;
	}
	if (plan_is_of_many(in))
		return plan_many(in);
	g_autoptr(GString) text = g_string_new(NULL);
	int code = command_look(in, &l);
	if (code < 0) {
		const struct plan *plan = l.plan;
		plan_write(text, in, &(struct report_plans){ &plan, 1, NULL });
		code = command_print(text) ? judge(in, &l) : EXIT_FAILED;
		if (in->out && !saved_plan_write(in->out, plan, &error))
			code = command_fail(error);
	}
	looked_clear(&l);
	return code;
}
