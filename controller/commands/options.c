/* The command line: GOption with one group of global options, each also from the environment. */
#include "base/arena.h"
#include "base/units.h"
#include "commands/command.h"
#include "commands/local.h"
#include "report/plain.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const output_words[N_OUTPUTS] = { "text", "wide", "name", "json", "yaml", "github", "sarif", "markdown", "junit" };

/* The option's value, else the environment's, else the host's own file's, else `otherwise`; owned by the
 * invocation in any case. */
static const char *or_else(const char *value, const char *variable, const char *local, const char *otherwise)
{
	const char *env = variable ? g_getenv(variable) : NULL;
	return value ? value : g_strdup(env && *env ? env : local ? local : otherwise);
}

static int usage_error(const struct command *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int usage_error(const struct command *command, const char *format, ...)
{
	va_list args;
	fputs("cleave: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nsee `cleave %s --help`\n", command->name);
	return EXIT_BAD_USAGE;
}

char *command_outputs(const struct command *command, char between)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < N_OUTPUTS; i++)
		if (command->outputs & (1u << i)) {
			if (s->len)
				g_string_append_c(s, between);
			g_string_append(s, output_words[i]);
		}
	return g_string_free(s, FALSE);
}

static int parse_output(struct invocation *in, const char *word)
{
	in->output = in->command->output;
	if (!word)
		return -1;
	for (guint i = 0; i < N_OUTPUTS; i++)
		if (strcmp(word, output_words[i]) == 0 && (in->command->outputs & (1u << i))) {
			in->output = (enum output)i;
			return -1;
		}
	g_autofree char *known = command_outputs(in->command, '|');
	return usage_error(in->command, "-o %s: this command writes %s", word, known);
}

static int parse_interval(struct invocation *in, const char *text)
{
	SCOPED_ARENA(scratch);
	if (!in->interval_ms)
		in->interval_ms = 5 * 60 * 1000;
	const char *wrong = text ? duration_parse(scratch, text, &in->interval_ms) : NULL;
	if (wrong)
		return usage_error(in->command, "--interval %s: %s", text, wrong);
	if (in->interval_ms < 1000)
		return usage_error(in->command, "--interval %s: at least 1s", text);
	return -1;
}

/* The repository of the host's own file, at its ref. */
static char *local_specs(const struct controller_spec *c)
{
	if (!c->repository)
		return NULL;
	return c->ref ? g_strdup_printf("%s@%s", c->repository, c->ref) : g_strdup(c->repository);
}

/* PREFIX/lib/cleave of the PREFIX/bin/cleave that runs: a package has another one than `make install`. */
static char *installed_folder(void)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *bin = g_path_get_dirname(program ? program : "/usr/bin/cleave"), *prefix = g_path_get_dirname(bin);
	return g_build_filename(prefix, "lib", "cleave", NULL);
}

static void fill_settings(struct settings *s, const struct controller_spec *c)
{
	static const struct controller_spec nothing;
	const char *env = g_getenv("CLEAVE_SPECS");
	c = c ? c : &nothing;
	g_autofree char *specs = local_specs(c);
	s->host_given = s->host != NULL;
	s->specs_given = s->specs || (env && *env);
	s->specs = or_else(s->specs, "CLEAVE_SPECS", specs, ".");
	env = g_getenv("CLEAVE_WORKTREE");
	s->worktree |= env && *env;
	s->host = or_else(s->host, "CLEAVE_HOST", c->host, g_get_host_name());
	s->libvirt = or_else(s->libvirt, "CLEAVE_LIBVIRT", NULL, NULL);
	s->redis = or_else(s->redis, "CLEAVE_REDIS", NULL, NULL);
	s->sysfs = or_else(s->sysfs, "CLEAVE_SYSFS", NULL, NULL);
	/* Definitions of VMs name files below it. */
	g_autofree char *state = (char *)or_else(s->state, "CLEAVE_STATE", c->state, "/var/lib/cleave");
	s->state = g_canonicalize_filename(state, NULL);
	g_autofree char *lib = installed_folder();
	s->lib = or_else(NULL, "CLEAVE_LIB", NULL, lib);
}

