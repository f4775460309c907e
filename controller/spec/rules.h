/* Rules across fields and objects: a table, so that they can be listed. */
#pragma once
#include "spec/kinds.h"

enum rule_scope {
	RULE_OWN,      /* asks the object and the Farm alone: not asked again while both stay as they are */
	RULE_ACROSS,   /* of each object, and asks others too: each time */
	RULE_OVER_ALL, /* asked once, each time, with no object */
};

struct spec_rule {
	const char *name; /* "job-root-known" */
	const char *doc;
	enum kind_id kind;
	enum rule_scope scope;
	/* NULL: looked up where the tree is read (reconcile.c). */
	void (*check)(struct arena *a, const struct objects *all, const struct object *o, struct problems *problems);
};

extern const struct spec_rule spec_rules[];
extern const guint n_spec_rules;

/* The object's own rules; of `all`, only the Farm is there yet. `a` is for what is needed meanwhile. */
void rules_check_own(struct arena *a, const struct objects *all, const struct object *o, struct problems *problems);
/* The rules across objects, and all of the Farm's. */
void rules_check_across(struct arena *a, const struct objects *all, struct problems *problems);
