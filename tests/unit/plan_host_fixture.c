#include "plan_host_fixture.h"
#include "base/arena.h"
#include "spec/resolve.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define BIT(n) (G_GUINT64_CONSTANT(1) << (n))

static void pointers_free(gpointer p)
{
	g_ptr_array_free(p, TRUE);
}

static GPtrArray *pointers_new(struct arena *a)
{
	GPtrArray *p = g_ptr_array_new();
	arena_own(a, p, pointers_free);
	return p;
}

struct sim *sim_new(struct arena *a)
{
	struct sim *s = ARENA_NEW(a, struct sim);
	*s = (struct sim){ a, pointers_new(a), pointers_new(a), pointers_new(a), pointers_new(a), pointers_new(a), PLANE_OK, PLANE_OK, TRUE, "h1", 1000000000, pointers_new(a), "test" };
	for (guint i = 0; i < SIM_FIRST_KEY; i++)
		g_ptr_array_add(s->keys, NULL);
	return s;
}

guint sim_key(struct sim *s, const char *key)
{
	for (guint i = SIM_FIRST_KEY; i < s->keys->len; i++)
		if (strcmp(g_ptr_array_index(s->keys, i), key) == 0)
			return i;
	g_ptr_array_add(s->keys, arena_strdup(s->arena, key));
	assert_true(s->keys->len <= 64);
	return s->keys->len - 1;
}

struct sim_vm *sim_vm_add(struct sim *s, const char *id)
{
	struct sim_vm *vm = ARENA_NEW(s->arena, struct sim_vm);
	vm->id = arena_strdup(s->arena, id);
	vm->uuid = arena_printf(s->arena, "6ba7b810-9dad-51d1-80b4-%012x", g_str_hash(id));
	g_ptr_array_add(s->vms, vm);
	return vm;
}

struct sim_job *sim_job_add(struct sim *s, const char *id)
{
	struct sim_job *job = ARENA_NEW(s->arena, struct sim_job);
	job->id = arena_strdup(s->arena, id);
	g_ptr_array_add(s->jobs, job);
	return job;
}

struct sim_job *sim_job_find(const struct sim *s, const char *id)
{
	for (guint i = 0; i < s->jobs->len; i++) {
		struct sim_job *job = g_ptr_array_index(s->jobs, i);
		if (strcmp(job->id, id) == 0)
			return job;
	}
	return NULL;
}

struct sim_vm *sim_vm_find(const struct sim *s, const char *id)
{
	for (guint i = 0; i < s->vms->len; i++) {
		struct sim_vm *vm = g_ptr_array_index(s->vms, i);
		if (strcmp(vm->id, id) == 0)
			return vm;
	}
	return NULL;
}

gboolean sim_vm_is_up(const struct sim_vm *vm)
{
	return vm->state != DOMAIN_SHUT_OFF && vm->state != DOMAIN_CRASHED;
}

struct vm_spec sim_definition(const struct vm_spec *effective)
{
	struct vm_spec d = *effective;
	d.host = NULL;
	d.state = 0;
	d.roots = (struct strings){ 0 };
	if (d.machine && g_str_has_prefix(d.machine, "pc-q35-"))
		d.machine = "q35";
	return d;
}

/* -- observing --------------------------------------------------------------------------------------- */

static struct object *seen(struct arena *a, struct objects *have, enum kind_id kind, const char *id, gpointer status)
{
	struct object *o = ARENA_NEW(a, struct object);
	const char *slash = strchr(id, '/');
	*o = (struct object){ .kind = &kinds[kind], .id = id, .status = status };
	o->meta.name = slash ? slash + 1 : id;
	assert_true(objects_add(have, o));
	return o;
}

/* Adds one frame at the end of the entry with its key (0 = unknown) and detail. */
static void list_add(struct arena *a, const struct sim *s, struct list *list, gint64 frame, guint key, const char *detail)
{
	const char *text = key ? g_ptr_array_index(s->keys, key) : NULL;
	struct frame_set one = frames_range(a, frame, frame);
	for (guint i = 0; i < list->n; i++) {
		struct job_frames *f = LIST_AT(*list, struct job_frames, i);
		if (g_strcmp0(f->key, text) == 0 && g_strcmp0(f->detail, detail) == 0) {
			f->frames = frames_union(a, &f->frames, &one);
			return;
		}
	}
	struct job_frames *more = ARENA_ARRAY(a, struct job_frames, list->n + 1);
	if (list->n)
		memcpy(more, list->items, list->n * sizeof *more);
	more[list->n] = (struct job_frames){ one, text, detail };
	*list = (struct list){ more, list->n + 1 };
}

