/* Picks the command. The table is what help, completion and the reference are made of. */
#include "commands/command.h"
#include <locale.h>
#include <stdio.h>
#include <string.h>

#define AS(output) (1u << OUTPUT_##output)

const struct command commands[] = {
	{ "init", "[DIR]", "Begin a repository of specs in an empty folder.",
	  "It writes a commented example of each kind, checks for merge requests and hooks. Nothing that it writes acts:\n"
	  "the Farm says `reconcile: observe`. With --from-host the specs are those of this host, so that the next plan\n"
	  "has nothing to do.", 0, OUTPUT_TEXT, OPTION_FROM_HOST, 1, command_init },
	{ "validate", "[DIR-or-repository]", "Check the specs: all problems at once, each with its place.",
	  "A folder is checked as it lies there; a bare repository or REPOSITORY@REV as committed.", AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_PURE, 1, command_validate },
	{ "plan", NULL, "Show what would be done, and why. Changes nothing.",
	  NULL, AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_DETAILED_EXITCODE | OPTION_HAVE, 0, command_plan },
	{ "diff", NULL, "Show the fields that differ from the specs. Exits with 1 when there are any.",
	  NULL, 0, OUTPUT_TEXT, OPTION_HAVE, 0, command_diff },
	{ "apply", NULL, "Show the plan, ask, and carry it out.",
	  NULL, AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_YES | OPTION_ACTS, 0, command_apply },
	{ "run", NULL, "Stay, watch the repository and the host, and reconcile whatever changes.",
	  NULL, AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_INTERVAL | OPTION_ACTS, 0, command_run },
	{ "observe", NULL, "Show what is there. `plan --have FILE` reads the YAML again.",
	  NULL, AS(YAML) | AS(JSON), OUTPUT_YAML, 0, 0, command_observe },
	{ "get", "[KIND [NAME]]", "Show what is wanted and how it stands.",
	  "Kinds: farms, hosts, gpus, vms, renderjobs (jobs), workers, revisions. A job's name is PROJECT/NAME.",
	  AS(TEXT) | AS(JSON) | AS(YAML), OUTPUT_TEXT, OPTION_HAVE, 2, command_get },
};
const guint n_commands = G_N_ELEMENTS(commands);

static void print_help(FILE *out)
{
	fputs("Usage: cleave COMMAND [OPTION…]\n\n"
	      "Splits GPU servers into render VMs and keeps them, and the frames they render, as a git\n"
	      "repository of YAML says.\n\nCommands:\n", out);
	for (guint i = 0; i < n_commands; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`cleave COMMAND --help` shows the options of a command.\n"
	      "Exit status: 0 fine, 1 failed or invalid, 2 changes (plan --detailed-exitcode), 3 applied in part,\n"
	      "4 refused, 5 timed out, 64 wrong usage; diff: 0 equal, 1 different, more on trouble.\n", out);
}

static const struct command *find_command(const char *name)
{
	for (guint i = 0; i < n_commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *word)
{
	const char *names[G_N_ELEMENTS(commands)];
	for (guint i = 0; i < n_commands; i++)
		names[i] = commands[i].name;
	const char *near = name_suggest(word, names, n_commands);
	fprintf(stderr, "cleave: there is no command `%s`", word);
	if (near)
		fprintf(stderr, "; did you mean `%s`?", near);
	fputs("\nsee `cleave --help`\n", stderr);
	return EXIT_BAD_USAGE;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		print_help(stderr);
		return EXIT_BAD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("cleave " CLEAVE_VERSION);
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "helper") == 0)
		return command_helper();
	const struct command *command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	struct invocation in;
	int code = invocation_parse(command, argc - 1, argv + 1, &in);
	if (code < 0)
		code = command->run(&in);
	invocation_clear(&in);
	return code;
}
