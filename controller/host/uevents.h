/* What the kernel says by itself: devices that come, go, and change their driver (uevents).
 *
 * A wake-up, never a fact: who is called looks again. It needs no privilege. The socket belongs to the network
 * namespace it was opened in; there the kernel tells of all devices, in containers' own ones of none. */
#pragma once
#include <glib.h>

struct uevents;

/* Calls `look` on the default main context, once for all that has come since the last time, and when the kernel had
 * to drop some. Callbacks may run within a libvirt call (host/virt.h): they only note that there is something to do. */
struct uevents *uevents_open(void (*look)(gpointer user), gpointer user, GError **error);
void uevents_close(struct uevents *u);

/* -- for tests ------------------------------------------------------------------------------------------- */

/* Points into the bytes it was read from. */
struct uevent {
	const char *action;    /* "bind" */
	const char *devpath;   /* "/devices/pci0000:00/0000:00:02.0" */
	const char *subsystem; /* "pci" */
};

/* FALSE when it is no message of the kernel: not "ACTION@DEVPATH" and then KEY=VALUE with the same action and path,
 * each ended by NUL. https://docs.kernel.org/core-api/kobject.html and lib/kobject_uevent.c */
gboolean uevent_parse(const char *bytes, gsize size, struct uevent *ret);
/* Whether what is observed may have changed by it. */
gboolean uevent_matters(const struct uevent *e);
