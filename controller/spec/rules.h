/* Rules across fields and objects: a table, so that they can be listed. */
#pragma once
#include "spec/kinds.h"

struct spec_rule {
	const char *name; /* "job-root-known" */
	const char *doc;
	enum kind_id kind;
	/* NULL: looked up where the tree is read (reconcile.c). */
	void (*check)(struct arena *a, const struct objects *all, const struct object *o, struct problems *problems);
	gboolean over_all; /* asked once, with `o` NULL; else for each object of the kind */
};

extern const struct spec_rule spec_rules[];
extern const guint n_spec_rules;

void rules_check(struct arena *a, const struct objects *all, struct problems *problems);
