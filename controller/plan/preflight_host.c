/* Checks of the host: IOMMU, kernel, libvirt, modules, boot, sleep, clock. */
#include "plan/preflight_check.h"

/* An argument of the kernel's command line, whatever its value: `key` ends with =. */
static gboolean has_key(const char *cmdline, const char *key)
{
	for (const char *at = cmdline; at && (at = strstr(at, key)); at += strlen(key))
		if (at == cmdline || at[-1] == ' ')
			return TRUE;
	return FALSE;
}

CHECK(check_observed)
{
	if (c->host)
		return check_ok(c, "it was looked at");
	g_autoptr(GPtrArray) others = g_ptr_array_new();
	OBJECTS_EACH (o, c->have, KIND_HOST)
		g_ptr_array_add(others, (gpointer)o->id);
	check_say(c, CHECK_FAIL, "nothing was observed of this host",
	          others->len ? SAY("name one that was observed with --host: %s", check_list(c, others, 3)) : "run `cleave observe` on it");
}

/* -- IOMMU ------------------------------------------------------------------------------------------------ */

/* vGPUs of VFs are VFs; others are mapped by the host's driver. */
static gboolean needs_iommu(const struct checking *c)
{
	for (guint i = 0; i < c->n_cards; i++) {
		const struct check_card *at = &c->cards[i];
		if (check_gives(at, GPU_SHARE_PASSTHROUGH) || check_gives(at, GPU_SHARE_VF) ||
		    (check_gives(at, GPU_SHARE_VGPU) && at->card && at->card->sriov.n_total > 0))
			return TRUE;
	}
	return FALSE;
}

static const char *how_to_enable_iommu(const char *cmdline)
{
	if (!cmdline)
		return "switch VT-d (Intel) or AMD-Vi (AMD) on in the firmware; on Intel add the kernel argument intel_iommu=on; reboot";
	if (cmdline_has(cmdline, "intel_iommu=off") || cmdline_has(cmdline, "amd_iommu=off") || cmdline_has(cmdline, "iommu=off"))
		return "the kernel's command line switches it off: remove that argument, and reboot";
	if (cmdline_has(cmdline, "intel_iommu=on"))
		return "the kernel asks for it already: switch VT-d on in the firmware, and reboot";
	return "switch VT-d (Intel) or AMD-Vi (AMD) on in the firmware; on Intel add the kernel argument intel_iommu=on; reboot";
}

CHECK(check_iommu)
{
	const struct host_iommu *iommu = &c->host->iommu;
	if (iommu->enabled == TRUE)
		return check_ok(c, iommu->type ? SAY("it is on (%s)", iommu->type) : "it is on");
	if (iommu->enabled != FALSE)
		return check_say(c, CHECK_UNKNOWN, "the machine does not tell whether its IOMMU is on",
		                 "`ls /sys/kernel/iommu_groups` on the host lists groups when it is");
	if (!c->n_cards)
		return check_ok(c, "it is off, and no card needs it");
	check_say(c, needs_iommu(c) ? CHECK_FAIL : CHECK_WARN, "the IOMMU is off: no card can be given to a VM",
	          how_to_enable_iommu(c->host->cmdline));
}

CHECK(check_interrupt_remapping)
{
	const struct host_iommu *iommu = &c->host->iommu;
	if (iommu->enabled != TRUE || !c->n_cards)
		return;
	if (iommu->remaps_interrupts == TRUE)
		return check_ok(c, "it remaps interrupts");
	if (iommu->remaps_interrupts != FALSE)
		return check_say(c, CHECK_UNKNOWN, "the machine does not tell whether interrupts are remapped", NULL);
	if (c->host->cmdline && cmdline_has(c->host->cmdline, "vfio_iommu_type1.allow_unsafe_interrupts=1"))
		return check_say(c, CHECK_WARN, "interrupts are not remapped, and vfio is told to go on: a guest can raise the host's interrupts",
		                 "switch interrupt remapping (x2APIC) on in the firmware");
	check_say(c, needs_iommu(c) ? CHECK_FAIL : CHECK_WARN, "interrupts are not remapped: vfio refuses to give a card to a VM",
	          "switch interrupt remapping (x2APIC) on in the firmware; where it cannot, and guests are trusted, add "
	          "vfio_iommu_type1.allow_unsafe_interrupts=1 to the kernel's arguments");
}

CHECK(check_acs_override)
{
	if (!c->host->cmdline || !c->n_cards)
		return;
	if (!has_key(c->host->cmdline, "pcie_acs_override="))
		return check_ok(c, "groups are the hardware's own");
	check_say(c, CHECK_WARN, "pcie_acs_override splits IOMMU groups that the hardware does not isolate: cards can reach each other's memory",
	          "put the cards into slots that have groups of their own and remove the argument, or trust all guests");
}

/* -- cards, KVM, libvirt ----------------------------------------------------------------------------------- */

