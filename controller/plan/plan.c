/* Building a plan: each kind's planner adds actions and verdicts, then one total order, then the
 * refusals. */
#include "plan/plan.h"
#include "base/arena.h"
#include "base/units.h"
#include "plan/plan_gpu.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/resolve.h"
#include "spec/status.h"
#include "spec/vm.h"
#include "spec/vm_history.h"
#include <string.h>

NAME_TABLE(readiness_names, "a condition", 4, "Ready", "Reconciling", "Stalled", "Unknown");

struct action *builder_act(struct builder *b, enum verb verb, const struct object *want, enum kind_id kind,
                           const char *id, const char *reason)
{
	struct action act = { .verb = verb, .kind = kind, .id = id, .want = want, .reason = reason };
	g_array_append_val(b->actions, act);
	return &g_array_index(b->actions, struct action, b->actions->len - 1);
}

void builder_judge(struct builder *b, const struct object *o, enum readiness readiness, const char *reason,
                   const char *message)
{
	struct verdict v = { .object = o, .readiness = readiness, .reason = reason, .message = message };
	g_array_append_val(b->verdicts, v);
}

void builder_judge_settled(struct builder *b, const struct object *o, const char *reason, const char *message)
{
	struct verdict v = { .object = o, .readiness = IS_STALLED, .reason = reason, .message = message, .is_settled = TRUE };
	g_array_append_val(b->verdicts, v);
}

void builder_judge_halted(struct builder *b, const struct object *o, const char *reason, const char *message)
{
	struct verdict v = { .object = o, .readiness = IS_STALLED, .reason = reason, .message = message, .is_settled = TRUE, .is_halted = TRUE };
	g_array_append_val(b->verdicts, v);
}

void builder_refused(struct builder *b)
{
	struct verdict *last = &g_array_index(b->verdicts, struct verdict, b->verdicts->len - 1);
	last->is_refused = !builder_holds_back(b, last->object);
}

void builder_judge_acted(struct builder *b, const struct object *o, const char *reason, const char *message)
{
	struct verdict v = { .object = o, .readiness = IS_RECONCILING, .reason = reason, .message = message, .is_acted = TRUE };
	g_array_append_val(b->verdicts, v);
}

void builder_judge_unseen(struct builder *b, const struct object *o, const char *reason, const char *message)
{
	struct verdict v = { .object = o, .readiness = IS_STALLED, .reason = reason, .message = message, .is_unseen = TRUE };
	g_array_append_val(b->verdicts, v);
}

void builder_note(struct builder *b, enum kind_id kind, const char *id, const char *message)
{
	struct note n = { kind, id, message };
	g_array_append_val(b->notes, n);
}

void builder_wake(struct builder *b, gint64 in_ms)
{
	in_ms = MAX(in_ms, 1);
	b->wake_ms = b->wake_ms ? MIN(b->wake_ms, in_ms) : in_ms;
}

gint64 builder_now_ms(const struct builder *b)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *s = host ? host->status : NULL;
	return s ? vm_time_ms(s->observed_at) : 0;
}

gboolean builder_judge_later(struct builder *b, const struct object *o)
{
	const char *later = fields_not_acting(b->arena, o->kind->spec_fields, o->spec);
	if (!later)
		return FALSE;
	builder_judge_settled(b, o, "NotActing",
	                      arena_printf(b->arena, "does not act yet in this version, so nothing is done: %s", later));
	return TRUE;
}

/* -- kinds that are only observed ---------------------------------------------------------------- */

