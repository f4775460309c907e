/* The checks, one row each, and who is asked: the host, each of its cards, each VM that is wanted on it, the farm. */
#include "plan/preflight_check.h"

NAME_TABLE(check_verdict_names, "a verdict", N_CHECK_VERDICTS, "fail", "warn", "unknown", "ok");

#define HOST(name, doc, ask) { name, doc, CHECKS_HOST, ask }
#define CARD(name, doc, ask) { name, doc, CHECKS_CARDS, ask }
#define VM(name, doc, ask) { name, doc, CHECKS_VMS, ask }
#define FARM(name, doc, ask) { name, doc, CHECKS_FARM, ask }

const struct preflight_check preflight_checks[] = {
	HOST("observed", "The host was looked at.", check_observed),
	HOST("iommu", "The IOMMU is on.", check_iommu),
	HOST("interrupt-remapping", "The IOMMU remaps interrupts.", check_interrupt_remapping),
	HOST("cards", "There are cards, and they can be listed.", check_cards_there),
	CARD("card-found", "The card that a spec means is there, and it alone.", check_card_found),
	CARD("card-stuck", "No write to the card hangs.", check_card_stuck),
	CARD("card-bars", "All memory of the card has an address (Above 4G Decoding).", check_card_bars),
	CARD("card-group", "The card's IOMMU group holds nothing that the host needs.", check_card_group),
	CARD("card-console", "The firmware's console is on another card (the BMC's).", check_card_console),
	CARD("card-holders", "No process uses the card.", check_card_holders),
	CARD("card-reset", "The card can be reset between VMs.", check_card_reset),
	CARD("card-share", "The card and its driver offer the share that is asked for.", check_card_share),
	CARD("card-refused", "`cleave plan` refuses nothing of what is wanted of the card.", check_card_refused),
	HOST("kvm", "VMs can use KVM.", check_kvm),
	HOST("libvirt", "libvirt answers.", check_libvirt),
	FARM("redis", "Redis answers.", check_redis),
	FARM("roots", "The Farm's roots are mounted here.", check_roots),
	HOST("kernel", "The kernel is new enough.", check_kernel),
	HOST("libvirt-version", "libvirt is new enough.", check_libvirt_version),
	HOST("qemu", "QEMU is new enough.", check_qemu),
	FARM("redis-version", "Redis is new enough.", check_redis_version),
	HOST("hugepages", "Huge pages are set aside, on each node, for all VMs that want some.", check_hugepages),
	HOST("bridges", "Bridges are there, with their uplink, links and MTU.", check_bridges),
	HOST("pools", "Pools are there, with the space that stays free.", check_pools),
	HOST("images", "Image files are there.", check_images),
	VM("vm-firmware", "The firmware that a VM boots with is installed.", check_vm_firmware),
	VM("vm-networks", "A VM's bridges are there, and carry its MTU.", check_vm_networks),
	HOST("modules", "Kernel modules that are needed are loaded.", check_modules),
	HOST("boot", "This boot has the kernel arguments and the blacklist of the Host.", check_boot),
	CARD("card-driver", "No driver of the host takes the card at each boot before cleave does.", check_card_driver),
	HOST("nvswitch", "GPUs that NVSwitches connect have their fabric.", check_nvswitch),
	CARD("card-link", "The card's PCIe link has its full width.", check_card_link),
	CARD("card-errors", "The card's PCIe link works without errors.", check_card_errors),
	HOST("acs-override", "IOMMU groups are what the hardware isolates.", check_acs_override),
	CARD("card-identity", "A spec knows its card by more than where it is.", check_card_identity),
	VM("vm-hiding", "A VM with a consumer card hides that it is one.", check_vm_hiding),
	VM("vgpu-licence", "A guest with a vGPU has a licence token.", check_vgpu_licence),
	VM("vgpu-driver", "Guest and host have NVIDIA drivers of one branch, as vGPUs need.", check_vgpu_driver),
	VM("vgpu-series", "A guest's vGPU is of a series that computes.", check_vgpu_series),
	HOST("vgpu-ecc", "Cards with vGPUs have one ECC setting.", check_vgpu_ecc),
	FARM("redis-eviction", "Redis evicts nothing when its memory is full.", check_redis_eviction),
	FARM("redis-persistence", "Redis keeps the queue over a restart.", check_redis_persistence),
	HOST("cpu-idle", "CPUs wake up fast.", check_cpu_idle),
	HOST("clock", "The clock follows a time server.", check_clock),
	HOST("root", "All was seen, as root sees it.", check_root),
};
const guint n_preflight_checks = G_N_ELEMENTS(preflight_checks);

