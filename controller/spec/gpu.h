/* GPU: a card of a host and how it is shared. */
#pragma once
#include "spec/suspend.h"

struct arena;

enum gpu_share { GPU_SHARE_UNSAID, GPU_SHARE_NONE, GPU_SHARE_PASSTHROUGH, GPU_SHARE_VGPU, GPU_SHARE_VF, GPU_SHARE_MIG };
enum gpu_group { GPU_GROUP_REFUSE, GPU_GROUP_TAKE };
/* Words of enum gpu_share; the first is empty: not said. */
extern const struct name_table share_names;

struct gpu_match {
	const char *slot, *serial, *id;
};

struct gpu_slices {
	const char *type; /* a vGPU type or MIG profile */
	gint64 count;
};

struct gpu_spec {
	const char *host, *address;
	struct gpu_match match;
	int share; /* enum gpu_share; never unsaid in a GPU */
	struct gpu_slices vgpu, vf, mig;
	const char *rom;
	int group;     /* enum gpu_group */
	int reconcile; /* enum reconcile_mode */
	struct suspend_spec suspend;
};

/* A PCI function: of the card, one of its VFs, or a bystander in its IOMMU group. */
struct gpu_function {
	const char *address, *class_code, *vendor, *device;
	const char *driver, *driver_override; /* NULL = none */
	gint64 iommu_group;                   /* -1 = none */
	/* The driver it had before cleave took it from the host, GPU_NO_DRIVER when it had none; NULL: cleave did not. */
	const char *former_driver;
	const char *vgpu_type; /* a VF's, where the driver makes vGPUs of VFs (vendor VFIO); NULL = none */
	struct strings uses;   /* what the host does with it: "network interface eth0 is up", "/dev/nvme0n1p2 is mounted" */
};
#define GPU_NO_DRIVER "none"
/* The driver that holds a device for VMs, and its module. */
#define GPU_VFIO_DRIVER "vfio-pci"
#define GPU_NO_RESET "none"
/* NVIDIA's persistence daemon, as its process is called (the kernel keeps 15 characters): it keeps the driver awake,
 * uses no instance, and NVML cuts cards while it runs. */
#define GPU_PERSISTENCE "nvidia-persiste"
#define GPU_NO_ANSWER "does not answer (is a driver being bound or unbound?)" /* .stuck, where no write of cleave is the reason */

struct gpu_link {
	gint64 width, max_width;      /* lanes; -1 = not told */
	const char *speed, *max_speed; /* as the kernel says: "16.0 GT/s PCIe" */
};

struct gpu_sriov {
	gint64 n_total, n_enabled; /* VFs possible, VFs there; -1 = no SR-IOV */
	gint64 former_count;       /* VFs there before cleave set their number; -1: it did not */
	struct strings vfs;        /* addresses */
};

enum gpu_vgpu_framework { VGPU_NONE, VGPU_MDEV, VGPU_VENDOR_VFIO };

struct gpu_vgpu_type {
	const char *id;   /* "nvidia-35"; vendor VFIO: "469" */
	const char *name; /* "GRID P40-8Q" */
	const char *description;
	gint64 n_available; /* over all parents; the driver corrects it with each that is made */
};

struct gpu_vgpu {
	const char *uuid;   /* mdev; NULL for vendor VFIO, where the VF is the vGPU */
	const char *type;   /* id of its type */
	const char *parent; /* address of the function or VF that carries it */
};

struct gpu_mig_instance {
	const char *profile; /* "1g.10gb" */
	gint64 id;
};

struct gpu_mig {
	gboolean enabled; /* -1 = not told: no NVML, or no MIG */
	gboolean pending; /* the mode that the next reset brings; -1 = the same */
	struct list instances; /* struct gpu_mig_instance */
};

struct gpu_holder {
	gint64 pid;
	const char *comm, *path; /* the device file that it has open or mapped */
};

/* What changes all the time; -1 = not told. */
struct gpu_load {
	gint64 celsius, milliwatts, memory_bytes, used_bytes, percent; /* NVML's, while the host has the card */
	gint64 last_xid, n_xids;                                       /* of the kernel's log */
};

struct gpu_aer {
	gint64 n_correctable, n_nonfatal, n_fatal; /* since boot; -1 = not told */
};

struct gpu_status {
	const char *host, *address;
	const char *vendor, *device, *class_code, *subsystem, *revision, *name; /* hex digits; pci.ids */
	const char *slot;
	const char *serial;       /* as the card itself tells it, whatever driver has it: what `match` compares */
	const char *board_serial; /* as the NVIDIA driver tells it, while it has the card */
	const char *driver, *driver_override; /* of the main function; NULL = none */
	gint64 iommu_group, numa_node;        /* -1 = none */
	gboolean boot_vga;                    /* -1 = not told: no VGA */
	struct strings reset_methods; /* best first; GPU_NO_RESET alone: the kernel tells that there is none */
	gint64 bar_bytes;         /* all memory BARs of the main function; -1 = not told */
	gint64 n_unassigned_bars; /* BARs that the firmware had no room for */
	struct gpu_link link;
	struct list functions;         /* struct gpu_function */
	struct list bystanders;        /* struct gpu_function */
	struct gpu_sriov sriov;
	struct list virtual_functions; /* struct gpu_function */
	int vgpu_framework;            /* enum gpu_vgpu_framework */
	struct list vgpu_types, vgpus;
	struct gpu_mig mig;
	struct list holders; /* struct gpu_holder */
	struct gpu_aer aer;
	struct gpu_load load;
	gboolean ecc;      /* -1 = not told */
	const char *stuck; /* a write to it that has not returned: "driver/unbind since …" */
};

extern const struct field gpu_fields[];
extern const struct field gpu_status_fields[];

/* Which of the cards of a host a spec means. */
enum gpu_found { GPU_NOT_FOUND, GPU_FOUND, GPU_MOVED, GPU_AMBIGUOUS, GPU_PART };
struct gpu_identity {
	enum gpu_found found;
	const struct gpu_status *card;  /* FOUND: the card; MOVED: where it is now, NULL = nowhere; AMBIGUOUS: the first that fits */
	const struct gpu_status *other; /* MOVED: the card at the address, which is not it; AMBIGUOUS: another that fits; PART: whose part is there */
};
/* All that `match` says has to fit. The address decides among cards that fit, and alone where there is no match; a
 * card at the address that does not fit is another one (MOVED). With nobody at the address the one card that fits by
 * slot or serial is taken: a mainboard counts its buses anew when cards come and go. The address of a VF, or of another
 * function of the slot, is no card's (PART): whoever writes it may mean that alone, and never the whole card. */
struct gpu_identity gpu_identify(const struct gpu_spec *spec, const struct gpu_status *const *cards, guint n_cards);
/* Whether the address is of a function of the card's slot; leading zeros of the domain are no matter. */
gboolean gpu_is_at(const struct gpu_status *card, const char *address);
gboolean gpu_has_vf(const struct gpu_status *card, const char *address);

/* The UUID of a GPU's vGPU number `index` (mdev): the same at every boot, so that a VM's definition stays right.
 * `farm` NULL: there is none. */
char *gpu_vgpu_uuid(struct arena *a, const char *farm, const char *gpu, guint index);
enum { GPU_MAX_VGPUS = 256 };
/* Its index, when the UUID is one of this GPU's; else -1. */
int gpu_vgpu_index(const char *farm, const char *gpu, const char *uuid);
/* Whether the device, as a VM names it (address, UUID of a vGPU), is a part of the card. */
gboolean gpu_has_device(const struct gpu_status *card, const char *device);