static void judge_farm(struct builder *b, const struct object *o)
{
	const struct object *have = objects_get(b->in->have, KIND_FARM, o->id);
	const struct farm_status *s = have ? have->status : NULL;
	if (!s) {
		builder_judge(b, o, IS_RECONCILING, "NotObserved", NULL);
		return;
	}
	const char *outside = plan_path_refused(b, o);
	if (outside) {
		builder_judge_settled(b, o, "PathNotAllowed", outside);
		return;
	}
	for (guint i = 0; i < s->roots.n; i++) {
		const struct farm_root_status *r = LIST_AT(s->roots, struct farm_root_status, i);
		if (!r->mounted) {
			builder_judge(b, o, IS_STALLED, "RootNotMounted", r->reason);
			return;
		}
	}
	if (s->redis == PLANE_AWAY)
		builder_judge(b, o, IS_STALLED, "RedisAway", s->redis_reason);
	else
		builder_judge(b, o, IS_READY, s->redis == PLANE_OK ? "Ready" : "RedisLeftOut", NULL);
	if (s->redis == PLANE_LEFT_OUT && b->in->want->by_kind[KIND_RENDERJOB]->len)
		builder_note(b, KIND_FARM, o->id, "Redis is left out: render jobs are not planned");
}

static void judge_revision(struct builder *b, const struct object *o)
{
	const struct revision_status *s = o->status;
	if (s && s->trouble)
		builder_judge(b, o, IS_STALLED, s->reason ? s->reason : "InvalidSpecs",
		              arena_printf(b->arena, "%s is refused: %s", s->refused, s->trouble));
	else if (b->in->held)
		builder_judge(b, o, IS_READY, "Held", b->in->held);
	else if (s && s->away)
		builder_judge(b, o, IS_STALLED, "SourceAway", arena_printf(b->arena, "since %s: %s; %s stays in force", s->away_since, s->away,
		                                                           s->applied ? s->applied : "nothing"));
	else
		builder_judge(b, o, IS_READY, "Applied", s ? s->applied : NULL);
}

/* An object that is deleted stands in no list any more: that its end waits for a person is said with the revision. */
static void tell_what_waits(struct builder *b)
{
	guint n = b->waiting->len;
	for (guint i = 0; n && i < b->verdicts->len; i++) {
		struct verdict *v = &g_array_index(b->verdicts, struct verdict, i);
		if (v->object->kind->id == KIND_REVISION && v->readiness == IS_READY && v->message)
			v->message = arena_printf(b->arena, "%s; %u %s held back by limits, see `cleave plan`", v->message, n, n == 1 ? "thing is" : "things are");
	}
}

/* Heartbeats come three times in a lease. */
static gint64 quiet_ms(const struct builder *b)
{
	const struct object *farm = objects_farm(b->in->want);
	const struct farm_spec *f = farm ? farm->spec : NULL;
	return MAX(WORKER_QUIET_MS, f ? f->lease_ms / 2 : 0);
}

static void judge_worker(struct builder *b, const struct object *o)
{
	const struct worker_status *s = o->status;
	if (!s || s->silent_ms >= WORKER_SILENT_MS)
		return;
	if (s->silent_ms >= quiet_ms(b))
		builder_judge(b, o, IS_RECONCILING, "Silent", arena_printf(b->arena, "silent for %s", duration_about(b->arena, s->silent_ms)));
	else if (g_strcmp0(s->state, "waiting") == 0)
		builder_judge(b, o, IS_RECONCILING, "Waiting", s->detail);
	else if (g_strcmp0(s->state, "drained") == 0)
		builder_judge(b, o, IS_READY, "Drained", s->detail);
	else
		builder_judge(b, o, IS_READY, s->job ? "Rendering" : "Idle", s->job);
}

/* -- order and refusals --------------------------------------------------------------------------- */

static enum phase phase_of(const struct action *act)
{
	return act->is_before_stop ? PHASE_TEARDOWN : verbs[act->verb].phase;
}

static gint by_total_order(gconstpointer x, gconstpointer y)
{
	const struct action *a = x, *b = y;
	enum phase pa = phase_of(a), pb = phase_of(b);
	if (pa != pb)
		return pa < pb ? -1 : 1;
	if (a->is_before_stop != b->is_before_stop)
		return a->is_before_stop ? -1 : 1;
	if (a->verb != b->verb)
		return a->verb < b->verb ? -1 : 1;
	int c = strcmp(a->id, b->id);
	if (c)
		return c;
	return g_strcmp0(a->key, b->key);
}

