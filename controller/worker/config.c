/* GOption reads the command line; what is still unset then comes from the environment, then from the settings. */
#include "worker/config.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include "frames/root.h"
#include "worker/settings.h"
#include <string.h>

enum { DEFAULT_RECYCLE = 500, SHORTEST_LEASE_MS = 1000, SLOTS_MAX = 256, COOLEST = 40, HOTTEST = 110 };

struct raw {
	char *settings_file;
	char **mounts, **markers;
	char *lease, *slot, *n_slots, *max_celsius;
	GHashTable *settings; /* never NULL once read */
};

/* -- where a value comes from ---------------------------------------------------------------- */

/* NULL: neither the environment nor the settings say it. */
static const char *look_up(const struct raw *raw, const char *variable)
{
	const char *value = g_getenv(variable);
	if (!value || !*value)
		value = g_hash_table_lookup(raw->settings, variable);
	return value && *value ? value : NULL;
}

static void default_text(char **text, const struct raw *raw, const char *variable, const char *otherwise)
{
	if (*text)
		return;
	const char *value = look_up(raw, variable);
	*text = g_strdup(value ? value : otherwise);
}

static void default_list(char ***list, const struct raw *raw, const char *variable)
{
	const char *value = look_up(raw, variable);
	if (!*list)
		*list = value ? g_strsplit(value, ",", -1) : g_new0(char *, 1);
}

/* A file that was named has to be there; the usual one need not. */
static gboolean read_settings(struct raw *raw, GError **error)
{
	const char *path = raw->settings_file ? raw->settings_file : g_getenv("CLEAVE_SETTINGS");
	if (!path && g_file_test(SETTINGS_FILE, G_FILE_TEST_EXISTS))
		path = SETTINGS_FILE;
	raw->settings = path ? settings_read(path, error) : g_hash_table_new(g_str_hash, g_str_equal);
	return raw->settings != NULL;
}

/* By what the farm knows it: its own name, else the VM's; with a number where several share the machine. */
static void default_name(struct config *c, const struct raw *raw)
{
	if (c->name)
		return;
	g_autofree char *of_process = g_strdup_printf("%s-%d", g_get_host_name(), getpid());
	g_autofree char *base = NULL;
	default_text(&base, raw, "CLEAVE_WORKER_NAME", c->vm);
	if (!base)
		c->name = g_steal_pointer(&of_process);
	else if (c->n_slots > 1)
		c->name = g_strdup_printf("%s.%d", base, c->slot);
	else
		c->name = g_steal_pointer(&base);
}

static void apply_defaults(struct config *c, struct raw *raw)
{
	const char *said = g_getenv("CLEAVE_VM_UUID");
	default_text(&c->redis_url, raw, "CLEAVE_REDIS", NULL);
	default_text(&c->redis_password_file, raw, "CLEAVE_REDIS_PASSWORD_FILE", NULL);
	default_text(&c->vm, raw, "CLEAVE_VM", NULL);
	if (!c->vm_uuid && said && *said)
		c->vm_uuid = g_strdup(said);
	c->vm_uuid_otherwise = g_strdup(g_hash_table_lookup(raw->settings, "CLEAVE_VM_UUID"));
	default_text(&c->blender, raw, "CLEAVE_BLENDER", "blender");
	default_text(&c->drain_file, raw, "CLEAVE_DRAIN_FILE", "/run/cleave/drain");
	default_text(&c->sysfs, raw, "CLEAVE_SYSFS", "/sys");
	default_text(&raw->lease, raw, "CLEAVE_LEASE", "30s");
	default_text(&raw->slot, raw, "CLEAVE_SLOT", "1");
	default_text(&raw->n_slots, raw, "CLEAVE_SLOTS", "1");
	default_text(&raw->max_celsius, raw, "CLEAVE_MAX_GPU_TEMP", "0");
	default_list(&raw->mounts, raw, "CLEAVE_MOUNTS");
	default_list(&raw->markers, raw, "CLEAVE_MARKERS");
	default_list(&c->labels, raw, "CLEAVE_LABELS");
}

/* -- checking -------------------------------------------------------------------------------- */

