/* For people: aligned, few words, colour only where it is asked for. */
#include "base/arena.h"
#include "base/revision.h"
#include "report/report.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/renderjob.h"
#include "spec/secret.h"
#include "spec/vm.h"
#include <string.h>

enum colour { PLAIN, RED, GREEN, YELLOW, DIM, BOLD };

static void paint(GString *out, struct report_style style, enum colour colour, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static void paint(GString *out, struct report_style style, enum colour colour, const char *format, ...)
{
	static const char *const codes[] = { "0", "31", "32", "33", "2", "1" };
	va_list args;
	if (style.colour && colour != PLAIN)
		g_string_append_printf(out, "\033[%sm", codes[colour]);
	va_start(args, format);
	g_string_append_vprintf(out, format, args);
	va_end(args);
	if (style.colour && colour != PLAIN)
		g_string_append(out, "\033[0m");
}

static enum colour sign_colour(char sign)
{
	return strchr("-x", sign) ? RED : strchr("~*", sign) ? YELLOW : GREEN;
}

static const char *told(const struct change *c, const char *value)
{
	return secret_is_value(c->field, value) ? SECRET_MASKED : value;
}

static void append_changes(GString *out, const struct changes *c, const char *indent, struct report_style style)
{
	for (guint i = 0; i < c->n; i++) {
		const struct change *ch = &c->items[i];
		g_string_append_printf(out, "%s%s: ", indent, ch->field);
		if (ch->before)
			paint(out, style, RED, "%s", told(ch, ch->before));
		if (ch->before)
			g_string_append(out, " → ");
		paint(out, style, ch->after ? GREEN : DIM, "%s", ch->after ? told(ch, ch->after) : "(none)");
		g_string_append_c(out, '\n');
	}
}

/* "frames 1-8 were never rendered", or the reason alone. */
static void append_reason(GString *out, const struct action *act)
{
	if (act->frames.n_runs) {
		SCOPED_ARENA(scratch);
		const char *text = frames_format(scratch, &act->frames);
		g_string_append_printf(out, "frames %.60s%s ", text,
		                       strlen(text) > 60 ? "…" : "");
	}
	g_string_append(out, act->reason);
}

static gboolean is_on_devices(const struct action *act)
{
	return act->kind == KIND_HOST || act->kind == KIND_GPU;
}

/* Of devices it is always said, and whether it is taken back when it fails halfway. */
static void append_effect(GString *out, const struct action *act, struct report_style style)
{
	enum colour colour = act->effect >= EFFECT_VM_RESTART ? RED : BOLD;
	if (act->effect == EFFECT_NONE && !is_on_devices(act))
		return;
	paint(out, style, colour, "  [%s", name_of(&effect_names, (int)act->effect));
	if (act->count && !is_on_devices(act))
		paint(out, style, BOLD, " %" G_GUINT64_FORMAT, act->count);
	if (is_on_devices(act))
		paint(out, style, colour, "%s", verbs[act->verb].has_undo ? ", undo" : ", no undo");
	paint(out, style, colour, "]");
}

static void append_holders(GString *out, const struct action *act)
{
	for (guint i = 0; i < act->holders.n; i++)
		g_string_append_printf(out, "%s%s", i ? ", " : "        used by ", act->holders.items[i]);
	if (act->holders.n)
		g_string_append_c(out, '\n');
}

static void append_action(GString *out, const struct action *act, struct report_style style)
{
	const struct verb_row *verb = &verbs[act->verb];
	g_autofree char *target = g_strdup_printf("%s/%s", kinds[act->kind].name, act->id);
	paint(out, style, sign_colour(verb->sign), "  %c %-15s", verb->sign, verb->name);
	g_string_append_printf(out, " %-24s ", target);
	append_reason(out, act);
	append_effect(out, act, style);
	g_string_append_c(out, '\n');
	append_changes(out, &act->changes, "        ", style);
	append_holders(out, act);
}

static void append_effects_line(GString *out, const struct plan *p)
{
	guint n = 0;
	for (int e = 0; e < N_EFFECTS; e++) {
		guint64 count = plan_effect_count(p, (enum effect)e);
		if (count && e != EFFECT_NONE)
			g_string_append_printf(out, "%s%s %" G_GUINT64_FORMAT, n++ ? ", " : "Effects: ", name_of(&effect_names, e),
			                       count);
	}
	if (n)
		g_string_append_c(out, '\n');
}

gboolean report_is_worth_saying(const struct plan *p, const struct verdict *v)
{
	enum kind_id kind = v->object->kind->id;
	const struct vm_spec *vm = kind == KIND_VM ? v->object->spec : NULL;
	/* A card or a host that waits for its window or its turn. */
	if ((kind == KIND_HOST || kind == KIND_GPU) && v->readiness == IS_RECONCILING && g_str_has_prefix(v->reason, "WaitsFor"))
		return v->message != NULL;
	return v->readiness != IS_STALLED && !v->is_acted && vm && v->message && g_strcmp0(vm->host, p->host) == 0;
}

/* What VMs wait for, and what their next start will change. */
static void append_waiting(GString *out, const struct plan *p, struct report_style style)
{
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		if (!report_is_worth_saying(p, v))
			continue;
		paint(out, style, YELLOW, "  . %s/%s", v->object->kind->name, v->object->id);
		g_string_append_printf(out, " %s: %s\n", v->reason, v->message);
	}
}

