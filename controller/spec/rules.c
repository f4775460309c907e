/* Spec rules: pure functions over the wanted objects, one row each. Plan refusals (want × have) are
 * in plan/. */
#include "spec/rules.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/renderjob.h"
#include "spec/vm.h"
#include <string.h>

#define ERROR(o, path, ...) problem_add(problems, SEVERITY_ERROR, object_place((o), (path)), __VA_ARGS__)
#define WARNING(o, path, ...) problem_add(problems, SEVERITY_WARNING, object_place((o), (path)), __VA_ARGS__)
#define RULE(name)                                                                                         \
	static void name(struct arena *a G_GNUC_UNUSED, const struct objects *all G_GNUC_UNUSED,            \
	                 const struct object *o, struct problems *problems)

static const struct farm_spec *the_farm(const struct objects *all)
{
	const struct object *farm = objects_farm(all);
	return farm ? farm->spec : NULL;
}

/* " (known: a, b)" of the objects of a kind; for messages. */
static const char *known_ids(struct arena *a, const struct objects *all, enum kind_id kind)
{
	g_autoptr(GString) s = g_string_new(NULL);
	OBJECTS_EACH (o, all, kind) {
		g_string_append_printf(s, "%s%s", s->len ? ", " : "; known: ", o->id);
		if (s->len > 200)
			break;
	}
	return arena_strdup(a, s->str);
}

static const char *item_path(struct arena *a, const char *list, guint i)
{
	return arena_printf(a, "%s[%u]", list, i);
}

static void check_host(struct arena *a, const struct objects *all, const struct object *o, const char *host,
                       struct problems *problems)
{
	if (host && !objects_get(all, KIND_HOST, host))
		ERROR(o, "host", "%s %s: host: there is no Host %s%s", o->kind->name, o->id, host, known_ids(a, all, KIND_HOST));
}

RULE(farm_one)
{
	if (objects_farm(all) != o)
		ERROR(o, "", "Farm %s: there is exactly one Farm; the first is at %s:%u", o->id, objects_farm(all)->place.path,
		      objects_farm(all)->place.line);
}

RULE(gpu_host_known)
{
	check_host(a, all, o, ((const struct gpu_spec *)o->spec)->host, problems);
}

RULE(vm_host_known)
{
	check_host(a, all, o, ((const struct vm_spec *)o->spec)->host, problems);
}

RULE(vm_farm_there)
{
	if (!the_farm(all))
		ERROR(o, "", "VM %s: there is no Farm; its name marks what cleave makes", o->id);
}

RULE(vm_roots_known)
{
	const struct vm_spec *vm = o->spec;
	const struct farm_spec *farm = the_farm(all);
	for (guint i = 0; farm && i < vm->roots.n; i++)
		if (!farm_root_find(farm, vm->roots.items[i]))
			ERROR(o, item_path(a, "roots", i), "VM %s: roots: the Farm has no root %s", o->id, vm->roots.items[i]);
}

RULE(vm_network_one_way)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->networks.n; i++) {
		const struct vm_network *n = LIST_AT(vm->networks, struct vm_network, i);
		if (!!n->user + !!n->bridge + !!n->network != 1)
			ERROR(o, item_path(a, "networks", i), "VM %s: networks[%u]: give exactly one of user: true, bridge, network", o->id, i);
	}
}

RULE(vm_share_targets_differ)
{
	const struct vm_spec *vm = o->effective, *written = o->spec;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < vm->shares.n; i++) {
		const struct vm_share *s = LIST_AT(vm->shares, struct vm_share, i);
		if (s->target && !g_hash_table_add(seen, (gpointer)s->target))
			ERROR(o, i < written->shares.n ? item_path(a, "shares", i) : "roots", "VM %s: two shares (or a share and a root) have the mount tag %s", o->id, s->target);
	}
}

RULE(vm_share_of_everything)
{
	const struct vm_spec *vm = o->spec;
	for (guint i = 0; i < vm->shares.n; i++) {
		const struct vm_share *s = LIST_AT(vm->shares, struct vm_share, i);
		if (s->path && strcmp(s->path, "/") == 0)
			WARNING(o, item_path(a, "shares", i), "VM %s: shares[%u]: the guest can read every file of the host; for demonstrations only%s",
			        o->id, i, s->readonly ? "" : ", and it can write them");
	}
}

RULE(job_farm_there)
{
	if (!the_farm(all))
		ERROR(o, "", "RenderJob %s: there is no Farm; jobs need its roots and its Redis", o->id);
}

RULE(job_roots_known)
{
	const struct renderjob_spec *job = o->spec;
	const struct farm_spec *farm = the_farm(all);
	const char *texts[] = { job->scene.file, job->output }, *keys[] = { "scene.file", "output" };
	for (guint i = 0; farm && i < G_N_ELEMENTS(texts); i++) {
		const char *root, *path;
		if (texts[i] && root_path_split(a, texts[i], &root, &path) && !farm_root_find(farm, root))
			ERROR(o, keys[i], "RenderJob %s: %s: the Farm has no root %s", o->id, keys[i], root);
	}
}

