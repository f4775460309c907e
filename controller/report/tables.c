/* Columns: a row each, with what it says of an object. Jobs and workers have their own also in the narrow table, since people look at
 * numbers there and not at one word. */
#include "report/tables.h"
#include "base/arena.h"
#include "base/units.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/renderjob.h"
#include "spec/vm.h"
#include "spec/vm_history.h"
#include <string.h>

struct line {
	struct arena *arena;
	const struct plan *plan;
	const struct shown *shown;
	const struct report_page *page;
	const struct object *object;
	const void *want; /* its spec, or NULL */
	const void *have; /* its status, or NULL */
};

struct column {
	struct grid_column grid;
	const char *(*text)(const struct line *l);
	gboolean is_wide; /* only in the wide table */
};

/* -- of any kind -------------------------------------------------------------------------------------------- */

static const char *kind_name(const struct line *l)
{
	return l->object->kind->name;
}

static const char *object_id(const struct line *l)
{
	return l->object->id;
}

static const char *condition_of(const struct line *l)
{
	return name_of(&readiness_names, (int)l->shown->verdict->readiness);
}

static const char *since_of(const struct line *l)
{
	return report_age(l->arena, l->page, l->shown->since_ms);
}

static const char *reason_alone(const struct line *l)
{
	return l->shown->verdict->reason;
}

static gboolean has_worker(const struct plan *p)
{
	const struct object *farm = objects_farm(p->want);
	const struct farm_spec *f = farm ? farm->spec : NULL;
	for (guint i = 0; f && i < f->queues.n; i++)
		if (LIST_AT(f->queues, struct farm_queue, i)->list)
			return TRUE; /* of plain workers nobody knows how many there are */
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].object->kind->id == KIND_WORKER)
			return TRUE;
	return FALSE;
}

/* A job that is being rendered, and nobody is there to do it. */
static const char *message_of(const struct line *l)
{
	const struct verdict *v = l->shown->verdict;
	gboolean lacks = l->object->kind->id == KIND_RENDERJOB && strcmp(v->reason, "Rendering") == 0 && !has_worker(l->plan);
	return lacks ? arena_printf(l->arena, "%s%swaits for a worker: none is there", v->message ? v->message : "", v->message ? "; " : "")
	             : v->message;
}

static const char *message_alone(const struct line *l)
{
	const char *message = message_of(l);
	return message ? message : " ";
}

static const char *reason_of(const struct line *l)
{
	const char *message = message_of(l), *reason = l->shown->verdict->reason;
	return message ? arena_printf(l->arena, "%s: %s", reason, message) : reason;
}

static const char *number_of(const struct line *l, guint64 n)
{
	return n ? arena_printf(l->arena, "%" G_GUINT64_FORMAT, n) : "-";
}

/* "vms/render.yaml:12"; what is only observed is written nowhere. */
static const char *written_at(const struct line *l)
{
	const struct place *p = &l->object->place;
	return l->want && p->path ? arena_printf(l->arena, "%s:%u", p->path, p->line) : NULL;
}

static const struct column any_columns[] = {
	{ { "KIND", 10 }, kind_name, FALSE },          { { "NAME", 28 }, object_id, FALSE },
	{ { "CONDITION", 12 }, condition_of, FALSE },  { { "SINCE", -6 }, since_of, TRUE },
	{ { "REASON", 16 }, reason_alone, FALSE },     { { "WRITTEN", 12 }, written_at, TRUE },
	{ { "MESSAGE", 0 }, message_alone, FALSE },
};

#define BEGIN_WIDE { { "NAME", 16 }, object_id, TRUE }
#define END_WIDE { { "CONDITION", 12 }, condition_of, TRUE }, { { "SINCE", -6 }, since_of, TRUE }, { { "REASON", 0 }, reason_of, TRUE }

/* -- farms and hosts ------------------------------------------------------------------------------------------ */

static const char *farm_redis(const struct line *l)
{
	const struct farm_status *s = l->have;
	return s ? name_of(&plane_state_names, s->redis) : NULL;
}

static const char *farm_job_owner(const struct line *l)
{
	const struct farm_status *s = l->have;
	return s ? s->job_owner : NULL;
}

/* "2/3" are mounted here. */
static const char *farm_roots(const struct line *l)
{
	const struct farm_status *s = l->have;
	guint n = 0;
	for (guint i = 0; s && i < s->roots.n; i++)
		n += LIST_AT(s->roots, struct farm_root_status, i)->mounted ? 1 : 0;
	return s ? arena_printf(l->arena, "%u/%u", n, s->roots.n) : NULL;
}

