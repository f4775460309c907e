/* modprobe.d, modules.dep, and the record, a line a fact. */
#include "host/boot.h"
#include "base/arena.h"
#include "host/modules.h"
#include <stdlib.h>
#include <string.h>

/* What host_read() gives at most: a list of that length may go on. */
enum { LIST_MAX = 1 << 20 };

/* -- the record --------------------------------------------------------------------------------------- */

static const char generated_key[] = "generated ", argument_key[] = "argument ", boot_key[] = "boot ", former_key[] = "former ";

static const char *value_of(const char *line, const char *key)
{
	return g_str_has_prefix(line, key) ? line + strlen(key) : NULL;
}

void boot_record_read(struct arena *a, const struct host_tree *t, struct boot_record *ret)
{
	const char *text = host_read(a, t, BOOT_RECORD), *boot = host_read(a, t, "proc/sys/kernel/random/boot_id");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	gboolean is_this_boot = FALSE;
	guint n = 0;
	*ret = (struct boot_record){ NULL, ARENA_ARRAY(a, char *, g_strv_length(lines) + 1) };
	for (char **line = lines; *line; line++) {
		const char *generated = value_of(*line, generated_key), *id = value_of(*line, boot_key);
		const char *argument = value_of(*line, argument_key), *former = value_of(*line, former_key);
		if (generated)
			ret->generated = arena_strdup(a, generated);
		if (id)
			is_this_boot = g_strcmp0(id, boot) == 0;
		if (argument || (former && is_this_boot))
			ret->arguments[n++] = arena_strdup(a, argument ? argument : former);
	}
}

char *boot_record_text(struct arena *a, const struct host_tree *t, const char *generated, const char *const *arguments,
                       const char *const *former)
{
	const char *boot = host_read(a, t, "proc/sys/kernel/random/boot_id");
	g_autoptr(GString) text = g_string_new(NULL);
	g_string_append_printf(text, "%s%s\n", generated_key, generated);
	for (; *arguments; arguments++)
		g_string_append_printf(text, "%s%s\n", argument_key, *arguments);
	if (boot && *former)
		g_string_append_printf(text, "%s%s\n", boot_key, boot);
	for (; boot && *former; former++)
		g_string_append_printf(text, "%s%s\n", former_key, *former);
	return arena_strdup(a, text->str);
}

/* -- modprobe.d ----------------------------------------------------------------------------------------- */

/* A file hides those of its name in the folders behind it. */
static const char *const modprobe_folders[] = { "etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d",
	                                        "usr/lib/modprobe.d", "lib/modprobe.d" };

struct names {
	struct arena *arena;
	GHashTable *set;
};

static void add_name(struct names *names, const char *name)
{
	if (*name)
		g_hash_table_add(names->set, arena_strdup(names->arena, name));
}

static gboolean does_nothing(const char *program)
{
	const char *base = strrchr(program, '/');
	base = base ? base + 1 : program;
	return strcmp(base, "false") == 0 || strcmp(base, "true") == 0;
}

/* Words of a line; a comment has none. */
static void read_line(struct names *names, char *line)
{
	char *words[3] = { NULL };
	guint n = 0;
	for (char *rest = line, *word; n < G_N_ELEMENTS(words) && (word = strtok_r(rest, " \t", &rest));)
		words[n++] = word;
	if (n >= 2 && strcmp(words[0], "blacklist") == 0)
		add_name(names, words[1]);
	else if (n == 3 && strcmp(words[0], "install") == 0 && does_nothing(words[2]))
		add_name(names, words[1]);
}

static void read_modprobe_file(struct names *names, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "\\\n", -1); /* a line goes on behind a backslash */
	g_autofree char *whole = g_strjoinv(" ", parts);
	g_auto(GStrv) lines = g_strsplit(whole, "\n", -1);
	for (char **line = lines; *line; line++)
		read_line(names, *line);
}

static void read_modprobe_folders(struct names *names, const struct host_tree *t)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < G_N_ELEMENTS(modprobe_folders); i++) {
		char **files = host_list(names->arena, t, "%s", modprobe_folders[i]);
		for (char **file = files; *file; file++) {
			if (!g_str_has_suffix(*file, ".conf") || !g_hash_table_add(seen, *file))
				continue;
			const char *text = host_read(names->arena, t, "%s/%s", modprobe_folders[i], *file);
			if (text)
				read_modprobe_file(names, text);
		}
	}
}

static void read_cmdline(struct names *names, const char *cmdline)
{
	static const char *const keys[] = { "modprobe.blacklist=", "module_blacklist=" };
	g_auto(GStrv) words = g_strsplit_set(cmdline ? cmdline : "", " \t\n", -1);
	for (char **word = words; *word; word++)
		for (guint k = 0; k < G_N_ELEMENTS(keys); k++) {
			if (!g_str_has_prefix(*word, keys[k]))
				continue;
			g_auto(GStrv) modules = g_strsplit(*word + strlen(keys[k]), ",", -1);
			for (char **module = modules; *module; module++)
				add_name(names, *module);
		}
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

char **host_blacklisted(struct arena *a, const struct host_tree *t)
{
	g_autoptr(GHashTable) set = g_hash_table_new(g_str_hash, g_str_equal);
	struct names names = { a, set };
	read_modprobe_folders(&names, t);
	read_cmdline(&names, host_read(a, t, "proc/cmdline"));
	char **sorted = ARENA_ARRAY(a, char *, g_hash_table_size(set) + 1);
	guint n = 0;
	GHashTableIter at;
	gpointer name;
	g_hash_table_iter_init(&at, set);
	while (g_hash_table_iter_next(&at, &name, NULL))
		sorted[n++] = name;
	if (n)
		qsort(sorted, n, sizeof *sorted, by_name);
	return sorted;
}

/* -- modules that are files ---------------------------------------------------------------------------------------------- */

/* As the kernel and sysfs write it. */
static char *underscored(struct arena *a, const char *name)
{
	return g_strdelimit(arena_strdup(a, name), "-", '_');
}

/* "kernel/drivers/vfio/pci/vfio-pci.ko.xz: …": whether a line is of that module; `name` is underscored. */
static gboolean is_module_file(const char *line, const char *name)
{
	gsize path = strcspn(line, ":");
	const char *base = g_strrstr_len(line, (gssize)path, "/");
	base = base ? base + 1 : line;
	const char *dot = g_strstr_len(base, (gssize)(path - (gsize)(base - line)), ".ko");
	g_autofree char *module = dot ? g_strndup(base, (gsize)(dot - base)) : NULL;
	return module && strcmp(g_strdelimit(module, "-", '_'), name) == 0;
}

/* TRUE also when the list is not there, or too long to be read whole. */
static gboolean may_be_a_file(struct arena *a, const struct host_tree *t, const char *name)
{
	const char *kernel = host_read(a, t, "proc/sys/kernel/osrelease");
	const char *text = kernel ? host_read(a, t, "lib/modules/%s/modules.dep", kernel) : NULL;
	if (!text)
		return TRUE;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (is_module_file(*line, name))
			return TRUE;
	return strlen(text) >= LIST_MAX - 1;
}

gboolean host_has_loaded(const struct host_tree *t, const char *name)
{
	SCOPED_ARENA(scratch);
	const char *const asked[] = { name, NULL };
	return g_strv_contains((const char *const *)host_list_modules(scratch, t, asked), underscored(scratch, name));
}

gboolean host_has_module(const struct host_tree *t, const char *name)
{
	SCOPED_ARENA(scratch);
	return may_be_a_file(scratch, t, underscored(scratch, name)) || host_has_loaded(t, name);
}
