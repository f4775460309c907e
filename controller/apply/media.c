/* The secrets are read, what they make is compared with the plan's digest, then the image is written beside its place,
 * synced and renamed. Files are 0600: libvirt gives them to QEMU's user; folders can be passed through and not listed. */
#include "apply/media.h"
#include "apply/iso.h"
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/tree.h"
#include "spec/host.h"
#include "spec/identity.h"
#include "spec/resolve.h"
#include "spec/seed.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef gboolean (*make_files)(struct arena *a, const struct guest_input *in, const char *instance, struct list *ret,
                               const char **ret_missing);

static gboolean make_settings(struct arena *a, const struct guest_input *in, const char *instance, struct list *ret,
                              const char **ret_missing)
{
	(void)instance;
	return settings_files(a, in, ret, ret_missing);
}

static const struct medium {
	const char *what, *label;
	make_files make;
	/* What its digest is made of. */
	gboolean (*told)(struct arena *a, const struct guest_input *in, struct list *ret, const char **ret_missing);
	gsize digest; /* where vm_spec has it */
} media[] = {
	{ MEDIUM_SEED, SEED_LABEL, seed_files, seed_told, offsetof(struct vm_spec, seed) },
	{ MEDIUM_SETTINGS, SETTINGS_LABEL, make_settings, settings_files, offsetof(struct vm_spec, settings) },
};

static const char *digest_in(const struct medium *m, const struct vm_spec *vm)
{
	return *(const char *const *)((const char *)vm + m->digest);
}

/* -- what is in them ---------------------------------------------------------------------------------------- */

static const char *planned_digest(const struct apply_input *in, const char *path)
{
	const struct object *host = objects_get(in->plan->have, KIND_HOST, in->plan->host);
	const struct host_status *s = host ? host->status : NULL;
	for (guint i = 0; s && i < s->secrets.n; i++)
		if (strcmp(LIST_AT(s->secrets, struct host_secret_status, i)->name, path) == 0)
			return LIST_AT(s->secrets, struct host_secret_status, i)->digest;
	return NULL;
}

static gboolean read_secret(const struct apply_input *in, const char *path, struct guest_secret *ret, GError **error)
{
	const char *planned = planned_digest(in, path);
	ret->path = path;
	ret->bytes = host_read_bytes(in->arena, in->tree, path, &ret->size);
	if (!ret->bytes || !in->secret_key)
		return fail(error, ERROR_REFUSED, "the file %s cannot be read", path);
	if (g_strcmp0(guest_secret_digest(in->arena, in->secret_key, ret->bytes, ret->size), planned) != 0)
		return fail(error, ERROR_REFUSED, "the file %s changed since it was planned", path);
	return TRUE;
}

/* The bytes of all files, and the same with digests in their places, as the plan had them. */
static gboolean read_secrets(const struct apply_input *in, const struct action *act, struct list *ret, struct list *ret_planned,
                             GError **error)
{
	struct strings paths = guest_host_files(in->arena, in->plan->want, act->want);
	struct guest_secret *all = ARENA_ARRAY(in->arena, struct guest_secret, paths.n);
	struct guest_secret *planned = ARENA_ARRAY(in->arena, struct guest_secret, paths.n);
	for (guint i = 0; i < paths.n; i++) {
		if (!read_secret(in, paths.items[i], &all[i], error))
			return FALSE;
		const char *digest = planned_digest(in, paths.items[i]);
		planned[i] = (struct guest_secret){ paths.items[i], digest, strlen(digest) };
	}
	*ret = (struct list){ all, paths.n };
	*ret_planned = (struct list){ planned, paths.n };
	return TRUE;
}

static gboolean check_planned(const struct apply_input *in, const struct medium *m, const struct action *act,
                              const struct guest_input *planned, GError **error)
{
	struct list files;
	const char *missing;
	if (!m->told(in->arena, planned, &files, &missing))
		return fail(error, ERROR_REFUSED, "the file %s is not there any more", missing);
	if (strcmp(medium_digest(in->arena, files), digest_in(m, act->vm)) != 0)
		return fail(error, ERROR_REFUSED, "its %s changed since it was planned", m->what);
	return TRUE;
}

