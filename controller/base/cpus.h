/* Sets of CPUs or NUMA nodes, written as the kernel and libvirt write them: "0-5,12". */
#pragma once
#include <glib.h>

struct arena;

enum { CPUS_MAX = 8192 }; /* the kernel's own bound (NR_CPUS) */

struct cpus {
	guint *items; /* ascending, each once */
	guint n;
};

/* Of NULL, and from where it is no list on, nothing; numbers beyond CPUS_MAX are left out. */
struct cpus cpus_read(struct arena *a, const char *list);
/* Ranges wherever two stand together, as libvirt says it back; NULL of none. */
char *cpus_format(struct arena *a, const struct cpus *c);
gboolean cpus_have(const struct cpus *c, guint cpu);