static void observe_queue(struct arena *a, const struct sim *s, const struct sim_job *job, struct renderjob_status *ret)
{
	for (gint64 f = 0; f < SIM_FRAMES; f++) {
		const struct sim_frame *frame = &job->frames[f];
		if (frame->slot == SLOT_FREE)
			continue;
		ret->queue.known = TRUE;
		if (frame->slot == SLOT_QUEUED)
			list_add(a, s, &ret->queued, f, frame->slot_key, NULL);
		else if (frame->slot == SLOT_RUNNING)
			list_add(a, s, &ret->running, f, frame->slot_key, "w1");
		else
			list_add(a, s, &ret->failed, f, frame->slot_key, arena_printf(a, "reason %d", (int)f));
	}
	if (!ret->queue.known)
		return;
	ret->queue.rank = job->rank;
	ret->queue.values = job->queue_values;
}

static void observe_frame(struct arena *a, const struct sim *s, const struct sim_frame *frame, gint64 f, guint key,
                          struct renderjob_status *ret)
{
	if (frame->visible == SIM_DAMAGED)
		list_add(a, s, &ret->damaged, f, 0, NULL);
	else if (frame->visible == SIM_FOREIGN)
		list_add(a, s, &ret->foreign, f, 0, NULL);
	else if (frame->visible)
		list_add(a, s, &ret->whole, f, frame->visible, NULL);
	for (guint k = SIM_FIRST_KEY; k < s->keys->len; k++)
		if (frame->rendered & BIT(k))
			list_add(a, s, &ret->rendered, f, k, NULL);
	if (frame->visible == key)
		return;
	if (frame->staged & BIT(key))
		list_add(a, s, &ret->staged, f, key, NULL);
	else if (frame->stored & BIT(key))
		list_add(a, s, &ret->stored, f, key, NULL);
}

static void observe_wanted_job(struct arena *a, struct sim *s, const struct object *o, struct objects *have)
{
	const struct renderjob_spec *want = o->spec;
	const struct sim_job *job = sim_job_find(s, o->id);
	struct renderjob_status *status = arena_alloc(a, sizeof *status);
	static const struct sim_job nothing;
	job = job ? job : &nothing;
	observe_queue(a, s, job, status);
	status->scene.pinned = job->pinned;
	status->scene.found = job->found;
	status->scene.reason = job->found ? NULL : "No such file or directory";
	status->completed = job->completed;
	seen(a, have, KIND_RENDERJOB, o->id, status);
	const char *scene = want->scene.sha256 ? want->scene.sha256 : job->pinned ? job->pinned : job->found;
	if (!scene)
		return;
	struct key_groups groups = frame_key_groups(a, want, &(struct key_digests){ scene, NULL });
	for (guint g = 0; g < groups.n; g++)
		FRAMES_EACH (it, &groups.items[g].frames)
			observe_frame(a, s, &job->frames[it.frame], it.frame, sim_key(s, groups.items[g].key), status);
}

static void observe_jobs(struct arena *a, struct sim *s, const struct objects *want, struct objects *have)
{
	OBJECTS_EACH (o, want, KIND_RENDERJOB)
		if (s->mounted)
			observe_wanted_job(a, s, o, have);
	for (guint i = 0; i < s->jobs->len; i++) {
		const struct sim_job *job = g_ptr_array_index(s->jobs, i);
		struct renderjob_status *status = arena_alloc(a, sizeof *status);
		observe_queue(a, s, job, status);
		if (status->queue.known && !objects_get(want, KIND_RENDERJOB, job->id))
			seen(a, have, KIND_RENDERJOB, job->id, status);
	}
}

static const char *time_text(struct arena *a, gint64 s)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(s);
	g_autofree char *text = s ? g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ") : NULL;
	return arena_strdup(a, text);
}

