/* VM: a libvirt domain on a host. */
#pragma once
#include "spec/guest.h"
#include "spec/suspend.h"

enum vm_state { VM_RUNNING, VM_STOPPED };
enum vm_accelerator { VM_KVM, VM_TCG };
enum vm_firmware { FIRMWARE_UNSAID, FIRMWARE_BIOS, FIRMWARE_UEFI, FIRMWARE_UEFI_SECURE };
enum domain_state { DOMAIN_SHUT_OFF, DOMAIN_RUNNING, DOMAIN_PAUSED, DOMAIN_CRASHED, DOMAIN_OTHER };
enum disk_format { FORMAT_UNSAID, FORMAT_RAW, FORMAT_QCOW2 };
enum disk_cache { CACHE_UNSAID, CACHE_NONE, CACHE_WRITEBACK, CACHE_WRITETHROUGH, CACHE_DIRECTSYNC, CACHE_UNSAFE };
enum disk_io { IO_UNSAID, IO_NATIVE, IO_THREADS, IO_URING };
enum disk_bus { BUS_UNSAID, BUS_VIRTIO, BUS_SCSI, BUS_SATA };
enum share_driver { DRIVER_UNSAID, DRIVER_9P, DRIVER_VIRTIOFS };
enum nic_model { NIC_UNSAID, NIC_VIRTIO, NIC_E1000E };
enum vm_video { VIDEO_UNSAID, VIDEO_NONE, VIDEO_VIRTIO, VIDEO_VGA };
enum vm_watchdog { WATCHDOG_UNSAID, WATCHDOG_NONE, WATCHDOG_RESET, WATCHDOG_POWEROFF, WATCHDOG_INJECT_NMI };
/* All words but cpu_mode_names' "named" are libvirt's own. */
extern const struct name_table domain_state_names, cpu_mode_names, disk_format_names, cache_names, io_names, bus_names, nic_names,
        video_names, watchdog_names;

struct vm_boot {
	const char *kernel, *initrd, *cmdline;
};

struct vm_hyperv {
	gboolean relaxed, vapic;
	gint64 spinlocks;
	const char *vendor_id;
};

struct vm_topology {
	gint64 n_sockets, n_cores, n_threads;
};

struct vm_pin {
	gint64 vcpu;
	const char *cpus;
};

struct vm_cpu {
	int mode; /* enum vm_cpu_mode */
	const char *model;
	struct strings require, disable; /* CPU features */
	gboolean hide_hypervisor;
	struct vm_hyperv hyperv;
	struct vm_topology topology;
	struct list pinning; /* struct vm_pin */
	const char *emulator_cpus;
};

enum vm_cpu_mode { CPU_UNSAID, CPU_HOST_PASSTHROUGH, CPU_HOST_MODEL, CPU_MAXIMUM, CPU_NAMED };

enum vm_numa_mode { NUMA_UNSAID, NUMA_AUTO, NUMA_NONE, NUMA_NODES };

struct vm_numa {
	int mode;
	const char *nodes;
};

struct vm_gpu {
	const char *gpu;
	int share; /* enum gpu_share (spec/gpu.h); unsaid = as the GPU says */
	const char *type;
};

struct vm_disk {
	const char *name, *pool, *image, *file;
	guint64 size_bytes;
	int format, cache, io, bus; /* enum disk_format, … */
	gint64 iothread, boot_order;
	int filesystem;
	const char *mount;
	gboolean keep, readonly, cdrom;
};

/* A device of the host that the VM has. */
struct vm_device {
	const char *name; /* "0000:25:00.0", or the UUID of a vGPU */
	const char *rom;  /* file that is shown to the guest as its ROM; NULL = its own */
};

struct vm_share {
	const char *path, *target;
	gboolean readonly;
	int driver; /* enum share_driver */
};

struct vm_network {
	gboolean user;
	const char *bridge, *network;
	const char *mac;
	int model; /* enum nic_model */
	const char *address, *gateway;
	struct strings dns;
	gint64 vlan, mtu, boot_order;
	gboolean is_down;
};

enum vm_vnc { VNC_UNSAID, VNC_NONE, VNC_LOOPBACK };

struct vm_console {
	int vnc, video; /* enum vm_vnc, enum vm_video */
	const char *password_file;
	const char *password_digest; /* derived; as in host_status.secrets */
	const char *other;           /* derived; never wanted */
};

enum vm_update { UPDATE_UNSAID, UPDATE_WHEN_IDLE, UPDATE_NOW, UPDATE_NEVER };

