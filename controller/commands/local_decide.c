/* Requests: "suspend-here JSON", "resume-here KIND NAME", "drain-here JSON", "uncordon-here HOST", "hold-here JSON", "release-here"; the answer is the object, as
 * KIND/NAME. */
#include "commands/local_decide.h"
#include "base/arena.h"
#include "report/report.h"
#include "spec/host.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

gboolean decision_find(const struct objects *all, struct local_decision *d, GError **error)
{
	g_autofree char *several = NULL;
	const struct kind *kind = kind_find(d->kind);
	const struct object *o = !kind ? NULL : *d->name ? objects_find(all, kind->id, d->name, &several) : kind->id == KIND_FARM ? objects_farm(all) : NULL;
	if (several)
		return fail(error, ERROR_INVALID, "%s is a job of several projects: %s; write PROJECT/NAME", d->name, several);
	if (!o)
		return fail(error, ERROR_NOT_FOUND, "there is no %s %s in the specs", d->kind, d->name);
	d->kind = o->kind->name;
	d->name = o->id;
	return TRUE;
}

/* Without a controller the specs may be out of reach: then the word counts. */
static gboolean find_here(struct invocation *in, struct arena *a, struct local_decision *d, GError **error)
{
	g_autoptr(GError) unread = NULL;
	struct wanted w;
	struct session *s = session_new(&in->settings);
	gboolean ok = TRUE;
	if (session_want(s, a, &w, &unread))
		ok = decision_find(w.objects, d, error);
	else
		fprintf(stderr, "cleave: the specs cannot be read (%s): %s/%s is taken as written\n", unread->message, d->kind, d->name);
	d->name = arena_strdup(a, d->name);
	wanted_clear(&w);
	session_free(s);
	return ok;
}

static int done(struct invocation *in, const char *decision, const char *object, const char *sentence)
{
	g_autoptr(GString) text = g_string_new(NULL);
	if (in->output == OUTPUT_JSON)
		report_decided_json(text, decision, object);
	else
		g_string_append_printf(text, "%s%s%s\n", object, *object ? " " : "", sentence);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

/* The answer of the controller, or NULL: there is none, and *ret_lock is held. */
static char *ask(const struct invocation *in, const char *request, struct state_lock **ret_lock, GError **error)
{
	*ret_lock = NULL;
	if (state_is_locked(in->settings.state))
		return control_ask(in->settings.state, request, error);
	*ret_lock = state_lock(in->settings.state, error);
	return NULL;
}

int local_suspend(struct invocation *in, const struct local_decision *d)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct state_lock *lock;
	struct local_decision one = *d;
	g_autofree char *json = local_decision_text(d), *request = g_strdup_printf("%s-here %s", d->state ? "drain" : "suspend", json);
	g_autofree char *object = ask(in, request, &lock, &error);
	if (lock && find_here(in, a, &one, &error) && local_decisions_put(in->settings.state, &one, &error))
		object = g_strdup_printf("%s/%s", one.kind, one.name);
	state_unlock(lock);
	g_autofree char *sentence = g_strdup_printf("is %s on this host alone until %s", d->state ? d->state : "suspended", d->until);
	const char *decision = !d->state ? "suspend" : host_state_halting(d->state) == HOST_DRAINED ? "drain" : "cordon";
	return error ? command_fail(error) : done(in, decision, object, sentence);
}

int local_uncordon(struct invocation *in, const char *host)
{
	g_autoptr(GError) error = NULL;
	struct state_lock *lock;
	g_autofree char *request = g_strdup_printf("uncordon-here %s", host), *object = ask(in, request, &lock, &error);
	if (lock && local_decisions_end(in->settings.state, kinds[KIND_HOST].name, host, TRUE, &error))
		object = g_strdup_printf("%s/%s", kinds[KIND_HOST].name, host);
	state_unlock(lock);
	return error ? command_fail(error) : done(in, "uncordon", object, "goes on");
}

/* What is gone from the specs meanwhile may still be resumed, as it was written. */
int local_resume(struct invocation *in, const char *kind, const char *name)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL, unknown = NULL;
	struct state_lock *lock;
	struct local_decision one = { .kind = kind, .name = name };
	g_autofree char *request = g_strdup_printf("resume-here %s %s", kind, name);
	g_autofree char *object = ask(in, request, &lock, &error);
	if (lock)
		find_here(in, a, &one, &unknown);
	if (lock && local_decisions_end(in->settings.state, kind, one.name, FALSE, &error))
		object = g_strdup_printf("%s/%s", kind, one.name);
	state_unlock(lock);
	return error ? command_fail(error) : done(in, "resume", object, "goes on");
}

/* What has no object to name. */
static void tell(const struct invocation *in, const char *request, struct state_lock **ret_lock, GError **error)
{
	g_free(ask(in, request, ret_lock, error));
}

int local_hold(struct invocation *in, const struct hold *h)
{
	g_autoptr(GError) error = NULL;
	struct state_lock *lock;
	g_autofree char *json = hold_text(h), *request = g_strdup_printf("hold-here %s", json);
	tell(in, request, &lock, &error);
	if (lock)
		hold_write(in->settings.state, h, &error);
	state_unlock(lock);
	g_autofree char *sentence = g_strdup_printf("this host works by %.12s until the next commit", h->commit);
	return error ? command_fail(error) : done(in, "hold", "", sentence);
}

int local_release(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct state_lock *lock;
	tell(in, "release-here", &lock, &error);
	if (lock)
		hold_write(in->settings.state, NULL, &error);
	state_unlock(lock);
	return error ? command_fail(error) : done(in, "release", "", "this host works by the branch's newest commit");
}

/* The repository is away or does not let this user in: there is another way for an emergency. */
int local_hint(const GError *error, gboolean has_way_out)
{
	if (!error)
		return EXIT_FAILED;
	int code = command_fail(error);
	gboolean is_of_git = error->code == ERROR_FAILED || error->code == ERROR_AWAY || error->code == ERROR_REFUSED;
	if (has_way_out && error->domain == CLEAVE_ERROR && is_of_git)
		fputs("cleave: where git stands in the way, `--local` does it on this host alone, for an hour\n", stderr);
	return code;
}

void local_tell_of(const struct invocation *in, const char *kind, const char *name, gboolean is_state)
{
	SCOPED_ARENA(a);
	struct local_decision *all;
	guint n;
	const char *object = is_state ? name : arena_printf(a, "%s/%s", kind, name), *verb = is_state ? "uncordon" : "resume";
	if (!local_decisions_read(a, in->settings.state, &all, &n, NULL))
		return;
	for (guint i = 0; i < n; i++)
		if ((all[i].state != NULL) == is_state && strcmp(all[i].kind, kind) == 0 && strcmp(all[i].name, name) == 0 && !local_decision_is_over(&all[i]))
			fprintf(stderr, "cleave: it is %s on this host alone; `cleave %s --local %s` ends that\n", is_state ? all[i].state : "suspended", verb, object);
}
