/* A GPU of this host while it is planned: which card it is, what is to be done to it, and what forbids that.
 * Private to plan/.
 *
 * In this order: all GPUs of the host are identified, then for each one the work is put together, the table's
 * rules look at it, and what none of them refuses becomes actions. */
#pragma once
#include "plan/builder.h"
#include "spec/gpu.h"

/* What it takes to bring a card from how it is to how it is wanted. Steps are struct device_step. */
struct gpu_work {
	GArray *remove;  /* vGPUs that go */
	GArray *release; /* functions, VFs and bystanders that go back to their drivers */
	GArray *bind;    /* what goes to vfio-pci */
	GArray *create;  /* vGPUs that come */
	gint64 n_vfs;    /* VFs that there are to be; -1 = as many as there are */
	gint64 n_bind;   /* VFs that only come to be, and go to vfio-pci */
	gboolean cuts;   /* MIG instances are made anew */
};

/* A piece of a card that is cut, and the VM that it is given to. A VM may have several of one card. */
struct gpu_piece {
	const struct object *vm;
	guint nth;      /* of the VM's uses of this GPU */
	gboolean runs;  /* the VM is wanted running */
	gint index;     /* into .names; -1 = none is left for it */
};

struct gpu_target {
	struct builder *b;
	const struct object *want;
	const struct gpu_spec *spec;
	struct gpu_identity identity;
	const struct gpu_status *card;   /* NULL: not found, or not it */
	const struct object *twin;       /* another GPU of the specs that means the same card */
	const struct gpu_target *all;    /* those of this host */
	guint n_all;
	const char *type;                /* vGPU type or MIG profile, as the specs say; NULL = nobody says it */
	gint64 n_slices;                 /* vGPUs, VFs or MIG instances that are wanted */
	const char **names;              /* what its pieces are called: UUIDs of vGPUs, else addresses of VFs */
	guint n_names;                   /* 0: not known before the driver has made something */
	struct gpu_piece *pieces;        /* those of VMs, by name */
	guint n_pieces;
	gboolean *is_wanted;             /* one for each name: that piece is to be there */
	const struct gpu_vgpu_type *offered; /* the vGPU type, as the card offers it; NULL = it does not */
	struct gpu_work work;
	const struct plan_rule *refused; /* the rule that forbids its work, */
	const char *why;                 /* and what that says */
};

/* -- what is to be done: plan_gpu_work.c, vGPUs in plan_gpu_vgpu.c ---------------------------------- */

void gpu_work_fill(struct gpu_target *t);
gboolean gpu_has_work(const struct gpu_target *t);
void gpu_work_vgpus(struct gpu_target *t);
/* Virtual functions have to be made before the driver offers any type. */
gboolean gpu_needs_vfs(const struct gpu_target *t);
/* How many of a type a card can have that has no others; -1 = not told. */
gint64 gpu_vgpu_most(const struct gpu_vgpu_type *type);
/* A note where nobody tells that before they are made. */
void gpu_note_room(struct gpu_target *t);
gboolean gpu_vgpu_is_ours(const struct gpu_target *t, const struct gpu_vgpu *vgpu);
/* The type that is called so: by name, by id, or by the number at the id's end; NULL = the card does not offer it. */
const struct gpu_vgpu_type *gpu_vgpu_type_find(const struct gpu_status *card, const char *word);
/* The type's name where the card tells it, else its id. */
const char *gpu_vgpu_type_name(const struct gpu_status *card, const char *id);

gboolean gpu_is_vfio(const char *driver);
/* VFs that VMs had go first, as many as the host had come back, and vGPUs are seen to after that. */
gboolean gpu_unmakes_vfs(const struct gpu_target *t);
/* VFs that are there go. */
gboolean gpu_destroys_vfs(const struct gpu_target *t);
/* Whether a device goes back to its driver; else only notes go. */
gboolean gpu_releases(const struct gpu_target *t);
/* Whether functions of the card itself may change hands. */
gboolean gpu_moves_functions(const struct gpu_target *t);
/* Another GPU of this host whose card the function or VF belongs to, or NULL. */
const struct gpu_target *gpu_other_owner(const struct gpu_target *t, const char *address);
/* Whether what is planned for the other GPU is done when this one's plan is: no rule refuses it, nor is it held back. */
gboolean gpu_counts_on(const struct gpu_target *t, const struct gpu_target *other);
#define GPU_FUNCTIONS_EACH(f, list)                                                            \
	for (const struct gpu_function *f = (list).items, *f##_end = f + (list).n; f < f##_end; f++)

/* -- who has which piece: plan_gpu_pieces.c ------------------------------------------------------------- */

const struct gpu_target *gpu_target_find(const struct builder *b, const char *name);
void gpu_assign_pieces(struct gpu_target *t);
/* The name of the VM's nth piece of it, or NULL. */
const char *gpu_piece_of(const struct gpu_target *t, const struct object *vm, guint nth);
/* Whether the device, as a VM names it, is there for VMs when what is planned has been done. */
gboolean gpu_will_give(const struct gpu_target *t, const char *device);
/* A running domain with the device that this plan does not stop. */
const struct object *gpu_user_of(const struct gpu_target *t, const char *device);
/* vfio-pci takes no bridges, and the group does not need it to. 0680 (NVSwitch) is none but by its name. */
gboolean gpu_is_bridge(const struct gpu_function *f);

/* -- groups: plan_gpu_group.c ------------------------------------------------------------------------- */

/* "network card", of a class of four hex digits. */
const char *gpu_class_noun(const char *class_code);
/* A note on what is in the group, without a driver, and stays as it is. */
void gpu_note_driverless(struct gpu_target *t);
/* Its driver does no harm to a group (kernel: Documentation/driver-api/vfio.rst). */
gboolean gpu_is_harmless(const struct gpu_function *f);

/* -- what forbids it: plan_gpu_rules.c, rows in plan_rules.c ------------------------------------------ */

/* "slot 4, serial 123, 10de:2231"; "" when nothing is said. */
const char *gpu_match_words(struct arena *a, const struct gpu_match *m);
const char *gpu_path_not_allowed(const struct gpu_target *t);
const char *gpu_not_found(const struct gpu_target *t);
/* Why the address of a part of the card does not name the card. */
const char *gpu_part_words(struct arena *a, const char *address, const struct gpu_status *card);
const char *gpu_ambiguous(const struct gpu_target *t);
const char *gpu_moved(const struct gpu_target *t);
const char *gpu_stuck(const struct gpu_target *t);
const char *gpu_reset_required(const struct gpu_target *t);
const char *gpu_no_vfio(const struct gpu_target *t);
const char *gpu_no_iommu(const struct gpu_target *t);
const char *gpu_not_offered(const struct gpu_target *t);
const char *gpu_not_ours(const struct gpu_target *t);
const char *gpu_console(const struct gpu_target *t);
const char *gpu_in_use(const struct gpu_target *t);
const char *gpu_held(const struct gpu_target *t);
const char *gpu_group_shared(const struct gpu_target *t);
const char *gpu_no_reset(const struct gpu_target *t);