static gboolean read_mounts(struct config *c, char **mounts, GError **error)
{
	for (guint i = 0; mounts[i]; i++) {
		const char *directory = strchr(mounts[i], '=');
		g_autofree char *name = directory ? g_strndup(mounts[i], (gsize)(directory - mounts[i])) : NULL;
		if (!directory || directory[1] != '/' || !root_name_is_plain(name))
			return fail(error, ERROR_USAGE, "a mount is NAME=/DIRECTORY, not \"%s\"", mounts[i]);
		if (!g_hash_table_insert(c->mounts, g_steal_pointer(&name), g_strdup(directory + 1)))
			return fail(error, ERROR_USAGE, "the root of \"%s\" is mounted twice", mounts[i]);
	}
	return TRUE;
}

static gboolean read_markers(struct config *c, char **markers, GError **error)
{
	for (guint i = 0; markers[i]; i++) {
		const char *file = strchr(markers[i], '=');
		g_autofree char *name = file ? g_strndup(markers[i], (gsize)(file - markers[i])) : NULL;
		if (!file || !file[1] || file[1] == '/' || !root_name_is_plain(name))
			return fail(error, ERROR_USAGE, "a marker is NAME=FILE below the root, not \"%s\"", markers[i]);
		g_hash_table_replace(c->markers, g_steal_pointer(&name), g_strdup(file + 1));
	}
	return TRUE;
}

static gboolean read_lease_time(struct config *c, const char *text, GError **error)
{
	SCOPED_ARENA(scratch);
	const char *problem = duration_parse(scratch, text, &c->lease_ms);
	if (problem)
		return fail(error, ERROR_USAGE, "--lease: %s", problem);
	if (c->lease_ms < SHORTEST_LEASE_MS || c->lease_ms > G_MAXINT / 2)
		return fail(error, ERROR_USAGE, "--lease is at least 1s");
	return TRUE;
}

static gboolean read_number(const char *option, const char *text, guint64 min, guint64 max, int *ret, GError **error)
{
	guint64 n;
	if (!g_ascii_string_to_unsigned(text, 10, min, max, &n, NULL))
		return fail(error, ERROR_USAGE,
			    "%s is a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ", not \"%s\"", option, min,
			    max, text);
	*ret = (int)n;
	return TRUE;
}

static gboolean read_numbers(struct config *c, const struct raw *raw, GError **error)
{
	gboolean has_limit = strcmp(raw->max_celsius, "0") != 0;
	return read_lease_time(c, raw->lease, error) &&
	       read_number("--slots", raw->n_slots, 1, SLOTS_MAX, &c->n_slots, error) &&
	       read_number("--slot", raw->slot, 1, (guint64)c->n_slots, &c->slot, error) &&
	       (!has_limit ||
	        read_number("--max-gpu-temp", raw->max_celsius, COOLEST, HOTTEST, &c->max_celsius, error));
}

static gboolean read_values(struct config *c, const struct raw *raw, GError **error)
{
	if (!read_numbers(c, raw, error))
		return FALSE;
	default_name(c, raw);
	if (!root_name_is_plain(c->name))
		return fail(error, ERROR_USAGE, "--name: \"%s\" has more than letters, digits, '.', '_' and '-'",
			    c->name);
	if (c->n_recycle < 1)
		return fail(error, ERROR_USAGE, "--recycle is a number of frames from 1");
	if (!c->redis_url)
		return fail(error, ERROR_USAGE, "say where Redis is: --redis redis://host:6379/0, or CLEAVE_REDIS");
	return read_mounts(c, raw->mounts, error) && read_markers(c, raw->markers, error);
}

/* -- the command line ------------------------------------------------------------------------ */

