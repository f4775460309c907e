/* Hosts: kernel modules, huge pages (plan_hugepages.c) and the next boot (plan_boot.c). Their actions do
 * not wait for one another, except that what is written has to be before it is taken into the boot. */
#include "plan/plan_host.h"
#include "base/arena.h"
#include "spec/boot.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/vm.h"
#include "spec/vm_history.h"
#include <string.h>

struct action *host_plan_act(struct host_plan *h, enum verb verb, const char *reason, enum effect effect)
{
	struct action *act = builder_act(h->b, verb, h->object, KIND_HOST, h->object->id, reason);
	act->effect = effect;
	act->host = ARENA_NEW(h->b->arena, struct host_work);
	return act;
}

void host_plan_trouble(struct host_plan *h, enum readiness readiness, const char *reason, const char *message)
{
	struct verdict v = { .object = h->object, .readiness = readiness, .reason = reason, .message = message };
	g_array_append_val(h->troubles, v);
}

void host_plan_refuse(struct host_plan *h, const char *reason, const char *message)
{
	struct verdict v = { .object = h->object, .readiness = IS_STALLED, .reason = reason, .message = message, .is_refused = TRUE };
	g_array_append_val(h->troubles, v);
}

void host_plan_change(GArray *changes, const char *field, const char *before, const char *after, enum effect effect)
{
	struct change c = { field, before, after, effect };
	g_array_append_val(changes, c);
}

struct changes host_plan_changes(struct host_plan *h, GArray *changes)
{
	return (struct changes){ arena_memdup(h->b->arena, changes->data, changes->len * sizeof(struct change)), changes->len };
}

/* -- modules -------------------------------------------------------------------------------------------- */

const char *host_why_not_loadable(struct arena *a, const struct host_status *have, const char *module)
{
	if (modules_have(&have->missing_modules, module))
		return arena_printf(a, "the kernel %s has no module %s; install it, or take it out of the Host's modules",
		                    have->kernel ? have->kernel : "of this host", module);
	if (modules_have(&have->blacklisted, module))
		return arena_printf(a, "the module %s is wanted and blacklisted; take it out of /etc/modprobe.d (or of "
		                       "the kernel's arguments), or out of the specs", module);
	return NULL;
}

/* Cards that are refused or not there want no module, and those that are held back none before their host does. */
static gboolean is_needed(const struct host_plan *h, const char *module)
{
	gboolean waits = builder_holds_back(h->b, h->object);
	if (strcmp(module, GPU_VFIO_DRIVER) != 0 || modules_have(&h->want->modules, module))
		return TRUE;
	for (guint i = 0; i < h->b->actions->len; i++) {
		const struct action *act = &g_array_index(h->b->actions, struct action, i);
		if (act->verb == VERB_BIND_DEVICE && (waits || !builder_holds_back(h->b, act->want)))
			return TRUE;
	}
	return FALSE;
}

static void plan_modules(struct host_plan *h)
{
	struct strings wanted = host_wanted_modules(h->b->arena, h->b->in->want, h->object->id);
	struct strings missing = { ARENA_ARRAY(h->b->arena, const char *, wanted.n), 0 };
	g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	for (guint i = 0; i < wanted.n; i++) {
		const char *module = wanted.items[i];
		if (modules_have(&h->have->modules, module) || !is_needed(h, module))
			continue;
		const char *why_not = host_why_not_loadable(h->b->arena, h->have, module);
		if (why_not) {
			host_plan_trouble(h, IS_STALLED, "ModuleNotLoadable", why_not);
			continue;
		}
		missing.items[missing.n++] = module;
		host_plan_change(changes, "modules", NULL, module, EFFECT_LIVE);
	}
	if (!missing.n)
		return;
	struct action *act = host_plan_act(h, VERB_LOAD_MODULES, missing.n == 1 ? "a module is not loaded" : "modules are not loaded", EFFECT_LIVE);
	act->host->modules = missing;
	act->changes = host_plan_changes(h, changes);
}

/* -- verdict ---------------------------------------------------------------------------------------------- */

static const struct verdict *worst_trouble(const struct host_plan *h)
{
	const struct verdict *worst = NULL;
	for (guint i = 0; i < h->troubles->len; i++) {
		const struct verdict *v = &g_array_index(h->troubles, struct verdict, i);
		if (!worst || (v->readiness == IS_STALLED && worst->readiness != IS_STALLED) || (v->is_refused && !worst->is_refused))
			worst = v;
	}
	return worst;
}

