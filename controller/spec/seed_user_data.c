/* cloud-init's configuration of a guest. Every text that a person wrote is a quoted scalar; what runs is a fixed script
 * with arguments, or an argument vector of theirs. */
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/resolve.h"
#include "spec/seed.h"
#include "spec/yaml_write.h"
#include <string.h>

struct writing {
	struct arena *arena;
	const struct guest_input *in;
	struct yaml_writer yaml;
	const char *missing; /* the first file that is not there */
};

/* What NVIDIA's licence daemon calls them (vGPU client licensing guide, "FeatureType"). */
static const struct {
	int feature;
	const char *number;
} feature_types[] = { { 1, "1" }, { 2, "2" }, { 3, "4" } };

#define TOKEN_FILE "/etc/nvidia/ClientConfigToken/client_configuration_token.tok"
#define GRIDD_FILE "/etc/nvidia/gridd.conf"

/* The medium with the worker: installed from it at the first boot; its own unit, which an image may have brought, looks
 * for it at the others. */
static const char install_script[] =
	"mkdir -p /run/cleave/medium && mount -o ro LABEL=" SETTINGS_LABEL " /run/cleave/medium || exit 1\n"
	"if [ -f /run/cleave/medium/install ]; then sh /run/cleave/medium/install; else systemctl --no-block start cleave-guest.service; fi\n"
	"status=$?\n"
	"umount /run/cleave/medium\n"
	"exit $status\n";

static void text(struct writing *w, const char *key, const char *value)
{
	if (value)
		yaml_write_scalar(&w->yaml, key, value, YAML_STYLE_TEXT);
}

static void word(struct writing *w, const char *key, const char *value)
{
	yaml_write_scalar(&w->yaml, key, value, YAML_STYLE_PLAIN);
}

static void open_map(struct writing *w, const char *key)
{
	yaml_write_open(&w->yaml, key, FALSE);
}

static void close_map(struct writing *w)
{
	yaml_write_close(&w->yaml, FALSE);
}

static void open_list(struct writing *w, const char *key)
{
	yaml_write_open(&w->yaml, key, TRUE);
}

static void close_list(struct writing *w)
{
	yaml_write_close(&w->yaml, TRUE);
}

static void words(struct writing *w, const char *key, struct strings list)
{
	if (!list.n)
		return;
	open_list(w, key);
	for (guint i = 0; i < list.n; i++)
		text(w, NULL, list.items[i]);
	close_list(w);
}

/* -- files that are named ------------------------------------------------------------------------------------ */

/* Absolute ones are the host's, relative ones the commit's. FALSE, and noted, when it is not there. */
static gboolean find_bytes(struct writing *w, const char *path, const char **ret, gsize *ret_size)
{
	*ret = seed_named_bytes(w->in, path, ret_size);
	if (!*ret && !w->missing)
		w->missing = path;
	return *ret != NULL;
}

/* -- users ------------------------------------------------------------------------------------------------------ */

/* One a line; empty lines and comments are none. */
static void write_key_lines(struct writing *w, const char *path)
{
	const char *bytes;
	gsize size;
	if (!find_bytes(w, path, &bytes, &size))
		return;
	g_autofree char *all = g_strndup(bytes, size);
	g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
	for (guint i = 0; lines[i]; i++)
		if (*g_strstrip(lines[i]) && lines[i][0] != '#')
			text(w, NULL, lines[i]);
}

static void write_keys(struct writing *w, const struct guest_user *u)
{
	if (!u->ssh_keys.n && !u->ssh_keys_file)
		return;
	open_list(w, "ssh_authorized_keys");
	for (guint i = 0; i < u->ssh_keys.n; i++)
		text(w, NULL, u->ssh_keys.items[i]);
	if (u->ssh_keys_file)
		write_key_lines(w, u->ssh_keys_file);
	close_list(w);
}

static void write_password(struct writing *w, const struct guest_user *u)
{
	const char *bytes;
	gsize size;
	gboolean has_password = u->password_hash_file && find_bytes(w, u->password_hash_file, &bytes, &size);
	word(w, "lock_passwd", has_password ? "false" : "true");
	if (!has_password)
		return;
	/* Unlike `passwd` it also counts for a user who is there already: a changed hash is set. */
	g_autofree char *hash = g_strndup(bytes, size);
	text(w, "hashed_passwd", g_strstrip(hash));
}

static void write_users(struct writing *w, const struct list *users)
{
	if (!users->n)
		return;
	open_list(w, "users");
	for (guint i = 0; i < users->n; i++) {
		const struct guest_user *u = LIST_AT(*users, struct guest_user, i);
		open_map(w, NULL);
		text(w, "name", u->name);
		words(w, "groups", u->groups);
		text(w, "shell", u->shell);
		text(w, "sudo", u->sudo ? "ALL=(ALL) NOPASSWD:ALL" : NULL);
		write_password(w, u);
		write_keys(w, u);
		close_map(w);
	}
	close_list(w);
}

/* -- files ------------------------------------------------------------------------------------------------------ */

static gboolean is_beneath(const char *path, const char *folder)
{
	gsize len = strlen(folder);
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || folder[len - 1] == '/');
}

/* Files are written before disks are mounted and users made; those that need them, at the end. */
static gboolean has_to_wait(struct writing *w, const struct guest_file *f)
{
	const struct vm_spec *vm = w->in->want;
	for (guint i = 0; i < vm->disks.n; i++) {
		const char *mount = LIST_AT(vm->disks, struct vm_disk, i)->mount;
		if (mount && is_beneath(f->path, mount))
			return TRUE;
	}
	return strcmp(f->owner, "root") != 0 || is_beneath(f->path, GUEST_ROOTS);
}

