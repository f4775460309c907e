/* Rules of Farm, Host and GPU. */
#include "spec/boot.h"
#include "spec/rule.h"

RULE(farm_one)
{
	if (objects_farm(all) != o)
		ERROR(o, "", "Farm %s: there is exactly one Farm; the first is at %s:%u", o->id, objects_farm(all)->place.path,
		      objects_farm(all)->place.line);
}

/* Said once, at the first object that needs one. */
RULE(farm_there)
{
	static const enum kind_id needy[] = { KIND_VM, KIND_RENDERJOB };
	for (guint k = 0; k < G_N_ELEMENTS(needy) && !rule_farm(all); k++) {
		if (!all->by_kind[needy[k]]->len)
			continue;
		const struct object *first = all->by_kind[needy[k]]->pdata[0];
		ERROR(first, "", "%s %s: there is no Farm; its name marks what cleave makes, and jobs need its roots and its Redis",
		      first->kind->name, first->id);
		return;
	}
}

RULE(farm_redis_user_once)
{
	const struct farm_spec *farm = o->spec;
	if (farm->redis.user && farm->redis.url && farm_url_has_user(farm->redis.url))
		ERROR(o, "redis.user", "Farm %s: redis: the user stands in `url` already; name it once", o->id);
}

RULE(farm_root_one_place)
{
	const struct farm_spec *farm = o->spec;
	for (guint i = 0; i < farm->roots.n; i++) {
		const struct farm_root *root = LIST_AT(farm->roots, struct farm_root, i);
		if (!root->path != !root->url)
			continue;
		const char *at = arena_printf(a, "roots[\"%s\"]", root->name);
		if (!HAS_MAP(o, at))
			continue;
		if (HAS(o, arena_printf(a, "%s.path", at)) == HAS(o, arena_printf(a, "%s.url", at)))
			ERROR(o, at, "Farm %s: roots: %s: give exactly one of path and url", o->id, root->name);
	}
}

RULE(farm_root_own)
{
	const struct farm_spec *farm = o->spec;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < farm->roots.n; i++) {
		const struct farm_root *one = LIST_AT(farm->roots, struct farm_root, i), *first;
		if (!one->path)
			continue;
		first = g_hash_table_lookup(seen, one->path);
		if (first)
			ERROR(o, arena_printf(a, "roots[\"%s\"].path", one->name), "Farm %s: roots: %s and %s are the same folder", o->id,
			      first->name, one->name);
		else
			g_hash_table_insert(seen, (gpointer)one->path, (gpointer)one);
	}
}

RULE(farm_limit_one_scope)
{
	const struct farm_spec *farm = o->spec;
	for (guint i = 0; i < farm->limits.n; i++) {
		const struct farm_limit *l = LIST_AT(farm->limits, struct farm_limit, i);
		const char *mark = l->label ? strchr(l->label, '=') : NULL;
		if (!l->project == !l->label)
			ERROR(o, rule_item(a, "limits", i), "Farm %s: limits[%u]: give exactly one of project and label", o->id, i);
		else if (l->label && (!mark || mark == l->label || !mark[1]))
			ERROR(o, rule_item(a, "limits", i), "Farm %s: limits[%u]: a label is written as key=value, not %s", o->id, i,
			      l->label);
	}
}

RULE(farm_queue_one_default)
{
	const struct farm_spec *farm = o->spec;
	guint n = 0;
	for (guint i = 0; i < farm->queues.n; i++)
		if (LIST_AT(farm->queues, struct farm_queue, i)->is_default && ++n == 2)
			ERROR(o, rule_item(a, "queues", i), "Farm %s: queues[%u]: only one queue is the default", o->id, i);
}

RULE(farm_queue_list_own)
{
	const struct farm_spec *farm = o->spec;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < farm->queues.n; i++) {
		const char *list = LIST_AT(farm->queues, struct farm_queue, i)->list;
		const char *at = arena_printf(a, "queues[%u].list", i);
		if (list && (g_str_has_prefix(list, "cleave:") || g_str_has_prefix(list, "job:")))
			ERROR(o, at, "Farm %s: queues[%u]: list: names in `cleave:` and `job:` are taken; write another, as queue:blender", o->id, i);
		if (list && !g_hash_table_add(seen, (gpointer)list))
			ERROR(o, at, "Farm %s: queues[%u]: list: another queue has %s already", o->id, i, list);
	}
}

