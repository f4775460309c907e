/* The seed's files, which secrets both media need, and digests. */
#include "spec/seed.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/identity.h"
#include "spec/resolve.h"
#include "spec/yaml_write.h"
#include <string.h>

enum { DIGEST_LEN = 16 };

/* -- who has media ---------------------------------------------------------------------------------------- */

static gboolean says_anything(const struct cloud_init *c)
{
	return c->hostname || c->timezone || c->users.n || c->packages.n || c->files.n || c->run_commands.n;
}

static gboolean has_disk_work(const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		if (d->mount || d->filesystem)
			return TRUE;
	}
	return FALSE;
}

static gboolean is_static(const struct vm_network *n)
{
	return n->address && strcmp(n->address, "dhcp") != 0;
}

static gboolean has_static_address(const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->networks.n; i++)
		if (is_static(LIST_AT(vm->networks, struct vm_network, i)))
			return TRUE;
	return FALSE;
}

/* A kernel that is booted directly is told its mounts on its command line; roots alone are no reason there. */
gboolean vm_has_seed(const struct vm_spec *vm)
{
	return says_anything(&vm->cloud_init) || vm->worker.enabled || vm->nvidia.from == NVIDIA_FROM_APT || vm->nvidia.license_token_file ||
	       vm->nvidia.feature_type || has_disk_work(vm) || has_static_address(vm) || (vm->roots.n && !vm->boot.kernel);
}

gboolean root_is_mounted_by_guest(const struct farm_root *root, const struct vm_spec *vm)
{
	return root->mount.nfs && vm_has_seed(vm);
}

/* -- secrets ----------------------------------------------------------------------------------------------- */

const struct farm_spec *guest_farm(const struct objects *all)
{
	static const struct farm_spec none;
	const struct object *farm = objects_farm(all);
	return farm && farm->spec ? farm->spec : &none;
}

static void add_once(GPtrArray *paths, const char *path)
{
	if (path && path[0] == '/' && !g_ptr_array_find_with_equal_func(paths, path, g_str_equal, NULL))
		g_ptr_array_add(paths, (gpointer)path);
}

static void add_worker_secrets(GPtrArray *paths, const struct farm_spec *farm, const struct vm_spec *vm)
{
	add_once(paths, farm->redis.password_file);
	for (guint i = 0; i < vm->roots.n; i++) {
		const struct farm_root *root = farm_root_find(farm, vm->roots.items[i]);
		if (root && root->url)
			add_once(paths, root->s3.credentials_file);
	}
}

struct strings guest_host_files(struct arena *a, const struct objects *all, const struct object *o)
{
	const struct vm_spec *vm = o->spec;
	g_autoptr(GPtrArray) paths = g_ptr_array_new();
	for (guint i = 0; i < vm->cloud_init.users.n; i++) {
		const struct guest_user *u = LIST_AT(vm->cloud_init.users, struct guest_user, i);
		add_once(paths, u->ssh_keys_file);
		add_once(paths, u->password_hash_file);
	}
	for (guint i = 0; i < vm->cloud_init.files.n; i++)
		add_once(paths, LIST_AT(vm->cloud_init.files, struct guest_file, i)->source);
	add_once(paths, vm->nvidia.license_token_file);
	add_once(paths, vm->console.password_file);
	if (vm->worker.enabled)
		add_worker_secrets(paths, guest_farm(all), vm);
	const char **items = ARENA_ARRAY(a, const char *, paths->len);
	for (guint i = 0; i < paths->len; i++)
		items[i] = paths->pdata[i];
	return (struct strings){ items, paths->len };
}

char *guest_secret_digest(struct arena *a, const char *key, const char *bytes, gsize size)
{
	g_autofree char *hex = g_compute_hmac_for_data(G_CHECKSUM_SHA256, (const guchar *)key, strlen(key), (const guchar *)bytes, size);
	return arena_strndup(a, hex, DIGEST_LEN);
}

const struct guest_secret *guest_secret_find(const struct guest_input *in, const char *path)
{
	for (guint i = 0; i < in->secrets.n; i++)
		if (strcmp(LIST_AT(in->secrets, struct guest_secret, i)->path, path) == 0)
			return LIST_AT(in->secrets, struct guest_secret, i);
	return NULL;
}

/* -- the seed --------------------------------------------------------------------------------------------- */

static struct medium_file file_of(struct arena *a, const char *name, guint mode, const GString *text)
{
	return (struct medium_file){ .name = name, .mode = mode, .bytes = arena_memdup(a, text->str, text->len + 1), .size = text->len };
}

static void write_meta_data(GString *out, const char *hostname, const char *instance)
{
	struct yaml_writer w;
	yaml_write_begin(&w, out, FALSE);
	yaml_write_open(&w, NULL, FALSE);
	if (instance)
		yaml_write_scalar(&w, "instance-id", instance, YAML_STYLE_TEXT);
	yaml_write_scalar(&w, "local-hostname", hostname, YAML_STYLE_TEXT);
	yaml_write_close(&w, FALSE);
	yaml_write_end(&w);
}

