/* The worker's sign of life, from a thread and a connection of its own, so that neither a long frame nor
 * a slow file server looks like death.
 *
 * In: what the worker is doing. Out: reports and longer leases in Redis every third of the lease's time,
 * and a descriptor that says that the lease is lost. */
#pragma once
#include "queue/crew.h"
#include "worker/config.h"

struct heartbeat;

/* `self` gives the facts that do not change; its strings are copied. Fails only on the configuration. */
struct heartbeat *heartbeat_start(const struct config *c, const struct crew_member *self, GError **error);
/* Says goodbye to Redis, when it answers, and ends the thread. */
void heartbeat_stop(struct heartbeat *h);

/* What Blender turned out to be; "" while none answers. */
void heartbeat_know(struct heartbeat *h, const char *blender, const char *devices, const char *labels);
/* The GPUs that are there, a line each. */
void heartbeat_see(struct heartbeat *h, const char *gpus);
/* Figures of theirs (gpus_figures()), which change all the time: the next report has them. */
void heartbeat_measure(struct heartbeat *h, const char *cards);
/* `state` and `detail` as in struct crew_member. Reported at once when it is a change. */
void heartbeat_say(struct heartbeat *h, const char *state, const char *detail);
/* The lease to keep; NULL for none. */
void heartbeat_hold(struct heartbeat *h, const char *token, const char *job);
/* The frame in hand. */
void heartbeat_frame(struct heartbeat *h, gint64 frame);
void heartbeat_count(struct heartbeat *h, gboolean is_done);
/* Readable when the lease that is held was revoked or has run out. */
int heartbeat_lost_fd(const struct heartbeat *h);
