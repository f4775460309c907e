/* cleave events, cleave history: what happened, and which revisions were in force. */
#include "commands/kept.h"
#include "base/arena.h"
#include "commands/select.h"
#include "report/kept.h"
#include "state/state.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OWN_WATCH };
enum { AGAIN_US = 1000 * 1000 };

const struct own_option events_options[] = {
	[OWN_WATCH] = { "watch", 'w', NULL, "Go on: a line for each event as it happens, until interrupted" },
	{ 0 },
};

/* Files that cannot be read are not empty ones. */
static gboolean is_readable(const char *state, GError **error)
{
	if (!g_file_test(state, G_FILE_TEST_EXISTS) || g_access(state, R_OK | X_OK) == 0)
		return TRUE;
	return fail(error, ERROR_FAILED, "%s cannot be read; it is its controller's (root's, mostly): try with its rights", state);
}

struct events *kept_events(const char *state, guint64 since, GError **error)
{
	if (!state_is_locked(state))
		return is_readable(state, error) ? events_open(state) : NULL;
	g_autofree char *request = g_strdup_printf("events %" G_GUINT64_FORMAT, since);
	g_autofree char *text = control_ask(state, request, error);
	return text ? events_parse(text) : NULL;
}

struct history *kept_history(const char *state, GError **error)
{
	if (!state_is_locked(state))
		return is_readable(state, error) ? history_open(state) : NULL;
	g_autofree char *text = control_ask(state, "history", error);
	return text ? history_parse(text) : NULL;
}

struct events *kept_wait(const char *state, guint64 since, gint64 timeout_ms, GError **error)
{
	g_autofree char *request = g_strdup_printf("events %" G_GUINT64_FORMAT " wait", since);
	g_autofree char *text = control_ask_within(state, request, timeout_ms, error);
	return text ? events_parse(text) : NULL;
}

/* -- events -------------------------------------------------------------------------------------------------- */

static gboolean print_events(const struct invocation *in, const struct targets *t, const struct events *e)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree const struct kept_event **chosen = g_new(const struct kept_event *, events_count(e) + 1);
	const struct report_page page = command_page();
	guint n = 0;
	for (guint i = 0; i < events_count(e); i++)
		if (targets_have(t, events_at(e, i)->kind, events_at(e, i)->name))
			chosen[n++] = events_at(e, i);
	if (in->own[OWN_WATCH])
		for (guint i = 0; i < n; i++)
			(in->output == OUTPUT_JSON) ? report_event_json(text, chosen[i]) : report_event_line(text, chosen[i], &page);
	else if (in->output == OUTPUT_JSON)
		report_events_json(text, chosen, n);
	else
		report_events_text(text, chosen, n, &page);
	if (!n && !in->own[OWN_WATCH] && in->output == OUTPUT_TEXT)
		fprintf(stderr, "cleave: nothing has happened%s that %s remembers\n", t->n ? " to it" : "", in->settings.state);
	return command_print(text);
}

/* A controller that is not there, or ends, may come back: that is worth a line, and a look every second. SIGINT ends it. */
static int watch(const struct invocation *in, const struct targets *t, guint64 since)
{
	gboolean was_away = FALSE;
	for (;;) {
		g_autoptr(GError) error = NULL;
		struct events *e = kept_wait(in->settings.state, since, 0, &error);
		/* One that was killed resets the connection. */
		if (!e && error->domain == CLEAVE_ERROR && error->code != ERROR_AWAY)
			return command_fail(error);
		if (!e) {
			if (!was_away)
				fprintf(stderr, "cleave: no controller works with %s; waits for one\n", in->settings.state);
			was_away = TRUE;
			g_usleep(AGAIN_US);
			continue;
		}
		was_away = FALSE;
		gboolean ok = print_events(in, t, e);
		since = events_count(e) ? events_newest(e) : since;
		events_free(e);
		if (!ok)
			return EXIT_FAILED;
	}
}

int command_events(struct invocation *in)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct targets targets = { 0 };
	int code = targets_parse(in, 0, a, &targets);
	if (code >= 0)
		return code;
	struct events *e = kept_events(in->settings.state, 0, &error);
	if (!e)
		return command_fail(error);
	guint64 since = events_newest(e);
	gboolean ok = print_events(in, &targets, e);
	events_free(e);
	return !ok ? EXIT_FAILED : in->own[OWN_WATCH] ? watch(in, &targets, since) : EXIT_FINE;
}

/* -- history ------------------------------------------------------------------------------------------------- */

int command_history(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	const struct report_page page = command_page();
	struct history *h = kept_history(in->settings.state, &error);
	if (!h)
		return command_fail(error);
	guint n = history_count(h);
	g_autofree const struct kept_revision **all = g_new(const struct kept_revision *, n + 1);
	for (guint i = 0; i < n; i++)
		all[i] = history_at(h, i);
	if (in->output == OUTPUT_JSON)
		report_history_json(text, all, n);
	else
		report_history_text(text, all, n, &page);
	if (!n && in->output == OUTPUT_TEXT)
		fprintf(stderr, "cleave: no revision was in force yet that %s remembers\n", in->settings.state);
	gboolean ok = command_print(text);
	history_free(h);
	return ok ? EXIT_FINE : EXIT_FAILED;
}
