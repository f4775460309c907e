/* `suspend`: an object that people halted is looked at and told, never acted on. In the specs, or on this host alone
 * (`cleave suspend --local`), which is in the Host's status. What has an end passes by the clock of the observation.
 *
 * One action is done all the same: a job's frames that wait are held in the queue, since workers take them from there
 * without asking anybody. What they have they finish. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/resolve.h"
#include "spec/vm_history.h"
#include <string.h>

/* FALSE: it is over. Without an observation's clock it is not. */
static gboolean is_in_force(const struct builder *b, const struct suspend_spec *how)
{
	return how->reason && !b->in->ignores_suspend && !vm_time_is_over(how->until, builder_now_ms(b));
}

static const struct suspend_spec *here(const struct builder *b, enum kind_id kind, const char *id)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *s = host ? host->status : NULL;
	for (guint i = 0; s && i < s->suspended.n; i++) {
		const struct host_suspension *one = LIST_AT(s->suspended, struct host_suspension, i);
		if (g_strcmp0(one->kind, kinds[kind].name) == 0 && g_strcmp0(one->name, id) == 0 && is_in_force(b, &one->how))
			return &one->how;
	}
	return NULL;
}

/* What the object itself says, here before there. */
static const struct suspension *own(const struct builder *b, const struct object *o)
{
	const struct suspend_spec *local = o ? here(b, o->kind->id, o->id) : NULL, *said = suspend_own(o);
	if (!local && !(said && is_in_force(b, said)))
		return NULL;
	struct suspension *s = ARENA_NEW(b->arena, struct suspension);
	*s = (struct suspension){ .speaker = o, .how = local ? local : said, .is_here = local != NULL };
	return s;
}

const struct suspension *builder_suspension(const struct builder *b, const struct object *o)
{
	const struct object *speakers[] = { o, object_host(b->in->want, o), objects_farm(b->in->want) };
	const struct suspension *s = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(speakers) && !s; i++)
		s = own(b, speakers[i]);
	return s;
}

gboolean builder_suspends(const struct builder *b, const struct action *act)
{
	if (act->want)
		return builder_suspension(b, act->want) != NULL;
	/* What no spec speaks of any more is still on this host. */
	gboolean is_of_host = act->kind == KIND_VM || act->kind == KIND_GPU || act->kind == KIND_HOST;
	const struct object *host = is_of_host ? objects_get(b->in->want, KIND_HOST, b->in->host) : NULL;
	return here(b, act->kind, act->id) || builder_suspension(b, host);
}

const char *decided_words(struct arena *a, const char *by, const char *until, const char *reason)
{
	const char *who = by ? arena_printf(a, "by %s", by) : "";
	const char *end = until ? arena_printf(a, "%suntil %s", *who ? " " : "", vm_time_text(a, vm_time_ms(until))) : "";
	const char *why = reason ? arena_printf(a, "%s%s", *who || *end ? ": " : "", reason) : "";
	return arena_printf(a, "%s%s%s", who, end, why);
}

const char *suspension_words(struct arena *a, const struct suspension *s, const struct object *o)
{
	const char *words = decided_words(a, s->how->by, s->how->until, s->how->reason);
	if (!s->speaker || s->speaker == o)
		return words;
	return arena_printf(a, "%s/%s is suspended%s%s", s->speaker->kind->name, s->speaker->id, s->how->by || s->how->until ? " " : ": ", words);
}

/* -- verdicts ------------------------------------------------------------------------------------------- */

/* Its own controller tells of another host's, and so has said already that it is suspended; and what cannot be seen is not
 * known to be as it should be. */
static gboolean speaks_of(const struct verdict *v)
{
	gboolean is_told = (!v->is_held && g_str_has_prefix(v->reason, "Suspended")) || strcmp(v->reason, "OtherHost") == 0;
	return v->object->kind->spec_fields && !v->is_unseen && !is_told;
}

static void judge(struct builder *b, struct verdict *v, const struct suspension *s)
{
	struct arena *a = b->arena;
	const char *words = suspension_words(a, s, v->object), *rest = v->message ? v->message : v->reason;
	if (v->readiness == IS_STALLED && v->message && !v->is_held)
		rest = arena_printf(a, "%s: %s", v->reason, v->message);
	v->message = strcmp(rest, "Ready") == 0 ? words : arena_printf(a, "%s; %s", words, rest);
	v->reason = s->is_here ? "SuspendedHere" : "Suspended";
	v->suspension = s;
	v->is_refused = v->is_acted = FALSE;
	if (v->readiness != IS_READY) {
		v->readiness = IS_STALLED;
		v->is_settled = v->is_halted = TRUE;
	}
}

/* Suspended with an end: the plan is made anew then. */
static void wake_then(struct builder *b, const struct suspension *s)
{
	gint64 until = vm_time_ms(s->how->until), now = builder_now_ms(b);
	if (until && now)
		builder_wake(b, until - now);
}

/* One whose time has passed stands in the specs and says what is not so any more. */
static void note_over(struct builder *b, const struct object *o)
{
	const struct suspend_spec *said = suspend_own(o);
	if (said && !b->in->ignores_suspend && !is_in_force(b, said))
		builder_note(b, o->kind->id, o->id,
		             arena_printf(b->arena, "is not suspended any more since %s: its `suspend` may be taken out (`cleave resume %s/%s`)",
		                          said->until, o->kind->name, o->id));
}

void plan_judge_suspended(struct builder *b)
{
	for (guint i = 0; i < b->verdicts->len; i++) {
		struct verdict *v = &g_array_index(b->verdicts, struct verdict, i);
		if (!speaks_of(v))
			continue;
		const struct suspension *s = builder_suspension(b, v->object);
		note_over(b, v->object);
		if (!s)
			continue;
		wake_then(b, s);
		judge(b, v, s);
	}
}

/* -- of this host alone ------------------------------------------------------------------------------------ */

void plan_note_local(struct builder *b)
{
	const struct object *host = objects_get(b->in->have, KIND_HOST, b->in->host);
	const struct host_status *s = host ? host->status : NULL;
	if (b->in->held)
		builder_note(b, KIND_REVISION, "current", b->in->held);
	for (guint i = 0; s && i < s->suspended.n; i++) {
		const struct host_suspension *one = LIST_AT(s->suspended, struct host_suspension, i);
		const struct kind *kind = one->kind ? kind_find(one->kind) : NULL;
		if (kind && one->name && is_in_force(b, &one->how))
			builder_note(b, kind->id, one->name,
			             arena_printf(b->arena, "is suspended on this host alone, not in git: by %s until %s: %s; `cleave resume --local %s/%s` ends it",
			                          one->how.by ? one->how.by : "somebody", one->how.until ? one->how.until : "it is resumed",
			                          one->how.reason, kind->name, one->name));
	}
}
