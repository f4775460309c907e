/* Looks, asks, does. */
#include "commands/decide.h"
#include "report/report.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

static int do_it(struct deciding *d, enum decision decision)
{
	g_autoptr(GError) error = NULL;
	struct looked *l = &d->looked;
	g_autofree char *request = g_strdup_printf("%s %s", name_of(&decision_names, (int)decision), d->name);
	g_autofree char *answer = l->is_asked ? control_ask(d->in->settings.state, request, &error) : NULL;
	if (l->is_asked ? answer != NULL : session_decide(l->session, l->arena, &l->wanted, decision, d->name, &error))
		return -1;
	return command_fail(error);
}

static int say(const struct deciding *d, enum decision decision, const char *done)
{
	g_autoptr(GString) text = g_string_new(NULL);
	if (d->in->output == OUTPUT_JSON && decision != DECISION_ADOPT) /* which has shown a plan */
		report_version_json(text, d->looked.plan);
	if (d->in->output == OUTPUT_JSON)
		report_decision_json(text, name_of(&decision_names, (int)decision), d->name);
	else
		g_string_append_printf(text, "%s: %s\n", d->name, done);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

static int decide(struct deciding *d, enum decision decision, decide_ask ask, const char *done)
{
	int code = command_look(d->in, &d->looked);
	if (code >= 0)
		return code;
	const struct plan *p = d->looked.plan;
	const struct object *have = objects_get(p->have, KIND_VM, d->name);
	const struct vm_status *s = have ? have->status : NULL;
	d->want = objects_get(p->want, KIND_VM, d->name);
	d->have = s && s->host ? s : NULL;
	code = ask(d);
	code = code < 0 ? do_it(d, decision) : code;
	return code < 0 ? say(d, decision, done) : code;
}

int command_decide(struct invocation *in, enum decision decision, decide_ask ask, const char *done)
{
	g_autoptr(GError) error = NULL;
	struct deciding d = { .in = in, .name = in->n_args ? in->args[0] : NULL };
	if (!d.name) {
		fprintf(stderr, "cleave: which VM? see `cleave %s --help`\n", in->command->name);
		return EXIT_BAD_USAGE;
	}
	/* Nobody else acts on this host meanwhile. */
	struct state_lock *lock = state_is_locked(in->settings.state) ? NULL : state_lock(in->settings.state, &error);
	if (error)
		return command_fail(error);
	in->holds_lock = lock != NULL;
	int code = decide(&d, decision, ask, done);
	looked_clear(&d.looked);
	state_unlock(lock);
	return code;
}
