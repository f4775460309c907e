/* Whose turn it is, where the Farm lets hosts take turns. */
#include "base/arena.h"
#include "observe/observe.h"
#include "queue/slot.h"
#include "spec/farm.h"
#include <stdlib.h>
#include <string.h>

static gint by_host(gconstpointer x, gconstpointer y)
{
	return strcmp(((const struct farm_ring_host *)x)->host, ((const struct farm_ring_host *)y)->host);
}

static gboolean is_name(struct arena *a, const char *text)
{
	return !form_check(a, FORM_NAME, text);
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* In order of names, so that what was seen alike reads alike. What is no name is somebody else's. */
static void fill(struct arena *a, const struct slots *s, struct farm_rollout_status *ret)
{
	struct farm_ring_host *hosts = ARENA_ARRAY(a, struct farm_ring_host, s->n_hosts);
	ret->slots.items = ARENA_ARRAY(a, const char *, s->n_holders);
	for (guint i = 0; i < s->n_holders; i++)
		if (is_name(a, s->holders[i]))
			ret->slots.items[ret->slots.n++] = s->holders[i];
	ret->hosts.items = hosts;
	qsort(ret->slots.items, ret->slots.n, sizeof *ret->slots.items, by_name); /* Redis has them in order of time */
	for (guint i = 0; i < s->n_hosts; i++)
		if (is_name(a, s->hosts[i].host))
			hosts[ret->hosts.n++] = (struct farm_ring_host){ s->hosts[i].host, s->hosts[i].revision, s->hosts[i].is_ready };
	qsort(hosts, ret->hosts.n, sizeof *hosts, by_host);
}

void observe_rollout(struct arena *a, const struct observe_input *in, const struct farm_spec *farm, struct farm_status *ret)
{
	g_autoptr(GError) error = NULL;
	struct slots slots;
	if (!farm_has_rollout(farm) || ret->redis != PLANE_OK)
		return;
	if (slots_read(in->redis, a, &slots, &error)) {
		fill(a, &slots, &ret->rollout);
	} else {
		ret->redis = PLANE_AWAY;
		ret->redis_reason = arena_strdup(a, error->message);
	}
}
