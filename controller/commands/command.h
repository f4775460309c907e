/* A command is a row in commands[] and a file. What all share: the global options, where the output
 * goes, and how errors become exit codes. */
#pragma once
#include "base/error.h"
#include "commands/local.h"
#include "reconcile.h"
#include <gio/gio.h>

/* One table for all commands (README). */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_FAILED = 1,
	EXIT_CHANGES = 2, /* plan --detailed-exitcode */
	EXIT_IN_PART = 3,
	EXIT_REFUSED = 4,
	EXIT_TIMED_OUT = 5,
	EXIT_BAD_USAGE = 64,
};

enum output { OUTPUT_TEXT, OUTPUT_WIDE, OUTPUT_NAME, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_GITHUB, OUTPUT_SARIF, OUTPUT_MARKDOWN, OUTPUT_JUNIT, N_OUTPUTS };

/* An option of one command alone. A row each, ends with a row without name; the command reads in->own[] at the
 * row's index: the value, "" for a flag that was given, NULL for what was not. */
struct own_option {
	const char *name;
	char letter;          /* 0: none */
	const char *argument; /* as --help shows it; NULL: a flag */
	const char *doc;
};
enum { OWN_OPTIONS_MAX = 24 };

struct invocation {
	const struct command *command;
	struct settings settings;
	enum output output;
	char **args; /* what is left after the options; NULL-terminated */
	guint n_args;
	gboolean yes, detailed_exitcode, origins, check, from_host, all;
	gboolean holds_lock; /* apply: this process has the state folder, nobody is to be asked */
	gboolean falls_back; /* get: to the revision in force when the newest is not valid */
	const char *have;
	char **haves; /* all of them; .have is the first */
	const char *out;  /* plan: the file that it is written to as well */
	const char *commit, *revision; /* the specs of this commit, by this name, and no newer ones; not owned */
	const char *controller; /* the host's own file, when another is named */
	struct local local;     /* that file, as read; settings.local points into it */
	char *local_path;       /* where it lies, or would */
	char **argv;            /* as it was called, to be read once more */
	gint64 interval_ms;
	char *own[OWN_OPTIONS_MAX]; /* owned */
};

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;
	const char *details;   /* below the options in --help; may be NULL */
	unsigned outputs;      /* bits 1 << enum output */
	enum output output;    /* when -o is not given */
	unsigned options;      /* enum command_options */
	guint most_args;
	int (*run)(struct invocation *in);
	const struct own_option *own; /* may be NULL */
};

enum command_options {
	OPTION_YES = 1 << 0,
	OPTION_DETAILED_EXITCODE = 1 << 1,
	OPTION_HAVE = 1 << 2,
	OPTION_INTERVAL = 1 << 3,
	OPTION_ACTS = 1 << 4, /* changes this machine */
	OPTION_PURE = 1 << 5, /* speaks of the language alone: the host's own settings do not matter */
	OPTION_HIDDEN = 1 << 6, /* for this repository's own use: not in the help */
	OPTION_ORIGINS = 1 << 7,
	OPTION_CHECK = 1 << 8,
	OPTION_FROM_HOST = 1 << 9,
	OPTION_NO_SPECS = 1 << 10, /* reads no specs: --help does not speak of them */
	OPTION_KINDS = 1 << 11,    /* --help names the kinds */
	OPTION_DEVICES = 1 << 12,
	OPTION_ALL = 1 << 13,
	OPTION_OUT = 1 << 20,      /* writes its plan to a file */
};

/* What the exit codes mean: a row each, for the help and the reference. */
struct exit_row {
	enum exit_code code;
	const char *doc;
};

extern const struct command commands[];
extern const guint n_commands;
extern const struct exit_row exit_rows[];
extern const guint n_exit_rows;