const char *preflight_scope_kind(enum check_scope scope)
{
	static const enum kind_id kind[] = { [CHECKS_HOST] = KIND_HOST, [CHECKS_CARDS] = KIND_GPU, [CHECKS_VMS] = KIND_VM,
		                             [CHECKS_FARM] = KIND_FARM };
	return kinds[kind[scope]].name;
}

/* -- what checks ask ------------------------------------------------------------------------------------- */

void check_say(struct checking *c, enum check_verdict verdict, const char *why, const char *fix)
{
	struct finding f = { c->check, c->kind, c->id, verdict, why, fix };
	g_array_append_val(c->findings, f);
}

gboolean check_gives(const struct check_card *at, enum gpu_share share)
{
	return at->spec && at->spec->share != GPU_SHARE_NONE && (share == GPU_SHARE_UNSAID || at->spec->share == (int)share);
}

gboolean check_is_passed(const struct checking *c, enum check_verdict *ret_trouble)
{
	gboolean is_given = check_gives(c->at, GPU_SHARE_PASSTHROUGH);
	*ret_trouble = is_given ? CHECK_FAIL : CHECK_WARN;
	return c->at->card && (is_given || !c->names_cards);
}

gboolean check_is_spoken_of(const struct checking *c)
{
	return c->at->card && (c->at->spec || !c->names_cards);
}

const struct check_card *check_card_of(const struct checking *c, const char *gpu)
{
	for (guint i = 0; i < c->n_cards; i++)
		if (c->cards[i].spec && strcmp(c->cards[i].id, gpu) == 0)
			return &c->cards[i];
	return NULL;
}

const char *check_list(struct checking *c, const GPtrArray *words, guint most)
{
	g_autoptr(GString) s = g_string_new(NULL);
	guint n = words->len > most + 1 ? most : words->len; /* "and 1 more" is no shorter than its name */
	for (guint i = 0; i < n; i++) {
		const char *glue = i == 0 ? "" : i + 1 == words->len ? " and " : ", ";
		g_string_append_printf(s, "%s%s", glue, (const char *)words->pdata[i]);
	}
	if (n < words->len)
		g_string_append_printf(s, " and %u more", words->len - n);
	return arena_strdup(c->arena, s->str);
}

gint64 check_version(const char *text)
{
	char *end;
	text += text ? strcspn(text, "0123456789") : 0;
	if (!text || !*text)
		return -1;
	gint64 major = g_ascii_strtoll(text, &end, 10);
	return major * 1000 + (*end == '.' ? g_ascii_strtoll(end + 1, NULL, 10) : 0);
}

/* -- who is asked ------------------------------------------------------------------------------------------ */

static void ask_of(struct checking *c, enum check_scope scope, enum kind_id kind, const char *id)
{
	c->kind = kind;
	c->id = id;
	for (guint i = 0; i < n_preflight_checks; i++) {
		c->check = &preflight_checks[i];
		if (c->check->scope == scope && (c->host || c->check->ask == check_observed))
			c->check->ask(c);
	}
}

static gboolean is_here(const struct checking *c, const char *host)
{
	return !host || strcmp(host, c->host_id) == 0;
}

static GPtrArray *cards_of_host(const struct checking *c)
{
	GPtrArray *cards = g_ptr_array_new(); /* struct object */
	OBJECTS_EACH (o, c->have, KIND_GPU)
		if (o->status && is_here(c, ((const struct gpu_status *)o->status)->host))
			g_ptr_array_add(cards, o);
	return cards;
}

