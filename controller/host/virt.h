/* libvirt: one connection, every call with a deadline.
 *
 * libvirt's calls block and cannot be cancelled. They run in a pool of threads that touch no state of the caller;
 * meanwhile the thread that opened the connection, which must be the main one, iterates the default main context. So
 * what is attached there (events, timers, the watch) runs during a call: such callbacks only note that there is
 * something to do, and start no pass and no call of their own. Other threads may call as well, and sleep meanwhile.
 *
 * Past its deadline a call is left alone: ERROR_TIMEOUT, and until it returns every other call for the
 * same domain fails at once with ERROR_AWAY. The URI "none" is the caller's affair. */
#pragma once
#include "base/names.h"
#include <glib.h>

struct arena;
struct virt;

/* https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState, same order */
enum virt_state {
	VIRT_NO_STATE,
	VIRT_RUNNING,
	VIRT_BLOCKED,
	VIRT_PAUSED,
	VIRT_SHUTTING_DOWN,
	VIRT_SHUT_OFF,
	VIRT_CRASHED,
	VIRT_SUSPENDED,
	VIRT_N_STATES,
};
extern const struct name_table virt_states;

struct virt_domain {
	const char *name, *uuid;
	enum virt_state state;
	int reason; /* of the state: libvirt's virDomain*Reason for that state */
	gboolean active, persistent, autostart;
	/* Each a GRefString; one that did not change since the listing before is the same one. */
	const char *active_xml;   /* NULL when not active */
	const char *inactive_xml; /* what the next start uses; NULL when not persistent */
};

struct virt_domains {
	struct virt_domain *list; /* in libvirt's order */
	guint n;
};

struct virt_about {
	const char *hypervisor;         /* "QEMU", "TEST" */
	const char *hypervisor_version; /* "7.2.0" */
	const char *libvirt_version;    /* of the side that runs the VMs */
	const char *hostname;
	gboolean has_kvm;             /* domains of type kvm can be started */
	const char *capabilities_xml; /* host capabilities */
};

/* Which domain. Looked up by UUID; the name stands in messages. */
struct virt_id {
	const char *name, *uuid;
};

struct virt_listener {
	/* Something happened to a domain: "defined", "started", "stopped", …; look again. */
	void (*domain_event)(const struct virt_id *id, const char *event, gpointer user);
	/* Something happened to a device of the host: "pci_0000_65_00_0", "created", "deleted", "updated". Not with
	 * drivers that have no devices (embedded). */
	void (*device_event)(const char *name, const char *event, gpointer user);
	/* The connection died; every call fails with ERROR_AWAY from now on. Close it and open anew, with
	 * pauses in between. */
	void (*closed)(const char *reason, gpointer user);
	gpointer user;
};

/* The callbacks run on the main thread; any may be NULL. For `qemu:///embed?root=DIR` DIR is prepared
 * first (embed.h). */
struct virt *virt_open(const char *uri, const struct virt_listener *listener, gint64 timeout_ms, GError **error);
/* Waits at most `timeout_ms` for calls that are under way; what is stuck then is left behind. An embedded
 * driver must be closed before the program ends, for its root to be free. */
void virt_close(struct virt *v, gint64 timeout_ms);
gboolean virt_is_alive(const struct virt *v);
/* Calls that this thread has made. */
guint virt_count_calls(void);
/* Calls that passed their deadline and have not returned. */
guint virt_count_stuck(const struct virt *v);

/* Every domain with its XML, from one listing. What is returned lives as long as `arena`. */
gboolean virt_list(struct virt *v, struct arena *arena, gint64 timeout_ms, struct virt_domains *ret, GError **error);
/* One domain by its name; absent is not an error: .name NULL. */
gboolean virt_look(struct virt *v, struct arena *arena, const char *name, gint64 timeout_ms, struct virt_domain *ret,
		   GError **error);
gboolean virt_describe(struct virt *v, struct arena *arena, gint64 timeout_ms, struct virt_about *ret, GError **error);

/* `id` must be the name and UUID within `xml`. The first define after a change of QEMU takes seconds: it
 * asks QEMU what it can do. */
gboolean virt_define(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error);
/* Running already is success. */
gboolean virt_start(struct virt *v, const struct virt_id *id, gint64 timeout_ms, GError **error);
/* The same two, and how the domain is then, as virt_look() tells it, from one call. */
gboolean virt_define_and_look(struct virt *v, struct arena *arena, const struct virt_id *id, const char *xml,
			      gint64 timeout_ms, struct virt_domain *ret, GError **error);
gboolean virt_start_and_look(struct virt *v, struct arena *arena, const struct virt_id *id, gint64 timeout_ms,
			     struct virt_domain *ret, GError **error);
/* Asks the guest to power off, waits `graceful_ms` for it (0: does not ask), then destroys. Not running is
 * success; not existing is ERROR_NOT_FOUND. */
gboolean virt_stop(struct virt *v, const struct virt_id *id, gint64 graceful_ms, gint64 timeout_ms, GError **error);
/* With its managed save and snapshot metadata. Absent is success. */
gboolean virt_undefine(struct virt *v, const struct virt_id *id, gboolean keep_nvram, gint64 timeout_ms,
		       GError **error);

/* Waits until an event came for this connection, or until `until_us` of g_get_monotonic_time(). From any thread; the one
 * that opened the connection iterates the default main context meanwhile. */
void virt_wait_event(struct virt *v, gint64 until_us);
