/* The kinds of the language, and objects of them. Desired and actual state are the same kinds:
 * `spec` is wanted, `status` is there. */
#pragma once
#include "base/problem.h"
#include "spec/field.h"

#define API_VERSION "cleave/v1alpha1"

enum kind_id { KIND_FARM, KIND_HOST, KIND_GPU, KIND_VM, KIND_RENDERJOB, KIND_WORKER, KIND_REVISION, KIND_CONTROLLER, N_KINDS };
enum { N_SPEC_KINDS = KIND_RENDERJOB + 1 };
extern const struct name_table spec_kind_names;

struct arena;
struct node;
struct packed;

struct meta {
	const char *name;
	struct list labels, annotations; /* struct label */
};

struct object {
	const struct kind *kind;
	struct meta meta;
	const char *id; /* unique in its kind: the name; of a job "project/name" */
	struct place place;
	const char *source; /* the source that wants it, of several; NULL: the main one. Its path begins with it and a colon */
	const struct packed *written; /* the document; for places */
	const struct object *farm;    /* whose defaults lie below its spec, or NULL */
	guint n_files;   /* files of the commit that it names (spec/files.h) */
	void *spec;      /* of kind->spec_size; NULL for status-only kinds */
	void *status;    /* of kind->status_size; NULL when not observed */
};

struct kind {
	enum kind_id id;
	const char *name;   /* "RenderJob" */
	const char *plural; /* "renderjobs" */
	const char *alias;  /* "job" */
	const struct field *spec_fields; /* NULL: a status-only kind */
	gsize spec_size;
	const struct field *status_fields; /* NULL: nothing is observed of it */
	gsize status_size;
	const char *defaults; /* the key of its template below Farm.spec.defaults, or NULL */
	const char *project_key; /* the spec key that makes the id "project/name", or NULL */
	gboolean is_local;       /* lies on a host, never in a tree */
	const char *doc;
};

extern const struct kind kinds[N_KINDS];
extern const struct field meta_fields[];

/* By name, plural or alias, any case; NULL when unknown. */
const struct kind *kind_find(const char *word);

/* Where the value at a path (networks[0].user, blenders["4.2.3"].url) stands; the nearest part that was written, or
 * the object itself. */
struct place object_place(const struct object *o, const char *path);

/* The document that was looked into last. To unpack and merge it takes time in proportion to its size, and a rule may
 * ask for each of its items. All zero to begin with; valid while the object is. */
struct object_look {
	const struct object *object;
	const struct node *node;
	struct arena *arena;
};
void object_look_clear(struct object_look *look);
struct place object_look_place(struct object_look *look, const struct object *o, const char *path);
/* Whether anything is written at the path, right or wrong: what is missing is not said of a wrong value. */
gboolean object_look_has(struct object_look *look, const struct object *o, const char *path);
/* Whether a map is: of anything else its keys cannot be said to be missing. */
gboolean object_look_has_map(struct object_look *look, const struct object *o, const char *path);

/* The spec as written, the Farm's defaults merged below it; NULL when neither says anything. */
const struct node *object_node(struct arena *a, const struct object *o);

/* A file of the commit that an object names (spec/files.h). */
struct tree_text {
	const char *source, *path, *bytes; /* the source as object says it */
	gsize size;
};

/* A source of which nothing is known here, so that what it wants may well be wanted. */
struct absent_source {
	const char *name;
	const struct strings *kinds, *projects; /* what it may contain; empty: anything */
};

/* All objects of a tree or of an observation, per kind in order of their ids. */
struct objects {
	GPtrArray *by_kind[N_KINDS]; /* struct object * */
	struct list texts;           /* struct tree_text; those that this host's VMs name, put there by who reads the tree */
	struct list absent;          /* struct absent_source, put there by the same */
	struct object_index *index;  /* by id; filled when it is asked */
};

struct objects *objects_new(struct arena *a);
/* FALSE when one of that kind and id is there already. */
gboolean objects_add(struct objects *o, struct object *object);
struct object *objects_get(const struct objects *o, enum kind_id kind, const char *id);
/* The one that a person means: of that id, or the only one of that name, as a job without its project. NULL: there is
 * none; or several, whose ids are then in *ret_several (else NULL), as "a/x, b/x"; g_free(). */
struct object *objects_find(const struct objects *o, enum kind_id kind, const char *name, char **ret_several);
/* FALSE when two of a kind have one id. */
gboolean objects_sort(struct objects *o);
/* Replaces those of a kind by objects of ids that differ, in order. */
void objects_set(struct objects *o, enum kind_id kind, struct object *const *items, guint n);
#define OBJECTS_EACH(o, objects, id_)                                                                 \
	for (struct object **o##_at = (struct object **)(objects)->by_kind[id_]->pdata,                \
	                   **o##_end = o##_at + (objects)->by_kind[id_]->len, *o;                     \
	     o##_at < o##_end && (o = *o##_at) != NULL; o##_at++)

/* Of the texts that are there, or NULL. */
const struct tree_text *objects_text(const struct objects *o, const char *source, const char *path);
/* The absent source that may want an object of that kind and id, or NULL. */
const char *objects_absent(const struct objects *o, enum kind_id kind, const char *id);

/* The one Farm, or NULL. */
struct object *objects_farm(const struct objects *o);

/* Splits "root:path"; both from the arena. FALSE (both NULL) when it is not of that form, or NULL. */
gboolean root_path_split(struct arena *a, const char *text, const char **ret_root, const char **ret_path);