/* Specs with their cards, then cards that no spec names. */
static void find_cards(struct checking *c)
{
	g_autoptr(GPtrArray) there = cards_of_host(c);
	g_autoptr(GHashTable) named = g_hash_table_new(NULL, NULL);
	const struct gpu_status **all = ARENA_ARRAY(c->arena, const struct gpu_status *, there->len + 1);
	for (guint i = 0; i < there->len; i++)
		all[i] = ((const struct object *)there->pdata[i])->status;
	c->cards = ARENA_ARRAY(c->arena, struct check_card, c->want->by_kind[KIND_GPU]->len + there->len + 1);
	OBJECTS_EACH (o, c->want, KIND_GPU) {
		const struct gpu_spec *spec = o->spec;
		if (!is_here(c, spec->host))
			continue;
		struct gpu_identity identity = gpu_identify(spec, all, there->len);
		const struct gpu_status *card = identity.found == GPU_FOUND ? identity.card : NULL;
		c->cards[c->n_cards++] = (struct check_card){ o->id, spec, card, identity };
		g_hash_table_add(named, (gpointer)card);
	}
	c->names_cards = c->n_cards > 0;
	for (guint i = 0; i < there->len; i++)
		if (!g_hash_table_contains(named, all[i]))
			c->cards[c->n_cards++] = (struct check_card){ .id = ((const struct object *)there->pdata[i])->id, .card = all[i] };
}

static void ask_of_vms(struct checking *c)
{
	OBJECTS_EACH (o, c->want, KIND_VM) {
		c->vm = o->spec;
		if (is_here(c, c->vm->host))
			ask_of(c, CHECKS_VMS, KIND_VM, o->id);
	}
}

static void ask_all(struct checking *c)
{
	ask_of(c, CHECKS_HOST, KIND_HOST, c->host_id);
	if (!c->host)
		return;
	for (guint i = 0; i < c->n_cards; i++) {
		c->at = &c->cards[i];
		ask_of(c, CHECKS_CARDS, KIND_GPU, c->at->id);
	}
	ask_of_vms(c);
	if (c->farm)
		ask_of(c, CHECKS_FARM, KIND_FARM, c->farm_want->id);
}

static gint worst_first(gconstpointer x, gconstpointer y)
{
	const struct finding *a = x, *b = y;
	if (a->verdict != b->verdict)
		return a->verdict < b->verdict ? -1 : 1;
	if (a->check != b->check)
		return a->check < b->check ? -1 : 1;
	int differs = strcmp(a->id, b->id);
	return differs ? differs : strcmp(a->why, b->why);
}

struct preflight *preflight_build(struct arena *a, const char *host, const struct objects *want, const struct objects *have)
{
	const struct object *host_want = objects_get(want, KIND_HOST, host), *host_have = objects_get(have, KIND_HOST, host);
	struct object *farm = objects_farm(want);
	const struct object *farm_have = farm ? objects_get(have, KIND_FARM, farm->id) : NULL;
	struct checking c = { .arena = a, .want = want, .have = have, .host_id = host,
		              .spec = host_want ? host_want->spec : NULL,
		              .host = host_have ? host_have->status : NULL,
		              .farm_want = farm,
		              .farm = farm ? farm->spec : NULL,
		              .farm_status = farm_have ? farm_have->status : NULL,
		              .findings = g_array_new(FALSE, TRUE, sizeof(struct finding)) };
	OBJECTS_EACH (o, want, KIND_VM)
		c.n_vms += is_here(&c, ((const struct vm_spec *)o->spec)->host) ? 1 : 0;
	find_cards(&c);
	/* What would be done to cards is the plan's matter: so the two never disagree. */
	const struct plan_input planned = { .host = host, .want = want, .have = have, .is_attended = TRUE };
	c.plan = plan_build(a, &planned);
	ask_all(&c);
	g_array_sort(c.findings, worst_first);
	struct preflight *p = ARENA_NEW(a, struct preflight);
	p->host = host;
	for (guint kind = 0; kind < N_SPEC_KINDS; kind++)
		p->has_specs |= want->by_kind[kind]->len > 0;
	p->n_findings = c.findings->len;
	p->findings = arena_memdup(a, c.findings->data, c.findings->len * sizeof *p->findings);
	for (guint i = 0; i < p->n_findings; i++)
		p->n_of[p->findings[i].verdict]++;
	g_array_free(c.findings, TRUE);
	return p;
}
