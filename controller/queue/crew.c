/* See lua/worker.lua. */
#include "queue/crew.h"
#include "base/arena.h"
#include "queue/functions.h"
#include <stddef.h>
#include <string.h>

struct fact {
	const char *name;
	gboolean is_number;
	gsize offset;
	gboolean is_told; /* by Redis alone */
};

#define TEXT(member)                                                                                                   \
	{                                                                                                              \
#member, FALSE, offsetof(struct crew_member, member), FALSE                                                   \
	}
#define NUMBER(member)                                                                                                 \
	{                                                                                                              \
#member, TRUE, offsetof(struct crew_member, member), FALSE                                                    \
	}

static const struct fact facts[] = {
	TEXT(host),    TEXT(boot_id), TEXT(vm),      TEXT(uuid),     TEXT(gpus),    TEXT(cards),
	TEXT(version), TEXT(blender), TEXT(devices), TEXT(labels),   TEXT(state),
	TEXT(detail),  TEXT(job),     NUMBER(frame), NUMBER(n_done), NUMBER(n_failed),
	{ "resting", FALSE, offsetof(struct crew_member, resting), TRUE },
	{ "resting_ms", TRUE, offsetof(struct crew_member, resting_ms), TRUE },
};

gboolean crew_report(struct redis *r, const struct crew_member *m, GError **error)
{
	g_autoptr(GPtrArray) row = g_ptr_array_new_with_free_func(g_free);
	gint64 ignored;
	for (guint i = 0; i < G_N_ELEMENTS(facts); i++) {
		const void *at = (const char *)m + facts[i].offset;
		if (facts[i].is_told)
			continue;
		g_ptr_array_add(row, g_strdup(facts[i].name));
		if (facts[i].is_number) {
			g_ptr_array_add(row, g_strdup_printf("%" G_GINT64_FORMAT, *(const gint64 *)at));
		} else {
			const char *text = *(const char *const *)at;
			g_ptr_array_add(row, g_strdup(text ? text : ""));
		}
	}
	return function_call_number(r, error, &ignored, "beat", "sv", m->name, row);
}

gboolean crew_leave(struct redis *r, const char *name, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "leave", "s", name);
}

static void read_fact(struct arena *a, struct crew_member *m, const char *name, const char *value)
{
	for (guint i = 0; i < G_N_ELEMENTS(facts); i++) {
		void *at = (char *)m + facts[i].offset;
		if (strcmp(facts[i].name, name) != 0)
			continue;
		if (facts[i].is_number)
			*(gint64 *)at = g_ascii_strtoll(value, NULL, 10);
		else
			*(const char **)at = arena_strdup(a, value);
	}
}

static void read_member(struct arena *a, const redisReply *row, struct crew_member *m)
{
	/* A worker that has not reported its facts yet has empty ones. */
	for (guint i = 0; i < G_N_ELEMENTS(facts); i++)
		if (!facts[i].is_number)
			*(const char **)(void *)((char *)m + facts[i].offset) = "";
	m->name = arena_strdup(a, reply_text(reply_at(row, 0)));
	m->age_ms = reply_number(reply_at(row, 1));
	for (gsize i = 2; i + 1 < reply_count(row); i += 2)
		read_fact(a, m, reply_text(reply_at(row, i)), reply_text(reply_at(row, i + 1)));
}

gboolean crew_list(struct redis *r, struct arena *a, struct crew_member **ret, guint *ret_n, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "workers", "");
	if (!reply) {
		g_prefix_error(error, "listing workers: ");
		return FALSE;
	}
	guint n = (guint)reply_count(reply);
	struct crew_member *members = ARENA_ARRAY(a, struct crew_member, n);
	for (guint i = 0; i < n; i++)
		read_member(a, reply_at(reply, i), &members[i]);
	*ret = members;
	*ret_n = n;
	return TRUE;
}
