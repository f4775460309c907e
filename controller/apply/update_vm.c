/* update-vm: what acts on a running guest, each change by its row (plan/vm_live.h); then looks until the guest has followed. */
#include "apply/media.h"
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "domain/mark.h"
#include "host/virt_live.h"
#include "plan/vm_live.h"
#include "spec/diff.h"
#include "spec/identity.h"
#include <string.h>

/* A call; and the time that a guest has to switch CPUs on, give memory back, let go of a device. */
enum { CHANGE_MS = 30000, FOLLOW_MS = 15000, LOOK_AGAIN_MS = 300 };

struct update {
	const struct apply_input *in;
	const struct action *act;
	struct domain_identity identity;
	struct vm_now now;
	struct vm_spec live; /* as it runs, in the words of what is wanted */
};

gboolean update_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	struct vm_now now;
	if (!vm_look_at_ours(in, act, FALSE, &now, error))
		return FALSE;
	return now.is_active || fail(error, ERROR_REFUSED, "%s has stopped since it was planned", act->id);
}

/* -- one hand a row ------------------------------------------------------------------------------------ */

static gboolean set_vcpus(const struct update *u, const struct vm_live_change *c, GError **error)
{
	return virt_set_vcpus(u->in->virt, &u->now.id, (guint)c->want->n_vcpus, CHANGE_MS, error);
}

static gboolean set_memory(const struct update *u, const struct vm_live_change *c, GError **error)
{
	return virt_set_memory(u->in->virt, &u->now.id, c->want->memory_bytes, CHANGE_MS, error);
}

