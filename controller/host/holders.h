/* Processes that have a device open or mapped: /dev/nvidiaN, /dev/dri/…, /dev/fbN, /dev/snd/…, /dev/accel/…,
 * /dev/vfio/… and resourceN files of sysfs. To unbind a held device's driver can block in the kernel for ever.
 *
 * Found in /proc of the tree, in the helper: /proc/PID/maps blocks as long as that process does. Without root only
 * the processes of the same user are seen. */
#pragma once
#include <glib.h>
#include <jansson.h>

struct arena;
struct helper;
struct host_tree;

struct holder {
	gint64 pid;
	const char *comm, *path; /* the first of its paths */
};

struct holders {
	struct holder *list; /* ascending by pid, one a process; at most HOLDERS_MAX */
	guint n;
};
enum { HOLDERS_MAX = 256 };

/* One walk of /proc for all cards. `cards` are `n` lists of PCI addresses (functions and VFs) and UUIDs of mdevs,
 * each with NULL at its end; ret has room for n. A tree without /proc has no holders. */
gboolean holders_list(struct helper *h, struct arena *a, const struct host_tree *t, const char *const *const *cards,
		      guint n, gint64 timeout_ms, struct holders *ret, GError **error);

/* The helper's side: {"root","sysfs","cards":[[address…]…]} → [[{"pid","comm","path"}…]…]. */
json_t *holders_find(const json_t *request, GError **error);
