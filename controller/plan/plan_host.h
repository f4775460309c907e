/* One Host while it is planned. Private to plan/. */
#pragma once
#include "plan/builder.h"
#include "spec/host.h"

struct host_plan {
	struct builder *b;
	const struct object *object;
	const struct host_spec *want;
	const struct host_status *have;
	GArray *troubles; /* struct verdict: the first that is refused, else stalled, is the Host's, the others are notes */
};

/* A new action on the host, with room for what is done. */
struct action *host_plan_act(struct host_plan *h, enum verb verb, const char *reason, enum effect effect);
void host_plan_trouble(struct host_plan *h, enum readiness readiness, const char *reason, const char *message);

/* Why a module that is wanted cannot be loaded, with the fix; NULL: it can. */
const char *host_why_not_loadable(struct arena *a, const struct host_status *have, const char *module);
/* What the specs ask for and the machine cannot give: nothing of it is done, as with a card that a rule refuses. */
void host_plan_refuse(struct host_plan *h, const char *reason, const char *message);

/* Why libvirt's pool of that name is not the Host's, with the fix; NULL: it is, or there is none. */
const char *host_pool_differs(struct arena *a, const struct host_pool *want, const struct host_pool_status *have);

void plan_boot(struct host_plan *h);
/* plan_pools.c: after the VMs, whose volumes say which images are needed. */
void plan_storage(struct host_plan *h);
void plan_hugepages(struct host_plan *h);

/* Changes that are gathered one by one; the texts are the arena's. */
void host_plan_change(GArray *changes, const char *field, const char *before, const char *after, enum effect effect);
struct changes host_plan_changes(struct host_plan *h, GArray *changes);