/* Commands that only speak of the language need no host, and a host's broken file is not their matter. */
static int read_local(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct local *local = &in->local;
	struct settings *s = &in->settings;
	s->root = or_else(s->root, "CLEAVE_ROOT", NULL, "/");
	const char *path = in->controller = or_else(in->controller, "CLEAVE_CONTROLLER", NULL, NULL);
	in->local_path = path ? g_strdup(path) : g_build_filename(s->root, "etc", "cleave", "controller.yaml", NULL);
	gboolean is_read = (in->command->options & OPTION_PURE) || local_read(path, s->root, local, &error);
	if (is_read) {
		fill_settings(s, local->spec);
		s->local = local->spec;
		s->sweep_bytes = local->spec && local->spec->sweep_bytes ? local->spec->sweep_bytes : 20 * MiB;
		in->interval_ms = local->spec ? local->spec->interval_ms : 0;
	}
	return is_read ? -1 : command_fail(error);
}

void invocation_clear(struct invocation *in)
{
	const struct settings *s = &in->settings;
	const char *owned[] = { s->specs, s->host, s->libvirt, s->redis, s->root, s->sysfs, s->state, in->have, in->controller, in->out };
	for (guint i = 0; i < G_N_ELEMENTS(owned); i++)
		g_free((gpointer)owned[i]);
	local_clear(&in->local);
	g_free(in->local_path);
	g_strfreev(in->argv);
	g_strfreev(in->haves);
	for (guint i = 0; i < G_N_ELEMENTS(in->own); i++)
		g_free(in->own[i]);
	*in = (struct invocation){ 0 };
}

/* Options with the texts that they point to, while the command line is read. */
struct options {
	GOptionContext *context;
	GOptionGroup *own; /* the command's; the context owns it */
	GArray *all;       /* GOptionEntry */
	char *output, *interval;
	gboolean wants_help;
	char *output_doc, *details;
	gboolean flags[OWN_OPTIONS_MAX]; /* of in->own */
};

static void add_option(struct options *o, GOptionEntry entry)
{
	const GOptionEntry entries[] = { entry, { 0 } };
	g_option_group_add_entries(o->own, entries);
	g_array_append_val(o->all, entry);
}

static void add_output(struct options *o, const struct command *command)
{
	g_autofree char *known = command_outputs(command, '|');
	o->output_doc = g_strdup_printf("How to write it: %s (default: %s)", known, output_words[command->output]);
	add_option(o, (GOptionEntry){ "output", 'o', 0, G_OPTION_ARG_STRING, &o->output, o->output_doc, "FORMAT" });
}

static void add_own_options(struct options *o, struct invocation *in)
{
	const struct {
		enum command_options option;
		GOptionEntry entry;
	} rows[] = {
		{ OPTION_YES, { "yes", 'y', 0, G_OPTION_ARG_NONE, &in->yes, "Do not ask", NULL } },
		{ OPTION_DETAILED_EXITCODE, { "detailed-exitcode", 0, 0, G_OPTION_ARG_NONE, &in->detailed_exitcode,
		                              "Exit with 2 when there is something to do", NULL } },
		{ OPTION_HAVE, { "have", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &in->haves,
		                 "Work with what `observe -o yaml` wrote, without looking", "FILE" } },
		{ OPTION_OUT, { "out", 0, 0, G_OPTION_ARG_FILENAME, &in->out, "Write the plan to a file as well, for `cleave apply FILE`", "FILE" } },
		{ OPTION_FROM_HOST, { "from-host", 0, 0, G_OPTION_ARG_NONE, &in->from_host,
		                      "Write specs of this host, its cards and its VMs, as they are now", NULL } },
		{ OPTION_INTERVAL, { "interval", 0, 0, G_OPTION_ARG_STRING, &o->interval,
		                     "Look again at least this often (default 5m)", "TIME" } },
		{ OPTION_ORIGINS, { "origins", 0, 0, G_OPTION_ARG_NONE, &in->origins,
		                    "Say behind each value where it came from", NULL } },
		{ OPTION_DEVICES, { "devices", 0, 0, G_OPTION_ARG_NONE, &in->settings.devices_only,
		                    "Hosts and GPUs alone: neither libvirt nor Redis is asked", NULL } },
		{ OPTION_CHECK, { "check", 0, 0, G_OPTION_ARG_NONE, &in->check,
		                  "Change nothing; exit with 1 when a file would change", NULL } },
		{ OPTION_ALL, { "all", 'v', 0, G_OPTION_ARG_NONE, &in->all, "List what is right and unknown as well", NULL } },
	};
	if (in->command->outputs)
		add_output(o, in->command);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		if (in->command->options & rows[i].option)
			add_option(o, rows[i].entry);
}

/* Rows of the command itself. */
static void add_rows(struct options *o, struct invocation *in)
{
	const struct own_option *row = in->command->own;
	for (guint i = 0; row && row[i].name; i++) {
		g_assert(i < OWN_OPTIONS_MAX);
		add_option(o, (GOptionEntry){ row[i].name, row[i].letter, 0,
			                      row[i].argument ? G_OPTION_ARG_FILENAME : G_OPTION_ARG_NONE,
			                      row[i].argument ? (gpointer)&in->own[i] : (gpointer)&o->flags[i], row[i].doc,
			                      row[i].argument });
	}
}

