/* Paths that the specs name for this host, each looked at once: those that the host's own settings do not allow. */
#include "base/arena.h"
#include "host/allowed.h"
#include "observe/observe.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/host_paths.h"
#include "spec/vm.h"
#include <string.h>

struct looker {
	struct arena *arena;
	const struct observe_input *in;
	GHashTable *seen; /* "secrets /etc/x" */
	GArray *found;    /* struct host_not_allowed */
};

static const char *why_not(struct arena *a, const struct observe_input *in, const char *path, enum host_place place)
{
	struct strings folders = allowed_paths(in->local, place);
	return host_path_outside(a, in->tree, folders.items, folders.n, path, place == PLACE_OUTPUTS);
}

gboolean observe_is_allowed(struct arena *a, const struct observe_input *in, const char *path, enum host_place place)
{
	return why_not(a, in, path, place) == NULL;
}

static void look_at(struct looker *l, const struct object *o)
{
	struct host_paths paths = object_host_paths(l->arena, l->in->want, o);
	for (guint i = 0; i < paths.n; i++) {
		const struct host_path *p = &paths.items[i];
		const char *place = name_of(&host_place_names, (int)p->place);
		if (!g_hash_table_add(l->seen, g_strdup_printf("%s %s", place, p->path)))
			continue;
		struct host_not_allowed one = { p->path, place, why_not(l->arena, l->in, p->path, p->place) };
		if (one.reason)
			g_array_append_val(l->found, one);
	}
}

static gboolean says_something(const struct controller_spec *local)
{
	guint n = 0;
	for (int place = PLACE_IMAGES; place < N_HOST_PLACES; place++)
		n += allowed_paths(local, (enum host_place)place).n;
	return n > 0;
}

/* Roots of jobs are the Farm's, which has all of them. */
void observe_allowed(struct arena *a, const struct observe_input *in, struct host_status *ret)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct host_not_allowed));
	struct looker l = { a, in, seen, found };
	if (!says_something(in->local))
		return;
	OBJECTS_EACH (o, in->want, KIND_FARM)
		look_at(&l, o);
	OBJECTS_EACH (o, in->want, KIND_HOST)
		if (strcmp(o->id, in->host) == 0)
			look_at(&l, o);
	OBJECTS_EACH (o, in->want, KIND_GPU)
		if (o->spec && g_strcmp0(((const struct gpu_spec *)o->spec)->host, in->host) == 0)
			look_at(&l, o);
	OBJECTS_EACH (o, in->want, KIND_VM)
		if (o->spec && g_strcmp0(((const struct vm_spec *)o->spec)->host, in->host) == 0)
			look_at(&l, o);
	ret->not_allowed = (struct list){ arena_memdup(a, found->data, found->len * sizeof(struct host_not_allowed)), found->len };
}
