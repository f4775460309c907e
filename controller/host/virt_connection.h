/* What a connection is made of. Private to virt_call.c and virt_connection.c.
 *
 * The lock guards calls and what stands below it; all else belongs to the thread that opened the connection. It
 * alone writes `closed` and `close_reason`, under the lock, so that it reads them without. The connection is counted
 * by the caller of virt_open() and by every call, so that one that hangs past virt_close() finds what it stands on. */
#pragma once
#include "host/virt.h"
#include <libvirt/libvirt.h>

struct virt {
	gatomicrefcount refs;
	GThread *home; /* that opened it: it iterates the default main context while it waits, others sleep */
	char *uri;
	GThreadPool *pool;
	struct virt_listener listener;
	int event_id; /* -1 when there are no events */
	int device_ids[2]; /* the same, of devices: come and gone, and changed */
	gboolean has_close_callback;
	gboolean has_listened; /* listening was asked for, and may have happened */

	GMutex lock;
	GCond changed;             /* something that sleepers wait for */
	guint n_sleepers;          /* on `changed` */
	guint n_home_waits;        /* of home, one within the other */
	virConnectPtr connection;  /* NULL until open, and after it was closed */
	GHashTable *busy;          /* object → struct call, not owned */
	GHashTable *known;         /* XML of the last listing (virt_list.c); NULL before the first */
	guint n_events;
	gboolean closed;
	char *close_reason;
};

struct virt *virt_new(const char *uri, const struct virt_listener *listener);
void virt_unref(struct virt *v);
/* Waits at most until `until_us` for all calls to return. */
void virt_wait_calls(struct virt *v, gint64 until_us);
/* Wakes who waits for something that changed. The lock is held. */
void virt_tell_waiting(struct virt *v);
