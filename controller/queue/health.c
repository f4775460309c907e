/* INFO tells version, eviction and whether there is an append-only file; whether snapshots are written stands in the
 * configuration alone. */
#include "queue/health.h"
#include "base/arena.h"
#include "queue/functions.h"
#include <string.h>

/* "key:value" at the begin of a line. */
static const char *find_value(struct arena *a, const char *info, const char *key)
{
	gsize len = strlen(key);
	for (const char *at = info; at && *at; at = strchr(at, '\n'), at += at != NULL)
		if (strncmp(at, key, len) == 0 && at[len] == ':')
			return arena_strndup(a, at + len + 1, strcspn(at + len + 1, "\r\n"));
	return NULL;
}

static const char *read_snapshots(struct redis *r)
{
	SCOPED_REPLY reply = redis_call(r, REDIS_REPEAT, 3, (const char *const[]){ "CONFIG", "GET", "save" }, NULL);
	if (!reply || reply_count(reply) < 2)
		return NULL;
	return *reply_text(reply_at(reply, 1)) ? "rdb" : "none";
}

void health_read(struct redis *r, struct arena *a, struct health *ret)
{
	SCOPED_REPLY reply = redis_call(r, REDIS_REPEAT, 1, (const char *const[]){ "INFO" }, NULL);
	const char *info = reply ? reply_text(reply) : "";
	*ret = (struct health){ .version = find_value(a, info, "redis_version"), .eviction = find_value(a, info, "maxmemory_policy") };
	const char *log = find_value(a, info, "aof_enabled");
	if (log)
		ret->persistence = strcmp(log, "1") == 0 ? "aof" : read_snapshots(r);
}
