/* Which hosts' turn it is to do something disruptive, and what controllers say of their hosts.
 *
 * A host takes a slot before the first such action, keeps it until it is Ready again, and loses it when its controller
 * says nothing for SLOT_TTL_MS: by Redis's clock. Who lost it begins nothing more. */
#pragma once
#include <glib.h>

struct arena;
struct redis;

enum { SLOT_TTL_MS = 600000 };

struct slot_host {
	const char *host, *revision;
	gboolean is_ready;
};

struct slots {
	const char **holders;
	guint n_holders;
	struct slot_host *hosts;
	guint n_hosts;
};

/* *ret: the host has one of `n` slots now. */
gboolean slot_take(struct redis *r, const char *host, gint64 n, gint64 ttl_ms, gboolean *ret, GError **error);
/* *ret: it has one still, for as long again. */
gboolean slot_keep(struct redis *r, const char *host, gint64 ttl_ms, gboolean *ret, GError **error);
gboolean slot_leave(struct redis *r, const char *host, GError **error);
/* All of the host is Ready at the revision, or not. Others look again when that is news. */
gboolean slot_say(struct redis *r, const char *host, const char *revision, gboolean is_ready, GError **error);
gboolean slots_read(struct redis *r, struct arena *a, struct slots *ret, GError **error);
