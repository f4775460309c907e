/* See lua/fleet.lua. What hosts tell is JSON; observations go packed, since YAML shrinks to a tenth. */
#include "queue/fleet.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/problem.h"
#include "queue/functions.h"
#include <gio/gio.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HAVE_BYTES = 16 << 20 }; /* of an observation, unpacked */

/* -- who acts as it ------------------------------------------------------------------------------ */

gboolean fleet_claim(struct redis *r, struct arena *a, const char *host, const char *who, gint64 ttl_ms, struct fleet_claim *ret,
		     GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "host_claim", "ssi", host, who, ttl_ms);
	if (!reply) {
		g_prefix_error(error, "asking who acts as host %s: ", host);
		return FALSE;
	}
	*ret = (struct fleet_claim){ .holder = arena_strdup(a, reply_text(reply_at(reply, 0))), .left_ms = reply_number(reply_at(reply, 1)) };
	ret->is_mine = strcmp(ret->holder, who) == 0;
	ret->is_lost = reply_count(reply) > 3 && reply_number(reply_at(reply, 3)) == 0; /* functions of before do not say */
	return functions_keep_up(r, reply_number(reply_at(reply, 2)), error);
}

gboolean fleet_leave(struct redis *r, const char *host, const char *who, GError **error)
{
	gint64 ignored;
	return function_call_number(r, error, &ignored, "host_leave", "ss", host, who);
}

/* -- telling ------------------------------------------------------------------------------------- */

/* A row a text of a condition, and of a host: written and read alike. */
struct row {
	const char *key;
	gsize offset;
};

static const struct row condition_rows[] = {
	{ "kind", G_STRUCT_OFFSET(struct fleet_condition, kind) },
	{ "name", G_STRUCT_OFFSET(struct fleet_condition, name) },
	{ "type", G_STRUCT_OFFSET(struct fleet_condition, type) },
	{ "reason", G_STRUCT_OFFSET(struct fleet_condition, reason) },
	{ "since", G_STRUCT_OFFSET(struct fleet_condition, since) },
	{ "message", G_STRUCT_OFFSET(struct fleet_condition, message) }, /* last: what is left out first */
};
static const struct row host_rows[] = {
	{ "machine", G_STRUCT_OFFSET(struct fleet_host, machine) },
	{ "version", G_STRUCT_OFFSET(struct fleet_host, version) },
	{ "revision", G_STRUCT_OFFSET(struct fleet_host, revision) },
	{ "commit", G_STRUCT_OFFSET(struct fleet_host, commit) },
	{ "observedAt", G_STRUCT_OFFSET(struct fleet_host, observed_at) },
};

static const char **text_in(const void *object, const struct row *row)
{
	return (const char **)(void *)((char *)object + row->offset);
}

static json_t *write_rows(const struct row *rows, guint n, const void *object)
{
	json_t *out = json_object();
	for (guint i = 0; i < n; i++)
		if (*text_in(object, &rows[i])) {
			g_autofree char *text = g_utf8_make_valid(*text_in(object, &rows[i]), -1);
			json_object_set_new(out, rows[i].key, json_string(text));
		}
	return out;
}

/* `n_rows` of each condition; NULL when it is too long so. */
static char *try_write(const struct fleet_host *h, guint n_conditions, guint n_rows, gboolean is_cut)
{
	json_t *out = write_rows(host_rows, G_N_ELEMENTS(host_rows), h), *conditions = json_array();
	for (guint i = 0; i < n_conditions; i++)
		json_array_append_new(conditions, write_rows(condition_rows, n_rows, &h->conditions[i]));
	json_object_set_new(out, "conditions", conditions);
	if (is_cut)
		json_object_set_new(out, "cut", json_true());
	char *json = json_dumps(out, JSON_COMPACT), *text = strlen(json) <= FLEET_TEXT_BYTES ? g_strdup(json) : NULL;
	free(json);
	json_decref(out);
	return text;
}

char *fleet_write(const struct fleet_host *h)
{
	enum { ALL = G_N_ELEMENTS(condition_rows) };
	char *text = try_write(h, h->n_conditions, ALL, FALSE);
	for (guint n = h->n_conditions; !text && n; n /= 2)
		text = try_write(h, n, ALL - 1, TRUE);
	return text ? text : g_strdup("{\"cut\":true}");
}

