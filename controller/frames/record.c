/* The table of fields, and the two loops over it. */
#include "frames/record.h"
#include "base/error.h"
#include <jansson.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

NAME_TABLE(record_types, "a record type", RECORD_TYPES, "frame", "seen", "pin", "complete", "superseded", "failed", "input");

enum field_type {
	FIELD_STRING,
	FIELD_INT,   /* gint64 */
	FIELD_SIZE,  /* guint64 that fits gint64 */
	FIELD_ID,    /* guint64, as a string: file systems set the highest bit of inode numbers */
	FIELD_COUNT, /* guint32 */
	FIELD_REAL,  /* double, finite */
	FIELD_TIME,  /* gint64 in µs, as RFC 3339 in UTC */
};

enum {
	FRAME = 1 << RECORD_FRAME,
	SEEN = 1 << RECORD_SEEN,
	PIN = 1 << RECORD_PIN,
	COMPLETE = 1 << RECORD_COMPLETE,
	SUPERSEDED = 1 << RECORD_SUPERSEDED,
	FAILED = 1 << RECORD_FAILED,
	INPUT = 1 << RECORD_INPUT,
	ALL = (1 << RECORD_TYPES) - 1,
};

struct record_field {
	const char *name;
	enum field_type type;
	gsize offset;
	guint needed;     /* types that do not make sense without it */
	guint used;       /* types that may have it; includes needed */
	gboolean repeats; /* strings: the same one in many records, kept once */
};

#define IN(member) offsetof(struct record, member)
static const struct record_field record_fields[] = {
	{ "time", FIELD_TIME, IN(time_us), ALL, ALL, FALSE },
	{ "frame", FIELD_INT, IN(frame), FRAME | SEEN | SUPERSEDED | FAILED, FRAME | SEEN | SUPERSEDED | FAILED, FALSE },
	{ "key", FIELD_STRING, IN(key), FRAME, FRAME | SEEN | FAILED, TRUE },
	{ "token", FIELD_STRING, IN(token), FRAME | SUPERSEDED, FRAME | SUPERSEDED | FAILED, TRUE },
	{ "sha256", FIELD_STRING, IN(sha256), FRAME | SEEN | PIN | INPUT, FRAME | SEEN | PIN | INPUT, FALSE },
	{ "file", FIELD_STRING, IN(file), FRAME | SEEN | PIN | INPUT, FRAME | SEEN | PIN | INPUT, TRUE },
	{ "staged", FIELD_STRING, IN(staged), 0, FRAME, FALSE },
	{ "digest", FIELD_STRING, IN(digest), COMPLETE, COMPLETE, FALSE },
	{ "values", FIELD_STRING, IN(values), 0, PIN, FALSE },
	{ "size", FIELD_SIZE, IN(size), FRAME | SEEN, FRAME | SEEN | INPUT, FALSE },
	{ "ino", FIELD_ID, IN(ino), SEEN, SEEN, FALSE },
	{ "mtimeNs", FIELD_INT, IN(mtime_ns), SEEN, FRAME | SEEN, FALSE },
	{ "ctimeNs", FIELD_INT, IN(ctime_ns), 0, SEEN, FALSE },
	{ "etag", FIELD_STRING, IN(etag), 0, FRAME | SEEN, FALSE },
	{ "width", FIELD_COUNT, IN(width), 0, FRAME, FALSE },
	{ "height", FIELD_COUNT, IN(height), 0, FRAME, FALSE },
	{ "samples", FIELD_COUNT, IN(samples), 0, FRAME, FALSE },
	{ "seconds", FIELD_REAL, IN(seconds), 0, FRAME | FAILED, FALSE },
	{ "worker", FIELD_STRING, IN(worker), 0, FRAME | FAILED, TRUE },
	{ "host", FIELD_STRING, IN(host), 0, FRAME | FAILED, TRUE },
	{ "bootId", FIELD_STRING, IN(boot_id), 0, FRAME, TRUE },
	{ "blender", FIELD_STRING, IN(blender), 0, FRAME, TRUE },
	{ "device", FIELD_STRING, IN(device), 0, FRAME | FAILED, TRUE },
	{ "gpu", FIELD_STRING, IN(gpu), 0, FRAME | FAILED, TRUE },
	{ "project", FIELD_STRING, IN(project), 0, FRAME | FAILED, TRUE },
	{ "inputs", FIELD_STRING, IN(inputs), 0, FRAME, TRUE },
	{ "reason", FIELD_STRING, IN(reason), FAILED, FRAME | FAILED, TRUE },
};

#define FIELDS_EACH(f)                                                                                                 \
	for (const struct record_field *f = record_fields; f < record_fields + G_N_ELEMENTS(record_fields); f++)

enum { CRC_LEN = 8, HEAD_LEN = CRC_LEN + 1 };

static guint32 crc_of(const char *text, gsize len)
{
	return (guint32)crc32_z(crc32_z(0, NULL, 0), (const guchar *)text, len);
}

static json_t *time_json(gint64 time_us)
{
	g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
	g_autoptr(GDateTime) exact = second ? g_date_time_add(second, time_us % G_USEC_PER_SEC) : NULL;
	g_autofree char *text = exact ? g_date_time_format(exact, "%Y-%m-%dT%H:%M:%S.%fZ") : NULL;
	return text ? json_string(text) : NULL;
}

