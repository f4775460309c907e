/* What cleave took from the host, so that it can be given back: a file a device below STATE/devices/, written
 * before the first write to the device and removed after it was given back. And writes that never returned.
 *
 * Facts of this host: they outlive a crash of the controller, and a reboot (after which the devices are as the
 * host makes them). Read by observe/, written by apply/. */
#pragma once
#include <glib.h>

struct arena;
struct taken;

struct taken_device {
	const char *address;
	const char *driver;          /* that it had; NULL = none */
	const char *driver_override; /* that it had; NULL = none */
	gint64 n_vfs;                /* of a card whose VFs were set: the number before; -1 = they were not */
};

/* `state` is the state folder; read anew at each call, so that two processes see the same. */
struct taken *taken_new(const char *state);
void taken_free(struct taken *t);

/* FALSE when nothing was taken (or its file cannot be read: it is then told in *error). */
gboolean taken_find(struct taken *t, struct arena *a, const char *address, struct taken_device *ret, GError **error);
/* Writes it to the disk. What was noted before stays where `device` says nothing: driver and override of a device
 * that is noted are kept, since they are what it had before cleave. */
gboolean taken_note(struct taken *t, const struct taken_device *device, GError **error);
/* Absent is success. */
gboolean taken_forget(struct taken *t, const char *address, GError **error);
/* Addresses of all that is noted; NULL at the end. */
char **taken_list(struct taken *t, struct arena *a);

/* A write that the helper `pid` does not return from. It counts as long as this very process lives. */
gboolean taken_note_stuck(struct taken *t, const char *address, const char *path, gint64 pid, GError **error);
/* "driver/unbind, since 2026-01-02T03:04:05Z", or NULL when nothing is stuck there. */
const char *taken_find_stuck(struct taken *t, struct arena *a, const char *address);