/* As written; or resolved, when references and what was observed have been filled in (plan/plan_vm.h): then disks have
 * files, networks MACs, shares the roots, and the derived members are there. */
struct vm_spec {
	const char *host;
	int state;     /* enum vm_state */
	int reconcile; /* enum reconcile_mode */
	struct suspend_spec suspend;
	gint64 n_vcpus, max_vcpus;
	guint64 memory_bytes, max_memory_bytes, hugepage_bytes;
	const char *machine;
	int firmware;
	int accelerator; /* enum vm_accelerator */
	struct vm_cpu cpu;
	struct vm_numa numa;
	gint64 n_iothreads;
	const char *iothread_cpus;
	struct list gpus;  /* struct vm_gpu */
	struct list disks; /* struct vm_disk */
	struct vm_boot boot;
	struct list shares;   /* struct vm_share */
	struct strings roots; /* names of Farm roots */
	struct list networks; /* struct vm_network */
	gboolean tpm, guest_agent;
	int watchdog; /* enum vm_watchdog */
	struct vm_console console;
	const char *serial_log;
	struct cloud_init cloud_init;
	struct guest_worker worker;
	struct guest_nvidia nvidia;
	gint64 drain_ms, shutdown_ms;
	int update; /* enum vm_update */
	/* Derived. */
	struct list devices;   /* struct vm_device */
	const char *seed;      /* digest of the NoCloud medium; NULL = none */
	const char *settings;  /* digest of the worker's settings medium; NULL = none */
	struct strings kept;   /* names of disks with `keep` */
};

/* What the guest's agent tells. */
struct vm_guest_status {
	const char *hostname, *os, *kernel;
	struct strings addresses; /* "10.0.2.15/24" */
};

/* What this host's controller remembers of the VM (host/vm_records.h). */
struct vm_history {
	const char *started_at;       /* when cleave started it last; RFC 3339, UTC */
	const char *started_revision; /* the revision that it was started for */
	gint64 n_short_runs;          /* starts in a row after which it ended within minutes, without being told to */
	const char *draining_since;   /* RFC 3339; NULL = it is not drained */
	const char *left_at;          /* when another host was let have it; NULL = it was not, or came back */
	const char *not_taken;        /* digest of the changes that its last start did not bring; NULL = it brought all */
	const char *shutdown_timeout; /* of its spec, for when it leaves the specs; NULL = not told */
};

/* A volume of one of its disks, as the pool has it. */
struct vm_volume_status {
	const char *name; /* of the disk */
	const char *path;
	guint64 size_bytes, allocated_bytes;
};

struct vm_status {
	const char *host, *uuid;
	const char *owner; /* farm that made it; NULL: not made by cleave */
	int state;         /* enum domain_state */
	gboolean is_transient; /* it runs and has no definition: stopped, it is gone */
	const char *reason;
	struct strings host_devices;  /* PCI addresses and mdev UUIDs that it has; of a running domain those it has now */
	const char *machine_type;     /* as recorded by libvirt, such as pc-q35-7.2 */
	const char *since;            /* when the state was first seen; RFC 3339, UTC */
	const char *home;             /* the host that the farm's Redis says it is on; NULL = none, or not known */
	struct vm_history history;
	struct vm_guest_status guest;
	struct list volumes;          /* struct vm_volume_status */
	guint64 memory_used_bytes;    /* 0 = not told */
	gint64 cpu_time_ms;           /* 0 = not told */
	struct vm_spec defined, live; /* FIELD_IN_DOMAIN rows; live only while it runs */
};

extern const struct field vm_fields[];
extern const struct field vm_status_fields[];

/* -- what unsaid values stand for (vm_usual.c) ------------------------------------------------------------ */

int vm_usual_cpu_mode(const struct vm_spec *vm);
int vm_usual_video(const struct vm_spec *vm);
int disk_usual_cache(const struct vm_disk *d);
int disk_usual_io(const struct vm_disk *d);
int disk_usual_bus(const struct vm_disk *d);
/* What a domain has, with all that says the same as `want` put in its words: defaults that are spelled out, CPU lists,
 * a recorded machine type (NULL = none). What a domain cannot tell (a disk's mount point: the seed's digest speaks for
 * it) is taken to be as wanted. What still differs then is a difference. */
struct vm_spec vm_in_words_of(struct arena *a, const struct vm_spec *have, const struct vm_spec *want, const char *machine_type);
/* Whether the domain has its devices: also while it is paused. */
gboolean vm_status_is_up(const struct vm_status *s);
