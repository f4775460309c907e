/* Windows and rollout: what may be done now, and what waits for its time or its host's turn. Both say so of effects.
 *
 * With any window, effects from vm-restart on act only in one that names them, all others at any time unless some window
 * names them. With a rollout, effects from vm-restart on take a slot and the earlier rings. What is approved passes both;
 * frames do not, which no approval speaks of. When windows open was observed (Farm.status.windows): zones are no matter
 * of a plan. */
#include "base/arena.h"
#include "base/revision.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/vm_history.h"
#include <string.h>

/* Turns that run out with their controller are told by nobody. */
enum { LOOK_MS = 30000 };

static gboolean is_disruptive(enum effect effect)
{
	return effect >= EFFECT_VM_RESTART;
}

static const struct farm_spec *farm_of(const struct builder *b)
{
	const struct object *farm = objects_farm(b->in->want);
	return farm ? farm->spec : NULL;
}

static const struct farm_status *seen_of(const struct builder *b)
{
	const struct object *want = objects_farm(b->in->want), *farm = want ? objects_get(b->in->have, KIND_FARM, want->id) : NULL;
	return farm ? farm->status : NULL;
}

static gboolean has_word(const struct strings *all, const char *word)
{
	for (guint i = 0; i < all->n; i++)
		if (strcmp(all->items[i], word) == 0)
			return TRUE;
	return FALSE;
}

/* -- windows --------------------------------------------------------------------------------------------------------- */

static const struct farm_window_status *status_of(const struct builder *b, const struct farm_window *w)
{
	const struct farm_status *seen = seen_of(b);
	const char *text = farm_window_text(b->arena, w);
	for (guint i = 0; seen && i < seen->windows.n; i++)
		if (strcmp(LIST_AT(seen->windows, struct farm_window_status, i)->window, text) == 0)
			return LIST_AT(seen->windows, struct farm_window_status, i);
	return NULL;
}

/* The windows that name an effect, put together. */
struct opening {
	gboolean is_bound;  /* it may not be had at any time */
	guint n;            /* windows that name it */
	gint64 closes_ms;   /* it may be had now, until then; 0: not now */
	gint64 opens_ms;    /* else the next time; 0: not known */
	const char *local, *trouble;
};

static void add_window(struct opening *o, const struct farm_window_status *s, gint64 now)
{
	gint64 opens = s ? vm_time_ms(s->opens) : 0, closes = s ? vm_time_ms(s->closes) : 0;
	o->n++;
	if (!opens || !closes || !now)
		o->trouble = s && s->trouble ? s->trouble : "when its windows open was not observed";
	else if (opens <= now && now < closes)
		o->closes_ms = MAX(o->closes_ms, closes);
	else if (now < opens && (!o->opens_ms || opens < o->opens_ms)) {
		o->opens_ms = opens;
		o->local = s->local;
	}
}

static struct opening opening_of(const struct builder *b, enum effect effect)
{
	const struct farm_spec *farm = farm_of(b);
	struct opening o = { 0 };
	for (guint i = 0; farm && i < farm->policy.windows.n; i++) {
		const struct farm_window *w = LIST_AT(farm->policy.windows, struct farm_window, i);
		o.is_bound |= is_disruptive(effect);
		if (has_word(&w->allow, name_of(&effect_names, (int)effect)))
			add_window(&o, status_of(b, w), builder_now_ms(b));
	}
	o.is_bound |= o.n > 0;
	return o;
}

static const char *closed_words(const struct builder *b, const struct opening *o, enum effect effect)
{
	const char *word = name_of(&effect_names, (int)effect);
	if (!o->n)
		return arena_printf(b->arena, "no window lets %s be: name it in policy.windows[].allow of the Farm", word);
	if (!o->opens_ms)
		return arena_printf(b->arena, "%s waits for its window: %s", word, o->trouble ? o->trouble : "none comes");
	return arena_printf(b->arena, "%s waits for its window; next window: %s", word, o->local ? o->local : vm_time_text(b->arena, o->opens_ms));
}

