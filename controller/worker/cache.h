/* What was fetched, by the SHA-256 that was asked for: a folder that all workers of a machine share.
 *
 * In: a digest, and a function that brings it. Out: a folder with its files that stays while it is held. Only whole
 * entries have a name; what has not been used for longest goes when the limit is reached, never what somebody holds.
 *
 *	SHA256/tree/…     the files
 *	SHA256/facts      their size, and a digest of their names, sizes and times
 *	SHA256/use        locked (shared) while held; its time is that of the last use
 *	partial/SHA256*   on its way; .lock is held by the one that brings it
 *	gone/…            being removed */
#pragma once
#include <glib.h>

struct cache;
struct cache_entry;

/* Makes nothing yet. */
struct cache *cache_new(const char *folder, guint64 most_bytes);
void cache_free(struct cache *c);
guint64 cache_most_bytes(const struct cache *c);

/* Where something is brought to. */
struct cache_place {
	const char *folder;    /* of the parts */
	const char *part, *tag; /* names in there, for a download: what is there of it already was not finished */
	const char *tree;      /* an empty folder; what it holds at the end is the entry */
};

struct cache_order {
	const char *sha256;
	gboolean (*bring)(const struct cache_place *place, void *user, GError **error);
	gboolean (*is_over)(void *user); /* while another worker brings it: TRUE ends the waiting, ERROR_TIMEOUT. May be NULL */
	void *user;
};

/* The entry, brought if it is not there or not what it was; cache_release() it. ERROR_FAILED: no room, or no folder. */
struct cache_entry *cache_take(struct cache *c, const struct cache_order *order, GError **error);
void cache_release(struct cache_entry *e);
/* Of its files; absolute. */
const char *cache_entry_folder(const struct cache_entry *e);
