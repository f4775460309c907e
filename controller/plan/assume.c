/* Plans of the earlier specs, carried out on a machine that is made up, until nothing is left to do. */
#include "plan/assume_made.h"
#include "base/arena.h"
#include "spec/gpu.h"
#include "spec/resolve.h"
#include "spec/suspend.h"
#include "spec/vm.h"
#include "spec/vm_history.h"
#include <string.h>

/* Each plan brings a card, a VM or a pool one step further; more means that something is wanted that does not settle. */
enum { MOST_ROUNDS = 16 };

struct object *assume_seen(struct assuming *s, enum kind_id kind, const char *id, gpointer status)
{
	struct object *o = ARENA_NEW(s->arena, struct object);
	const char *slash = kind == KIND_RENDERJOB ? strchr(id, '/') : NULL;
	*o = (struct object){ .kind = &kinds[kind], .id = id, .status = status };
	o->meta.name = slash ? slash + 1 : id;
	return objects_add(s->have, o) ? o : objects_get(s->have, kind, id);
}

const char *assume_digest(struct arena *a, const char *what, const char *text)
{
	g_autofree char *named = g_strdup_printf("assumed %s\n%s", what, text);
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, named, -1);
	return arena_strdup(a, digest);
}

/* -- hosts --------------------------------------------------------------------------------------------------------- */

static const enum kind_id hosted[] = { KIND_HOST, KIND_GPU, KIND_VM };

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

struct strings assume_hosts(struct arena *a, const struct objects *from, const struct objects *to)
{
	const struct objects *both[] = { from, to };
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (guint i = 0; i < G_N_ELEMENTS(both); i++)
		for (guint k = 0; k < G_N_ELEMENTS(hosted); k++)
			OBJECTS_EACH (o, both[i], hosted[k])
				if (object_host_name(o) && g_hash_table_add(seen, (gpointer)object_host_name(o)))
					g_ptr_array_add(names, (gpointer)object_host_name(o));
	g_ptr_array_sort(names, by_name);
	return (struct strings){ arena_memdup(a, names->pdata, names->len * sizeof(gpointer)), names->len };
}

static gboolean is_on(const struct objects *all, enum kind_id kind, const char *id, const char *host)
{
	const struct object *o = all ? objects_get(all, kind, id) : NULL;
	return o && g_strcmp0(object_host_name(o), host) == 0;
}

struct objects *assume_part(struct arena *a, const struct objects *want, const struct objects *other, const char *host, gboolean owns_jobs)
{
	struct objects *part = objects_new(a);
	OBJECTS_EACH (farm, want, KIND_FARM)
		objects_add(part, farm);
	for (guint k = 0; k < G_N_ELEMENTS(hosted); k++)
		OBJECTS_EACH (o, want, hosted[k])
			if (g_strcmp0(object_host_name(o), host) == 0 || is_on(other, hosted[k], o->id, host))
				objects_add(part, o);
	if (owns_jobs)
		OBJECTS_EACH (o, want, KIND_RENDERJOB)
			objects_add(part, o);
	part->texts = want->texts;
	part->absent = want->absent;
	return part;
}

/* -- the farm --------------------------------------------------------------------------------------------------------- */

static void add_roots(struct assuming *s, struct farm_status *status, const struct objects *of)
{
	const struct object *farm = objects_farm(of);
	const struct farm_spec *spec = farm ? farm->spec : NULL;
	for (guint i = 0; spec && i < spec->roots.n; i++) {
		const struct farm_root *root = LIST_AT(spec->roots, struct farm_root, i);
		gboolean is_there = FALSE;
		for (guint k = 0; k < status->roots.n; k++)
			is_there |= strcmp(LIST_AT(status->roots, struct farm_root_status, k)->name, root->name) == 0;
		if (!is_there)
			ASSUME_APPEND(s->arena, status->roots, struct farm_root_status, { .name = root->name, .mounted = TRUE });
	}
}

/* All are open: a plan tells what is done in them. */
static void add_windows(struct assuming *s, struct farm_status *status, const struct farm_spec *spec)
{
	for (guint i = 0; i < spec->policy.windows.n; i++)
		ASSUME_APPEND(s->arena, status->windows, struct farm_window_status,
		              { .window = farm_window_text(s->arena, LIST_AT(spec->policy.windows, struct farm_window, i)),
		                .opens = "2000-01-01T00:00:00Z", .closes = "2000-01-02T00:00:00Z" });
}

static void assume_farm(struct assuming *s)
{
	const struct object *farm = objects_farm(s->in->to);
	farm = farm ? farm : objects_farm(s->in->from);
	if (!farm)
		return;
	const struct farm_spec *spec = farm->spec;
	struct farm_status *status = ARENA_NEW(s->arena, struct farm_status);
	fields_set_untold(farm_status_fields, status);
	status->redis = spec->redis.url ? PLANE_OK : PLANE_LEFT_OUT;
	status->job_owner = s->in->job_owner;
	add_roots(s, status, s->in->from);
	add_roots(s, status, s->in->to);
	add_windows(s, status, spec);
	assume_seen(s, KIND_FARM, farm->id, status);
	s->farm = farm->meta.name;
}

