/* A YAML document as a tree of nodes with places: between libyaml's events and typed values.
 *
 * Kept because defaults are merged before types are known, and because every message and
 * `get -o yaml` tells where a value came from. */
#pragma once
#include "base/problem.h"

struct arena;

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_type type;
	struct place place;
	const char *text;   /* NODE_SCALAR: valid UTF-8 without NUL */
	gboolean plain;     /* NODE_SCALAR: written without quotes */
	const char **keys;  /* NODE_MAP, in the file's order */
	struct place *key_places;
	struct node **items; /* NODE_LIST and NODE_MAP */
	guint n;
};

/* Reads all documents of a file. Problems (syntax, duplicate keys, anchors, tags, depth, size) go to
 * `problems`; documents before a syntax error are still given. Returns struct node *, in order. */
GPtrArray *node_read(struct arena *a, const char *path, const char *bytes, gsize size, struct problems *problems);

/* The value of a key, or NULL (also when `map` is NULL or no map). */
struct node *node_get(const struct node *map, const char *key);
/* `over` on `under`: maps merge, everything else is replaced. Shares subtrees with both. */
struct node *node_merge(struct arena *a, struct node *under, struct node *over);
/* True for the plain scalars that mean nothing: ``, `~`, `null`. */
gboolean node_is_null(const struct node *n);
