/* What passes found and did, of `cleave run`: written down after each, and told on the control socket.
 *
 * "conditions", "history", "events SINCE": as it is now. "events SINCE wait": answered when something happens, so that
 * who follows needs no polling; the next question names the last number that was told. */
#include "commands/keep.h"
#include "commands/run.h"
#include <string.h>

/* The socket serves a few more at once (state/control.c): who watches takes no place from who suspends. */
enum { WATCHERS_MAX = 48 };

void run_keep_pass(struct runner *r, const struct pass_report *report)
{
	const struct keep_pass pass = { .plan = report->plan, .outcomes = report->outcomes, .trouble = report->trouble,
		                        .tree = &r->force.wanted.tree, .refused = r->force.refused, .refused_why = r->force.trouble,
		                        .look_ms = (report->looked_us - report->began_us) / 1000,
		                        .plan_ms = (report->planned_us - report->looked_us) / 1000,
		                        .apply_ms = (report->ended_us - report->planned_us) / 1000 };
	keep_note(r->keep, &pass);
	run_tell_watchers(r);
}

static void answer_events(struct runner *r, struct control_request *request, guint64 since)
{
	g_autofree char *text = events_text(r->keep->events, since);
	control_answer(request, text, NULL);
}

static guint64 since_of(const struct control_request *request)
{
	return g_ascii_strtoull(control_command(request) + strlen("events "), NULL, 10);
}

void run_tell_watchers(struct runner *r)
{
	guint64 newest = events_newest(r->keep->events);
	for (guint i = r->watchers.length; i-- > 0;) {
		struct control_request *request = g_queue_pop_head(&r->watchers);
		if (since_of(request) < newest || !control_is_open(request))
			answer_events(r, request, since_of(request));
		else
			g_queue_push_tail(&r->watchers, request);
	}
}

/* A number that this controller has not reached is of a state folder before: all is new then. */
static void watch(struct runner *r, struct control_request *request, guint64 since)
{
	g_autoptr(GError) error = NULL;
	run_tell_watchers(r); /* those that are gone make room */
	if (r->watchers.length >= WATCHERS_MAX) {
		fail(&error, ERROR_AWAY, "%d others wait for events at this moment; ask again", WATCHERS_MAX);
		control_answer(request, NULL, error);
		return;
	}
	if (since > events_newest(r->keep->events)) {
		answer_events(r, request, 0);
		return;
	}
	g_queue_push_tail(&r->watchers, request);
	run_tell_watchers(r);
}

gboolean run_answer_kept(struct runner *r, struct control_request *request)
{
	const char *command = control_command(request);
	g_auto(GStrv) words = g_strsplit(command, " ", 3);
	g_autofree char *text = NULL;
	if (strcmp(command, "conditions") == 0) {
		text = conditions_text(r->keep->conditions);
	} else if (strcmp(command, "history") == 0) {
		text = history_text(r->keep->history);
	} else if (g_strv_length(words) >= 2 && strcmp(words[0], "events") == 0) {
		if (words[2] && strcmp(words[2], "wait") == 0)
			watch(r, request, since_of(request));
		else
			answer_events(r, request, since_of(request));
		return TRUE;
	} else {
		return FALSE;
	}
	control_answer(request, text, NULL);
	return TRUE;
}

void run_kept_close(struct runner *r)
{
	struct control_request *request;
	g_autoptr(GError) error = g_error_new_literal(CLEAVE_ERROR, ERROR_AWAY, "the controller ended");
	while ((request = g_queue_pop_head(&r->watchers)))
		control_answer(request, NULL, error);
	keep_free(r->keep);
}
