/* The command line: GOption with one group of global options, each also from the environment. */
#include "base/arena.h"
#include "base/units.h"
#include "commands/command.h"
#include "commands/local.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const output_words[N_OUTPUTS] = { "text", "json", "yaml", "github", "sarif" };

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

/* "text|json|yaml", of those the command has. */
static char *outputs_of(const struct command *command)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < N_OUTPUTS; i++)
		if (command->outputs & (1u << i))
			g_string_append_printf(s, "%s%s", s->len ? "|" : "", output_words[i]);
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
	g_autofree char *known = outputs_of(in->command);
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

static void fill_settings(struct settings *s, const struct controller_spec *c)
{
	static const struct controller_spec nothing;
	const char *env = g_getenv("CLEAVE_SPECS");
	c = c ? c : &nothing;
	g_autofree char *specs = local_specs(c);
	s->specs_given = s->specs || (env && *env);
	s->specs = or_else(s->specs, "CLEAVE_SPECS", specs, ".");
	env = g_getenv("CLEAVE_WORKTREE");
	s->worktree |= env && *env;
	s->host = or_else(s->host, "CLEAVE_HOST", c->host, g_get_host_name());
	s->libvirt = or_else(s->libvirt, "CLEAVE_LIBVIRT", NULL, NULL);
	s->redis = or_else(s->redis, "CLEAVE_REDIS", NULL, NULL);
	s->sysfs = or_else(s->sysfs, "CLEAVE_SYSFS", NULL, NULL);
	s->state = or_else(s->state, "CLEAVE_STATE", c->state, "/var/lib/cleave");
}

/* Commands that only speak of the language need no host, and a host's broken file is not their matter. */
static int read_local(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct local local = { 0 };
	struct settings *s = &in->settings;
	s->root = or_else(s->root, "CLEAVE_ROOT", NULL, "/");
	g_autofree char *path = (char *)or_else(in->controller, "CLEAVE_CONTROLLER", NULL, NULL);
	in->controller = NULL;
	gboolean is_read = (in->command->options & OPTION_PURE) || local_read(path, s->root, &local, &error);
	if (is_read) {
		fill_settings(s, local.spec);
		in->interval_ms = local.spec ? local.spec->interval_ms : 0;
		in->local_warnings = g_steal_pointer(&local.warnings);
	}
	local_clear(&local);
	return is_read ? -1 : command_fail(error);
}

void invocation_clear(struct invocation *in)
{
	const struct settings *s = &in->settings;
	const char *owned[] = { s->specs, s->host, s->libvirt, s->redis, s->root, s->sysfs, s->state, in->have, in->controller };
	for (guint i = 0; i < G_N_ELEMENTS(owned); i++)
		g_free((gpointer)owned[i]);
	g_free(in->local_warnings);
	*in = (struct invocation){ 0 };
}

static void add_own_options(GOptionContext *context, struct invocation *in, char **output, char **interval)
{
	const unsigned o = in->command->options;
	const GOptionEntry output_entry[] = { { "output", 'o', 0, G_OPTION_ARG_STRING, output, "How to write it", "FORMAT" }, { 0 } };
	const GOptionEntry yes[] = { { "yes", 'y', 0, G_OPTION_ARG_NONE, &in->yes, "Do not ask", NULL }, { 0 } };
	const GOptionEntry detailed[] = { { "detailed-exitcode", 0, 0, G_OPTION_ARG_NONE, &in->detailed_exitcode,
		                            "Exit with 2 when there is something to do", NULL }, { 0 } };
	const GOptionEntry have[] = { { "have", 0, 0, G_OPTION_ARG_FILENAME, &in->have,
		                        "Plan against what `observe -o yaml` wrote, without looking", "FILE" }, { 0 } };
	const GOptionEntry every[] = { { "interval", 0, 0, G_OPTION_ARG_STRING, interval,
		                         "Look again at least this often (default 5m)", "TIME" }, { 0 } };
	const GOptionEntry origins[] = { { "origins", 0, 0, G_OPTION_ARG_NONE, &in->origins,
		                           "Say behind each value where it came from", NULL }, { 0 } };
	const GOptionEntry check[] = { { "check", 0, 0, G_OPTION_ARG_NONE, &in->check,
		                         "Change nothing; exit with 1 when a file would change", NULL }, { 0 } };
	const GOptionEntry from_host[] = { { "from-host", 0, 0, G_OPTION_ARG_NONE, &in->from_host,
		                             "Write specs of this host, its cards and its VMs, as they are now", NULL }, { 0 } };
	if (in->command->outputs)
		g_option_context_add_main_entries(context, output_entry, NULL);
	if (o & OPTION_YES)
		g_option_context_add_main_entries(context, yes, NULL);
	if (o & OPTION_DETAILED_EXITCODE)
		g_option_context_add_main_entries(context, detailed, NULL);
	if (o & OPTION_HAVE)
		g_option_context_add_main_entries(context, have, NULL);
	if (o & OPTION_FROM_HOST)
		g_option_context_add_main_entries(context, from_host, NULL);
	if (o & OPTION_INTERVAL)
		g_option_context_add_main_entries(context, every, NULL);
	if (o & OPTION_ORIGINS)
		g_option_context_add_main_entries(context, origins, NULL);
	if (o & OPTION_CHECK)
		g_option_context_add_main_entries(context, check, NULL);
}