int command_validate(struct invocation *in);
extern const struct own_option plan_options[];
int command_plan(struct invocation *in);
int command_diff(struct invocation *in);
int command_apply(struct invocation *in);
int command_run(struct invocation *in);
extern const struct own_option reconcile_options[];
int command_reconcile(struct invocation *in);
extern const struct own_option observe_options[];
int command_observe(struct invocation *in);
int command_preflight(struct invocation *in);
extern const struct own_option get_options[];
int command_get(struct invocation *in);
int command_render(struct invocation *in);
int command_fmt(struct invocation *in);
int command_explain(struct invocation *in);
extern const struct own_option redis_acl_options[];
int command_metrics(struct invocation *in);
int command_redis_acl(struct invocation *in);
int command_schema(struct invocation *in);
int command_docs(struct invocation *in);
int command_init(struct invocation *in);
int command_adopt(struct invocation *in);
int command_release(struct invocation *in);
int command_approve(struct invocation *in);
int command_get_frames(struct invocation *in); /* `get frames` */
int command_why(struct invocation *in);
int command_logs(struct invocation *in);
int command_sheet(struct invocation *in);
int command_cost(struct invocation *in);
int command_submit(struct invocation *in);
int command_follow(struct invocation *in);
extern const struct own_option events_options[];
int command_events(struct invocation *in);
int command_history(struct invocation *in);
int command_manual(struct invocation *in);
extern const struct own_option wait_options[];
int command_wait(struct invocation *in);
int command_describe(struct invocation *in);
int command_trace(struct invocation *in);
int command_tree(struct invocation *in);
int command_completion(struct invocation *in);
extern const struct own_option submit_options[];
int command_waive(struct invocation *in);
int command_repin(struct invocation *in);
extern const struct own_option suspend_options[], resume_options[], drain_options[], uncordon_options[], rollback_options[];
int command_suspend(struct invocation *in);
int command_resume(struct invocation *in);
int command_cordon(struct invocation *in);
int command_uncordon(struct invocation *in);
int command_drain(struct invocation *in);
int command_rollback(struct invocation *in);
extern const struct own_option root_options[];
int command_root(struct invocation *in);
extern const struct own_option waive_options[], approve_options[];
extern const struct own_option sheet_options[], cost_options[];
int command_helper(void); /* not in the table: started by cleave itself */

/* -- shared ---------------------------------------------------------------------------------------- */

/* Reads the command line after the command's name into *in. -1 = go on, else an exit code. */
int invocation_parse(const struct command *command, int argc, char **argv, struct invocation *in);
/* The options of a command that --help shows, each once. */
void command_options_each(const struct command *command, void (*each)(const GOptionEntry *e, void *user), void *user);
/* What its -o takes, with `between` between the words; g_free(). */
char *command_outputs(const struct command *command, char between);
/* Frees the settings' strings: a command that wants others works on a copy of the settings. */
void invocation_clear(struct invocation *in);

/* Prints "cleave: MESSAGE" on stderr and gives the exit code of the error. */
int command_fail(const GError *error);
/* Writes all of it to stdout, but for what a terminal would obey. FALSE (with a message) when it cannot, as on a full disk. */
gboolean command_print(const GString *text);
/* The same of what was printed before. */
gboolean command_flush(void);
/* Whether a place of specs is a folder, to be read as it lies there, and no bare repository. */
gboolean command_is_folder(const char *path);
/* Names of kinds, for people; free with g_free(). */
char *command_kind_list(void);
/* The kind of that name; NULL, with ret_code to end with, after it was said that there is none (or, when specs
 * are what is asked for, that it has none). */
const struct kind *command_find_kind(const char *word, gboolean has_spec, int *ret_code);
/* Says that there is no such object, and which of `ids` is near. Returns the exit code. */
int command_no_object(const struct kind *kind, const char *id, GPtrArray *ids, const char *revision);
/* Asks whether to go on: -1 = yes (or -y), else the exit code. */
int command_confirm(const struct invocation *in, const char *question);
/* Colour on stdout: a terminal, or CLICOLOR_FORCE asks for it elsewhere; never with NO_COLOR. */
gboolean command_has_colour(void);
struct report_style;
/* With it, and the terminal's width. */
struct report_style command_style(void);

/* What plan, diff, apply and get begin with. */
struct looked {
	struct arena *arena;
	struct session *session;
	struct wanted wanted;
	struct plan *plan;
	gboolean is_asked; /* a running controller looked, because it holds the state folder */
};

/* Reads specs, looks (or asks the running controller, or reads --have) and plans.
 * On failure prints and returns an exit code; -1 = fine. looked_clear() in any case. */
int command_look(struct invocation *in, struct looked *ret);
/* Only the specs: those in force where a controller runs. There is no plan. The same returns. */
int command_look_want(struct invocation *in, struct looked *ret);
/* Whether libvirt or Redis kept something of the plan from being looked at; says on stderr what to do about it. */
gboolean command_is_blind(const struct invocation *in, const struct looked *l);
void looked_clear(struct looked *l);
/* What `observe -o yaml` wrote; `path` is for messages. */
struct objects *look_from_text(struct arena *a, const char *path, const char *text, gsize size, GError **error);
struct objects *look_from_file(struct arena *a, const char *path, GError **error);
/* What is wanted, for commands that look at the machine with and without specs: nothing (*ret_left_out says why) when
 * there are none, or they are not valid, and --specs did not ask for them. FALSE when it did. */
gboolean look_want_or_nothing(const struct invocation *in, struct session *s, struct arena *a, struct wanted *ret,
                              GError **ret_left_out, GError **error);
/* What the controller that holds the state folder observes now; it alone may have libvirt open. */
struct objects *look_from_controller(struct arena *a, const char *state, GError **error);
/* Where that one reads its specs; NULL: there is none, or it cannot be asked. */
const char *look_source_of_controller(struct arena *a, const char *state);
