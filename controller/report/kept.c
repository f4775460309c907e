/* Events and revisions, for people and for programs. */
#include "report/kept.h"
#include "base/arena.h"
#include "base/units.h"
#include <jansson.h>
#include <string.h>

static const char *type_of(const struct kept_event *e)
{
	return e->is_warning ? "Warning" : "Normal";
}

static const char *colour_of(const struct kept_event *e)
{
	return e->is_warning ? "31" : NULL;
}

static const char *object_of(struct arena *a, const struct kept_event *e)
{
	return arena_printf(a, "%s/%s", e->kind, e->name);
}

/* "it runs (4 times in 12m)" */
static const char *message_of(struct arena *a, const struct kept_event *e)
{
	const char *message = e->message && *e->message ? e->message : e->count > 1 ? "" : NULL;
	return e->count > 1 ? arena_printf(a, "%s%s(%u times in %s)", message, *message ? " " : "", e->count,
	                                   duration_about(a, e->last_ms - e->first_ms))
	                    : message;
}

void report_events_text(GString *out, const struct kept_event *const *events, guint n, const struct report_page *page)
{
	static const struct grid_column columns[] = { { "AGE", -6 }, { "TYPE", 7 }, { "REASON", 14 }, { "OBJECT", 20 }, { "MESSAGE", 0 } };
	SCOPED_ARENA(a);
	g_autoptr(report_grid) grid = grid_new(columns, G_N_ELEMENTS(columns));
	for (guint i = 0; i < n; i++) {
		grid_put(grid, report_age(a, page, events[i]->last_ms), NULL);
		grid_put(grid, type_of(events[i]), colour_of(events[i]));
		grid_put(grid, events[i]->reason, NULL);
		grid_put(grid, object_of(a, events[i]), NULL);
		grid_put(grid, message_of(a, events[i]), NULL);
	}
	grid_write(grid, out, page);
}

void report_event_line(GString *out, const struct kept_event *e, const struct report_page *page)
{
	SCOPED_ARENA(a);
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(e->last_ms / 1000);
	g_autofree char *time = t ? g_date_time_format(t, "%T") : g_strdup("");
	const char *message = message_of(a, e);
	g_autofree char *valid = g_utf8_make_valid(message ? message : "", -1);
	g_strdelimit(valid, "\n\r\t\033", ' ');
	const char *colour = page->style.colour ? colour_of(e) : NULL;
	g_string_append_printf(out, "%s  %s%s%-7s%s  %s %s%s%s\n", time, colour ? "\033[" : "", colour ? "31m" : "", type_of(e),
	                       colour ? "\033[0m" : "", object_of(a, e), e->reason, *valid ? ": " : "", valid);
}

/* -- JSON ---------------------------------------------------------------------------------------------------- */

static void set_text(json_t *object, const char *key, const char *text)
{
	g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
	if (valid)
		json_object_set_new(object, key, json_string(valid));
}

static void set_time(json_t *object, const char *key, gint64 ms)
{
	SCOPED_ARENA(a);
	set_text(object, key, report_time(a, ms));
}

static void set_number(json_t *object, const char *key, gint64 n)
{
	json_object_set_new(object, key, json_integer(n));
}

static json_t *event_json(const struct kept_event *e)
{
	json_t *o = json_object();
	set_text(o, "type", type_of(e));
	set_text(o, "kind", e->kind);
	set_text(o, "name", e->name);
	set_text(o, "reason", e->reason);
	set_text(o, "message", e->message);
	set_text(o, "revision", e->revision);
	set_number(o, "count", e->count);
	set_time(o, "firstTime", e->first_ms);
	set_time(o, "lastTime", e->last_ms);
	return o;
}

static void append(GString *out, json_t *value, size_t flags)
{
	g_autofree char *text = json_dumps(value, flags);
	g_string_append_printf(out, "%s\n", text);
	json_decref(value);
}

void report_events_json(GString *out, const struct kept_event *const *events, guint n)
{
	json_t *list = json_array();
	for (guint i = 0; i < n; i++)
		json_array_append_new(list, event_json(events[i]));
	append(out, list, JSON_INDENT(2));
}

void report_event_json(GString *out, const struct kept_event *e)
{
	append(out, event_json(e), JSON_COMPACT);
}

