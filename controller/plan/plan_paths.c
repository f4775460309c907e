/* What the host does not allow is in its status: so a plan of an observation from there says the same anywhere. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include "plan/plan_vm.h"
#include "spec/host_paths.h"
#include <string.h>

static const char *reason_of(const struct builder *b, const char *path, enum host_place place)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *s = host ? host->status : NULL;
	for (guint i = 0; s && i < s->not_allowed.n; i++) {
		const struct host_not_allowed *one = LIST_AT(s->not_allowed, struct host_not_allowed, i);
		if (strcmp(one->path, path) == 0 && g_strcmp0(one->place, name_of(&host_place_names, (int)place)) == 0)
			return one->reason ? one->reason : "is not allowed";
	}
	return NULL;
}

const char *plan_host_path_refused(const struct builder *b, const char *path, enum host_place place)
{
	const char *why = reason_of(b, path, place);
	return why ? arena_printf(b->arena, "%s %s", path, why) : NULL;
}

/* Without a restriction, which is the usual case, nothing is walked. */
static gboolean has_refused(const struct builder *b)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *s = host ? host->status : NULL;
	return s && s->not_allowed.n > 0;
}

const char *plan_path_refused(const struct builder *b, const struct object *o)
{
	if (!has_refused(b))
		return NULL;
	struct host_paths paths = object_host_paths(b->arena, b->in->want, o);
	for (guint i = 0; i < paths.n; i++) {
		const char *why = plan_host_path_refused(b, paths.items[i].path, paths.items[i].place);
		if (why)
			return arena_printf(b->arena, "%s: %s", paths.items[i].key, why);
	}
	return NULL;
}

const char *vm_path_not_allowed(const struct vm_target *t)
{
	return plan_path_refused(t->b, t->object);
}

const char *gpu_path_not_allowed(const struct gpu_target *t)
{
	return plan_path_refused(t->b, t->want);
}
