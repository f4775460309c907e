/* cleave observe: what is there, as the same kinds with their status; `plan --have` reads it again. */
#include "base/arena.h"
#include "commands/command.h"
#include "report/report.h"
#include "spec/emit.h"
#include "state/state.h"
#include <stdio.h>

enum { OWN_FARM };
const struct own_option observe_options[] = {
	{ "farm", 0, NULL, "All hosts, as their controllers last told it in Redis; this host is not looked at" },
	{ 0 },
};

/* What is old or missing is said: a plan of it is no better. */
static const struct objects *observe_farm(struct session *s, struct arena *a, const struct wanted *w, GError **error)
{
	g_autoptr(GPtrArray) notes = g_ptr_array_new();
	const struct objects *have = session_observe_farm(s, a, w->objects, notes, error);
	for (guint i = 0; i < notes->len; i++)
		fprintf(stderr, "cleave: %s\n", (const char *)notes->pdata[i]);
	return have;
}

static int observe(struct invocation *in, struct arena *a, struct session *s, struct wanted *w, GString *text)
{
	g_autoptr(GError) error = NULL;
	if (!look_want_or_nothing(in, s, a, w, NULL, &error))
		return command_fail(error);
	const struct objects *have = in->own[OWN_FARM] ? observe_farm(s, a, w, &error)
	                             : !in->settings.sysfs && state_is_locked(in->settings.state)
	                                     ? look_from_controller(a, in->settings.state, &error)
	                                     : session_observe(s, a, w->objects, TRUE);
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
	/* Without --specs it is the farm of the controller that runs here, wherever one stands. */
	const char *source = in->own[OWN_FARM] && !in->settings.specs_given ? look_source_of_controller(a, in->settings.state) : NULL;
	struct settings its = in->settings;
	if (source) {
		its.specs = source;
		its.takes_mirrors_as_they_are = TRUE;
	}
	struct session *s = session_new(&its);
	int code = observe(in, a, s, &w, text);
	wanted_clear(&w);
	session_free(s);
	if (code == EXIT_FINE && !command_print(text))
		return EXIT_FAILED;
	return code;
}