RULE(job_queue_known)
{
	const struct renderjob_spec *job = o->spec;
	const struct farm_spec *farm = the_farm(all);
	if (farm && job->queue && farm_queue_rank(farm, job->queue) < 0)
		ERROR(o, "queue", "RenderJob %s: queue: the Farm has no queue %s", o->id, job->queue);
}

RULE(job_output_named_by_format)
{
	const struct renderjob_spec *job = o->spec;
	if (job->output && job->format == 0 && !g_str_has_suffix(job->output, ".png"))
		ERROR(o, "output", "RenderJob %s: output: a PNG file's name ends in .png", o->id);
}

/* Naming the frames goes frame by frame, counting them does not. */
enum { FRAMES_NAMED_MAX = 10000 };

RULE(job_overrides_inside)
{
	const struct renderjob_spec *job = o->spec;
	for (guint i = 0; i < job->overrides.n && job->frames.n_runs; i++) {
		const struct frame_set *frames = &LIST_AT(job->overrides, struct job_override, i)->frames;
		guint64 n = frames_count(frames), n_outside = n - frames_count_common(frames, &job->frames);
		if (n_outside == 0)
			continue;
		gboolean is_named = n <= FRAMES_NAMED_MAX && frames_count(&job->frames) <= FRAMES_NAMED_MAX;
		struct frame_set outside = is_named ? frames_minus(a, frames, &job->frames) : (struct frame_set){ 0 };
		WARNING(o, item_path(a, "overrides", i), "RenderJob %s: overrides[%u]: %s are not frames of the job", o->id, i,
		        is_named ? arena_printf(a, "frames %s", frames_format(a, &outside))
		                 : arena_printf(a, "%" G_GUINT64_FORMAT " of its frames", n_outside));
	}
}

static void check_output_own(const struct object *o, const GPtrArray *before, struct problems *problems)
{
	const struct renderjob_spec *job = o->spec;
	for (guint i = 0; i < before->len; i++) {
		const struct object *other = before->pdata[i];
		if (frames_overlap(&job->frames, &((const struct renderjob_spec *)other->spec)->frames))
			ERROR(o, "output", "RenderJob %s: output: RenderJob %s (%s:%u) writes the same files", o->id, other->id,
			      other->place.path, other->place.line);
	}
}

/* Two jobs with one output template and common frames would replace each other's files for ever. Asked once
 * for all jobs, at the first: each with those before it that have its template. */
RULE(job_output_own)
{
	if (o != all->by_kind[KIND_RENDERJOB]->pdata[0])
		return;
	g_autoptr(GHashTable) by_output = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
	OBJECTS_EACH (job, all, KIND_RENDERJOB) {
		const char *output = ((const struct renderjob_spec *)job->spec)->output;
		GPtrArray *before = output ? g_hash_table_lookup(by_output, output) : NULL;
		if (output && !before)
			g_hash_table_insert(by_output, (gpointer)output, before = g_ptr_array_new());
		if (!before)
			continue;
		check_output_own(job, before, problems);
		g_ptr_array_add(before, job);
	}
}

const struct spec_rule spec_rules[] = {
	{ "farm-one", "There is exactly one Farm.", KIND_FARM, farm_one },
	{ "gpu-host-known", "A GPU's host is a Host.", KIND_GPU, gpu_host_known },
	{ "vm-host-known", "A VM's host is a Host.", KIND_VM, vm_host_known },
	{ "vm-farm-there", "VMs need a Farm.", KIND_VM, vm_farm_there },
	{ "vm-roots-known", "A VM's roots are roots of the Farm.", KIND_VM, vm_roots_known },
	{ "vm-network-one-way", "A network card goes one way.", KIND_VM, vm_network_one_way },
	{ "vm-share-targets-differ", "Mount tags of one VM differ.", KIND_VM, vm_share_targets_differ },
	{ "vm-share-of-everything", "A share of / is for demonstrations (warning).", KIND_VM, vm_share_of_everything },
	{ "job-farm-there", "Jobs need a Farm.", KIND_RENDERJOB, job_farm_there },
	{ "job-roots-known", "A job's paths are in roots of the Farm.", KIND_RENDERJOB, job_roots_known },
	{ "job-queue-known", "A job's queue is one of the Farm.", KIND_RENDERJOB, job_queue_known },
	{ "job-output-named-by-format", "The output's name ends as its format says.", KIND_RENDERJOB, job_output_named_by_format },
	{ "job-overrides-inside", "Overrides speak of the job's frames (warning).", KIND_RENDERJOB, job_overrides_inside },
	{ "job-output-own", "No two jobs write one file.", KIND_RENDERJOB, job_output_own },
};
const guint n_spec_rules = G_N_ELEMENTS(spec_rules);

void rules_check(struct arena *a, const struct objects *all, struct problems *problems)
{
	for (guint r = 0; r < n_spec_rules; r++)
		OBJECTS_EACH (o, all, spec_rules[r].kind)
			spec_rules[r].check(a, all, o, problems);
}
