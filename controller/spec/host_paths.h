/* Paths on the host that an object names, and which of them the host allows.
 *
 * A row of a field says of which kind a path is (.place); the Controller's `paths` say which folders each kind may lie
 * in. Whether a path is in one is for who looks at the host to say (host/allowed.h): links may lead out of it. Pure. */
#pragma once
#include "spec/kinds.h"

struct controller_spec;

struct host_path {
	const char *key; /* the row's: passwordFile */
	const char *path;
	enum host_place place;
};

struct host_paths {
	struct host_path *items;
	guint n;
};

/* Those of the object, and those that the Farm and its Host have for it: a VM's images, pools and roots, a job's roots. */
struct host_paths object_host_paths(struct arena *a, const struct objects *all, const struct object *o);
/* Empty: any. `local` may be NULL. */
struct strings allowed_paths(const struct controller_spec *local, enum host_place place);
