/* What the files of the worker share: one struct, owned by main.c, used by the main thread alone. */
#pragma once
#include "frames/digest.h"
#include "queue/redis.h"
#include "worker/blender.h"
#include "worker/blenders.h"
#include "worker/config.h"
#include "worker/gpus.h"
#include "worker/heartbeat.h"
#include "worker/measure.h"

struct cache;

struct buckets;

struct worker {
	const struct config *config;
	char *host, *boot_id;
	char *vm_uuid; /* "" none */
	int leave_fd;  /* readable once the worker shall leave, between two frames */
	int stop_fd;   /* readable once it shall leave at once */
	struct gpus *gpus;
	struct redis *redis;
	struct heartbeat *heartbeat;
	struct measure *measure; /* NULL: nothing is measured */
	struct digest_cache *digests; /* of scenes */
	struct buckets *buckets;
	struct traced *traced;        /* of what scenes use */
	struct sandbox *sandbox;      /* NULL: to be found */
	struct cache *cache;          /* of what was fetched */
	struct blenders *blenders;    /* versions */
	struct blenders_choice choice; /* what `blender` was started from */
	struct blender *blender;      /* NULL: to be started */
	char *shown;                  /* the folder in the cache that Blenders see; NULL: none */
	char **devices;               /* that the last Blender told; NULL: none yet */
	GHashTable *roots;            /* names of those that are proven now */
	char *trouble;                /* why it waits; NULL: it does not */
	gboolean is_blind;            /* it was said that the GPU's temperature is not known */
	guint delay_ms;               /* before it looks at the trouble again */
};

/* Why nothing can be rendered now: logged and reported when it changes. NULL: it is over. */
void worker_say_trouble(struct worker *w, const char *trouble);
/* Before each lease and each frame. ERROR_REFUSED: this VM is drained, as a file says; ERROR_AWAY: its GPU is too
 * hot now. Needs no Redis. */
gboolean worker_may_begin(struct worker *w, GError **error);
/* Sleeps; FALSE as soon as the worker shall leave. */
gboolean worker_pause(const struct worker *w, guint ms);
gboolean worker_must_stop(const struct worker *w);
/* Starts Blender when there is none, when it has rendered its share, or when it is not the one that this task needs
 * (NULL: no task yet). */
gboolean worker_need_blender(struct worker *w, const struct task *task, GError **error);
/* A Blender sees one scene of the cache, that of its job: starts another one when it has to see this folder (NULL:
 * none). After worker_need_blender(), whose errors it has. */
gboolean worker_show_scene(struct worker *w, const struct task *task, const char *folder, GError **error);
/* One more of the same program; blender_stop() it. */
struct blender *worker_start_blender(struct worker *w, const struct task *task, GError **error);
/* The directory that is proven to be the root; -1 and ERROR_AWAY when it is not there, ERROR_NOT_FOUND
 * when this worker has no such root. Close it. */
int worker_open_root(const struct worker *w, const char *name, GError **error);
/* Leases and renders until it shall leave (or, once, until there is nothing). FALSE: it could not. */
gboolean worker_run(struct worker *w);
