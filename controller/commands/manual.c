/* cleave manual: cleave(1) in the language of man(7), from the table of commands, the options of each, and what the exit
 * codes mean. `make install` writes it. */
#include "commands/command.h"
#include <string.h>

/* A backslash, a dash, and a point or quote in front of a line mean something else to roff. */
static void append_text(GString *out, const char *text)
{
	gboolean begins = TRUE;
	for (const char *c = text; *c; c++) {
		if (begins && (*c == '.' || *c == '\''))
			g_string_append(out, "\\&");
		begins = *c == '\n';
		if (*c == '\\')
			g_string_append(out, "\\e");
		else if (*c == '-')
			g_string_append(out, "\\-");
		else
			g_string_append_c(out, *c);
	}
}

static void append_line(GString *out, const char *macro, const char *text)
{
	g_string_append(out, macro);
	append_text(out, text);
	g_string_append_c(out, '\n');
}

static void append_option(const GOptionEntry *e, void *user)
{
	GString *out = user;
	g_autofree char *letter = e->short_name ? g_strdup_printf("-%c, ", e->short_name) : g_strdup("");
	g_autofree char *all = g_strdup_printf("%s--%s%s%s", letter, e->long_name, e->arg_description ? "=" : "", e->arg_description ? e->arg_description : "");
	g_string_append(out, ".TP\n");
	append_line(out, ".B ", all);
	append_line(out, "", e->description ? e->description : "");
}

static void append_command(GString *out, const struct command *c)
{
	g_autofree char *usage = g_strdup_printf("cleave %s %s", c->name, c->arguments ? c->arguments : "");
	append_line(out, ".SS ", g_strchomp(usage));
	append_line(out, "", c->summary);
	if (c->details) {
		g_string_append(out, ".PP\n");
		append_line(out, "", c->details);
	}
	command_options_each(c, append_option, out);
}

static void append_exits(GString *out)
{
	g_string_append(out, ".SH EXIT STATUS\n");
	for (guint i = 0; i < n_exit_rows; i++) {
		g_string_append_printf(out, ".TP\n.B %d\n", (int)exit_rows[i].code);
		append_line(out, "", exit_rows[i].doc);
	}
}

static const char ending[] = ".SH ENVIRONMENT\n"
                             "Each global option has a variable, as CLEAVE_SPECS has what \\-\\-specs says; an option goes before its variable, and\n"
                             "both before /etc/cleave/controller.yaml.\n"
                             ".SH FILES\n.TP\n.I /etc/cleave/controller.yaml\nThis host's own settings; "
                             "`cleave explain controller` says which.\n"
                             ".TP\n.I /var/lib/cleave\nLock, control socket and what the controller remembers.\n"
                             ".SH SIGNALS\n"
                             "\\fBcleave run\\fR reads this host's settings once more at SIGHUP, and ends after the action in hand at SIGTERM and SIGINT.\n";

int command_manual(struct invocation *in)
{
	g_autoptr(GString) out = g_string_new(".TH CLEAVE 1 \"\" \"cleave " CLEAVE_VERSION "\"\n.nh\n.ad l\n.SH NAME\n"
	                                      "cleave \\- keeps render VMs, their GPUs and render jobs as a git repository says\n"
	                                      ".SH SYNOPSIS\n.B cleave\n.I COMMAND\n[\\fIOPTION\\fR...]\n.SH DESCRIPTION\n"
	                                      "Splits GPU servers into render VMs and keeps them, and the frames they render, as a git repository of YAML says.\n"
	                                      ".SH COMMANDS\n");
	(void)in;
	for (guint i = 0; i < n_commands; i++)
		if (!(commands[i].options & OPTION_HIDDEN))
			append_command(out, &commands[i]);
	append_exits(out);
	g_string_append(out, ending);
	return command_print(out) ? EXIT_FINE : EXIT_FAILED;
}
