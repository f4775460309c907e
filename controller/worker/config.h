/* What the worker was told: on its command line, else in its environment, else in its settings file.
 *
 * In: argv, CLEAVE_*, /etc/cleave/worker.env. Out: a checked struct, or the sentence for exit code 64. */
#pragma once
#include <glib.h>

struct config {
	char *redis_url;
	char *redis_password_file; /* NULL: none, or in the URL */
	char *name;                /* unique on the farm; also names the manifest's segment */
	char *vm;                  /* name of the VM it runs in; NULL: none */
	char *vm_uuid;             /* said on the command line or in the environment; NULL: the firmware tells */
	char *vm_uuid_otherwise;   /* from the settings file, where the firmware's cannot be read; may be NULL */
	char *blender;             /* program */
	char *drain_file;          /* while it is there, and does not say "over", nothing new is begun */
	char *sysfs;               /* "/sys" */
	GHashTable *mounts;        /* name of a root → directory */
	GHashTable *markers;       /* name of a root → its marker, where it is not the usual one */
	char **labels;             /* NULL-terminated */
	gint64 lease_ms;
	int n_recycle; /* frames after which Blender is started anew */
	int slot;      /* which of n_slots workers of this machine, from 1 */
	int n_slots;
	int max_celsius; /* no frame is begun on a hotter GPU; 0: any */
	gboolean once;   /* leave when there is nothing to lease */
	gboolean version;
};

/* --help prints and exits. `ret` needs config_clear() also after a failure (ERROR_USAGE). */
gboolean config_parse(struct config *ret, int argc, char **argv, GError **error);
void config_clear(struct config *c);
