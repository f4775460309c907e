/* What acts on a running guest: one table, whose twin in apply/update_vm.c does it, same index. */
#pragma once
#include "spec/diff.h"
#include "spec/vm.h"

enum vm_live {
	VM_LIVE_VCPUS,
	VM_LIVE_MEMORY,
	VM_LIVE_VCPU_PINS,
	VM_LIVE_EMULATOR_PIN,
	VM_LIVE_IOTHREAD_PIN,
	VM_LIVE_DISK_SIZE,
	VM_LIVE_MEDIUM,
	VM_LIVE_DISK_ADDED,
	VM_LIVE_LINK,
	VM_LIVE_BRIDGE,
	VM_LIVE_NETWORK,
	VM_LIVE_NIC_ADDED,
	VM_LIVE_NIC_REMOVED,
	VM_LIVE_DEVICE_ADDED,
	VM_LIVE_SETTINGS,
	VM_LIVE_PASSWORD,
	VM_LIVE_KEPT,
	N_VM_LIVE,
};

/* Of a list's item: it is there before and after; or comes, goes, with all of its values. */
enum item_change { ITEM_STAYS, ITEM_COMES, ITEM_GOES };

/* A change, and where in the lists its item stands. */
struct vm_live_change {
	enum vm_live kind;
	const struct vm_spec *live, *want;
	guint before, after; /* index in the list; of the side where it is not, the list's length */
	const char *item;    /* "disks[\"data\"]"; NULL outside lists */
};

struct vm_live_row {
	const char *field; /* a path; "[]" for any item: with a key behind it that key, else the item with all its keys */
	enum item_change change;
	gboolean (*may)(const struct vm_live_change *c); /* NULL = always */
	const char *when;  /* for people */
	const char *written; /* the key of the language that it follows from, where that is another one */
};
extern const struct vm_live_row vm_live_rows[N_VM_LIVE];

/* Whether `c`, a change from `live` to `want`, acts while the guest runs; *ret says how. */
gboolean vm_live_find(struct arena *a, const struct vm_spec *live, const struct vm_spec *want, const struct change *c,
                      struct vm_live_change *ret);
/* The key of the language that a row is about: "disks[].size", "networks[]" for cards that come and go. */
const char *vm_live_key(const struct vm_live_row *row);
/* The row of such a key, with "[]" or without; NULL: a change takes a restart. */
const struct vm_live_row *vm_live_of_field(const char *path);