static void check_source(struct arena *a, const struct object *o, const char *list, const struct farm_file *f,
                         struct problems *problems)
{
	if (!!f->url + !!f->file + !!f->is_installed == 1)
		return;
	const char *path = arena_printf(a, "%s[\"%s\"]", list, f->name);
	int n = HAS(o, arena_printf(a, "%s.url", path)) + HAS(o, arena_printf(a, "%s.file", path)) + !!f->is_installed;
	if (n != 1)
		ERROR(o, path, "Farm %s: %s: %s: give exactly one of url, file%s", o->id, list, f->name,
		      strcmp(list, "blenders") == 0 ? " and installed" : "");
}

RULE(farm_file_one_source)
{
	const struct farm_spec *farm = o->spec;
	for (guint i = 0; i < farm->images.n; i++)
		check_source(a, o, "images", LIST_AT(farm->images, struct farm_file, i), problems);
	for (guint i = 0; i < farm->blenders.n; i++)
		check_source(a, o, "blenders", LIST_AT(farm->blenders, struct farm_file, i), problems);
}

RULE(farm_file_checked)
{
	const struct farm_spec *farm = o->spec;
	const struct { const char *name; const struct list *list; } both[] = {
		{ "images", &farm->images }, { "blenders", &farm->blenders } };
	for (guint k = 0; k < G_N_ELEMENTS(both); k++)
		for (guint i = 0; i < both[k].list->n; i++) {
			const struct farm_file *f = LIST_AT(*both[k].list, struct farm_file, i);
			if (f->url && !f->sha256)
				ERROR(o, arena_printf(a, "%s[\"%s\"].url", both[k].name, f->name),
				      "Farm %s: %s: %s: what is fetched is checked; give its sha256", o->id, both[k].name, f->name);
		}
}

RULE(farm_window_opens)
{
	const struct farm_spec *farm = o->spec;
	for (guint i = 0; i < farm->policy.windows.n; i++) {
		const struct farm_window *w = LIST_AT(farm->policy.windows, struct farm_window, i);
		if (w->from && g_strcmp0(w->from, w->to) == 0)
			ERROR(o, rule_item(a, "policy.windows", i), "Farm %s: policy.windows[%u]: it ends when it begins, at %s; a day and night are two windows",
			      o->id, i, w->from);
	}
}

RULE(host_state_said)
{
	const struct host_state_spec *s = &((const struct host_spec *)o->spec)->state;
	(void)a;
	if (s->is == HOST_ACTIVE && (s->reason || s->until || s->by || s->since))
		ERROR(o, "state", "Host %s: state: it says why, by whom or until when, and not what; add `is: drained` or `is: cordoned`", o->id);
}

RULE(host_hugepages_once)
{
	const struct host_spec *host = o->spec;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < host->hugepages.n; i++) {
		const struct host_hugepages *h = LIST_AT(host->hugepages, struct host_hugepages, i);
		char *key = arena_printf(a, "%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT, h->size_bytes, h->node);
		if (!g_hash_table_add(seen, key))
			ERROR(o, rule_item(a, "hugepages", i), "Host %s: hugepages[%u]: this size and node are given already", o->id, i);
	}
}

RULE(host_boot_managed)
{
	const struct host_spec *host = o->spec;
	if (!host->manage_boot && (host->kernel_args.n || host->blacklist.n))
		WARNING(o, host->kernel_args.n ? "kernelArgs" : "blacklist",
		        "Host %s: without manageBoot: true these are checked, and a person has to set them", o->id);
}

RULE(host_modules_not_blacklisted)
{
	const struct host_spec *host = o->spec;
	for (guint i = 0; i < host->modules.n; i++)
		if (modules_have(&host->blacklist, host->modules.items[i]))
			ERROR(o, rule_item(a, "modules", i), "Host %s: modules[%u]: %s is in `blacklist` as well; take it out of one of the two", o->id, i,
			      host->modules.items[i]);
}

/* Those of which the kernel takes what is said last, or both; others, as hugepages and console, may stand several times. */
static gboolean is_given_once(const char *arg, gsize key_len)
{
	static const char *const keys[] = { "iommu", "intel_iommu", "amd_iommu" };
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
		if (strlen(keys[i]) == key_len && strncmp(arg, keys[i], key_len) == 0)
			return TRUE;
	return FALSE;
}

