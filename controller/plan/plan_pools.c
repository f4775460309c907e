/* A Host's storage pools, and the images that its VMs' disks begin as. */
#include "base/arena.h"
#include "plan/plan_host.h"
#include "spec/farm.h"
#include "spec/volume.h"
#include <string.h>

/* One of that name that is another pool is never touched: somebody else's disks lie there. */
const char *host_pool_differs(struct arena *a, const struct host_pool *want, const struct host_pool_status *have)
{
	if ((have->state != POOL_ACTIVE && have->state != POOL_INACTIVE) ||
	    (g_strcmp0(have->type, "dir") == 0 && g_strcmp0(have->path, want->path) == 0))
		return NULL;
	return arena_printf(a, "libvirt has another pool %s (of type %s at %s; the Host says a folder, %s); give the Host's another name, or its path",
	                    want->name, have->type ? have->type : "unknown", have->path ? have->path : "no folder", want->path);
}

static const char *const state_words[] = { [POOL_UNTOLD] = NULL, [POOL_ABSENT] = NULL, [POOL_INACTIVE] = "inactive", [POOL_ACTIVE] = "active" };

static void plan_pools(struct host_plan *h)
{
	struct arena *a = h->b->arena;
	g_autoptr(GArray) pools = g_array_new(FALSE, FALSE, sizeof(struct host_pool)), changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	for (guint i = 0; i < h->want->pools.n; i++) {
		const struct host_pool *want = LIST_AT(h->want->pools, struct host_pool, i);
		const struct host_pool_status *have = host_pool_status_find(h->have, want->name);
		const char *outside = plan_host_path_refused(h->b, want->path, PLACE_IMAGES), *why = have ? host_pool_differs(a, want, have) : NULL;
		if (outside)
			host_plan_refuse(h, "PathNotAllowed", outside);
		else if (why)
			host_plan_refuse(h, "PoolDiffers", why);
		int state = have ? have->state : POOL_ABSENT;
		if (outside || why || (state != POOL_ABSENT && state != POOL_INACTIVE))
			continue;
		g_array_append_val(pools, *want);
		host_plan_change(changes, arena_printf(a, "pools[%s]", want->name), state_words[state],
		                 state == POOL_INACTIVE ? "active" : want->path, EFFECT_LIVE);
	}
	if (!pools->len)
		return;
	struct action *act = host_plan_act(h, VERB_DEFINE_POOLS, pools->len == 1 ? "a storage pool is not active" : "storage pools are not active", EFFECT_LIVE);
	act->host->pools = (struct list){ arena_memdup(a, pools->data, pools->len * sizeof(struct host_pool)), pools->len };
	act->changes = host_plan_changes(h, changes);
}

/* -- images --------------------------------------------------------------------------------------------------- */

static gboolean has_image(const struct host_plan *h, const struct volume_step *step)
{
	for (guint i = 0; i < h->have->volumes.n; i++) {
		const struct host_volume_status *v = LIST_AT(h->have->volumes, struct host_volume_status, i);
		if (strcmp(v->pool, step->pool) == 0 && g_str_has_prefix(v->name, step->volume) && volume_is_image(v->name) && !volume_is_part(v->name))
			return TRUE;
	}
	return FALSE;
}

static gboolean is_fetched(const struct host_plan *h, const struct volume_step *step)
{
	for (guint i = 0; i < h->b->actions->len; i++) {
		const struct action *act = &g_array_index(h->b->actions, struct action, i);
		if (act->verb == VERB_FETCH_IMAGES && strcmp(act->volumes->pool, step->pool) == 0 && strcmp(act->volumes->volume, step->volume) == 0)
			return TRUE;
	}
	return FALSE;
}

/* An action an image and pool: one that fails holds back only what needs it. */
static void plan_image(struct host_plan *h, const struct farm_file *image, const struct host_pool *pool)
{
	struct arena *a = h->b->arena;
	/* Its format is seen when it is there: raw or qcow2 is told by the end of its name. */
	struct volume_step step = { .pool = pool->name, .path = pool->path, .image = image->name,
		                    .volume = arena_printf(a, "%s", volume_image_name(a, image->sha256, FORMAT_RAW)) };
	step.volume = arena_strndup(a, step.volume, strlen(step.volume) - strlen(".raw"));
	if (has_image(h, &step) || is_fetched(h, &step))
		return;
	g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	host_plan_change(changes, arena_printf(a, "pools[%s].images[%s]", pool->name, image->name), NULL, image->file ? image->file : image->url, EFFECT_NONE);
	struct action *act = host_plan_act(h, VERB_FETCH_IMAGES, arena_printf(a, "disks begin as the image %s", image->name), EFFECT_NONE);
	act->volumes = arena_memdup(a, &step, sizeof step);
	act->n_volumes = 1;
	act->digest = image->sha256;
	act->changes = host_plan_changes(h, changes);
}

static void plan_images(struct host_plan *h)
{
	const struct object *farm = objects_farm(h->b->in->want);
	guint n = h->b->actions->len;
	for (guint i = 0; farm && i < n; i++) {
		const struct action act = g_array_index(h->b->actions, struct action, i); /* the array may move */
		for (guint k = 0; act.verb == VERB_CREATE_VOLUMES && k < act.n_volumes; k++) {
			const struct farm_file *image =
				act.volumes[k].image ? farm_file_find(&((const struct farm_spec *)farm->spec)->images, act.volumes[k].image) : NULL;
			const struct host_pool *pool = host_pool_find(h->want, act.volumes[k].pool);
			if (image && pool && !builder_holds_back(h->b, act.want))
				plan_image(h, image, pool);
		}
	}
}

void plan_storage(struct host_plan *h)
{
	if (h->have->libvirt != PLANE_OK || h->have->storage_reason)
		return;
	plan_pools(h);
	plan_images(h);
}

gboolean storage_waits_for(const struct action *act, const struct action *before)
{
	const char *pool = before->verb == VERB_FETCH_IMAGES ? before->volumes->pool : NULL;
	if (before->verb != VERB_DEFINE_POOLS && before->verb != VERB_FETCH_IMAGES)
		return FALSE;
	for (guint i = 0; i < act->n_volumes; i++) {
		const struct volume_step *step = &act->volumes[i];
		if (pool && strcmp(pool, step->pool) == 0 && g_strcmp0(before->volumes->image, step->image) == 0)
			return TRUE;
		for (guint k = 0; !pool && k < before->host->pools.n; k++)
			if (strcmp(LIST_AT(before->host->pools, struct host_pool, k)->name, step->pool) == 0)
				return TRUE;
	}
	return FALSE;
}
