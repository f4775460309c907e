/* Decisions for this host alone, asked for on the control socket (commands/local_decide.c). Done between two passes; the
 * next one obeys. */
#include "base/arena.h"
#include "commands/local_decide.h"
#include "commands/run.h"
#include "spec/host.h"
#include <string.h>

static const struct objects *in_force(struct runner *r, GError **error)
{
	if (r->force.arena || run_read_revision(r))
		return r->force.wanted.objects;
	fail(error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	return NULL;
}

static char *object_text(const struct local_decision *d)
{
	return g_strdup_printf("%s/%s", d->kind, d->name);
}

static char *put_here(struct runner *r, struct local_decision *d, GError **error)
{
	const struct objects *all = in_force(r, error);
	gboolean ok = all && decision_find(all, d, error) && local_decisions_put(r->in->settings.state, d, error);
	return ok ? object_text(d) : NULL;
}

static char *suspend_here(struct runner *r, struct arena *a, const char *json, GError **error)
{
	struct local_decision d;
	if (!local_decision_parse(a, json, &d, error))
		return NULL;
	if (!d.state)
		return put_here(r, &d, error);
	fail(error, ERROR_INVALID, "what is suspended has no state");
	return NULL;
}

/* A word of its own, and checked: what a file says that nobody understands would halt the whole host. */
static char *drain_here(struct runner *r, struct arena *a, const char *json, GError **error)
{
	struct local_decision d;
	if (!local_decision_parse(a, json, &d, error))
		return NULL;
	if (host_state_halting(d.state) != HOST_ACTIVE && strcmp(d.kind, kinds[KIND_HOST].name) == 0 && strcmp(d.name, r->in->settings.host) == 0)
		return put_here(r, &d, error);
	fail(error, ERROR_INVALID, "this controller cordons or drains the Host %s alone, not %s/%s; are both of one version?", r->in->settings.host, d.kind, d.name);
	return NULL;
}

/* What is gone from the specs meanwhile may still be resumed, as it was written. */
static char *resume_here(struct runner *r, struct arena *a, const char *object, GError **error)
{
	g_auto(GStrv) words = g_strsplit(object, " ", 2);
	const struct objects *all = in_force(r, NULL);
	struct local_decision d = { .kind = words[0], .name = words[0] && words[1] ? words[1] : "" };
	if (!d.kind)
		return NULL;
	(void)a;
	if (all)
		decision_find(all, &d, NULL);
	return local_decisions_end(r->in->settings.state, d.kind, d.name, FALSE, error) ? object_text(&d) : NULL;
}

static char *uncordon_here(struct runner *r, struct arena *a, const char *host, GError **error)
{
	const struct local_decision d = { .kind = kinds[KIND_HOST].name, .name = host };
	(void)a;
	return local_decisions_end(r->in->settings.state, d.kind, host, TRUE, error) ? object_text(&d) : NULL;
}

static char *hold_here(struct runner *r, struct arena *a, const char *json, GError **error)
{
	struct hold h;
	return hold_parse(a, json, &h, error) && hold_write(r->in->settings.state, &h, error) ? g_strdup("") : NULL;
}

static char *release_here(struct runner *r, struct arena *a, const char *unused, GError **error)
{
	(void)a, (void)unused;
	return hold_write(r->in->settings.state, NULL, error) ? g_strdup("") : NULL;
}

static const struct {
	const char *word;
	char *(*answer)(struct runner *r, struct arena *a, const char *rest, GError **error);
} rows[] = {
	{ "suspend-here", suspend_here },
	{ "resume-here", resume_here },
	{ "drain-here", drain_here },
	{ "uncordon-here", uncordon_here },
	{ "hold-here", hold_here },
	{ "release-here", release_here },
};

gboolean run_answer_local(struct runner *r, struct control_request *request)
{
	SCOPED_ARENA(a);
	const char *command = control_command(request);
	gsize len = strcspn(command, " ");
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (strlen(rows[i].word) != len || strncmp(rows[i].word, command, len) != 0)
			continue;
		g_autoptr(GError) error = NULL;
		g_autofree char *answer = rows[i].answer(r, a, command + len + (command[len] == ' '), &error);
		if (answer)
			run_look_at_source(r);
		else if (!error)
			fail(&error, ERROR_USAGE, "%s: of which object?", rows[i].word);
		control_answer(request, answer, error);
		return TRUE;
	}
	return FALSE;
}
