/* Figures of the whole queue that Redis keeps. */
#pragma once
#include <glib.h>

struct arena;
struct redis;

struct figures_wait {
	const char *job;
	gint64 ms; /* for which it has had queued frames */
};

struct figures {
	guint64 n_expired; /* leases that ran out */
	guint64 n_failed;  /* attempts that failed */
	struct figures_wait *waits; /* jobs that are ready and have queued frames */
	guint n_waits;
};

gboolean figures_read(struct redis *r, struct arena *a, struct figures *ret, GError **error);
