/* `cleave reconcile`: fetch and look now. Who waits is answered from the first pass that began after the fetch. */
#include "base/arena.h"
#include "commands/run.h"
#include "report/report.h"
#include <string.h>

struct asking {
	struct control_request *request;
	gboolean is_json;
	gint64 due_us; /* the fetch was over then; 0: it is not yet */
};

void run_asked(struct runner *r, struct control_request *request, const char *format, gboolean waits)
{
	if (waits) {
		struct asking asking = { .request = request, .is_json = strcmp(format, "json") == 0 };
		if (!r->asking)
			r->asking = g_array_new(FALSE, FALSE, sizeof(struct asking));
		g_array_append_val(r->asking, asking);
	} else {
		control_answer(request, "", NULL);
	}
	run_source_fetch(r);
	run_asked_fetched(r);
}

void run_asked_fetched(struct runner *r)
{
	if (run_source_is_fetching(r))
		return;
	for (guint i = 0; r->asking && i < r->asking->len; i++) {
		struct asking *one = &g_array_index(r->asking, struct asking, i);
		if (!one->due_us)
			one->due_us = g_get_monotonic_time();
	}
	run_look_at_source(r);
}

/* What stands in the way of what was asked for: the newest revision is not in force, or nothing was done. */
static gboolean is_well(const struct runner *r, const struct plan *p, GError **error)
{
	const char *why, *in_force = r->force.arena ? r->force.wanted.tree.revision : "nothing";
	gint64 since_ms;
	if (r->force.trouble)
		return fail(error, ERROR_INVALID, "%s is refused; %s stays in force: %s", r->force.refused, in_force, r->force.trouble);
	if (run_source_is_away(r, &why, &since_ms))
		return fail(error, ERROR_AWAY, "%s; %s stays in force", why, in_force);
	if (p && p->n_refusals)
		return fail(error, ERROR_REFUSED, "the plan of %s is refused, and nothing was done; `cleave plan` says why", in_force);
	return TRUE;
}

static void answer(const struct runner *r, const struct asking *one, const struct pass_report *report)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	const struct plan *p = report ? report->plan : NULL;
	if (is_well(r, p, &error) && report && report->trouble)
		fail(&error, ERROR_FAILED, "%s", report->trouble);
	if (p && one->is_json)
		report_plan_json(text, p);
	else if (p)
		report_plan_text(text, p, (struct report_style){ 0 });
	if (p && report->outcomes && one->is_json)
		report_summary_json(text, p, report->outcomes);
	else if (p && report->outcomes)
		report_summary_text(text, p, report->outcomes, (struct report_style){ 0 });
	if (r->n_failed)
		g_string_append_c(text, CONTROL_IN_PART);
	control_answer(one->request, text->str, error);
}

/* `report` NULL: nothing is in force, so that there was no pass. */
static void answer_due(struct runner *r, gint64 began_us, const struct pass_report *report)
{
	for (guint i = 0; r->asking && i < r->asking->len;) {
		const struct asking one = g_array_index(r->asking, struct asking, i);
		if (!one.due_us || one.due_us > began_us) {
			i++;
			continue;
		}
		g_array_remove_index(r->asking, i);
		answer(r, &one, report);
	}
}

void run_asked_after(struct runner *r, const struct pass_report *report)
{
	answer_due(r, report->began_us, report);
}

void run_asked_without_pass(struct runner *r)
{
	if (!r->force.arena && r->force.trouble)
		answer_due(r, g_get_monotonic_time(), NULL);
}

void run_asked_end(struct runner *r)
{
	g_autoptr(GError) error = NULL;
	fail(&error, ERROR_AWAY, "the controller ends");
	for (guint i = 0; r->asking && i < r->asking->len; i++)
		control_answer(g_array_index(r->asking, struct asking, i).request, NULL, error);
	g_clear_pointer(&r->asking, g_array_unref);
}
