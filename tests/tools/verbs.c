/* Prints the names of verbs, one a line, so that a test script cannot forget a new one: with --killed-by-e2e those that
 * tests/e2e/fault_points has a set-up for, with --on-devices those that the lab kills around (tests/tools/killed.h). */
#include "killed.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int by_e2e = argc == 2 && strcmp(argv[1], "--killed-by-e2e") == 0;
	if (!by_e2e && (argc != 2 || strcmp(argv[1], "--on-devices") != 0)) {
		fprintf(stderr, "usage: verbs --killed-by-e2e | --on-devices\n");
		return 64;
	}
	for (int i = 0; i < N_VERBS; i++) {
		enum killed_by by = where_verb_is_killed(i);
		if (by_e2e ? by == KILLED_BY_E2E : by != KILLED_BY_E2E && by != KILLED_BY_STORAGE)
			puts(verbs[i].name);
	}
	return 0;
}
