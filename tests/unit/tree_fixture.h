/* A host made of files in a scratch folder, laid out as the kernel does, and what observe/ sees of it. Each program
 * that uses it is its own helper: main() calls helper_main() for the argument "helper". */
#pragma once
#include "host/tree.h"
#include "spec/kinds.h"

struct gpu_status;
struct helper;
struct host_status;
struct taken;

struct tree {
	char *dir;
	struct arena *arena;
	struct helper *helper;
	struct host_tree tree; /* ROOT and ROOT/sys */
	struct objects *want;
	struct taken *taken; /* of a state folder in the root */
};

/* cmocka's setup and teardown: *state is a struct tree. */
int tree_setup(void **state);
int tree_teardown(void **state);

/* Paths are below the root; folders are made. */
void tree_put(struct tree *t, const char *path, const char *text);
void tree_folder(struct tree *t, const char *path);
/* A relative link, as the kernel's are, to another path of the tree. */
void tree_link(struct tree *t, const char *path, const char *target);
void tree_remove(struct tree *t, const char *path);
/* A link with this very text in it. */
void tree_symlink(struct tree *t, const char *path, const char *text);

/* A PCI function: ids as "10de:2231", class as "030000", below the function `above` ("0000:00:01.0") or at the
 * root of its domain (NULL). Files of it are put with tree_function_put(). */
void tree_function(struct tree *t, const char *above, const char *address, const char *ids, const char *class);
void tree_function_put(struct tree *t, const char *address, const char *name, const char *text);
void tree_function_link(struct tree *t, const char *address, const char *name, const char *target);
void tree_driver(struct tree *t, const char *address, const char *driver);
void tree_group(struct tree *t, const char *address, int group);
void tree_vf(struct tree *t, const char *card, int index, const char *address, const char *ids, const char *class);

/* Specs, a YAML text; the host that is observed is gpu1. */
void tree_want(struct tree *t, const char *yaml);
/* The host and its cards. */
struct objects *tree_observe(struct tree *t);
const struct host_status *tree_host(const struct objects *have);
/* The test fails where there is none of that name. */
const struct gpu_status *tree_gpu(const struct objects *have, const char *name);
/* "one, two" */
char *tree_join(struct arena *a, const struct strings *s);
