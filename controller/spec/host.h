/* Host: a machine whose controller reconciles what names it. */
#pragma once
#include "spec/suspend.h"

enum host_state { HOST_ACTIVE, HOST_CORDONED, HOST_DRAINED };

/* `state`, for good or until a time. */
struct host_state_spec {
	int is; /* enum host_state */
	const char *reason, *until, *by, *since; /* NULL: not told; times are RFC 3339 */
};

struct host_hugepages {
	guint64 size_bytes;
	gint64 node, count;
};

struct host_reserve {
	gint64 cpus_per_node;
	guint64 memory_bytes;
};

struct host_bridge {
	const char *name, *uplink;
	gint64 n_slaves, mtu;
};

struct host_pool {
	const char *name, *path, *min_free;
};

struct host_spec {
	const char *libvirt;
	struct host_state_spec state; /* as written: host_standing() says what counts */
	int reconcile; /* enum reconcile_mode */
	struct suspend_spec suspend;
	gboolean manage_boot;
	struct strings kernel_args, modules, blacklist;
	gint64 device_timeout_ms; /* of one write to a device */
	struct list hugepages; /* struct host_hugepages */
	struct host_reserve reserve;
	struct list bridges; /* struct host_bridge */
	struct list pools;   /* struct host_pool */
};

struct host_iommu {
	gboolean enabled;  /* -1 = not told */
	const char *type;  /* intel, amd, smmu-v3, … */
	const char *domain; /* how devices of the host are mapped: identity (iommu=pt), DMA, DMA-FQ */
	gint64 n_groups;
	gboolean remaps_interrupts; /* -1 = not told */
};

struct host_pages_status {
	guint64 size_bytes;
	gint64 node, n_total, n_free; /* node -1: a kernel without NUMA */
};

struct host_node_status {
	gint64 node;
	const char *cpus; /* "0-5,12-17" */
	guint64 memory_bytes;
	struct strings cores; /* "0,32": the CPUs that one core's threads are */
};

/* A volume of one of the Host's pools. */
struct host_volume_status {
	const char *pool, *name, *path;
	guint64 size_bytes, allocated_bytes;
};

/* A VM that cleave undefined here, and of which volumes are left. */
struct host_gone_vm {
	const char *name;
	struct strings kept; /* disks of it that are never deleted */
};

/* A file of the host that VMs name and that is told by its digest alone. */
/* A path that the specs name, and the host's controller.yaml does not allow. */
struct host_not_allowed {
	const char *path, *place, *reason;
};

struct host_secret_status {
	const char *name;   /* its path */
	const char *digest; /* HMAC with a key of the host's; NULL = it cannot be read */
};

struct host_bridge_status {
	const char *name;
	gint64 mtu;
	struct strings uplinks; /* devices in it that lead out: not a VM's tap */
	gint64 n_slaves;        /* links that its uplink bonds; -1: it is no bond */
};

/* Of libvirt's pool of that name; UNTOLD: libvirt was not asked. */
enum host_pool_state { POOL_UNTOLD, POOL_ABSENT, POOL_INACTIVE, POOL_ACTIVE };

struct host_pool_status {
	const char *name;
	int state;               /* enum host_pool_state */
	const char *type, *path; /* of libvirt's pool: "dir" and its folder */
	guint64 size_bytes, free_bytes;
	const char *reason; /* why its folder cannot be used; NULL = it can */
};

struct host_file_status {
	const char *name;   /* of the Farm's image */
	const char *reason; /* why it cannot be used; NULL = it can */
};

/* A drop-in file of cleave's own, as it is. */
struct host_drop_in {
	const char *path, *text;
};

struct host_boot {
	const char *family;   /* a row of boot_families (spec/boot.h); NULL = not known */
	struct list drop_ins; /* struct host_drop_in */
	/* Digest of the drop-ins that the generators ran for, BOOT_UNFINISHED when files were written since; NULL = never. */
	const char *generated;
	struct strings arguments; /* that cleave may have set by a program: its to take back */
};

