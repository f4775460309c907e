/* Prints the names of verbs, one a line, so that a test script cannot forget a new one: all of them, or with --killed-by-e2e
 * those that tests/e2e/fault_points has a set-up for (tests/tools/killed.h). */
#include "killed.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int all = argc == 1;
	if (!all && (argc != 2 || strcmp(argv[1], "--killed-by-e2e") != 0)) {
		fprintf(stderr, "usage: verbs [--killed-by-e2e]\n");
		return 64;
	}
	for (int i = 0; i < N_VERBS; i++)
		if (all || where_verb_is_killed(i) == KILLED_BY_E2E)
			puts(verbs[i].name);
	return 0;
}
