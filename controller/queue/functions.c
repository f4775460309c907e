/* The library's text is in the program, in parts (lua/), which only together are a library. */
#include "queue/functions.h"
#include "base/error.h"
#include <gio/gio.h>
#include <stdarg.h>
#include <string.h>

static const char *const library_parts[] = { "head", "range",  "order", "scope", "job",	 "idle", "try",	   "drain",
					     "homes", "choose", "tail",	 "lease", "owner", "plain", "slot", "show", "worker", "fleet", "figures" };

/* Calling these twice would do something twice: a second lease, a second item in a list. */
static const char *const once_only[] = { "lease", "lease_several", "plain_push", NULL };

/* The first part names what the others share. Each of those is a block with names of its own: Lua allows 200 in one. */
static GString *library_text(void)
{
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(library_parts); i++) {
		g_autofree char *path = g_strdup_printf("/cleave/queue/lua/%s.lua", library_parts[i]);
		g_autoptr(GBytes) part = g_resources_lookup_data(path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
		g_assert(part); /* the program was linked without its resources */
		gsize size;
		const char *data = g_bytes_get_data(part, &size);
		if (i)
			g_string_append(text, "do\n");
		g_string_append_len(text, data, (gssize)size);
		if (i)
			g_string_append(text, "end\n");
	}
	return text;
}

GPtrArray *functions_commands(void)
{
	g_autoptr(GString) text = library_text();
	g_autoptr(GRegex) call = g_regex_new("redis\\.p?call\\('([A-Z]+)'", 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *commands = g_ptr_array_new_with_free_func(g_free);
	g_regex_match(call, text->str, 0, &match);
	for (; g_match_info_matches(match); g_match_info_next(match, NULL)) {
		g_autofree char *word = g_match_info_fetch(match, 1);
		char *lower = g_ascii_strdown(word, -1);
		if (g_hash_table_contains(seen, lower)) {
			g_free(lower);
			continue;
		}
		g_hash_table_add(seen, lower);
		g_ptr_array_add(commands, lower);
	}
	return commands;
}

/* The library says its version itself; the newer one stays when old and new programs share a Redis. */
static gint64 library_version(const GString *text)
{
	static const char word[] = "local VERSION = ";
	const char *at = strstr(text->str, word);
	g_assert(at);
	return g_ascii_strtoll(at + strlen(word), NULL, 10);
}

/* Newer functions serve older programs down to one that they name; what those would do is not what they were asked. */
static gboolean serves_this(struct redis *r, gint64 theirs, gint64 ours, GError **error)
{
	const char *ask[] = { "FCALL", "cleave_oldest", "0" };
	SCOPED_REPLY oldest = theirs > ours ? redis_call(r, REDIS_REPEAT, 3, ask, NULL) : NULL;
	if (!oldest || reply_number(oldest) <= ours)
		return TRUE;
	redis_forget_use(r); /* the next call is refused as well */
	return fail(error, ERROR_REFUSED,
		    "Redis has cleave's functions of version %" G_GINT64_FORMAT ", which serve programs from version %" G_GINT64_FORMAT
		    " on; this one knows version %" G_GINT64_FORMAT ": install the newer cleave here",
		    theirs, reply_number(oldest), ours);
}

static gboolean library_load(struct redis *r, GError **error)
{
	const char *ask[] = { "FCALL", "cleave_version", "0" };
	SCOPED_REPLY version = redis_call(r, REDIS_REPEAT, 3, ask, NULL);
	g_autoptr(GString) text = library_text();
	if (version && reply_number(version) >= library_version(text))
		return serves_this(r, reply_number(version), library_version(text), error);
	const char *load[] = { "FUNCTION", "LOAD", "REPLACE", text->str };
	g_autoptr(GError) problem = NULL;
	SCOPED_REPLY reply = redis_call(r, REDIS_REPEAT, 4, load, &problem);
	if (!reply) {
		/* A worker's user: the controllers load them, on a server that was just promoted or emptied as well. */
		if (strstr(problem->message, "NOPERM"))
			return fail(error, ERROR_AWAY, "Redis has %s of cleave's functions, and this user may not load them: a controller of this version does",
				    version ? "an older version" : "none");
		if (!g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY))
			g_prefix_error(&problem, "loading cleave's functions (Redis 7.0 or newer is needed): ");
		g_propagate_error(error, g_steal_pointer(&problem));
		return FALSE;
	}
	/* An older library kept no counts of what is running. */
	const char *mend[] = { "FCALL", "cleave_recount", "0", "1" };
	SCOPED_REPLY mended = redis_call(r, REDIS_REPEAT, 4, mend, error);
	return mended != NULL;
}