static void append_troubles(GString *out, const struct plan *p, struct report_style style)
{
	append_waiting(out, p, style);
	for (guint i = 0; i < p->n_notes; i++)
		g_string_append_printf(out, "  . %s/%s %s\n", kinds[p->notes[i].kind].name, p->notes[i].id, p->notes[i].message);
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		if (v->readiness != IS_STALLED || plan_is_elsewhere(p, v->object))
			continue;
		paint(out, style, RED, "  ! %s/%s", v->object->kind->name, v->object->id);
		g_string_append_printf(out, " %s %s%s%s\n", v->is_refused ? "Refused" : "Stalled", v->reason, v->message ? ": " : "", v->message ? v->message : "");
	}
	for (guint i = 0; i < p->n_refusals; i++) {
		const struct refusal *r = &p->refusals[i];
		paint(out, style, RED, "Refused (%s)", r->rule);
		if (*r->id)
			g_string_append_printf(out, ": %s/%s", kinds[r->kind].name, r->id);
		g_string_append_printf(out, ": %s\n", r->message);
	}
}

/* What limits hold back, once for all of it. */
static void append_approval(GString *out, const struct plan *p, struct report_style style)
{
	const char *what = p->waiting.n == 1 ? "thing is" : "things are";
	if (p->approval)
		paint(out, style, BOLD, "%u %s held back by limits; approve with: cleave approve %s\n", p->waiting.n, what, p->approval);
	else if (p->waiting.n)
		paint(out, style, BOLD, "%u %s held back by limits; `cleave plan` on that host says how to approve it\n", p->waiting.n, what);
	else if (p->approved)
		paint(out, style, BOLD, "Approved (%s): limits do not count here\n", p->approved);
}

static void append_headline(GString *out, const struct plan *p)
{
	guint n_refused = plan_n_refused(p), n_unseen = plan_n_unseen(p, KIND_VM) + plan_n_unseen(p, KIND_RENDERJOB);
	if (p->n_actions)
		g_string_append_printf(out, ": %u action%s", p->n_actions, p->n_actions == 1 ? "" : "s");
	else
		g_string_append(out, n_refused || n_unseen || p->n_refusals || (p->waiting.n && !p->approved) ? ": nothing can be done" : ": nothing to do");
	if (n_refused)
		g_string_append_printf(out, "%s %u refused", p->n_actions ? "," : ":", n_refused);
	if (n_unseen)
		g_string_append_printf(out, "%s %u could not be looked at", p->n_actions || n_refused ? "," : ":", n_unseen);
	g_string_append_c(out, '\n');
}

static void put_plan(GString *out, const struct plan *p, struct report_style style)
{
	g_autofree char *revision = revision_short(p->revision); /* the JSON stream has the whole */
	paint(out, style, BOLD, "Plan for host %s at %s", p->host, revision);
	append_headline(out, p);
	for (guint i = 0; i < p->n_actions; i++)
		append_action(out, &p->actions[i], style);
	append_effects_line(out, p);
	append_troubles(out, p, style);
	append_approval(out, p, style);
}

void report_plan_text(GString *out, const struct plan *p, struct report_style style)
{
	g_autoptr(GString) text = g_string_new(NULL);
	put_plan(text, p, style);
	if (style.columns)
		report_wrap(out, text->str, style.columns);
	else
		g_string_append_len(out, text->str, (gssize)text->len);
}

