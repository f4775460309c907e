/* What the verbs on VMs share: the domain as it is now. Private to apply/. */
#pragma once
#include "apply/apply.h"
#include "domain/domain.h"
#include "host/virt.h"
#include "spec/vm.h"

/* Deadlines of libvirt calls, in milliseconds. The first define asks QEMU what it can do (seconds). */
enum { VM_LIST_MS = 30000, VM_DEFINE_MS = 60000, VM_START_MS = 120000, VM_STOP_MS = 120000 };

/* QEMU's user passes through, and finds what it is told the name of. */
enum { VM_MEDIA_MODE = 0711 };

struct vm_now {
	gboolean exists, is_ours, is_active;
	struct virt_id id;
	const char *xml; /* what the next start uses */
	struct domain_facts facts;
	struct vm_spec defined, live;
};

/* Looks; .exists FALSE when there is no domain of that name. */
gboolean vm_look(const struct apply_input *in, const struct action *act, struct vm_now *ret, GError **error);
/* The same, and ERROR_REFUSED unless it is a domain of this farm (or, with `may_be_absent`, none). */
gboolean vm_look_at_ours(const struct apply_input *in, const struct action *act, gboolean may_be_absent,
                         struct vm_now *ret, GError **error);

/* The VM's folder below --state, absolute: its discs, and its firmware's variables. */
const char *vm_media_folder(const struct apply_input *in, const char *name);
