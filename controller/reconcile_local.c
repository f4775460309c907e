/* What people decided on this host alone (state/local_decisions.h, state/hold.h), as a session takes it into account. */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "reconcile_session.h"
#include "spec/host.h"
#include "state/hold.h"
#include "state/local_decisions.h"
#include <string.h>

/* What cannot be understood halts all: somebody wanted something halted, and nobody knows what. Specs without a Farm speak
 * of their hosts alone. */
static struct list halt_all(const struct session *s, struct arena *a, const struct objects *want, const GError *error)
{
	const struct object *farm = objects_farm(want);
	struct host_suspension *one = ARENA_NEW(a, struct host_suspension);
	*one = (struct host_suspension){ farm ? "Farm" : "Host", farm ? farm->id : s->settings.host,
		                         { .reason = arena_strdup(a, error->message), .by = "cleave" } };
	return (struct list){ one, 1 };
}

/* The file has no other check of it: a kind that nothing is of would halt nothing. */
static gboolean are_kinds(const struct local_decision *all, guint n, GError **error)
{
	for (guint i = 0; i < n; i++) {
		const struct kind *kind = kind_find(all[i].kind);
		if (!kind || strcmp(kind->name, all[i].kind) != 0)
			return fail(error, ERROR_INVALID, "suspended.json halts a %s, which is no kind; mend or remove it", all[i].kind);
		if (all[i].state && host_state_halting(all[i].state) == HOST_ACTIVE)
			return fail(error, ERROR_INVALID, "suspended.json says that %s is %s, which is no state; mend or remove it", all[i].name, all[i].state);
	}
	return TRUE;
}

struct list session_suspended(const struct session *s, struct arena *a, const struct objects *want, struct host_state_spec *ret_state)
{
	g_autoptr(GError) error = NULL;
	struct local_decision *found;
	guint n, n_halted = 0;
	*ret_state = (struct host_state_spec){ 0 };
	if (s->settings.sysfs) /* another machine's */
		return (struct list){ 0 };
	if (!local_decisions_read(a, s->settings.state, &found, &n, &error) || !are_kinds(found, n, &error))
		return halt_all(s, a, want, error);
	struct host_suspension *all = ARENA_ARRAY(a, struct host_suspension, n);
	for (guint i = 0; i < n; i++) {
		const struct local_decision *d = &found[i];
		if (!d->state)
			all[n_halted++] = (struct host_suspension){ d->kind, d->name, { .reason = d->reason, .by = d->by, .since = d->since, .until = d->until } };
		else if (strcmp(d->kind, kinds[KIND_HOST].name) == 0 && strcmp(d->name, s->settings.host) == 0)
			*ret_state = (struct host_state_spec){ (int)host_state_halting(d->state), d->reason, d->until, d->by, d->since };
	}
	return (struct list){ all, n_halted };
}

/* Of this source; FALSE: there is none, or it cannot be read. */
static gboolean find_hold(const struct session *s, struct arena *a, struct hold *ret, GError **error)
{
	g_autofree char *source = session_source_name(s->settings.specs);
	return hold_read(a, s->settings.state, ret, error) && ret->commit && strcmp(ret->source, source) == 0;
}

void session_end_hold(const struct session *s, const char *tip)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct hold h;
	if (!s->settings.acts || !tip || !find_hold(s, a, &h, NULL) || strcmp(h.tip, tip) == 0)
		return;
	if (hold_write(s->settings.state, NULL, &error))
		log_notice("source", "%.12s ends the hold at %.12s (%s)", tip, h.commit, h.reason);
	else
		log_warning("source", "the hold at %.12s is over: %s", h.commit, error->message);
}

gboolean session_hold(const struct session *s, struct arena *a, const char *tip, const char **ret_commit, const char **ret_held, GError **error)
{
	g_autoptr(GError) problem = NULL;
	struct hold h;
	*ret_commit = *ret_held = NULL;
	gboolean is_there = find_hold(s, a, &h, &problem);
	if (problem) {
		g_propagate_error(error, g_steal_pointer(&problem));
		return FALSE;
	}
	if (!is_there || strcmp(h.tip, tip) != 0)
		return TRUE;
	*ret_commit = h.commit;
	*ret_held = arena_printf(a, "held at %.12s by %s since %s: %s; the branch is at %.12s, whose next commit ends it, as does `cleave rollback --off`",
	                         h.commit, h.by, h.since, h.reason, h.tip);
	return TRUE;
}
