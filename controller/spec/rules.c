/* spec_rules[]: pure functions over the wanted objects, one row each. Plan refusals (want × have) are in
 * plan/. */
#include "spec/rule.h"

const struct farm_spec *rule_farm(const struct objects *all)
{
	const struct object *farm = objects_farm(all);
	return farm ? farm->spec : NULL;
}

enum { KNOWN_LEN_MAX = 200 };

static void add_known(GString *s, const char *name)
{
	if (s->len < KNOWN_LEN_MAX)
		g_string_append_printf(s, "%s%s", s->len ? ", " : "; known: ", name);
}

const char *rule_known_ids(struct arena *a, const struct objects *all, enum kind_id kind)
{
	g_autoptr(GString) s = g_string_new(NULL);
	OBJECTS_EACH (o, all, kind)
		add_known(s, o->id);
	return arena_strdup(a, s->str);
}

const char *rule_known_names(struct arena *a, const struct list *list, gsize item_size)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < list->n; i++) {
		const char *name = *(const char *const *)(const void *)((const char *)list->items + i * item_size);
		if (name)
			add_known(s, name);
	}
	return arena_strdup(a, s->str);
}

const char *rule_item(struct arena *a, const char *list, guint i)
{
	return arena_printf(a, "%s[%u]", list, i);
}

const char *rule_who(struct arena *a, const struct object *o)
{
	return arena_printf(a, "%s %s (%s:%u)", o->kind->name, o->id, o->place.path, o->place.line);
}

