/* cleave completion bash|zsh|fish: what a shell has to know to complete command lines, from the table of commands and
 * the options of each. Names of jobs, VMs and hosts are asked for when they are needed, of the specs alone. */
#include "commands/command.h"
#include "spec/kinds.h"
#include <stdio.h>
#include <string.h>

/* What can stand somewhere. */
enum value { VALUE_NONE, VALUE_WORDS, VALUE_OBJECT, VALUE_FILE, VALUE_JOB, VALUE_VM, VALUE_HOST, VALUE_OTHER };

struct values {
	enum value what;
	char *words; /* WORDS, OBJECT: with spaces between; owned, may be NULL. Behind a kind an OBJECT has its names */
};

struct option {
	const char *name, *doc; /* the invocation's table, static */
	char *argument;         /* NULL: a flag */
	char letter;
	struct values values;
};

struct completed {
	const struct command *command;
	GArray *options;      /* struct option */
	struct values values; /* of the first argument */
};

/* -- what the tables say ------------------------------------------------------------------------------------ */

static char *kind_words(gboolean has_spec, const char *more)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < N_KINDS; i++)
		if (!kinds[i].is_local && (!has_spec || kinds[i].spec_fields))
			g_string_append_printf(s, "%s%s", s->len ? " " : "", kinds[i].plural);
	if (*more && !strstr(s->str, more))
		g_string_append_printf(s, " %s", more);
	return g_string_free(s, FALSE);
}

/* "[list|init NAME]" is list and init: words in small letters are meant as they stand. */
static char *plain_words(const char *arguments)
{
	GString *s = g_string_new(NULL);
	g_auto(GStrv) all = g_strsplit_set(arguments, "[]| ", -1);
	for (guint i = 0; all[i]; i++)
		if (g_ascii_islower(*all[i]))
			g_string_append_printf(s, "%s%s", s->len ? " " : "", all[i]);
	return g_string_free(s, FALSE);
}

/* A place of a usage line. Whether it is a file is told by its name: DIR, FILE.png, PATH, SCENE. */
static struct values values_of(const struct command *c, const char *place)
{
	static const char *const files[] = { "DIR", "FILE", "PATH", "SCENE" };
	if (strstr(place, "KIND"))
		return (struct values){ strstr(place, "NAME") ? VALUE_OBJECT : VALUE_WORDS, kind_words(!(c->options & OPTION_KINDS), c->options & OPTION_KINDS ? "frames" : strstr(place, "RULE") ? "rules" : "") };
	g_autofree char *words = plain_words(place);
	if (*words)
		return (struct values){ VALUE_WORDS, g_steal_pointer(&words) };
	for (guint i = 0; i < G_N_ELEMENTS(files); i++)
		if (strstr(place, files[i]))
			return (struct values){ VALUE_FILE, NULL };
	if (strstr(place, "OBJECT")) /* KIND NAME as well */
		return (struct values){ VALUE_OBJECT, kind_words(TRUE, "") };
	return (struct values){ strstr(place, "JOB") ? VALUE_JOB : strstr(place, "VM") ? VALUE_VM : strstr(place, "HOST") ? VALUE_HOST : VALUE_OTHER, NULL };
}

static void add_option(const GOptionEntry *e, void *user)
{
	struct completed *c = user;
	struct option o = { .name = e->long_name, .argument = g_strdup(e->arg_description), .letter = e->short_name };
	o.doc = g_intern_string(e->description);
	if (e->arg_description && strcmp(e->arg_description, "FORMAT") == 0)
		o.values = (struct values){ VALUE_WORDS, command_outputs(c->command, ' ') };
	else if (e->arg_description)
		o.values = values_of(c->command, e->arg_description);
	/* a job that is being named is a new one */
	if (o.values.what != VALUE_FILE && o.values.what != VALUE_WORDS && o.values.what != VALUE_OBJECT)
		o.values.what = e->arg_description ? VALUE_OTHER : VALUE_NONE;
	g_array_append_val(c->options, o);
}