static const struct column farm_columns[] = {
	BEGIN_WIDE, { { "REDIS", 8 }, farm_redis, TRUE }, { { "JOB OWNER", 12 }, farm_job_owner, TRUE },
	{ { "ROOTS", 6 }, farm_roots, TRUE }, END_WIDE,
};

/* Of another host what its own controller says, which alone knows what was said there; else the specs, by this host's clock. */
static const char *host_state(const struct line *l)
{
	const struct object *own = objects_get(l->plan->have, KIND_HOST, l->plan->host);
	const struct host_status *clock = own ? own->status : NULL;
	const char *told = l->have ? NULL : l->shown->verdict->reason;
	if (g_strcmp0(told, "Drained") == 0 || g_strcmp0(told, "Draining") == 0)
		return host_state_word(HOST_DRAINED);
	if (g_strcmp0(told, "Cordoned") == 0)
		return host_state_word(HOST_CORDONED);
	return host_state_word(host_standing(l->want, l->have, clock ? vm_time_ms(clock->observed_at) : 0).state);
}

static const char *host_cpus(const struct line *l)
{
	const struct host_status *s = l->have;
	return s ? number_of(l, (guint64)MAX(s->n_cpus, 0)) : NULL;
}

static const char *host_memory(const struct line *l)
{
	const struct host_status *s = l->have;
	return s && s->memory_bytes ? bytes_about(l->arena, s->memory_bytes) : NULL;
}

static const char *host_kernel(const struct line *l)
{
	const struct host_status *s = l->have;
	return s ? s->kernel : NULL;
}

static const char *host_libvirt(const struct line *l)
{
	const struct host_status *s = l->have;
	return !s ? NULL : s->libvirt == PLANE_OK && s->libvirt_version ? s->libvirt_version : name_of(&plane_state_names, s->libvirt);
}

static const struct column host_columns[] = {
	BEGIN_WIDE, { { "STATE", 8 }, host_state, TRUE }, { { "CPUS", -4 }, host_cpus, TRUE }, { { "MEMORY", -8 }, host_memory, TRUE },
	{ { "KERNEL", 12 }, host_kernel, TRUE }, { { "LIBVIRT", 8 }, host_libvirt, TRUE }, END_WIDE,
};

/* -- GPUs and VMs ----------------------------------------------------------------------------------------------- */

static const char *gpu_host(const struct line *l)
{
	return ((const struct gpu_spec *)l->want)->host;
}

static const char *gpu_address(const struct line *l)
{
	const struct gpu_status *s = l->have;
	return s ? s->address : ((const struct gpu_spec *)l->want)->address;
}

static const char *gpu_card(const struct line *l)
{
	const struct gpu_status *s = l->have;
	return s ? s->name ? s->name : arena_printf(l->arena, "%s:%s", s->vendor, s->device) : NULL;
}

static const char *gpu_share(const struct line *l)
{
	return name_of(&share_names, ((const struct gpu_spec *)l->want)->share);
}

static const char *gpu_driver(const struct line *l)
{
	const struct gpu_status *s = l->have;
	return s ? s->driver : NULL;
}

static const struct column gpu_columns[] = {
	BEGIN_WIDE, { { "HOST", 10 }, gpu_host, TRUE }, { { "ADDRESS", 12 }, gpu_address, TRUE }, { { "CARD", 16 }, gpu_card, TRUE },
	{ { "SHARE", 11 }, gpu_share, TRUE }, { { "DRIVER", 10 }, gpu_driver, TRUE }, END_WIDE,
};

static const char *vm_host(const struct line *l)
{
	return ((const struct vm_spec *)l->want)->host;
}

static const char *vm_state(const struct line *l)
{
	const struct vm_status *s = l->have;
	return s ? name_of(&domain_state_names, s->state) : NULL;
}

static const char *vm_cpus(const struct line *l)
{
	return number_of(l, (guint64)((const struct vm_spec *)l->want)->n_vcpus);
}

static const char *vm_memory(const struct line *l)
{
	return bytes_about(l->arena, ((const struct vm_spec *)l->want)->memory_bytes);
}

static const char *vm_gpus(const struct line *l)
{
	const struct vm_spec *vm = l->want;
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < vm->gpus.n; i++)
		g_string_append_printf(text, "%s%s", i ? "," : "", LIST_AT(vm->gpus, struct vm_gpu, i)->gpu);
	return arena_strdup(l->arena, text->str);
}

