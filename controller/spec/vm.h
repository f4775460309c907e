/* VM: a libvirt domain on a host. */
#pragma once
#include "spec/guest.h"

enum vm_state { VM_RUNNING, VM_STOPPED };
enum vm_accelerator { VM_KVM, VM_TCG };
enum vm_firmware { FIRMWARE_UNSAID, FIRMWARE_BIOS, FIRMWARE_UEFI, FIRMWARE_UEFI_SECURE };
enum domain_state { DOMAIN_SHUT_OFF, DOMAIN_RUNNING, DOMAIN_PAUSED, DOMAIN_CRASHED, DOMAIN_OTHER };
extern const struct name_table domain_state_names;

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
	int format, cache, io, bus;
	gint64 iothread, boot_order;
	int filesystem;
	const char *mount;
	gboolean keep, readonly;
};

struct vm_share {
	const char *path, *target;
	gboolean readonly;
};

struct vm_network {
	gboolean user;
	const char *bridge, *network;
	const char *mac;
	int model;
	const char *address, *gateway;
	struct strings dns;
	gint64 vlan, mtu, boot_order;
};

enum vm_vnc { VNC_UNSAID, VNC_NONE, VNC_LOOPBACK };

struct vm_console {
	int vnc, video;
	const char *password_file;
};

struct vm_spec {
	const char *host;
	int state;     /* enum vm_state */
	int reconcile; /* enum reconcile_mode */
	gint64 n_vcpus;
	guint64 memory_bytes, hugepage_bytes;
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
	int watchdog;
	struct vm_console console;
	const char *serial_log;
	struct cloud_init cloud_init;
	struct guest_worker worker;
	struct guest_nvidia nvidia;
	gint64 drain_ms;
	int update;
};

struct vm_status {
	const char *host, *uuid;
	const char *owner; /* farm that made it; NULL: not made by cleave */
	int state;         /* enum domain_state */
	const char *reason;
	struct strings host_devices;  /* PCI addresses and mdev UUIDs that it has; of a running domain those it has now */
	const char *machine_type;     /* as recorded by libvirt, such as pc-q35-7.2 */
	struct vm_spec defined, live; /* FIELD_IN_DOMAIN rows; live only while it runs */
};

extern const struct field vm_fields[];
extern const struct field vm_status_fields[];

/* Whether the domain has its devices: also while it is paused. */
gboolean vm_status_is_up(const struct vm_status *s);
