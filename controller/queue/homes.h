/* Which host has a VM: what keeps one from running on two hosts when its `host:` changes.
 *
 * A host says so before it defines or starts a VM, and takes it back when the VM is off and wanted elsewhere. Redis
 * decides who was first. A Redis that was emptied hears it again with each host's next pass. */
#pragma once
#include <glib.h>

struct arena;
struct redis;

/* *ret_home is the host that has it now: `host`, or the one that had it before. */
gboolean home_take(struct redis *r, struct arena *a, const char *vm, const char *host, const char **ret_home, GError **error);
/* Nothing happens when another host has it. `host` NULL: whichever has it. */
gboolean home_leave(struct redis *r, const char *vm, const char *host, GError **error);
/* The host of each VM, in the same order; NULL = none has it. */
gboolean home_list(struct redis *r, struct arena *a, const char *const *vms, guint n, const char **ret_homes, GError **error);
