/* Xids: what NVIDIA's driver writes into the kernel's log when a card is in trouble.
 *
 * NVML tells them only to who waits with the library open, and an open library keeps a card from leaving its driver.
 * The log is a ring: what is older than it holds is forgotten. Root alone may read it; who may not hears of none. */
#pragma once
#include "host/tree.h"

struct xid_count {
	const char *address; /* "0000:65:00.0" */
	gint64 last, n;      /* number of the last one; how many there are */
};

struct xid_counts {
	struct xid_count *items;
	guint n;
	gboolean is_told; /* the log could be read */
};

void xid_read(struct arena *a, const struct host_tree *t, struct xid_counts *ret);
/* NULL: it has none. Functions of one slot are one card. */
const struct xid_count *xid_find(const struct xid_counts *all, const char *address);
