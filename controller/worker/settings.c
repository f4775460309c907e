/* One line, one setting. */
#include "worker/settings.h"
#include "base/error.h"
#include <string.h>

static gboolean is_key(const char *text)
{
	if (!*text || g_ascii_isdigit(*text))
		return FALSE;
	for (; *text; text++)
		if (!g_ascii_isalnum(*text) && *text != '_')
			return FALSE;
	return TRUE;
}

/* Without its quotes, if both are there. */
static char *value_of(const char *text)
{
	char *value = g_strstrip(g_strdup(text));
	gsize len = strlen(value);
	if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value[len - 1] = '\0';
		memmove(value, value + 1, len - 1);
	}
	return value;
}

static gboolean read_line(GHashTable *settings, char *line, GError **error)
{
	g_strstrip(line);
	if (!*line || *line == '#')
		return TRUE;
	const char *value = strchr(line, '=');
	g_autofree char *key = value ? g_strchomp(g_strndup(line, (gsize)(value - line))) : NULL;
	if (!key || !is_key(key))
		return fail(error, ERROR_USAGE, "a setting is KEY=VALUE, not \"%s\"", line);
	g_hash_table_insert(settings, g_steal_pointer(&key), value_of(value + 1));
	return TRUE;
}

GHashTable *settings_read(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) problem = NULL;
	g_autoptr(GHashTable) settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (!g_file_get_contents(path, &text, NULL, &problem)) {
		fail(error, ERROR_USAGE, "settings: %s", problem->message);
		return NULL;
	}
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++)
		if (!read_line(settings, lines[i], error)) {
			g_prefix_error(error, "%s:%u: ", path, i + 1);
			return NULL;
		}
	return g_steal_pointer(&settings);
}
