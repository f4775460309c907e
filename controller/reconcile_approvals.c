/* Approvals of plans: which ones count for a plan, and what becomes of them when it is carried out. */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "reconcile_session.h"
#include "state/approvals.h"
#include <string.h>

static struct plan_approval approval_of(struct arena *a, const struct approval *one)
{
	struct plan_approval of = { arena_strdup(a, one->digest), one->has_begun, { 0 } };
	of.items.n = g_strv_length(one->items);
	of.items.items = ARENA_ARRAY(a, const char *, of.items.n);
	for (guint i = 0; i < of.items.n; i++)
		of.items.items[i] = arena_strdup(a, one->items[i]);
	return of;
}

void session_add_approvals(struct session *s, struct arena *a, struct plan_input *in)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) all = approvals_read(s->settings.state, &error);
	struct plan_approval *some = ARENA_ARRAY(a, struct plan_approval, all->len);
	if (error && !s->has_told_approvals)
		log_warning("approve", "%s", error->message);
	s->has_told_approvals = error != NULL;
	for (guint i = 0; i < all->len; i++) {
		const struct approval *one = all->pdata[i];
		if (strcmp(one->host, in->host) == 0 && strcmp(one->revision, in->revision) == 0)
			some[in->n_approvals++] = approval_of(a, one);
	}
	in->approvals = some;
}

/* One is forgotten when another revision counts, and when nothing is left that it let go on. */
void session_settle_approvals(struct session *s, const struct plan *p)
{
	g_autoptr(GError) error = NULL;
	if (!s->settings.acts || s->settings.devices_only) /* a plan of cards alone does not tell what is left */
		return;
	if (!approvals_forget(s->settings.state, p->host, p->revision, p->waiting.n == 0, &error))
		log_warning("approve", "%s", error->message);
}

/* Whether something of what an approval speaks of is done now: jobs are none of it. */
static gboolean begins(const struct plan *p)
{
	guint n = 0;
	for (guint i = 0; i < p->n_actions; i++)
		n += p->actions[i].kind == KIND_HOST || p->actions[i].kind == KIND_GPU || p->actions[i].kind == KIND_VM;
	return p->approved && n && !p->n_refusals;
}

gboolean session_begin_approved(struct session *s, const struct plan *p, GError **error)
{
	if (!begins(p))
		return TRUE;
	return approvals_begin(s->settings.state, p->approved, p->waiting.items, p->waiting.n, error);
}

/* Of whom nobody looks over the shoulder: what is only proposed is not in that plan, whose digest is another one then. */
static gboolean add(struct session *s, const struct plan *p, const char *by, GError **error)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *at = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	const struct approval one = { .digest = (char *)p->approval, .host = (char *)p->host, .revision = (char *)p->revision, .by = (char *)by, .at = at };
	return !p->approval || approvals_add(s->settings.state, &one, error);
}

gboolean session_approve(struct session *s, struct arena *a, const struct wanted *w, const struct objects *have, const char *digest,
                         const char *by, GError **error)
{
	const struct plan *p = session_plan(s, a, w, have, TRUE);
	if (p->approved && g_str_has_prefix(p->approved, digest))
		return TRUE;
	if (!p->approval)
		return fail(error, ERROR_REFUSED, "nothing waits to be approved at %s", p->revision);
	if (!g_str_has_prefix(p->approval, digest))
		return fail(error, ERROR_REFUSED, "what waits is %s by now, not %s: something has changed since; look at it with `cleave plan`", p->approval,
		            digest);
	return add(s, p, by, error) && add(s, session_plan(s, a, w, have, FALSE), by, error);
}