static GBytes *convert(GConverter *converter, const void *data, gsize size, gsize most, GError **error)
{
	g_autoptr(GInputStream) from = g_memory_input_stream_new_from_data(data, (gssize)size, NULL);
	g_autoptr(GInputStream) through = g_converter_input_stream_new(from, converter);
	g_autoptr(GByteArray) out = g_byte_array_new();
	guint8 piece[16384];
	gssize n;
	while ((n = g_input_stream_read(through, piece, sizeof piece, NULL, error)) > 0) {
		if (out->len + (gsize)n > most) {
			fail(error, ERROR_INVALID, "it is larger than %" G_GSIZE_FORMAT " bytes", most);
			return NULL;
		}
		g_byte_array_append(out, piece, (guint)n);
	}
	return n < 0 ? NULL : g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

static char *pack(const char *text, GError **error)
{
	g_autoptr(GZlibCompressor) zip = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 6);
	g_autoptr(GBytes) bytes = convert(G_CONVERTER(zip), text, strlen(text), FLEET_TEXT_BYTES, error);
	return bytes ? g_base64_encode(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)) : NULL;
}

static const char *unpack(struct arena *a, const char *packed, GError **error)
{
	gsize size;
	g_autofree guchar *zipped = g_base64_decode(packed, &size);
	g_autoptr(GZlibDecompressor) unzip = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB);
	g_autoptr(GBytes) bytes = convert(G_CONVERTER(unzip), zipped, size, HAVE_BYTES, error);
	if (!bytes)
		return NULL;
	return arena_strndup(a, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

gboolean fleet_tell(struct redis *r, const char *host, const char *who, const char *told, const char *have, GError **error)
{
	gint64 is_told;
	g_autofree char *packed = have ? pack(have, error) : NULL;
	if (have && !packed) {
		g_prefix_error(error, "packing the observation of %s: ", host);
		return FALSE;
	}
	if (!function_call_number(r, error, &is_told, "host_tell", "ssss", host, who, told, packed)) {
		g_prefix_error(error, "telling of host %s: ", host);
		return FALSE;
	}
	return is_told || fail(error, ERROR_REFUSED, "another controller acts as host %s", host);
}

/* -- hearing ------------------------------------------------------------------------------------- */

static void read_rows(struct arena *a, const json_t *from, const struct row *rows, guint n, void *object)
{
	for (guint i = 0; i < n; i++) {
		const char *text = json_string_value(json_object_get(from, rows[i].key));
		g_autofree char *shown = text ? problem_shown(text, -1) : NULL; /* it goes to a terminal, and comes from another host */
		*text_in(object, &rows[i]) = arena_strdup(a, shown);
	}
}

/* Of a condition without kind, name, type or reason nothing can be said. */
static void read_conditions(struct arena *a, const json_t *list, struct fleet_host *h)
{
	gsize n = json_array_size(list);
	h->conditions = ARENA_ARRAY(a, struct fleet_condition, n);
	for (gsize i = 0; i < n; i++) {
		struct fleet_condition c = { 0 };
		read_rows(a, json_array_get(list, i), condition_rows, G_N_ELEMENTS(condition_rows), &c);
		if (c.kind && c.name && c.type && c.reason)
			h->conditions[h->n_conditions++] = c;
	}
}

static struct fleet_host read_host(struct arena *a, const redisReply *row)
{
	struct fleet_host h = { .name = arena_strdup(a, reply_text(reply_at(row, 0))),
				.silent_ms = reply_number(reply_at(row, 1)),
				.holder = arena_strdup(a, reply_text(reply_at(row, 2))) };
	json_t *told = json_loads(reply_text(reply_at(row, 4)), JSON_REJECT_DUPLICATES, NULL);
	read_rows(a, told, host_rows, G_N_ELEMENTS(host_rows), &h);
	read_conditions(a, json_object_get(told, "conditions"), &h);
	h.is_cut = json_is_true(json_object_get(told, "cut"));
	json_decref(told);
	return h;
}

gboolean fleet_list(struct redis *r, struct arena *a, struct fleet_host **ret, guint *ret_n, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "hosts", "");
	if (!reply) {
		g_prefix_error(error, "listing the farm's hosts: ");
		return FALSE;
	}
	guint n = (guint)reply_count(reply);
	struct fleet_host *hosts = ARENA_ARRAY(a, struct fleet_host, n);
	for (guint i = 0; i < n; i++)
		hosts[i] = read_host(a, reply_at(reply, i));
	*ret = hosts;
	*ret_n = n;
	return TRUE;
}

gboolean fleet_have(struct redis *r, struct arena *a, const char *host, const char **ret, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "host_have", "s", host);
	g_autoptr(GError) problem = NULL;
	if (!reply) {
		g_prefix_error(error, "asking for what host %s has: ", host);
		return FALSE;
	}
	const char *packed = reply_text(reply), *text = *packed ? unpack(a, packed, &problem) : NULL;
	if (*packed && !text)
		return fail(error, ERROR_INVALID, "what host %s told cannot be read: %s", host, problem->message);
	*ret = text;
	return TRUE;
}
