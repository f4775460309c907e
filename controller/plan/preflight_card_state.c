/* Checks of a card's shares, driver, identity and link. */
#include "plan/preflight_check.h"

/* -- what it offers ---------------------------------------------------------------------------------------------- */

static void check_vgpus_offered(struct checking *c)
{
	const struct gpu_status *card = c->at->card;
	if (card->vgpu_framework != VGPU_NONE || card->vgpu_types.n)
		check_ok(c, "its driver makes vGPUs");
	else if (card->sriov.n_total > 0 && card->sriov.n_enabled <= 0 && g_strcmp0(card->driver, "nvidia") == 0)
		check_say(c, CHECK_UNKNOWN, "its vGPU types show only when its virtual functions are on", "`sriov-manage -e ALL`, which NVIDIA's vGPU driver brings");
	else
		check_say(c, CHECK_FAIL,
		          card->driver ? SAY("its driver %s makes no vGPUs", card->driver) : "no driver holds it, so nothing makes vGPUs",
		          g_strcmp0(card->vendor, "10de") == 0 ? "install NVIDIA's vGPU driver on the host; the common driver makes none"
		                                               : "load the driver of the host that makes them");
}

CHECK(check_card_share)
{
	const struct gpu_status *card = c->at->card;
	if (!card)
		return;
	if (check_gives(c->at, GPU_SHARE_VGPU))
		return check_vgpus_offered(c);
	if (check_gives(c->at, GPU_SHARE_VF)) {
		gint64 count = c->at->spec->vf.count;
		if (card->sriov.n_total > 0 && count <= card->sriov.n_total && !card->driver)
			return check_say(c, CHECK_FAIL, "no driver holds it, and only a driver makes virtual functions", "load the driver of its vendor");
		if (card->sriov.n_total > 0 && count <= card->sriov.n_total)
			return check_ok(c, SAY("it can have %" G_GINT64_FORMAT " virtual functions", card->sriov.n_total));
		return check_say(c, CHECK_FAIL,
		                 card->sriov.n_total > 0 ? SAY("it can have %" G_GINT64_FORMAT " virtual functions, not %" G_GINT64_FORMAT, card->sriov.n_total, count)
		                                         : "it has no virtual functions (SR-IOV)",
		                 card->sriov.n_total > 0 ? "lower vf.count" : "switch SR-IOV on in the firmware, if the card has it; else share it another way");
	}
	if (!check_gives(c->at, GPU_SHARE_MIG))
		return;
	if (card->mig.enabled >= 0 && card->mig.pending >= 0)
		check_say(c, CHECK_WARN, SAY("its MIG mode is switched %s by its next reset", card->mig.pending ? "on" : "off"),
		          SAY("reboot the host, or end what uses the card and run `nvidia-smi --gpu-reset -i %s`", card->address));
	else if (card->mig.enabled >= 0)
		check_ok(c, "its driver knows MIG");
	else
		check_say(c, CHECK_UNKNOWN,
		          c->host->nvml_trouble ? SAY("whether it has MIG is not told: %s", c->host->nvml_trouble) : "it tells nothing of MIG, so it may have none",
		          "install NVIDIA's driver with libnvidia-ml.so.1 on the host");
}

/* -- what the plan says ------------------------------------------------------------------------------------------- */

static gboolean is_refusal(const struct verdict *v)
{
	for (guint i = 0; v->readiness == IS_STALLED && i < n_plan_rules; i++)
		if (plan_rules[i].scope == RULE_OF_OBJECT && strcmp(plan_rules[i].reason, v->reason) == 0)
			return TRUE;
	return FALSE;
}

/* A reason that another check has told is not told again. */
CHECK(check_card_refused)
{
	const struct verdict *v = c->at->spec ? plan_verdict(c->plan, KIND_GPU, c->at->id) : NULL;
	for (guint i = 0; i < c->findings->len; i++) {
		const struct finding *f = &g_array_index(c->findings, struct finding, i);
		if (f->kind == KIND_GPU && f->verdict == CHECK_FAIL && strcmp(f->id, c->id) == 0)
			return;
	}
	if (!v || !c->at->card)
		return;
	if (is_refusal(v))
		check_say(c, CHECK_FAIL, SAY("%s: %s", v->reason, v->message), NULL);
	else
		check_ok(c, "the plan refuses nothing");
}

