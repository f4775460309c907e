/* Resolved VMs, each row of hardware on its own and together, as the test programs of domain/ need them. */
#pragma once
#include "spec/vm.h"

struct domain_case {
	const char *name, *yaml; /* in the words of an observation: derived rows too */
	gboolean starts;         /* under emulation, as root, on a host with nothing special */
};

extern const struct domain_case domain_cases[];
extern const guint n_domain_cases;

/* The case's spec; fails the test when it does not decode. */
struct vm_spec domain_case_spec(struct arena *a, const struct domain_case *c);
