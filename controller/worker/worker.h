/* What the files of the worker share: one struct, owned by main.c, used by the main thread alone. */
#pragma once
#include "frames/digest.h"
#include "queue/redis.h"
#include "worker/blender.h"
#include "worker/config.h"
#include "worker/heartbeat.h"

struct worker {
	const struct config *config;
	char *host, *boot_id;
	int stop_fd; /* readable once the worker shall leave */
	struct redis *redis;
	struct heartbeat *heartbeat;
	struct digest_cache *digests; /* of scenes */
	struct blender *blender;      /* NULL: to be started */
	char *trouble;                /* why it waits; NULL: it does not */
	guint delay_ms;               /* before it looks at the trouble again */
};

/* Why nothing can be rendered now: logged and reported when it changes. NULL: it is over. */
void worker_say_trouble(struct worker *w, const char *trouble);
/* Sleeps; FALSE as soon as the worker shall leave. */
gboolean worker_pause(const struct worker *w, guint ms);
gboolean worker_must_stop(const struct worker *w);
/* Starts Blender when there is none, or when it has rendered its share. */
gboolean worker_need_blender(struct worker *w, GError **error);
/* The directory that is proven to be the root; -1 and ERROR_AWAY when it is not there, ERROR_NOT_FOUND
 * when this worker has no such root. Close it. */
int worker_open_root(const struct worker *w, const char *name, GError **error);
/* Leases and renders until it shall leave (or, once, until there is nothing). FALSE: it could not. */
gboolean worker_run(struct worker *w);