static void write_route(struct yaml_writer *w, const char *gateway)
{
	yaml_write_open(w, "routes", TRUE);
	yaml_write_open(w, NULL, FALSE);
	/* Older readers do not know the word `default`. */
	yaml_write_scalar(w, "to", strchr(gateway, ':') ? "::/0" : "0.0.0.0/0", YAML_STYLE_TEXT);
	yaml_write_scalar(w, "via", gateway, YAML_STYLE_TEXT);
	yaml_write_close(w, FALSE);
	yaml_write_close(w, TRUE);
}

static void write_addresses(struct yaml_writer *w, const struct vm_network *n)
{
	if (!is_static(n)) {
		yaml_write_scalar(w, "dhcp4", "true", YAML_STYLE_PLAIN);
		return;
	}
	yaml_write_open(w, "addresses", TRUE);
	yaml_write_scalar(w, NULL, n->address, YAML_STYLE_TEXT);
	yaml_write_close(w, TRUE);
	if (n->gateway)
		write_route(w, n->gateway);
}

static void write_name_servers(struct yaml_writer *w, const struct vm_network *n)
{
	if (!n->dns.n)
		return;
	yaml_write_open(w, "nameservers", FALSE);
	yaml_write_open(w, "addresses", TRUE);
	for (guint i = 0; i < n->dns.n; i++)
		yaml_write_scalar(w, NULL, n->dns.items[i], YAML_STYLE_TEXT);
	yaml_write_close(w, TRUE);
	yaml_write_close(w, FALSE);
}

/* Cards are told apart by their MACs: a guest's names for them hang on slots and drivers. */
static void write_card(struct arena *a, struct yaml_writer *w, const struct vm_network *n, guint nth)
{
	const char *name = arena_printf(a, "net%u", nth);
	yaml_write_open(w, name, FALSE);
	yaml_write_open(w, "match", FALSE);
	yaml_write_scalar(w, "macaddress", n->mac, YAML_STYLE_TEXT);
	yaml_write_close(w, FALSE);
	yaml_write_scalar(w, "set-name", name, YAML_STYLE_TEXT);
	if (n->mtu)
		yaml_write_scalar(w, "mtu", arena_printf(a, "%" G_GINT64_FORMAT, n->mtu), YAML_STYLE_PLAIN);
	write_addresses(w, n);
	write_name_servers(w, n);
	yaml_write_close(w, FALSE);
}

/* https://cloudinit.readthedocs.io/en/latest/reference/network-config-format-v2.html */
static void write_network_config(struct arena *a, GString *out, const struct vm_spec *vm)
{
	struct yaml_writer w;
	yaml_write_begin(&w, out, FALSE);
	yaml_write_open(&w, NULL, FALSE);
	yaml_write_scalar(&w, "version", "2", YAML_STYLE_PLAIN);
	yaml_write_open(&w, "ethernets", FALSE);
	for (guint i = 0; i < vm->networks.n; i++)
		write_card(a, &w, LIST_AT(vm->networks, struct vm_network, i), i);
	yaml_write_close(&w, FALSE);
	yaml_write_close(&w, FALSE);
	yaml_write_end(&w);
}

gboolean seed_files(struct arena *a, const struct guest_input *in, const char *instance, struct list *ret,
                    const char **ret_missing)
{
	const char *hostname = in->want->cloud_init.hostname ? in->want->cloud_init.hostname : in->vm->meta.name;
	g_autoptr(GString) user = g_string_new(NULL), meta = g_string_new(NULL), network = g_string_new(NULL);
	if (!seed_user_data(a, in, user, ret_missing))
		return FALSE;
	write_meta_data(meta, hostname, instance);
	struct medium_file *files = ARENA_ARRAY(a, struct medium_file, 3);
	*ret = (struct list){ files, 0 };
	files[ret->n++] = file_of(a, "meta-data", 0600, meta);
	if (in->want->networks.n) {
		write_network_config(a, network, in->want);
		files[ret->n++] = file_of(a, "network-config", 0600, network);
	}
	files[ret->n++] = file_of(a, "user-data", 0600, user);
	return TRUE;
}

char *medium_digest(struct arena *a, struct list files)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (guint i = 0; i < files.n; i++) {
		const struct medium_file *f = LIST_AT(files, struct medium_file, i);
		g_autofree char *head = g_strdup_printf("%s %o %" G_GSIZE_FORMAT "\n", f->name, f->mode, f->size);
		g_checksum_update(sum, (const guchar *)head, -1);
		g_checksum_update(sum, (const guchar *)f->bytes, (gssize)f->size);
	}
	return arena_strndup(a, g_checksum_get_string(sum), DIGEST_LEN);
}
