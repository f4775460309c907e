/* cleave approve: what is held back goes on: a VM that kept ending is started again, one that another host has is taken
 * from there; of a plan what is beyond the limits (approve_plan.c). */
#include "commands/approve.h"
#include "commands/decide.h"
#include <stdio.h>
#include <string.h>

static int ask(struct deciding *d)
{
	const struct plan *p = d->looked.plan;
	const struct object *have = objects_get(p->have, KIND_VM, d->name);
	const struct vm_status *s = have ? have->status : NULL;
	const struct verdict *v = plan_verdict(p, KIND_VM, d->name);
	if (!d->want || !v) {
		fprintf(stderr, "cleave: there is no VM %s at %s\n", d->name, p->revision);
		return EXIT_FAILED;
	}
	if (strcmp(v->reason, "CrashLoop") == 0)
		return -1;
	if (!s || !s->home || strcmp(s->home, p->host) == 0) {
		fprintf(stderr, "cleave: nothing of %s waits to be approved: %s %s\n", d->name, name_of(&readiness_names, (int)v->readiness), v->reason);
		return EXIT_REFUSED;
	}
	g_autofree char *question = g_strdup_printf("The host %s has %s by its last word. If it runs there still, two guests will write to what they share.\n"
	                                            "Start it on %s?", s->home, d->name, p->host);
	return command_confirm(d->in, question);
}

const struct own_option approve_options[] = {
	[APPROVE_LIST] = { "list", 0, NULL, "List what is approved and not over yet" },
	{ 0 },
};

int command_approve(struct invocation *in)
{
	if (in->own[APPROVE_LIST])
		return approve_list(in);
	int code = in->n_args && approve_is_digest(in->args[0]) ? approve_plan(in) : -1;
	if (code >= 0)
		return code;
	return command_decide(in, DECISION_APPROVE, ask, "is approved; the next pass starts it");
}
