/* GOption reads the command line, then what is still unset comes from the environment. */
#include "worker/config.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include "frames/root.h"
#include <string.h>

enum { DEFAULT_RECYCLE = 500, SHORTEST_LEASE_MS = 1000 };

struct raw {
	char **mounts, **labels;
	char *lease;
};

static void default_text(char **text, const char *variable, const char *otherwise)
{
	if (*text)
		return;
	const char *value = g_getenv(variable);
	*text = g_strdup(value && *value ? value : otherwise);
}

static void default_list(char ***list, const char *variable)
{
	const char *value = g_getenv(variable);
	if (!*list)
		*list = value && *value ? g_strsplit(value, ",", -1) : g_new0(char *, 1);
}

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

static gboolean read_values(struct config *c, const struct raw *raw, GError **error)
{
	SCOPED_ARENA(scratch);
	const char *problem = duration_parse(scratch, raw->lease, &c->lease_ms);
	if (problem)
		return fail(error, ERROR_USAGE, "--lease: %s", problem);
	if (c->lease_ms < SHORTEST_LEASE_MS || c->lease_ms > G_MAXINT / 2)
		return fail(error, ERROR_USAGE, "--lease is at least 1s");
	if (!root_name_is_plain(c->name))
		return fail(error, ERROR_USAGE, "--name: \"%s\" has more than letters, digits, '.', '_' and '-'",
			    c->name);
	if (c->n_recycle < 1)
		return fail(error, ERROR_USAGE, "--recycle is a number of frames from 1");
	if (!c->redis_url)
		return fail(error, ERROR_USAGE, "say where Redis is: --redis redis://host:6379/0, or CLEAVE_REDIS");
	return read_mounts(c, raw->mounts, error);
}

static void apply_defaults(struct config *c, struct raw *raw)
{
	g_autofree char *own_name = g_strdup_printf("%s-%d", g_get_host_name(), getpid());
	default_text(&c->redis_url, "CLEAVE_REDIS", NULL);
	default_text(&c->redis_password_file, "CLEAVE_REDIS_PASSWORD_FILE", NULL);
	default_text(&c->name, "CLEAVE_WORKER_NAME", own_name);
	default_text(&c->blender, "CLEAVE_BLENDER", "blender");
	default_text(&raw->lease, "CLEAVE_LEASE", "30s");
	default_list(&raw->mounts, "CLEAVE_MOUNTS");
	default_list(&c->labels, "CLEAVE_LABELS");
}

gboolean config_parse(struct config *c, int argc, char **argv, GError **error)
{
	struct raw raw = { 0 };
	*c = (struct config){ .n_recycle = DEFAULT_RECYCLE };
	const GOptionEntry entries[] = {
		{ "redis", 0, 0, G_OPTION_ARG_STRING, &c->redis_url, "The queue (CLEAVE_REDIS)", "URL" },
		{ "redis-password-file", 0, 0, G_OPTION_ARG_FILENAME, &c->redis_password_file,
		  "Its password (CLEAVE_REDIS_PASSWORD_FILE)", "FILE" },
		{ "mount", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.mounts,
		  "Where a root is mounted; may be repeated (CLEAVE_MOUNTS, with commas)", "NAME=DIR" },
		{ "name", 0, 0, G_OPTION_ARG_STRING, &c->name,
		  "Unique on the farm; host and process id by default (CLEAVE_WORKER_NAME)", "NAME" },
		{ "label", 0, 0, G_OPTION_ARG_STRING_ARRAY, &c->labels,
		  "What jobs may require; may be repeated (CLEAVE_LABELS, with commas)", "LABEL" },
		{ "blender", 0, 0, G_OPTION_ARG_FILENAME, &c->blender, "Program (CLEAVE_BLENDER)", "PATH" },
		{ "lease", 0, 0, G_OPTION_ARG_STRING, &raw.lease,
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
	c->mounts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	gboolean is_right = g_option_context_parse(context, &argc, &argv, &problem);
	if (!is_right)
		fail(error, ERROR_USAGE, "%s", problem->message);
	else if (argc > 1)
		is_right = fail(error, ERROR_USAGE, "\"%s\" is no option; see --help", argv[1]);
	if (is_right && !c->version) {
		apply_defaults(c, &raw);
		is_right = read_values(c, &raw, error);
	}
	g_strfreev(raw.mounts);
	g_free(raw.lease);
	return is_right;
}

void config_clear(struct config *c)
{
	g_free(c->redis_url);
	g_free(c->redis_password_file);
	g_free(c->name);
	g_free(c->blender);
	g_hash_table_unref(c->mounts);
	g_strfreev(c->labels);
}