static gboolean names_gpu(const struct object *vm, const char *gpu)
{
	const struct vm_spec *spec = vm ? vm->spec : NULL;
	for (guint i = 0; spec && i < spec->gpus.n; i++)
		if (g_strcmp0(LIST_AT(spec->gpus, struct vm_gpu, i)->gpu, gpu) == 0)
			return TRUE;
	return FALSE;
}

static gboolean has_card(const struct builder *b, const char *vm, const struct gpu_status *card)
{
	const struct object *have = objects_get(b->in->have, KIND_VM, vm);
	const struct vm_status *s = have ? have->status : NULL;
	for (guint i = 0; s && card && i < s->host_devices.n; i++)
		if (gpu_has_device(card, s->host_devices.items[i]))
			return TRUE;
	return FALSE;
}

/* Devices, and files of disks, which QEMU locks. */
static gboolean holds_what_it_needs(const struct builder *b, const char *vm, const struct vm_spec *need)
{
	const struct object *have = objects_get(b->in->have, KIND_VM, vm);
	const struct vm_status *s = have ? have->status : NULL;
	for (guint i = 0; s && i < need->devices.n; i++)
		for (guint k = 0; k < s->host_devices.n; k++)
			if (strcmp(LIST_AT(need->devices, struct vm_device, i)->name, s->host_devices.items[k]) == 0)
				return TRUE;
	for (guint i = 0; s && i < need->disks.n; i++)
		for (guint k = 0; LIST_AT(need->disks, struct vm_disk, i)->file && k < s->live.disks.n; k++)
			if (g_strcmp0(LIST_AT(need->disks, struct vm_disk, i)->file, LIST_AT(s->live.disks, struct vm_disk, k)->file) == 0)
				return TRUE;
	return FALSE;
}

/* Its IOMMU group goes to the VM as a whole: none of it may be left with a driver of the host. */
static gboolean shares_group(const struct builder *b, const struct object *vm, const struct gpu_status *card)
{
	const struct vm_spec *spec = vm ? vm->spec : NULL;
	for (guint i = 0; spec && card && card->iommu_group >= 0 && i < spec->gpus.n; i++) {
		const struct gpu_target *g = gpu_target_find(b, LIST_AT(spec->gpus, struct vm_gpu, i)->gpu);
		if (g && g->card && g->card->iommu_group == card->iommu_group)
			return TRUE;
	}
	return FALSE;
}

static gboolean start_waits_for(const struct builder *b, const struct action *start, const struct action *before)
{
	if (before->kind == KIND_GPU)
		return names_gpu(start->want, before->id) || shares_group(b, start->want, before->card);
	return before->verb == VERB_SET_HUGEPAGES && start->vm && start->vm->hugepage_bytes;
}

/* An action waits for the ones before it that speak of the same object; cards for the modules of their host and for
 * VMs that let go of them, and VMs for their cards, their pages and other VMs that have what they are to have. Those on
 * a Host stand alone: a boot loader in trouble keeps no
 * module and no page away. */
static gboolean waits_for(const struct builder *b, const struct action *act, const struct action *before)
{
	gboolean is_same = before->kind == act->kind && strcmp(before->id, act->id) == 0;
	if (is_same && act->kind == KIND_HOST)
		return (before->verb == VERB_WRITE_BOOT_FILES && act->verb == VERB_UPDATE_BOOT) ||
		       (before->verb == VERB_DEFINE_POOLS && storage_waits_for(act, before));
	gboolean takes = act->verb == VERB_START_VM || action_plugs_devices(act);
	if (takes && before->verb == VERB_STOP_VM && !is_same)
		return act->vm && holds_what_it_needs(b, before->id, act->vm);
	if (before->kind == act->kind)
		return is_same && before->verb != act->verb;
	if (act->kind == KIND_VM && before->kind == KIND_HOST)
		return storage_waits_for(act, before);
	if (act->kind == KIND_GPU && before->verb == VERB_STOP_VM)
		return names_gpu(before->want, act->id) || has_card(b, before->id, act->card);
	if (act->kind == KIND_GPU)
		return before->verb == VERB_LOAD_MODULES;
	return takes && start_waits_for(b, act, before);
}

