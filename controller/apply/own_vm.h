/* What people decide about a VM by hand. Called by reconcile.c with an input whose plan says host, revision and
 * specs; it needs no actions. */
#pragma once
#include "apply/apply.h"

/* Writes cleave's mark into a domain that has none; one that is ours already is success. */
gboolean adopt_vm(const struct apply_input *in, const char *vm, GError **error);
/* Removes the mark; it runs on, and nothing is remembered of it. */
gboolean release_vm(const struct apply_input *in, const char *vm, GError **error);
/* A VM that kept ending is started again; one that another host is said to have may start here. */
gboolean approve_vm(const struct apply_input *in, const char *vm, GError **error);