static const char *vm_address(const struct line *l)
{
	const struct vm_status *s = l->have;
	return s && s->guest.addresses.n ? s->guest.addresses.items[0] : NULL;
}

static const struct column vm_columns[] = {
	BEGIN_WIDE, { { "HOST", 10 }, vm_host, TRUE }, { { "DOMAIN", 8 }, vm_state, TRUE }, { { "VCPUS", -5 }, vm_cpus, TRUE },
	{ { "MEMORY", -8 }, vm_memory, TRUE }, { { "GPUS", 10 }, vm_gpus, TRUE }, { { "ADDRESS", 10 }, vm_address, TRUE }, END_WIDE,
};

/* -- jobs ------------------------------------------------------------------------------------------------------- */

static const char *count_of(const struct line *l, const struct list *list)
{
	guint64 n = 0;
	for (guint i = 0; i < list->n; i++)
		n += frames_count(&LIST_AT(*list, struct job_frames, i)->frames);
	return number_of(l, n);
}

/* A farm may have no queues of its own. */
static const char *job_queue(const struct line *l)
{
	const struct renderjob_spec *job = l->want;
	const struct object *farm = objects_farm(l->plan->want);
	const struct farm_spec *f = farm ? farm->spec : NULL;
	int rank = f && f->queues.n ? farm_queue_rank(f, job->queue) : -1;
	return rank >= 0 ? LIST_AT(f->queues, struct farm_queue, rank)->name : "default";
}

static const char *job_priority(const struct line *l)
{
	return arena_printf(l->arena, "%" G_GINT64_FORMAT, ((const struct renderjob_spec *)l->want)->priority);
}

static const char *job_done(const struct line *l)
{
	guint64 whole, wanted;
	if (!report_job_progress(l->plan, object_id(l), &whole, &wanted))
		return "-";
	return arena_printf(l->arena, "%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, whole, wanted);
}

static const char *job_queued(const struct line *l)
{
	return l->have ? count_of(l, &((const struct renderjob_status *)l->have)->queued) : "-";
}

static const char *job_running(const struct line *l)
{
	return l->have ? count_of(l, &((const struct renderjob_status *)l->have)->running) : "-";
}

static const char *job_failed(const struct line *l)
{
	return l->have ? count_of(l, &((const struct renderjob_status *)l->have)->failed) : "-";
}

static const char *job_frames_wanted(const struct line *l)
{
	return frames_format(l->arena, &((const struct renderjob_spec *)l->want)->frames);
}

static const char *job_blender(const struct line *l)
{
	return ((const struct renderjob_spec *)l->want)->blender;
}

static const char *job_scene(const struct line *l)
{
	const struct renderjob_spec *job = l->want;
	return job->scene.file ? job->scene.file : job->scene.url;
}

static const struct column job_columns[] = {
	{ { "NAME", 28 }, object_id, FALSE },         { { "QUEUE", 10 }, job_queue, FALSE },
	{ { "PRIO", -4 }, job_priority, FALSE },      { { "DONE", -11 }, job_done, FALSE },
	{ { "QUEUED", -7 }, job_queued, FALSE },      { { "RUNNING", -8 }, job_running, FALSE },
	{ { "FAILED", -7 }, job_failed, FALSE },      { { "FRAMES", 8 }, job_frames_wanted, TRUE },
	{ { "BLENDER", 8 }, job_blender, TRUE },      { { "SCENE", 10 }, job_scene, TRUE },
	{ { "CONDITION", 12 }, condition_of, FALSE }, { { "SINCE", -6 }, since_of, TRUE },
	{ { "REASON", 0 }, reason_of, FALSE },
};

/* -- workers ---------------------------------------------------------------------------------------------------- */

static const struct worker_status *worker(const struct line *l)
{
	static const struct worker_status nobody;
	return l->have ? l->have : &nobody;
}

static const char *worker_state(const struct line *l)
{
	return worker(l)->state;
}

static const char *worker_vm(const struct line *l)
{
	return worker(l)->vm ? worker(l)->vm : worker(l)->host;
}

static const char *worker_blender(const struct line *l)
{
	return worker(l)->blender;
}

/* The first one, and how many more. */
static const char *worker_gpu(const struct line *l)
{
	const struct strings *gpus = &worker(l)->gpus;
	if (!gpus->n)
		return "-";
	const char *name = strchr(gpus->items[0], ' ');
	name = name ? name + 1 : gpus->items[0];
	return gpus->n == 1 ? name : arena_printf(l->arena, "%s +%u", name, gpus->n - 1);
}

static const char *worker_heard(const struct line *l)
{
	return arena_printf(l->arena, "%s ago", duration_about(l->arena, worker(l)->silent_ms));
}

static const char *worker_version(const struct line *l)
{
	return worker(l)->version;
}

static const char *worker_labels(const struct line *l)
{
	const struct strings *labels = &worker(l)->labels;
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < labels->n; i++)
		g_string_append_printf(text, "%s%s", i ? "," : "", labels->items[i]);
	return arena_strdup(l->arena, text->str);
}

