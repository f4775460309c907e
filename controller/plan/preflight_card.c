/* Checks of whole cards before VMs get them: address space, group, console, users, reset. */
#include "plan/plan_gpu.h"
#include "plan/preflight_check.h"

/* Another spec that means this card, or NULL. */
static const char *twin_of(const struct checking *c)
{
	for (guint i = 0; c->at->card && i < c->n_cards; i++)
		if (c->cards[i].spec && &c->cards[i] != c->at && c->cards[i].card == c->at->card)
			return c->cards[i].id;
	return NULL;
}

/* In which way the card is not the one that is meant. */
static const char *misfit(struct checking *c, const struct gpu_match *m, const struct gpu_status *card)
{
	if (m->slot && g_strcmp0(card->slot, m->slot) != 0)
		return card->slot ? SAY("its slot is %s, not %s", card->slot, m->slot) : SAY("it tells no slot, and %s is wanted", m->slot);
	if (m->serial && g_strcmp0(card->serial, m->serial) != 0)
		return card->serial ? SAY("its serial number is %s, not %s", card->serial, m->serial)
		                    : SAY("it tells no serial number, and %s is wanted", m->serial);
	return SAY("it is %s:%s, not %s", card->vendor ? card->vendor : "?", card->device ? card->device : "?", m->id ? m->id : "?");
}

CHECK(check_card_found)
{
	const struct gpu_identity *i = &c->at->identity;
	const struct gpu_spec *spec = c->at->spec;
	if (!spec)
		return;
	const char *twin = twin_of(c);
	if (twin)
		return check_say(c, CHECK_FAIL, SAY("GPU/%s means the same card, at %s", twin, i->card->address), "correct one of the two");
	if (i->found == GPU_FOUND)
		return check_ok(c, SAY("it is at %s", i->card->address));
	if (c->host->pci_trouble)
		return check_say(c, CHECK_UNKNOWN, "the cards could not be listed", NULL);
	if (i->found == GPU_MOVED)
		return check_say(c, CHECK_FAIL, SAY("the card at %s is another one: %s", i->other->address, misfit(c, &spec->match, i->other)),
		                 i->card ? SAY("the card that is meant is at %s: if it was moved, correct the address", i->card->address)
		                         : "put the card back, or correct `match`");
	if (i->found == GPU_PART)
		return check_say(c, CHECK_FAIL, gpu_part_words(c->arena, spec->address, i->other), "correct the address");
	if (i->found == GPU_AMBIGUOUS)
		return check_say(c, CHECK_FAIL,
		                 SAY("two cards have %s: %s and %s", gpu_match_words(c->arena, &spec->match), i->card->address, i->other->address),
		                 "say its address as well");
	const char *match = gpu_match_words(c->arena, &spec->match);
	check_say(c, CHECK_FAIL,
	          SAY("no card %s%s%s%s", spec->address ? "is at " : "", spec->address ? spec->address : "",
	              !*match ? "" : spec->address ? ", and none alone has " : "has ", match),
	          "`cleave observe` lists the cards of this host; look whether this one is seated and has power");
}

