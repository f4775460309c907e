/* Volumes and pools of libvirt, on this host: pools are folders (type dir), and what libvirt cannot do by itself (sync,
 * rename) is done to their files, in the same call.
 *
 * A volume is made and filled under NAME.part, synced, and only then gets its name: NAME is whole, and NAME.part
 * anybody's to remove. Nothing is ever written over. */
#pragma once
#include "host/virt.h"

enum virt_pool_state { VIRT_POOL_ABSENT, VIRT_POOL_INACTIVE, VIRT_POOL_ACTIVE };

struct virt_volume {
	const char *name, *path;
	guint64 size_bytes, allocated_bytes;
};

struct virt_pool {
	const char *name, *path;      /* asked for */
	enum virt_pool_state state;   /* of libvirt's pool of that name, */
	const char *is_type, *is_path; /* and what that is; NULL when absent */
	gboolean autostarts;
	guint64 size_bytes, free_bytes; /* of the file system */
	const char *trouble;            /* why the folder cannot be read; NULL: it was */
	struct virt_volume *volumes;    /* regular files in the folder whose names end in .raw, .qcow2 or that and .part */
	guint n_volumes;
};

/* Fills the pools, of which name and path are given. *ret_why_not: why this connection has no pools at all; NULL = it
 * has. Folders are read in the pool of threads: one on a file server that is gone ends in ERROR_TIMEOUT. */
gboolean virt_look_at_pools(struct virt *v, struct arena *arena, struct virt_pool *pools, guint n, gint64 timeout_ms,
                            const char **ret_why_not, GError **error);
/* Defines it unless it is there, makes its folder, starts it, and has it start by itself. ERROR_EXISTS when one of that
 * name has another type or folder. */
gboolean virt_define_pool(struct virt *v, const char *name, const char *path, gint64 timeout_ms, GError **error);

struct virt_volume_order {
	const char *pool, *folder, *name;
	const char *format; /* "raw", "qcow2" */
	const char *source; /* a volume of the same pool that it begins as; NULL = empty */
	guint64 size_bytes; /* 0: as large as the source */
	guint64 least_free_bytes; /* that stay free on the file system */
};

/* One of that name that is there already is success. */
gboolean virt_create_volume(struct virt *v, const struct virt_volume_order *order, gint64 timeout_ms, GError **error);
/* Also while a domain runs that has it: `domain` is looked up by name; NULL: none has it. */
gboolean virt_grow_volume(struct virt *v, const struct virt_volume_order *order, const char *domain, gint64 timeout_ms,
                          GError **error);
/* Absent is success. */
gboolean virt_delete_volume(struct virt *v, const char *pool, const char *folder, const char *name, gint64 timeout_ms,
                            GError **error);

/* For what brings an image into a pool by itself. fsync, the new name unless it is taken, fsync of the folder. */
gboolean volume_file_finish(const char *folder, const char *part, const char *name, GError **error);
/* ERROR_REFUSED when less than `least_free_bytes` would be left. */
gboolean volume_room_check(const char *folder, guint64 needed_bytes, guint64 least_free_bytes, GError **error);
