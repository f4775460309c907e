/* What the last load read, for the next: a file of the same path and git blob is neither read nor decoded
 * again, and its problems are told again.
 *
 * Entries are counted references. Who loads with a cache gets objects that live as long as the arena
 * given to spec_load_cached(), whatever becomes of the cache, so that two revisions can be held at once.
 * Objects are shared between loads: nobody may write to them. On one thread. */
#pragma once
#include "spec/order.h"
#include "spec/rules.h"

struct sheet_objects;

struct spec_cache {
	GHashTable *by_path; /* path → struct sheet_objects *, a reference each */
	struct spec_order order;
	GPtrArray *came, *went; /* struct object *: what the last load brought and lost */
	gboolean is_clean;      /* no rule across objects found anything in it */
	guint stamp; /* counts loads */
};

struct spec_cache *spec_cache_new(void);
void spec_cache_free(struct spec_cache *c);

/* Whether the next load can do without the bytes of that file; `ret_size` is what they measure. */
gboolean spec_cache_knows(const struct spec_cache *c, const char *path, const char *blob_id, gsize *ret_size);

/* For load.c. The objects last made from that file, or NULL. */
struct sheet_objects *spec_cache_find(const struct spec_cache *c, const char *path, const char *blob_id);
/* Keeps exactly these (struct sheet_objects *, one a file), and tells `all` the order of their objects and
 * what of them is new, if that is known at less than a sort: else FALSE, and spec_cache_keep_order() is to
 * be called after it. */
gboolean spec_cache_keep(struct spec_cache *c, const GPtrArray *files, struct objects *all, struct rules_news *ret);
void spec_cache_keep_order(struct spec_cache *c, const struct objects *all);
/* Forgets all: what was loaded cannot be known again. */
void spec_cache_clear(struct spec_cache *c);
