/* Changes the host: sysfs attributes, drop-in files, programs that have to run. All of it happens in the
 * helper, each with a deadline, since a write to a device can block in the kernel for ever.
 *
 * Paths are as in host/tree.h ("sys/bus/pci/…", "etc/modprobe.d/…"). Called by apply/ alone. */
#pragma once
#include "host/tree.h"

struct arena;
struct helper;
struct taken;

struct hands {
	struct helper *helper;
	const struct host_tree *tree;
	struct taken *taken;      /* what was taken from the host (host/taken.h) */
	gint64 device_timeout_ms; /* of one write to a device; 0 = 30 s */
};

/* One write(2) of the whole text to a file that is there. `device` (may be NULL) is the PCI address that it is
 * for: past the deadline the write is noted as stuck there, and the helper is replaced. Errors are the kernel's
 * (EBUSY: in use); a short write is ERROR_FAILED. A device that a write is stuck in is not touched: ERROR_REFUSED. */
gboolean hands_write(const struct hands *h, const char *device, const char *path, const char *text, GError **error);
/* The text of an attribute without white space at its end. For those that take the device's lock in the kernel, and
 * so wait behind a write that does not return: driver_override, sriov_numvfs. NULL with an error as above. */
char *hands_read(const struct hands *h, struct arena *a, const char *device, const char *path, GError **error);
/* The whole file, so that a crash leaves the old one or the new one; its folder is made. Mode 0644. */
gboolean hands_put(const struct hands *h, const char *path, const char *text, GError **error);
/* Absent is success. */
gboolean hands_remove(const struct hands *h, const char *path, GError **error);
/* Runs a program with these arguments (NULL at the end), without a shell; its exit status must be 0. The error
 * carries the end of what it said. With a root other than / it is not run: ERROR_FAILED says so. */
gboolean hands_run(const struct hands *h, const char *const *argv, gint64 timeout_ms, GError **error);
