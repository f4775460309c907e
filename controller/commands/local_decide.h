/* What is decided on this host alone: by the controller that holds the state folder, or here when none does. */
#pragma once
#include "commands/command.h"
#include "state/hold.h"
#include "state/local_decisions.h"

/* The object that is meant, by its full id; without a name the Farm. ERROR_NOT_FOUND, ERROR_INVALID. */
gboolean decision_find(const struct objects *all, struct local_decision *d, GError **error);

/* Suspends the object, or cordons or drains this host. */
int local_suspend(struct invocation *in, const struct local_decision *d);
int local_resume(struct invocation *in, const char *kind, const char *name);
int local_uncordon(struct invocation *in, const char *host);
int local_hold(struct invocation *in, const struct hold *h);
int local_release(struct invocation *in);

/* Says that the object is suspended, or the Host cordoned or drained, on this host alone, if it is: git does not know. */
void local_tell_of(const struct invocation *in, const char *kind, const char *name, gboolean is_state);
/* Says that the commit failed (`error` may be NULL: it was said), and that --local is a way out where there is one. The exit code. */
int local_hint(const GError *error, gboolean has_way_out);
