/* The farm's hosts as their controllers tell them: who acts as which host, how its objects stand, what it has.
 *
 * In: a controller's own host, again and again. Out: all hosts, with the time since each was heard by Redis's clock.
 * Redis decides who acts as a host: first come, until it is not heard any more. What is read may be of another
 * version of cleave: what is not known in it is passed over. */
#pragma once
#include <glib.h>

struct arena;
struct redis;

enum {
	FLEET_TTL_MS = 90000,     /* a host that was not heard for so long is away */
	FLEET_BEAT_MS = 30000,    /* a controller is heard at least this often */
	FLEET_TEXT_BYTES = 1 << 20, /* most that a host tells at once */
};

/* How an object of a host stands. */
struct fleet_condition {
	const char *kind, *name;
	const char *type;    /* Ready, Reconciling, Stalled */
	const char *reason;  /* one word */
	const char *message; /* NULL: none */
	const char *since;   /* RFC 3339, by the host's own clock; NULL: not told */
};

struct fleet_host {
	const char *name;
	gint64 silent_ms;    /* since it was heard; only read */
	const char *holder;  /* who acts as it, "" nobody; only read */
	const char *machine; /* machine id */
	const char *version; /* of cleave */
	const char *revision, *commit, *observed_at;
	struct fleet_condition *conditions;
	guint n_conditions;
	gboolean is_cut; /* there were more than FLEET_TEXT_BYTES hold */
};

struct fleet_claim {
	const char *holder; /* in the arena */
	gint64 left_ms;     /* until it is free, if it is not renewed */
	gboolean is_mine;
	gboolean is_lost;   /* of what this host told nothing is there: Redis was emptied, or never heard any */
};

/* Takes the host or renews it; another's claim that has not run out is left alone. `who` is "MACHINE STATE-FOLDER". */
gboolean fleet_claim(struct redis *r, struct arena *a, const char *host, const char *who, gint64 ttl_ms, struct fleet_claim *ret,
		     GError **error);
/* Lets another take it at once. Nothing happens when it is not `who`'s. */
gboolean fleet_leave(struct redis *r, const char *host, const char *who, GError **error);

/* What is told of a host, as text; g_free(). Messages are left out, then conditions, of what is too long. */
char *fleet_write(const struct fleet_host *h);
/* Replaces what was told before; each may be NULL: it stays. `have` is YAML as `observe` writes it. FALSE with ERROR_REFUSED
 * when another acts as the host, ERROR_INVALID when it is too long. */
gboolean fleet_tell(struct redis *r, const char *host, const char *who, const char *told, const char *have, GError **error);

/* All hosts, by name. */
gboolean fleet_list(struct redis *r, struct arena *a, struct fleet_host **ret, guint *ret_n, GError **error);
/* The observation of one; NULL (no error) when it told none. */
gboolean fleet_have(struct redis *r, struct arena *a, const char *host, const char **ret, GError **error);