/* VMs of this farm that are up here. */
static guint n_running(const struct host_plan *h)
{
	const struct object *farm = objects_farm(h->b->in->want);
	guint n = 0;
	OBJECTS_EACH (o, h->b->in->have, KIND_VM) {
		const struct vm_status *s = o->status;
		n += s && farm && g_strcmp0(s->owner, farm->meta.name) == 0 && g_strcmp0(s->host, h->object->id) == 0 && vm_status_is_up(s);
	}
	return n;
}

/* What has an end passes by the clock of the observation, and the plan is made anew then. */
static struct host_standing standing_of(struct host_plan *h)
{
	gint64 now = builder_now_ms(h->b);
	struct host_standing s = host_standing(h->want, h->have, now);
	gint64 until = s.how ? vm_time_ms(s.how->until) : 0;
	const struct host_state_spec *said = &h->want->state;
	if (until && now)
		builder_wake(h->b, until - now);
	if (said->is != HOST_ACTIVE && s.how != said && !s.is_here)
		builder_note(h->b, KIND_HOST, h->object->id,
		             arena_printf(h->b->arena, "is not %s any more since %s: its `state` may be taken out (`cleave uncordon %s`)",
		                          host_state_word((enum host_state)said->is), said->until, h->object->id));
	if (s.is_here)
		builder_note(h->b, KIND_HOST, h->object->id,
		             arena_printf(h->b->arena, "is %s on this host alone, not in git; `cleave uncordon --local %s` ends it",
		                          host_state_word(s.state), h->object->id));
	return s;
}

/* One that is drained is as it should be when the last VM is down. */
static void judge_settled(struct host_plan *h, struct host_standing standing)
{
	guint n = n_running(h);
	const char *still = !n ? "no VM runs" : arena_printf(h->b->arena, n == 1 ? "%u VM still runs" : "%u VMs still run", n);
	gboolean sees_vms = h->have->libvirt == PLANE_OK && !h->b->in->devices_only;
	const char *words = standing.how ? decided_words(h->b->arena, standing.how->by, standing.how->until, standing.how->reason) : "";
	if (*words)
		still = arena_printf(h->b->arena, "%s; %s", words, still);
	if (sees_vms && standing.state == HOST_DRAINED && n)
		builder_judge(h->b, h->object, IS_RECONCILING, "Draining", still);
	else if (sees_vms && standing.how)
		builder_judge(h->b, h->object, IS_READY, standing.state == HOST_DRAINED ? "Drained" : "Cordoned", still);
	else
		builder_judge(h->b, h->object, IS_READY,
		              h->have->libvirt == PLANE_OK || h->b->in->devices_only ? "Ready" : "LibvirtLeftOut", NULL);
}

static void judge(struct host_plan *h, gboolean has_actions)
{
	const struct verdict *worst = worst_trouble(h);
	const struct host_standing standing = standing_of(h);
	for (guint i = 0; i < h->troubles->len; i++) {
		const struct verdict *v = &g_array_index(h->troubles, struct verdict, i);
		if (v != worst && v->message)
			builder_note(h->b, KIND_HOST, h->object->id, v->message);
	}
	if (worst) {
		builder_judge(h->b, h->object, worst->readiness, worst->reason, worst->message);
		if (worst->is_refused)
			builder_refused(h->b);
	} else if (has_actions)
		builder_judge(h->b, h->object, IS_RECONCILING, "Differs", NULL);
	else
		judge_settled(h, standing);
}

static void plan_own_host(struct builder *b, const struct object *o, const struct host_status *have)
{
	struct host_plan h = { b, o, o->spec, have, g_array_new(FALSE, FALSE, sizeof(struct verdict)) };
	guint n_before = b->actions->len;
	if (have->taken)
		host_plan_trouble(&h, IS_STALLED, "HostTaken", have->taken);
	if (have->libvirt == PLANE_AWAY)
		host_plan_trouble(&h, IS_STALLED, "LibvirtAway", have->libvirt_reason);
	plan_modules(&h);
	plan_hugepages(&h);
	plan_boot(&h);
	plan_storage(&h);
	judge(&h, b->actions->len > n_before);
	if (have->libvirt == PLANE_LEFT_OUT && b->in->want->by_kind[KIND_VM]->len && !b->in->devices_only)
		builder_note(b, KIND_HOST, o->id, "libvirt is left out: VMs are not planned");
	g_array_free(h.troubles, TRUE);
}

void plan_hosts(struct builder *b)
{
	OBJECTS_EACH (o, b->in->want, KIND_HOST) {
		const struct object *have = objects_get(b->in->have, KIND_HOST, o->id);
		gboolean is_own = strcmp(o->id, b->in->host) == 0;
		if (!is_own)
			builder_judge_elsewhere(b, o, o->id, NULL);
		else if (!have || !have->status)
			builder_judge(b, o, IS_RECONCILING, "NotObserved", NULL);
		else
			plan_own_host(b, o, have->status);
	}
}
