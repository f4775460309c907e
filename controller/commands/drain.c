/* cleave cordon HOST, cleave drain HOST, cleave uncordon HOST: the Host's `state`, by a commit; or with --local on the host
 * itself, for when git is away. */
#include "base/arena.h"
#include "commands/local_decide.h"
#include "commands/proposal.h"
#include "commands/whom.h"
#include "spec/edit.h"
#include "spec/host.h"
#include <string.h>

/* uncordon has a table of its own, with the same first rows. */
enum { DRAIN_REASON, DRAIN_LOCAL, DRAIN_UNTIL, DRAIN_FOR, DRAIN_BY };
enum { HOUR_MS = 3600000 };

#define REASON_ROW { "reason", 'm', "TEXT", "Why, for who finds it later" }

const struct own_option drain_options[] = {
	[DRAIN_REASON] = REASON_ROW,
	[DRAIN_LOCAL] = { "local", 0, NULL, "On this host alone, not in git: for 1h, or up to 24h with --for or --until" },
	[DRAIN_UNTIL] = { "until", 0, "TIME", "When it ends by itself, as 2026-11-22T18:00:00Z" },
	[DRAIN_FOR] = { "for", 0, "DURATION", "How long instead, as 2h or 3d" },
	[DRAIN_BY] = { "by", 0, "WHO", "Who decided it (default: git's user)" },
	{ 0 },
};

const struct own_option uncordon_options[] = {
	[DRAIN_REASON] = REASON_ROW,
	[DRAIN_LOCAL] = { "local", 0, NULL, "End what was cordoned or drained with --local" },
	{ 0 },
};

struct draining {
	struct invocation *in;
	struct whom whom;
	enum host_state state;
	char *by, *until, *since;
};

static const struct {
	const char *verb, *done;
} rows[] = {
	[HOST_ACTIVE] = { "uncordon", "the host takes frames, and its VMs run" },
	[HOST_CORDONED] = { "cordon", "the host takes no new frames" },
	[HOST_DRAINED] = { "drain", "the host finishes its frames, and its VMs are stopped" },
};

static const char *const keys[] = { "state", NULL };

/* Who says it again says nothing new, but for another end. One whose time has passed is over. */
static gboolean is_so(const struct draining *d, const struct host_state_spec *was)
{
	const struct host_spec spec = { .state = *was };
	gboolean is_over = host_standing(&spec, NULL, g_get_real_time() / 1000).state != (enum host_state)was->is;
	return was->is == (int)d->state && (d->state == HOST_ACTIVE || (!is_over && g_strcmp0(was->until, d->until) == 0));
}

static gboolean make(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	const struct draining *d = user;
	const char *why = d->in->own[DRAIN_REASON];
	const struct object *o = proposal_find(tip, KIND_HOST, d->whom.name, error);
	if (!o)
		return FALSE;
	if (is_so(d, &((const struct host_spec *)o->spec)->state))
		return fail(error, ERROR_EXISTS, "%s says so already", o->place.path);
	const struct edit_member members[] = { { "is", host_state_word(d->state) }, { "reason", why },     { "until", d->until },
		                               { "by", d->by },                     { "since", d->since }, { 0 } };
	ret->message = arena_printf(tip->arena, "%s Host/%s%s%s\n\nBy %s%s%s.\n", rows[d->state].verb, o->id, why ? ": " : "", why ? why : "", d->by,
	                            d->until ? ", until " : "", d->until ? d->until : "");
	if (d->state != HOST_ACTIVE)
		return proposal_set_map(tip, o, keys, members, ret, error);
	/* Where the file does not have the key, the Farm's defaults say it. */
	g_autoptr(GError) absent = NULL;
	if (proposal_set(tip, o, keys, NULL, ret, &absent))
		return TRUE;
	if (g_error_matches(absent, CLEAVE_ERROR, ERROR_EXISTS))
		return proposal_set(tip, o, keys, host_state_word(HOST_ACTIVE), ret, error);
	g_propagate_error(error, g_steal_pointer(&absent));
	return FALSE;
}

static int propose(struct draining *d)
{
	g_autoptr(GError) error = NULL;
	struct proposal_done done = { 0 };
	gboolean ok = proposal_push(d->in, make, d, &done, &error) || g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS);
	int code = !ok ? local_hint(error, d->state != HOST_ACTIVE) : proposal_report(d->in, &done, rows[d->state].done);
	if (d->state == HOST_ACTIVE)
		local_tell_of(d->in, kinds[KIND_HOST].name, d->whom.name, TRUE);
	proposal_done_clear(&done);
	return code;
}

static int do_here(struct draining *d)
{
	g_autoptr(GError) error = NULL;
	const char *here = d->in->settings.host;
	if (strcmp(d->whom.name, here) != 0) {
		fail(&error, ERROR_USAGE, "--local acts on this host alone, which is %s; on %s it is done there", here, d->whom.name);
		return command_fail(error);
	}
	if (d->state == HOST_ACTIVE)
		return local_uncordon(d->in, here);
	const char *why = d->in->own[DRAIN_REASON];
	const struct local_decision one = { .kind = kinds[KIND_HOST].name, .name = here, .state = host_state_word(d->state), .reason = why ? why : "no reason was given",
		                            .by = d->by, .since = d->since, .until = d->until };
	return local_suspend(d->in, &one);
}

/* What says when it ends; *ret stays NULL where nothing does. */
static gboolean read_end(const struct draining *d, char **ret, GError **error)
{
	char *const *own = d->in->own;
	gboolean is_local = own[DRAIN_LOCAL] != NULL;
	return d->state == HOST_ACTIVE || whom_until(own[DRAIN_UNTIL], own[DRAIN_FOR], is_local ? HOUR_MS : 0, is_local ? 24 * HOUR_MS : 0, ret, error);
}

static int set_state(struct invocation *in, enum host_state state)
{
	g_autoptr(GError) error = NULL;
	const char *by = state == HOST_ACTIVE ? NULL : in->own[DRAIN_BY];
	struct draining d = { .in = in, .state = state, .by = by ? g_strdup(by) : whom_user(), .since = whom_now() };
	int code = whom_parse(in, &kinds[KIND_HOST], &d.whom);
	if (code < 0 && ((in->own[DRAIN_REASON] && !whom_check_reason(in->own[DRAIN_REASON], &error)) || !read_end(&d, &d.until, &error)))
		code = command_fail(error);
	if (code < 0)
		code = in->own[DRAIN_LOCAL] ? do_here(&d) : propose(&d);
	g_free(d.by);
	g_free(d.until);
	g_free(d.since);
	return code;
}

int command_cordon(struct invocation *in)
{
	return set_state(in, HOST_CORDONED);
}

int command_uncordon(struct invocation *in)
{
	return set_state(in, HOST_ACTIVE);
}

int command_drain(struct invocation *in)
{
	return set_state(in, HOST_DRAINED);
}