static gboolean read_command_line(struct config *c, struct raw *raw, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "settings", 0, 0, G_OPTION_ARG_FILENAME, &raw->settings_file,
		  "Lines of KEY=VALUE for what is in brackets here; " SETTINGS_FILE " if it is there (CLEAVE_SETTINGS)",
		  "FILE" },
		{ "redis", 0, 0, G_OPTION_ARG_STRING, &c->redis_url, "The queue (CLEAVE_REDIS)", "URL" },
		{ "redis-password-file", 0, 0, G_OPTION_ARG_FILENAME, &c->redis_password_file,
		  "Its password (CLEAVE_REDIS_PASSWORD_FILE)", "FILE" },
		{ "mount", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->mounts,
		  "Where a root is mounted; may be repeated (CLEAVE_MOUNTS, with commas)", "NAME=DIR" },
		{ "marker", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->markers,
		  "The file that proves that a root is mounted; .cleave-root by default (CLEAVE_MARKERS, with commas)",
		  "NAME=FILE" },
		{ "name", 0, 0, G_OPTION_ARG_STRING, &c->name,
		  "Unique on the farm; the VM's, or host and process id, by default (CLEAVE_WORKER_NAME)", "NAME" },
		{ "vm", 0, 0, G_OPTION_ARG_STRING, &c->vm, "The VM it runs in (CLEAVE_VM)", "NAME" },
		{ "vm-uuid", 0, 0, G_OPTION_ARG_STRING, &c->vm_uuid,
		  "Its UUID; what the firmware says by default (CLEAVE_VM_UUID)", "UUID" },
		{ "slots", 0, 0, G_OPTION_ARG_STRING, &raw->n_slots,
		  "How many workers share this machine's GPUs; 1 by default (CLEAVE_SLOTS)", "N" },
		{ "slot", 0, 0, G_OPTION_ARG_STRING, &raw->slot, "Which of them this is, from 1 (CLEAVE_SLOT)", "N" },
		{ "label", 0, 0, G_OPTION_ARG_STRING_ARRAY, &c->labels,
		  "What jobs may require; may be repeated (CLEAVE_LABELS, with commas)", "LABEL" },
		{ "blender", 0, 0, G_OPTION_ARG_FILENAME, &c->blender, "Program (CLEAVE_BLENDER)", "PATH" },
		{ "max-gpu-temp", 0, 0, G_OPTION_ARG_STRING, &raw->max_celsius,
		  "Begin no frame on a hotter GPU; degrees Celsius (CLEAVE_MAX_GPU_TEMP)", "DEGREES" },
		{ "lease", 0, 0, G_OPTION_ARG_STRING, &raw->lease,
		  "How long frames stay reserved without a heartbeat; 30s by default (CLEAVE_LEASE)", "TIME" },
		{ "recycle", 0, 0, G_OPTION_ARG_INT, &c->n_recycle, "Start Blender anew after N frames; 500 by default",
		  "N" },
		{ "once", 0, 0, G_OPTION_ARG_NONE, &c->once, "Leave when there is nothing to render", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &c->version, "Say the version and leave", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- render frames of cleave's queue");
	g_autoptr(GError) problem = NULL;
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &problem))
		return fail(error, ERROR_USAGE, "%s", problem->message);
	if (argc > 1)
		return fail(error, ERROR_USAGE, "\"%s\" is no option; see --help", argv[1]);
	return TRUE;
}

static void raw_clear(struct raw *raw)
{
	char *texts[] = { raw->settings_file, raw->lease, raw->slot, raw->n_slots, raw->max_celsius };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_strfreev(raw->mounts);
	g_strfreev(raw->markers);
	g_clear_pointer(&raw->settings, g_hash_table_unref);
}

gboolean config_parse(struct config *c, int argc, char **argv, GError **error)
{
	struct raw raw = { 0 };
	*c = (struct config){ .n_recycle = DEFAULT_RECYCLE };
	c->markers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	c->mounts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	gboolean is_right = read_command_line(c, &raw, argc, argv, error);
	if (is_right && !c->version) {
		is_right = read_settings(&raw, error);
		if (is_right) {
			apply_defaults(c, &raw);
			is_right = read_values(c, &raw, error);
		}
	}
	raw_clear(&raw);
	return is_right;
}

void config_clear(struct config *c)
{
	char *texts[] = { c->redis_url, c->redis_password_file, c->name,    c->vm,   c->vm_uuid, c->vm_uuid_otherwise,
			  c->blender,   c->drain_file,          c->sysfs };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_hash_table_unref(c->mounts);
	g_hash_table_unref(c->markers);
	g_strfreev(c->labels);
}
