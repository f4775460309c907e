/* cleave cordon HOST, cleave drain HOST, cleave uncordon HOST: the Host's `state`, by a commit. */
#include "base/arena.h"
#include "commands/proposal.h"
#include "commands/whom.h"
#include "spec/host.h"
#include <stdio.h>
#include <string.h>

enum { DRAIN_REASON };

const struct own_option drain_options[] = {
	[DRAIN_REASON] = { "reason", 'm', "TEXT", "Why, for the commit" },
	{ 0 },
};

struct draining {
	const struct invocation *in;
	struct whom whom;
	enum host_state state;
	char *by;
};

static const struct {
	const char *value; /* NULL: the key goes */
	const char *verb, *done;
} rows[] = {
	[HOST_ACTIVE] = { NULL, "uncordon", "the host takes frames, and its VMs run" },
	[HOST_CORDONED] = { "cordoned", "cordon", "the host takes no new frames" },
	[HOST_DRAINED] = { "drained", "drain", "the host finishes its frames, and its VMs are stopped" },
};

static gboolean make(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	static const char *const keys[] = { "state", NULL };
	const struct draining *d = user;
	const char *why = d->in->own[DRAIN_REASON];
	const struct object *o = proposal_find(tip, KIND_HOST, d->whom.name, error);
	if (!o)
		return FALSE;
	if (((const struct host_spec *)o->spec)->state == (int)d->state)
		return fail(error, ERROR_EXISTS, "%s says so already", o->place.path);
	ret->message = arena_printf(tip->arena, "%s Host/%s%s%s\n\nBy %s.\n", rows[d->state].verb, o->id, why ? ": " : "", why ? why : "", d->by);
	return proposal_set(tip, o, keys, rows[d->state].value, ret, error);
}

static int set_state(struct invocation *in, enum host_state state)
{
	g_autoptr(GError) error = NULL;
	struct draining d = { .in = in, .state = state, .by = whom_user() };
	struct proposal_done done = { 0 };
	int code = whom_parse(in, &kinds[KIND_HOST], &d.whom);
	if (code < 0 && in->own[DRAIN_REASON] && !whom_check_reason(in->own[DRAIN_REASON], &error))
		code = command_fail(error);
	if (code < 0) {
		gboolean ok = proposal_push(in, make, &d, &done, &error) || g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS);
		code = !ok ? error ? command_fail(error) : EXIT_FAILED : proposal_report(in, &done, rows[state].done);
	}
	proposal_done_clear(&done);
	g_free(d.by);
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
