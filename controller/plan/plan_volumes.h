/* A VM's disks in pools while it is planned. Private to plan/. */
#pragma once
#include "plan/plan_vm.h"
#include "spec/farm.h"

struct disk_plan {
	const struct vm_disk *disk;   /* as written */
	const struct host_pool *pool;
	const struct host_pool_status *at; /* the pool as it is; NULL: not told */
	const struct farm_file *image; /* NULL: it begins empty */
	const char *volume, *path;
	const struct host_volume_status *have; /* NULL: there is none of that name */
	const char *before; /* the file of the disk of that name in the domain, when that is another one, or gone */
	gboolean is_gone;   /* .before is the same file, and is not there any more */
};

/* FALSE: the disk is a file as it is, or the specs do not hold together. */
gboolean disk_plan_look(const struct vm_target *t, guint i, struct disk_plan *ret);
/* The volume that the image is in, in that pool; NULL: it is not there. */
const struct host_volume_status *disk_plan_image(const struct vm_target *t, const struct disk_plan *d);
guint64 disk_plan_size(const struct vm_target *t, const struct disk_plan *d);
#define DISK_PLANS_EACH(t, i, d)                                     \
	for (guint i = 0; i < (t)->spec->disks.n; i++)               \
		if (disk_plan_look((t), i, &(d)))

/* -- volumes that are told in one line: plan_volumes_notes.c -------------------------------------------------- */

enum { PILE_NAMES = 3 };
struct volume_pile {
	guint n;
	guint64 bytes; /* on the disk */
	const char *paths[PILE_NAMES]; /* of the first */
};
void volume_pile_add(struct volume_pile *p, const struct host_volume_status *v);
/* "/vm/a, /vm/b, /vm/c and 2 more" */
const char *volume_pile_names(struct arena *a, const struct volume_pile *p);
/* "12GiB", rounded up */
const char *volume_pile_size(struct arena *a, const struct volume_pile *p);

/* What people have to know of volumes that nothing is done to. After all VMs. */
void vm_note_volumes(struct builder *b, const struct host_status *host, const char *farm);

/* -- what forbids it: rows in plan_rules.c; one sentence with the fix, or NULL ------------------------------- */

const char *vm_no_storage(const struct vm_target *t);
const char *vm_pool_differs(const struct vm_target *t);
const char *vm_pool_unreadable(const struct vm_target *t);
const char *vm_image_larger(const struct vm_target *t);
const char *vm_volume_gone(const struct vm_target *t);
const char *vm_disk_kept(const struct vm_target *t);
const char *vm_data_loss(const struct vm_target *t);
/* "make anew disks of VM/a 0123456789abcdef": these disks, as what they become. */
const char *vm_data_loss_item(const struct vm_target *t);
