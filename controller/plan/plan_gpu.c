/* GPUs of this host: identified, their work put together, looked at by the rules, made actions. */
#include "plan/plan_gpu.h"
#include "base/arena.h"
#include "spec/host.h"
#include "spec/vm.h"
#include <string.h>

/* -- which card, and how many pieces ---------------------------------------------------------------- */

static const struct gpu_status **cards_of_host(struct builder *b, guint *ret_n)
{
	const GPtrArray *seen = b->in->have->by_kind[KIND_GPU];
	const struct gpu_status **cards = ARENA_ARRAY(b->arena, const struct gpu_status *, seen->len + 1);
	*ret_n = 0;
	OBJECTS_EACH (o, b->in->have, KIND_GPU) {
		const struct gpu_status *s = o->status;
		if (s && s->address && (!s->host || strcmp(s->host, b->in->host) == 0))
			cards[(*ret_n)++] = s;
	}
	return cards;
}

static const char *slices_type(const struct gpu_spec *spec)
{
	return spec->share == GPU_SHARE_VGPU ? spec->vgpu.type : spec->share == GPU_SHARE_MIG ? spec->mig.type : NULL;
}

static gint64 slices_count(const struct gpu_spec *spec)
{
	switch (spec->share) {
	case GPU_SHARE_VGPU: return spec->vgpu.count;
	case GPU_SHARE_VF: return spec->vf.count;
	case GPU_SHARE_MIG: return spec->mig.count;
	default: return 0;
	}
}

/* What the GPU leaves open is as the VMs say that are to run here. */
static void count_slices(struct gpu_target *t)
{
	gint64 n_users = 0;
	t->type = slices_type(t->spec);
	OBJECTS_EACH (vm, t->b->in->want, KIND_VM) {
		const struct vm_spec *s = vm->spec;
		for (guint i = 0; g_strcmp0(s->host, t->b->in->host) == 0 && i < s->gpus.n; i++) {
			const struct vm_gpu *use = LIST_AT(s->gpus, struct vm_gpu, i);
			if (g_strcmp0(use->gpu, t->want->id) != 0)
				continue;
			n_users += s->state == VM_RUNNING;
			t->type = t->type ? t->type : use->type;
		}
	}
	gint64 n = slices_count(t->spec) ? slices_count(t->spec) : n_users;
	/* A VM less is no reason to take the others' VFs from them, as another number would: it comes through 0. And that
	 * no VM uses one does not say that those which are there shall go. */
	if (t->spec->share == GPU_SHARE_VF && !slices_count(t->spec) && t->card)
		n = MAX(n, t->card->sriov.n_enabled);
	t->n_slices = MIN(n, GPU_MAX_VGPUS);
}

static void identify(struct gpu_target *t, const struct gpu_status *const *cards, guint n_cards)
{
	t->identity = gpu_identify(t->spec, cards, n_cards);
	t->card = t->identity.found == GPU_FOUND ? t->identity.card : NULL;
}

static void find_twins(struct gpu_target *targets, guint n)
{
	for (guint i = 0; i < n; i++)
		for (guint k = 0; k < n; k++)
			if (i != k && targets[i].card && targets[i].card == targets[k].card)
				targets[i].twin = targets[k].want;
}

/* -- actions ------------------------------------------------------------------------------------------ */

static struct strings holders_of(struct arena *a, const struct gpu_status *card)
{
	const char **items = ARENA_ARRAY(a, const char *, card->holders.n);
	guint n = 0;
	for (guint i = 0; i < card->holders.n; i++) {
		const struct gpu_holder *h = LIST_AT(card->holders, struct gpu_holder, i);
		const char *text = arena_printf(a, "%s (%" G_GINT64_FORMAT ")", h->comm ? h->comm : "a process", h->pid);
		gboolean is_told = FALSE;
		for (guint k = 0; k < n; k++)
			is_told |= strcmp(items[k], text) == 0;
		if (!is_told)
			items[n++] = text;
	}
	return (struct strings){ items, n };
}

static struct action *act_on(struct gpu_target *t, enum verb verb, const GArray *steps, enum effect effect, const char *reason,
                             const char *expect)
{
	struct arena *a = t->b->arena;
	struct action *act = builder_act(t->b, verb, t->want, KIND_GPU, t->want->id, reason);
	act->card = t->card;
	act->effect = effect;
	act->expect = expect;
	act->holders = holders_of(a, t->card);
	act->n_steps = steps ? steps->len : 0;
	act->steps = act->n_steps ? arena_memdup(a, steps->data, steps->len * sizeof(struct device_step)) : NULL;
	act->changes.items = ARENA_ARRAY(a, struct change, act->n_steps + 2);
	return act;
}