struct host_cpu_idle {
	const char *driver, *deepest; /* "intel_idle", "C6" */
	gint64 latency_us;            /* to leave the deepest state */
};

/* What people halted on this host alone, beside git (state/local_decisions.h): ends by itself. */
struct host_suspension {
	const char *kind, *name; /* of the object; its id */
	struct suspend_spec how;
};

struct host_status {
	const char *observed_at; /* RFC 3339, UTC: the clock is part of what was observed */
	const char *kernel, *cmdline, *machine_id;
	const char *taken; /* why this controller does not act as the host: another does; NULL: it may */
	gint64 n_cpus;
	guint64 memory_bytes;
	gboolean is_root; /* what only root sees was seen */
	gboolean is_sysfs_alone; /* another machine's sysfs was looked at, and nothing else of it */
	struct host_iommu iommu;
	struct strings modules;       /* loaded, or built in and wanted */
	struct strings missing_modules; /* wanted, and this kernel does not have them */
	struct strings blacklisted;   /* by any file in modprobe.d, or on the kernel's command line */
	struct list hugepages;        /* struct host_pages_status */
	struct list nodes;            /* struct host_node_status */
	struct list bridges;          /* struct host_bridge_status */
	struct list pools;            /* struct host_pool_status */
	const char *storage_reason;   /* why libvirt makes no volumes here; NULL = it does, or was not asked */
	struct list images;           /* struct host_file_status */
	struct list volumes;          /* struct host_volume_status; those that could be cleave's */
	struct list gone;             /* struct host_gone_vm */
	struct list secrets;          /* struct host_secret_status */
	struct list not_allowed;      /* struct host_not_allowed */
	const char *worker_bundle;    /* version and digest of the worker for guests; NULL = none is installed */
	struct list suspended;        /* struct host_suspension */
	struct host_state_spec state_here; /* on this host alone, beside git (state/local_decisions.h): ends by itself */
	struct strings firmware;      /* descriptors of UEFI images that QEMU finds */
	struct host_boot boot;
	struct host_cpu_idle cpu_idle;
	gboolean clock_is_synchronised; /* -1 = not told */
	const char *nvidia_driver;      /* version of the host's NVIDIA driver */
	gboolean has_kvm; /* -1 = not told; /dev/kvm is there: whether it works shows when a VM starts */
	int libvirt;      /* enum plane_state (spec/farm.h) */
	const char *libvirt_reason;
	gint64 n_nvswitches;     /* -1 = not told */
	const char *pci_trouble; /* why the cards could not be listed */
	const char *nvml_trouble; /* why NVML tells nothing of cards that the NVIDIA driver has */
	const char *libvirt_version, *hypervisor_version;
};

extern const struct field host_fields[];
extern const struct field host_status_fields[];

/* A Host's state at a time. */
struct host_standing {
	enum host_state state;
	const struct host_state_spec *how; /* who says so; NULL: it is active, and nobody says anything */
	gboolean is_here; /* on the host alone, not in git */
};

/* The stricter of what the specs say and what people said on the host itself (`have` may be NULL), each until its time; a
 * `now_ms` of 0 is before all times. */
struct host_standing host_standing(const struct host_spec *want, const struct host_status *have, gint64 now_ms);
/* "drained", as the specs write it. */
const char *host_state_word(enum host_state state);
/* The state of a word that takes frames or VMs away: HOST_ACTIVE for any other, also for NULL. */
enum host_state host_state_halting(const char *word);

const struct host_pool *host_pool_find(const struct host_spec *host, const char *name);
const struct host_pool_status *host_pool_status_find(const struct host_status *host, const char *name);
const struct host_volume_status *host_volume_find(const struct host_status *host, const char *path);
const struct host_gone_vm *host_gone_find(const struct host_status *host, const char *vm);
/* Bytes that `minFree` keeps free on a file system of that size; NULL: none. */
guint64 host_pool_least_free(const char *min_free, guint64 size_bytes);
