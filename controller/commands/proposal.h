/* A change of the specs that a command makes for its user: read the branch's tip, change one file, check the
 * whole tree, commit, push, and begin again where somebody else pushed first. */
#pragma once
#include "commands/command.h"

struct edit_member;
struct push;

/* What is made of the tree at the branch's tip. */
struct proposal {
	const char *path;    /* within the tree */
	const char *bytes;   /* NULL: the file goes */
	gsize size;
	const char *message; /* of the commit */
	const char *tree_of; /* instead of one file: the tree becomes that of this commit, below `subtree` (NULL: all of it) */
	const char *subtree;
};

/* What the command sees of the tip, and says. Called again after each push of somebody else. */
struct proposal_tip {
	struct arena *arena;
	const struct settings *settings; /* with the tip as --specs */
	const struct wanted *wanted;
	struct push *push;
};
/* Fills *ret, which is empty; strings in the arena. ERROR_EXISTS: it is so already, and nothing is to be done. */
typedef gboolean (*proposal_make)(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error);

struct proposal_done {
	char *commit;            /* 40 hex digits; NULL: it was so already */
	char *url, *branch, *path;
};
void proposal_done_clear(struct proposal_done *d);

/* The repository of --specs, at the branch that is its REV. push_free(). */
struct push *proposal_open(const struct invocation *in, GError **error);
/* The repository is that of --specs, the branch its REV. FALSE: see `error`; when it is not set, problems of the changed
 * tree were printed and nothing was pushed. proposal_done_clear() in any case. */
gboolean proposal_push(const struct invocation *in, proposal_make make, void *user, struct proposal_done *ret, GError **error);

/* Says that the tip itself is not valid, and why. Returns FALSE, for callers to return without an error. */
gboolean proposal_refuse_tip(const struct proposal_tip *tip);
/* The object that a person means at the tip; the error says what to write. */
const struct object *proposal_find(const struct proposal_tip *tip, enum kind_id kind, const char *name, GError **error);
/* Sets one scalar of the object's spec (NULL takes it out), as edit_set() does; on top of what *ret holds already. */
gboolean proposal_set(const struct proposal_tip *tip, const struct object *o, const char *const *keys, const char *value,
                      struct proposal *ret, GError **error);
/* The same of a map of scalars, whatever stood there. */
gboolean proposal_set_map(const struct proposal_tip *tip, const struct object *o, const char *const *keys,
                          const struct edit_member *members, struct proposal *ret, GError **error);
/* Says what was done: text or JSON. */
int proposal_report(const struct invocation *in, const struct proposal_done *d, const char *sentence);
