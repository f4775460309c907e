/* Domains as they were read last: XML is parsed again only when its bytes have changed.
 *
 * In: domains with XML, pass after pass. Out: the same as values. Owned by reconcile.c's session; what a pass was
 * given lives as long as the pass's arena, whatever is forgotten meanwhile. */
#pragma once
#include "domain/domain.h"

struct arena;
struct domain_cache;
struct virt_domain;

struct domain_read {
	const char *uuid;
	gboolean is_read, is_live; /* what is stored could be read; what runs */
	struct vm_spec defined, live;
	struct domain_facts facts, live_facts;
};

struct domain_cache *domain_cache_new(void);
void domain_cache_free(struct domain_cache *c);

/* `d` has XML. `c` may be NULL: then it is parsed into `a`. */
const struct domain_read *domain_cache_read(struct domain_cache *c, struct arena *a, const struct virt_domain *d);
/* All domains were read: those that were not since the last call are gone, and forgotten. */
void domain_cache_forget_gone(struct domain_cache *c);
/* How many times XML was parsed so far. */
guint domain_cache_count_parsed(const struct domain_cache *c);
