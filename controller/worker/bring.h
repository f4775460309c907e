/* Bringing what tasks name into the cache: by its URL, or from a file on this machine. Called by scene.c, blenders.c. */
#pragma once
#include "worker/cache.h"
#include "worker/worker.h"

/* TRUE when the worker shall stop, or its lease is lost. `worker` is a struct worker. */
gboolean bring_is_over(void *worker);

/* http, https or s3. What comes lies at place->folder/place->part and has this digest. */
gboolean bring_url(const struct worker *w, const char *url, const char *sha256, const struct cache_place *place, GError **error);
/* An archive's files into place->tree. */
gboolean bring_archive(struct worker *w, int fd, const struct cache_place *place, GError **error);
/* What an error of bringing means for frames, as scene.h says it; `what` comes before it. Returns FALSE. */
gboolean bring_fail(struct worker *w, GError *problem, const char *what, GError **error);
