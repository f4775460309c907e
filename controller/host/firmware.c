/* Descriptors of firmware: JSON files, those in /etc hide those of the same name below /usr/share. */
#include "host/firmware.h"
#include "base/arena.h"
#include <jansson.h>
#include <string.h>

static gboolean has_text(const json_t *list, const char *text)
{
	size_t i;
	const json_t *item;
	json_array_foreach (list, i, item)
		if (g_strcmp0(json_string_value(item), text) == 0)
			return TRUE;
	return FALSE;
}

static gboolean is_for(const json_t *descriptor, const char *machine)
{
	size_t i;
	const json_t *target;
	json_array_foreach (json_object_get(descriptor, "targets"), i, target)
		if (!machine || g_strcmp0(json_string_value(json_object_get(target, "architecture")), machine) == 0)
			return TRUE;
	return FALSE;
}

/* The code image of a UEFI descriptor: flash ("mapping.executable.filename") or memory ("mapping.filename"). */
static const char *image_of(const json_t *descriptor, const char *machine)
{
	const json_t *mapping = json_object_get(descriptor, "mapping");
	const json_t *executable = json_object_get(mapping, "executable");
	if (!has_text(json_object_get(descriptor, "interface-types"), "uefi") || !is_for(descriptor, machine))
		return NULL;
	return json_string_value(json_object_get(executable ? executable : mapping, "filename"));
}

static void read_descriptor(struct arena *arena, const struct host_tree *t, const char *text, const char *machine, GPtrArray *found)
{
	json_t *descriptor = text ? json_loads(text, 0, NULL) : NULL;
	const char *image = image_of(descriptor, machine);
	if (image && g_path_is_absolute(image) && host_exists(t, "%s", image + 1) &&
	    !g_ptr_array_find_with_equal_func(found, image, g_str_equal, NULL))
		g_ptr_array_add(found, arena_strdup(arena, image));
	json_decref(descriptor);
}

static gint by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **firmware_list(struct arena *arena, const struct host_tree *t, const char *machine)
{
	static const char *const folders[] = { "etc/qemu/firmware", "usr/share/qemu/firmware" };
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
		for (char **name = host_list(arena, t, "%s", folders[i]); *name; name++)
			if (g_str_has_suffix(*name, ".json") && g_hash_table_add(seen, *name))
				read_descriptor(arena, t, host_read(arena, t, "%s/%s", folders[i], *name), machine, found);
	g_ptr_array_sort(found, by_text);
	g_ptr_array_add(found, NULL);
	return arena_memdup(arena, found->pdata, sizeof(gpointer) * found->len);
}
