/* The farm's other hosts, as their controllers told Redis. People ask for them; a pass does not need them. */
#include "base/arena.h"
#include "observe/observe.h"
#include "queue/fleet.h"
#include "spec/farm.h"
#include "spec/fleet.h"

G_STATIC_ASSERT((int)HOST_AWAY_MS == (int)FLEET_TTL_MS);

static struct list read_conditions(struct arena *a, const struct fleet_host *from)
{
	struct farm_host_condition *all = ARENA_ARRAY(a, struct farm_host_condition, from->n_conditions);
	for (guint i = 0; i < from->n_conditions; i++) {
		const struct fleet_condition *c = &from->conditions[i];
		all[i] = (struct farm_host_condition){ c->kind, c->name, c->type, c->reason, c->message, c->since };
	}
	return (struct list){ all, from->n_conditions };
}

void observe_fleet(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct fleet_host *hosts;
	guint n;
	const struct object *farm = objects_farm(have);
	if (!farm || !in->redis || !fleet_list(in->redis, a, &hosts, &n, NULL))
		return; /* the farm's status says that Redis is away */
	struct farm_host_status *all = ARENA_ARRAY(a, struct farm_host_status, n);
	for (guint i = 0; i < n; i++)
		all[i] = (struct farm_host_status){ .name = hosts[i].name,
			                            .machine_id = hosts[i].machine,
			                            .version = hosts[i].version,
			                            .revision = hosts[i].revision,
			                            .commit = hosts[i].commit,
			                            .observed_at = hosts[i].observed_at,
			                            .silent_ms = hosts[i].silent_ms,
			                            .conditions = read_conditions(a, &hosts[i]) };
	((struct farm_status *)farm->status)->hosts = (struct list){ all, n };
}
