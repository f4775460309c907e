/* What the worker was told on its command line and in its environment (the command line wins).
 *
 * In: argv, CLEAVE_*. Out: a checked struct, or the sentence for exit code 64. */
#pragma once
#include <glib.h>

struct config {
	char *redis_url;
	char *redis_password_file; /* NULL: none, or in the URL */
	char *name;                /* unique on the farm; also names the manifest's segment */
	char *blender;             /* program */
	GHashTable *mounts;        /* name of a root → directory */
	char **labels;             /* NULL-terminated */
	gint64 lease_ms;
	int n_recycle; /* frames after which Blender is started anew */
	gboolean once; /* leave when there is nothing to lease */
	gboolean version;
};

/* --help prints and exits. `ret` needs config_clear() also after a failure (ERROR_USAGE). */
gboolean config_parse(struct config *ret, int argc, char **argv, GError **error);
void config_clear(struct config *c);