static gboolean is_open(struct builder *b, enum effect effect, struct gate *ret)
{
	struct opening o = opening_of(b, effect);
	if (!o.is_bound || o.closes_ms)
		return TRUE;
	*ret = (struct gate){ "WaitsForWindow", closed_words(b, &o, effect) };
	if (o.opens_ms)
		builder_wake(b, o.opens_ms - builder_now_ms(b));
	return FALSE;
}

/* -- rollout --------------------------------------------------------------------------------------------------------- */

/* Of a host of no ring: behind all. */
static guint ring_of(const struct farm_rollout *rollout, const struct object *host)
{
	for (guint i = 0; host && i < host->meta.labels.n; i++) {
		const struct label *l = LIST_AT(host->meta.labels, struct label, i);
		for (guint k = 0; strcmp(l->key, "ring") == 0 && k < rollout->order.n; k++)
			if (strcmp(rollout->order.items[k], l->value) == 0)
				return k;
	}
	return rollout->order.n;
}

static gboolean is_host_ready(const struct builder *b, const struct farm_status *seen, const char *host)
{
	for (guint i = 0; i < seen->rollout.hosts.n; i++) {
		const struct farm_ring_host *h = LIST_AT(seen->rollout.hosts, struct farm_ring_host, i);
		if (strcmp(h->host, host) == 0)
			return h->is_ready && revision_agrees(h->revision, b->in->revision);
	}
	return FALSE;
}

/* The first host of an earlier ring that is not Ready at this revision, or NULL. */
static const struct object *before_us(const struct builder *b, const struct farm_rollout *rollout, const struct farm_status *seen)
{
	guint mine = ring_of(rollout, objects_get(b->in->want, KIND_HOST, b->in->host));
	OBJECTS_EACH (o, b->in->want, KIND_HOST)
		if (ring_of(rollout, o) < mine && !is_host_ready(b, seen, o->id))
			return o;
	return NULL;
}

static const char *names_of(const struct builder *b, const struct strings *all)
{
	enum { NAMED = 3 };
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < all->n && i < NAMED; i++)
		g_string_append_printf(s, "%s%s", i ? ", " : "", all->items[i]);
	if (all->n > NAMED)
		g_string_append_printf(s, " and %u more", all->n - NAMED);
	return arena_strdup(b->arena, s->str);
}

static gboolean is_our_turn(struct builder *b, struct gate *ret)
{
	const struct farm_spec *farm = farm_of(b);
	const struct farm_status *seen = seen_of(b);
	if (!farm || !farm_has_rollout(farm))
		return TRUE;
	if (!seen || seen->redis != PLANE_OK) {
		*ret = (struct gate){ "WaitsForRedis", "hosts take turns (policy.rollout), and Redis, which knows whose turn it is, does not answer" };
		return FALSE;
	}
	const struct farm_rollout *rollout = &farm->policy.rollout;
	builder_wake(b, LOOK_MS);
	const struct object *before = before_us(b, rollout, seen);
	if (before) {
		const char *ring = rollout->order.items[ring_of(rollout, before)];
		*ret = (struct gate){ "WaitsForRing", arena_printf(b->arena, "the host %s of ring %s is not Ready at this revision yet", before->id, ring) };
		return FALSE;
	}
	const struct strings *slots = &seen->rollout.slots;
	if (has_word(slots, b->in->host) || slots->n < MAX(rollout->hosts_at_once, 1))
		return TRUE;
	*ret = (struct gate){ "WaitsForSlot", arena_printf(b->arena, "hosts take turns (hostsAtOnce %" G_GINT64_FORMAT "), and it is that of %s",
		                                          MAX(rollout->hosts_at_once, 1), names_of(b, slots)) };
	return FALSE;
}

/* -- both ------------------------------------------------------------------------------------------------------------ */

