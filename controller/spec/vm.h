/* VM: a libvirt domain on a host. */
#pragma once
#include "spec/field.h"

enum vm_state { VM_RUNNING, VM_STOPPED };
enum vm_accelerator { VM_KVM, VM_TCG };
enum domain_state { DOMAIN_SHUT_OFF, DOMAIN_RUNNING, DOMAIN_PAUSED, DOMAIN_CRASHED, DOMAIN_OTHER };
extern const struct name_table domain_state_names;

struct vm_boot {
	const char *kernel, *initrd, *cmdline;
};

struct vm_share {
	const char *path, *target;
	gboolean readonly;
};

struct vm_network {
	gboolean user;
	const char *bridge, *network;
};

struct vm_spec {
	const char *host;
	int state; /* enum vm_state */
	gint64 n_vcpus;
	guint64 memory_bytes;
	const char *machine;
	int accelerator; /* enum vm_accelerator */
	struct vm_boot boot;
	struct list shares;   /* struct vm_share */
	struct strings roots; /* names of Farm roots */
	struct list networks; /* struct vm_network */
	const char *serial_log;
};

struct vm_status {
	const char *host, *uuid;
	const char *owner; /* farm that made it; NULL: not made by cleave */
	int state;         /* enum domain_state */
	const char *reason;
	const char *machine_type;     /* as recorded by libvirt, such as pc-q35-7.2 */
	struct vm_spec defined, live; /* FIELD_IN_DOMAIN rows; live only while it runs */
};

extern const struct field vm_fields[];
extern const struct field vm_status_fields[];