gboolean functions_keep_up(struct redis *r, gint64 version, GError **error)
{
	g_autoptr(GString) text = library_text();
	return version == library_version(text) || library_load(r, error);
}

/* -- calling --------------------------------------------------------------------------------- */

static GPtrArray *gather(const char *name, const char *types, va_list rest)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(args, g_strdup("FCALL"));
	g_ptr_array_add(args, g_strconcat("cleave_", name, NULL));
	g_ptr_array_add(args, g_strdup("0"));
	for (const char *t = types; *t; t++) {
		if (*t == 's') {
			const char *text = va_arg(rest, const char *);
			g_ptr_array_add(args, g_strdup(text ? text : ""));
		} else if (*t == 'i') {
			g_ptr_array_add(args, g_strdup_printf("%" G_GINT64_FORMAT, va_arg(rest, gint64)));
		} else {
			const GPtrArray *texts = va_arg(rest, const GPtrArray *);
			for (guint i = 0; i < texts->len; i++)
				g_ptr_array_add(args, g_strdup(g_ptr_array_index(texts, i)));
		}
	}
	return args;
}

static gboolean is_library_missing(const GError *problem)
{
	return problem && strstr(problem->message, "Function not found") != NULL;
}

static redisReply *call(struct redis *r, const char *name, const char *types, va_list rest, GError **error)
{
	g_autoptr(GPtrArray) args = gather(name, types, rest);
	g_autoptr(GError) problem = NULL;
	enum redis_repeat repeat = g_strv_contains(once_only, name) ? REDIS_ONCE : REDIS_REPEAT;
	if (redis_first_use(r) && !library_load(r, error))
		return NULL;
	redisReply *reply = redis_call(r, repeat, args->len, (const char *const *)args->pdata, &problem);
	if (!reply && is_library_missing(problem)) {
		g_clear_error(&problem);
		if (library_load(r, &problem))
			reply = redis_call(r, repeat, args->len, (const char *const *)args->pdata, &problem);
	}
	/* A newer library that has dropped it is not replaced: this program is the one that is behind. */
	if (is_library_missing(problem)) {
		g_clear_error(&problem);
		fail(&problem, ERROR_REFUSED, "Redis has newer functions of cleave, without cleave_%s: install the newer cleave here", name);
	}
	if (problem)
		g_propagate_error(error, g_steal_pointer(&problem));
	return reply;
}

redisReply *function_call(struct redis *r, GError **error, const char *name, const char *types, ...)
{
	va_list rest;
	va_start(rest, types);
	redisReply *reply = call(r, name, types, rest, error);
	va_end(rest);
	return reply;
}

gboolean function_call_many(struct redis *r, const char *name, const char *const *words, guint n, redisReply **ret)
{
	g_autofree char *function = g_strconcat("cleave_", name, NULL);
	g_autoptr(GPtrArray) args = g_ptr_array_new();
	if (redis_first_use(r) && !library_load(r, NULL))
		return FALSE;
	for (guint i = 0; i < n; i++) {
		const char *one[] = { "FCALL", function, "0", words[i] };
		for (guint k = 0; k < G_N_ELEMENTS(one); k++)
			g_ptr_array_add(args, (gpointer)one[k]);
	}
	return redis_call_many(r, n, n ? args->len / n : 0, (const char *const *)args->pdata, ret);
}

gboolean function_call_number(struct redis *r, GError **error, gint64 *ret, const char *name, const char *types, ...)
{
	va_list rest;
	va_start(rest, types);
	SCOPED_REPLY reply = call(r, name, types, rest, error);
	va_end(rest);
	if (!reply)
		return FALSE;
	*ret = reply_number(reply);
	return TRUE;
}

/* -- replies --------------------------------------------------------------------------------- */

const char *reply_text(const redisReply *reply)
{
	return reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS) ? reply->str : "";
}

gint64 reply_number(const redisReply *reply)
{
	if (reply && reply->type == REDIS_REPLY_INTEGER)
		return reply->integer;
	return g_ascii_strtoll(reply_text(reply), NULL, 10);
}

gsize reply_count(const redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

const redisReply *reply_at(const redisReply *reply, gsize i)
{
	return i < reply_count(reply) ? reply->element[i] : NULL;
}
