/* What the verbs on VMs share: the domain as it is now. Private to apply/. */
#pragma once
#include "apply/apply.h"
#include "domain/domain.h"
#include "host/virt.h"
#include "spec/vm.h"

/* Deadlines of libvirt calls, in milliseconds. The first define asks QEMU what it can do (seconds). */
enum { VM_LOOK_MS = 30000, VM_DEFINE_MS = 60000, VM_START_MS = 120000, VM_STOP_MS = 120000 };

/* QEMU's user passes through, and finds what it is told the name of. */
enum { VM_MEDIA_MODE = 0711 };

struct vm_now {
	gboolean exists, is_ours, is_active;
	struct virt_id id;
	const char *xml;      /* what the next start uses */
	const char *live_xml; /* NULL when it does not run */
	struct domain_facts facts;
	struct vm_spec defined, live;
};

/* An agent that does not answer holds nothing up for long. */
enum { VM_AGENT_MS = 6000 };
#define VM_DRAIN_FILE "/run/cleave/drain" /* in the guest; its worker looks for it (worker/loop.c) */
#define VM_DRAIN_OVER "over"             /* an agent writes files and removes none: what then stands there */

/* Looks; .exists FALSE when there is no domain of that name. */
gboolean vm_look(const struct apply_input *in, const struct action *act, struct vm_now *ret, GError **error);
/* The same, and ERROR_REFUSED unless it is a domain of this farm (or, with `may_be_absent`, none). */
gboolean vm_look_at_ours(const struct apply_input *in, const struct action *act, gboolean may_be_absent,
                         struct vm_now *ret, GError **error);

/* What its XML has to say beside the spec: the password is read from its file now. */
gboolean vm_identify(const struct apply_input *in, const struct action *act, const struct vm_now *now,
                     struct domain_identity *ret, GError **error);

/* Each ends with a look, which the vm_look() that follows tells. */
gboolean vm_define(const struct apply_input *in, const struct virt_id *id, const char *xml, GError **error);
gboolean vm_start(const struct apply_input *in, const struct virt_id *id, GError **error);

/* -- what the farm and this host know of it beside libvirt: vm_facts.c -------------------------------------- */

/* Says that it is on this host. ERROR_REFUSED when another host has it; ERROR_AWAY when Redis does not tell and that
 * is not known here (`is_new`). Without Redis there is nothing to say. */
gboolean vm_take_home(const struct apply_input *in, const struct action *act, gboolean is_new, GError **error);
/* And that it is not, when it is not wanted here. */
gboolean vm_leave_home(const struct apply_input *in, const struct action *act, GError **error);
/* Its worker takes no frames from now on: the record, Redis, a file in the guest. Redis away is no failure: then
 * the drain time counts. */
gboolean vm_begin_drain(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error);
/* It takes them again; it is noted until Redis knows. */
gboolean vm_end_drain(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error);
/* Whether its worker has a frame in hand; FALSE as well when Redis does not tell. */
gboolean vm_has_work(const struct apply_input *in, const struct vm_now *now);
/* cleave has started it; has ended it. */
gboolean vm_note_started(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error);
/* It runs now, with these still to change: another restart would not bring them either. */
gboolean vm_note_not_taken(const struct apply_input *in, const struct action *act, const struct vm_now *now, const struct changes *left, GError **error);
gboolean vm_note_stopped(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error);
/* What is known of it goes. */
gboolean vm_forget(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error);
/* As it was planned with; NULL: it was not there. */
const struct vm_status *vm_as_planned(const struct apply_input *in, const struct action *act);

/* libvirt's refusal, with what to do about it where that is known. Frees `wrong`; FALSE. */
gboolean vm_fail_with_hint(GError **error, GError *wrong);
