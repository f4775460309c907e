/* One table of settings; the command line, the environment, the checks, --help and the reference are loops over it. */
#include "worker/config.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include "frames/root.h"
#include "worker/buckets.h"
#include "worker/settings.h"
#include <stddef.h>
#include <string.h>

enum kind {
	KIND_TEXT,   /* char * */
	KIND_LIST,   /* char **; in the environment with commas */
	KIND_NUMBER, /* int */
	KIND_TIME,   /* gint64, milliseconds */
	KIND_BYTES,  /* guint64 */
	KIND_CHOICE, /* enum: the index among the words */
	KIND_SWITCH, /* gboolean; on the command line alone */
};

struct setting {
	const char *option, *variable; /* without "--"; NULL: only the other one */
	enum kind kind;
	gsize offset;
	const char *otherwise; /* NULL: "", 0 or an empty list */
	gint64 min, max;       /* of numbers, milliseconds, bytes; max 0: none */
	const char *const *words;
	const char *argument, *help;
};

static const char *const sandboxes[] = { "auto", "bubblewrap", "none", NULL };
static const char *const off_on[] = { "off", "on", NULL };

#define IN(member) offsetof(struct config, member)

static const struct setting settings[] = {
	{ "settings", "CLEAVE_SETTINGS", KIND_TEXT, IN(settings_file), .argument = "FILE",
	  .help = "Lines of KEY=VALUE for what is in brackets here; " SETTINGS_FILE " if it is there" },
	{ "redis", "CLEAVE_REDIS", KIND_TEXT, IN(redis_url), .argument = "URL", .help = "The queue" },
	{ "redis-password-file", "CLEAVE_REDIS_PASSWORD_FILE", KIND_TEXT, IN(redis_password_file), .argument = "FILE",
	  .help = "Its password" },
	{ "mount", "CLEAVE_MOUNTS", KIND_LIST, IN(mount_texts), .argument = "NAME=DIR",
	  .help = "Where a root is mounted; of one that is a bucket s3://BUCKET/PREFIX instead of a folder" },
	{ "marker", "CLEAVE_MARKERS", KIND_LIST, IN(marker_texts), .argument = "NAME=FILE",
	  .help = "The file in a root that proves that it is mounted; .cleave-root if not said" },
	{ "name", "CLEAVE_WORKER_NAME", KIND_TEXT, IN(name), .argument = "NAME",
	  .help = "Unique on the farm; the VM's, or host and process id, if not said" },
	{ "vm", "CLEAVE_VM", KIND_TEXT, IN(vm), .argument = "NAME", .help = "The VM it runs in" },
	{ "vm-uuid", "CLEAVE_VM_UUID", KIND_TEXT, IN(vm_uuid), .argument = "UUID",
	  .help = "Its UUID; what the firmware says, if not said" },
	{ "slots", "CLEAVE_SLOTS", KIND_NUMBER, IN(n_slots), "1", 1, 256, .argument = "N",
	  .help = "How many workers share this machine's GPUs" },
	{ "slot", "CLEAVE_SLOT", KIND_NUMBER, IN(slot), "1", 1, 256, .argument = "N", .help = "Which of them this is, from 1" },
	{ "label", "CLEAVE_LABELS", KIND_LIST, IN(labels), .argument = "LABEL", .help = "What jobs may require" },
	{ "blender", "CLEAVE_BLENDER", KIND_LIST, IN(blenders), "blender", .argument = "PATH",
	  .help = "Blender on this machine; of several versions the first is for jobs that name none" },
	{ "max-gpu-temp", "CLEAVE_MAX_GPU_TEMP", KIND_NUMBER, IN(max_celsius), NULL, 40, 110, .argument = "DEGREES",
	  .help = "Begin no frame on a hotter GPU; degrees Celsius" },
	{ "lease", "CLEAVE_LEASE", KIND_TIME, IN(lease_ms), "30s", 1000, G_MAXINT / 2, .argument = "TIME",
	  .help = "How long frames stay reserved without a heartbeat" },
	{ "recycle", "CLEAVE_RECYCLE", KIND_NUMBER, IN(n_recycle), "500", 1, G_MAXINT, .argument = "N",
	  .help = "Start Blender anew after N frames" },
	{ "blender-memory", "CLEAVE_BLENDER_MEMORY", KIND_BYTES, IN(blender_memory_bytes), NULL, 64 << 20, .argument = "SIZE",
	  .help = "What a Blender may take; a job's own limit counts if it is lower" },
	{ "warm", "CLEAVE_WARM", KIND_CHOICE, IN(is_warm), "on", .words = off_on, .argument = "WORD",
	  .help = "Keep Blender and its scene between frames" },
	{ "cold-check", "CLEAVE_COLD_CHECK", KIND_NUMBER, IN(cold_check_percent), "0", 0, 100, .argument = "PERCENT",
	  .help = "Render this share of the frames again with a fresh Blender, and compare" },
	{ "sandbox", "CLEAVE_SANDBOX", KIND_CHOICE, IN(sandbox), "auto", .words = sandboxes, .argument = "WORD",
	  .help = "What confines Blender; nothing is rendered where it does not work" },
	{ "cache", "CLEAVE_CACHE", KIND_TEXT, IN(cache), "/var/cache/cleave", .argument = "DIR",
	  .help = "Folder of what is fetched; all workers of a machine share it" },
	{ "cache-size", "CLEAVE_CACHE_SIZE", KIND_BYTES, IN(cache_bytes), "20GiB", 1 << 20, .argument = "SIZE",
	  .help = "What the cache may hold; what was not used for longest leaves it" },
	{ "fetch-limit", "CLEAVE_FETCH_LIMIT", KIND_BYTES, IN(fetch_limit_bytes), "64GiB", 1 << 10, .argument = "SIZE",
	  .help = "Largest download, and most that an archive may hold" },
	{ "fetch-stall", "CLEAVE_FETCH_STALL", KIND_TIME, IN(fetch_stall_ms), "60s", 1000, G_MAXINT / 2, .argument = "TIME",
	  .help = "Give up a source that sends nothing for so long" },
	{ "fetch-time", "CLEAVE_FETCH_TIME", KIND_TIME, IN(fetch_ms), "6h", 1000, G_MAXINT / 2, .argument = "TIME",
	  .help = "Give up one download after so long" },
	{ "s3-endpoint", "CLEAVE_S3_ENDPOINT", KIND_TEXT, IN(s3_endpoint), .argument = "URL",
	  .help = "Where s3:// leads to; AWS's of the region, if not said" },
	{ "s3-region", "CLEAVE_S3_REGION", KIND_TEXT, IN(s3_region), "us-east-1", .argument = "NAME", .help = "Of its signatures" },
	{ "s3-credentials-file", "CLEAVE_S3_CREDENTIALS_FILE", KIND_TEXT, IN(s3_credentials_file), .argument = "FILE",
	  .help = "Its key and secret" },
	{ "s3-credentials", "CLEAVE_S3_CREDENTIALS", KIND_LIST, IN(credentials_texts), .argument = "NAME=FILE",
	  .help = "The same of one root alone" },
	{ "metrics", "CLEAVE_METRICS", KIND_TEXT, IN(metrics), .argument = "FILE",
	  .help = "Write what it measures there for node_exporter's textfile collector; with several slots FILE-SLOT.prom" },
	{ NULL, "CLEAVE_DRAIN_FILE", KIND_TEXT, IN(drain_file), "/run/cleave/drain",
	  .help = "While it is there, and does not say \"over\", no frame is begun" },
	{ NULL, "CLEAVE_SYSFS", KIND_TEXT, IN(sysfs), "/sys", .help = "Where the kernel shows its devices" },
	{ "once", NULL, KIND_SWITCH, IN(once), .help = "Leave when there is nothing to render" },
	{ "version", NULL, KIND_SWITCH, IN(version), .help = "Say the version and leave" },
	{ "reference", NULL, KIND_SWITCH, IN(reference), .help = "Write this as a table in Markdown and leave" },
};
enum { N_SETTINGS = G_N_ELEMENTS(settings) };

