/* Brings a file onto this host, by libcurl: http, https, file. What came is checked before anybody else sees it. */
#pragma once
#include <glib.h>

struct fetch_order {
	const char *url;
	const char *folder, *part; /* the file that it comes into; what is there of it already is not fetched again */
	const char *sha256;
	guint64 least_free_bytes; /* that stay free on the folder's file system */

	/* 0, FALSE and NULL: as it is for images of VMs. */
	guint64 most_bytes;  /* no more than that are taken; else 16 TiB */
	guint stall_s;       /* how long it may stand still; else a minute */
	guint64 slowest;     /* bytes a second over that time that count as standing still; else 1 */
	guint n_tries;       /* in a row that bring nothing; else 4 */
	gboolean is_web;     /* http and https, no file */
	const char *tag;     /* a file beside the part that says which version of it the part is of (its ETag), so that the
			      * server sends all of it when it has another one by now; else that shows in the digest */
};

/* Takes as long as it takes while bytes come, and ends with ERROR_TIMEOUT when none have come for a minute. On the main
 * thread the default main context is iterated meanwhile. `is_over` (may be NULL) is asked there a few times a second; TRUE
 * ends it: ERROR_AWAY. What has come is kept for the next time, unless it is wrong (ERROR_INVALID) or there is no room. */
gboolean fetch_file(const struct fetch_order *order, gboolean (*is_over)(void *user), void *user, GError **error);
