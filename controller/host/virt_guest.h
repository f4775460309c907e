/* What is asked of a guest and of its domain beside what runs it: its agent (qemu-guest-agent), its use of the host,
 * and cleave's mark. */
#pragma once
#include "host/virt.h"

/* Writes a file in the guest through its agent. Without an agent, or with one that does not answer, an error. */
gboolean virt_guest_write(struct virt *v, const struct virt_id *id, const char *path, const char *text, gint64 timeout_ms,
			  GError **error);

/* What the agent tells; what it does not is NULL. */
struct virt_guest {
	const char *hostname, *os, *kernel;
	const char *const *addresses; /* "10.0.2.15/24"; without loopback */
	guint n_addresses;
};
gboolean virt_guest_info(struct virt *v, struct arena *arena, const struct virt_id *id, gint64 timeout_ms,
			 struct virt_guest *ret, GError **error);

/* What a domain takes of the host. */
struct virt_use {
	const char *name;
	guint64 memory_bytes; /* resident; 0 = not told */
	gint64 cpu_ms;        /* 0 = not told */
};
/* Of all domains that run. */
gboolean virt_list_use(struct virt *v, struct arena *arena, gint64 timeout_ms, struct virt_use **ret, guint *ret_n, GError **error);

/* Writes an element of a namespace into the domain's metadata, of its definition and, while it runs, of itself;
 * `xml` NULL removes it. Nothing else of the domain changes. */
gboolean virt_set_mark(struct virt *v, const struct virt_id *id, const char *xml, const char *prefix, const char *uri,
		       gint64 timeout_ms, GError **error);
