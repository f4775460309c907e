/* cleave observe: what is there, as the same kinds with their status; `plan --have` reads it again. */
#include "base/arena.h"
#include "commands/command.h"
#include "report/report.h"
#include "spec/emit.h"
#include "state/state.h"

/* Without specs (and without --specs) the machine is looked at all the same. */
static gboolean want_or_nothing(struct invocation *in, struct session *s, struct arena *a, struct wanted *w,
                                GError **error)
{
	g_autoptr(GError) trouble = NULL;
	if (session_want(s, a, w, &trouble)) {
		if (w->problems.n_errors == 0)
			return TRUE;
		fail(&trouble, ERROR_INVALID, "the specs are not valid; see `cleave validate`");
	}
	if (in->settings.specs_given) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	w->objects = objects_new(a);
	return TRUE;
}

static int observe(struct invocation *in, struct arena *a, struct session *s, struct wanted *w, GString *text)
{
	g_autoptr(GError) error = NULL;
	if (!want_or_nothing(in, s, a, w, &error))
		return command_fail(error);
	const struct objects *have = state_is_locked(in->settings.state)
	                                     ? look_from_controller(a, in->settings.state, &error)
	                                     : session_observe(s, a, w->objects);
	if (!have)
		return command_fail(error);
	if (in->output == OUTPUT_JSON)
		report_objects_json(text, have, EMIT_STATUS);
	else
		emit_objects(text, have, EMIT_STATUS);
	return EXIT_FINE;
}

int command_observe(struct invocation *in)
{
	SCOPED_ARENA(a);
	g_autoptr(GString) text = g_string_new(NULL);
	struct wanted w = { 0 };
	struct session *s = session_new(&in->settings);
	int code = observe(in, a, s, &w, text);
	wanted_clear(&w);
	session_free(s);
	if (code == EXIT_FINE && !command_print(text))
		return EXIT_FAILED;
	return code;
}