static void observe_worker(struct arena *a, const struct sim_vm *vm, struct objects *have)
{
	struct worker_status *status = arena_alloc(a, sizeof *status);
	if (vm->worker == WORKER_NONE || !sim_vm_is_up(vm))
		return;
	*status = (struct worker_status){ .uuid = vm->uuid, .blender = vm->has_no_blender ? NULL : "4.2.3", .job = vm->worker == WORKER_BUSY ? "p/j0" : NULL };
	seen(a, have, KIND_WORKER, arena_printf(a, "w-%s", vm->id), status);
}

static struct strings names_of_devices(struct arena *a, const struct list *devices)
{
	struct strings names = { ARENA_ARRAY(a, const char *, devices->n + 1), 0 };
	for (guint i = 0; i < devices->n; i++)
		names.items[names.n++] = LIST_AT(*devices, struct vm_device, i)->name;
	return names;
}

static void observe_vms(struct arena *a, const struct sim *s, struct objects *have)
{
	for (guint i = 0; i < s->vms->len; i++) {
		const struct sim_vm *vm = g_ptr_array_index(s->vms, i);
		struct vm_status *status = arena_alloc(a, sizeof *status);
		*status = (struct vm_status){ .host = "h1", .uuid = vm->uuid, .owner = vm->owner, .state = (int)vm->state,
			                      .reason = vm->reason, .machine_type = vm->machine_type,
			                      .since = time_text(a, vm->since_s), .defined = vm->defined };
		status->history = (struct vm_history){ time_text(a, vm->started_s), vm->started_revision, vm->n_short_runs,
			                               time_text(a, vm->draining_s), NULL, NULL, NULL };
		if (sim_vm_is_up(vm))
			status->live = vm->live;
		if (sim_vm_is_up(vm))
			status->host_devices = names_of_devices(a, &vm->live.devices);
		if (vm->device)
			status->host_devices = (struct strings){ arena_memdup(a, &vm->device, sizeof vm->device), 1 };
		seen(a, have, KIND_VM, vm->id, status);
		if (s->redis == PLANE_OK)
			observe_worker(a, vm, have);
	}
	for (guint i = 0; s->redis == PLANE_OK && i < s->away->len; i++) {
		const char *id = g_ptr_array_index(s->away, i);
		struct object *o = objects_get(have, KIND_VM, id);
		struct vm_status *status = o ? o->status : seen(a, have, KIND_VM, id, arena_alloc(a, sizeof *status))->status;
		status->home = "h9";
	}
}

struct objects *sim_observe(const struct sim *s, struct arena *a, const struct objects *want)
{
	struct objects *have = objects_new(a);
	struct farm_status *farm = arena_alloc(a, sizeof *farm);
	struct host_status *host = arena_alloc(a, sizeof *host);
	struct farm_root_status *root = ARENA_NEW(a, struct farm_root_status);
	*root = (struct farm_root_status){ .name = "frames", .mounted = s->mounted, .reason = s->mounted ? NULL : "there is no .cleave-root" };
	*farm = (struct farm_status){ .redis = (int)s->redis, .job_owner = s->job_owner, .roots = { root, 1 } };
	*host = (struct host_status){ .observed_at = time_text(a, s->now_s), .libvirt = (int)s->libvirt };
	host->modules = (struct strings){ arena_memdup(a, s->modules->pdata, s->modules->len * sizeof(gpointer)), s->modules->len };
	seen(a, have, KIND_FARM, "f", farm);
	seen(a, have, KIND_HOST, "h1", host);
	sim_cards_observe(s, a, have);
	if (s->libvirt == PLANE_OK)
		observe_vms(a, s, have);
	if (s->redis == PLANE_OK)
		observe_jobs(a, (struct sim *)s, want, have);
	objects_sort(have);
	return have;
}

/* -- obeying ------------------------------------------------------------------------------------------ */

static void define(struct sim *s, const struct action *act, const struct vm_spec *want)
{
	struct sim_vm *vm = sim_vm_find(s, act->id);
	vm = vm ? vm : sim_vm_add(s, act->id);
	vm->owner = "f";
	vm->defined = sim_definition(act->vm);
	vm->machine_type = strcmp(want->machine, "q35") != 0 ? want->machine : "pc-q35-7.2";
}

static void see(struct sim *s, struct sim_vm *vm, enum domain_state state, const char *reason)
{
	vm->state = state;
	vm->reason = reason;
	vm->since_s = s->now_s;
	vm->worker = WORKER_NONE;
}

