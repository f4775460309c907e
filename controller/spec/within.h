/* What one of several sources may hold: the Controller's `kinds` and `projects`, never the Farm, and nothing that another
 * source holds already.
 *
 * In: the source's row, its objects (as far as they can be read without the Farm), those of the sources before it. Out:
 * problems with their places. Pure. Called by reconcile_sources.c. */
#pragma once
#include "spec/kinds.h"

struct controller_source;

void within_check(const struct controller_source *source, const struct objects *of_it, const struct objects *others, struct problems *problems);
