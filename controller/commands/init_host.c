/* init --from-host: what is there as specs. Status becomes spec by the tables: what observe/ reads is
 * written, so that a key that is read one day is written then too.
 *
 * Each document is tried before it is written: one that is not valid (a domain with nothing to boot) stands as a
 * comment, with the reason above it. */
#include "base/arena.h"
#include "commands/init.h"
#include "commands/init_text.h"
#include "commands/init_unresolve.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/load.h"
#include "spec/secret.h"
#include "spec/vm.h"
#include "state/state.h"
#include <stdarg.h>
#include <string.h>

static const char usual_libvirt[] = "qemu:///system", usual_redis[] = "redis://127.0.0.1:6379/0";
static const char schema_line[] = "# yaml-language-server: $schema=%scleave.schema.json\n";

struct draft {
	enum kind_id kind;
	const char *name;
	const char *head; /* comment lines above it */
	const char *text;
	const char *why_not; /* NULL: it is valid */
};

struct look {
	struct init *init;
	struct arena *arena;
	struct settings settings;
	struct objects *have;
	const struct host_status *host;
	const char *farm; /* its name */
	struct init_farm made;
	GArray *drafts; /* struct draft */
};

/* -- looking ---------------------------------------------------------------------------------------------- */

static void note(struct look *l, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void note(struct look *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_string_append_vprintf(l->init->notes, format, args);
	g_string_append_c(l->init->notes, '\n');
	va_end(args);
}

/* As `observe` does; a running controller has libvirt's embedded driver to itself, and is asked. */
static gboolean look(struct look *l, GError **error)
{
	const struct settings *s = &l->settings;
	if (!s->sysfs && state_is_locked(s->state)) {
		note(l, "The controller that runs here was asked. If its libvirt is not %s, say so with --libvirt.", s->libvirt);
		l->have = look_from_controller(l->arena, s->state, error);
	} else {
		struct session *session = session_new(s);
		l->have = session_observe(session, l->arena, objects_new(l->arena), FALSE);
		session_free(session);
	}
	const struct object *host = l->have ? objects_get(l->have, KIND_HOST, s->host) : NULL;
	if (l->have && !host)
		return fail(error, ERROR_NOT_FOUND, "the controller on this machine calls it otherwise than %s; give --host", s->host);
	l->host = host ? host->status : NULL;
	return l->have != NULL;
}

static void note_what_is_missing(struct look *l)
{
	if (l->host->libvirt == PLANE_AWAY)
		note(l, "libvirt (%s) does not answer, so no VM was written: %s\n--libvirt URI asks another one; --libvirt none asks none.",
		     l->settings.libvirt, l->host->libvirt_reason);
	else if (l->host->libvirt == PLANE_LEFT_OUT)
		note(l, "libvirt was left out, so no VM was written.");
	else if (!l->have->by_kind[KIND_VM]->len)
		note(l, "libvirt (%s) has no VM.", l->settings.libvirt);
	if (l->host->pci_trouble)
		note(l, "The cards could not be listed, so no GPU was written: %s", l->host->pci_trouble);
	else if (!l->have->by_kind[KIND_GPU]->len)
		note(l, "There is no GPU that could be given to a VM.");
}

/* -- drafts ------------------------------------------------------------------------------------------------- */

static void add_draft(struct look *l, enum kind_id kind, const char *name, const GString *head, const struct field *table,
                      const void *spec, const char *first)
{
	g_autoptr(GString) text = g_string_new("apiVersion: " API_VERSION "\nkind: ");
	g_string_append_printf(text, "%s\nmetadata: {name: ", kinds[kind].name);
	init_write_text(text, name);
	g_string_append(text, "}\n");
	init_write_spec(text, table, spec, first);
	struct draft d = { kind, name, arena_strdup(l->arena, head->str), arena_strdup(l->arena, text->str), NULL };
	g_array_append_val(l->drafts, d);
}

/* Observed words in a comment: one line. */
static const char *one_line(struct arena *a, const char *text)
{
	char *line = arena_strdup(a, text);
	for (char *c = line; c && *c; c++)
		if ((guchar)*c < 0x20)
			*c = ' ';
	return line;
}

static void draft_host(struct look *l)
{
	const struct host_status *h = l->host;
	struct host_spec spec = { .libvirt = h->libvirt == PLANE_LEFT_OUT ? NULL : l->settings.libvirt };
	g_autoptr(GString) head = g_string_new(NULL);
	g_string_append_printf(head, "# Kernel %s", h->kernel ? one_line(l->arena, h->kernel) : "unknown");
	if (h->n_cpus)
		g_string_append_printf(head, ", %" G_GINT64_FORMAT " CPUs", h->n_cpus);
	if (h->memory_bytes)
		g_string_append_printf(head, ", %s of memory", bytes_format(l->arena, h->memory_bytes / MiB * MiB));
	g_string_append(head, ".\n");
	if (h->iommu.enabled > 0)
		g_string_append_printf(head, "# The IOMMU is on, with %" G_GINT64_FORMAT " groups.\n", h->iommu.n_groups);
	else
		g_string_append(head, "# The IOMMU is off: no card can be given to a VM before it is on.\n");
	if (!h->has_kvm && !h->is_sysfs_alone)
		g_string_append(head, "# There is no /dev/kvm: VMs are emulated.\n");
	add_draft(l, KIND_HOST, l->settings.host, head, host_fields, &spec, NULL);
}

/* " It can have 16 virtual functions; 2 are there. 3 vGPUs are on it.", and a line with some vGPU types. */
static void append_pieces(GString *head, struct arena *a, const struct gpu_status *g)
{
	enum { MOST_TYPES = 3 };
	if (g->sriov.n_total > 0)
		g_string_append_printf(head, " It can have %" G_GINT64_FORMAT " virtual functions; %u are there.", g->sriov.n_total, g->sriov.vfs.n);
	if (g->vgpus.n)
		g_string_append_printf(head, " %u vGPU%s on it.", g->vgpus.n, g->vgpus.n == 1 ? " is" : "s are");
	for (guint i = 0; i < MIN(g->vgpu_types.n, MOST_TYPES); i++) {
		const struct gpu_vgpu_type *type = LIST_AT(g->vgpu_types, struct gpu_vgpu_type, i);
		g_string_append_printf(head, "%s%s", i ? ", " : "\n# vGPU types: ", one_line(a, type->name ? type->name : type->id));
	}
	if (g->vgpu_types.n > MOST_TYPES)
		g_string_append_printf(head, " and %u more", g->vgpu_types.n - MOST_TYPES);
	g_string_append(head, g->vgpu_types.n ? "." : "");
}

/* Cards with several GPUs have one slot for all of them, which then tells none. */
static const char *own_slot(const struct look *l, const struct gpu_status *g)
{
	guint n = 0;
	OBJECTS_EACH (o, l->have, KIND_GPU)
		n += g->slot && g_strcmp0(((const struct gpu_status *)o->status)->slot, g->slot) == 0;
	return n == 1 ? g->slot : NULL;
}

static void draft_gpu(struct look *l, const struct object *o, guint n)
{
	struct arena *a = l->arena;
	const struct gpu_status *g = o->status;
	const char *id = g->vendor && g->device ? arena_printf(a, "%s:%s", g->vendor, g->device) : NULL;
	struct gpu_spec spec = { .host = l->settings.host, .match = { .slot = own_slot(l, g), .id = id }, .address = g->address, .share = GPU_SHARE_NONE };
	g_autoptr(GString) head = g_string_new("# ");
	g_string_append_printf(head, "%s; %s%s", g->name ? one_line(a, g->name) : "A card without a name in pci.ids",
	                       g->driver ? "held by " : "no driver holds it", g->driver ? one_line(a, g->driver) : "");
	if (g->iommu_group >= 0)
		g_string_append_printf(head, "; IOMMU group %" G_GINT64_FORMAT, g->iommu_group);
	if (g->numa_node >= 0)
		g_string_append_printf(head, "; NUMA node %" G_GINT64_FORMAT, g->numa_node);
	g_string_append_printf(head, ".\n# %u function%s.%s", g->functions.n, g->functions.n == 1 ? "" : "s",
	                       g->boot_vga > 0 ? " The firmware's console is on it." : "");
	append_pieces(head, a, g);
	g_string_append_c(head, '\n');
	/* A card that specs spoke of before (to the controller that was asked) keeps its name. */
	const char *name = g_str_has_prefix(o->id, "pci-") ? arena_printf(a, "%s-gpu%u", l->settings.host, n) : o->id;
	add_draft(l, KIND_GPU, name, head, gpu_fields, &spec, NULL);
}

/* -- VMs ---------------------------------------------------------------------------------------------------- */

static gboolean is_ours(const struct look *l, const struct vm_status *s)
{
	return s->owner && strcmp(s->owner, l->farm) == 0;
}

/* What follows from other objects is no key; the devices are told, because a person has to name their GPUs. */
static void clear_derived(struct look *l, struct vm_spec *spec, GString *head)
{
	for (guint i = 0; i < spec->devices.n; i++)
		g_string_append_printf(head, "%s%s", i ? ", " : "# It has devices of the host, for `gpus` to name: ",
		                       one_line(l->arena, LIST_AT(spec->devices, struct vm_device, i)->name));
	g_string_append(head, spec->devices.n ? ".\n" : "");
	if (spec->console.other)
		g_string_append_printf(head, "# No key says this of it: %s.\n", one_line(l->arena, spec->console.other));
	spec->devices = (struct list){ 0 };
	spec->kept = (struct strings){ 0 };
	spec->seed = spec->settings = spec->worker.bundle = NULL;
	spec->console.password_digest = spec->console.other = NULL;
}

/* What its guest is told is known by digests alone: without it the VM would be another one. */
static const char *why_no_vm(const struct vm_status *s)
{
	const struct vm_spec *vm = &s->defined;
	if (!s->owner || !(vm->seed || vm->settings || vm->worker.bundle))
		return NULL;
	return "#   what its guest is told (cloudInit, worker, nvidia, what is mounted) cannot be read back: it is in the specs that made it\n";
}

static void draft_vm(struct look *l, const struct object *o)
{
	const struct vm_status *s = o->status;
	struct vm_spec spec = s->defined;
	g_autoptr(GString) head = g_string_new("# ");
	if (!s->owner)
		g_string_append(head, "Not made by cleave, which never touches it.");
	else if (is_ours(l, s))
		g_string_append(head, "Made by cleave.");
	else
		g_string_append_printf(head, "Made by cleave for the farm %s; this one never touches it.", one_line(l->arena, s->owner));
	g_string_append_printf(head, " UUID %s%s%s.\n", s->uuid ? s->uuid : "unknown", s->machine_type ? ", machine " : "",
	                       s->machine_type ? one_line(l->arena, s->machine_type) : "");
	if (is_ours(l, s))
		init_unresolve(l->arena, &l->made, &spec);
	clear_derived(l, &spec, head);
	spec.host = l->settings.host;
	spec.reconcile = RECONCILE_OBSERVE;
	gboolean is_off = s->state == DOMAIN_SHUT_OFF || s->state == DOMAIN_CRASHED;
	add_draft(l, KIND_VM, o->meta.name, head, vm_fields, &spec, is_off ? "  state: stopped\n" : NULL);
	g_array_index(l->drafts, struct draft, l->drafts->len - 1).why_not = why_no_vm(s);
}

/* -- the Farm ------------------------------------------------------------------------------------------------- */

/* That of the VMs that cleave made here, else the folder's. */
static void name_farm(struct look *l)
{
	OBJECTS_EACH (o, l->have, KIND_VM) {
		const char *owner = ((const struct vm_status *)o->status)->owner;
		if (!l->farm && owner && !form_check(l->arena, FORM_NAME, owner))
			l->farm = owner;
	}
	g_autofree char *path = g_canonicalize_filename(l->init->folder, NULL), *name = g_path_get_basename(path);
	if (!l->farm)
		l->farm = form_check(l->arena, FORM_NAME, name) ? "farm" : arena_strdup(l->arena, name);
}

static void draft_farm(struct look *l)
{
	const char *given = l->settings.redis;
	const GArray *roots = l->made.roots;
	struct farm_spec spec = { .redis = { .guest_url = l->made.guest_url }, .roots = { roots->data, roots->len },
		                  .reconcile = RECONCILE_OBSERVE };
	gboolean is_given = given && strcmp(given, "none") != 0 && !secret_check(l->arena, given);
	spec.redis.url = is_given ? given : usual_redis;
	if (g_strcmp0(spec.redis.url, spec.redis.guest_url) == 0)
		spec.redis.guest_url = NULL;
	g_autoptr(GString) head = g_string_new("# What all share. As long as it says `reconcile: observe`, cleave tells what differs and touches\n"
	                                       "# nothing.");
	g_string_append(head, is_given ? "\n" : " Redis is a guess: write where yours is.\n");
	add_draft(l, KIND_FARM, l->farm, head, farm_fields, &spec, NULL);
}

/* -- trying --------------------------------------------------------------------------------------------------- */

/* The draft's number is its path, so that problems find back. Returns how many were found invalid. */
static guint sift_once(struct look *l)
{
	SCOPED_ARENA(scratch);
	g_autoptr(GArray) files = g_array_new(FALSE, TRUE, sizeof(struct spec_file));
	struct problems problems;
	guint n = 0;
	for (guint i = 0; i < l->drafts->len; i++) {
		const struct draft *d = &g_array_index(l->drafts, struct draft, i);
		struct spec_file file = { .path = arena_printf(scratch, "%u", i), .bytes = d->text, .size = strlen(d->text) };
		if (!d->why_not)
			g_array_append_val(files, file);
	}
	problems_init(&problems, scratch);
	spec_load(scratch, (const struct spec_file *)(gpointer)files->data, files->len, &problems);
	for (guint i = 0; i < problems.list->len; i++) {
		const struct problem *p = &g_array_index(problems.list, struct problem, i);
		if (p->severity != SEVERITY_ERROR || !p->place.path)
			continue;
		struct draft *d = &g_array_index(l->drafts, struct draft, (guint)g_ascii_strtoull(p->place.path, NULL, 10));
		d->why_not = arena_printf(l->arena, "%s#   %s\n", d->why_not ? d->why_not : "", one_line(scratch, p->message));
		n++;
	}
	problems_clear(&problems);
	return n;
}

static gboolean sift(struct look *l, GError **error)
{
	while (sift_once(l))
		;
	for (guint i = 0; i < l->drafts->len; i++) {
		const struct draft *d = &g_array_index(l->drafts, struct draft, i);
		if (d->why_not && (d->kind == KIND_FARM || d->kind == KIND_HOST))
			return fail(error, ERROR_INVALID, "%s %s cannot be written as a spec:\n%s", kinds[d->kind].name, d->name, d->why_not);
	}
	return TRUE;
}

/* -- files ---------------------------------------------------------------------------------------------------- */

/* `n_valid` and `n_not` stand above it. */
static void append_draft(struct look *l, GString *out, const struct draft *d, guint n_valid, guint n_not)
{
	const char *line = !d->why_not && n_valid ? "---\n" : n_valid + n_not ? "\n" : "";
	g_string_append_printf(out, "%s%s", line, d->head);
	if (d->why_not)
		g_string_append_printf(out, "# No spec yet, because:\n%s#\n%s", d->why_not, init_commented(l->arena, d->text));
	else
		g_string_append(out, d->text);
}

static void add_file(struct look *l, enum kind_id kind, const char *folder, const char *intro)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint n_valid = 0, n_not = 0;
	g_string_append_printf(text, schema_line, *folder ? "../" : "");
	g_string_append(text, intro);
	for (guint i = 0; i < l->drafts->len; i++) {
		const struct draft *d = &g_array_index(l->drafts, struct draft, i);
		if (d->kind != kind)
			continue;
		append_draft(l, text, d, n_valid, n_not);
		*(d->why_not ? &n_not : &n_valid) += 1;
	}
	if (kind == KIND_FARM)
		g_string_append_printf(text, "\n# An example of what else a Farm says:\n#\n%s",
		                       init_commented(l->arena, strchr(init_sample(l->arena, "farm"), '\n') + 1));
	if (n_valid + n_not == 0)
		return;
	struct init_file file = { kind == KIND_FARM ? "farm.yaml" : arena_printf(l->arena, "%s/%s.yaml", folder, l->settings.host),
		                  arena_strdup(l->arena, text->str),
		                  arena_printf(l->arena, "%u %s%s", n_valid, kinds[kind].name, n_valid == 1 ? "" : "s"), FALSE };
	if (n_not)
		file.what = arena_printf(l->arena, "%s, and %u as a comment", file.what, n_not);
	g_array_append_val(l->init->files, file);
}