static gboolean ended_soon(const struct sim_vm *vm)
{
	return vm->started_s && vm->since_s - vm->started_s < 600 && g_strcmp0(vm->reason, "destroyed") != 0;
}

static void start(struct sim *s, struct sim_vm *vm)
{
	gboolean is_known = vm->started_s && vm->since_s && g_strcmp0(vm->reason, "destroyed") != 0;
	if (g_strcmp0(vm->started_revision, s->revision) != 0)
		vm->n_short_runs = 0;
	else if (is_known)
		vm->n_short_runs = ended_soon(vm) ? vm->n_short_runs + 1 : 0;
	see(s, vm, DOMAIN_RUNNING, NULL);
	vm->started_s = s->now_s;
	vm->started_revision = s->revision;
	vm->draining_s = 0;
	vm->worker = vm->has_worker ? WORKER_IDLE : WORKER_NONE;
	vm->live = vm->defined;
}

/* Frames in hand are only taken from a guest when its time is over, or its spec does not wait for them. */
static void stop(struct sim *s, struct sim_vm *vm, const struct vm_spec *want)
{
	gboolean is_patient = !want || want->update != UPDATE_NOW;
	gint64 drain_s = want ? want->drain_ms / 1000 : 3600;
	if (vm->worker == WORKER_BUSY && is_patient && drain_s && s->redis == PLANE_OK)
		assert_true(vm->draining_s && s->now_s >= vm->draining_s + drain_s);
	see(s, vm, DOMAIN_SHUT_OFF, "destroyed");
	vm->started_s = 0;
}

static void update(struct sim_vm *vm, const struct action *act)
{
	for (guint i = 0; i < act->changes.n; i++) {
		const char *field = act->changes.items[i].field;
		if (strcmp(field, "vcpus") == 0)
			vm->live.n_vcpus = act->vm->n_vcpus;
		else if (strcmp(field, "memory") == 0)
			vm->live.memory_bytes = act->vm->memory_bytes;
		else if (g_str_has_prefix(field, "devices["))
			vm->live.devices = act->vm->devices;
		else
			fail_msg("%s is not known to act while it runs", field);
	}
}

static void apply_to_vm(struct sim *s, const struct objects *all, const struct action *act)
{
	const struct vm_spec *want = act->want ? vm_effective(s->arena, all, act->want) : NULL;
	struct sim_vm *vm = sim_vm_find(s, act->id);
	gboolean wants_up = act->verb != VERB_DEFINE_VM && act->verb != VERB_START_VM && act->verb != VERB_UNDEFINE_VM;
	gboolean is_here = want && strcmp(want->host, "h1") == 0;
	assert_true(!vm || g_strcmp0(vm->owner, "f") == 0);
	if (act->verb == VERB_DEFINE_VM) {
		assert_true(is_here);
		define(s, act, want);
		return;
	}
	assert_non_null(vm);
	assert_int_equal(sim_vm_is_up(vm), wants_up);
	switch (act->verb) {
	case VERB_START_VM:
		assert_true(is_here);
		start(s, vm);
		return;
	case VERB_STOP_VM: stop(s, vm, want); return;
	case VERB_DRAIN_VM: vm->draining_s = s->now_s; return;
	case VERB_UNDRAIN_VM: vm->draining_s = 0; return;
	case VERB_UPDATE_VM: update(vm, act); return;
	case VERB_UNDEFINE_VM: g_ptr_array_remove(s->vms, vm); return;
	default: fail_msg("%s is no verb of VMs", verbs[act->verb].name);
	}
}

void sim_vm_crash(struct sim *s, struct sim_vm *vm)
{
	assert_true(sim_vm_is_up(vm));
	see(s, vm, DOMAIN_CRASHED, "panicked");
}

void sim_wait(struct sim *s, gint64 ms)
{
	s->now_s += (ms + 999) / 1000;
	for (guint i = 0; i < s->vms->len; i++) {
		struct sim_vm *vm = g_ptr_array_index(s->vms, i);
		if (vm->worker == WORKER_BUSY && vm->draining_s)
			vm->worker = WORKER_IDLE;
	}
}

