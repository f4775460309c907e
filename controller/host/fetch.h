/* Brings a file onto this host, by libcurl: http, https, file. What came is checked before anybody else sees it. */
#pragma once
#include <glib.h>

struct fetch_order {
	const char *url;
	const char *folder, *part; /* the file that it comes into; what is there of it already is not fetched again */
	const char *sha256;
	guint64 least_free_bytes; /* that stay free on the folder's file system */
};

/* Takes as long as it takes while bytes come, and ends with ERROR_TIMEOUT when none have come for a minute. On the main
 * thread the default main context is iterated meanwhile. `is_over` (may be NULL) is asked there a few times a second; TRUE
 * ends it: ERROR_AWAY. What has come is kept for the next time, unless it is wrong (ERROR_INVALID) or there is no room. */
gboolean fetch_file(const struct fetch_order *order, gboolean (*is_over)(void *user), void *user, GError **error);
