/* What follows from how a VM's last runs ended: whether it is started again at once, later, or not by itself. */
#pragma once
#include "spec/vm.h"

struct arena;

enum { VM_SHORT_RUNS_MOST = 5 };    /* in a row, and it is not started again by itself */
enum { VM_SHORT_RUN_MS = 600000 };  /* a run that ended sooner, and not by cleave or by hand, is a short one */

/* Short runs in a row, with the one that has just ended; 0 for another revision than that which it was started for,
 * and while it is up. */
gint64 vm_short_runs(const struct vm_status *s, const char *revision);
/* How long after its end it is started again, after so many short runs. */
gint64 vm_backoff_ms(const struct vm_status *s, gint64 n_short_runs);
/* Somebody ended it from outside, not cleave. */
gboolean vm_was_stopped_by_hand(const struct vm_status *s);
/* Its guest has powered off, of itself or since somebody asked it to: libvirt cannot tell. */
gboolean vm_has_powered_off(const struct vm_status *s);

/* Milliseconds since the epoch of an RFC 3339 time; 0: none. */
gint64 vm_time_ms(const char *text);
/* Whether an end has passed; FALSE where there is none. */
gboolean vm_time_is_over(const char *until, gint64 now_ms);
/* And back, in UTC and whole seconds. */
const char *vm_time_text(struct arena *a, gint64 ms);