/* -- drivers of the host ------------------------------------------------------------------------------------------ */

static const char *const host_drivers[] = { "nouveau", "nvidia", "amdgpu", "radeon", "i915", "xe", "snd_hda_intel" };

/* A card that is used by the host, or needs the driver to be split: it cannot be blacklisted. NULL: there is none. */
static const struct gpu_status *who_needs(const struct checking *c, const GPtrArray *drivers)
{
	for (guint i = 0; c->names_cards && i < c->n_cards; i++) {
		const struct check_card *at = &c->cards[i];
		if (at->card && at->card->driver && !check_gives(at, GPU_SHARE_PASSTHROUGH) &&
		    g_ptr_array_find_with_equal_func((GPtrArray *)drivers, at->card->driver, g_str_equal, NULL))
			return at->card;
	}
	return NULL;
}

static void judge_drivers(struct checking *c, const GPtrArray *drivers)
{
	const struct gpu_status *card = c->at->card, *other = who_needs(c, drivers);
	/* Sound functions are in use on their own all over a machine: their driver is let go quickly. */
	gboolean is_sound = drivers->len == 1 && strcmp(drivers->pdata[0], "snd_hda_intel") == 0;
	gboolean is_twin = other && g_strcmp0(other->vendor, card->vendor) == 0 && g_strcmp0(other->device, card->device) == 0;
	const char *fix = is_sound  ? "blacklist it where the host plays no sound; it lets its cards go quickly, so it may also stay"
	                  : is_twin ? SAY("leave it: its twin %s needs that driver, so cleave takes this card after each boot", other->address)
	                  : other   ? SAY("%s needs that driver, so claim this card at boot: kernel argument vfio-pci.ids=%s:%s", other->address,
	                                  card->vendor ? card->vendor : "?", card->device ? card->device : "?")
	                            : SAY("add %s to the Host's `blacklist` with `manageBoot: true`, or to a file in /etc/modprobe.d", check_list(c, drivers, 4));
	check_say(c, CHECK_WARN, SAY("%s take%s it at each boot, before cleave does", check_list(c, drivers, 4), drivers->len == 1 ? "s" : ""), fix);
}

CHECK(check_card_driver)
{
	g_autoptr(GPtrArray) drivers = g_ptr_array_new();
	if (!c->at->card || !check_gives(c->at, GPU_SHARE_PASSTHROUGH)) /* who says nothing of a card may need its driver */
		return;
	if (c->at->card->vgpus.n || c->at->card->sriov.vfs.n)
		return check_ok(c, "its driver makes its vGPUs or virtual functions, and has to stay as long as there are any");
	for (guint i = 0; i < c->at->card->functions.n; i++) {
		const struct gpu_function *f = LIST_AT(c->at->card->functions, struct gpu_function, i);
		const char *driver = f->former_driver ? f->former_driver : f->driver;
		gboolean is_known = FALSE;
		for (guint k = 0; driver && k < G_N_ELEMENTS(host_drivers); k++)
			is_known |= strcmp(host_drivers[k], driver) == 0;
		/* What the Host wants blacklisted, and is not yet, is told of the boot. */
		is_known = is_known && !(c->spec && modules_have(&c->spec->blacklist, driver)) && !modules_have(&c->host->blacklisted, driver);
		if (is_known && !g_ptr_array_find_with_equal_func(drivers, driver, g_str_equal, NULL))
			g_ptr_array_add(drivers, (gpointer)driver);
	}
	if (drivers->len)
		judge_drivers(c, drivers);
	else
		check_ok(c, "none does");
}

/* A GPU of an HGX board computes only when somebody has set up its links: the fabric manager, of the host or of the VM
 * that has the switches. */
CHECK(check_nvswitch)
{
	gint64 n = c->host->n_nvswitches, n_given = 0, n_gpus = 0;
	for (guint i = 0; i < c->n_cards; i++) {
		const struct gpu_status *card = c->cards[i].card;
		if (!card || g_strcmp0(card->vendor, "10de") != 0 || !check_gives(&c->cards[i], GPU_SHARE_PASSTHROUGH))
			continue;
		*(g_strcmp0(card->class_code, "0680") == 0 ? &n_given : &n_gpus) += 1;
	}
	if (n <= 0)
		return;
	if (!n_gpus || n_given >= n)
		return check_ok(c, n_gpus ? "VMs get the switches as well" : "no GPU leaves them");
	check_say(c, CHECK_WARN,
	          SAY("%" G_GINT64_FORMAT " NVSwitch%s its GPUs: one that a VM gets without them computes only in a partition of the fabric", n,
	              n == 1 ? " connects" : "es connect"),
	          "run nvidia-fabricmanager on the host in its shared mode (FABRIC_MODE=1) with a partition for each VM; or give all GPUs and switches to one VM");
}

