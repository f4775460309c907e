/* Frames for people and for programs. */
#include "report/frames.h"
#include <jansson.h>
#include <string.h>

static const char *ago(gint64 time_us)
{
	static char text[32];
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(time_us / G_USEC_PER_SEC);
	g_autofree char *said = t ? g_date_time_format(t, "%F %T") : g_strdup("");
	g_strlcpy(text, said, sizeof text);
	return text;
}

static void row(GString *out, const char *name, const char *text)
{
	if (text)
		g_string_append_printf(out, "  %-9s %s\n", name, text);
}

/* Lines of a text, each behind the name's column. */
static void rows(GString *out, const char *name, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	gboolean is_first = TRUE;
	for (guint i = 0; lines[i]; i++) {
		if (!*lines[i])
			continue;
		g_string_append_printf(out, "  %-9s %s\n", is_first ? name : "", lines[i]);
		is_first = FALSE;
	}
}

/* Blender says "Fra:12 Mem:45.10M (Peak 60.22M) | …" many times a second; `cleave logs` has these lines too. */
static void log_rows(GString *out, const char *log)
{
	g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
	g_autoptr(GString) kept = g_string_new(NULL);
	for (guint i = 0; lines[i]; i++)
		if (!g_str_has_prefix(lines[i], "Fra:") || !strstr(lines[i], " Mem:"))
			g_string_append_printf(kept, "%s\n", lines[i]);
	rows(out, "log", kept->str);
}

static void append_state(GString *out, const struct frame_story *f, struct report_style style)
{
	static const char *const good[] = { "whole", "waived" }, *const bad[] = { "failed", "damaged", "foreign" };
	const char *code = "33";
	for (guint i = 0; i < G_N_ELEMENTS(good); i++)
		code = strcmp(f->state, good[i]) == 0 ? "32" : code;
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		code = strcmp(f->state, bad[i]) == 0 ? "31" : code;
	if (style.colour)
		g_string_append_printf(out, "\033[%sm%-10s\033[0m", code, f->state);
	else
		g_string_append_printf(out, "%-10s", f->state);
}

static void append_attempts(GString *out, const struct frame_story *f)
{
	for (guint i = 0; i < f->n_attempts; i++) {
		const struct frame_attempt *t = &f->attempts[i];
		gboolean is_other = f->key && t->key && strcmp(f->key, t->key) != 0;
		g_string_append_printf(out, "  %-9s %s  %s%s%s", i ? "" : "attempts", ago(t->time_us), t->worker ? t->worker : "?",
		                       t->host ? " on " : "", t->host ? t->host : "");
		if (t->seconds > 0)
			g_string_append_printf(out, "  %.2f s", t->seconds);
		g_string_append_printf(out, "  %s%s%s%s\n", t->is_done ? "done" : "failed", is_other ? ", with other values" : "",
		                       t->reason ? ": " : "", t->reason ? t->reason : "");
	}
}

void report_frame_text(GString *out, const struct frame_story *f, struct report_style style)
{
	g_string_append_printf(out, "%s frame %" G_GINT64_FORMAT "  ", f->job, f->frame);
	append_state(out, f, style);
	g_string_append(out, f->detail ? " " : "");
	g_string_append_printf(out, "%s\n", f->detail ? f->detail : "");
	row(out, "file", f->file);
	row(out, "wanted", f->key ? f->key : "not known: the scene cannot be read");
	/* The first line is the format's name, with which the key begins as well. */
	const char *values = f->values ? strchr(f->values, '\n') : NULL;
	if (values)
		rows(out, "", values + 1);
	gboolean is_same = f->found_key && f->key && strcmp(f->found_key, f->key) == 0;
	row(out, "found", !f->found_key ? "nothing that cleave verified" : is_same ? "the same" : f->found_key);
	row(out, "worker", f->worker);
	append_attempts(out, f);
	if (f->log)
		log_rows(out, f->log);
	row(out, "all of it", f->log_file);
	row(out, "next", f->next);
}

/* -- JSON ------------------------------------------------------------------------------------------------- */

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static void set_seconds(json_t *object, double seconds)
{
	if (seconds > 0)
		json_object_set_new(object, "seconds", json_real(seconds));
}

static void set_time(json_t *object, gint64 time_us)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
	g_autofree char *text = t ? g_date_time_format_iso8601(t) : NULL;
	set_text(object, "time", text);
}

static json_t *short_json(const struct frame_story *f)
{
	json_t *o = json_object();
	set_text(o, "job", f->job);
	json_object_set_new(o, "frame", json_integer(f->frame));
	set_text(o, "state", f->state);
	set_text(o, "detail", f->detail);
	set_text(o, "file", f->file);
	set_text(o, "key", f->key);
	set_text(o, "foundKey", f->found_key);
	set_text(o, "worker", f->worker);
	set_seconds(o, f->seconds);
	return o;
}

static json_t *attempts_json(const struct frame_story *f)
{
	json_t *list = json_array();
	for (guint i = 0; i < f->n_attempts; i++) {
		const struct frame_attempt *t = &f->attempts[i];
		json_t *o = json_object();
		set_time(o, t->time_us);
		set_text(o, "worker", t->worker);
		set_text(o, "host", t->host);
		set_text(o, "device", t->device);
		set_text(o, "key", t->key);
		set_text(o, "result", t->is_done ? "done" : "failed");
		set_text(o, "reason", t->reason);
		set_seconds(o, t->seconds);
		json_array_append_new(list, o);
	}
	return list;
}

static void append(GString *out, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	g_string_append_printf(out, "%s\n", text);
	free(text);
	json_decref(value);
}

void report_stories_json(GString *out, const struct frame_story *frames, guint n)
{
	json_t *list = json_array();
	for (guint i = 0; i < n; i++) {
		const struct frame_story *f = &frames[i];
		json_t *o = short_json(f);
		set_text(o, "values", f->values);
		json_object_set_new(o, "attempts", attempts_json(f));
		set_text(o, "log", f->log);
		set_text(o, "logFile", f->log_file);
		set_text(o, "next", f->next);
		json_array_append_new(list, o);
	}
	append(out, list);
}

void report_frames_json(GString *out, const struct frame_story *frames, guint n)
{
	json_t *list = json_array();
	for (guint i = 0; i < n; i++)
		json_array_append_new(list, short_json(&frames[i]));
	append(out, list);
}

/* -- a line a frame ----------------------------------------------------------------------------------------- */

void report_frames_text(GString *out, const struct frame_story *frames, guint n, struct report_style style)
{
	if (n)
		g_string_append_printf(out, "%10s  %-10s %-20s %9s  %s\n", "FRAME", "STATE", "WORKER", "SECONDS", "DETAIL");
	for (guint i = 0; i < n; i++) {
		const struct frame_story *f = &frames[i];
		char seconds[24] = "";
		if (f->seconds > 0)
			g_snprintf(seconds, sizeof seconds, "%.2f", f->seconds);
		g_string_append_printf(out, "%10" G_GINT64_FORMAT "  ", f->frame);
		append_state(out, f, style);
		g_string_append_printf(out, " %-20s %9s  %s", f->worker ? f->worker : "", seconds, f->detail ? f->detail : "");
		while (out->len && out->str[out->len - 1] == ' ')
			g_string_truncate(out, out->len - 1);
		g_string_append_c(out, '\n');
	}
}
