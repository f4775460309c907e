/* Redis Sentinel: which of several servers takes writes now.
 *
 * In: the sentinels of an address. Out: its .host and .port. Asked for every connection anew, since the answer is
 * what changes in a failover; the server is asked for its ROLE afterwards, because sentinels may be late
 * (https://redis.io/docs/latest/develop/reference/sentinel-clients/). */
#pragma once
#include "queue/address.h"

struct redisContext;

/* Asks one sentinel after the other, each for `timeout_ms` at most. ERROR_AWAY when none knows. */
gboolean sentinel_find(struct redis_address *address, guint timeout_ms, GError **error);
/* ERROR_AWAY when the server at the other end is no primary; without a service TRUE, unasked. */
gboolean sentinel_check_role(const struct redis_address *address, struct redisContext *context, GError **error);