static gboolean is_text(const char *bytes, gsize size)
{
	if (!g_utf8_validate(bytes, (gssize)size, NULL))
		return FALSE;
	for (gsize i = 0; i < size; i++)
		if (((guchar)bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] == 0x7f)
			return FALSE;
	return TRUE;
}

static void write_content(struct writing *w, const char *bytes, gsize size)
{
	if (is_text(bytes, size)) {
		g_autofree char *content = g_strndup(bytes, size);
		text(w, "content", content);
		return;
	}
	g_autofree char *encoded = g_base64_encode((const guchar *)bytes, size);
	word(w, "encoding", "b64");
	text(w, "content", encoded);
}

static void write_file(struct writing *w, const struct guest_file *f)
{
	const char *bytes = f->content;
	gsize size = bytes ? strlen(bytes) : 0;
	if (!bytes && (!f->source || !find_bytes(w, f->source, &bytes, &size)))
		return;
	open_map(w, NULL);
	text(w, "path", f->path);
	text(w, "owner", f->owner);
	text(w, "permissions", f->mode);
	if (has_to_wait(w, f))
		word(w, "defer", "true");
	write_content(w, bytes, size);
	close_map(w);
}

static void write_licence(struct writing *w, const struct guest_nvidia *nvidia)
{
	if (nvidia->license_token_file) {
		struct guest_file token = { .path = TOKEN_FILE, .source = nvidia->license_token_file, .mode = "0744", .owner = "root" };
		write_file(w, &token);
	}
	for (guint i = 0; i < G_N_ELEMENTS(feature_types); i++)
		if (nvidia->feature_type == feature_types[i].feature) {
			struct guest_file conf = { .path = GRIDD_FILE, .content = arena_printf(w->arena, "FeatureType=%s\n", feature_types[i].number),
				                   .mode = "0644", .owner = "root" };
			write_file(w, &conf);
		}
}

static void write_files(struct writing *w)
{
	const struct vm_spec *vm = w->in->want;
	if (!vm->cloud_init.files.n && !vm->nvidia.license_token_file && !vm->nvidia.feature_type)
		return;
	open_list(w, "write_files");
	for (guint i = 0; i < vm->cloud_init.files.n; i++)
		write_file(w, LIST_AT(vm->cloud_init.files, struct guest_file, i));
	write_licence(w, &vm->nvidia);
	close_list(w);
}

/* -- packages and commands ---------------------------------------------------------------------------------------- */

static void write_packages(struct writing *w)
{
	const struct vm_spec *vm = w->in->want;
	gboolean has_driver = vm->nvidia.from == NVIDIA_FROM_APT;
	if (!vm->cloud_init.packages.n && !has_driver)
		return;
	word(w, "package_update", "true");
	open_list(w, "packages");
	for (guint i = 0; i < vm->cloud_init.packages.n; i++)
		text(w, NULL, vm->cloud_init.packages.items[i]);
	if (has_driver && vm->nvidia.driver)
		text(w, NULL, arena_printf(w->arena, "nvidia-driver-%s", vm->nvidia.driver));
	else if (has_driver)
		text(w, NULL, "nvidia-driver");
	close_list(w);
}

static void write_command(struct writing *w, const char *const *argv)
{
	open_list(w, NULL);
	for (; *argv; argv++)
		text(w, NULL, *argv);
	close_list(w);
}

/* At each boot, before what is finished only once. */
static void write_mounts(struct writing *w)
{
	struct strings command = seed_mount_command(w->arena, w->in);
	if (!command.n)
		return;
	open_list(w, "bootcmd");
	words(w, NULL, command);
	close_list(w);
}

static void write_commands(struct writing *w)
{
	const struct vm_spec *vm = w->in->want;
	gboolean is_licensed = vm->nvidia.license_token_file || vm->nvidia.feature_type;
	if (!vm->cloud_init.run_commands.n && !vm->worker.enabled && !is_licensed)
		return;
	open_list(w, "runcmd");
	for (guint i = 0; i < vm->cloud_init.run_commands.n; i++)
		words(w, NULL, LIST_AT(vm->cloud_init.run_commands, struct guest_command, i)->argv);
	if (is_licensed)
		write_command(w, (const char *const[]){ "systemctl", "try-restart", "nvidia-gridd.service", NULL });
	if (vm->worker.enabled)
		write_command(w, (const char *const[]){ "sh", "-c", install_script, NULL });
	close_list(w);
}

gboolean seed_user_data(struct arena *a, const struct guest_input *in, GString *out, const char **ret_missing)
{
	struct writing w = { .arena = a, .in = in };
	const struct cloud_init *c = &in->want->cloud_init;
	g_string_append(out, "#cloud-config\n");
	yaml_write_begin(&w.yaml, out, FALSE);
	open_map(&w, NULL);
	text(&w, "hostname", c->hostname ? c->hostname : in->vm->meta.name);
	word(&w, "preserve_hostname", "false");
	word(&w, "manage_etc_hosts", "localhost");
	text(&w, "timezone", c->timezone);
	write_users(&w, &c->users);
	write_packages(&w);
	write_files(&w);
	write_mounts(&w);
	write_commands(&w);
	close_map(&w);
	yaml_write_end(&w.yaml);
	*ret_missing = w.missing;
	return w.missing == NULL;
}