static void add_global_options(GOptionContext *context, struct invocation *in)
{
	struct settings *s = &in->settings;
	const GOptionEntry entries[] = {
		{ "specs", 0, 0, G_OPTION_ARG_STRING, &s->specs, "Where the specs are (default: this folder)", "DIR-or-repository[@REV]" },
		{ "worktree", 0, 0, G_OPTION_ARG_NONE, &s->worktree, "Read files as they are, not the commit", NULL },
		{ "host", 0, 0, G_OPTION_ARG_STRING, &s->host, "Whose objects are reconciled (default: this host's name)", "NAME" },
		{ "libvirt", 0, 0, G_OPTION_ARG_STRING, &s->libvirt, "libvirt connection (default: as the Host says); none leaves it out", "URI" },
		{ "redis", 0, 0, G_OPTION_ARG_STRING, &s->redis, "Redis (default: as the Farm says); none leaves it out", "URL" },
		{ "root", 0, 0, G_OPTION_ARG_FILENAME, &s->root, "Holds sys, proc, dev, etc (default: /)", "DIR" },
		{ "sysfs", 0, 0, G_OPTION_ARG_FILENAME, &s->sysfs, "Another /sys, for observe and plan", "DIR" },
		{ "controller", 0, 0, G_OPTION_ARG_FILENAME, &in->controller, "This host's own settings (default: /etc/cleave/controller.yaml)", "FILE" },
		{ "state", 0, 0, G_OPTION_ARG_FILENAME, &s->state, "Lock and control socket (default: /var/lib/cleave)", "DIR" },
		{ 0 },
	};
	GOptionGroup *group = g_option_group_new("global", "Global options (each also from the environment, as CLEAVE_SPECS)",
	                                         "Show the global options", NULL, NULL);
	g_option_group_add_entries(group, entries);
	g_option_context_add_group(context, group);
}

/* GOption shows groups only with --help-all; --help shows everything here. */
static void help_all(int argc, char **argv)
{
	static char all[] = "--help-all";
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			argv[i] = all;
}

int invocation_parse(const struct command *command, int argc, char **argv, struct invocation *in)
{
	g_autofree char *output = NULL, *interval = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *program = g_strdup_printf("cleave %s", command->name);
	*in = (struct invocation){ .command = command };
	g_autoptr(GOptionContext) context = g_option_context_new(command->arguments);
	g_option_context_set_summary(context, command->summary);
	if (command->details)
		g_option_context_set_description(context, command->details);
	add_own_options(context, in, &output, &interval);
	add_global_options(context, in);
	help_all(argc, argv);
	g_set_prgname(program);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return usage_error(command, "%s", error->message);
	in->args = argv + 1;
	in->n_args = (guint)argc - 1;
	if (in->n_args > command->most_args)
		return usage_error(command, "`%s` is one argument too many", in->args[command->most_args]);
	if (in->settings.sysfs && (command->options & OPTION_ACTS))
		return usage_error(command, "--sysfs shows another machine; this command acts on this one");
	int code = parse_output(in, output);
	if (code < 0)
		code = read_local(in);
	return code >= 0 ? code : parse_interval(in, interval);
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
	if (fwrite(text->str, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
		return TRUE;
	perror("cleave: writing the output");
	return FALSE;
}

gboolean command_has_colour(void)
{
	const char *no = g_getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && !(no && *no);
}