/* What is installed for guests has to be what the version file beside it says. */
static gboolean check_bundle(const struct action *act, const char *path, const char *bytes, gsize size, GError **error)
{
	g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
	const char *space = strrchr(act->vm->worker.bundle, ' ');
	if (space && g_str_has_prefix(sum, space + 1) && strlen(space + 1) >= 8)
		return TRUE;
	return fail(error, ERROR_REFUSED, "%s is not what %s.version says (%s); install it again", path, path, act->vm->worker.bundle);
}

static gboolean load_host_file(const struct apply_input *in, const struct action *act, const struct medium_file *f,
                               struct iso_file *ret, GError **error)
{
	GError *problem = NULL;
	char *bytes = NULL;
	const char *path = arena_printf(in->arena, "%s/%s", in->lib, f->host_file);
	if (!g_file_get_contents(path, &bytes, &ret->size, &problem)) {
		fail(error, ERROR_FAILED, "what is installed for guests: %s", problem->message);
		g_error_free(problem);
		return FALSE;
	}
	arena_own(in->arena, bytes, g_free);
	ret->bytes = bytes;
	return f->size == 0 || check_bundle(act, path, bytes, ret->size, error);
}

static gboolean load_files(const struct apply_input *in, const struct action *act, struct list files, struct iso_file *ret,
                           GError **error)
{
	for (guint i = 0; i < files.n; i++) {
		const struct medium_file *f = LIST_AT(files, struct medium_file, i);
		ret[i] = (struct iso_file){ f->name, f->mode, f->bytes, f->size };
		if (f->host_file && !load_host_file(in, act, f, &ret[i], error))
			return FALSE;
	}
	return TRUE;
}

/* -- their files ---------------------------------------------------------------------------------------------- */

/* QEMU runs as another user and has to come through; what else lies there is private by its own mode. */
static gboolean make_folders(const char *state, const char *folder, GError **error)
{
	g_autofree char *all = g_path_get_dirname(folder);
	const char *folders[] = { all, folder };
	struct stat st;
	if (stat(state, &st) < 0 || ((st.st_mode & S_IXOTH) == 0 && chmod(state, (st.st_mode & 07777) | VM_MEDIA_MODE) < 0))
		return fail_errno(error, errno, "the folder %s", state);
	for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
		if ((mkdir(folders[i], VM_MEDIA_MODE) < 0 && errno != EEXIST) || chmod(folders[i], VM_MEDIA_MODE) < 0)
			return fail_errno(error, errno, "making the folder %s", folders[i]);
	return TRUE;
}

gboolean vm_media_make_folder(const struct apply_input *in, const struct action *act, GError **error)
{
	if (!act->vm->seed && !act->vm->settings && !domain_variables_name(act->vm->firmware))
		return TRUE;
	return make_folders(in->state, vm_media_folder(in->arena, in->state, act->id), error);
}

static gboolean sync_folder(const char *path, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int e = fd < 0 || fsync(fd) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return e ? fail_errno(error, e, "writing %s to the disk", folder) : TRUE;
}

static gboolean has_digest(const char *path, const char *digest)
{
	g_autofree char *bytes = NULL, *sum = NULL;
	gsize size;
	if (!g_file_get_contents(path, &bytes, &size, NULL))
		return FALSE;
	sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
	return strcmp(sum, digest) == 0;
}

static gboolean write_part(const char *part, int fd, const char *label, const struct iso_file *files, guint n, char **ret_digest,
                           GError **error)
{
	gboolean ok = iso_write(fd, label, files, n, ret_digest, error);
	if (ok && fsync(fd) < 0)
		ok = fail_errno(error, errno, "writing %s", part);
	if (close(fd) < 0 && ok)
		ok = fail_errno(error, errno, "writing %s", part);
	return ok;
}