/* Earlier actions that one may have to wait for: on its own object; and those on cards and the host, and VMs that stop,
 * whom others wait for. All pairs would take a farm's plan minutes. */
struct earlier {
	GHashTable *of[N_KINDS]; /* by id: GArray of indices */
	GArray *shared;
};

static gboolean is_waited_for_by_others(const struct action *act)
{
	return act->kind == KIND_HOST || act->kind == KIND_GPU || act->verb == VERB_STOP_VM;
}

static void array_unref(gpointer array)
{
	g_array_unref(array);
}

static GArray *earlier_of(struct earlier *e, const struct action *act)
{
	if (!e->of[act->kind])
		e->of[act->kind] = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, array_unref);
	GArray *list = g_hash_table_lookup(e->of[act->kind], act->id);
	if (!list) {
		list = g_array_new(FALSE, FALSE, sizeof(guint));
		g_hash_table_insert(e->of[act->kind], (gpointer)act->id, list);
	}
	return list;
}

/* A VM that others may have to let go of something for. */
static gboolean takes_from_others(const struct action *act)
{
	return (act->verb == VERB_START_VM || action_plugs_devices(act)) && act->vm && (act->vm->devices.n || act->vm->disks.n);
}

/* `others`: of the list those that are not on the same object, which are asked for in its own list. */
static void ask(struct builder *b, const struct action *act, const GArray *list, gboolean others, GArray *waits)
{
	gboolean asks_vms = act->kind != KIND_VM || takes_from_others(act);
	for (guint i = 0; i < list->len; i++) {
		guint at = g_array_index(list, guint, i);
		const struct action *before = &g_array_index(b->actions, struct action, at);
		if (others && before->kind == KIND_VM && !asks_vms)
			continue;
		gboolean is_same = before->kind == act->kind && strcmp(before->id, act->id) == 0;
		if (!(others && is_same) && waits_for(b, act, before))
			g_array_append_val(waits, at);
	}
}

static gint by_index(gconstpointer x, gconstpointer y)
{
	guint a = *(const guint *)x, b = *(const guint *)y;
	return a < b ? -1 : a > b;
}

static void add_waits(struct builder *b)
{
	struct earlier e = { .shared = g_array_new(FALSE, FALSE, sizeof(guint)) };
	for (guint i = 0; i < b->actions->len; i++) {
		struct action *act = &g_array_index(b->actions, struct action, i);
		g_autoptr(GArray) waits = g_array_new(FALSE, FALSE, sizeof(guint));
		GArray *own = earlier_of(&e, act);
		ask(b, act, own, FALSE, waits);
		if (act->kind <= KIND_VM)
			ask(b, act, e.shared, TRUE, waits);
		g_array_sort(waits, by_index);
		act->n_waits = waits->len;
		act->waits = arena_memdup(b->arena, waits->data, waits->len * sizeof(guint));
		g_array_append_val(own, i);
		if (is_waited_for_by_others(act))
			g_array_append_val(e.shared, i);
	}
	for (int kind = 0; kind < N_KINDS; kind++)
		g_clear_pointer(&e.of[kind], g_hash_table_unref);
	g_array_unref(e.shared);
}

static void refuse(struct builder *b, const struct plan *p)
{
	for (guint r = 0; r < n_plan_rules; r++) {
		struct refusal one = { .rule = plan_rules[r].name, .kind = KIND_FARM, .id = "" };
		if (plan_rules[r].scope == RULE_OF_PLAN && plan_rules[r].forbids(b->arena, p, &one.message))
			g_array_append_val(b->refusals, one);
	}
}