/* -- identity ------------------------------------------------------------------------------------------------------- */

CHECK(check_card_identity)
{
	const struct gpu_spec *spec = c->at->spec;
	const struct gpu_status *card = c->at->card;
	if (!spec || !card)
		return;
	if (spec->match.serial)
		return check_ok(c, "by its serial number");
	const char *by = spec->match.slot ? "slot" : "address";
	const char *risk = spec->match.slot ? "another card in that slot is taken for it" : "addresses change when cards come and go";
	check_say(c, CHECK_WARN, SAY("its spec knows it by its %s alone, and %s", by, risk),
	          card->serial                      ? SAY("write `match: {serial: \"%s\"}`", card->serial)
	          : card->slot && !spec->match.slot ? SAY("write `match: {slot: \"%s\"}`; it tells no serial number", card->slot)
	                                            : "it tells nothing better: after cards were swapped, compare `cleave observe` with the specs");
}

/* -- link ------------------------------------------------------------------------------------------------------------ */

/* "16.0 GT/s PCIe" → 160 */
static gint64 speed_of(const char *text)
{
	return text ? (gint64)(g_ascii_strtod(text, NULL) * 10) : -1;
}

/* Of a card behind a switch of its own (Intel's) the link inside the card is told, which says nothing. */
CHECK(check_card_link)
{
	const struct gpu_status *card = c->at->card;
	if (!card || !check_is_spoken_of(c) || g_strcmp0(card->vendor, "8086") == 0)
		return;
	const struct gpu_link *link = &card->link;
	if (link->width < 0 || link->max_width < 0)
		return check_say(c, CHECK_UNKNOWN, "the machine does not tell the width of its PCIe link", NULL);
	gint64 speed = speed_of(link->speed), max_speed = speed_of(link->max_speed);
	gboolean is_slow = speed > 0 && speed < max_speed;
	if (link->max_width == 0)
		return check_ok(c, "it has no PCIe link: it is part of the chipset");
	if (link->width < link->max_width)
		check_say(c, CHECK_WARN,
		          SAY("its PCIe link has %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " lanes%s", link->width, link->max_width,
		              is_slow ? SAY(", at %s of %s", link->speed, link->max_speed) : ""),
		          "seat the card again; look whether slot, riser and the firmware's bifurcation have all lanes");
	else if (is_slow)
		check_ok(c, SAY("all lanes, at %s of %s: cards slow down while they are idle", link->speed, link->max_speed));
	else
		check_ok(c, SAY("%" G_GINT64_FORMAT " lanes", link->width));
}

/* Corrected errors cost nothing but a repeat; so many since boot tell of a bad contact. */
enum { MANY_CORRECTED = 1000 };

CHECK(check_card_errors)
{
	if (!c->at->card || !check_is_spoken_of(c))
		return;
	const struct gpu_aer *aer = &c->at->card->aer;
	if (aer->n_correctable < 0 && aer->n_nonfatal < 0 && aer->n_fatal < 0)
		check_say(c, CHECK_UNKNOWN, "the machine does not count its PCIe errors", NULL);
	else if (aer->n_fatal > 0 || aer->n_nonfatal > 0)
		check_say(c, CHECK_WARN,
		          SAY("%" G_GINT64_FORMAT " fatal and %" G_GINT64_FORMAT " other errors on its PCIe link since boot", MAX(aer->n_fatal, 0), MAX(aer->n_nonfatal, 0)),
		          "seat the card and its riser again; `dmesg | grep AER` tells when they came");
	else if (aer->n_correctable >= MANY_CORRECTED)
		check_say(c, CHECK_WARN, SAY("%" G_GINT64_FORMAT " corrected errors on its PCIe link since boot", aer->n_correctable),
		          "seat the card and its riser again; they cost speed");
	else
		check_ok(c, SAY("%" G_GINT64_FORMAT " corrected errors since boot", MAX(aer->n_correctable, 0)));
}
