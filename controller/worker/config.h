/* What the worker was told: on its command line, else in its environment, else in its settings file.
 *
 * In: argv, CLEAVE_*, /etc/cleave/worker.env. Out: a checked struct, or the sentence for exit code 64. A setting is a
 * member here and a row in config.c. */
#pragma once
#include <glib.h>

enum sandbox_wish { SANDBOX_AUTO, SANDBOX_BUBBLEWRAP, SANDBOX_NONE };

struct config {
	char *settings_file; /* NULL: the usual one */
	char *redis_url;
	char *redis_password_file; /* NULL: none, or in the URL */
	char *name;                /* unique on the farm; also names the manifest's segment */
	char *vm;                  /* name of the VM it runs in; NULL: none */
	char *vm_uuid;             /* said on the command line or in the environment; NULL: the firmware tells */
	char *vm_uuid_otherwise;   /* from the settings file, where the firmware's cannot be read; may be NULL */
	char *drain_file;          /* while it is there, and does not say "over", nothing new is begun */
	char *sysfs;               /* "/sys" */
	char **mount_texts;        /* NAME=DIR, or NAME=s3://BUCKET/PREFIX, each */
	GHashTable *mounts;        /* the same: name of a root → directory, of a bucket its local one */
	GHashTable *buckets;       /* of those that are: name of a root → URL */
	char **marker_texts;       /* NAME=FILE each */
	GHashTable *markers;       /* the same: name of a root → its marker, where it is not the usual one */
	char **labels;             /* NULL-terminated, as all lists */
	gint64 lease_ms;
	int slot; /* which of n_slots workers of this machine, from 1 */
	int n_slots;
	int max_celsius; /* no frame is begun on a hotter GPU; 0: any */
	gboolean once;   /* leave when there is nothing to lease */
	gboolean version;
	gboolean reference;

	char **blenders;               /* programs that are on the machine; the first is for jobs that name no version */
	int n_recycle;                 /* frames after which Blender is started anew */
	guint64 blender_memory_bytes;  /* of one Blender; 0: no limit */
	int is_warm;                   /* the scene stays loaded between frames */
	int cold_check_percent;        /* of the frames are rendered twice, the second time by a fresh Blender */
	enum sandbox_wish sandbox;

	char *cache; /* folder of what was fetched: scenes, Blenders */
	guint64 cache_bytes;
	guint64 fetch_limit_bytes;  /* of one download */
	gint64 fetch_stall_ms;      /* a source that sends nothing for this long is given up */
	gint64 fetch_ms;            /* of one download */
	char *metrics; /* the file; NULL or "" none */
	char *s3_endpoint;          /* NULL: the region's of AWS */
	char *s3_region;
	char *s3_credentials_file;  /* NULL: none */
	char **credentials_texts;   /* NAME=FILE each */
	GHashTable *credentials;    /* the same: name of a root that is a bucket → its own file */
};

/* --help prints and exits. `ret` needs config_clear() also after a failure (ERROR_USAGE). */
gboolean config_parse(struct config *ret, int argc, char **argv, GError **error);
void config_clear(struct config *c);
/* The settings as a table in Markdown; g_free(). */
char *config_reference(void);
