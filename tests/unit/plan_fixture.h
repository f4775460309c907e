/* What plan tests share: specs and observations from files, and a plan as plain text.
 *
 * The text holds every byte of a plan that matters, so that two plans are equal when their texts are.
 * It is not what people see (report/): plan tests link base, spec and plan alone. */
#pragma once
#include "plan/plan.h"
#include "spec/load.h"

/* Reads files as wants or as observations; an error fails the test with its messages. */
struct objects *plan_fixture_want(struct arena *a, const struct spec_file *files, guint n_files);
struct objects *plan_fixture_have(struct arena *a, const struct spec_file *files, guint n_files);

/* Cases are folders with specs/ and have.yaml. */
struct spec_file plan_fixture_file(struct arena *a, const char *folder, const char *name);
/* All specs of FOLDER/specs, with the other files that lie there as their texts; NULL where it is not there. */
struct objects *plan_fixture_specs(struct arena *a, const char *folder);
/* Folders of tests/KIND (CLEAVE_TESTS: another folder of tests), by name; g_strfreev(). */
char **plan_fixture_cases(const char *kind);

/* The plan of host "h1" at revision "test", epoch 7. */
struct plan *plan_fixture_build(struct arena *a, const struct objects *want, const struct objects *have);


/* Actions, verdicts, refusals and notes; then, to write observations with, each job's keys. */
char *plan_fixture_dump(struct arena *a, const struct plan *p);