static void take_flags(const struct options *o, struct invocation *in)
{
	for (guint i = 0; i < OWN_OPTIONS_MAX; i++)
		if (o->flags[i])
			in->own[i] = g_strdup("");
}

/* All commands take them, so that one line serves for several; help lists those that the command uses. */
static void add_global_options(struct options *o, struct invocation *in)
{
	struct settings *s = &in->settings;
	const unsigned options = in->command->options;
	const int spec = options & OPTION_NO_SPECS ? G_OPTION_FLAG_HIDDEN : 0;
	const int host = options & OPTION_PURE ? G_OPTION_FLAG_HIDDEN : 0;
	const GOptionEntry entries[] = {
		{ "specs", 0, spec, G_OPTION_ARG_STRING, &s->specs, "Where the specs are (default: the controller's, else this folder)", "DIR-or-repository[@REV]" },
		{ "worktree", 0, spec, G_OPTION_ARG_NONE, &s->worktree, "Read files as they are, not the commit", NULL },
		{ "host", 0, host, G_OPTION_ARG_STRING, &s->host, "Whose objects are reconciled (default: this host's name)", "NAME" },
		{ "libvirt", 0, host, G_OPTION_ARG_STRING, &s->libvirt, "libvirt connection (default: as the Host says); none leaves it out", "URI" },
		{ "redis", 0, host, G_OPTION_ARG_STRING, &s->redis, "Redis (default: as the Farm says); none leaves it out", "URL" },
		{ "root", 0, host, G_OPTION_ARG_FILENAME, &s->root, "Holds sys, proc, dev, etc (default: /)", "DIR" },
		{ "sysfs", 0, host, G_OPTION_ARG_FILENAME, &s->sysfs, "Another machine's /sys, for observe, plan, preflight and init", "DIR" },
		{ "controller", 0, host, G_OPTION_ARG_FILENAME, &in->controller, "This host's own settings (default: /etc/cleave/controller.yaml)", "FILE" },
		{ "state", 0, host, G_OPTION_ARG_FILENAME, &s->state, "Lock and control socket (default: /var/lib/cleave)", "DIR" },
		{ 0 },
	};
	g_array_append_vals(o->all, entries, G_N_ELEMENTS(entries) - 1);
	if (spec && host) { /* none is listed: no title either */
		g_option_context_add_main_entries(o->context, entries, NULL);
		return;
	}
	GOptionGroup *group = g_option_group_new("global", "Global options (each also from the environment, as CLEAVE_SPECS):",
	                                         "Show the global options", NULL, NULL);
	g_option_group_add_entries(group, entries);
	g_option_context_add_group(o->context, group);
}

/* What stands below the options in --help. */
static void add_details(struct options *o, const struct command *command)
{
	g_autofree char *known = command->options & OPTION_KINDS ? command_kind_list() : NULL;
	o->details = known ? g_strdup_printf("Kinds: %s. %s", known, command->details) : g_strdup(command->details);
	g_option_context_set_summary(o->context, command->summary);
	g_option_context_set_description(o->context, o->details);
}

static void options_clear(struct options *o)
{
	g_option_context_free(o->context);
	g_array_free(o->all, TRUE);
	g_free(o->output);
	g_free(o->interval);
	g_free(o->output_doc);
	g_free(o->details);
}

/* GOption's own help shows the main group last, behind the global options: so the command's are a group as well, the
 * first, and help is asked for here. */
static void options_init(struct options *o, const struct command *command)
{
	*o = (struct options){ .context = g_option_context_new(command->arguments),
		               .own = g_option_group_new("own", "Options:", "", NULL, NULL),
		               .all = g_array_new(FALSE, FALSE, sizeof(GOptionEntry)) };
	g_option_context_set_help_enabled(o->context, FALSE);
	g_option_context_add_group(o->context, o->own);
	add_option(o, (GOptionEntry){ "help", 'h', 0, G_OPTION_ARG_NONE, &o->wants_help, "Show this", NULL });
}

/* The flag that was given a value, which GOption would take for yes: `--worktree=false`. NULL: none. */
static const char *flag_with_value(const struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		for (guint k = 0; k < o->all->len; k++) {
			const GOptionEntry *e = &g_array_index(o->all, GOptionEntry, k);
			gsize len = strlen(e->long_name);
			if (e->arg == G_OPTION_ARG_NONE && g_str_has_prefix(argv[i], "--") &&
			    strncmp(argv[i] + 2, e->long_name, len) == 0 && argv[i][2 + len] == '=')
				return e->long_name;
		}
	return NULL;
}

