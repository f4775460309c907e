/* The job owner: one controller at a time reconciles the render jobs, by a lease in Redis.
 *
 * In: a controller's name, unique to its process. Out: who the owner is and the fencing number that
 * every change of the backlog carries, so that a former owner changes nothing. */
#pragma once
#include <glib.h>

struct arena;
struct redis;

struct owner {
	const char *holder; /* in the arena */
	gint64 fence;       /* grows with each change of holder, also over an emptied Redis */
	gboolean is_mine;
};

/* A controller renews it more often; one that is gone loses the jobs after this long. */
enum { OWNER_TTL_MS = 60000 };

/* Who it is now, without becoming it; .holder is "" when nobody is. */
gboolean owner_show(struct redis *r, struct arena *a, struct owner *ret, GError **error);
/* Takes the ownership, or renews it; somebody else's that has not run out is left alone. */
gboolean owner_acquire(struct redis *r, struct arena *a, const char *holder, gint64 ttl_ms, struct owner *ret,
		       GError **error);
/* Is the fence still the owner's, and has nobody acted on a later revision than this one's `epoch`? From here on nobody may
 * act on an earlier one. 0: no order is known. ERROR_REFUSED. */
gboolean owner_pass(struct redis *r, gint64 fence, gint64 epoch, const char *revision, GError **error);
/* What was acted on last, in the arena. */
struct owner_epoch {
	guint64 number;       /* 0: nothing */
	const char *revision; /* NULL: not known */
	const char *gone;     /* commits that were acted on and left behind, with spaces between; the last one first */
};
gboolean owner_epoch_read(struct redis *r, struct arena *a, struct owner_epoch *ret, GError **error);
gboolean owner_epoch_is_gone(const struct owner_epoch *e, const char *commit);
/* `gone` is left behind from now on, and `commit` is not. The job owner alone does this. */
void owner_epoch_leave(struct redis *r, const struct owner_epoch *e, const char *gone, const char *commit);
/* Lets others take it at once; nothing happens when it is not `holder`'s. */
gboolean owner_release(struct redis *r, const char *holder, GError **error);
