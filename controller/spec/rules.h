/* Rules across fields and objects: a table, so that they can be listed. */
#pragma once
#include "spec/kinds.h"

/* Besides its object and the Farm, a rule looks at objects of these kinds, and at nothing else: a verdict
 * stands while they stay as they are. */
#define RULE_OWN 0u
#define RULE_ASKS(kind) (1u << (kind))

struct spec_rule {
	const char *name; /* "job-root-known" */
	const char *doc;
	enum kind_id kind;
	unsigned asks;     /* RULE_OWN, or RULE_ASKS() of each kind */
	gboolean over_all; /* asked once, with `o` NULL; else of each object of the kind */
	/* NULL: looked up where the tree is read (reconcile_want.c). */
	void (*check)(struct arena *a, const struct objects *all, const struct object *o, struct problems *problems);
};

extern const struct spec_rule spec_rules[];
extern const guint n_spec_rules;

/* The object's own rules; of `all`, only the Farm is there yet. `a` is for what is needed meanwhile. */
void rules_check_own(struct arena *a, const struct objects *all, const struct object *o, struct problems *problems);

/* What is new since a load in which no rule across objects found anything. */
struct rules_news {
	gboolean is_known; /* FALSE: take all as new */
	unsigned kinds;    /* 1 << of each kind of which objects came or went */
	const GPtrArray *came; /* struct object * */
};

/* The rules across objects, and all of the Farm's. */
void rules_check_across(struct arena *a, const struct objects *all, const struct rules_news *news,
                        struct problems *problems);