/* A file that is right already stays as it is: a running guest may have it. */
static gboolean put_image(const char *path, const char *label, const struct iso_file *files, guint n, GError **error)
{
	g_autofree char *part = g_strdup_printf("%s.XXXXXX", path), *digest = NULL;
	int fd = g_mkstemp_full(part, O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(error, errno, "making %s", path);
	gboolean ok = write_part(part, fd, label, files, n, &digest, error);
	gboolean is_there = ok && has_digest(path, digest);
	if (ok && !is_there && rename(part, path) < 0)
		ok = fail_errno(error, errno, "writing %s", path);
	if (!ok || is_there) {
		unlink(part);
		return ok;
	}
	if (!sync_folder(path, error))
		return FALSE;
	return has_digest(path, digest) || fail(error, ERROR_FAILED, "%s does not hold what was written to it", path);
}

static gboolean write_one(const struct apply_input *in, const struct medium *m, const struct action *act, struct guest_input *guest,
                          const struct guest_input *planned, GError **error)
{
	const char *digest = digest_in(m, act->vm), *missing;
	const char *path = vm_medium_path(in->arena, vm_media_folder(in->arena, in->state, act->id), m->what, digest);
	struct list files;
	if (!check_planned(in, m, act, planned, error))
		return FALSE;
	if (!m->make(in->arena, guest, digest, &files, &missing))
		return fail(error, ERROR_REFUSED, "the file %s is not there any more", missing);
	struct iso_file *all = ARENA_ARRAY(in->arena, struct iso_file, files.n);
	return load_files(in, act, files, all, error) && vm_media_make_folder(in, act, error) &&
	       put_image(path, m->label, all, files.n, error);
}

gboolean vm_media_write(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct vm_spec *told = vm_effective(in->arena, in->plan->want, act->want);
	struct guest_input guest = { in->plan->want, act->want, told, { 0 }, act->vm->worker.bundle }, planned = guest;
	if (!act->vm->seed && !act->vm->settings)
		return TRUE;
	if (!read_secrets(in, act, &guest.secrets, &planned.secrets, error))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(media); i++)
		if (digest_in(&media[i], act->vm) && !write_one(in, &media[i], act, &guest, &planned, error)) {
			g_prefix_error(error, "its %s: ", media[i].what);
			return FALSE;
		}
	return TRUE;
}

gboolean vm_media_restore(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error)
{
	if (!vm_media_make_folder(in, act, error))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(media); i++) {
		const char *digest = digest_in(&media[i], act->vm);
		const char *folder = vm_media_folder(in->arena, in->state, act->id);
		if (digest && g_strcmp0(digest, digest_in(&media[i], &now->defined)) == 0 &&
		    access(vm_medium_path(in->arena, folder, media[i].what, digest), F_OK) < 0)
			return vm_media_write(in, act, error);
	}
	return TRUE;
}

/* -- what is left of those before -------------------------------------------------------------------------------- */

static gboolean is_used(const struct apply_input *in, const struct action *act, const struct vm_now *now, const char *name)
{
	const struct vm_spec *users[] = { act->vm, now->exists ? &now->defined : NULL, now->is_active ? &now->live : NULL };
	for (guint i = 0; i < G_N_ELEMENTS(media); i++) {
		const char *digest = vm_medium_digest(in->arena, name, media[i].what);
		for (guint k = 0; digest && k < G_N_ELEMENTS(users); k++)
			if (users[k] && g_strcmp0(digest_in(&media[i], users[k]), digest) == 0)
				return TRUE;
	}
	for (guint k = 0; k < G_N_ELEMENTS(users); k++)
		if (users[k] && g_strcmp0(domain_variables_name(users[k]->firmware), name) == 0)
			return TRUE;
	return FALSE;
}

/* Whole, or what a crash left of one; or a firmware's variables, which another time would find as they were. */
static gboolean is_medium(const char *name)
{
	for (int firmware = FIRMWARE_UNSAID; firmware <= FIRMWARE_UEFI_SECURE; firmware++)
		if (g_strcmp0(domain_variables_name(firmware), name) == 0)
			return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(media); i++) {
		gsize len = strlen(media[i].what);
		if (strncmp(name, media[i].what, len) == 0 && name[len] == '-' && strstr(name, ".iso"))
			return TRUE;
	}
	return FALSE;
}

gboolean vm_media_tidy(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error)
{
	const char *folder = vm_media_folder(in->arena, in->state, act->id);
	GDir *dir = g_dir_open(folder, 0, NULL);
	gboolean ok = TRUE;
	if (!dir)
		return TRUE;
	for (const char *name; ok && (name = g_dir_read_name(dir));) {
		const char *path = arena_printf(in->arena, "%s/%s", folder, name);
		if (is_medium(name) && !is_used(in, act, now, name) && unlink(path) < 0 && errno != ENOENT)
			ok = fail_errno(error, errno, "removing %s", path);
	}
	g_dir_close(dir);
	/* If nothing is left in it. libvirt puts the firmware's variables there at the first start, and makes no folder. */
	if (!now->exists || !domain_variables_name(now->defined.firmware))
		rmdir(folder);
	return ok;
}
