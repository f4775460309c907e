/* What a seed's digest is made of: what specs and files say, and not how that is written down for cloud-init. A version of
 * cleave that writes it otherwise so changes no guest; one that has to raises FORMAT, and every guest is finished anew. */
#include "spec/seed.h"
#include "base/arena.h"
#include "spec/walk.h"
#include <string.h>

#define FORMAT "seed 1"

/* A value with its length: no text can look like the next line. */
static void put(GString *out, const char *key, const char *value)
{
	if (value)
		g_string_append_printf(out, "%s=%" G_GSIZE_FORMAT ":%s\n", key ? key : "-", strlen(value), value);
}

static void on_scalar(void *user, const char *key, const struct field *f, const char *text)
{
	(void)f;
	put(user, key, text);
}

static void on_begin(void *user, const char *key, gboolean is_list)
{
	g_string_append_printf(user, "%s%c\n", key ? key : "-", is_list ? '[' : '{');
}

static void on_end(void *user, gboolean is_list)
{
	g_string_append(user, is_list ? "]\n" : "}\n");
}

static void put_networks(struct arena *a, GString *out, const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->networks.n; i++) {
		const struct vm_network *n = LIST_AT(vm->networks, struct vm_network, i);
		put(out, "mac", n->mac);
		put(out, "mtu", n->mtu ? arena_printf(a, "%" G_GINT64_FORMAT, n->mtu) : NULL);
		put(out, "address", n->address);
		put(out, "gateway", n->gateway);
		for (guint k = 0; k < n->dns.n; k++)
			put(out, "dns", n->dns.items[k]);
	}
}

static char *write_told(struct arena *a, const struct guest_input *in)
{
	static const struct visitor visitor = { on_scalar, on_begin, on_end };
	const struct vm_spec *vm = in->want;
	struct strings mounts = seed_mounts(a, in);
	g_autoptr(GString) out = g_string_new(NULL);
	put(out, "name", in->vm->meta.name);
	walk_struct(cloud_init_fields, &vm->cloud_init, 0, FALSE, &visitor, out);
	walk_struct(guest_nvidia_fields, &vm->nvidia, 0, FALSE, &visitor, out);
	put(out, "worker", vm->worker.enabled ? "enabled" : NULL);
	put_networks(a, out, vm);
	for (guint i = 0; i < mounts.n; i++)
		put(out, "mount", mounts.items[i]);
	return arena_strndup(a, out->str, out->len);
}

/* -- files that are named ------------------------------------------------------------------------------------- */

const char *seed_named_bytes(const struct guest_input *in, const char *path, gsize *ret_size)
{
	const struct guest_secret *secret = path[0] == '/' ? guest_secret_find(in, path) : NULL;
	const struct tree_text *tree = path[0] == '/' ? NULL : objects_text(in->all, in->vm->source, path);
	*ret_size = secret ? secret->size : tree ? tree->size : 0;
	return secret ? secret->bytes : tree ? tree->bytes : NULL;
}

static void add_path(GPtrArray *paths, const char *path)
{
	if (path)
		g_ptr_array_add(paths, (gpointer)path);
}

/* In the order of the specs; one twice counts twice. */
static GPtrArray *named_paths(const struct vm_spec *vm)
{
	GPtrArray *paths = g_ptr_array_new();
	for (guint i = 0; i < vm->cloud_init.users.n; i++) {
		const struct guest_user *u = LIST_AT(vm->cloud_init.users, struct guest_user, i);
		add_path(paths, u->ssh_keys_file);
		add_path(paths, u->password_hash_file);
	}
	for (guint i = 0; i < vm->cloud_init.files.n; i++)
		add_path(paths, LIST_AT(vm->cloud_init.files, struct guest_file, i)->source);
	add_path(paths, vm->nvidia.license_token_file);
	return paths;
}

gboolean seed_told(struct arena *a, const struct guest_input *in, struct list *ret, const char **ret_missing)
{
	g_autoptr(GPtrArray) paths = named_paths(in->want);
	struct medium_file *all = ARENA_ARRAY(a, struct medium_file, paths->len + 1);
	const char *told = write_told(a, in);
	all[0] = (struct medium_file){ .name = FORMAT, .bytes = told, .size = strlen(told) };
	for (guint i = 0; i < paths->len; i++) {
		struct medium_file *f = &all[i + 1];
		f->name = paths->pdata[i];
		f->bytes = seed_named_bytes(in, f->name, &f->size);
		if (!f->bytes) {
			*ret_missing = f->name;
			return FALSE;
		}
	}
	*ret = (struct list){ all, paths->len + 1 };
	return TRUE;
}
