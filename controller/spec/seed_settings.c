/* The medium that carries the worker: its settings, what they name, and what installs it. */
#include "spec/seed.h"
#include "base/arena.h"
#include "base/units.h"
#include "spec/farm.h"
#include "spec/identity.h"
#include "spec/resolve.h"
#include <string.h>

static void put(GString *out, const char *key, const char *value)
{
	if (value && *value)
		g_string_append_printf(out, "%s=%s\n", key, value);
}

static void put_number(GString *out, const char *key, guint64 value)
{
	if (value)
		g_string_append_printf(out, "%s=%" G_GUINT64_FORMAT "\n", key, value);
}

/* Of the VM and of its worker, whose word counts. A comma parts two labels and quotes are the file's own: what has
 * them can be required by no job. */
static void put_labels(GString *out, const struct guest_input *in)
{
	const struct list *lists[] = { &in->want->worker.labels, &in->vm->meta.labels };
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GString) all = g_string_new(NULL);
	for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
		for (guint i = 0; i < lists[k]->n; i++) {
			const struct label *l = LIST_AT(*lists[k], struct label, i);
			if (g_hash_table_add(seen, (gpointer)l->key) && !strpbrk(l->key, ",\\\"'\n") && !strpbrk(l->value, ",\\\"'\n"))
				g_string_append_printf(all, "%s%s:%s", all->len ? "," : "", l->key, l->value);
		}
	put(out, "CLEAVE_LABELS", all->str);
}

/* One setting: items with commas between. */
static void add_item(GString *out, const char *name, const char *value)
{
	g_string_append_printf(out, "%s%s=%s", out->len ? "," : "", name, value);
}

static char *secret_name(struct arena *a, const struct farm_root *root)
{
	return arena_printf(a, "s3-%s.keys", root->name);
}

/* With how it is reached in its query, which the worker reads; a comma parts two mounts. What the URL says itself
 * comes first there: it is not said twice. */
static char *bucket_url(struct arena *a, const struct farm_root *root)
{
	const char *said[][2] = { { "endpoint", root->s3.endpoint }, { "region", root->s3.region } };
	g_autoptr(GString) url = g_string_new(root->url);
	for (guint i = 0; i < G_N_ELEMENTS(said); i++) {
		g_autofree char *value = said[i][1] ? g_uri_escape_string(said[i][1], ":/", FALSE) : NULL;
		g_autofree char *key = g_strconcat(said[i][0], "=", NULL);
		if (value && !strstr(root->url, key))
			g_string_append_printf(url, "%c%s%s", strchr(url->str, '?') ? '&' : '?', key, value);
	}
	return arena_strndup(a, url->str, url->len);
}

static void put_mounts(struct arena *a, GString *out, const struct guest_input *in)
{
	const struct farm_spec *farm = guest_farm(in->all);
	g_autoptr(GString) all = g_string_new(NULL), markers = g_string_new(NULL), keys = g_string_new(NULL);
	for (guint i = 0; i < in->want->roots.n; i++) {
		const struct farm_root *root = farm_root_find(farm, in->want->roots.items[i]);
		if (!root || (!root->path && !root->mount.nfs && !root->url))
			continue;
		add_item(all, root->name, root->url ? bucket_url(a, root) : arena_printf(a, "%s/%s", GUEST_ROOTS, root->name));
		if (root->marker && strcmp(root->marker, FARM_ROOT_MARKER) != 0)
			add_item(markers, root->name, root->marker);
		if (root->url && root->s3.credentials_file)
			add_item(keys, root->name, arena_printf(a, "/etc/cleave/%s", secret_name(a, root)));
	}
	put(out, "CLEAVE_MOUNTS", all->str);
	put(out, "CLEAVE_MARKERS", markers->str);
	put(out, "CLEAVE_S3_CREDENTIALS", keys->str);
}

static void write_settings(struct arena *a, GString *out, const struct guest_input *in)
{
	const struct guest_worker *worker = &in->want->worker;
	const struct farm_redis *redis = &guest_farm(in->all)->redis;
	const struct object *farm = objects_farm(in->all);
	g_autofree char *url = farm_redis_url(redis, redis->guest_url ? redis->guest_url : redis->url);
	put(out, "CLEAVE_REDIS", url);
	put(out, "CLEAVE_REDIS_PASSWORD_FILE", redis->password_file ? "/etc/cleave/redis.pass" : NULL);
	put(out, "CLEAVE_VM", in->vm->meta.name);
	put(out, "CLEAVE_VM_UUID", vm_uuid(a, farm ? farm->meta.name : "", in->vm->meta.name));
	put_mounts(a, out, in);
	put_labels(out, in);
	put_number(out, "CLEAVE_SLOTS", (guint64)worker->slots_per_gpu * MAX(in->want->gpus.n, 1));
	put(out, "CLEAVE_CACHE_SIZE", worker->cache_bytes ? bytes_format(a, worker->cache_bytes) : NULL);
	put_number(out, "CLEAVE_MAX_GPU_TEMP", (guint64)worker->max_gpu_temp);
}

/* -- the medium --------------------------------------------------------------------------------------------- */

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(((const struct medium_file *)x)->name, ((const struct medium_file *)y)->name);
}

/* A host's file that only root of the guest may read. FALSE: it is not there. */
static gboolean add_secret(GArray *files, const struct guest_input *in, const char *name, const char *path, const char **ret_missing)
{
	const struct guest_secret *secret = guest_secret_find(in, path);
	if (!secret) {
		*ret_missing = path;
		return FALSE;
	}
	struct medium_file f = { .name = name, .mode = 0600, .bytes = secret->bytes, .size = secret->size };
	g_array_append_val(files, f);
	return TRUE;
}

static gboolean add_secrets(struct arena *a, GArray *files, const struct guest_input *in, const char **ret_missing)
{
	const struct farm_spec *farm = guest_farm(in->all);
	if (farm->redis.password_file && !add_secret(files, in, "redis.pass", farm->redis.password_file, ret_missing))
		return FALSE;
	for (guint i = 0; i < in->want->roots.n; i++) {
		const struct farm_root *root = farm_root_find(farm, in->want->roots.items[i]);
		if (root && root->url && root->s3.credentials_file &&
		    !add_secret(files, in, secret_name(a, root), root->s3.credentials_file, ret_missing))
			return FALSE;
	}
	return TRUE;
}

gboolean settings_files(struct arena *a, const struct guest_input *in, struct list *ret, const char **ret_missing)
{
	g_autoptr(GString) env = g_string_new(NULL);
	g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(struct medium_file));
	if (!add_secrets(a, files, in, ret_missing))
		return FALSE;
	write_settings(a, env, in);
	const struct medium_file told = { .name = "worker.env", .mode = 0644, .bytes = arena_memdup(a, env->str, env->len + 1), .size = env->len };
	g_array_append_val(files, told);
	if (in->bundle) {
		const struct medium_file own[] = {
			{ .name = "install", .mode = 0755, .bytes = "", .host_file = "install" },
			{ .name = "worker.tar.xz", .mode = 0644, .bytes = in->bundle, .size = strlen(in->bundle), .host_file = "worker.tar.xz" },
		};
		g_array_append_vals(files, own, G_N_ELEMENTS(own));
	}
	g_array_sort(files, by_name);
	*ret = (struct list){ arena_memdup(a, files->data, files->len * sizeof(struct medium_file)), files->len };
	return TRUE;
}