CHECK(check_cards_there)
{
	guint n = 0;
	for (guint i = 0; i < c->n_cards; i++)
		n += c->cards[i].card != NULL;
	if (c->host->pci_trouble)
		check_say(c, c->names_cards ? CHECK_FAIL : CHECK_UNKNOWN, SAY("the cards could not be listed: %s", c->host->pci_trouble), NULL);
	else if (n)
		check_ok(c, n == 1 ? "there is one" : SAY("there are %u", n));
	else if (!c->names_cards) /* else each that is missing is told */
		check_say(c, c->spec || c->n_vms ? CHECK_OK : CHECK_WARN,
		          "there is no GPU in this host: no display or accelerator card, besides a BMC's console", NULL);
}

static guint count_kvm_vms(const struct checking *c)
{
	guint n = 0;
	OBJECTS_EACH (o, c->want, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		n += strcmp(vm->host, c->host_id) == 0 && vm->accelerator == VM_KVM;
	}
	return n;
}

CHECK(check_kvm)
{
	guint n = count_kvm_vms(c);
	if (c->host->has_kvm == TRUE)
		return check_ok(c, "/dev/kvm is there");
	if (c->host->is_sysfs_alone)
		return check_say(c, CHECK_UNKNOWN, "a /sys alone does not tell whether there is a /dev/kvm", NULL);
	if (c->n_vms && !n)
		return check_ok(c, "/dev/kvm is not there, and no VM wants it");
	check_say(c, n ? CHECK_FAIL : CHECK_WARN, "there is no /dev/kvm",
	          "switch virtualisation (VT-x or SVM) on in the firmware and load kvm_intel or kvm_amd; or `accelerator: tcg`, which is slow");
}

CHECK(check_libvirt)
{
	if (c->host->libvirt == PLANE_OK)
		return check_ok(c, "it answers");
	if (c->host->libvirt == PLANE_AWAY)
		return check_say(c, c->n_vms ? CHECK_FAIL : CHECK_WARN,
		                 SAY("libvirt does not answer: %s", c->host->libvirt_reason ? c->host->libvirt_reason : "no reason was given"),
		                 "`systemctl start libvirtd` (or virtqemud)");
	if (c->n_vms)
		check_say(c, CHECK_UNKNOWN, "libvirt was left out", NULL);
}

/* -- versions --------------------------------------------------------------------------------------------- */

/* Linux 4.12 has sriov_drivers_autoprobe, without which the host's drivers take each new VF. From 5.15 on (and in
 * RHEL 9's 5.14) reset_method tells how a card is reset.
 * libvirt 8.0 and QEMU 6.2 are those of the oldest systems that cleave knows to boot (RHEL 9.0, Ubuntu 22.04); of
 * libvirt the choice of a firmware by its features (7.2) is used, of QEMU what 8.0 asks it for. */
enum { KERNEL_LEAST = 4012, KERNEL_TELLS_RESETS = 5014, LIBVIRT_LEAST = 8000, QEMU_LEAST = 6002 };

static void check_at_least(struct checking *c, const char *what, const char *text, gint64 least, const char *reason)
{
	gint64 version = check_version(text);
	if (!text || version < 0)
		check_say(c, CHECK_UNKNOWN, SAY("the version of %s is not told", what), NULL);
	else if (version >= least)
		check_ok(c, text);
	else
		check_say(c, CHECK_FAIL,
		          SAY("%s %s is older than %d.%d, %s", what, text + strcspn(text, "0123456789"), (int)(least / 1000), (int)(least % 1000), reason),
		          SAY("update %s", what));
}

CHECK(check_kernel)
{
	gint64 version = check_version(c->host->kernel);
	if (version >= KERNEL_LEAST && version < KERNEL_TELLS_RESETS)
		check_say(c, CHECK_WARN, SAY("the kernel %s does not tell how a card can be reset", c->host->kernel), "update it to 5.15 or newer");
	else
		check_at_least(c, "Linux", c->host->kernel, KERNEL_LEAST, "which keeps the host's drivers off new virtual functions");
}

CHECK(check_libvirt_version)
{
	if (c->host->libvirt == PLANE_OK)
		check_at_least(c, "libvirt", c->host->libvirt_version, LIBVIRT_LEAST, "the oldest that definitions are made for");
}

CHECK(check_qemu)
{
	if (c->host->libvirt == PLANE_OK && (!c->host->hypervisor_version || g_str_has_prefix(c->host->hypervisor_version, "QEMU")))
		check_at_least(c, "QEMU", c->host->hypervisor_version, QEMU_LEAST, "the oldest that definitions are made for");
}

/* -- modules and boot -------------------------------------------------------------------------------------- */

static const char *with_spaces(struct checking *c, const GPtrArray *words)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < words->len; i++)
		g_string_append_printf(s, "%s%s", i ? " " : "", (const char *)words->pdata[i]);
	return arena_strdup(c->arena, s->str);
}

