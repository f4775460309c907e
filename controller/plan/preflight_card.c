/* Checks of whole cards before VMs get them: address space, group, console, users, reset. */
#include "plan/preflight_check.h"

CHECK(check_card_found)
{
	const struct gpu_identity *i = &c->at->identity;
	const struct gpu_spec *spec = c->at->spec;
	if (!spec)
		return;
	if (i->found == GPU_FOUND)
		return check_ok(c, SAY("it is at %s", i->card->address));
	if (c->host->pci_trouble)
		return check_say(c, CHECK_UNKNOWN, "the cards could not be listed", NULL);
	if (i->found == GPU_MOVED)
		return check_say(c, CHECK_FAIL,
		                 SAY("another card is at %s: %s%s%s", i->other->address, i->other->name ? i->other->name : "a card without name",
		                     i->card ? "; the card that is meant is at " : "", i->card ? i->card->address : ""),
		                 i->card ? SAY("if it was moved, write `address: \"%s\"`", i->card->address)
		                         : "put the card back, or change `match` to the card that is there");
	if (i->found == GPU_AMBIGUOUS)
		return check_say(c, CHECK_FAIL, SAY("two cards fit: %s and %s", i->card->address, i->other->address), "say its address as well");
	check_say(c, CHECK_FAIL, spec->address ? SAY("no card is at %s", spec->address) : "no card fits its `match`",
	          "`cleave observe` lists the cards of this host; look whether this one is seated and has power");
}

CHECK(check_card_stuck)
{
	if (c->at->card && c->at->card->stuck)
		check_say(c, CHECK_FAIL, SAY("a write to it does not return: %s", c->at->card->stuck), "end what uses the card; else only a reboot helps");
}

CHECK(check_card_bars)
{
	const struct gpu_status *card = c->at->card;
	if (!check_is_spoken_of(c))
		return;
	if (card->n_unassigned_bars > 0)
		check_say(c, check_gives(c->at, GPU_SHARE_UNSAID) ? CHECK_FAIL : CHECK_WARN,
		          SAY("%" G_GINT64_FORMAT " of its memory regions got no address: the firmware has no room for them", card->n_unassigned_bars),
		          "switch Above 4G Decoding on in the firmware (also called 64-bit BARs or MMIO High Size), and reboot");
	else if (card->bar_bytes < 0)
		check_say(c, CHECK_UNKNOWN, "the machine does not tell its memory regions", NULL);
	else
		check_ok(c, "all of its memory has an address");
}

/* -- group --------------------------------------------------------------------------------------------------- */

/* PCI classes, as people say them: the first that the code begins with. */
static const struct {
	const char *prefix, *noun;
} nouns[] = {
	{ "0106", "SATA controller" },   { "0107", "SAS controller" },  { "0108", "NVMe drive" },     { "01", "storage controller" },
	{ "0207", "InfiniBand adapter" }, { "02", "network card" },     { "03", "graphics card" },    { "0403", "sound device" },
	{ "04", "multimedia device" },   { "0601", "ISA bridge" },      { "0680", "bridge" },         { "07", "serial port" },
	{ "0c03", "USB controller" },    { "0c05", "SMBus" },           { "0b40", "co-processor" },   { "12", "accelerator" },
};

static const char *noun_of(const char *class_code)
{
	for (guint i = 0; class_code && i < G_N_ELEMENTS(nouns); i++)
		if (g_str_has_prefix(class_code, nouns[i].prefix))
			return nouns[i].noun;
	return "device";
}

/* "network card 0000:01:00.0 (network interface eth0 is up)" */
static char *describe_bystander(struct checking *c, const struct gpu_function *f)
{
	g_autoptr(GPtrArray) uses = g_ptr_array_new();
	for (guint i = 0; i < f->uses.n; i++)
		g_ptr_array_add(uses, (gpointer)f->uses.items[i]);
	const char *inside = uses->len ? check_list(c, uses, 3) : f->driver;
	return SAY("%s %s%s%s%s", noun_of(f->class_code), f->address, inside ? " (" : "", inside ? inside : "", inside ? ")" : "");
}

static void judge_bystanders(struct checking *c, enum check_verdict trouble)
{
	const struct gpu_status *card = c->at->card;
	g_autoptr(GPtrArray) all = g_ptr_array_new(), used = g_ptr_array_new();
	for (guint i = 0; i < card->bystanders.n; i++) {
		const struct gpu_function *f = LIST_AT(card->bystanders, struct gpu_function, i);
		char *text = describe_bystander(c, f);
		g_ptr_array_add(all, text);
		if (f->uses.n)
			g_ptr_array_add(used, text);
	}
	gboolean takes = c->at->spec && c->at->spec->group == GPU_GROUP_TAKE;
	if (takes && !used->len)
		return check_ok(c, SAY("taken with it: %s", check_list(c, all, 3)));
	if (takes)
		return check_say(c, trouble, SAY("its group would be taken with what the host uses: %s", check_list(c, used, 3)),
		                 "free that device on the host, or put one of them into another slot");
	check_say(c, trouble, SAY("its IOMMU group also holds %s", check_list(c, all, 3)),
	          used->len ? "put the card into another slot, or switch ACS on in the firmware: the host uses what shares its group"
	                    : "put the card into another slot, or switch ACS on in the firmware; or `group: take` gives VMs the whole group");
}

