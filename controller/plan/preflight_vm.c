/* Checks of VMs: firmware, consumer cards, vGPU guests. */
#include "plan/preflight_check.h"

/* -- firmware ----------------------------------------------------------------------------------------------------- */

/* OVMF_CODE.secboot.fd, OVMF_CODE_4M.ms.fd, edk2-x86_64-secure-code.fd */
static gboolean is_secure_code(const char *path)
{
	return strstr(path, "secboot") || strstr(path, "secure") || strstr(path, ".ms.");
}

CHECK(check_vm_firmware)
{
	const struct strings *found = &c->host->firmware;
	if (c->vm->firmware != FIRMWARE_UEFI && c->vm->firmware != FIRMWARE_UEFI_SECURE)
		return;
	if (!found->n)
		return check_say(c, CHECK_FAIL, "no UEFI firmware for VMs is installed (OVMF)", "`apt install ovmf`, or `dnf install edk2-ovmf`");
	for (guint i = 0; i < found->n; i++)
		if (c->vm->firmware == FIRMWARE_UEFI || is_secure_code(found->items[i]))
			return check_ok(c, found->items[i]);
	check_say(c, CHECK_WARN, "no UEFI firmware with secure boot was found", "`firmware: uefi`, or install one whose descriptor says secure-boot");
}

/* -- cards of a VM --------------------------------------------------------------------------------------------------- */

/* The card of gpus[i] when the VM has it by that share, or NULL. */
static const struct check_card *card_by(const struct checking *c, guint i, enum gpu_share share)
{
	const struct vm_gpu *use = LIST_AT(c->vm->gpus, struct vm_gpu, i);
	const struct check_card *at = check_card_of(c, use->gpu);
	return at && at->card && at->spec->share == (int)share ? at : NULL;
}

static gboolean is_nvidia(const struct check_card *at)
{
	return g_strcmp0(at->card->vendor, "10de") == 0;
}

/* NVIDIA's drivers from 465 on (2021) let GeForce cards work in VMs; older ones give up with Code 43. */
enum { DRIVER_FOR_VMS = 465 };

CHECK(check_vm_hiding)
{
	const struct vm_cpu *cpu = &c->vm->cpu;
	const struct vm_hyperv *hv = &cpu->hyperv;
	gboolean is_hidden = cpu->hide_hypervisor && (hv->vendor_id || !(hv->relaxed || hv->vapic || hv->spinlocks));
	for (guint i = 0; i < c->vm->gpus.n; i++) {
		const struct check_card *at = card_by(c, i, GPU_SHARE_PASSTHROUGH);
		if (!at || !is_nvidia(at) || !at->card->name || !strstr(at->card->name, "GeForce"))
			continue;
		if (is_hidden)
			return check_ok(c, "it does");
		if (check_version(c->vm->nvidia.driver) >= DRIVER_FOR_VMS * 1000)
			return check_ok(c, SAY("it need not, with the driver %s", c->vm->nvidia.driver));
		return check_say(c, CHECK_WARN, "it shows a GeForce card that it is a VM: NVIDIA's drivers before 465 refuse to work there (Code 43)",
		                 "`cpu: {hideHypervisor: true, hyperv: {vendorId: cleave}}`; or say a newer `nvidia.driver`");
	}
}

/* -- vGPUs --------------------------------------------------------------------------------------------------------------- */

static const struct check_card *nvidia_vgpu(const struct checking *c)
{
	for (guint i = 0; i < c->vm->gpus.n; i++) {
		const struct check_card *at = card_by(c, i, GPU_SHARE_VGPU);
		if (at && is_nvidia(at))
			return at;
	}
	return NULL;
}

CHECK(check_vgpu_licence)
{
	if (!nvidia_vgpu(c))
		return;
	if (c->vm->nvidia.license_token_file)
		check_ok(c, c->vm->nvidia.license_token_file);
	else
		check_say(c, CHECK_WARN, "no licence for its vGPU: NVIDIA's driver slows a guest down that has none, until it stands still",
		          "say `nvidia.licenseTokenFile`, the client token of your licence server");
}

CHECK(check_vgpu_driver)
{
	const char *guest = c->vm->nvidia.driver, *host = c->host->nvidia_driver;
	if (!nvidia_vgpu(c))
		return;
	if (!guest)
		check_say(c, CHECK_UNKNOWN, "the spec does not say which driver the guest has", "say `nvidia.driver`");
	else if (!host)
		check_say(c, CHECK_UNKNOWN, "the host does not tell the version of its NVIDIA driver", NULL);
	else if (check_version(guest) / 1000 != check_version(host) / 1000)
		check_say(c, CHECK_WARN, SAY("driver %s in the guest, %s on the host: vGPUs need both of one release", guest, host),
		          SAY("install the guest's driver of the branch %d", (int)(check_version(host) / 1000)));
	else
		check_ok(c, SAY("%s in the guest, %s on the host", guest, host));
}

/* The name of a type that is written as the driver's number, nvidia-35; NULL when the card does not offer it. */
static const char *type_name(const struct gpu_status *card, const char *type)
{
	for (guint i = 0; i < card->vgpu_types.n; i++) {
		const struct gpu_vgpu_type *t = LIST_AT(card->vgpu_types, struct gpu_vgpu_type, i);
		if (g_strcmp0(t->id, type) == 0)
			return t->name;
	}
	return strchr(type, '-') && g_ascii_isupper(type[strlen(type) - 1]) ? type : NULL;
}

CHECK(check_vgpu_series)
{
	for (guint i = 0; i < c->vm->gpus.n; i++) {
		const struct vm_gpu *use = LIST_AT(c->vm->gpus, struct vm_gpu, i);
		const struct check_card *at = card_by(c, i, GPU_SHARE_VGPU);
		const char *type = !at || !is_nvidia(at) ? NULL : use->type ? use->type : at->spec->vgpu.type;
		const char *name = type ? type_name(at->card, type) : NULL;
		char series = '\0';
		if (name)
			series = name[strlen(name) - 1];
		if (series == 'A' || series == 'B')
			check_say(c, CHECK_WARN, SAY("vGPUs of the series %c (%s) do not compute: Blender finds no device", series, name), "take a type of the series Q or C");
		else if (name)
			check_ok(c, name);
		else if (type)
			check_say(c, CHECK_UNKNOWN, SAY("the card does not offer the type %s now, so its name is not known", type), NULL);
	}
}

CHECK(check_vgpu_ecc)
{
	guint n[2] = { 0, 0 }, n_untold = 0;
	for (guint i = 0; i < c->n_cards; i++) {
		const struct check_card *at = &c->cards[i];
		if (!check_gives(at, GPU_SHARE_VGPU) || !at->card || !is_nvidia(at))
			continue;
		if (at->card->ecc == TRUE || at->card->ecc == FALSE)
			n[at->card->ecc]++;
		else
			n_untold++;
	}
	if (n[0] && n[1])
		check_say(c, CHECK_WARN, SAY("ECC is on for %u cards with vGPUs and off for %u: a VM does not move from one to the other", n[1], n[0]),
		          "`nvidia-smi -e 0` (or 1) for all of them, also on the other hosts; reboot");
	else if (n_untold)
		check_say(c, CHECK_UNKNOWN,
		          SAY("the ECC setting of cards with vGPUs is not told%s%s", c->host->nvml_trouble ? ": " : "",
		              c->host->nvml_trouble ? c->host->nvml_trouble : ""),
		          NULL);
	else if (n[0] || n[1])
		check_ok(c, n[1] ? "on; the other hosts should have it on as well" : "off; the other hosts should have it off as well");
}