/* What the command line said of each row, before it is read. */
struct raw {
	char *texts[N_SETTINGS];
	char **lists[N_SETTINGS];
	GHashTable *file; /* the settings file's; never NULL once read */
};

static void *member(struct config *c, const struct setting *s)
{
	return (char *)c + s->offset;
}

/* -- saying ---------------------------------------------------------------------------------- */

/* "What it does; DEFAULT by default (VARIABLE)". */
static char *help_of(const struct setting *s)
{
	GString *text = g_string_new(s->help);
	if (s->kind == KIND_LIST)
		g_string_append(text, "; may be repeated");
	if (s->words) {
		g_autofree char *words = g_strjoinv(", ", (char **)s->words);
		g_string_append_printf(text, "; %s", words);
	}
	if (s->otherwise)
		g_string_append_printf(text, "; %s by default", s->otherwise);
	if (s->variable)
		g_string_append_printf(text, " (%s%s)", s->variable, s->kind == KIND_LIST ? ", with commas" : "");
	return g_string_free(text, FALSE);
}

char *config_reference(void)
{
	GString *out = g_string_new("| option | environment, settings file | by default | what |\n|---|---|---|---|\n");
	for (guint i = 0; i < N_SETTINGS; i++) {
		const struct setting *s = &settings[i];
		if (s->option)
			g_string_append_printf(out, "| `--%s%s%s` ", s->option, s->argument ? " " : "", s->argument ? s->argument : "");
		else
			g_string_append(out, "| ");
		g_string_append_printf(out, "| %s%s%s | %s | %s%s", s->variable ? "`" : "", s->variable ? s->variable : "",
				       s->variable ? "`" : "", s->otherwise ? s->otherwise : "", s->help,
				       s->kind == KIND_LIST ? "; several" : "");
		for (guint w = 0; s->words && s->words[w]; w++)
			g_string_append_printf(out, "%s`%s`", w ? ", " : ": ", s->words[w]);
		g_string_append(out, " |\n");
	}
	return g_string_free(out, FALSE);
}

