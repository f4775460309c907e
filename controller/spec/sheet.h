/* One file on its way to objects, in two steps that are kept apart because they depend on different things:
 * a sheet on the file's bytes alone, the objects made from it also on the Farm (its defaults, roots and
 * queues). Neither changes once it is made, so that two revisions may share them. Called by load.c and cache.c. */
#pragma once
#include "spec/kinds.h"
#include "spec/load.h"
#include "spec/pack.h"

struct sheet_document {
	struct sheet_document *next;
	const struct kind *kind;
	struct packed written;
};

struct sheet {
	guint n_refs;
	struct arena *arena;
	gboolean owns_arena;
	const char *path, *blob_id; /* blob_id NULL: not known */
	const char *source;         /* as spec_file says */
	gsize size;
	gboolean is_status;
	struct sheet_document *documents; /* without those of no known kind */
	struct object **farms; /* a Farm's spec depends on nothing else */
	guint n_farms;
	struct problem_run problems;
};

struct sheet_objects {
	guint n_refs;
	struct sheet *sheet, *lender; /* whose Farm lies below the objects; NULL = there was none */
	const struct object *farm;
	struct arena *arena; /* the sheet's, or its own after the Farm changed */
	struct object **items; /* in the file's order, without Farms */
	guint n;
	guint stamp; /* the last load that used it (spec/cache.c) */
	struct problem_run problems;
};

/* What is used for file after file of a load. */
struct sheet_tools {
	struct arena *scratch;
	struct node_reader *reader;
	struct packer packer;
	GPtrArray *items; /* of the file at hand */
	struct defaults *defaults;
};

void sheet_tools_init(struct sheet_tools *t);
void sheet_tools_clear(struct sheet_tools *t);

/* Over what a file's objects are decoded. */
struct sheet_under {
	const struct objects *all; /* holds the Farms */
	struct sheet *lender;      /* the file of the Farm that speaks; NULL: none does */
};

/* Reads a file and decodes its Farms. Lives in `arena`, which it frees in the end if `owns_arena`. With `under`,
 * which may be NULL, the objects are decoded at once, as by sheet_decode(): the documents need not be unpacked. */
struct sheet *sheet_new(struct arena *arena, gboolean owns_arena, const struct spec_file *file, gboolean is_status,
                        struct sheet_tools *tools, const struct sheet_under *under, struct sheet_objects **ret_objects);
struct sheet *sheet_ref(struct sheet *s);
void sheet_unref(struct sheet *s);

/* Decodes what is not a Farm, and applies the rules that ask no other object. Lives in `arena`: the sheet's,
 * or a new one that it then owns. */
struct sheet_objects *sheet_decode(struct sheet *s, struct arena *arena, const struct sheet_under *under,
                                   struct sheet_tools *tools);
struct sheet_objects *sheet_objects_ref(struct sheet_objects *o);
void sheet_objects_unref(struct sheet_objects *o);
