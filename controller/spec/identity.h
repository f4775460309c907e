/* What a VM is called by machines, which follows from its farm's name and its own: the same at every define, on
 * every host. */
#pragma once
#include <glib.h>

struct arena;

/* UUID of version 5 over farm and VM name (RFC 9562). */
char *vm_uuid(struct arena *a, const char *farm, const char *name);
/* Stable, locally administered MAC of the VM's nth network card. */
char *vm_mac(struct arena *a, const char *farm, const char *name, guint nth);
/* Serial number of the VM's disk of that name: the guest finds the disk by it (/dev/disk/by-id/virtio-SERIAL). virtio
 * carries 20 characters; a longer name is cut, and a digest keeps two of them apart. None is like those of cleave's own
 * discs. */
char *vm_disk_serial(struct arena *a, const char *disk);
/* The VM's folder below the state folder. */
char *vm_media_folder(struct arena *a, const char *state, const char *name);
/* A medium that cleave writes for the VM into that folder. `what` is MEDIUM_SEED or MEDIUM_SETTINGS;
 * another content has another digest, and so another file. */
#define MEDIUM_SEED "seed"
#define MEDIUM_SETTINGS "settings"
char *vm_medium_path(struct arena *a, const char *folder, const char *what, const char *digest);
/* The digest in such a path, or NULL when it is no medium of that sort. */
char *vm_medium_digest(struct arena *a, const char *path, const char *what);
