/* The machine that is made up, and what is done to it: modules, pages, boot files, pools, images, volumes. */
#include "plan/assume_made.h"
#include "base/arena.h"
#include "spec/boot.h"
#include "spec/seed.h"
#include "spec/vm.h"
#include "spec/volume.h"
#include <string.h>

static const struct host_spec *spec_in(const struct assuming *s, const struct objects *of)
{
	const struct object *o = objects_get(of, KIND_HOST, s->in->host);
	return o ? o->spec : NULL;
}

static void add_pages(struct assuming *s, const struct host_spec *spec)
{
	for (guint i = 0; spec && i < spec->hugepages.n; i++) {
		const struct host_hugepages *want = LIST_AT(spec->hugepages, struct host_hugepages, i);
		gboolean is_there = FALSE;
		for (guint k = 0; k < s->host->hugepages.n; k++) {
			const struct host_pages_status *row = LIST_AT(s->host->hugepages, struct host_pages_status, k);
			is_there |= row->size_bytes == want->size_bytes && row->node == want->node;
		}
		if (!is_there)
			ASSUME_APPEND(s->arena, s->host->hugepages, struct host_pages_status, { want->size_bytes, want->node, 0, 0 });
	}
}

static void add_pools(struct assuming *s, const struct host_spec *spec)
{
	for (guint i = 0; spec && i < spec->pools.n; i++) {
		const struct host_pool *pool = LIST_AT(spec->pools, struct host_pool, i);
		if (!host_pool_status_find(s->host, pool->name))
			ASSUME_APPEND(s->arena, s->host->pools, struct host_pool_status, { .name = pool->name, .state = POOL_ABSENT });
	}
}

static gboolean has_secret(const struct assuming *s, const char *path)
{
	for (guint i = 0; i < s->host->secrets.n; i++)
		if (strcmp(LIST_AT(s->host->secrets, struct host_secret_status, i)->name, path) == 0)
			return TRUE;
	return FALSE;
}

/* Their files lie on the host, and are as they were. */
static void add_secrets(struct assuming *s, const struct objects *of)
{
	OBJECTS_EACH (o, of, KIND_VM) {
		if (g_strcmp0(((const struct vm_spec *)o->spec)->host, s->in->host) != 0)
			continue;
		struct strings files = guest_host_files(s->arena, of, o);
		for (guint i = 0; i < files.n; i++)
			if (!has_secret(s, files.items[i]))
				ASSUME_APPEND(s->arena, s->host->secrets, struct host_secret_status,
				              { files.items[i], arena_strndup(s->arena, assume_digest(s->arena, "secret", files.items[i]), 16) });
	}
}

/* One whose drop-ins take all that a Host may say. */
static const struct boot_family *usual_family(void)
{
	const struct boot_family *f = boot_families;
	while (f->name && (!f->takes_arguments || f->sets_arguments_by_program))
		f++;
	return f;
}

/* Rebooted since: the running kernel has what the earlier specs say. */
static void boot(struct assuming *s, const struct host_spec *spec)
{
	static const struct host_spec nothing;
	spec = spec ? spec : &nothing;
	s->host->boot.family = usual_family()->name;
	s->host->cmdline = strings_join(s->arena, &spec->kernel_args, " ");
	if (!spec->manage_boot)
		s->host->blacklisted = spec->blacklist;
}

void assume_machine(struct assuming *s)
{
	const struct host_spec *from = spec_in(s, s->in->from), *to = spec_in(s, s->in->to);
	s->host = ARENA_NEW(s->arena, struct host_status);
	fields_set_untold(host_status_fields, s->host);
	s->host->observed_at = ASSUMED_NOW;
	s->host->is_root = TRUE;
	s->host->libvirt = PLANE_OK;
	s->host->has_kvm = TRUE;
	s->host->worker_bundle = "assumed";
	boot(s, from);
	add_pages(s, from);
	add_pages(s, to);
	add_pools(s, from);
	add_pools(s, to);
	add_secrets(s, s->in->from);
	add_secrets(s, s->in->to);
	assume_seen(s, KIND_HOST, s->in->host, s->host);
}

/* -- verbs ------------------------------------------------------------------------------------------------------------ */