static void add_change(struct action *act, const char *field, const char *before, const char *after)
{
	if (g_strcmp0(before, after) != 0)
		act->changes.items[act->changes.n++] = (struct change){ field, before, after, act->effect };
}

static void add_driver_changes(struct gpu_target *t, struct action *act)
{
	for (guint i = 0; i < act->n_steps; i++)
		add_change(act, arena_printf(t->b->arena, "%s.driver", act->steps[i].address), act->steps[i].from, act->steps[i].to);
}

static void add_vgpu_changes(struct gpu_target *t, struct action *act)
{
	for (guint i = 0; i < act->n_steps; i++) {
		const struct device_step *s = &act->steps[i];
		const char *field = arena_printf(t->b->arena, "vgpus[%s]", s->uuid ? s->uuid : s->address);
		add_change(act, field, s->from ? gpu_vgpu_type_name(t->card, s->from) : NULL,
		           s->to ? gpu_vgpu_type_name(t->card, s->to) : NULL);
	}
}

static const char *number(struct arena *a, gint64 n)
{
	return arena_printf(a, "%" G_GINT64_FORMAT, n);
}

static void act_on_vfs(struct gpu_target *t)
{
	struct arena *a = t->b->arena;
	gint64 n_now = MAX(t->card->sriov.n_enabled, 0), n = t->work.n_vfs;
	gboolean gives_back = t->spec->share == GPU_SHARE_NONE || t->spec->share == GPU_SHARE_MIG || gpu_unmakes_vfs(t);
	const char *reason = gives_back          ? "gets back as many virtual functions as it had"
	                     : n == 0            ? "is to have no virtual functions"
	                     : n_now             ? "is to have another number of virtual functions; all go, and come anew"
	                                         : "is to have virtual functions";
	struct action *act = act_on(t, VERB_SET_VFS, NULL, gpu_destroys_vfs(t) ? EFFECT_GPU_RESET : EFFECT_NONE, reason,
	                            "the virtual functions that were seen, and nobody uses them");
	act->count = (guint64)n;
	add_change(act, "sriov.count", number(a, n_now), number(a, n));
}

static void act_on_binding(struct gpu_target *t)
{
	const struct gpu_work *w = &t->work;
	gboolean whole = t->spec->share == GPU_SHARE_PASSTHROUGH, was_bound = FALSE;
	GPU_FUNCTIONS_EACH (f, t->card->functions)
		was_bound |= whole && gpu_is_vfio(f->driver);
	const char *reason = !whole ? "its virtual functions are not on vfio-pci" : was_bound ? "is only in part on vfio-pci" : "is not on vfio-pci";
	struct action *act = act_on(t, VERB_BIND_DEVICE, w->bind, whole ? EFFECT_GPU_RESET : EFFECT_NONE, reason,
	                            "the drivers that were seen, and nobody uses them");
	act->count = (guint64)w->n_bind;
	add_driver_changes(t, act);
	if (w->n_bind)
		add_change(act, "virtualFunctions.driver", NULL, arena_printf(t->b->arena, "%s (%" G_GINT64_FORMAT ")", GPU_VFIO_DRIVER, w->n_bind));
}

static void act_on_mig(struct gpu_target *t)
{
	struct arena *a = t->b->arena;
	const struct gpu_mig *mig = &t->card->mig;
	g_autoptr(GString) now = g_string_new(NULL);
	for (guint i = 0; i < mig->instances.n; i++)
		g_string_append_printf(now, "%s%s", now->len ? ", " : "", LIST_AT(mig->instances, struct gpu_mig_instance, i)->profile);
	struct action *act = act_on(t, VERB_SET_MIG, NULL, EFFECT_GPU_RESET, "is not cut as wanted", "the instances that were seen, and nobody uses them");
	act->count = (guint64)t->n_slices;
	act->steps = ARENA_NEW(a, struct device_step); /* the profile may be named by VMs alone */
	*act->steps = (struct device_step){ t->card->address, NULL, t->type, NULL };
	act->n_steps = 1;
	add_change(act, "mig.enabled", mig->enabled == TRUE ? "true" : "false", t->n_slices ? "true" : "false");
	add_change(act, "mig.instances", now->len ? arena_strdup(a, now->str) : NULL,
	           t->n_slices ? arena_printf(a, "%" G_GINT64_FORMAT " of %s", t->n_slices, t->type) : NULL);
}

static const char *removal_reason(const struct gpu_target *t)
{
	if (t->spec->share != GPU_SHARE_VGPU)
		return "is not cut into vGPUs any more";
	return t->work.create->len ? "a card has one vGPU type at a time; all go, and come anew" : "has more vGPUs than are wanted";
}