void report_outcome_text(GString *out, const struct plan *p, const struct outcome *o, struct report_style style)
{
	static const char *const words[] = { "done", "failed", "skipped" };
	static const enum colour colours[] = { GREEN, RED, YELLOW };
	const struct action *act = &p->actions[o->action];
	paint(out, style, colours[o->state], "  %-7s", words[o->state]);
	g_string_append_printf(out, " %-15s %s/%s", verbs[act->verb].name, kinds[act->kind].name, act->id);
	if (o->state == OUTCOME_DONE)
		g_string_append_printf(out, "  %.2f s", (double)o->took_ms / 1000);
	if (o->message)
		g_string_append_printf(out, ": %s", o->message);
	g_string_append_c(out, '\n');
}

void report_summary_text(GString *out, const struct plan *p, const struct outcomes *o, struct report_style style)
{
	enum colour colour = o->n_failed || o->n_skipped ? RED : GREEN;
	paint(out, style, colour, "%s", colour == RED ? "Applied in part" : "Applied");
	g_string_append_printf(out, ": %u done, %u failed, %u skipped of %u\n", o->n_done, o->n_failed, o->n_skipped,
	                       p->n_actions);
}

static guint append_differences(GString *out, const struct action *actions, guint n_actions, struct report_style style)
{
	guint n = 0;
	for (guint i = 0; i < n_actions; i++) {
		const struct action *act = &actions[i];
		if (act->verb == VERB_COMPLETE_JOB || act->verb == VERB_PIN_SCENE || act->verb == VERB_PIN_INPUTS)
			continue; /* records of what is there, no difference to it */
		paint(out, style, BOLD, "%s/%s", kinds[act->kind].name, act->id);
		g_string_append(out, ": ");
		append_reason(out, act);
		g_string_append_c(out, '\n');
		append_changes(out, &act->changes, "  ", style);
		n += MAX(act->changes.n, 1);
	}
	return n;
}

/* What is held back differs no less. */
guint report_diff_text(GString *out, const struct plan *p, struct report_style style)
{
	return append_differences(out, p->actions, p->n_actions, style) + append_differences(out, p->held, p->n_held, style);
}

/* -- progress ---------------------------------------------------------------------------------------- */

gboolean report_job_progress(const struct plan *p, const char *id, guint64 *ret_whole, guint64 *ret_wanted)
{
	const struct object *want = objects_get(p->want, KIND_RENDERJOB, id);
	const struct object *have = objects_get(p->have, KIND_RENDERJOB, id);
	SCOPED_ARENA(scratch);
	if (!want || !have || !have->status)
		return FALSE;
	const struct renderjob_spec *spec = want->spec;
	const struct renderjob_status *s = have->status;
	const struct key_digests of = frame_key_digests(spec, s);
	const struct frame_set rest = frames_minus(scratch, &spec->frames, &spec->waive);
	*ret_wanted = frames_count(&rest);
	*ret_whole = 0;
	struct key_groups g = of.scene ? frame_key_groups(scratch, spec, &of) : (struct key_groups){ 0 };
	for (guint i = 0; i < g.n; i++)
		for (guint k = 0; k < s->whole.n; k++) {
			const struct job_frames *f = LIST_AT(s->whole, struct job_frames, k);
			if (!f->key || strcmp(f->key, g.items[i].key) != 0)
				continue;
			struct frame_set its = frames_common(scratch, &g.items[i].frames, &rest);
			struct frame_set common = frames_common(scratch, &f->frames, &its);
			*ret_whole += frames_count(&common);
		}
	return TRUE;
}

/* -- problems ------------------------------------------------------------------------------------------ */

void report_problems_text(GString *out, const struct problems *problems, report_find_text find, void *user)
{
	for (guint i = 0; i < problems->list->len; i++) {
		const struct problem *p = &g_array_index(problems->list, struct problem, i);
		gsize size = 0;
		const char *text = find && p->place.path ? find(user, p->place.path, &size) : NULL;
		problem_format(out, p, text, size);
	}
	if (problems_left_out(problems))
		g_string_append_printf(out, "and %u more\n", problems_left_out(problems));
	if (problems->n_errors || problems->n_warnings)
		g_string_append_printf(out, "%u error%s, %u warning%s\n", problems->n_errors, problems->n_errors == 1 ? "" : "s",
		                       problems->n_warnings, problems->n_warnings == 1 ? "" : "s");
}
