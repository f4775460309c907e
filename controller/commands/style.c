/* What the terminal takes: colour and width (no-color.org, bixense.com/clicolors). */
#include "commands/command.h"
#include "report/report.h"
#include <sys/ioctl.h>
#include <unistd.h>

static gboolean is_set(const char *name)
{
	const char *value = g_getenv(name);
	return value && *value;
}

gboolean command_has_colour(void)
{
	if (is_set("NO_COLOR"))
		return FALSE;
	gboolean is_forced = is_set("CLICOLOR_FORCE") && g_strcmp0(g_getenv("CLICOLOR_FORCE"), "0") != 0;
	return is_forced || isatty(STDOUT_FILENO);
}

struct report_style command_style(void)
{
	struct winsize size = { 0 };
	gboolean is_terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
	return (struct report_style){ command_has_colour(), is_terminal ? size.ws_col : 0 };
}
