/* Files to objects: envelope, defaults, decode, and (for wanted objects) references and rules. */
#pragma once
#include "spec/kinds.h"

struct spec_file {
	const char *path, *bytes;
	gsize size;
};

/* What people want. All problems are added; with errors the result is for messages only.
 * Objects have .spec and .effective. Returned sorted, never NULL. */
struct objects *spec_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems);

/* What is there, as `observe -o yaml` writes it: objects with .status, .spec ignored. */
struct objects *status_load(struct arena *a, const struct spec_file *files, guint n_files, struct problems *problems);
