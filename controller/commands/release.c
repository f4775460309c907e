/* cleave release: cleave lets go of a VM, which runs on. */
#include "base/arena.h"
#include "commands/decide.h"
#include <stdio.h>

static int ask(struct deciding *d)
{
	const struct plan *p = d->looked.plan;
	if (d->have)
		return command_confirm(d->in, arena_printf(d->looked.arena, "Release %s? It stays as it is, and cleave does not touch it any more.", d->name));
	fprintf(stderr, "cleave: there is no domain %s on %s\n", d->name, p->host);
	return EXIT_FAILED;
}

int command_release(struct invocation *in)
{
	return command_decide(in, DECISION_RELEASE, ask,
	                      "stays as it is and is not cleave's any more; take its VM out of the specs (else it is told as NotOurs)");
}
