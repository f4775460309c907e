/* What a VM's guest is told: the files of its two media. Pure: specs in, bytes out, the same for equal input.
 *
 * The seed (NoCloud, read by cloud-init) finishes the system at its first boot; one that says something else has another
 * instance-id and is carried out again at the next boot. The settings medium carries the worker, what it is told, and what installs
 * it; it is swapped while the guest runs. plan/ asks for their digests, apply/ writes them.
 *
 * Secrets are files of the host. While a plan is made their keyed digests stand for their bytes: no plan holds one. */
#pragma once
#include "spec/kinds.h"
#include "spec/vm.h"

struct farm_root;

#define SEED_LABEL "cidata"
#define SETTINGS_LABEL "CLEAVE"

/* A file of the host: its bytes, or its digest in their place. */
struct guest_secret {
	const char *path, *bytes;
	gsize size;
};

struct guest_input {
	const struct objects *all; /* with their texts */
	const struct object *vm;
	const struct vm_spec *want; /* of vm_effective(): what the guest does with its disks is no matter of the domain */
	struct list secrets;        /* struct guest_secret */
	const char *bundle;         /* version and digest of the worker for guests; NULL = the host has none */
};

/* A file of a medium, owned by root. */
struct medium_file {
	const char *name;
	guint mode;
	const char *bytes;
	gsize size;
	const char *host_file; /* copied from the host's folder for guests instead; `bytes` stand for it in the digest */
};

/* Whether the guest is told anything: otherwise there is no seed. */
gboolean vm_has_seed(const struct vm_spec *vm);
/* The guest mounts the root from its server itself; otherwise the host shares its folder. */
gboolean root_is_mounted_by_guest(const struct farm_root *root, const struct vm_spec *vm);

/* Files of the host whose content the media (and the console) need: absolute paths, none twice. */
struct strings guest_host_files(struct arena *a, const struct objects *all, const struct object *vm);
/* The digest that is shown instead of a secret: HMAC-SHA256 with the host's key (state/state.h), the first 16 hex digits. */
char *guest_secret_digest(struct arena *a, const char *key, const char *bytes, gsize size);

/* Files of the seed; `instance` is its digest. FALSE with the path of a file, of the host or of the commit, that is not
 * there. */
gboolean seed_files(struct arena *a, const struct guest_input *in, const char *instance, struct list *ret,
                    const char **ret_missing);
/* What the seed says, for its digest (seed_told.c). FALSE as above. */
gboolean seed_told(struct arena *a, const struct guest_input *in, struct list *ret, const char **ret_missing);
gboolean settings_files(struct arena *a, const struct guest_input *in, struct list *ret, const char **ret_missing);
/* 16 hex digits over names, modes and bytes of struct medium_file. */
char *medium_digest(struct arena *a, struct list files);

/* -- private to spec/seed*.c ------------------------------------------------------------------------------ */

const struct guest_secret *guest_secret_find(const struct guest_input *in, const char *path);
const struct farm_spec *guest_farm(const struct objects *all);
/* cloud-init's configuration (https://cloudinit.readthedocs.io/en/latest/reference/modules.html). */
gboolean seed_user_data(struct arena *a, const struct guest_input *in, GString *out, const char **ret_missing);
/* The script that runs at each boot and its arguments: disks made once, disks and roots mounted. */
struct strings seed_mount_command(struct arena *a, const struct guest_input *in);
/* Those arguments alone. */
struct strings seed_mounts(struct arena *a, const struct guest_input *in);
/* A file of the host or of the commit; NULL when it is not there. */
const char *seed_named_bytes(const struct guest_input *in, const char *path, gsize *ret_size);