/* Moves a GArray's items into the arena. */
#define MOVE(b, array, member)                                                                            \
	(p->n_##member = (b)->array->len,                                                                 \
	 p->member = arena_memdup((b)->arena, (b)->array->data, (b)->array->len * sizeof *p->member),    \
	 g_array_free((b)->array, TRUE))

static gint by_kind_and_id(gconstpointer x, gconstpointer y)
{
	const struct object *a = ((const struct verdict *)x)->object, *b = ((const struct verdict *)y)->object;
	return a->kind->id != b->kind->id ? (a->kind->id < b->kind->id ? -1 : 1) : strcmp(a->id, b->id);
}

static void plan_work(struct builder *b)
{
	OBJECTS_EACH (o, b->in->want, KIND_FARM)
		judge_farm(b, o);
	plan_vms(b);
	plan_jobs(b);
	plan_bound_render(b);
	plan_upkeep(b);
	OBJECTS_EACH (o, b->in->have, KIND_WORKER)
		judge_worker(b, o);
	g_array_sort(b->actions, by_total_order);
	plan_hold_back(b);
	plan_gate(b);
}

/* A host that the specs do not name may still reconcile jobs; more often its name is mistaken, as a full one for a
 * short one. */
static void note_unknown_host(struct builder *b)
{
	const GPtrArray *hosts = b->in->want->by_kind[KIND_HOST];
	if (hosts->len == 0 || objects_get(b->in->want, KIND_HOST, b->in->host))
		return;
	const char *first = ((const struct object *)g_ptr_array_index(hosts, 0))->id;
	builder_note(b, KIND_HOST, b->in->host,
	             arena_printf(b->arena, "is not in the specs, which have %s%s: nothing but render jobs is done here; --host NAME, or `host` in "
	                                    "/etc/cleave/controller.yaml, says which one this is",
	                          first, hosts->len > 1 ? arena_printf(b->arena, " and %u more", hosts->len - 1) : ""));
}

/* What libvirt does not take is then refused while the VM runs on. */
static void put_definitions_first(struct builder *b)
{
	g_autoptr(GHashTable) stops = g_hash_table_new(g_str_hash, g_str_equal), starts = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < b->actions->len; i++) {
		const struct action *act = &g_array_index(b->actions, struct action, i);
		if (act->verb == VERB_STOP_VM || act->verb == VERB_START_VM)
			g_hash_table_add(act->verb == VERB_STOP_VM ? stops : starts, (gpointer)act->id);
	}
	for (guint i = 0; i < b->actions->len; i++) {
		struct action *act = &g_array_index(b->actions, struct action, i);
		act->is_before_stop = act->verb == VERB_DEFINE_VM && g_hash_table_contains(stops, act->id) && g_hash_table_contains(starts, act->id);
	}
}

/* Cards are known before VMs, which are told what they are called; and planned after them: whether one that has a card
 * is stopped decides what may be done to it. Then their host, which loads vfio-pci for those that go there. */
static void build(struct builder *b)
{
	gpus_identify(b);
	if (!b->in->devices_only)
		plan_work(b);
	note_unknown_host(b);
	plan_gpus(b);
	plan_hosts(b);
	OBJECTS_EACH (o, b->in->have, KIND_REVISION)
		judge_revision(b, o);
	g_array_sort(b->actions, by_total_order);
	g_array_sort(b->verdicts, by_kind_and_id);
	plan_hold_back(b);
	plan_judge_suspended(b);
	plan_note_local(b);
	plan_gate(b);
	vms_wait_for_gpus(b);
	put_definitions_first(b);
	g_array_sort(b->actions, by_total_order);
	add_waits(b);
	plan_pause(b);
	tell_what_waits(b);
}

