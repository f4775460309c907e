/* Picks the command. The table is what help, completion and the reference are made of. */
#include "commands/command.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AS(output) (1u << OUTPUT_##output)

const struct command commands[] = {
	{ "init", "[DIR]", "Begin a repository of specs in an empty folder.",
	  "It writes a commented example of each kind, checks for merge requests and hooks. Nothing that it writes acts:\n"
	  "the Farm says `reconcile: observe`. With --from-host the specs are those of this host, so that the next plan\n"
	  "has nothing to do.", 0, OUTPUT_TEXT, OPTION_FROM_HOST, 1, command_init, NULL },
	{ "validate", "[DIR-or-repository]", "Check the specs: all problems at once, each with its place.",
	  "A folder is checked as it lies there; a bare repository or REPOSITORY@REV as committed.\n"
	  "-o github writes a line for each problem that GitHub shows in the merge request, -o sarif one SARIF log, -o junit a\n"
	  "report for GitLab and others.",
	  AS(TEXT) | AS(JSON) | AS(GITHUB) | AS(SARIF) | AS(JUNIT), OUTPUT_TEXT, OPTION_PURE, 1, command_validate, NULL },
	{ "render", "[KIND [NAME]]", "Show the specs expanded: every default in its place. Needs no host.",
	  "The Farm is shown without its `defaults`: they lie below the other objects' values already, so that what is\n"
	  "printed means the same when it is read again. A folder is read as it lies there; a bare repository or\n"
	  "REPOSITORY@REV as committed.", AS(YAML) | AS(JSON), OUTPUT_YAML, OPTION_ORIGINS | OPTION_PURE, 2, command_render, NULL },
	{ "fmt", "[PATH…]", "Write YAML files in one form; comments stay. Prints the names of those it changed.",
	  "A folder stands for the *.yaml and *.yml files in it and below, without hidden ones (default: this folder);\n"
	  "`-` is stdin, written to stdout.", 0, OUTPUT_TEXT, OPTION_CHECK | OPTION_PURE | OPTION_NO_SPECS, G_MAXUINT, command_fmt, NULL },
	{ "plan", NULL, "Show what would be done, and why. Changes nothing.",
	  "--from REV needs no host: it shows what the specs change on hosts that are as REV says, all of them unless --host\n"
	  "names one. --have may be given several times, or hold several hosts; with --from those hosts are as it says.\n"
	  "-o markdown is for the comment of a merge request, -o github annotates its lines, -o junit has a case for each\n"
	  "object: refused and stalled ones fail.",
	  AS(TEXT) | AS(JSON) | AS(MARKDOWN) | AS(GITHUB) | AS(JUNIT), OUTPUT_TEXT,
	  OPTION_DETAILED_EXITCODE | OPTION_OUT | OPTION_HAVE | OPTION_DEVICES, 0, command_plan, plan_options },
	{ "diff", NULL, "Show the fields that differ from the specs. Exits with 1 when there are any.",
	  NULL, 0, OUTPUT_TEXT, OPTION_HAVE, 0, command_diff, NULL },
	{ "apply", "[FILE]", "Show the plan, ask, and carry it out.",
	  "FILE is what `cleave plan --out FILE` wrote. Its revision is read and planned again, and carried out only if the plan is\n"
	  "the same still; else nothing is done, the first difference is named, and it ends with 4.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_YES | OPTION_ACTS | OPTION_DEVICES, 1, command_apply, NULL },
	{ "run", NULL, "Stay, watch the repository and the host, and reconcile whatever changes.",
	  NULL, AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_INTERVAL | OPTION_ACTS, 0, command_run, NULL },
	{ "reconcile", NULL, "Tell the running controller to fetch and look now; for hooks and pipelines.",
	  "It looks by itself as soon as a branch moves on this host, and at intervals where the repository is elsewhere. Of several\n"
	  "hosts one need be told: it tells the others through Redis. Without --wait it ends at once; with it as the pass ended.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_NO_SPECS, 0, command_reconcile, reconcile_options },
	{ "observe", NULL, "Show what is there. `plan --have FILE` reads the YAML again.",
	  NULL, AS(YAML) | AS(JSON), OUTPUT_YAML, 0, 0, command_observe, observe_options },
	{ "preflight", NULL, "Check this host, its cards and what VMs need: what is wrong, why, and what to do about it.",
	  "Without specs the host and its cards are checked; with them also whether it can be as they say. What needs root\n"
	  "is unknown without it. `--have FILE` judges an observation from elsewhere. Exits with 1 when a check failed.",
	  AS(TEXT) | AS(JSON) | AS(JUNIT), OUTPUT_TEXT, OPTION_HAVE | OPTION_ALL, 0, command_preflight, NULL },
	{ "get", "[KIND [NAME…]]", "Show what is wanted and how it stands.",
	  "Also as KIND/NAME…; a job's name is PROJECT/NAME. -o wide adds what the kind has to say and since when it is so.\n"
	  "`cleave get frames JOB [SET]` lists a job's frames.",
	  AS(TEXT) | AS(WIDE) | AS(NAME) | AS(JSON) | AS(YAML), OUTPUT_TEXT, OPTION_HAVE | OPTION_KINDS, G_MAXUINT, command_get, get_options },
	{ "describe", "KIND [NAME…]", "Show all of an object: how it stands, who wrote it, what is to do, what happened.",
	  "Also as KIND/NAME…; `cleave describe frame JOB FRAMES` is `cleave why`.", AS(TEXT) | AS(JSON), OUTPUT_TEXT,
	  OPTION_HAVE | OPTION_KINDS, G_MAXUINT, command_describe, NULL },
	{ "tree", "[KIND NAME]", "Show hosts, their GPUs, VMs, workers and jobs, one below the other.",
	  "Also as KIND/NAME. A VM stands below its first GPU, a job below the worker that renders it.", AS(TEXT) | AS(JSON), OUTPUT_TEXT,
	  OPTION_HAVE | OPTION_KINDS, 2, command_tree, NULL },
	{ "trace", "KIND NAME [FIELD]", "Show where an object or a field of it is written, and which commit changed it last.",
	  "Also as KIND/NAME; a field as `spec.memory` or `spec.networks[0].user`. At most 20,000 commits are looked at.", AS(TEXT) | AS(JSON),
	  OUTPUT_TEXT, OPTION_KINDS, 3, command_trace, NULL },
	{ "events", "[KIND [NAME…]]", "Show what happened: changes of conditions, actions, revisions.",
	  "Also as KIND/NAME…. Equal events within an hour are one with a count; the controller keeps 1,000, and 50 an object.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_NO_SPECS | OPTION_KINDS, G_MAXUINT, command_events, events_options },
	{ "history", NULL, "Show the revisions that were in force here, newest first, and what became of each.",
	  "TOOK is the time of the passes until it was applied: looking, planning, acting. The last 100 are kept.", AS(TEXT) | AS(JSON),
	  OUTPUT_TEXT, OPTION_NO_SPECS, 0, command_history, NULL },
	{ "wait", "KIND NAME…|KIND/NAME…", "Wait until objects are Ready, or in another condition, or gone.",
	  "After a push: `cleave wait vm/render1 --revision HEAD --timeout 10m`. Exits with 1 when there is no such object, or one\n"
	  "is Stalled and --fail-fast is given, with 5 when the time is over. A terminal shows what it waits for.", 0, OUTPUT_TEXT,
	  OPTION_KINDS | OPTION_HAVE, G_MAXUINT, command_wait, wait_options },
	{ "why", "JOB [FRAMES]", "Say why frames are as they are: what is wanted and found, who tried, what comes next.",
	  "Without frames: the job, and the first frame that stands in its way.", AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_HAVE, 2,
	  command_why, NULL },
	{ "logs", "JOB FRAME", "Show what Blender said when it rendered a frame last.", NULL, 0, OUTPUT_TEXT, OPTION_HAVE, 2,
	  command_logs, NULL },
	{ "sheet", "JOB", "Write a contact sheet of a job's frames; what is missing or not whole is crossed.",
	  "The job's root has to be on this machine. -f takes some of the frames alone.", 0, OUTPUT_TEXT, OPTION_HAVE, 1, command_sheet,
	  sheet_options },
	{ "cost", NULL, "Sum the time that rendering took, and what it cost by the Farm's `prices`.",
	  "All attempts count, also those that failed or came too late (LOST). Read from beside the frames, on the roots that this\n"
	  "machine has; exits with 1 when one is not there. Attempts without a price, as on a CPU, are counted apart.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 0, command_cost, cost_options },
	{ "adopt", "VM", "Take over a domain that cleave did not make, after showing what becomes of it.",
	  "Only cleave's mark is written; the next pass brings the domain to its spec. Its UUID stays its own.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_YES | OPTION_ACTS, 1, command_adopt, NULL },
	{ "release", "VM", "Let go of a VM: it runs on, and cleave does not touch it any more.",
	  "Take its YAML out of the specs as well: a VM that is wanted, and is not cleave's, is refused.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_YES | OPTION_ACTS, 1, command_release, NULL },
	{ "approve", "VM|DIGEST", "Let go on what is held back: a VM, or what is beyond the limits of a plan.",
	  "A VM is held back by a crash loop, or by a host that is said to have it. DIGEST is what `cleave plan` shows where budgets\n"
	  "or windows hold something back: it stands for that very plan of this host at this revision. When anything else has\n"
	  "come up since, it is another plan and not approved. Frames are not part of it. What is approved is forgotten when it is\n"
	  "done, and with the next revision.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_YES | OPTION_ACTS, 1, command_approve, approve_options },
	{ "submit", "SCENE", "Render a scene: write its RenderJob, commit it, push it.",
	  "SCENE is ROOT:path, a path below one of the Farm's roots as this machine or an artist's sees it, or a URL.\n"
	  "The repository is that of --specs, also a URL; no clone is needed, and the branch may move meanwhile.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 1, command_submit, submit_options },
	{ "follow", "[JOB…]", "Watch render jobs until they are complete: a bar each on a terminal, lines elsewhere.",
	  "Without JOB: all that are not complete. --specs may be a URL. Exits with 1 when one of them stands still, and why is\n"
	  "said.", AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, G_MAXUINT, command_follow, NULL },
	{ "root", "[list|init NAME]", "List the Farm's roots as this host sees them, or write the marker of one.",
	  "The marker is a file that proves that a root is mounted: without it no frame is taken for missing. `init` writes it\n"
	  "once, at the root's `path` or where --dir says; a folder that is marked as another root is refused.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 2, command_root, root_options },
	{ "waive", "JOB FRAMES", "Give frames of a job up, by a commit: it is complete without them.",
	  "The repository is that of --specs, also a URL; no clone is needed, and the branch may move meanwhile.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 2, command_waive, waive_options },
	{ "repin", "JOB", "Take a job's scene and inputs as they are now, by a commit; its frames are rendered with them.",
	  "This machine has to see the job's roots.", AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 1, command_repin, NULL },
	{ "suspend", "OBJECT", "Halt an object for a while, by a commit: it is looked at and told, and nothing is done to it.",
	  "OBJECT is KIND/NAME, as vm/render1, host/h1, job/nimbus/shot1, or farm. What belongs to it is halted with it. A job's\n"
	  "frames that a worker has are finished, no more are given out. The repository is that of --specs, also a URL.\n"
	  "--local is for when git is away: the controller of this host keeps it, and it ends by itself.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 2, command_suspend, suspend_options },
	{ "resume", "OBJECT", "Let an object go on that was suspended, by a commit.", "OBJECT is as for `suspend`.", AS(TEXT) | AS(JSON), OUTPUT_TEXT,
	  0, 2, command_resume, resume_options },
	{ "rollback", "[COMMIT]", "Go back to the specs of an older commit, by a new commit, after showing what changes.",
	  "Without COMMIT: to the one before the newest. All hosts heal to it, until a newer commit. With --local this host\n"
	  "alone works by it, until a newer commit or `--off`.", AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_YES, 1, command_rollback,
	  rollback_options },
	{ "cordon", "HOST", "Give a host's workers no new frames, by a commit; its VMs run on.",
	  "`cleave uncordon` takes it back; with --for or --until it ends by itself.", AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 2,
	  command_cordon, drain_options },
	{ "drain", "HOST", "Let a host's workers finish and stop its VMs, by a commit.", "`cleave uncordon` takes it back; with --for or --until it ends by itself.", AS(TEXT) | AS(JSON),
	  OUTPUT_TEXT, 0, 2, command_drain, drain_options },
	{ "uncordon", "HOST", "Let a host work again that was cordoned or drained, by a commit.", NULL, AS(TEXT) | AS(JSON), OUTPUT_TEXT, 0, 2,
	  command_uncordon, uncordon_options },
	{ "explain", "[KIND[.KEY…]|RULE]", "Say what a kind, a key or a rule means.",
	  "As `cleave explain vm`, `cleave explain vm.disks.size`, `cleave explain rules`; alone it lists the kinds.",
	  AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_PURE | OPTION_NO_SPECS, 1, command_explain, NULL },
	{ "schema", "[KIND]", "Write the JSON Schema of a kind's specs, or of all kinds'.",
	  "For editors: begin a file with `# yaml-language-server: $schema=cleave.schema.json`.", AS(JSON), OUTPUT_JSON,
	  OPTION_PURE | OPTION_NO_SPECS, 1,
	  command_schema, NULL },
	{ "metrics", NULL, "Print what this host's controller measures, as Prometheus reads it.",
	  "The running controller answers; without one the host is looked at, and there are no counters. `run` writes the same\n"
	  "after each pass to cleave.prom in the state folder, or where `metricsFile` of the host's own file says: a folder that\n"
	  "node_exporter's textfile collector reads.", AS(TEXT), OUTPUT_TEXT, 0, 0, command_metrics, NULL },
	{ "redis-acl", "", "Write the users for Redis's access lists: controller, worker, plain worker.",
	  "Each line is one of users.acl (Redis's `aclfile`); with `ACL SETUSER` for `user` it is a command.\n"
	  "Redis checks what cleave's functions do against the rights of their caller, so a worker cannot act as the job\n"
	  "owner, empty Redis or read keys of others. It can, by hand, write other workers' leases: Redis 7 has no right\n"
	  "to call one function and not another.", AS(TEXT) | AS(JSON), OUTPUT_TEXT, OPTION_PURE | OPTION_NO_SPECS, 0, command_redis_acl,
	  redis_acl_options },
	{ "completion", "bash|zsh|fish", "Write the completion of commands, options, kinds and names for a shell.",
	  "bash: `eval \"$(cleave completion bash)\"` in ~/.bashrc. zsh: into a file _cleave of $fpath. fish: `cleave completion\n"
	  "fish | source`. Names of jobs and VMs come from the specs, as --specs' default and CLEAVE_SPECS say.", 0, OUTPUT_TEXT,
	  OPTION_PURE | OPTION_NO_SPECS, 1, command_completion, NULL },
	{ "manual", "", "Write the manual page, cleave(1).", "As `cleave manual | man -l -`.", 0, OUTPUT_TEXT,
	  OPTION_HIDDEN | OPTION_PURE | OPTION_NO_SPECS, 0, command_manual, NULL },
	{ "docs", "DIR", "Write the reference and the JSON Schemas into a folder (`make docs`).", NULL, 0, OUTPUT_TEXT,
	  OPTION_HIDDEN | OPTION_PURE | OPTION_NO_SPECS, 1, command_docs, NULL },
};
const guint n_commands = G_N_ELEMENTS(commands);

const struct exit_row exit_rows[] = {
	{ EXIT_FINE, "fine" },
	{ EXIT_FAILED, "failed or invalid, or libvirt or Redis could not be asked" },
	{ EXIT_CHANGES, "changes (plan --detailed-exitcode)" },
	{ EXIT_IN_PART, "applied in part" },
	{ EXIT_REFUSED, "refused" },
	{ EXIT_TIMED_OUT, "timed out" },
	{ EXIT_BAD_USAGE, "wrong usage" },
};
const guint n_exit_rows = G_N_ELEMENTS(exit_rows);

static void print_help(FILE *out)
{
	fputs("Usage: cleave COMMAND [OPTION…]\n\n"
	      "Splits GPU servers into render VMs and keeps them, and the frames they render, as a git\n"
	      "repository of YAML says.\n\nCommands:\n", out);
	for (guint i = 0; i < n_commands; i++)
		if (!(commands[i].options & OPTION_HIDDEN))
			fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`cleave COMMAND --help` shows the options of a command.\nExit status:", out);
	for (guint i = 0; i < n_exit_rows; i++)
		fprintf(out, "%s%d %s", i == 0 ? " " : i == 4 ? ",\n" : ", ", exit_rows[i].code, exit_rows[i].doc);
	fputs("; diff: 0 equal, 1 different, more on trouble.\n", out);
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
	if (strcmp(word, "show") == 0)
		fputs("; `cleave describe KIND NAME` tells all of an object", stderr);
	else if (near)
		fprintf(stderr, "; did you mean `%s`?", near);
	fputs("\nsee `cleave --help`\n", stderr);
	return EXIT_BAD_USAGE;
}

/* What is still in stdout's buffer, as the help that GOption prints, may find a full disk. */
static void end_stdout(int status, void *unused)
{
	(void)unused;
	if (!command_flush())
		_exit(status ? status : EXIT_FAILED);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	on_exit(end_stdout, NULL);
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