/* NULL when the member cannot be written. */
static json_t *field_json(const struct record_field *f, const void *member)
{
	switch (f->type) {
	case FIELD_STRING: return json_string(*(const char *const *)member);
	case FIELD_INT: return json_integer(*(const gint64 *)member);
	case FIELD_SIZE:
		return *(const guint64 *)member <= G_MAXINT64 ? json_integer((json_int_t) * (const guint64 *)member)
							      : NULL;
	case FIELD_ID: {
		char text[24];
		g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, *(const guint64 *)member);
		return json_string(text);
	}
	case FIELD_COUNT: return json_integer(*(const guint32 *)member);
	case FIELD_REAL: return json_real(*(const double *)member);
	case FIELD_TIME: return time_json(*(const gint64 *)member);
	}
	g_assert_not_reached();
}

static gboolean is_left_out(const struct record_field *f, const struct record *r, const void *member)
{
	guint type = 1u << r->type;
	if (!(f->used & type))
		return TRUE;
	return f->type == FIELD_STRING && !*(const char *const *)member && !(f->needed & type);
}

gboolean record_encode(const struct record *r, GString *out, GError **error)
{
	const char *type = name_of(&record_types, (int)r->type);
	json_t *object = json_pack("{s:s}", "type", type);
	const char *wrong = NULL;
	FIELDS_EACH (f) {
		const void *member = (const char *)r + f->offset;
		/* sets to NULL too, and then fails */
		if (!is_left_out(f, r, member) && json_object_set_new(object, f->name, field_json(f, member)) < 0)
			wrong = f->name;
	}
	char *json = wrong ? NULL : json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!json)
		return fail(error, ERROR_INVALID, "%s record: %s is missing or cannot be written", type,
			    wrong ? wrong : "a member");
	g_string_append_printf(out, "%08x %s\n", crc_of(json, strlen(json)), json);
	free(json);
	return TRUE;
}

static gboolean decode_time(const char *text, gint64 *ret_us)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_iso8601(text, NULL);
	/* Written in UTC and after 1970; another year would not read back the same. */
	if (!t || g_date_time_to_unix(t) < 0 || !g_str_has_suffix(text, "Z"))
		return FALSE;
	*ret_us = g_date_time_to_unix(t) * G_USEC_PER_SEC + g_date_time_get_microsecond(t);
	return TRUE;
}

static gboolean decode_integer(const json_t *value, enum field_type type, void *member)
{
	if (!json_is_integer(value))
		return FALSE;
	gint64 n = json_integer_value(value);
	if (type == FIELD_COUNT ? n < 0 || n > G_MAXUINT32 : type == FIELD_SIZE && n < 0)
		return FALSE;
	if (type == FIELD_COUNT)
		*(guint32 *)member = (guint32)n;
	else if (type == FIELD_SIZE)
		*(guint64 *)member = (guint64)n;
	else
		*(gint64 *)member = n;
	return TRUE;
}

static gboolean decode_field(const struct record_field *f, const json_t *value, GStringChunk *strings, void *member)
{
	const char *text = json_string_value(value);
	switch (f->type) {
	case FIELD_STRING:
		if (text)
			*(const char **)member = f->repeats ? g_string_chunk_insert_const(strings, text)
							    : g_string_chunk_insert(strings, text);
		return text != NULL;
	case FIELD_ID: return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, member, NULL);
	case FIELD_TIME: return text && decode_time(text, member);
	case FIELD_REAL: *(double *)member = json_number_value(value); return json_is_number(value);
	case FIELD_INT:
	case FIELD_SIZE:
	case FIELD_COUNT: return decode_integer(value, f->type, member);
	}
	g_assert_not_reached();
}

static enum record_line decode_object(const json_t *object, GStringChunk *strings, struct record *ret)
{
	const char *name = json_string_value(json_object_get(object, "type"));
	if (!name)
		return RECORD_LINE_INVALID;
	int type = name_value(&record_types, name);
	if (type < 0)
		return RECORD_LINE_UNKNOWN;
	struct record r = { .type = (enum record_type)type };
	FIELDS_EACH (f) {
		const json_t *value = f->used & 1u << type ? json_object_get(object, f->name) : NULL;
		if (!value && f->needed & 1u << type)
			return RECORD_LINE_INVALID;
		if (value && !decode_field(f, value, strings, (char *)&r + f->offset))
			return RECORD_LINE_INVALID;
	}
	*ret = r;
	return RECORD_LINE_OK;
}

static gboolean crc_is_right(const char *line, gsize len)
{
	guint32 stored = 0;
	if (len <= HEAD_LEN || line[CRC_LEN] != ' ')
		return FALSE;
	for (guint i = 0; i < CRC_LEN; i++) {
		if (!g_ascii_isxdigit(line[i]))
			return FALSE;
		stored = stored << 4 | (guint32)g_ascii_xdigit_value(line[i]);
	}
	return stored == crc_of(line + HEAD_LEN, len - HEAD_LEN);
}

enum record_line record_decode(const char *line, gsize len, GStringChunk *strings, struct record *ret)
{
	if (!crc_is_right(line, len))
		return RECORD_LINE_INVALID;
	json_t *object = json_loadb(line + HEAD_LEN, len - HEAD_LEN, 0, NULL);
	enum record_line result = object ? decode_object(object, strings, ret) : RECORD_LINE_INVALID;
	json_decref(object);
	return result;
}

const char *record_staged_name(const struct record *r)
{
	const char *slash = strrchr(r->file, '/');
	return r->staged ? r->staged : slash ? slash + 1 : r->file;
}