CHECK(check_card_group)
{
	enum check_verdict trouble;
	if (!check_is_passed(c, &trouble) || c->host->iommu.enabled != TRUE)
		return;
	if (c->at->card->iommu_group < 0)
		check_say(c, trouble, "it is in no IOMMU group, though the IOMMU is on", "update the firmware: it leaves this slot out of the IOMMU's tables");
	else if (c->at->card->bystanders.n)
		judge_bystanders(c, trouble);
	else
		check_ok(c, "it has its group for itself");
}

/* -- console and users ------------------------------------------------------------------------------------------ */

CHECK(check_card_console)
{
	enum check_verdict trouble;
	const struct gpu_status *card = c->at->card;
	if (!check_is_passed(c, &trouble))
		return;
	if (card->boot_vga == TRUE)
		check_say(c, trouble, "the firmware's console is on this card", "make the BMC's graphics (or another card) the first display in the firmware");
	else if (card->boot_vga == FALSE)
		check_ok(c, "the console is elsewhere");
	else if (g_strcmp0(card->class_code, "0300") == 0)
		check_say(c, CHECK_UNKNOWN, "the machine does not tell whether the console is on it", NULL);
	else
		check_ok(c, "it is no VGA card, so no console is on it");
}

/* A VM on a card that is bound already is what it is for. */
CHECK(check_card_holders)
{
	const struct gpu_status *card = c->at->card;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	if (!card || !check_gives(c->at, GPU_SHARE_PASSTHROUGH) || g_strcmp0(card->driver, "vfio-pci") == 0)
		return;
	for (guint i = 0; i < card->holders.n; i++) {
		const struct gpu_holder *h = LIST_AT(card->holders, struct gpu_holder, i);
		g_ptr_array_add(names, SAY("%s (%" G_GINT64_FORMAT ")", h->comm ? h->comm : "a process", h->pid));
	}
	if (names->len)
		check_say(c, CHECK_FAIL, SAY("in use by %s", check_list(c, names, 3)), "end them: `systemctl stop` the service, or `kill` the process");
	else if (c->host->is_root)
		check_ok(c, "nobody uses it");
	else
		check_say(c, CHECK_UNKNOWN, "only root sees who uses it", "run it as root");
}

/* -- reset ------------------------------------------------------------------------------------------------------- */

/* AMD's cards that do not come back from a bus reset: those that the module vendor-reset was written for (its
 * src/device-db.h). It shows as the reset method device_specific. */
static const struct {
	guint first, last;
	const char *family;
} reset_bugs[] = {
	{ 0x67c0, 0x67df, "Polaris 10" }, { 0x67e0, 0x67ff, "Polaris 11" }, { 0x6980, 0x699f, "Polaris 12" }, { 0x6860, 0x687f, "Vega 10" },
	{ 0x66a0, 0x66af, "Vega 20" },    { 0x7310, 0x731f, "Navi 10" },    { 0x7340, 0x734f, "Navi 14" },    { 0x7360, 0x736f, "Navi 12" },
};

static const char *reset_bug_family(const struct gpu_status *card)
{
	guint id = card->device ? (guint)g_ascii_strtoull(card->device, NULL, 16) : 0;
	for (guint i = 0; g_strcmp0(card->vendor, "1002") == 0 && i < G_N_ELEMENTS(reset_bugs); i++)
		if (id >= reset_bugs[i].first && id <= reset_bugs[i].last)
			return reset_bugs[i].family;
	return NULL;
}

/* Without the file reset_method a device has no reset, where the kernel has such files (5.15). A tree that shows no
 * PCIe link either is a part of a machine only. */
static gboolean tells_resets(const struct checking *c)
{
	return check_version(c->host->kernel) >= 5015 && (c->at->card->link.width >= 0 || c->at->card->link.max_width >= 0);
}

CHECK(check_card_reset)
{
	enum check_verdict trouble;
	const struct gpu_status *card = c->at->card;
	const struct strings *methods = &card->reset_methods;
	if (!check_is_passed(c, &trouble))
		return;
	const char *family = reset_bug_family(card);
	if (family && !check_has_word(methods, "device_specific"))
		return check_say(c, CHECK_WARN, SAY("AMD's %s often does not come back from a reset: its VM starts once, then not before a reboot", family),
		                 "install the kernel module vendor-reset, or give this card to a VM that is never restarted");
	if (!methods->n && !tells_resets(c))
		return check_say(c, CHECK_UNKNOWN, "the machine does not tell how it can be reset", NULL);
	if (!methods->n)
		return check_say(c, trouble, "it has no way to be reset: the next VM would find it as the last one left it",
		                 "use another card or slot; with a newer kernel there may be a way");
	if (methods->n == 1 && strcmp(methods->items[0], "bus") == 0)
		return check_say(c, CHECK_WARN, "it can only be reset with its whole bus, which works when nothing else is on it",
		                 "start and stop a VM with it twice before you rely on it");
	check_ok(c, SAY("by %s", methods->items[0]));
}