gboolean builder_may(struct builder *b, enum effect effect, struct gate *ret)
{
	if (is_disruptive(effect) && b->is_unlimited)
		return TRUE;
	return is_open(b, effect, ret) && (!is_disruptive(effect) || is_our_turn(b, ret));
}

/* An effect has no word for it, and nothing is left of the VM to go on with. */
static enum effect effect_of(const struct action *act)
{
	return act->verb == VERB_UNDEFINE_VM ? MAX(act->effect, EFFECT_VM_RESTART) : act->effect;
}

static void judge_gated(struct builder *b, const struct action *act, const struct gate *gate)
{
	const char *message = act->kind == KIND_RENDERJOB ? gate->message : arena_printf(b->arena, "%s; %s lets it go on now", gate->message, builder_approve_words(b));
	if (!act->want) {
		builder_note(b, act->kind, act->id, arena_printf(b->arena, "%s: %s", act->reason, message));
		return;
	}
	for (guint i = 0; i < b->verdicts->len; i++) {
		struct verdict *v = &g_array_index(b->verdicts, struct verdict, i);
		if (v->object == act->want && v->readiness != IS_STALLED)
			*v = (struct verdict){ .object = v->object, .readiness = IS_RECONCILING, .reason = gate->reason, .message = message };
	}
}

void builder_judge_gated(struct builder *b, const struct object *o, const struct gate *gate, const char *item)
{
	builder_judge(b, o, IS_RECONCILING, gate->reason, arena_printf(b->arena, "%s; %s lets it go on now", gate->message, builder_approve_words(b)));
	builder_waits(b, item);
}

/* What belongs together goes together: half of what a card or a VM needs would be another card or VM. What is done to a
 * Host or a job stands alone. */
static gboolean goes_with(const struct action *act, const struct action *gated, guint i, guint k)
{
	if (gated->kind == KIND_VM || gated->kind == KIND_GPU)
		return act->kind == gated->kind && strcmp(act->id, gated->id) == 0;
	return i == k;
}

static void take_out(struct builder *b, guint k)
{
	const struct action gated = g_array_index(b->actions, struct action, k);
	for (guint i = b->actions->len; i-- > 0;)
		if (goes_with(&g_array_index(b->actions, struct action, i), &gated, i, k))
			g_array_remove_index(b->actions, i);
}

static const char *item_of(const struct builder *b, const struct action *act)
{
	const char *changes = changes_digest(b->arena, &act->changes);
	return arena_printf(b->arena, "%s %s/%s%s%s", verbs[act->verb].name, kinds[act->kind].name, act->id, changes ? " " : "", changes ? changes : "");
}

/* What may begin now has its end: a pass may take longer than the window. */
static void set_limits(struct builder *b, struct action *act)
{
	const struct farm_spec *farm = farm_of(b);
	enum effect effect = effect_of(act);
	if (b->is_unlimited && act->kind != KIND_RENDERJOB)
		return;
	act->until_ms = opening_of(b, effect).closes_ms;
	act->needs_slot = is_disruptive(effect) && farm && farm_has_rollout(farm);
}

void plan_gate(struct builder *b)
{
	const struct farm_status *seen = seen_of(b);
	struct gate gate;
	if (seen && has_word(&seen->rollout.slots, b->in->host))
		builder_wake(b, LOOK_MS);
	for (guint i = 0; i < b->actions->len;) {
		struct action *act = &g_array_index(b->actions, struct action, i);
		gboolean is_approved = b->is_unlimited && act->kind != KIND_RENDERJOB;
		if (is_approved || builder_may(b, effect_of(act), &gate)) {
			set_limits(b, act);
			i++;
			continue;
		}
		if (act->kind != KIND_RENDERJOB)
			builder_waits(b, item_of(b, act));
		gboolean stands_alone = act->kind != KIND_VM && act->kind != KIND_GPU;
		judge_gated(b, act, &gate);
		take_out(b, i);
		i = stands_alone ? i : 0; /* what came before may be gone as well */
	}
}