static struct completed read_command(const struct command *command)
{
	struct completed c = { .command = command, .options = g_array_new(FALSE, FALSE, sizeof(struct option)) };
	command_options_each(command, add_option, &c);
	if (command->arguments && *command->arguments)
		c.values = values_of(command, command->arguments);
	return c;
}

static void completed_clear(struct completed *c)
{
	for (guint i = 0; i < c->options->len; i++) {
		g_free(g_array_index(c->options, struct option, i).argument);
		g_free(g_array_index(c->options, struct option, i).values.words);
	}
	g_array_free(c->options, TRUE);
	g_free(c->values.words);
}

/* For within single quotes; of `special` each with a backslash before it. */
static char *escaped(const char *text, const char *special)
{
	GString *s = g_string_new(NULL);
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			g_string_append(s, "'\\'");
		else if (strchr(special, *c))
			g_string_append_c(s, '\\');
		g_string_append_c(s, *c);
	}
	return g_string_free(s, FALSE);
}

/* Names of the wanted objects, one a line, of the specs as a command there would read them. */
#define NAMES_OF "cleave render %s 2>/dev/null | sed -n 's/^  name: //p'"

/* All words for kinds that specs have, as they may be written; with `between` them. */
static char *kind_forms(const char *between)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < N_KINDS; i++) {
		g_autofree char *name = g_ascii_strdown(kinds[i].name, -1);
		const char *const words[] = { kinds[i].plural, name, kinds[i].alias };
		for (guint k = 0; kinds[i].spec_fields && !kinds[i].is_local && k < G_N_ELEMENTS(words); k++)
			if (words[k] && (k < 2 || g_strcmp0(words[k], name) != 0))
				g_string_append_printf(s, "%s%s", s->len ? between : "", words[k]);
	}
	return g_string_free(s, FALSE);
}

static const char *kind_of(enum value what)
{
	return what == VALUE_JOB ? "renderjob" : what == VALUE_VM ? "vm" : what == VALUE_HOST ? "host" : NULL;
}

/* -- bash --------------------------------------------------------------------------------------------------- */

static void bash_values(GString *out, const struct values *v)
{
	if (v->what == VALUE_WORDS)
		g_string_append_printf(out, " words='%s'", v->words);
	else if (v->what == VALUE_OBJECT)
		g_string_append_printf(out, " _cleave_objects '%s'", v->words);
	else if (v->what == VALUE_FILE)
		g_string_append(out, " files=yes");
	else if (kind_of(v->what))
		g_string_append_printf(out, " words=$(" NAMES_OF ")", kind_of(v->what));
	else
		g_string_append(out, " :");
}

static void bash_command(GString *out, const struct completed *c)
{
	g_string_append_printf(out, "    %s)\n        case $prev in\n", c->command->name);
	for (guint i = 0; i < c->options->len; i++) {
		const struct option *o = &g_array_index(c->options, struct option, i);
		if (!o->argument)
			continue;
		g_string_append_printf(out, "        --%s", o->name);
		if (o->letter)
			g_string_append_printf(out, " | -%c", o->letter);
		g_string_append(out, ")");
		bash_values(out, &o->values);
		g_string_append(out, " ;;\n");
	}
	g_string_append(out, "        *) case $cur in -*) words='");
	for (guint i = 0; i < c->options->len; i++)
		g_string_append_printf(out, "%s--%s", i ? " " : "", g_array_index(c->options, struct option, i).name);
	g_string_append(out, "' ;; *)");
	bash_values(out, &c->values);
	g_string_append(out, " ;; esac ;;\n        esac ;;\n");
}