static gboolean pin_vcpus(const struct update *u, const struct vm_live_change *c, GError **error)
{
	for (guint i = 0; i < c->want->cpu.pinning.n; i++) {
		const struct vm_pin *pin = LIST_AT(c->want->cpu.pinning, struct vm_pin, i);
		if (pin->vcpu < c->want->n_vcpus &&
		    !virt_pin_vcpu(u->in->virt, &u->now.id, (guint)pin->vcpu, pin->cpus, CHANGE_MS, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean pin_emulator(const struct update *u, const struct vm_live_change *c, GError **error)
{
	return virt_pin_emulator(u->in->virt, &u->now.id, c->want->cpu.emulator_cpus, CHANGE_MS, error);
}

static gboolean pin_iothreads(const struct update *u, const struct vm_live_change *c, GError **error)
{
	for (guint i = 1; i <= c->want->n_iothreads; i++)
		if (!virt_pin_iothread(u->in->virt, &u->now.id, i, c->want->iothread_cpus, CHANGE_MS, error))
			return FALSE;
	return TRUE;
}

/* A disk's size: grow-volumes makes it larger, and tells the guest. The mark: it is written when all else is done. */
static gboolean leave_to_others(const struct update *u, const struct vm_live_change *c, GError **error)
{
	(void)u, (void)c, (void)error;
	return TRUE;
}

static enum domain_device device_of(enum vm_live kind);

static const char *element(const struct update *u, const struct vm_live_change *c, const struct vm_spec *vm, guint index, GError **error)
{
	const char *xml = domain_device_xml(u->in->arena, &u->identity, vm, u->now.live_xml, device_of(c->kind), index);
	if (!xml)
		fail(error, ERROR_FAILED, "%s is no device that can be changed alone", c->item ? c->item : vm_live_rows[c->kind].field);
	return xml;
}

static gboolean change_device(const struct update *u, const struct vm_live_change *c, GError **error)
{
	const char *xml = element(u, c, c->want, c->after, error);
	return xml && virt_update_device(u->in->virt, &u->now.id, xml, CHANGE_MS, error);
}

static gboolean add_device(const struct update *u, const struct vm_live_change *c, GError **error)
{
	const char *xml = element(u, c, c->want, c->after, error);
	return xml && virt_attach_device(u->in->virt, &u->now.id, xml, CHANGE_MS, error);
}

static gboolean remove_device(const struct update *u, const struct vm_live_change *c, GError **error)
{
	const char *xml = element(u, c, c->live, c->before, error);
	return xml && virt_detach_device(u->in->virt, &u->now.id, xml, CHANGE_MS, error);
}

static const struct {
	gboolean (*change)(const struct update *u, const struct vm_live_change *c, GError **error);
	enum domain_device device; /* of those on devices */
} hands[] = {
	[VM_LIVE_VCPUS] = { .change = set_vcpus },
	[VM_LIVE_MEMORY] = { .change = set_memory },
	[VM_LIVE_VCPU_PINS] = { .change = pin_vcpus },
	[VM_LIVE_EMULATOR_PIN] = { .change = pin_emulator },
	[VM_LIVE_IOTHREAD_PIN] = { .change = pin_iothreads },
	[VM_LIVE_DISK_SIZE] = { .change = leave_to_others },
	[VM_LIVE_MEDIUM] = { change_device, DOMAIN_DISK },
	[VM_LIVE_DISK_ADDED] = { add_device, DOMAIN_DISK },
	[VM_LIVE_LINK] = { change_device, DOMAIN_NETWORK },
	[VM_LIVE_BRIDGE] = { change_device, DOMAIN_NETWORK },
	[VM_LIVE_NETWORK] = { change_device, DOMAIN_NETWORK },
	[VM_LIVE_NIC_ADDED] = { add_device, DOMAIN_NETWORK },
	[VM_LIVE_NIC_REMOVED] = { remove_device, DOMAIN_NETWORK },
	[VM_LIVE_DEVICE_ADDED] = { add_device, DOMAIN_HOST_DEVICE },
	[VM_LIVE_SETTINGS] = { change_device, DOMAIN_SETTINGS },
	[VM_LIVE_PASSWORD] = { change_device, DOMAIN_SCREEN },
	[VM_LIVE_KEPT] = { .change = leave_to_others },
};
G_STATIC_ASSERT(G_N_ELEMENTS(hands) == N_VM_LIVE);

static enum domain_device device_of(enum vm_live kind)
{
	return hands[kind].device;
}

/* -- the changes ---------------------------------------------------------------------------------------- */

/* What was planned and is not so yet. */
static struct changes find_left(const struct update *u)
{
	struct changes differ = diff_structs(u->in->arena, vm_fields, &u->live, u->act->vm, FIELD_IN_DOMAIN), left = { differ.items, 0 };
	for (guint i = 0; i < differ.n; i++)
		for (guint k = 0; k < u->act->changes.n; k++)
			if (strcmp(differ.items[i].field, u->act->changes.items[k].field) == 0) {
				left.items[left.n++] = differ.items[i];
				break;
			}
	return left;
}

/* An item that comes has many values, and is one change. */
static gboolean is_done_before(const GArray *done, const struct vm_live_change *c)
{
	for (guint i = 0; i < done->len; i++) {
		const struct vm_live_change *d = &g_array_index(done, struct vm_live_change, i);
		if (d->kind == c->kind && g_strcmp0(d->item, c->item) == 0)
			return TRUE;
	}
	return FALSE;
}

/* What libvirt has no place for stands in the mark: that of the changes which were made, and no word of those that wait for
 * a restart. */
static gboolean set_mark(const struct update *u, const GArray *done, GError **error)
{
	struct vm_spec as = u->now.live;
	gboolean differs = FALSE;
	for (guint i = 0; i < done->len; i++) {
		enum vm_live kind = g_array_index(done, struct vm_live_change, i).kind;
		if (kind == VM_LIVE_KEPT)
			as.kept = u->act->vm->kept;
		else if (kind == VM_LIVE_PASSWORD)
			as.console.password_digest = u->act->vm->console.password_digest;
		else if (kind == VM_LIVE_DISK_ADDED)
			as.disks = u->act->vm->disks;
		else
			continue;
		differs = TRUE;
	}
	return !differs || virt_set_live_mark(u->in->virt, &u->now.id, domain_mark_xml(u->in->arena, &u->identity, &as), DOMAIN_MARK_URI, CHANGE_MS, error);
}

static gboolean change_each(const struct update *u, const struct changes *left, GArray *done, GError **error)
{
	for (guint i = 0; i < left->n; i++) {
		struct vm_live_change c;
		if (!vm_live_find(u->in->arena, &u->live, u->act->vm, &left->items[i], &c))
			return fail(error, ERROR_REFUSED, "%s has become %s since it was planned", left->items[i].field,
			            left->items[i].before ? left->items[i].before : "(none)");
		if (is_done_before(done, &c))
			continue;
		if (!hands[c.kind].change(u, &c, error))
			return FALSE;
		g_array_append_val(done, c);
	}
	return TRUE;
}

/* The mark says what was done also where something after it failed. */
static gboolean change_all(const struct update *u, const struct changes *left, GError **error)
{
	g_autoptr(GArray) done = g_array_new(FALSE, FALSE, sizeof(struct vm_live_change));
	gboolean is_changed = change_each(u, left, done, error);
	return set_mark(u, done, is_changed ? error : NULL) && is_changed;
}

static gboolean look(struct update *u, GError **error)
{
	if (!vm_look_at_ours(u->in, u->act, FALSE, &u->now, error))
		return FALSE;
	if (!u->now.is_active)
		return fail(error, ERROR_FAILED, "it stopped meanwhile");
	u->live = vm_in_words_of(u->in->arena, &u->now.live, u->act->vm, u->now.facts.machine_type);
	return TRUE;
}

static gboolean wait_followed(struct update *u, GError **error)
{
	gint64 until_us = g_get_monotonic_time() + FOLLOW_MS * G_TIME_SPAN_MILLISECOND;
	for (;;) {
		if (!look(u, error))
			return FALSE;
		struct changes left = find_left(u);
		if (left.n == 0)
			return TRUE;
		gint64 now = g_get_monotonic_time();
		if (now >= until_us)
			return fail(error, ERROR_FAILED, "the guest has not followed in %d s: %s is %s, not %s", FOLLOW_MS / 1000,
			            left.items[0].field, left.items[0].before ? left.items[0].before : "(none)",
			            left.items[0].after ? left.items[0].after : "(none)");
		virt_wait_event(u->in->virt, MIN(until_us, now + LOOK_AGAIN_MS * G_TIME_SPAN_MILLISECOND));
	}
}

gboolean update_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	struct update u = { .in = in, .act = act };
	if (!look(&u, error) || !vm_identify(in, act, &u.now, &u.identity, error))
		return FALSE;
	struct changes left = find_left(&u);
	return change_all(&u, &left, error) && wait_followed(&u, error) && vm_media_tidy(in, act, &u.now, error);
}