#define ROW(asks_, over_all_, kind_, name_, doc_, check_)                                                            \
	{ .kind = KIND_##kind_, .asks = (asks_), .over_all = (over_all_), .name = (name_), .doc = (doc_), .check = (check_) }
#define OWN(...) ROW(RULE_OWN, FALSE, __VA_ARGS__)
#define ACROSS(asked, ...) ROW(RULE_ASKS(KIND_##asked), FALSE, __VA_ARGS__)
#define OVER_ALL(asks_, ...) ROW((asks_), TRUE, __VA_ARGS__)

#define FILE_IN_COMMIT "A relative file is in the commit; looked up when the tree is read."

const struct spec_rule spec_rules[] = {
	ACROSS(FARM, FARM, "farm-one", "There is one Farm, not more.", farm_one),
	OVER_ALL(RULE_ASKS(KIND_FARM) | RULE_ASKS(KIND_VM) | RULE_ASKS(KIND_RENDERJOB), FARM, "farm-there",
	         "VMs and jobs need a Farm.", farm_there),
	OWN(FARM, "farm-redis-user-once", "The Redis user stands in `user` or in the URL, not in both.", farm_redis_user_once),
	OWN(FARM, "farm-root-one-place", "A root has a path or a URL.", farm_root_one_place),
	OWN(FARM, "farm-root-own", "No two roots are one folder.", farm_root_own),
	OWN(FARM, "farm-queue-list-own", "Each list for plain workers is one queue's, and none of cleave's own keys.", farm_queue_list_own),
	OWN(FARM, "farm-queue-one-default", "One queue at most is the default.", farm_queue_one_default),
	OWN(FARM, "farm-limit-one-scope", "A limit speaks of a project or of a label.", farm_limit_one_scope),
	OWN(FARM, "farm-file-one-source", "An image or Blender comes from one place.", farm_file_one_source),
	OWN(FARM, "farm-file-checked", "What is fetched has a SHA-256.", farm_file_checked),
	OWN(FARM, "farm-window-opens", "A window ends at another time than it begins.", farm_window_opens),
	OWN(HOST, "host-state-said", "Who says why or until when says which state.", host_state_said),
	OWN(HOST, "host-hugepages-once", "A size of pages is given once a node.", host_hugepages_once),
	OWN(HOST, "host-hugepages-known", "Pages have a size that x86 knows (warning).", host_hugepages_known),
	OWN(HOST, "host-pool-own", "No two pools of a Host are one folder.", host_pool_own),
	OWN(HOST, "host-boot-managed", "Boot settings without manageBoot are only checked (warning).", host_boot_managed),
	OWN(HOST, "host-modules-not-blacklisted", "No module is wanted and blacklisted.", host_modules_not_blacklisted),
	OWN(HOST, "host-kernel-args-once", "The IOMMU's kernel arguments are given once each.", host_kernel_args_once),
	ACROSS(HOST, GPU, "gpu-driver-blacklisted", "Whose driver cuts the card does not blacklist it (warning).", gpu_driver_blacklisted),
	ACROSS(HOST, GPU, "gpu-host-known", "A GPU's host is a Host.", gpu_host_known),
	OWN(GPU, "gpu-identified", "A GPU says which card it is.", gpu_identified),
	OWN(GPU, "gpu-share-settings", "Settings of a way to share go with that way.", gpu_share_settings),
	ACROSS(VM, GPU, "gpu-count-typed", "So many vGPUs or MIG instances are of a type.", gpu_count_typed),
	OVER_ALL(RULE_ASKS(KIND_GPU), GPU, "gpu-address-own", "No two GPUs are one card.", gpu_address_own),
	ACROSS(HOST, VM, "vm-host-known", "A VM's host is a Host.", vm_host_known),
	OWN(VM, "vm-boots", "A VM has something to boot.", vm_boots),
	OWN(VM, "vm-roots-known", "A VM's roots are roots of the Farm.", vm_roots_known),
	OWN(VM, "vm-share-targets-differ", "Mount tags of one VM differ.", vm_share_targets_differ),
	OWN(VM, "vm-share-of-everything", "A share of / is for demonstrations (warning).", vm_share_of_everything),
	OWN(VM, "vm-cpu-fits", "Topology and pinning fit the number of vCPUs.", vm_cpu_fits),
	OWN(VM, "vm-numa-named", "Pinned NUMA nodes are named, and auto pins by itself.", vm_numa_named),
	OWN(VM, "vm-cpu-model-named", "A CPU model goes with mode: named.", vm_cpu_model_named),
	OWN(VM, "vm-cpu-lists-rise", "Ranges of CPUs and nodes go up.", vm_cpu_lists_rise),
	OWN(VM, "vm-hugepages-known", "Pages have a size that x86 knows (warning).", vm_hugepages_known),
	ACROSS(GPU, VM, "vm-gpu-known", "A VM's GPUs are GPUs of its host.", vm_gpu_known),
	ACROSS(GPU, VM, "vm-gpu-share-fits", "A share is of the kind the card is cut in; a whole card has no shares.", vm_gpu_share_fits),
	OVER_ALL(RULE_ASKS(KIND_VM) | RULE_ASKS(KIND_GPU), VM, "vm-gpu-whole-once", "A card that is passed whole is in one running VM.", vm_gpu_whole_once),
	OVER_ALL(RULE_ASKS(KIND_VM) | RULE_ASKS(KIND_GPU), VM, "vm-vgpu-one-type", "A card has one vGPU type.", vm_vgpu_one_type),
	OVER_ALL(RULE_ASKS(KIND_VM) | RULE_ASKS(KIND_GPU), VM, "vm-gpu-slices-enough", "A card has a share for each running VM that uses one.", vm_gpu_slices_enough),
	ACROSS(GPU, VM, "vm-vgpu-computes", "A vGPU under a render worker is of a series that computes.", vm_vgpu_computes),
	OWN(VM, "vm-disk-source", "A disk lies in a pool or is a file, and an empty one has a size.", vm_disk_source),
	ACROSS(HOST, VM, "vm-disk-pool-known", "A disk's pool is one of the Host.", vm_disk_pool_known),
	OWN(VM, "vm-disk-image-known", "A disk's image is one of the Farm.", vm_disk_image_known),
	OWN(VM, "vm-disk-image-checked", "An image that a disk begins as has a SHA-256.", vm_disk_image_checked),
	OWN(VM, "vm-disk-mounts", "What is mounted has a file system and a place of its own.", vm_disk_mounts),
	OVER_ALL(RULE_ASKS(KIND_VM), VM, "vm-disk-own", "No two VMs write one file or device.", vm_disk_own),
	OWN(VM, "vm-network-one-way", "A network card goes one way.", vm_network_one_way),
	ACROSS(HOST, VM, "vm-network-fits", "A network card fits its bridge and address.", vm_network_fits),
	OWN(VM, "vm-gateway-in-subnet", "A gateway is in the subnet of the address.", vm_gateway_in_subnet),
	OVER_ALL(RULE_ASKS(KIND_VM), VM, "vm-mac-own", "No two network cards have one MAC address.", vm_mac_own),
	OVER_ALL(RULE_ASKS(KIND_VM), VM, "vm-address-own", "No two network cards have one address.", vm_address_own),
	OVER_ALL(RULE_ASKS(KIND_VM), VM, "vm-serial-log-own", "No two VMs log to one file.", vm_serial_log_own),
	OWN(VM, "vm-guest-file-one-source", "A file in the guest has one source.", vm_guest_file_one_source),
	OWN(VM, "vm-commands-are-words", "A command is a list of words, not a line for a shell.", vm_commands_are_words),
	OVER_ALL(RULE_ASKS(KIND_VM) | RULE_ASKS(KIND_RENDERJOB), VM, "vm-drain-covers-jobs", "Draining takes as long as a frame may (warning).", vm_drain_covers_jobs),
	/* One row a kind that names files, so that `explain` shows it with each. */
	OWN(VM, "file-in-commit", FILE_IN_COMMIT, NULL),
	OWN(GPU, "file-in-commit", FILE_IN_COMMIT, NULL),
	OWN(RENDERJOB, "job-scene-one", "A scene is a file or a URL, and a URL has a SHA-256.", job_scene_one),
	OWN(RENDERJOB, "job-scene-blend", "A scene's file is a .blend.", job_scene_blend),
	OWN(RENDERJOB, "job-output-one", "A job has output or outputs.", job_output_one),
	OWN(RENDERJOB, "job-outputs-one-root", "The outputs of a job are below one root.", job_outputs_one_root),
	OWN(RENDERJOB, "job-inputs-one", "Inputs are files or a mode, and a digest is of such.", job_inputs_one),
	OWN(RENDERJOB, "job-roots-known", "A job's paths are in roots of the Farm.", job_roots_known),
	OWN(RENDERJOB, "job-queue-known", "A job's queue is one of the Farm.", job_queue_known),
	OWN(RENDERJOB, "job-blender-known", "A job's Blender is one of the Farm, when it lists any.", job_blender_known),
	OWN(RENDERJOB, "job-output-named-by-format", "The output's name ends as its format says.", job_output_named_by_format),
	OWN(RENDERJOB, "job-depth-fits", "Depth and codec are of the format.", job_depth_fits),
	OWN(RENDERJOB, "job-preview-has-movie", "Frames a second are those of a movie.", job_preview_has_movie),
	OWN(RENDERJOB, "job-arguments-allowed", "Arguments for Blender are of those that are allowed.", job_arguments_allowed),
	OWN(RENDERJOB, "job-overrides-inside", "Overrides speak of the job's frames (warning).", job_overrides_inside),
	OVER_ALL(RULE_ASKS(KIND_RENDERJOB), RENDERJOB, "job-output-own", "No two jobs write one file.", job_output_own),
	OVER_ALL(RULE_ASKS(KIND_RENDERJOB), RENDERJOB, "job-preview-own", "No two jobs make one movie.", job_preview_own),
	OWN(RENDERJOB, "job-chunk-one", "A chunk is so many frames or so many seconds.", job_chunk_one),
	ACROSS(RENDERJOB, RENDERJOB, "job-after-known", "A job waits for jobs that are there.", job_after_known),
	OVER_ALL(RULE_ASKS(KIND_RENDERJOB), RENDERJOB, "job-after-cycle", "Jobs do not wait for each other.", job_after_cycle),
	OWN(CONTROLLER, "controller-owners-signed", "Owners are known by their signatures.", controller_owners_signed),
	OWN(CONTROLLER, "controller-source-bounded", "A source without signatures says what it may contain.", controller_source_bounded),
	OWN(CONTROLLER, "controller-source-named", "No source is called main, as the Controller's own repository is.", controller_source_named),
	OWN(CONTROLLER, "controller-source-beside", "Sources stand beside a main repository.", controller_source_beside),
};
const guint n_spec_rules = G_N_ELEMENTS(spec_rules);

static void ask(struct arena *a, const struct spec_rule *rule, const struct objects *all, const struct object *o,
                struct problems *problems)
{
	problems->rule = rule->name;
	rule->check(a, all, o, problems);
	problems->rule = NULL;
}

void rules_check_own(struct arena *a, const struct objects *all, const struct object *o, struct problems *problems)
{
	struct object_look look = { 0 };
	problems->look = &look;
	for (guint r = 0; r < n_spec_rules; r++)
		if (spec_rules[r].kind == o->kind->id && spec_rules[r].asks == RULE_OWN && spec_rules[r].check)
			ask(a, &spec_rules[r], all, o, problems);
	problems->look = NULL;
	object_look_clear(&look);
}

static gboolean is_across(const struct spec_rule *rule)
{
	return rule->asks != RULE_OWN || rule->kind == KIND_FARM;
}

/* Whether a verdict of the load before may be another now. */
static gboolean is_asked_anew(const struct spec_rule *rule, const struct rules_news *news)
{
	return !news->is_known || rule->kind == KIND_FARM || (news->kinds & rule->asks);
}

/* Object by object, not rule by rule: tens of thousands lie in no order in memory, and to fetch one from
 * there takes longer than to ask it. */
static void check_each(struct arena *a, enum kind_id kind, const struct objects *all, const struct rules_news *news,
                       struct problems *problems)
{
	const struct spec_rule *anew[G_N_ELEMENTS(spec_rules)], *other[G_N_ELEMENTS(spec_rules)];
	guint n_anew = 0, n_other = 0;
	for (const struct spec_rule *r = spec_rules; r < spec_rules + n_spec_rules; r++) {
		if (r->kind != kind || r->over_all || !is_across(r))
			continue;
		if (is_asked_anew(r, news))
			anew[n_anew++] = r;
		else
			other[n_other++] = r;
	}
	if (n_anew)
		OBJECTS_EACH (o, all, kind)
			for (guint i = 0; i < n_anew; i++)
				ask(a, anew[i], all, o, problems);
	for (guint k = 0; n_other && k < news->came->len; k++) {
		const struct object *o = news->came->pdata[k];
		for (guint i = 0; o->kind->id == kind && i < n_other; i++)
			ask(a, other[i], all, o, problems);
	}
}

void rules_check_across(struct arena *a, const struct objects *all, const struct rules_news *news,
                        struct problems *problems)
{
	struct object_look look = { 0 };
	problems->look = &look;
	for (guint kind = 0; kind < N_KINDS; kind++)
		check_each(a, (enum kind_id)kind, all, news, problems);
	/* Of a rule over all objects a verdict on some of them cannot be had. */
	for (guint r = 0; r < n_spec_rules; r++)
		if (spec_rules[r].over_all && is_asked_anew(&spec_rules[r], news))
			ask(a, &spec_rules[r], all, NULL, problems);
	problems->look = NULL;
	object_look_clear(&look);
}