static void bash_begin(GString *out, const char *names)
{
	g_autofree char *known = kind_forms(" | ");
	g_string_append(out, "# cleave's completion for bash: eval \"$(cleave completion bash)\"\n");
	g_string_append_printf(out, "_cleave_objects() {\n    case $prev in %s) words=$(" NAMES_OF ") ;; *) words=$1 ;; esac\n}\n", known, "\"$prev\"");
	g_string_append_printf(out,
	                       "_cleave() {\n"
	                       "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words='' files=''\n"
	                       "    COMPREPLY=()\n"
	                       "    if [ \"$COMP_CWORD\" = 1 ]; then words='%s --help --version'; else\n"
	                       "    case ${COMP_WORDS[1]} in\n", names);
}

static void bash_end(GString *out)
{
	g_string_append(out, "    esac; fi\n"
	                     "    if [ -n \"$files\" ]; then mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames 2>/dev/null\n"
	                     "    else mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"); fi\n"
	                     "}\ncomplete -F _cleave cleave\n");
}

/* -- zsh ---------------------------------------------------------------------------------------------------- */

static void zsh_values(GString *out, const char *place, const struct values *v)
{
	g_autofree char *name = g_strdelimit(g_strdup(place), ":[]'\\", ' ');
	g_string_append_printf(out, ":%s:", name);
	if (v->what == VALUE_WORDS)
		g_string_append_printf(out, "(%s)", v->words);
	else if (v->what == VALUE_OBJECT)
		g_string_append_printf(out, " _cleave_objects %s", v->words); /* the space: no options of compadd's are put in */
	else if (v->what == VALUE_FILE)
		g_string_append(out, "_files");
	else if (kind_of(v->what))
		g_string_append_printf(out, " _cleave_names %s", kind_of(v->what));
	else
		g_string_append_c(out, ' ');
}

static void zsh_command(GString *out, const struct completed *c)
{
	g_string_append_printf(out, "    %s) _arguments", c->command->name);
	for (guint i = 0; i < c->options->len; i++) {
		const struct option *o = &g_array_index(c->options, struct option, i);
		g_autofree char *doc = escaped(o->doc, ":[]\\");
		g_autoptr(GString) values = g_string_new(NULL);
		if (o->argument)
			zsh_values(values, o->argument, &o->values);
		if (o->letter)
			g_string_append_printf(out, " \\\n        '(-%c --%s)'{-%c,--%s}'[%s]%s'", o->letter, o->name, o->letter, o->name, doc, values->str);
		else
			g_string_append_printf(out, " \\\n        '--%s[%s]%s'", o->name, doc, values->str);
	}
	if (c->values.what != VALUE_NONE) {
		g_string_append(out, " \\\n        '*");
		zsh_values(out, c->command->arguments, &c->values);
		g_string_append_c(out, '\'');
	}
	g_string_append(out, " ;;\n");
}

static void zsh_begin(GString *out, const char *names)
{
	(void)names;
	g_string_append(out, "#compdef cleave\n# cleave's completion for zsh: cleave completion zsh >DIR-of-fpath/_cleave\n"
	                     "_cleave_names() { local -a names; names=(${(f)\"$(");
	g_string_append_printf(out, NAMES_OF, "$1");
	g_autofree char *known = kind_forms("|");
	g_string_append(out, ")\"}); compadd -a names }\n");
	g_string_append_printf(out, "_cleave_objects() { case $words[CURRENT-1] in (%s) _cleave_names $words[CURRENT-1] ;; (*) compadd -- $@ ;; esac }\n", known);
	g_string_append(out, "_cleave() {\n    local -a commands=(\n");
	for (guint i = 0; i < n_commands; i++) {
		g_autofree char *doc = escaped(commands[i].summary, ":");
		if (!(commands[i].options & OPTION_HIDDEN))
			g_string_append_printf(out, "        '%s:%s'\n", commands[i].name, doc);
	}
	g_string_append(out, "    )\n    if ((CURRENT == 2)); then _describe command commands; return; fi\n"
	                     "    local name=$words[2]\n    shift words; ((CURRENT--))\n    case $name in\n");
}

static void zsh_end(GString *out)
{
	/* autoloaded, the file is the function's body; read by `source` it only defines it */
	g_string_append(out, "    esac\n}\nif [ \"$funcstack[1]\" = _cleave ]; then _cleave \"$@\"; else compdef _cleave cleave; fi\n");
}

