/* Who works for the queue: workers report themselves with every heartbeat.
 *
 * In: a worker's facts. Out: all workers with the age of their last report; who is silent for a day is
 * forgotten. One table of facts makes both directions. */
#pragma once
#include <glib.h>

struct arena;
struct redis;

struct crew_member {
	const char *name; /* unique among workers */
	const char *host, *boot_id;
	const char *vm, *uuid; /* the VM it runs in: its name, its SMBIOS UUID; "" none */
	const char *gpus;      /* a line each, as "10de:2231 NVIDIA RTX A5000" */
	const char *cards;     /* their figures, a line each, in that order: address, bytes, degrees Celsius, milliwatts */
	const char *version; /* of cleave */
	const char *blender; /* version */
	const char *devices; /* "CPU,OPTIX" */
	const char *labels;  /* "pool:render,…" */
	const char *state;   /* starting, idle, rendering, waiting (for a root, a cooler GPU), drained */
	const char *detail;  /* why it waits; "" */
	const char *job;     /* in hand, or "" */
	gint64 frame;        /* in hand */
	gint64 n_done, n_failed;
	const char *resting; /* why it gets nothing for a while; "": it does not rest; only read */
	gint64 resting_ms;   /* for how long still; only read */
	gint64 age_ms; /* since its last heartbeat; only read */
};

/* A heartbeat. */
gboolean crew_report(struct redis *r, const struct crew_member *m, GError **error);
gboolean crew_leave(struct redis *r, const char *name, GError **error);
/* Sorted by the age of the last heartbeat, oldest first. */
gboolean crew_list(struct redis *r, struct arena *a, struct crew_member **ret, guint *ret_n, GError **error);
