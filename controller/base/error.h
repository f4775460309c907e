/* What can go wrong, in the words that decide an exit code or a retry.
 *
 * Functions fail GLib's way (gboolean or pointer, GError ** last); each layer puts in front what
 * *it* was doing with g_prefix_error(). */
#pragma once
#include <glib.h>

enum cleave_error {
	ERROR_FAILED,    /* it was tried and did not work */
	ERROR_INVALID,   /* what was given cannot be right: spec, argument, file */
	ERROR_NOT_FOUND, /* the thing named is not there */
	ERROR_EXISTS,    /* something else is there already */
	ERROR_REFUSED,   /* policy, ownership or a stale plan forbids it; nothing was written */
	ERROR_AWAY,      /* the other side does not answer (Redis, libvirt, a mount); worth a retry */
	ERROR_TIMEOUT,   /* a deadline passed */
	ERROR_USAGE,     /* the command line */
};

#define CLEAVE_ERROR (cleave_error_quark())
GQuark cleave_error_quark(void);

/* Sets a CLEAVE_ERROR; returns FALSE so that `return fail(...)` reads well. */
gboolean fail(GError **error, enum cleave_error code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Same, with ": " and strerror(errno_value) at the end. ENOENT becomes ERROR_NOT_FOUND, EEXIST ERROR_EXISTS. */
gboolean fail_errno(GError **error, int errno_value, const char *format, ...) G_GNUC_PRINTF(3, 4);
