/* NVIDIA's management library, for what sysfs does not tell: serial number, ECC, MIG.
 *
 * The library is the driver's, not ours: it is loaded by name, in the helper only, since it may hang or crash, and
 * only when asked. It keeps the cards' device files open from its start to its end, and an open file would keep a
 * card from leaving its driver: each request starts and ends it. ERROR_FAILED where it is not there; ERROR_TIMEOUT,
 * ERROR_AWAY where it hung or crashed. */
#pragma once
#include <glib.h>

struct arena;
struct helper;

enum { NVML_READ_MS = 20000, NVML_CUT_MS = 120000 };

struct nvml_instance {
	gint64 id;
	const char *profile; /* "1g.10gb"; NULL: one that the library does not name */
};

struct nvml_card {
	const char *address; /* as asked for */
	const char *trouble; /* why nothing is told of it; NULL = the rest is */
	const char *serial;  /* NULL = it has none */
	const char *name;    /* "NVIDIA RTX A5000" */
	int celsius;         /* -1 = not told: a vGPU does not */
	int milliwatts;      /* that it takes now; -1 = not told */
	guint64 memory_bytes; /* all of it; 0 = not told */
	guint64 used_bytes;   /* told when memory_bytes is */
	int percent;          /* how much of the last moment it computed; -1 = not told, as in MIG mode */
	int ecc;             /* -1 = not told, as below */
	int mig, mig_pending; /* the mode, and that which the next reset brings; -1: no MIG */
	int can_list;         /* instances are known; without root they are not */
	struct nvml_instance *instances;
	guint n_instances;
};

struct nvml_facts {
	const char *driver_version;
	struct nvml_card *cards; /* in the order asked for */
	guint n;
};

/* `addresses` are of cards that the driver nvidia has, NULL at the end. */
gboolean nvml_read(struct helper *h, struct arena *a, const char *const *addresses, gint64 timeout_ms,
                   struct nvml_facts *ret, GError **error);
/* MIG mode on, then `count` GPU instances of the profile, each with one compute instance over all of it, in place of
 * those that are there; `count` 0: none, and the mode off. Nothing is removed before it is known that the card has the
 * profile that often. *ret is the card read back, also after a failure where it could be read (else its address is
 * NULL). ERROR_FAILED carries NVML's reason: in use, reset required. */
gboolean nvml_cut(struct helper *h, struct arena *a, const char *address, const char *profile, guint64 count,
                  gint64 timeout_ms, struct nvml_card *ret, GError **error);