/* -- fish --------------------------------------------------------------------------------------------------- */

static void fish_values(GString *out, const struct values *v)
{
	if (v->what == VALUE_WORDS)
		g_string_append_printf(out, " -x -a '%s'", v->words);
	else if (v->what == VALUE_OBJECT)
		g_string_append_printf(out, " -x -a '(__cleave_objects %s)'", v->words);
	else if (v->what == VALUE_FILE)
		g_string_append(out, " -r -F");
	else if (kind_of(v->what))
		g_string_append_printf(out, " -x -a '(__cleave_names %s)'", kind_of(v->what));
	else if (v->what == VALUE_OTHER)
		g_string_append(out, " -x");
}

static void fish_command(GString *out, const struct completed *c)
{
	const char *name = c->command->name;
	g_autofree char *summary = escaped(c->command->summary, "\\");
	g_string_append_printf(out, "complete -c cleave -n __fish_use_subcommand -a %s -d '%s'\n", name, summary);
	for (guint i = 0; i < c->options->len; i++) {
		const struct option *o = &g_array_index(c->options, struct option, i);
		g_autofree char *doc = escaped(o->doc, "\\");
		g_string_append_printf(out, "complete -c cleave -n '__fish_seen_subcommand_from %s' -l %s", name, o->name);
		if (o->letter)
			g_string_append_printf(out, " -s %c", o->letter);
		fish_values(out, &o->values);
		g_string_append_printf(out, " -d '%s'\n", doc);
	}
	if (c->values.what == VALUE_NONE || c->values.what == VALUE_OTHER)
		return;
	g_string_append_printf(out, "complete -c cleave -n '__fish_seen_subcommand_from %s'", name);
	fish_values(out, &c->values);
	g_string_append_c(out, '\n');
}

static void fish_begin(GString *out, const char *names)
{
	(void)names;
	g_string_append(out, "# cleave's completion for fish: cleave completion fish | source\n"
	                     "function __cleave_names\n    ");
	g_string_append_printf(out, NAMES_OF, "$argv[1]");
	g_autofree char *known = kind_forms(" ");
	g_string_append_printf(out, "\nend\nfunction __cleave_objects\n    set -l before (commandline -opc)[-1]\n"
	                            "    if contains -- $before %s\n        __cleave_names $before\n    else\n        printf '%%s\\n' $argv\n    end\nend\n"
	                            "complete -c cleave -f\n", known);
}

static void fish_end(GString *out)
{
	(void)out;
}

/* -- the command -------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*begin)(GString *out, const char *names);
	void (*command)(GString *out, const struct completed *c);
	void (*end)(GString *out);
} shells[] = {
	{ "bash", bash_begin, bash_command, bash_end },
	{ "zsh", zsh_begin, zsh_command, zsh_end },
	{ "fish", fish_begin, fish_command, fish_end },
};

static void write_script(GString *out, guint shell)
{
	g_autoptr(GString) names = g_string_new(NULL);
	for (guint i = 0; i < n_commands; i++)
		if (!(commands[i].options & OPTION_HIDDEN))
			g_string_append_printf(names, "%s%s", names->len ? " " : "", commands[i].name);
	shells[shell].begin(out, names->str);
	for (guint i = 0; i < n_commands; i++) {
		struct completed c = read_command(&commands[i]);
		if (!(commands[i].options & OPTION_HIDDEN))
			shells[shell].command(out, &c);
		completed_clear(&c);
	}
	shells[shell].end(out);
}

int command_completion(struct invocation *in)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; in->n_args && i < G_N_ELEMENTS(shells); i++)
		if (strcmp(in->args[0], shells[i].name) == 0) {
			write_script(text, i);
			return command_print(text) ? EXIT_FINE : EXIT_FAILED;
		}
	fputs("cleave: for which shell? As `cleave completion bash`, zsh or fish\n", stderr);
	return EXIT_BAD_USAGE;
}