RULE(host_kernel_args_once)
{
	const struct strings *args = &((const struct host_spec *)o->spec)->kernel_args;
	for (guint i = 0; i < args->n; i++) {
		const char *arg = args->items[i];
		gsize key_len = strcspn(arg, "=");
		for (guint k = 0; is_given_once(arg, key_len) && k < i; k++) {
			if (strncmp(args->items[k], arg, key_len) != 0 || args->items[k][key_len] != arg[key_len])
				continue;
			ERROR(o, rule_item(a, "kernelArgs", i), "Host %s: kernelArgs[%u]: %.*s is given already, as %s; write it once", o->id, i, (int)key_len, arg,
			      args->items[k]);
			break;
		}
	}
}

RULE(gpu_driver_blacklisted)
{
	const struct gpu_spec *gpu = o->spec;
	const struct object *host = gpu->host ? objects_get(all, KIND_HOST, gpu->host) : NULL;
	gboolean is_other = gpu->match.id && !g_str_has_prefix(gpu->match.id, "10de:");
	if (host && !is_other && (gpu->share == GPU_SHARE_VGPU || gpu->share == GPU_SHARE_MIG) &&
	    modules_have(&((const struct host_spec *)host->spec)->blacklist, "nvidia"))
		WARNING(o, "share", "GPU %s: share: %s of an NVIDIA card is the work of its driver, and the Host %s blacklists nvidia", o->id,
		        name_of(&share_names, gpu->share), gpu->host);
}

RULE(gpu_host_known)
{
	const char *host = ((const struct gpu_spec *)o->spec)->host;
	if (host && !objects_get(all, KIND_HOST, host))
		ERROR(o, "host", "GPU %s: host: there is no Host %s%s", o->id, host, rule_known_ids(a, all, KIND_HOST));
}

RULE(gpu_identified)
{
	if (!HAS(o, "address") && !HAS(o, "match.slot") && !HAS(o, "match.serial"))
		ERROR(o, "match", "GPU %s: which card is it? Give its address, or the slot or serial in `match`", o->id);
}

RULE(gpu_share_settings)
{
	const struct gpu_spec *gpu = o->spec;
	const struct { const char *key; const struct gpu_slices *slices; int share; } all_of[] = {
		{ "vgpu", &gpu->vgpu, GPU_SHARE_VGPU }, { "vf", &gpu->vf, GPU_SHARE_VF }, { "mig", &gpu->mig, GPU_SHARE_MIG } };
	for (guint i = 0; i < G_N_ELEMENTS(all_of); i++)
		if ((all_of[i].slices->type || all_of[i].slices->count) && gpu->share != all_of[i].share)
			ERROR(o, all_of[i].key, "GPU %s: `%s` is for share: %s, and this card's is %s", o->id, all_of[i].key,
			      all_of[i].key, name_of(&share_names, gpu->share));
}

/* Of one card: a domain may have leading zeros, and any function names its slot. */
static char *slot_key(struct arena *a, const struct gpu_spec *s)
{
	g_autofree char *lower = g_ascii_strdown(s->address, -1);
	const char *digits = lower + strspn(lower, "0");
	return arena_printf(a, "%s %.*s", s->host, (int)strcspn(digits, "."), digits);
}

static void claim_card(struct arena *a, GHashTable *seen, const struct object *gpu, char *key, const char *path,
                       struct problems *problems)
{
	const struct object *first = g_hash_table_lookup(seen, key);
	if (first)
		ERROR(gpu, path, "GPU %s: %s: %s is the same card", gpu->id, path, rule_who(a, first));
	else
		g_hash_table_insert(seen, key, (gpointer)gpu);
}

RULE(gpu_address_own)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	OBJECTS_EACH (gpu, all, KIND_GPU) {
		const struct gpu_spec *s = gpu->spec;
		if (s->host && s->address)
			claim_card(a, seen, gpu, slot_key(a, s), "address", problems);
		if (s->host && s->match.slot)
			claim_card(a, seen, gpu, arena_printf(a, "%s slot %s", s->host, s->match.slot), "match.slot", problems);
		if (s->match.serial)
			claim_card(a, seen, gpu, arena_printf(a, "serial %s", s->match.serial), "match.serial", problems);
	}
}