CHECK(check_modules)
{
	struct strings wanted = host_wanted_modules(c->arena, c->want, c->host_id);
	g_autoptr(GPtrArray) absent = g_ptr_array_new(), barred = g_ptr_array_new(), unloaded = g_ptr_array_new();
	if (!wanted.n)
		return;
	for (guint i = 0; i < wanted.n; i++)
		if (modules_have(&c->host->missing_modules, wanted.items[i]))
			g_ptr_array_add(absent, (gpointer)wanted.items[i]);
		else if (!modules_have(&c->host->modules, wanted.items[i]))
			g_ptr_array_add(modules_have(&c->host->blacklisted, wanted.items[i]) ? barred : unloaded, (gpointer)wanted.items[i]);
	if (absent->len)
		check_say(c, CHECK_FAIL, SAY("this kernel does not have %s", check_list(c, absent, 5)),
		          "install the package with the kernel's other modules, or take them out of the Host's `modules`");
	if (barred->len)
		check_say(c, CHECK_FAIL, SAY("wanted, and blacklisted: %s", check_list(c, barred, 5)), "take them out of /etc/modprobe.d, or out of the Host's `modules`");
	if (!c->host->modules.n && unloaded->len)
		check_say(c, CHECK_UNKNOWN, "the machine does not tell which modules are loaded", NULL);
	else if (unloaded->len)
		check_say(c, CHECK_WARN, SAY("not loaded: %s", check_list(c, unloaded, 5)),
		          SAY("`cleave apply` loads what it needs; by hand: `modprobe -a %s`", with_spaces(c, unloaded)));
	else if (!absent->len && !barred->len)
		check_ok(c, "they are loaded");
}

CHECK(check_boot)
{
	const struct host_spec *spec = c->spec;
	g_autoptr(GPtrArray) missing = g_ptr_array_new();
	if (!spec || !(spec->kernel_args.n + spec->blacklist.n))
		return;
	if (!c->host->cmdline)
		return check_say(c, CHECK_UNKNOWN, "the machine does not tell its kernel arguments", NULL);
	for (guint i = 0; i < spec->kernel_args.n; i++)
		if (!cmdline_has(c->host->cmdline, spec->kernel_args.items[i]))
			g_ptr_array_add(missing, (gpointer)spec->kernel_args.items[i]);
	for (guint i = 0; i < spec->blacklist.n; i++)
		if (!modules_have(&c->host->blacklisted, spec->blacklist.items[i]))
			g_ptr_array_add(missing, SAY("blacklist %s", spec->blacklist.items[i]));
	if (missing->len == 0)
		return check_ok(c, "it has them");
	check_say(c, CHECK_WARN, SAY("this boot lacks: %s", check_list(c, missing, 5)),
	          spec->manage_boot ? "`cleave apply` writes them for the next boot; then reboot"
	                            : "add them to the boot loader and to /etc/modprobe.d, or let cleave do it (`manageBoot: true`); then reboot");
}

/* -- sleep, clock, root -------------------------------------------------------------------------------------- */

/* C6 of servers takes 130 µs and more to leave, C1 and C1E 2 to 20. */
enum { SLOW_WAKE_US = 100 };

CHECK(check_cpu_idle)
{
	const struct host_cpu_idle *idle = &c->host->cpu_idle;
	if (!c->n_cards)
		return;
	if (!idle->deepest)
		return check_say(c, CHECK_UNKNOWN, "the machine does not tell how its CPUs sleep", NULL);
	if (idle->latency_us < SLOW_WAKE_US)
		return check_ok(c, SAY("%s, which takes %" G_GINT64_FORMAT " µs to leave", idle->deepest, idle->latency_us));
	check_say(c, CHECK_WARN, SAY("CPUs sleep as deep as %s, which takes %" G_GINT64_FORMAT " µs to leave: guests answer late", idle->deepest, idle->latency_us),
	          g_strcmp0(idle->driver, "intel_idle") == 0
	                  ? "add the kernel argument intel_idle.max_cstate=1, where power does not matter more; reboot"
	                  : "add the kernel argument processor.max_cstate=1, where power does not matter more; reboot");
}

CHECK(check_clock)
{
	if (c->host->clock_is_synchronised == TRUE)
		check_ok(c, "it does");
	else if (c->host->clock_is_synchronised == FALSE)
		check_say(c, CHECK_WARN, "the clock follows no time server: leases and windows may be off", "`timedatectl set-ntp true`, or install chrony");
	else
		check_say(c, CHECK_UNKNOWN, "the machine does not tell whether its clock follows a time server", NULL);
}

CHECK(check_root)
{
	if (c->host->is_root)
		check_ok(c, "it was looked at as root");
	else
		check_say(c, CHECK_UNKNOWN, "it was not looked at as root: who uses a card, and what only root may read, is not known", "run it as root");
}
