/* Objects of other hosts: how they stand is what their own controller told; of a host that is not heard any more
 * nothing is known. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/fleet.h"
#include "spec/vm_history.h"
#include <string.h>

static const struct farm_host_status *find_host(const struct builder *b, const char *host)
{
	const struct object *farm = objects_farm(b->in->have);
	const struct farm_host_status *h = farm && farm->status ? farm_host_find(farm->status, host) : NULL;
	return h && h->version ? h : NULL;
}

/* A newer cleave may know more of them. */
static enum readiness readiness_of(const char *type)
{
	int value = type ? name_value(&readiness_names, type) : -1;
	return value < 0 || value == IS_UNKNOWN ? IS_RECONCILING : (enum readiness)value;
}

static const char *since_of(struct builder *b, const struct farm_host_status *h)
{
	gint64 now_ms = builder_now_ms(b);
	return now_ms ? vm_time_text(b->arena, now_ms - h->silent_ms) : "90 s or more";
}

void builder_judge_elsewhere(struct builder *b, const struct object *o, const char *host, const char *message)
{
	const struct farm_host_status *h = find_host(b, host);
	const struct farm_host_condition *c = h ? farm_host_condition(h, o->kind->name, o->id) : NULL;
	gboolean is_host = o->kind->id == KIND_HOST;
	if (!h)
		builder_judge(b, o, IS_RECONCILING, "OtherHost", message ? message : "its controller has not been heard of");
	else if (h->silent_ms >= HOST_AWAY_MS)
		builder_judge(b, o, IS_UNKNOWN, "HostAway",
		              arena_printf(b->arena, "host %s has not been heard since %s%s%s", host, since_of(b, h), c ? "; it was then " : "",
		                           c ? c->reason : ""));
	else if (!c)
		builder_judge(b, o, IS_RECONCILING, "OtherHost",
		              arena_printf(b->arena, "host %s, which works with %s, has not told of it", host, h->revision ? h->revision : "no revision yet"));
	else
		builder_judge(b, o, readiness_of(c->type), c->reason,
		              is_host ? c->message : arena_printf(b->arena, "on %s%s%s", host, c->message ? ": " : "", c->message ? c->message : ""));
}