static void act_on_work(struct gpu_target *t)
{
	const struct gpu_work *w = &t->work;
	if (w->remove->len)
		add_vgpu_changes(t, act_on(t, VERB_REMOVE_VGPUS, w->remove, EFFECT_GPU_RESET, removal_reason(t), "these vGPUs, and no VM uses them"));
	if (w->release->len)
		add_driver_changes(t, act_on(t, VERB_RELEASE_DEVICE, w->release, gpu_releases(t) ? EFFECT_GPU_RESET : EFFECT_NONE,
		                             gpu_releases(t) ? "goes back to the host" : "is back with the host; the note of it goes",
		                             "the drivers that were seen, and nobody uses them"));
	if (w->n_vfs >= 0)
		act_on_vfs(t);
	if (w->bind->len || w->n_bind)
		act_on_binding(t);
	if (w->cuts)
		act_on_mig(t);
	if (w->create->len)
		add_vgpu_changes(t, act_on(t, VERB_CREATE_VGPUS, w->create, EFFECT_NONE, "lacks vGPUs", "none of these vGPUs"));
}

/* -- verdicts ----------------------------------------------------------------------------------------- */

/* "3 vGPUs of GRID P40-8Q" */
static const char *pieces(const struct gpu_target *t)
{
	static const char *const words[] = { [GPU_SHARE_VGPU] = "vGPU", [GPU_SHARE_VF] = "virtual function", [GPU_SHARE_MIG] = "MIG instance" };
	return arena_printf(t->b->arena, "%" G_GINT64_FORMAT " %s%s%s%s", t->n_slices, words[t->spec->share], t->n_slices == 1 ? "" : "s",
	                    t->type && t->n_slices ? " of " : "", t->type && t->n_slices ? t->type : "");
}

static void judge_as_it_is(struct gpu_target *t)
{
	if (t->spec->share == GPU_SHARE_NONE)
		builder_judge(t->b, t->want, IS_READY, "Ready", NULL);
	else if (t->spec->share == GPU_SHARE_PASSTHROUGH)
		builder_judge(t->b, t->want, IS_READY, "Bound", NULL);
	else
		builder_judge(t->b, t->want, IS_READY, "Cut", pieces(t));
}

static void judge_to_do(struct gpu_target *t)
{
	gboolean later = t->n_slices && ((t->spec->share == GPU_SHARE_VGPU && (!t->offered || gpu_needs_vfs(t) || gpu_unmakes_vfs(t))) ||
	                                 (t->spec->share == GPU_SHARE_MIG && gpu_releases(t)));
	if (t->spec->share == GPU_SHARE_NONE)
		builder_judge(t->b, t->want, IS_RECONCILING, "NotGivenBack", NULL);
	else if (t->spec->share == GPU_SHARE_PASSTHROUGH)
		builder_judge(t->b, t->want, IS_RECONCILING, "NotBound", NULL);
	else
		builder_judge(t->b, t->want, IS_RECONCILING, "NotCut", later ? "what its driver offers is seen when it has the card" : NULL);
}

/* Whether a rule refuses it; the first that does is kept. Of a card that was not found only those say something that
 * ask which card it is. */
static gboolean refuse(struct gpu_target *t)
{
	for (guint i = 0; i < n_plan_rules && !t->refused; i++) {
		const struct plan_rule *rule = &plan_rules[i];
		t->why = rule->refuses ? rule->refuses(t) : NULL;
		t->refused = t->why ? rule : NULL;
	}
	return t->refused != NULL;
}

/* What is done to a card may hang on what is done to the others of its group: all are looked at again when one more is
 * refused. */
static void settle(struct gpu_target *targets, guint n)
{
	for (gboolean is_settled = FALSE; !is_settled;) {
		is_settled = TRUE;
		for (guint i = 0; i < n; i++)
			if (targets[i].card && !targets[i].refused)
				gpu_work_fill(&targets[i]);
		for (guint i = 0; i < n; i++)
			if (!targets[i].refused && refuse(&targets[i]))
				is_settled = FALSE;
	}
}

/* Without its vGPU driver and a type a VF of NVIDIA's is an empty shell. */
static void note_use_of_vfs(struct gpu_target *t)
{
	if (t->spec->share == GPU_SHARE_VF && g_strcmp0(t->card->vendor, "10de") == 0 && (t->work.bind->len || t->work.n_bind))
		builder_note(t->b, KIND_GPU, t->want->id,
		             "no guest can work with a bare virtual function of an NVIDIA card; share: vgpu makes vGPUs of them");
}