/* -- history ------------------------------------------------------------------------------------------------- */

const char *report_outcome_of(const struct kept_revision *r)
{
	if (r->applied_ms)
		return r->n_refused ? "applied but refused" : "applied";
	return r->n_refused ? "refused" : r->n_failed ? "failed" : "not applied";
}

static const char *counts_of(struct arena *a, const struct kept_revision *r)
{
	const struct {
		guint n;
		const char *word;
	} counts[] = { { r->n_done, "done" },       { r->n_failed, "failed" },   { r->n_skipped, "skipped" }, { r->n_refused, "refused" },
		       { r->n_stalled, "stalled" }, { r->n_waiting, "waiting" }, { r->n_healed, "healed" } };
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
		if (counts[i].n)
			g_string_append_printf(text, "%s%u %s", text->len ? ", " : "", counts[i].n, counts[i].word);
	return arena_strdup(a, text->len ? text->str : "nothing to do");
}

static const char *commit_of(struct arena *a, const struct kept_revision *r)
{
	return r->commit ? arena_printf(a, "%.12s", r->commit) : r->revision;
}

static const char *took(struct arena *a, const struct kept_revision *r)
{
	gint64 ms = r->look_ms + r->plan_ms + r->apply_ms;
	return ms < 60000 ? arena_printf(a, "%.1fs", (double)ms / 1000) : duration_about(a, ms);
}

static const char *colour_of_outcome(const struct kept_revision *r)
{
	return !r->applied_ms ? "33" : r->n_refused ? "31" : "32";
}

void report_history_text(GString *out, const struct kept_revision *const *all, guint n, const struct report_page *page)
{
	static const struct grid_column columns[] = { { "REVISION", 12 }, { "SEEN", -6 }, { "TOOK", -5 }, { "OUTCOME", 11 },
		                                      { "ACTIONS", 14 },  { "AUTHOR", 10 }, { "SUMMARY", 0 } };
	SCOPED_ARENA(a);
	g_autoptr(report_grid) grid = grid_new(columns, G_N_ELEMENTS(columns));
	for (guint i = 0; i < n; i++) {
		const char *author = all[i]->author ? arena_strdup(a, all[i]->author) : NULL;
		const char *mail = author ? strstr(author, " <") : NULL;
		grid_put(grid, commit_of(a, all[i]), NULL);
		grid_put(grid, report_age(a, page, all[i]->seen_ms), NULL);
		grid_put(grid, took(a, all[i]), NULL);
		grid_put(grid, report_outcome_of(all[i]), colour_of_outcome(all[i]));
		grid_put(grid, counts_of(a, all[i]), NULL);
		grid_put(grid, mail ? arena_printf(a, "%.*s", (int)(mail - author), author) : author, NULL);
		grid_put(grid, all[i]->summary ? all[i]->summary : " ", NULL);
	}
	grid_write(grid, out, page);
}

static json_t *revision_json(const struct kept_revision *r)
{
	json_t *o = json_object(), *took_ms = json_object(), *counts = json_object();
	set_text(o, "revision", r->revision);
	set_text(o, "commit", r->commit);
	set_text(o, "author", r->author);
	set_text(o, "summary", r->summary);
	set_time(o, "seen", r->seen_ms);
	set_time(o, "applied", r->applied_ms);
	set_text(o, "outcome", report_outcome_of(r));
	set_number(took_ms, "look", r->look_ms);
	set_number(took_ms, "plan", r->plan_ms);
	set_number(took_ms, "apply", r->apply_ms);
	json_object_set_new(o, "ms", took_ms);
	set_number(counts, "done", r->n_done);
	set_number(counts, "failed", r->n_failed);
	set_number(counts, "skipped", r->n_skipped);
	set_number(counts, "healed", r->n_healed);
	json_object_set_new(o, "actions", counts);
	set_number(o, "refused", r->n_refused);
	set_number(o, "stalled", r->n_stalled);
	set_number(o, "waiting", r->n_waiting);
	return o;
}

void report_history_json(GString *out, const struct kept_revision *const *all, guint n)
{
	json_t *list = json_array();
	for (guint i = 0; i < n; i++)
		json_array_append_new(list, revision_json(all[i]));
	append(out, list, JSON_INDENT(2));
}
