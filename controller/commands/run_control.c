/* Requests on the control socket, answered between two passes. */
#include "base/arena.h"
#include "commands/run.h"
#include "spec/emit.h"
#include <string.h>

static void answer_observe(struct runner *r, struct control_request *request)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	if (r->force.arena || run_read_revision(r))
		emit_objects(text, run_look_at_all(r, a, TRUE), EMIT_STATUS);
	else
		fail(&error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	control_answer(request, text->str, error);
}

static void answer_metrics(struct runner *r, struct control_request *request)
{
	g_autoptr(GError) error = NULL;
	const char *text = run_metrics_text(r);
	if (!text)
		fail(&error, ERROR_AWAY, "no pass has ended yet");
	control_answer(request, text, error);
}

/* "reconcile FORMAT DIGEST REVISION": one pass now, if that is still the revision, and the plan, that the client has shown. Of
 * jobs it may be another one: frames move on meanwhile, whoever looks. */
static void answer_reconcile(struct runner *r, struct control_request *request, const char *format, const char *digest, const char *revision)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	if (!run_read_revision(r))
		fail(&error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	else if (strcmp(r->force.wanted.tree.revision, revision) != 0)
		fail(&error, ERROR_REFUSED, "the controller works with %s by now, the plan is of %s; look at the new plan",
		     r->force.wanted.tree.revision, revision);
	if (!error) {
		session_forget_troubles(r->session); /* a person wants all of it tried */
		r->recorded = text;
		r->record_json = strcmp(format, "json") == 0;
		r->expected = digest;
		r->is_other = FALSE;
		run_pass(r);
		r->recorded = NULL;
		r->expected = NULL;
		if (r->is_other)
			fail(&error, ERROR_REFUSED, "what was shown is not the plan any more, and nothing was done; look at the new one");
		else if (r->n_failed)
			g_string_append_c(text, CONTROL_IN_PART);
	}
	control_answer(request, text->str, error);
}

/* "adopt VM", "release VM", "approve VM": done now, between two passes; the next one goes on from there. */
static void answer_decision(struct runner *r, struct control_request *request, enum decision decision, const char *vm)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	if (!r->force.arena && !run_read_revision(r))
		fail(&error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	else if (decision == DECISION_APPROVE && session_forget_trouble(r->session, KIND_VM, vm))
		run_look_at_source(r);
	else if (session_decide(r->session, a, &r->force.wanted, decision, vm, &error))
		run_look_at_source(r);
	control_answer(request, "", error);
}

/* "approve-plan DIGEST BY": looks, and approves when what waits is that. */
static void answer_approval(struct runner *r, struct control_request *request, const char *digest, const char *by)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	if (!run_read_revision(r))
		fail(&error, ERROR_FAILED, "no valid revision yet: %s", r->force.trouble);
	else if (session_approve(r->session, a, &r->force.wanted, run_look_at_all(r, a, FALSE), digest, by, &error))
		run_look_at_source(r);
	control_answer(request, "", error);
}

void run_answer_requests(struct runner *r)
{
	struct control_request *request;
	while ((request = control_take(r->control))) {
		g_autoptr(GError) error = NULL;
		const char *command = control_command(request);
		g_auto(GStrv) words = g_strsplit(command, " ", 3), reconcile = g_strsplit(command, " ", 4);
		if (run_answer_local(r, request) || run_answer_kept(r, request))
			continue;
		if (strcmp(command, "observe") == 0) {
			answer_observe(r, request);
		} else if (strcmp(command, "metrics") == 0) {
			answer_metrics(r, request);
		} else if (g_strv_length(words) >= 2 && strcmp(words[0], "look") == 0) {
			run_asked(r, request, words[1], g_strcmp0(words[2], "wait") == 0);
		} else if (g_strv_length(reconcile) == 4 && strcmp(words[0], "reconcile") == 0) {
			answer_reconcile(r, request, reconcile[1], reconcile[2], reconcile[3]);
		} else if (g_strv_length(words) == 3 && strcmp(words[0], "approve-plan") == 0) {
			answer_approval(r, request, words[1], words[2]);
		} else if (g_strv_length(words) == 2 && name_value(&decision_names, words[0]) >= 0) {
			answer_decision(r, request, (enum decision)name_value(&decision_names, words[0]), words[1]);
		} else {
			fail(&error, ERROR_USAGE, "this controller does not know that request; are both of one version?");
			control_answer(request, NULL, error);
		}
	}
	run_asked_without_pass(r);
}
