/* By UUID. An entry has an arena of its own, and is counted by the cache and by each pass that was given it. */
#include "observe/domain_cache.h"
#include "base/arena.h"
#include "host/virt.h"
#include <string.h>

struct entry {
	guint refs;
	guint round; /* in which it was read last */
	struct arena *arena;
	const char *active_xml, *inactive_xml;
	struct domain_read read;
};

struct domain_cache {
	GHashTable *entries; /* UUID → struct entry */
	guint round, n_parsed;
};

static void entry_unref(gpointer data)
{
	struct entry *e = data;
	if (--e->refs == 0)
		arena_free(e->arena); /* it lies there as well */
}

static void release_string(gpointer string)
{
	g_ref_string_release(string);
}

static const char *acquire(struct arena *a, const char *string)
{
	if (string)
		arena_own(a, g_ref_string_acquire((char *)string), release_string);
	return string;
}

/* An unchanged one is, in most cases, the same. */
static gboolean is_same(const char *x, const char *y)
{
	return x == y || g_strcmp0(x, y) == 0;
}

struct domain_cache *domain_cache_new(void)
{
	struct domain_cache *c = g_new0(struct domain_cache, 1);
	c->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_unref);
	return c;
}

void domain_cache_free(struct domain_cache *c)
{
	if (!c)
		return;
	g_hash_table_destroy(c->entries);
	g_free(c);
}

static void parse(struct arena *a, const struct virt_domain *d, struct domain_read *ret)
{
	const char *stored = d->inactive_xml ? d->inactive_xml : d->active_xml;
	ret->uuid = arena_strdup(a, d->uuid);
	ret->is_live = d->active_xml && domain_from_xml(a, d->active_xml, &ret->live, &ret->live_facts, NULL);
	ret->is_read = domain_from_xml(a, stored, &ret->defined, &ret->facts, NULL);
}

static struct entry *entry_new(const struct virt_domain *d)
{
	struct arena *a = arena_new();
	struct entry *e = ARENA_NEW(a, struct entry);
	*e = (struct entry){ .refs = 1, .arena = a, .active_xml = acquire(a, d->active_xml),
		             .inactive_xml = acquire(a, d->inactive_xml) };
	parse(a, d, &e->read);
	return e;
}

const struct domain_read *domain_cache_read(struct domain_cache *c, struct arena *a, const struct virt_domain *d)
{
	if (!c) {
		struct domain_read *read = ARENA_NEW(a, struct domain_read);
		parse(a, d, read);
		return read;
	}
	struct entry *e = g_hash_table_lookup(c->entries, d->uuid);
	if (!e || !is_same(e->active_xml, d->active_xml) || !is_same(e->inactive_xml, d->inactive_xml)) {
		e = entry_new(d);
		g_hash_table_replace(c->entries, (gpointer)e->read.uuid, e);
		c->n_parsed++;
	}
	e->round = c->round;
	e->refs++;
	arena_own(a, e, entry_unref);
	return &e->read;
}

static gboolean is_gone(gpointer uuid, gpointer entry, gpointer cache)
{
	(void)uuid;
	return ((const struct entry *)entry)->round != ((const struct domain_cache *)cache)->round;
}

void domain_cache_forget_gone(struct domain_cache *c)
{
	if (!c)
		return;
	g_hash_table_foreach_remove(c->entries, is_gone, c);
	c->round++;
}

guint domain_cache_count_parsed(const struct domain_cache *c)
{
	return c->n_parsed;
}
