/* cleave suspend OBJECT, cleave resume OBJECT: people halt an object, by a commit; or with --local on this host alone, for
 * when git is away. */
#include "base/arena.h"
#include "commands/local_decide.h"
#include "commands/proposal.h"
#include "commands/whom.h"
#include "report/report.h"
#include "spec/edit.h"
#include "spec/resolve.h"
#include "spec/suspend.h"
#include "state/state.h"
#include <string.h>

enum { SUSPEND_REASON, SUSPEND_UNTIL, SUSPEND_FOR, SUSPEND_BY, SUSPEND_LOCAL };
enum { RESUME_LOCAL, RESUME_HOLD };
enum { HOUR_MS = 3600000 };

const struct own_option suspend_options[] = {
	[SUSPEND_REASON] = { "reason", 'm', "TEXT", "Why, for who finds it later (required)" },
	[SUSPEND_UNTIL] = { "until", 0, "TIME", "When it ends by itself, as 2026-11-22T18:00:00Z" },
	[SUSPEND_FOR] = { "for", 0, "DURATION", "How long instead, as 2h or 3d" },
	[SUSPEND_BY] = { "by", 0, "WHO", "Who decided it (default: git's user)" },
	[SUSPEND_LOCAL] = { "local", 0, NULL, "On this host alone, not in git: for 1h, or up to 24h with --for or --until" },
	{ 0 },
};

const struct own_option resume_options[] = {
	[RESUME_LOCAL] = { "local", 0, NULL, "End what was suspended with --local" },
	[RESUME_HOLD] = { "hold", 0, NULL, "End a `rollback --local`, without OBJECT" },
	{ 0 },
};

struct suspending {
	struct invocation *in;
	struct whom whom;
	char *by, *until, *since;
};

static const char *const keys[] = { "suspend", NULL };

static const struct object *find(const struct suspending *s, const struct proposal_tip *tip, GError **error)
{
	const struct object *farm = objects_farm(tip->wanted->objects);
	if (s->whom.name)
		return proposal_find(tip, s->whom.kind->id, s->whom.name, error);
	if (!farm)
		fail(error, ERROR_NOT_FOUND, "there is no Farm in the specs");
	return farm;
}

static gboolean make_suspend(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	const struct suspending *s = user;
	const char *reason = s->in->own[SUSPEND_REASON];
	const struct object *o = find(s, tip, error);
	const struct edit_member members[] = { { "reason", reason }, { "until", s->until }, { "by", s->by }, { "since", s->since }, { 0 } };
	if (!o)
		return FALSE;
	ret->message = arena_printf(tip->arena, "suspend %s/%s: %s\n\nBy %s%s%s.\n", o->kind->name, o->id, reason, s->by, s->until ? ", until " : "",
	                            s->until ? s->until : "");
	return proposal_set_map(tip, o, keys, members, ret, error);
}

/* What it is suspended by, when it says nothing itself. */
static gboolean fail_inherited(const struct proposal_tip *tip, const struct object *o, GError **error)
{
	const struct object *above[] = { object_host(tip->wanted->objects, o), objects_farm(tip->wanted->objects) };
	for (guint i = 0; i < G_N_ELEMENTS(above); i++)
		if (above[i] && above[i] != o && suspend_own(above[i]))
			return fail(error, ERROR_INVALID, "%s/%s is not suspended itself, its %s is: `cleave resume %s/%s`", o->kind->name, o->id,
			            above[i]->kind->name, above[i]->kind->name, above[i]->id);
	return fail(error, ERROR_EXISTS, "%s/%s is not suspended", o->kind->name, o->id);
}

static gboolean make_resume(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	const struct suspending *s = user;
	g_autoptr(GError) local = NULL;
	const struct object *o = find(s, tip, error);
	if (!o)
		return FALSE;
	const struct suspend_spec *was = suspend_own(o);
	if (!was)
		return fail_inherited(tip, o, error);
	ret->message = arena_printf(tip->arena, "resume %s/%s\n\nBy %s. It was suspended: %s\n", o->kind->name, o->id, s->by, was->reason);
	if (proposal_set(tip, o, keys, NULL, ret, &local))
		return TRUE;
	if (g_error_matches(local, CLEAVE_ERROR, ERROR_EXISTS))
		return fail(error, ERROR_REFUSED, "%s/%s has its `suspend` from the Farm's defaults; take it out there", o->kind->name, o->id);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static int propose(struct suspending *s, proposal_make make, const char *done)
{
	g_autoptr(GError) error = NULL;
	struct proposal_done pushed = { 0 };
	gboolean ok = proposal_push(s->in, make, s, &pushed, &error);
	gboolean is_so = g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS);
	if (is_so && make == make_resume && s->whom.name)
		local_tell_of(s->in, s->whom.kind->name, s->whom.name, FALSE);
	int code = ok || is_so ? proposal_report(s->in, &pushed, done) : local_hint(error, make == make_suspend);
	proposal_done_clear(&pushed);
	return code;
}

static int suspend_here(struct suspending *s)
{
	const struct local_decision d = { .kind = s->whom.kind->name, .name = s->whom.name ? s->whom.name : "", .reason = s->in->own[SUSPEND_REASON],
		                          .by = s->by, .since = s->since, .until = s->until };
	return local_suspend(s->in, &d);
}

static int resume_here(struct suspending *s)
{
	return local_resume(s->in, s->whom.kind->name, s->whom.name ? s->whom.name : "");
}

static void suspending_clear(struct suspending *s)
{
	g_free(s->by);
	g_free(s->until);
	g_free(s->since);
}

int command_suspend(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct suspending s = { .in = in, .since = whom_now(), .by = in->own[SUSPEND_BY] ? g_strdup(in->own[SUSPEND_BY]) : whom_user() };
	gboolean is_local = in->own[SUSPEND_LOCAL] != NULL;
	int code = whom_parse(in, NULL, &s.whom);
	if (code < 0 && (!whom_check_reason(in->own[SUSPEND_REASON], &error) ||
	                 !whom_until(in->own[SUSPEND_UNTIL], in->own[SUSPEND_FOR], is_local ? HOUR_MS : 0, is_local ? 24 * HOUR_MS : 0, &s.until, &error)))
		code = command_fail(error);
	if (code < 0)
		code = is_local ? suspend_here(&s) : propose(&s, make_suspend, "it is suspended");
	suspending_clear(&s);
	return code;
}

int command_resume(struct invocation *in)
{
	if (in->own[RESUME_HOLD])
		return local_release(in);
	struct suspending s = { .in = in, .by = whom_user() };
	int code = whom_parse(in, NULL, &s.whom);
	if (code < 0)
		code = in->own[RESUME_LOCAL] ? resume_here(&s) : propose(&s, make_resume, "it is resumed");
	suspending_clear(&s);
	return code;
}
