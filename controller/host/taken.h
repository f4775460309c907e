/* What cleave took from the host, so that it can be given back: a file a device below STATE/devices/, written
 * before the first write to the device and removed after it was given back. And writes that never returned.
 *
 * Facts of this host: they outlive a crash of the controller, and a reboot (after which the devices are as the
 * host makes them). Read by observe/, written by apply/. */
#pragma once
#include <glib.h>

struct arena;
struct taken;

/* Two things are taken, and given back, by themselves: a device from its driver, a card's number of VFs. */
enum taken_what { TAKEN_DRIVER = 1 << 0, TAKEN_VFS = 1 << 1 };

struct taken_device {
	const char *address;
	const char *id;              /* "10de:2231": another device at that address was not taken; NULL = not told */
	unsigned what;               /* of enum taken_what: what of the below is said */
	const char *driver;          /* that it had; NULL = none */
	const char *driver_override; /* that it had; NULL = none */
	gint64 n_vfs;                /* the number before; -1 without TAKEN_VFS */
	gint64 vf_autoprobe;         /* sriov_drivers_autoprobe before; -1 = not told */
};

/* `state` is the state folder; read anew at each call, so that two processes see the same. */
struct taken *taken_new(const char *state);
/* NULL is fine. */
void taken_free(struct taken *t);

/* FALSE when nothing was taken (or its file cannot be read: it is then told in *error). `id` is of the device that is
 * there: cards are swapped, and addresses move when one is added. NULL: whichever it is. */
gboolean taken_find(struct taken *t, struct arena *a, const char *address, const char *id, struct taken_device *ret,
                    GError **error);
/* Writes it to the disk. What of it was noted before is kept: it is what was there before cleave. What was noted of
 * another device at that address goes. */
gboolean taken_note(struct taken *t, const struct taken_device *device, GError **error);
/* Forgets that much of it. Absent is success. */
gboolean taken_forget(struct taken *t, const char *address, unsigned what, GError **error);
/* Addresses of all that is noted; NULL at the end. */
char **taken_list(struct taken *t, struct arena *a);

/* A write that the helper `pid` does not return from. It counts as long as this very process lives; of one that has
 * ended nothing is noted. */
gboolean taken_note_stuck(struct taken *t, const char *address, const char *path, gint64 pid, GError **error);
/* Addresses of those where a write is stuck; NULL at the end. */
char **taken_list_stuck(struct taken *t, struct arena *a);
/* "driver/unbind, since 2026-01-02T03:04:05Z", or NULL when nothing is stuck there. */
const char *taken_find_stuck(struct taken *t, struct arena *a, const char *address);
