/* cleave release: cleave lets go of a VM, which runs on. */
#include "commands/decide.h"
#include <stdio.h>

static int ask(struct deciding *d)
{
	const struct plan *p = d->looked.plan;
	if (d->have)
		return -1;
	fprintf(stderr, "cleave: there is no domain %s on %s\n", d->name, p->host);
	return EXIT_FAILED;
}

int command_release(struct invocation *in)
{
	return command_decide(in, DECISION_RELEASE, ask,
	                      "is not cleave's any more, and is as it was; take its YAML out of the specs, which say else that it is refused");
}
