/* Prints the names of all verbs, one a line, so that a test script cannot forget a new one. */
#include "plan/verbs.h"
#include <stdio.h>

int main(void)
{
	for (int i = 0; i < N_VERBS; i++)
		puts(verbs[i].name);
	return 0;
}