/* -- until nothing is left ------------------------------------------------------------------------------------------- */

static gboolean carry_out(struct assuming *s, const struct action *actions, guint n)
{
	gboolean acted = FALSE;
	for (guint i = 0; i < n; i++) {
		const struct action *act = &actions[i];
		acted |= act->kind == KIND_HOST || act->kind == KIND_GPU || act->kind == KIND_VM;
		if (act->kind == KIND_HOST)
			assume_on_host(s, act);
		else if (act->kind == KIND_GPU)
			assume_on_card(s, act);
		else if (act->kind == KIND_VM)
			assume_on_vm(s, act);
	}
	return acted;
}

static void settle(struct assuming *s, const struct objects *want)
{
	struct plan_input in = { .host = s->in->host, .revision = s->in->revision, .want = want, .have = s->have, .ignores_suspend = TRUE, .is_attended = TRUE };
	gboolean acted = TRUE;
	for (guint i = 0; i < MOST_ROUNDS && acted; i++) {
		objects_sort(s->have);
		const struct plan *p = plan_build(s->arena, &in);
		acted = carry_out(s, p->held, p->n_held);
		acted |= carry_out(s, p->actions, p->n_actions);
	}
}

/* With a spec of its own. */
static struct object *copy_of(struct arena *a, const struct object *o)
{
	struct object *copy = ARENA_NEW(a, struct object);
	*copy = *o;
	copy->spec = arena_memdup(a, o->spec, o->kind->spec_size);
	return copy;
}

/* The object, or one without what is over. */
static struct object *without_over(struct arena *a, struct object *o, gint64 now_ms)
{
	const struct suspend_spec *halted = suspend_own(o);
	const struct host_state_spec *state = o->kind->id == KIND_HOST && o->spec ? &((const struct host_spec *)o->spec)->state : NULL;
	gboolean was_halted = halted && vm_time_is_over(halted->until, now_ms), was_drained = state && vm_time_is_over(state->until, now_ms);
	if (!was_halted && !was_drained)
		return o;
	struct object *copy = copy_of(a, o);
	if (was_halted)
		*(struct suspend_spec *)(gpointer)suspend_own(copy) = (struct suspend_spec){ 0 };
	if (was_drained)
		((struct host_spec *)copy->spec)->state = (struct host_state_spec){ .is = HOST_ACTIVE };
	return copy;
}

void assume_over(struct arena *a, struct objects *want, gint64 now_ms)
{
	for (guint kind = 0; kind < N_KINDS; kind++) {
		g_autoptr(GPtrArray) all = g_ptr_array_new();
		OBJECTS_EACH (o, want, kind)
			g_ptr_array_add(all, without_over(a, o, now_ms));
		if (all->len)
			objects_set(want, (enum kind_id)kind, (struct object *const *)all->pdata, all->len);
	}
}

/* VMs of a cordoned host run on: it was active before. */
static void uncordon(struct assuming *s, struct objects *want)
{
	struct object *host = objects_get(want, KIND_HOST, s->in->host);
	const struct host_spec *spec = host ? host->spec : NULL;
	if (!spec || spec->state.is != HOST_CORDONED)
		return;
	struct object *copy = copy_of(s->arena, host);
	((struct host_spec *)copy->spec)->state = (struct host_state_spec){ .is = HOST_ACTIVE };
	objects_set(want, KIND_HOST, &copy, 1);
}

/* The earlier specs were applied in windows that are over, whatever those let be. */
static struct objects *part_to_apply(struct assuming *s)
{
	struct objects *want = assume_part(s->arena, s->in->from, NULL, s->in->host, FALSE);
	const struct object *farm = objects_farm(want);
	if (!farm)
		return want;
	struct object *copy = copy_of(s->arena, farm);
	((struct farm_spec *)copy->spec)->policy.windows = (struct list){ 0 };
	objects_set(want, KIND_FARM, &copy, 1);
	return want;
}

/* What is only observed or proposed is taken to be as its spec says as well: a plan then tells what a commit changes,
 * and not all that nobody let cleave do. */
static void apply_from(struct assuming *s)
{
	struct objects *active = part_to_apply(s);
	uncordon(s, active);
	settle(s, active);
	settle(s, part_to_apply(s));
}

struct objects *assume(struct arena *a, const struct assume_input *in)
{
	struct assuming s = { .arena = a, .in = in, .have = objects_new(a) };
	assume_farm(&s);
	assume_machine(&s);
	assume_cards(&s);
	apply_from(&s);
	assume_homes(&s);
	if (g_strcmp0(in->job_owner, in->host) == 0)
		assume_jobs(&s);
	objects_sort(s.have);
	return s.have;
}
