/* Asks a person before something is done. */
#include "commands/command.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int command_confirm(const struct invocation *in, const char *question)
{
	char answer[16] = "";
	if (in->yes)
		return -1;
	if (!isatty(STDIN_FILENO) || in->output == OUTPUT_JSON) {
		fputs("cleave: nobody is there to ask; say -y if that is to be done\n", stderr);
		return EXIT_BAD_USAGE;
	}
	printf("%s [y/N] ", question);
	fflush(stdout);
	if (fgets(answer, sizeof answer, stdin) && (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return -1;
	fputs("Nothing was done.\n", stdout);
	return EXIT_REFUSED;
}