static const char *worker_job(const struct line *l)
{
	const struct worker_status *w = worker(l);
	return w->job ? w->job : w->detail;
}

static const struct column worker_columns[] = {
	{ { "NAME", 24 }, object_id, FALSE },         { { "STATE", 10 }, worker_state, FALSE },
	{ { "VM", 16 }, worker_vm, FALSE },           { { "BLENDER", 8 }, worker_blender, FALSE },
	{ { "GPU", 22 }, worker_gpu, FALSE },         { { "HEARD", -9 }, worker_heard, FALSE },
	{ { "VERSION", 8 }, worker_version, TRUE },   { { "LABELS", 8 }, worker_labels, TRUE },
	{ { "CONDITION", 12 }, condition_of, FALSE }, { { "SINCE", -6 }, since_of, TRUE },
	{ { "JOB", 0 }, worker_job, FALSE },
};

/* -- revisions -------------------------------------------------------------------------------------------------- */

static const char *revision_commit(const struct line *l)
{
	const struct revision_status *s = l->have;
	return s && s->commit ? arena_printf(l->arena, "%.12s", s->commit) : NULL;
}

static const char *revision_source(const struct line *l)
{
	const struct revision_status *s = l->have;
	return s ? s->source : NULL;
}

static const struct column revision_columns[] = {
	BEGIN_WIDE, { { "COMMIT", 12 }, revision_commit, TRUE }, { { "SOURCE", 16 }, revision_source, TRUE }, END_WIDE,
};

/* -- lines ------------------------------------------------------------------------------------------------------ */

#define COLUMNS(c, narrow) { c, G_N_ELEMENTS(c), narrow }

static const struct {
	const struct column *columns;
	guint n;
	gboolean has_narrow; /* the narrow table is of them as well */
} tables[N_KINDS] = {
	[KIND_FARM] = COLUMNS(farm_columns, FALSE), [KIND_HOST] = COLUMNS(host_columns, FALSE), [KIND_GPU] = COLUMNS(gpu_columns, FALSE),
	[KIND_VM] = COLUMNS(vm_columns, FALSE), [KIND_RENDERJOB] = COLUMNS(job_columns, TRUE), [KIND_WORKER] = COLUMNS(worker_columns, TRUE),
	[KIND_REVISION] = COLUMNS(revision_columns, FALSE),
};

static void put_line(struct grid *grid, const struct column *const *columns, guint n, const struct line *l)
{
	for (guint i = 0; i < n; i++)
		grid_put(grid, columns[i]->text(l), columns[i]->text == condition_of ? report_colour_of(l->shown->verdict->readiness) : NULL);
}

void report_get_text(GString *out, const struct shown_list *l, gboolean is_wide, const struct report_page *page)
{
	const struct column *all = any_columns, *chosen[G_N_ELEMENTS(job_columns)];
	guint n_all = G_N_ELEMENTS(any_columns), n = 0;
	SCOPED_ARENA(a);
	if (l->kind && tables[l->kind->id].columns && (is_wide || tables[l->kind->id].has_narrow)) {
		all = tables[l->kind->id].columns;
		n_all = tables[l->kind->id].n;
	}
	struct grid_column columns[G_N_ELEMENTS(chosen)];
	for (guint i = 0; i < n_all; i++)
		if (is_wide || !all[i].is_wide) {
			columns[n] = all[i].grid;
			chosen[n++] = &all[i];
		}
	g_autoptr(report_grid) grid = grid_new(columns, n);
	for (guint i = 0; i < l->n; i++) {
		const struct object *o = l->items[i].verdict->object, *have = objects_get(l->plan->have, o->kind->id, o->id);
		const struct line line = { a, l->plan, &l->items[i], page, o, o->spec, have ? have->status : NULL };
		put_line(grid, chosen, n, &line);
	}
	grid_write(grid, out, page);
}

void report_get_names(GString *out, const struct shown_list *l)
{
	for (guint i = 0; i < l->n; i++) {
		const struct object *o = l->items[i].verdict->object;
		g_string_append_printf(out, "%s/%s\n", o->kind->name, o->id);
	}
}