/* -- reading values --------------------------------------------------------------------------- */

/* How the setting is called where it was said, or would be. */
static const char *name_of(const struct setting *s, char buffer[64])
{
	g_snprintf(buffer, 64, "%s%s", s->option ? "--" : "", s->option ? s->option : s->variable);
	return buffer;
}

static gboolean read_time(const struct setting *s, const char *text, gint64 *ret, GError **error)
{
	SCOPED_ARENA(a);
	char name[64];
	const char *problem = duration_parse(a, text, ret);
	if (problem)
		return fail(error, ERROR_USAGE, "%s: %s", name_of(s, name), problem);
	if (*ret < s->min)
		return fail(error, ERROR_USAGE, "%s is at least %s", name_of(s, name), duration_format(a, s->min));
	return *ret <= s->max || fail(error, ERROR_USAGE, "%s is at most %s", name_of(s, name), duration_format(a, s->max));
}

static gboolean read_bytes(const struct setting *s, const char *text, guint64 *ret, GError **error)
{
	SCOPED_ARENA(a);
	char name[64];
	const char *problem = bytes_parse(a, text, ret);
	if (problem)
		return fail(error, ERROR_USAGE, "%s: %s", name_of(s, name), problem);
	return *ret >= (guint64)s->min ||
	       fail(error, ERROR_USAGE, "%s is at least %s", name_of(s, name), bytes_format(a, (guint64)s->min));
}

static gboolean read_number(const struct setting *s, const char *text, int *ret, GError **error)
{
	guint64 n;
	char name[64];
	if (!g_ascii_string_to_unsigned(text, 10, (guint64)s->min, (guint64)s->max, &n, NULL))
		return fail(error, ERROR_USAGE, "%s is a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", not \"%s\"",
			    name_of(s, name), s->min, s->max, text);
	*ret = (int)n;
	return TRUE;
}

static gboolean read_choice(const struct setting *s, const char *text, int *ret, GError **error)
{
	char name[64];
	for (int i = 0; s->words[i]; i++)
		if (strcmp(s->words[i], text) == 0) {
			*ret = i;
			return TRUE;
		}
	g_autofree char *words = g_strjoinv(", ", (char **)s->words);
	return fail(error, ERROR_USAGE, "%s is one of %s, not \"%s\"", name_of(s, name), words, text);
}

/* NULL is what nobody said, and has no default: the member stays zero. A 0 turns a limit off that has no default. */
static gboolean read_value(struct config *c, const struct setting *s, const char *text, GError **error)
{
	if (!text)
		return TRUE;
	if (!s->otherwise && s->kind != KIND_TEXT && strcmp(text, "0") == 0)
		return TRUE;
	switch (s->kind) {
	case KIND_TEXT: *(char **)member(c, s) = g_strdup(text); return TRUE;
	case KIND_NUMBER: return read_number(s, text, member(c, s), error);
	case KIND_TIME: return read_time(s, text, member(c, s), error);
	case KIND_BYTES: return read_bytes(s, text, member(c, s), error);
	case KIND_CHOICE: return read_choice(s, text, member(c, s), error);
	case KIND_LIST:
	case KIND_SWITCH: break;
	}
	g_assert_not_reached();
}

/* -- where a value comes from ---------------------------------------------------------------- */