static gboolean is_sysfs_alone(const struct builder *b)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *s = host ? host->status : NULL;
	return s && s->is_sysfs_alone;
}

static void plan_gpu(struct gpu_target *t)
{
	if (t->refused) {
		builder_judge(t->b, t->want, IS_STALLED, t->refused->reason, t->why);
		/* A card that is left alone anyway is told of, and nothing is refused. */
		if (t->spec->share != GPU_SHARE_NONE || (t->card && gpu_has_work(t)))
			builder_refused(t->b);
		return;
	}
	if (!t->card) /* never: a rule says why there is none */
		return;
	if (t->spec->address && !gpu_is_at(t->card, t->spec->address))
		builder_note(t->b, KIND_GPU, t->want->id, arena_printf(t->b->arena, "is at %s; its address in the specs, %s, is out of date", t->card->address, t->spec->address));
	if (gpu_has_work(t)) {
		if (t->work.bind->len && is_sysfs_alone(t->b))
			builder_note(t->b, KIND_GPU, t->want->id, "who uses it, or another device of its group, is not known: only a /sys was looked at");
		act_on_work(t);
		judge_to_do(t);
		gpu_note_room(t);
		note_use_of_vfs(t);
		gpu_note_driverless(t);
	} else {
		judge_as_it_is(t);
	}
}

/* -- all of them -------------------------------------------------------------------------------------- */

/* TRUE, and judged, when there is nothing to plan with. */
static gboolean judge_unplanned(struct builder *b, const struct object *o)
{
	const struct gpu_spec *spec = o->spec;
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *s = host ? host->status : NULL;
	if (strcmp(spec->host, b->in->host) != 0)
		builder_judge_elsewhere(b, o, spec->host, NULL);
	else if (builder_judge_later(b, o))
		return TRUE;
	else if (!s)
		builder_judge(b, o, IS_RECONCILING, "NotObserved", NULL);
	else if (s->pci_trouble)
		builder_judge(b, o, IS_STALLED, "NotObserved", s->pci_trouble);
	else
		return FALSE;
	return TRUE;
}

static gboolean is_taken(const struct gpu_status *card)
{
	const struct list lists[] = { card->functions, card->bystanders, card->virtual_functions };
	for (guint l = 0; l < G_N_ELEMENTS(lists); l++)
		GPU_FUNCTIONS_EACH (f, lists[l])
			if (f->former_driver)
				return TRUE;
	return card->sriov.former_count >= 0;
}

/* Taken, but in no specs any more: named and left alone, like VMs. */
static void note_left_alone(struct builder *b, const struct gpu_target *targets, guint n)
{
	OBJECTS_EACH (o, b->in->have, KIND_GPU) {
		const struct gpu_status *s = o->status;
		gboolean is_meant = !s || (s->host && strcmp(s->host, b->in->host) != 0);
		for (guint i = 0; i < n; i++)
			is_meant |= targets[i].identity.card == s || targets[i].identity.other == s;
		if (!is_meant && is_taken(s))
			builder_note(b, KIND_GPU, o->id, "is taken from the host, and no GPU of this host means it any more; left as it is (a GPU with share: none gives it back)");
	}
}

void gpus_identify(struct builder *b)
{
	guint n_cards, n = 0;
	const struct gpu_status **cards = cards_of_host(b, &n_cards);
	struct gpu_target *targets = ARENA_ARRAY(b->arena, struct gpu_target, b->in->want->by_kind[KIND_GPU]->len);
	OBJECTS_EACH (o, b->in->want, KIND_GPU) {
		if (judge_unplanned(b, o))
			continue;
		targets[n] = (struct gpu_target){ .b = b, .want = o, .spec = o->spec, .all = targets };
		identify(&targets[n], cards, n_cards);
		count_slices(&targets[n++]);
	}
	find_twins(targets, n);
	for (guint i = 0; i < n; i++) {
		targets[i].n_all = n;
		gpu_assign_pieces(&targets[i]);
	}
	b->gpus = targets;
	b->n_gpus = n;
}

void plan_gpus(struct builder *b)
{
	settle(b->gpus, b->n_gpus);
	for (guint i = 0; i < b->n_gpus; i++)
		plan_gpu(&b->gpus[i]);
	note_left_alone(b, b->gpus, b->n_gpus);
}

const struct gpu_target *gpu_target_find(const struct builder *b, const char *name)
{
	for (guint i = 0; i < b->n_gpus; i++)
		if (strcmp(b->gpus[i].want->id, name) == 0)
			return &b->gpus[i];
	return NULL;
}
