/* What only preflight asks for: pools, images, firmware, sleep and clock of the host, and what kind of Redis there is.
 * After host and farm were observed. */
#include "base/arena.h"
#include "host/conditions.h"
#include "host/firmware.h"
#include "observe/observe.h"
#include "queue/health.h"
#include "spec/farm.h"
#include "spec/host.h"

/* libvirt may not have been asked, or have no pools: their folders are measured all the same. */
static struct list read_pools(struct arena *a, const struct observe_input *in, const struct host_spec *host, const struct host_status *s)
{
	struct host_pool_status *pools = ARENA_ARRAY(a, struct host_pool_status, host->pools.n);
	for (guint i = 0; i < host->pools.n; i++) {
		const struct host_pool *pool = LIST_AT(host->pools, struct host_pool, i);
		const struct host_pool_status *seen = host_pool_status_find(s, pool->name);
		if (seen)
			pools[i] = *seen;
		pools[i].name = pool->name;
		pools[i].reason = host_measure_folder(a, in->tree, pool->path, &pools[i].size_bytes, &pools[i].free_bytes);
	}
	return (struct list){ pools, host->pools.n };
}

static struct list read_images(struct arena *a, const struct observe_input *in, const struct farm_spec *farm)
{
	struct host_file_status *images = ARENA_ARRAY(a, struct host_file_status, farm->images.n);
	guint n = 0;
	for (guint i = 0; i < farm->images.n; i++) {
		const struct farm_file *image = LIST_AT(farm->images, struct farm_file, i);
		if (image->file)
			images[n++] = (struct host_file_status){ image->name, host_check_file(a, in->tree, image->file) };
	}
	return (struct list){ images, n };
}

static void read_host(struct arena *a, const struct observe_input *in, struct host_status *s)
{
	const struct object *host = objects_get(in->want, KIND_HOST, in->host), *farm = objects_farm(in->want);
	struct host_idle idle;
	if (host && !s->is_sysfs_alone)
		s->pools = read_pools(a, in, host->spec, s);
	if (farm && !s->is_sysfs_alone)
		s->images = read_images(a, in, farm->spec);
	char **firmware = firmware_list(a, in->tree, host_machine(a, in->tree));
	s->firmware = (struct strings){ (const char **)firmware, g_strv_length(firmware) };
	host_read_idle(a, in->tree, &idle);
	s->cpu_idle = (struct host_cpu_idle){ idle.driver, idle.deepest, idle.latency_us };
	if (!s->is_sysfs_alone)
		s->clock_is_synchronised = host_clock_is_synchronised(in->tree);
}

static void read_redis(struct arena *a, const struct observe_input *in, struct farm_status *s)
{
	struct health health;
	if (s->redis != PLANE_OK)
		return;
	health_read(in->redis, a, &health);
	s->redis_version = health.version;
	s->redis_eviction = health.eviction;
	s->redis_persistence = health.persistence;
}

void observe_checks(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct object *host = objects_get(have, KIND_HOST, in->host), *farm = objects_farm(have);
	read_host(a, in, host->status);
	if (farm)
		read_redis(a, in, farm->status);
}
