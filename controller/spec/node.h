/* A YAML document as a tree of nodes with places: between libyaml's events and typed values.
 *
 * Kept because defaults are merged before types are known, and because every message and
 * `get -o yaml` tells where a value came from. Small, and children lie in their parent's array: a farm
 * has hundreds of thousands of them. */
#pragma once
#include "base/problem.h"

struct arena;

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	union {
		const char *text;         /* NODE_SCALAR: valid UTF-8 without NUL */
		struct node *items;       /* NODE_LIST, `n` of them */
		struct member *members;   /* NODE_MAP, in the file's order */
	};
	const char *path; /* of the file */
	guint32 n;        /* children */
	guint32 line;
	guint32 column : 20; /* clamped */
	guint32 type : 2;    /* enum node_type */
	guint32 plain : 1;   /* NODE_SCALAR: written without quotes */
	guint32 flow : 1;    /* NODE_LIST, NODE_MAP: written as [] or {} */
	guint32 is_default : 1; /* stands in the Farm's defaults: checked there, not in each object */
};

struct member {
	const char *key;
	guint32 line, column; /* of the key */
	struct node value;
};

/* All documents of a file, in order. */
struct documents {
	struct node *items;
	guint n;
};

/* Reads all documents of a file. Problems (syntax, duplicate keys, anchors, tags, depth) go to
 * `problems`; documents before a syntax error are still given. Nodes live in the arena; `path` is kept. */
struct documents node_read(struct arena *a, const char *path, const char *bytes, gsize size, struct problems *problems);

/* The same, file after file and a document at a time: keys in the arena given to begin, nodes and texts in
 * that given to next, which may be reset in between. */
struct node_reader;
struct node_reader *node_reader_new(void);
void node_reader_free(struct node_reader *r);
void node_reader_begin(struct node_reader *r, struct arena *keys, const char *path, const char *bytes, gsize size,
                       struct problems *problems);
gboolean node_reader_next(struct node_reader *r, struct arena *a, struct node *ret);
void node_reader_end(struct node_reader *r);

struct place node_place(const struct node *n);
struct place member_place(const struct member *m); /* of the key */

#define MEMBERS_EACH(m, map)                                                                          \
	for (const struct member *m = (map)->members, *m##_end = m + (map)->n; m < m##_end; m++)

/* The value of a key, or NULL (also when `map` is NULL or no map). */
const struct node *node_get(const struct node *map, const char *key);
/* `over` on `under`: maps merge, everything else is replaced. Either may be NULL. Shares subtrees. */
const struct node *node_merge(struct arena *a, const struct node *under, const struct node *over);
/* True for the plain scalars that mean nothing: ``, `~`, `null`. */
gboolean node_is_null(const struct node *n);