/* The new file takes the name; a whole frame of another key goes to the store. */
static void make_visible(struct sim_frame *frame, guint key)
{
	assert_true(frame->visible != key && frame->visible != SIM_FOREIGN);
	if (frame->visible >= SIM_FIRST_KEY)
		frame->stored |= BIT(frame->visible);
	frame->visible = key;
}

static void apply_to_frame(struct sim *s, const struct action *act, struct sim_frame *frame)
{
	guint key = act->key ? sim_key(s, act->key) : 0;
	switch (act->verb) {
	case VERB_CANCEL_FRAMES:
		assert_true(frame->slot != SLOT_FREE);
		frame->slot = SLOT_FREE;
		return;
	case VERB_DELIVER_FRAMES:
		assert_true(frame->staged & BIT(key));
		frame->staged &= ~BIT(key);
		make_visible(frame, key);
		return;
	case VERB_PUT_BACK_FRAMES:
		assert_true(frame->stored & BIT(key));
		frame->stored &= ~BIT(key);
		make_visible(frame, key);
		return;
	case VERB_ENQUEUE_FRAMES:
		assert_true(frame->visible != key && frame->visible != SIM_FOREIGN);
		assert_false((frame->slot == SLOT_QUEUED || frame->slot == SLOT_RUNNING) && frame->slot_key == key);
		frame->slot = SLOT_QUEUED;
		frame->slot_key = key;
		return;
	default: fail_msg("%s has no frames", verbs[act->verb].name);
	}
}

static struct renderjob_spec queue_values(const struct renderjob_spec *job)
{
	return (struct renderjob_spec){ .chunk = job->chunk, .priority = job->priority, .retries = job->retries,
		                        .is_paused = job->suspend.reason != NULL };
}

static void apply_to_job(struct sim *s, const struct objects *want, const struct action *act, gboolean half)
{
	const struct renderjob_spec *spec = act->want ? act->want->spec : NULL;
	struct sim_job *job = sim_job_find(s, act->id);
	gboolean skip = FALSE;
	assert_true(spec || act->verb == VERB_CANCEL_FRAMES);
	job = job ? job : sim_job_add(s, act->id);
	FRAMES_EACH (it, &act->frames) {
		if (!skip)
			apply_to_frame(s, act, &job->frames[it.frame]);
		skip = half && !skip;
	}
	if (act->verb == VERB_ENQUEUE_FRAMES || act->verb == VERB_UPDATE_JOB) {
		job->queue_values = queue_values(spec);
		job->rank = farm_queue_rank(objects_farm(want)->spec, spec->queue);
	}
	if (act->verb == VERB_PIN_SCENE) {
		assert_null(job->pinned);
		job->pinned = arena_strdup(s->arena, act->digest);
	}
	if (act->verb == VERB_COMPLETE_JOB)
		job->completed = arena_strdup(s->arena, act->digest);
}

static void load_modules(struct sim *s, const struct action *act)
{
	assert_int_equal(act->verb, VERB_LOAD_MODULES);
	for (guint i = 0; i < act->host->modules.n; i++)
		g_ptr_array_add(s->modules, arena_strdup(s->arena, act->host->modules.items[i]));
}

void sim_apply(struct sim *s, const struct objects *want, const struct action *act, gboolean half)
{
	if (act->kind == KIND_HOST)
		load_modules(s, act);
	else if (act->kind == KIND_GPU)
		sim_card_apply(s, act, half);
	else if (act->kind == KIND_VM)
		apply_to_vm(s, want, act);
	else
		apply_to_job(s, want, act, half);
}

void sim_work(struct sim *s, GRand *rand)
{
	for (guint i = 0; i < s->jobs->len; i++) {
		struct sim_job *job = g_ptr_array_index(s->jobs, i);
		for (guint f = 0; f < SIM_FRAMES && !job->queue_values.is_paused; f++) {
			struct sim_frame *frame = &job->frames[f];
			if (frame->slot != SLOT_QUEUED && frame->slot != SLOT_RUNNING)
				continue;
			frame->slot = SLOT_FREE;
			frame->rendered |= BIT(frame->slot_key);
			if (g_rand_boolean(rand) && frame->visible != SIM_FOREIGN && frame->visible != frame->slot_key)
				make_visible(frame, frame->slot_key);
			else
				frame->staged |= BIT(frame->slot_key);
		}
	}
}
