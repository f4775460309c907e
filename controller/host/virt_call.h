/* How a libvirt call is made: in the pool, with a deadline and a quarantine. For virt.c and its tests. */
#pragma once
#include "host/virt.h"
#include <libvirt/libvirt.h>

/* On a thread of the pool. Touches nothing but the connection and `data`. Returns the result, or NULL with
 * an error (virt_fail). */
typedef gpointer (*virt_func)(virConnectPtr connection, gpointer data, GError **error);

struct virt_job {
	const char *what;   /* "defining"; with the object's name it begins the error */
	const char *name;   /* of the object, for messages; NULL when `what` says it all */
	const char *object; /* one call at a time, and what is quarantined: of a domain its name; "" for the connection */
	virt_func run;
	gpointer data; /* given away: freed when the call has returned, maybe long after */
	GDestroyNotify data_free;
	GDestroyNotify result_free; /* for a result that nobody waits for any more */
};

/* From any thread. The one that opened the connection iterates the default main context while it waits; others sleep,
 * and never wait longer than `timeout_ms`. A call for the same object that is under way is waited for; one that is
 * stuck is not: ERROR_AWAY. */
gboolean virt_call(struct virt *v, const struct virt_job *job, gint64 timeout_ms, gpointer *ret_result, GError **error);

/* Turns this thread's last libvirt error into `error`, in libvirt's words. Returns NULL. */
gpointer virt_fail(GError **error);

/* For calls that end with a look at the domain: on the thread of the pool, its result, to be taken or freed. */
gpointer virt_look_run(virConnectPtr connection, const char *name, GError **error);
struct virt_domain virt_look_take(gpointer result, struct arena *arena);
void virt_look_free(gpointer result);
