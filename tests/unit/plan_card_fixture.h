/* Cards of the simulated host: what a kernel and a driver make of them, and each verb on them.
 *
 * A verb that touches what somebody uses, gives back what was not taken, or does what the driver refuses fails
 * the test. */
#pragma once
#include "plan/plan.h"
#include "spec/gpu.h"

enum { SIM_CARDS = 4, SIM_VFS = 4, SIM_VGPUS = 6 };

struct sim;
struct sim_vm;

/* A card whose driver makes mdevs; one that has VFs; one whose vGPUs are VFs (vendor VFIO). */
enum sim_card_kind { CARD_MDEV, CARD_SRIOV, CARD_VENDOR };

struct sim_device {
	const char *address; /* NULL: there is none */
	const char *driver, *former;
	const char *vgpu_type;
	gboolean is_used; /* by the host */
};

struct sim_card {
	enum sim_card_kind kind;
	const char *slot, *serial;
	struct sim_device functions[2], bystander, vfs[SIM_VFS];
	gint64 n_vfs, former_vfs;
	struct gpu_vgpu vgpus[SIM_VGPUS]; /* mdev; those without uuid are not there */
	gboolean is_console, has_no_reset, has_no_iommu, is_stuck, is_held;
};

/* The same host, the same cards: as some earlier specs, and somebody by hand, left them. */
void sim_cards_add(struct sim *s, GRand *r);
/* A device that a VM may have: a function, a VF, a vGPU. */
const char *sim_card_device(const struct sim_card *card, GRand *r);
struct sim_card *sim_card_of(const struct sim *s, const char *device);

void sim_cards_observe(const struct sim *s, struct arena *a, struct objects *have);
void sim_card_apply(struct sim *s, const struct action *act, gboolean half);
/* The card is what its GPU says. */
void sim_card_check(const struct sim *s, const struct object *want);