CHECK(check_card_stuck)
{
	const char *stuck = c->at->card ? c->at->card->stuck : NULL;
	if (stuck && strcmp(stuck, GPU_NO_ANSWER) == 0)
		check_say(c, CHECK_FAIL, SAY("it %s", GPU_NO_ANSWER), "look again in a minute; if it still does not, `dmesg` says what its driver waits for");
	else if (stuck)
		check_say(c, CHECK_FAIL, SAY("a write to it does not return: %s", stuck), "end what uses the card; else only a reboot helps");
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

/* "network card 0000:01:00.0 (network interface eth0 is up)" */
static char *describe_bystander(struct checking *c, const struct gpu_function *f)
{
	g_autoptr(GPtrArray) uses = g_ptr_array_new();
	for (guint i = 0; i < f->uses.n; i++)
		g_ptr_array_add(uses, (gpointer)f->uses.items[i]);
	const char *inside = uses->len ? check_list(c, uses, 3) : f->driver;
	return SAY("%s %s%s%s%s", gpu_class_noun(f->class_code), f->address, inside ? " (" : "", inside ? inside : "", inside ? ")" : "");
}

static gboolean is_passed_too(const struct checking *c, const char *address)
{
	for (guint i = 0; address && i < c->n_cards; i++) {
		const struct check_card *at = &c->cards[i];
		for (guint k = 0; check_gives(at, GPU_SHARE_PASSTHROUGH) && at->card && k < at->card->functions.n; k++)
			if (g_strcmp0(LIST_AT(at->card->functions, struct gpu_function, k)->address, address) == 0)
				return TRUE;
	}
	return FALSE;
}

struct bystanders {
	GPtrArray *used, *driven, *idle; /* texts; what is used is not driven as well */
};

static void sort_bystanders(struct checking *c, const struct bystanders *by)
{
	for (guint i = 0; i < c->at->card->bystanders.n; i++) {
		const struct gpu_function *f = LIST_AT(c->at->card->bystanders, struct gpu_function, i);
		if (!is_passed_too(c, f->address) && !gpu_is_harmless(f))
			g_ptr_array_add(f->uses.n ? by->used : f->driver ? by->driven : by->idle, describe_bystander(c, f));
	}
}

static void judge_bystanders(struct checking *c, enum check_verdict trouble, const struct bystanders *by)
{
	gboolean takes = c->at->spec && c->at->spec->group == GPU_GROUP_TAKE, is_used = by->used->len > 0;
	if (is_used)
		check_say(c, trouble, SAY("its IOMMU group also holds what the host uses: %s", check_list(c, by->used, 3)),
		          "put the card into another slot, or switch ACS on in the firmware; or free that device on the host");
	if (by->driven->len && !takes)
		check_say(c, trouble, SAY("its IOMMU group also holds %s", check_list(c, by->driven, 3)),
		          is_used ? "put the card into another slot, or switch ACS on in the firmware"
		                  : "put the card into another slot, or switch ACS on in the firmware; or `group: take` takes the whole group");
	if (by->idle->len && !takes)
		check_say(c, CHECK_WARN, SAY("its IOMMU group also holds %s: a driver that takes that keeps its VM from starting", check_list(c, by->idle, 3)),
		          "put the card into another slot, or switch ACS on in the firmware; or `group: take` keeps drivers off");
	if (!is_used && (takes || !(by->driven->len + by->idle->len)))
		check_ok(c, takes                           ? "the whole group is taken"
		            : c->at->card->bystanders.n ? "nothing else in its group is the host's"
		                                        : "its group holds nothing else");
}

CHECK(check_card_group)
{
	enum check_verdict trouble;
	g_autoptr(GPtrArray) used = g_ptr_array_new(), driven = g_ptr_array_new(), idle = g_ptr_array_new();
	const struct bystanders by = { used, driven, idle };
	if (!check_is_passed(c, &trouble) || c->host->iommu.enabled != TRUE)
		return;
	if (c->at->card->iommu_group < 0)
		return check_say(c, trouble, "it is in no IOMMU group, though the IOMMU is on",
		                 "update the firmware: it leaves this slot out of the IOMMU's tables");
	sort_bystanders(c, &by);
	judge_bystanders(c, trouble, &by);
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

/* "blender (48213: /dev/dri/card1, /dev/dri/renderD128)", at its first file; NULL at the others. */
static const char *describe_holder(struct checking *c, const struct list *holders, guint at)
{
	const struct gpu_holder *h = LIST_AT(*holders, struct gpu_holder, at);
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < holders->n; i++) {
		const struct gpu_holder *other = LIST_AT(*holders, struct gpu_holder, i);
		if (other->pid != h->pid)
			continue;
		if (i < at)
			return NULL;
		if (other->path)
			g_string_append_printf(s, "%s%s", s->len ? ", " : ": ", other->path);
	}
	return SAY("%s (%" G_GINT64_FORMAT "%s)", h->comm ? h->comm : "a process", h->pid, s->str);
}

/* A VM on a card that is bound already is what it is for. */
CHECK(check_card_holders)
{
	const struct gpu_status *card = c->at->card;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	if (!card || !check_gives(c->at, GPU_SHARE_PASSTHROUGH) || gpu_is_vfio(card->driver))
		return;
	for (guint i = 0; i < card->functions.n; i++) {
		const struct gpu_function *f = LIST_AT(card->functions, struct gpu_function, i);
		for (guint k = 0; k < f->uses.n; k++)
			g_ptr_array_add(names, SAY("the host (%s: %s)", f->address, f->uses.items[k]));
	}
	for (guint i = 0; i < card->holders.n; i++) {
		const char *holder = describe_holder(c, &card->holders, i);
		if (holder)
			g_ptr_array_add(names, (gpointer)holder);
	}
	if (names->len)
		check_say(c, CHECK_FAIL, SAY("in use by %s", check_list(c, names, 3)), "end that: `systemctl stop` the service, or `kill` the process");
	else if (c->host->is_root)
		check_ok(c, "nobody uses it");
	else if (c->host->is_sysfs_alone)
		check_say(c, CHECK_UNKNOWN, "a /sys alone does not tell who uses it", "run it on that host");
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

CHECK(check_card_reset)
{
	enum check_verdict trouble;
	const struct gpu_status *card = c->at->card;
	if (!check_is_passed(c, &trouble))
		return;
	const struct strings *methods = &card->reset_methods;
	const char *family = reset_bug_family(card);
	if (family && !strings_have(methods, "device_specific"))
		return check_say(c, CHECK_WARN, SAY("AMD's %s often does not come back from a reset: its VM starts once, then not before a reboot", family),
		                 "install the kernel module vendor-reset, or give this card to a VM that is never restarted");
	if (!methods->n)
		return check_say(c, CHECK_UNKNOWN, "the machine does not tell how it can be reset", NULL);
	if (strings_have(methods, GPU_NO_RESET))
		return check_say(c, trouble, "it has no way to be reset: the next VM would find it as the last one left it",
		                 "use another card or slot; with a newer kernel there may be a way");
	if (methods->n == 1 && strcmp(methods->items[0], "bus") == 0)
		return check_say(c, CHECK_WARN, "it can only be reset with its whole bus, which works when nothing else is on it",
		                 "start and stop a VM with it twice before you rely on it");
	check_ok(c, SAY("by %s", methods->items[0]));
}