/* Reads the options; what is left goes to in->args. Behind "--" nothing is an option, and GOption, which leaves
 * that word where an argument with a dash follows, is not shown it. */
static int parse_options(struct options *o, struct invocation *in, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int n_before = 1;
	while (n_before < argc && strcmp(argv[n_before], "--") != 0)
		n_before++;
	char **behind = argv + MIN(n_before + 1, argc);
	guint n_behind = (guint)(argv + argc - behind);
	argv[n_before] = NULL;
	const char *flag = flag_with_value(o, n_before, argv);
	if (flag)
		return usage_error(in->command, "--%s takes no value; leave it out where it shall not be", flag);
	if (!g_option_context_parse(o->context, &n_before, &argv, &error))
		return usage_error(in->command, "%s", error->message);
	if (o->wants_help) {
		g_autofree char *help = g_option_context_get_help(o->context, FALSE, NULL);
		return fputs(help, stdout) < 0 || !command_flush() ? EXIT_FAILED : EXIT_FINE;
	}
	memmove(argv + n_before, behind, (n_behind + 1) * sizeof *argv);
	in->args = argv + 1;
	in->n_args = (guint)n_before - 1 + n_behind;
	return -1;
}

void command_options_each(const struct command *command, void (*each)(const GOptionEntry *e, void *user), void *user)
{
	struct invocation in = { .command = command };
	__attribute__((cleanup(options_clear))) struct options o;
	options_init(&o, command);
	add_own_options(&o, &in);
	add_rows(&o, &in);
	add_global_options(&o, &in);
	for (guint i = 0; i < o.all->len; i++) {
		const GOptionEntry *e = &g_array_index(o.all, GOptionEntry, i);
		if (!(e->flags & G_OPTION_FLAG_HIDDEN))
			each(e, user);
	}
}

int invocation_parse(const struct command *command, int argc, char **argv, struct invocation *in)
{
	g_autofree char *program = g_strdup_printf("cleave %s", command->name);
	*in = (struct invocation){ .command = command, .argv = g_strdupv(argv) };
	__attribute__((cleanup(options_clear))) struct options o;
	options_init(&o, command);
	add_details(&o, command);
	add_own_options(&o, in);
	add_rows(&o, in);
	add_global_options(&o, in);
	g_set_prgname(program);
	int code = parse_options(&o, in, argc, argv);
	if (code >= 0)
		return code;
	take_flags(&o, in);
	in->have = in->haves ? g_strdup(in->haves[0]) : NULL;
	if (in->have && in->haves[1] && command->run != command_plan)
		return usage_error(command, "--have is given twice; `plan` alone takes several");
	if (in->n_args > command->most_args)
		return usage_error(command, "`%s` is one argument too many", in->args[command->most_args]);
	if (in->settings.sysfs && (command->options & OPTION_ACTS))
		return usage_error(command, "--sysfs shows another machine; this command acts on this one");
	if (in->settings.sysfs && in->have)
		return usage_error(command, "--have and --sysfs both say what is there; give one of them");
	code = parse_output(in, o.output);
	if (code < 0)
		code = read_local(in);
	const char *sysfs = in->settings.sysfs;
	if (code < 0 && sysfs && !g_file_test(sysfs, G_FILE_TEST_IS_DIR))
		return usage_error(command, "--sysfs %s: no such folder", sysfs);
	return code >= 0 ? code : parse_interval(in, o.interval);
}

int command_fail(const GError *error)
{
	fprintf(stderr, "cleave: %s\n", error->message);
	if (error->domain != CLEAVE_ERROR)
		return EXIT_FAILED;
	switch ((enum cleave_error)error->code) {
	case ERROR_REFUSED: return EXIT_REFUSED;
	case ERROR_TIMEOUT: return EXIT_TIMED_OUT;
	case ERROR_USAGE: return EXIT_BAD_USAGE;
	default: return EXIT_FAILED;
	}
}

gboolean command_print(const GString *text)
{
	g_autoptr(GString) plain = report_plain(text);
	const GString *out = plain ? plain : text;
	fwrite(out->str, 1, out->len, stdout);
	return command_flush();
}

gboolean command_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return TRUE;
	perror("cleave: writing the output");
	/* It is said: nothing is to be tried again when the process ends. */
	if (!freopen("/dev/null", "w", stdout))
		_exit(EXIT_FAILED);
	return FALSE;
}
