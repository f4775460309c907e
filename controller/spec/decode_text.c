/* A switch on the type, a function a type. */
#include "spec/decode_text.h"
#include "base/arena.h"
#include "spec/secret.h"
#include <string.h>

struct reading {
	struct arena *arena;
	gboolean is_observed;
};

/* "1 to 512", in the row's own unit. */
static const char *range_text(const struct reading *d, const struct field *f)
{
	struct arena *a = d->arena;
	if (f->type == FIELD_BYTES)
		return arena_printf(a, "%s to %s", bytes_format(a, (guint64)f->min), bytes_format(a, (guint64)f->max));
	if (f->type == FIELD_DURATION)
		return arena_printf(a, "%s to %s", duration_format(a, f->min), duration_format(a, f->max));
	if (f->type == FIELD_DECIMAL)
		return arena_printf(a, "%s to %s", decimal_format(a, f->min), decimal_format(a, f->max));
	return arena_printf(a, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, f->min, f->max);
}

static const char *check_range(const struct reading *d, const struct field *f, gint64 value)
{
	if (!d->is_observed && (f->min || f->max) && (value < f->min || value > f->max))
		return arena_printf(d->arena, "must be %s", range_text(d, f));
	return NULL;
}

static const char *decode_integer(const struct reading *d, const struct field *f, const char *text, void *v)
{
	gint64 value = 0;
	const char *right = f->type == FIELD_DURATION  ? duration_parse(d->arena, text, &value)
	                    : f->type == FIELD_DECIMAL ? decimal_parse(d->arena, text, &value)
	                                               : integer_parse(d->arena, text, &value);
	if (!right)
		right = check_range(d, f, value);
	if (!right)
		*(gint64 *)v = value;
	return right;
}

static const char *decode_bytes(const struct reading *d, const struct field *f, const char *text, void *v)
{
	guint64 value = 0;
	const char *right = bytes_parse(d->arena, text, &value);
	if (!right)
		right = check_range(d, f, value > G_MAXINT64 ? G_MAXINT64 : (gint64)value);
	/* The unit itself, not a multiple in bytes: what may be written is then the same in JSON Schema. */
	if (!right && !d->is_observed && bytes_unit(text) < (guint64)f->unit)
		right = arena_printf(d->arena, "must be in whole %s or a larger unit", bytes_unit_name((guint64)f->unit));
	if (!right)
		*(guint64 *)v = value;
	return right;
}

static const char *decode_enum(const struct reading *d, const struct field *f, const char *text, void *v)
{
	int value = name_value(f->names, text);
	if (value < 0) {
		g_autofree char *list = name_list(f->names);
		const char *near = name_suggest(text, f->names->names, f->names->n);
		return near ? arena_printf(d->arena, "must be %s; did you mean %s?", list, near)
		            : arena_printf(d->arena, "must be %s", list);
	}
	*(int *)v = value;
	return NULL;
}

static const char *check_string(const struct reading *d, const struct field *f, const char *text)
{
	if (f->names)
		return decode_enum(d, f, text, &(int){ 0 });
	/* No text has more characters than bytes. */
	if (f->max && strlen(text) > (gsize)f->max && g_utf8_strlen(text, -1) > f->max)
		return arena_printf(d->arena, "must have %" G_GINT64_FORMAT " characters at most", f->max);
	const char *right = form_check(d->arena, f->form, text);
	return right ? right : secret_check(d->arena, text);
}

static const char *decode_string(const struct reading *d, const struct field *f, const char *text, void *v)
{
	const char *right = d->is_observed ? NULL : check_string(d, f, text);
	if (!right)
		*(const char **)v = text; /* nodes and rows live at least as long as the object */
	return right;
}

static const char *decode_bool(const char *text, void *v)
{
	static const char *const truths[] = { "yes", "on", "y", "true" };
	for (guint i = 0; i < G_N_ELEMENTS(truths) && strcmp(text, "true") != 0; i++)
		if (g_ascii_strcasecmp(text, truths[i]) == 0)
			return "write true or false; did you mean true?";
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return "write true or false";
	*(gboolean *)v = text[0] == 't';
	return NULL;
}

const char *text_decode(struct arena *a, const struct field *f, const char *text, gboolean is_observed, void *v)
{
	const struct reading reading = { a, is_observed }, *d = &reading;
	switch (f->type) {
	case FIELD_STRING: return decode_string(d, f, text, v);
	case FIELD_BOOL: return decode_bool(text, v);
	case FIELD_INT:
	case FIELD_DECIMAL:
	case FIELD_DURATION: return decode_integer(d, f, text, v);
	case FIELD_BYTES: return decode_bytes(d, f, text, v);
	case FIELD_ENUM: return decode_enum(d, f, text, v);
	case FIELD_FRAMES: return frames_parse(a, text, v, NULL);
	case FIELD_RESOLUTION: return resolution_parse(a, text, v);
	default: g_assert_not_reached();
	}
}
