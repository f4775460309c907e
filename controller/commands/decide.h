/* What adopt, release and approve share: one VM of this host is looked at, a person is asked, and it is done here,
 * or by the controller that holds the state folder. */
#pragma once
#include "commands/command.h"
#include "spec/vm.h"

struct deciding {
	struct invocation *in;
	struct looked looked;
	const char *name;             /* of the VM */
	const struct object *want;    /* NULL: it is in no specs */
	const struct vm_status *have; /* NULL: there is no such domain here */
};

/* What is said and asked before it is done: -1 = do it, else the exit code. */
typedef int (*decide_ask)(struct deciding *d);

/* The whole command; `done` (may hold one %s, the VM's name) is said at the end. */
int command_decide(struct invocation *in, enum decision decision, decide_ask ask, const char *done);
