/* Rows of key, type and member. Numbers below 0 and NULL strings are left out. */
#include "host/pci_json.h"
#include "base/arena.h"
#include "host/pci.h"
#include <stddef.h>

enum type { TYPE_INT, TYPE_INT64, TYPE_ID, TYPE_FLAG, TYPE_TEXT };

struct row {
	const char *key;
	enum type type;
	gsize offset;
};

#define ROW(type, member) { #member, type, offsetof(struct pci_function, member) }
static const struct row rows[] = {
	ROW(TYPE_TEXT, address),
	ROW(TYPE_ID, vendor),
	ROW(TYPE_ID, device),
	ROW(TYPE_ID, class),
	ROW(TYPE_FLAG, is_detailed),
	ROW(TYPE_FLAG, is_locked),
	ROW(TYPE_INT, revision),
	ROW(TYPE_INT, subsystem_vendor),
	ROW(TYPE_INT, subsystem_device),
	ROW(TYPE_TEXT, device_name),
	ROW(TYPE_TEXT, slot_name),
	ROW(TYPE_TEXT, serial),
	ROW(TYPE_TEXT, driver),
	ROW(TYPE_TEXT, driver_override),
	ROW(TYPE_INT, iommu_group),
	ROW(TYPE_INT, numa_node),
	ROW(TYPE_INT, boot_vga),
	ROW(TYPE_TEXT, reset_method),
	ROW(TYPE_TEXT, power_state),
	ROW(TYPE_TEXT, parent),
	ROW(TYPE_TEXT, physfn),
	ROW(TYPE_INT, sriov_total),
	ROW(TYPE_INT, sriov_enabled),
	ROW(TYPE_INT, link.width),
	ROW(TYPE_INT, link.max_width),
	ROW(TYPE_TEXT, link.speed),
	ROW(TYPE_TEXT, link.max_speed),
	ROW(TYPE_INT64, bar_bytes),
	ROW(TYPE_INT, n_unassigned_bars),
	ROW(TYPE_INT64, n_correctable),
	ROW(TYPE_INT64, n_nonfatal),
	ROW(TYPE_INT64, n_fatal),
	ROW(TYPE_FLAG, has_mdev),
	ROW(TYPE_FLAG, has_vgpu_type),
	ROW(TYPE_TEXT, vgpu_type),
};

static void *member(const struct row *r, const struct pci_function *f)
{
	return (char *)f + r->offset;
}

void pci_function_init(struct pci_function *f)
{
	*f = (struct pci_function){ 0 };
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (rows[i].type == TYPE_INT)
			*(int *)member(&rows[i], f) = -1;
		if (rows[i].type == TYPE_INT64)
			*(gint64 *)member(&rows[i], f) = -1;
	}
}

static json_t *text(const char *s)
{
	if (!s || g_utf8_validate(s, -1, NULL))
		return s ? json_string_nocheck(s) : NULL;
	g_autofree char *valid = g_utf8_make_valid(s, -1);
	return json_string_nocheck(valid);
}

static json_t *number(gint64 n)
{
	return n < 0 ? NULL : json_integer(n);
}

static json_t *encode(const struct row *r, const struct pci_function *f)
{
	const void *at = member(r, f);
	switch (r->type) {
	case TYPE_INT: return number(*(const int *)at);
	case TYPE_INT64: return number(*(const gint64 *)at);
	case TYPE_ID: return json_integer(*(const guint16 *)at);
	case TYPE_FLAG: return *(const gboolean *)at ? json_true() : NULL;
	case TYPE_TEXT: return text(*(const char *const *)at);
	}
	return NULL;
}

static void decode(const struct row *r, struct arena *arena, const json_t *value, struct pci_function *f)
{
	void *at = member(r, f);
	switch (r->type) {
	case TYPE_INT: *(int *)at = (int)json_integer_value(value); break;
	case TYPE_INT64: *(gint64 *)at = json_integer_value(value); break;
	case TYPE_ID: *(guint16 *)at = (guint16)json_integer_value(value); break;
	case TYPE_FLAG: *(gboolean *)at = json_is_true(value); break;
	case TYPE_TEXT: *(const char **)at = arena_strdup(arena, json_string_value(value)); break;
	}
}

/* -- vGPU types ------------------------------------------------------------------------------- */

static void set(json_t *o, const char *key, json_t *value)
{
	if (value)
		json_object_set_new_nocheck(o, key, value);
}

static json_t *encode_type(const struct pci_vgpu_type *t)
{
	json_t *o = json_object(), *devices = t->devices ? json_array() : NULL;
	set(o, "id", text(t->id));
	set(o, "name", text(t->name));
	set(o, "description", text(t->description));
	set(o, "available", number(t->n_available));
	for (const char **uuid = t->devices; uuid && *uuid; uuid++)
		json_array_append_new(devices, text(*uuid));
	set(o, "devices", devices);
	return o;
}

static void decode_type(struct arena *arena, const json_t *o, struct pci_vgpu_type *ret)
{
	const json_t *available = json_object_get(o, "available"), *devices = json_object_get(o, "devices");
	ret->id = arena_strdup(arena, json_string_value(json_object_get(o, "id")));
	ret->name = arena_strdup(arena, json_string_value(json_object_get(o, "name")));
	ret->description = arena_strdup(arena, json_string_value(json_object_get(o, "description")));
	ret->n_available = available ? json_integer_value(available) : -1;
	ret->devices = devices ? ARENA_ARRAY(arena, const char *, json_array_size(devices) + 1) : NULL;
	for (gsize i = 0; ret->devices && i < json_array_size(devices); i++)
		ret->devices[i] = arena_strdup(arena, json_string_value(json_array_get(devices, i)));
}

/* -- functions -------------------------------------------------------------------------------- */

json_t *pci_function_to_json(const struct pci_function *f)
{
	json_t *o = json_object(), *types = f->n_vgpu_types ? json_array() : NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		set(o, rows[i].key, encode(&rows[i], f));
	for (guint i = 0; i < f->n_vgpu_types; i++)
		json_array_append_new(types, encode_type(&f->vgpu_types[i]));
	set(o, "vgpu_types", types);
	return o;
}

gboolean pci_function_from_json(struct arena *arena, const json_t *o, struct pci_function *ret)
{
	pci_function_init(ret);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const json_t *value = json_object_get(o, rows[i].key);
		if (value)
			decode(&rows[i], arena, value, ret);
	}
	const json_t *types = json_object_get(o, "vgpu_types");
	ret->n_vgpu_types = (guint)json_array_size(types);
	ret->vgpu_types = ARENA_ARRAY(arena, struct pci_vgpu_type, ret->n_vgpu_types);
	for (guint i = 0; i < ret->n_vgpu_types; i++)
		decode_type(arena, json_array_get(types, i), &ret->vgpu_types[i]);
	return pci_split_address(ret->address, ret);
}