static struct strings take_waiting(struct builder *b)
{
	struct strings all = { ARENA_ARRAY(b->arena, const char *, b->waiting->len), b->waiting->len };
	for (guint i = 0; i < all.n; i++)
		all.items[i] = b->waiting->pdata[i];
	g_ptr_array_unref(b->waiting);
	return all;
}

static struct plan *build_once(struct arena *a, const struct plan_input *in, const char *approval, gboolean is_unlimited)
{
	struct plan *p = ARENA_NEW(a, struct plan);
	struct builder b = { .arena = a,
		             .in = in,
		             .is_unlimited = is_unlimited,
		             .approval = approval,
		             .waiting = g_ptr_array_new(),
		             .actions = g_array_new(FALSE, TRUE, sizeof(struct action)),
		             .held = g_array_new(FALSE, TRUE, sizeof(struct action)),
		             .verdicts = g_array_new(FALSE, TRUE, sizeof(struct verdict)),
		             .refusals = g_array_new(FALSE, TRUE, sizeof(struct refusal)),
		             .notes = g_array_new(FALSE, TRUE, sizeof(struct note)) };
	*p = (struct plan){ .host = in->host, .revision = in->revision, .epoch = in->epoch, .want = in->want,
		            .have = in->have };
	build(&b);
	MOVE(&b, actions, actions);
	refuse(&b, p);
	MOVE(&b, held, held);
	MOVE(&b, verdicts, verdicts);
	MOVE(&b, refusals, refusals);
	MOVE(&b, notes, notes);
	p->n_paused = b.n_paused;
	p->wake_ms = b.wake_ms;
	p->waiting = take_waiting(&b);
	p->approval = approval;
	return p;
}

/* Of the plan without limits, which is seldom carried out: only its name is kept, not as much memory as a plan takes. */
static const char *unlimited_digest(struct arena *a, const struct plan_input *in)
{
	SCOPED_ARENA(scratch);
	return arena_strdup(a, plan_digest(scratch, build_once(scratch, in, NULL, TRUE)));
}

/* Where limits hold something back the plan without them is made as well: its digest is what a person approves, and an
 * approved plan is that one. */
struct plan *plan_build(struct arena *a, const struct plan_input *in)
{
	struct plan *p = build_once(a, in, NULL, FALSE);
	if (!p->waiting.n || in->is_assumed)
		return p;
	const char *digest = unlimited_digest(a, in);
	const struct plan_approval *approval = plan_find_approval(in, &p->waiting, digest);
	if (!approval)
		return build_once(a, in, digest, FALSE);
	struct plan *all = build_once(a, in, NULL, TRUE);
	all->waiting = p->waiting;
	all->approved = approval->digest;
	return all;
}

const struct verdict *plan_verdict(const struct plan *p, enum kind_id kind, const char *id)
{
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].object->kind->id == kind && strcmp(p->verdicts[i].object->id, id) == 0)
			return &p->verdicts[i];
	return NULL;
}

gboolean plan_is_elsewhere(const struct plan *p, const struct object *o)
{
	const char *host = object_host_name(o);
	return host && strcmp(host, p->host) != 0;
}

guint plan_n_refused(const struct plan *p)
{
	guint n = 0;
	for (guint i = 0; i < p->n_verdicts; i++)
		n += p->verdicts[i].is_refused ? 1 : 0;
	return n;
}

guint plan_n_unseen(const struct plan *p, enum kind_id kind)
{
	guint n = 0;
	for (guint i = 0; i < p->n_verdicts; i++)
		n += p->verdicts[i].is_unseen && p->verdicts[i].object->kind->id == kind ? 1 : 0;
	return n;
}

guint64 plan_effect_count(const struct plan *p, enum effect effect)
{
	guint64 n = 0;
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].effect == effect && effect == EFFECT_REBOOT)
			n = 1; /* one host, whatever asks for it */
		else if (p->actions[i].effect == effect)
			n += p->actions[i].kind == KIND_RENDERJOB && p->actions[i].count ? p->actions[i].count : 1;
	return n;
}