static void add_files(struct look *l)
{
	add_file(l, KIND_FARM, "", "");
	add_file(l, KIND_HOST, "hosts", "");
	add_file(l, KIND_GPU, "gpus", "# Seen and left alone (share: none) until a person says how VMs use them.\n");
	add_file(l, KIND_VM, "vms", "");
}

static void draft_all(struct look *l)
{
	guint n = 0;
	name_farm(l);
	draft_host(l);
	OBJECTS_EACH (gpu, l->have, KIND_GPU)
		draft_gpu(l, gpu, n++);
	OBJECTS_EACH (vm, l->have, KIND_VM)
		draft_vm(l, vm);
	draft_farm(l);
}

gboolean init_add_host(struct init *i, const struct settings *settings, GError **error)
{
	g_autoptr(GArray) roots = g_array_new(FALSE, TRUE, sizeof(struct farm_root));
	g_autoptr(GArray) drafts = g_array_new(FALSE, TRUE, sizeof(struct draft));
	struct look l = { .init = i, .arena = i->arena, .settings = *settings, .made = { roots, NULL }, .drafts = drafts };
	const char *wrong = form_check(i->arena, FORM_NAME, settings->host);
	if (wrong)
		return fail(error, ERROR_INVALID, "the host's name, %s: %s; give another with --host", settings->host, wrong);
	l.settings.libvirt = settings->libvirt ? settings->libvirt : usual_libvirt;
	l.settings.redis = "none";
	if (!look(&l, error))
		return FALSE;
	l.settings.redis = settings->redis;
	note_what_is_missing(&l);
	draft_all(&l);
	if (!sift(&l, error))
		return FALSE;
	add_files(&l);
	return TRUE;
}