static void set_pages(struct assuming *s, const struct action *act)
{
	for (guint i = 0; i < act->host->pages.n; i++) {
		const struct host_hugepages *step = LIST_AT(act->host->pages, struct host_hugepages, i);
		for (guint k = 0; k < s->host->hugepages.n; k++) {
			struct host_pages_status *row = LIST_AT(s->host->hugepages, struct host_pages_status, k);
			if (row->size_bytes == step->size_bytes && row->node == step->node)
				row->n_total = row->n_free = step->count;
		}
	}
}

static void write_files(struct assuming *s, const struct action *act)
{
	struct list files = { 0 };
	for (guint i = 0; i < s->host->boot.drop_ins.n; i++) {
		const struct host_drop_in *there = LIST_AT(s->host->boot.drop_ins, struct host_drop_in, i);
		gboolean is_written = FALSE;
		for (guint k = 0; k < act->host->files.n; k++)
			is_written |= strcmp(LIST_AT(act->host->files, struct host_drop_in, k)->path, there->path) == 0;
		if (!is_written)
			ASSUME_APPEND(s->arena, files, struct host_drop_in, { there->path, there->text });
	}
	for (guint i = 0; i < act->host->files.n; i++) {
		const struct host_drop_in *file = LIST_AT(act->host->files, struct host_drop_in, i);
		if (file->text)
			ASSUME_APPEND(s->arena, files, struct host_drop_in, { file->path, file->text });
	}
	s->host->boot.drop_ins = files;
	s->host->boot.generated = BOOT_UNFINISHED;
	s->host->blacklisted = spec_in(s, s->in->from)->blacklist;
}

static void define_pools(struct assuming *s, const struct action *act)
{
	for (guint i = 0; i < act->host->pools.n; i++) {
		const struct host_pool *pool = LIST_AT(act->host->pools, struct host_pool, i);
		for (guint k = 0; k < s->host->pools.n; k++) {
			struct host_pool_status *row = LIST_AT(s->host->pools, struct host_pool_status, k);
			if (strcmp(row->name, pool->name) == 0)
				*row = (struct host_pool_status){ .name = pool->name, .state = POOL_ACTIVE, .type = "dir", .path = pool->path };
		}
	}
}

static void add_volume(struct assuming *s, const char *pool, const char *folder, const char *name, guint64 size_bytes)
{
	const char *path = arena_printf(s->arena, "%s/%s", folder, name);
	struct host_volume_status *there = (struct host_volume_status *)host_volume_find(s->host, path);
	if (there)
		there->size_bytes = MAX(there->size_bytes, size_bytes);
	else
		ASSUME_APPEND(s->arena, s->host->volumes, struct host_volume_status, { pool, name, path, size_bytes, 0 });
}

void assume_on_volumes(struct assuming *s, const struct action *act)
{
	for (guint i = 0; i < act->n_volumes; i++) {
		const struct volume_step *step = &act->volumes[i];
		g_autofree char *folder = g_path_get_dirname(step->path);
		add_volume(s, step->pool, arena_strdup(s->arena, folder), step->volume, step->size_bytes);
	}
}

void assume_on_host(struct assuming *s, const struct action *act)
{
	switch (act->verb) {
	case VERB_LOAD_MODULES:
		for (guint i = 0; i < act->host->modules.n; i++)
			ASSUME_APPEND(s->arena, s->host->modules, const char *, act->host->modules.items[i]);
		return;
	case VERB_SET_HUGEPAGES: set_pages(s, act); return;
	case VERB_WRITE_BOOT_FILES: write_files(s, act); return;
	case VERB_UPDATE_BOOT:
		s->host->boot.generated = act->digest;
		s->host->boot.arguments = act->host->arguments;
		return;
	case VERB_DEFINE_POOLS: define_pools(s, act); return;
	/* The volume's name has its format at the end, which only who fetched it knows; its path is the pool's folder. */
	case VERB_FETCH_IMAGES:
		for (guint i = 0; i < act->n_volumes; i++)
			add_volume(s, act->volumes[i].pool, act->volumes[i].path, arena_printf(s->arena, "%s.qcow2", act->volumes[i].volume), 0);
		return;
	default: return;
	}
}
