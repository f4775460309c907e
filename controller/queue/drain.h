/* VMs that take no new work: who wants to shut a VM down drains it first.
 *
 * In: the VM's SMBIOS UUID, in lower case, by which its workers are known. Out: its workers begin no frame from
 * then on (lease_take() and, before each frame, lease_extend() refuse them), finish the one in hand and give the
 * rest back. Nobody polls: Redis wakes the workers that wait. */
#pragma once
#include <glib.h>

struct arena;
struct redis;

struct drained {
	const char *uuid, *reason;
	gint64 since_ms; /* unix time, by Redis's clock */
};

/* Said again, it stays drained since the first time; the reason is the new one. */
gboolean drain_set(struct redis *r, const char *uuid, const char *reason, GError **error);
/* Nothing happens when it is not drained. */
gboolean drain_clear(struct redis *r, const char *uuid, GError **error);
/* Sorted by UUID. */
gboolean drain_list(struct redis *r, struct arena *a, struct drained **ret, guint *ret_n, GError **error);