static const char *from_environment(const struct setting *s)
{
	const char *value = s->variable ? g_getenv(s->variable) : NULL;
	return value && *value ? value : NULL;
}

/* The UUID of the settings is kept apart: it counts only where the firmware tells none. */
static const char *from_file(const struct setting *s, const struct raw *raw)
{
	const char *value = s->variable ? g_hash_table_lookup(raw->file, s->variable) : NULL;
	return value && *value && s->offset != IN(vm_uuid) ? value : NULL;
}

static gboolean fill(struct config *c, struct raw *raw, guint i, GError **error)
{
	const struct setting *s = &settings[i];
	const char *said = from_environment(s);
	if (!said)
		said = from_file(s, raw);
	if (!said)
		said = s->otherwise;
	if (s->kind == KIND_LIST) {
		char ***list = member(c, s);
		*list = g_steal_pointer(&raw->lists[i]);
		if (!*list)
			*list = said ? g_strsplit(said, ",", -1) : g_new0(char *, 1);
		return TRUE;
	}
	return s->kind == KIND_SWITCH || read_value(c, s, raw->texts[i] ? raw->texts[i] : said, error);
}

/* A file that was named has to be there; the usual one need not. */
static gboolean read_settings(struct raw *raw, GError **error)
{
	g_assert(settings[0].offset == IN(settings_file));
	const char *path = raw->texts[0] ? raw->texts[0] : from_environment(&settings[0]);
	if (!path && g_file_test(SETTINGS_FILE, G_FILE_TEST_EXISTS))
		path = SETTINGS_FILE;
	raw->file = path ? settings_read(path, error) : g_hash_table_new(g_str_hash, g_str_equal);
	return raw->file != NULL;
}

/* By what the farm knows it: the VM's name, else host and process; with a number where several share the machine.
 * A name from the command line is meant for this one alone. */
static void complete_name(struct config *c, gboolean is_own)
{
	if (is_own)
		return;
	g_autofree char *base = c->name ? g_steal_pointer(&c->name) : g_strdup(c->vm);
	if (!base)
		c->name = g_strdup_printf("%s-%d", g_get_host_name(), getpid());
	else if (c->n_slots > 1)
		c->name = g_strdup_printf("%s.%d", base, c->slot);
	else
		c->name = g_steal_pointer(&base);
}

/* -- checking -------------------------------------------------------------------------------- */

static gboolean read_markers(struct config *c, GError **error)
{
	for (char **marker = c->marker_texts; *marker; marker++) {
		const char *file = strchr(*marker, '=');
		g_autofree char *name = file ? g_strndup(*marker, (gsize)(file - *marker)) : NULL;
		if (!file || !file[1] || file[1] == '/' || !root_name_is_plain(name))
			return fail(error, ERROR_USAGE, "a marker is NAME=FILE, the file below the root, not \"%s\"", *marker);
		g_hash_table_replace(c->markers, g_steal_pointer(&name), g_strdup(file + 1));
	}
	return TRUE;
}

static gboolean read_credentials(struct config *c, GError **error)
{
	for (char **text = c->credentials_texts; *text; text++) {
		const char *file = strchr(*text, '=');
		g_autofree char *name = file ? g_strndup(*text, (gsize)(file - *text)) : NULL;
		if (!file || file[1] != '/' || !root_name_is_plain(name))
			return fail(error, ERROR_USAGE, "--s3-credentials is NAME=/FILE, not \"%s\"", *text);
		if (!g_hash_table_contains(c->buckets, name))
			return fail(error, ERROR_USAGE, "--s3-credentials: the root %s is no bucket that is mounted", name);
		g_hash_table_replace(c->credentials, g_steal_pointer(&name), g_strdup(file + 1));
	}
	return TRUE;
}

static gboolean read_mounts(struct config *c, GError **error)
{
	char **mounts = c->mount_texts;
	for (guint i = 0; mounts[i]; i++) {
		const char *directory = strchr(mounts[i], '=');
		g_autofree char *name = directory ? g_strndup(mounts[i], (gsize)(directory - mounts[i])) : NULL;
		gboolean is_bucket = directory && g_str_has_prefix(directory + 1, "s3://");
		if (!directory || (directory[1] != '/' && !is_bucket) || !root_name_is_plain(name))
			return fail(error, ERROR_USAGE, "a mount is NAME=/DIRECTORY or NAME=s3://BUCKET/PREFIX, not \"%s\"",
				    mounts[i]);
		char *folder = is_bucket ? bucket_folder(c->cache, name, directory + 1) : g_strdup(directory + 1);
		if (is_bucket)
			g_hash_table_insert(c->buckets, g_strdup(name), g_strdup(directory + 1));
		if (!g_hash_table_insert(c->mounts, g_steal_pointer(&name), folder))
			return fail(error, ERROR_USAGE, "the root of \"%s\" is mounted twice", mounts[i]);
	}
	return TRUE;
}

