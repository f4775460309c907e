/* cleave apply: shows the plan, asks, carries it out. While `cleave run` holds the state folder it is
 * the one that acts: it is told to look now. */
#include "commands/command.h"
#include "commands/saved_plan.h"
#include "commands/keep.h"
#include "report/report.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

/* A driver offers what it can make of a card only once it has the card, and vGPUs of VFs once there are VFs: what is
 * still to do shows at the next look. */
enum { DEVICE_LOOKS = 4 };

struct printer {
	enum output output;
	struct report_style style;
	const struct saved_plan *saved; /* NULL: none */
	gboolean has_done_all; /* of a plan with actions: nothing failed, so another look may find more */
};

static void on_acted(void *user, const struct plan *p, const struct outcome *o)
{
	const struct printer *printer = user;
	g_autoptr(GString) text = g_string_new(NULL);
	if (printer->output == OUTPUT_JSON)
		report_outcome_json(text, p, o);
	else
		report_outcome_text(text, p, o, printer->style);
	command_print(text);
}

static int print_plan(const struct looked *l, const struct printer *printer)
{
	g_autoptr(GString) text = g_string_new(NULL);
	if (printer->output == OUTPUT_JSON)
		report_plan_json(text, l->plan);
	else
		report_plan_text(text, l->plan, printer->style);
	return command_print(text) ? -1 : EXIT_FAILED;
}

/* Of what a rule refused nothing was done, and all else was. */
static int judge(const struct looked *l, gboolean in_part)
{
	return in_part || plan_n_refused(l->plan) ? EXIT_IN_PART : EXIT_FINE;
}

/* As the controller does after each pass. A look at devices alone says nothing of all else. */
static void note(const struct invocation *in, const struct looked *l, const struct outcomes *outcomes, const char *trouble, gint64 took_ms)
{
	const struct keep_pass pass = { .plan = l->plan, .outcomes = outcomes, .trouble = trouble, .tree = &l->wanted.tree, .apply_ms = took_ms,
		                        .is_only = TRUE };
	if (in->settings.devices_only || !in->holds_lock)
		return;
	struct keep *keep = keep_open(in->settings.state);
	keep_note(keep, &pass);
	keep_free(keep);
}

static int apply_here(const struct invocation *in, struct looked *l, struct printer *printer)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	struct outcomes outcomes;
	struct pass_events events = { .acted = on_acted, .user = printer };
	gint64 began_us = g_get_monotonic_time();
	gboolean ok = session_apply(l->session, l->arena, l->plan, &events, &outcomes, &error);
	note(in, l, ok ? &outcomes : NULL, ok ? NULL : error->message, (g_get_monotonic_time() - began_us) / 1000);
	if (!ok)
		return command_fail(error);
	if (printer->output == OUTPUT_JSON)
		report_summary_json(text, l->plan, &outcomes);
	else
		report_summary_text(text, l->plan, &outcomes, printer->style);
	if (!command_print(text))
		return EXIT_FAILED;
	printer->has_done_all = outcomes.n_done == l->plan->n_actions;
	return judge(l, !printer->has_done_all);
}

/* The controller looks again at the revision that was shown, and acts; its own words are the outcome. */
static int apply_there(const struct invocation *in, const struct looked *l)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *request = g_strdup_printf("reconcile %s %s %s", in->output == OUTPUT_JSON ? "json" : "text",
	                                            plan_digest(l->arena, l->plan), l->plan->revision);
	g_autofree char *body = control_ask(in->settings.state, request, &error);
	if (!body)
		return command_fail(error);
	gboolean in_part = control_take_in_part(body);
	g_autoptr(GString) text = g_string_new(body);
	command_print(text);
	return judge(l, in_part);
}

/* Nothing is done by a plan that is not this one any more. */
static int check_saved(const struct saved_plan *saved, const struct looked *l)
{
	g_autoptr(GString) now = g_string_new(NULL);
	report_plan_json(now, l->plan);
	g_autofree char *difference = saved_plan_differs(saved, now->str);
	if (!difference)
		return -1;
	fprintf(stderr, "cleave: the plan is not the same any more, and nothing was done: %s; plan again\n", difference);
	return EXIT_REFUSED;
}

static int apply(struct invocation *in, struct looked *l, struct printer *printer)
{
	int code = printer->saved ? check_saved(printer->saved, l) : -1;
	code = code < 0 ? print_plan(l, printer) : code;
	if (code >= 0)
		return code;
	if (l->plan->n_refusals)
		return EXIT_REFUSED;
	gboolean is_blind = command_is_blind(in, l);
	if (l->plan->n_actions == 0)
		note(in, l, NULL, NULL, 0);
	if (l->plan->n_actions == 0)
		return is_blind ? EXIT_FAILED : plan_n_refused(l->plan) || l->plan->approval ? EXIT_REFUSED : EXIT_FINE;
	code = command_confirm(in, "Apply this plan?");
	if (code >= 0)
		return code;
	code = l->is_asked ? apply_there(in, l) : apply_here(in, l, printer);
	return code == EXIT_FINE && is_blind ? EXIT_FAILED : code;
}

/* A controller has no half passes; its whole ones see to the devices as well. */
static int refuse_devices(void)
{
	fputs("cleave: a controller works on this host, and sees to its devices already; leave out --devices, and it is told "
	      "to look now\n", stderr);
	return EXIT_REFUSED;
}

/* `so_far` is what the looks before came to, when this one finds nothing more to do. */
static int look_and_apply(struct invocation *in, struct printer *printer, int so_far)
{
	struct looked l;
	gboolean is_again = printer->has_done_all;
	printer->has_done_all = FALSE;
	int code = command_look(in, &l);
	if (code < 0)
		code = is_again && l.plan->n_actions == 0 ? so_far : apply(in, &l, printer);
	looked_clear(&l);
	return code;
}

static int apply_all(struct invocation *in, const struct saved_plan *saved)
{
	g_autoptr(GError) error = NULL;
	struct printer printer = { in->output, command_style(), saved, FALSE };
	in->settings.acts = TRUE;
	if (in->settings.devices_only && state_is_locked(in->settings.state))
		return refuse_devices();
	/* Taken before looking: what is seen must still be there when it is acted upon. */
	struct state_lock *lock = state_is_locked(in->settings.state) ? NULL : state_lock(in->settings.state, &error);
	if (error)
		return command_fail(error);
	in->holds_lock = lock != NULL;
	int code = look_and_apply(in, &printer, 0);
	for (int i = 1; i < DEVICE_LOOKS && in->settings.devices_only && !saved && printer.has_done_all; i++)
		code = look_and_apply(in, &printer, code);
	state_unlock(lock);
	return code;
}

/* Of the plan's own revision, however many commits there are since. */
static int apply_saved(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct saved_plan saved;
	int code;
	if (!saved_plan_read(in->args[0], &saved, &error))
		return command_fail(error);
	if (strcmp(saved.host, in->settings.host) != 0) {
		fprintf(stderr, "cleave: that plan is of the host %s, and this one is %s\n", saved.host, in->settings.host);
		code = EXIT_REFUSED;
	} else {
		in->commit = saved.commit;
		in->revision = saved.commit ? saved.revision : NULL;
		code = apply_all(in, &saved);
	}
	in->commit = in->revision = NULL;
	saved_plan_clear(&saved);
	return code;
}

int command_apply(struct invocation *in)
{
	return in->n_args ? apply_saved(in) : apply_all(in, NULL);
}