static gboolean check(struct config *c, GError **error)
{
	if (c->slot > c->n_slots)
		return fail(error, ERROR_USAGE, "--slot is a number from 1 to %d, not \"%d\"", c->n_slots, c->slot);
	if (!root_name_is_plain(c->name))
		return fail(error, ERROR_USAGE, "--name: \"%s\" has more than letters, digits, '.', '_' and '-'", c->name);
	if (!c->redis_url)
		return fail(error, ERROR_USAGE, "say where Redis is: --redis redis://host:6379/0, or CLEAVE_REDIS");
	if (!g_path_is_absolute(c->cache))
		return fail(error, ERROR_USAGE, "--cache is an absolute path, not \"%s\"", c->cache);
	return read_mounts(c, error) && read_markers(c, error) && read_credentials(c, error);
}

static gboolean read_all(struct config *c, struct raw *raw, GError **error)
{
	gboolean has_own_name = FALSE;
	if (!read_settings(raw, error))
		return FALSE;
	for (guint i = 0; i < N_SETTINGS; i++) {
		if (!fill(c, raw, i, error))
			return FALSE;
		has_own_name |= settings[i].offset == IN(name) && raw->texts[i];
	}
	c->vm_uuid_otherwise = g_strdup(g_hash_table_lookup(raw->file, "CLEAVE_VM_UUID"));
	complete_name(c, has_own_name);
	return check(c, error);
}

/* -- the command line ------------------------------------------------------------------------ */

static gboolean read_command_line(struct config *c, struct raw *raw, int argc, char **argv, GError **error)
{
	GOptionEntry entries[N_SETTINGS + 1] = { 0 };
	g_autoptr(GPtrArray) helps = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0, n = 0; i < N_SETTINGS; i++) {
		const struct setting *s = &settings[i];
		if (!s->option)
			continue;
		g_ptr_array_add(helps, help_of(s));
		GOptionEntry *e = &entries[n++];
		*e = (GOptionEntry){ .long_name = s->option, .description = g_ptr_array_index(helps, helps->len - 1),
				     .arg_description = s->argument };
		e->arg = s->kind == KIND_SWITCH ? G_OPTION_ARG_NONE :
			 s->kind == KIND_LIST   ? G_OPTION_ARG_FILENAME_ARRAY :
						  G_OPTION_ARG_FILENAME;
		e->arg_data = s->kind == KIND_SWITCH ? member(c, s) : s->kind == KIND_LIST ? (gpointer)&raw->lists[i] : &raw->texts[i];
	}
	g_autoptr(GOptionContext) context = g_option_context_new("- render frames of cleave's queue");
	g_autoptr(GError) problem = NULL;
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &problem))
		return fail(error, ERROR_USAGE, "%s", problem->message);
	if (argc > 1)
		return fail(error, ERROR_USAGE, "\"%s\" is no option; see --help", argv[1]);
	return TRUE;
}

gboolean config_parse(struct config *c, int argc, char **argv, GError **error)
{
	struct raw raw = { 0 };
	*c = (struct config){ 0 };
	c->markers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	c->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	c->credentials = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	c->mounts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	gboolean is_right = read_command_line(c, &raw, argc, argv, error);
	if (is_right && !c->version && !c->reference)
		is_right = read_all(c, &raw, error);
	for (guint i = 0; i < N_SETTINGS; i++) {
		g_free(raw.texts[i]);
		g_strfreev(raw.lists[i]);
	}
	g_clear_pointer(&raw.file, g_hash_table_unref);
	return is_right;
}

void config_clear(struct config *c)
{
	for (guint i = 0; i < N_SETTINGS; i++)
		if (settings[i].kind == KIND_TEXT)
			g_free(*(char **)member(c, &settings[i]));
		else if (settings[i].kind == KIND_LIST)
			g_strfreev(*(char ***)member(c, &settings[i]));
	g_free(c->vm_uuid_otherwise);
	g_hash_table_unref(c->mounts);
	g_hash_table_unref(c->buckets);
	g_hash_table_unref(c->credentials);
	g_hash_table_unref(c->markers);
}
