/* Pools of libvirt, as they are and defined. The other half of virt_storage.h. */
#include "base/arena.h"
#include "base/error.h"
#include "host/disk_image.h"
#include "host/virt_call.h"
#include "host/virt_storage.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* -- a pool's XML (https://libvirt.org/formatstorage.html) ------------------------------------------------ */

struct pool_xml {
	struct arena *arena;
	guint depth;
	gboolean in_target, in_path;
	const char *type, *path;
};

static void on_start(GMarkupParseContext *c, const char *element, const char **names, const char **values, gpointer user,
                     GError **error)
{
	struct pool_xml *x = user;
	(void)c, (void)error;
	if (x->depth == 0)
		for (; *names; names++, values++)
			if (strcmp(*names, "type") == 0)
				x->type = arena_strdup(x->arena, *values);
	if (x->depth == 1)
		x->in_target = strcmp(element, "target") == 0;
	x->in_path = x->depth == 2 && x->in_target && strcmp(element, "path") == 0;
	x->depth++;
}

static void on_end(GMarkupParseContext *c, const char *element, gpointer user, GError **error)
{
	struct pool_xml *x = user;
	(void)c, (void)element, (void)error;
	x->depth--;
	x->in_path = FALSE;
}

static void on_text(GMarkupParseContext *c, const char *text, gsize len, gpointer user, GError **error)
{
	struct pool_xml *x = user;
	(void)c, (void)error;
	if (x->in_path)
		x->path = arena_strndup(x->arena, text, len);
}

static void read_xml(struct arena *a, const char *xml, const char **ret_type, const char **ret_path)
{
	static const GMarkupParser parser = { .start_element = on_start, .end_element = on_end, .text = on_text };
	struct pool_xml x = { .arena = a };
	GMarkupParseContext *c = g_markup_parse_context_new(&parser, 0, &x, NULL);
	g_markup_parse_context_parse(c, xml, (gssize)strlen(xml), NULL);
	g_markup_parse_context_free(c);
	*ret_type = x.type ? x.type : "unknown";
	*ret_path = x.path;
}

static gboolean describe(struct arena *a, virStoragePoolPtr pool, struct virt_pool *ret, GError **error)
{
	int autostarts = 0, active = virStoragePoolIsActive(pool);
	/* As it is defined; only a transient pool has no such definition. */
	char *xml = virStoragePoolGetXMLDesc(pool, VIR_STORAGE_XML_INACTIVE);
	if (!xml)
		xml = virStoragePoolGetXMLDesc(pool, 0);
	if (!xml || active < 0)
		return virt_fail(error) != NULL;
	read_xml(a, xml, &ret->is_type, &ret->is_path);
	free(xml);
	ret->state = active ? VIRT_POOL_ACTIVE : VIRT_POOL_INACTIVE;
	ret->autostarts = virStoragePoolGetAutostart(pool, &autostarts) == 0 && autostarts;
	return TRUE;
}

/* -- looking ----------------------------------------------------------------------------------------------- */

struct look {
	struct arena *arena;
	struct virt_pool *pools;
	guint n;
	const char *why_not;
};

static void look_free(gpointer data)
{
	struct look *l = data;
	arena_free(l->arena);
	g_free(l);
}

/* What the file system says; of a qcow2 its own header. A guest writes into a raw disk what it likes: nothing there is
 * believed. */
static void add_file(struct look *l, GArray *volumes, int folder, const char *folder_path, const char *name)
{
	struct stat st;
	g_autofree char *whole = g_str_has_suffix(name, ".part") ? g_strndup(name, strlen(name) - strlen(".part")) : g_strdup(name);
	gboolean is_qcow2 = g_str_has_suffix(whole, ".qcow2");
	if (!is_qcow2 && !g_str_has_suffix(whole, ".raw"))
		return;
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		struct virt_volume volume = { arena_strdup(l->arena, name), arena_printf(l->arena, "%s/%s", folder_path, name), (guint64)st.st_size,
			                      (guint64)st.st_blocks * 512 };
		struct disk_image image;
		if (is_qcow2 && disk_image_read(fd, &image, NULL) && image.is_qcow2)
			volume.size_bytes = image.size_bytes;
		g_array_append_val(volumes, volume);
	}
	close(fd);
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(((const struct virt_volume *)x)->name, ((const struct virt_volume *)y)->name);
}

static void read_folder(struct look *l, struct virt_pool *p)
{
	struct statvfs fs;
	DIR *dir = opendir(p->path);
	if (!dir || fstatvfs(dirfd(dir), &fs) < 0) {
		p->trouble = arena_strdup(l->arena, g_strerror(errno));
		if (dir)
			closedir(dir);
		return;
	}
	p->size_bytes = (guint64)fs.f_blocks * fs.f_frsize;
	p->free_bytes = (guint64)fs.f_bavail * fs.f_frsize;
	g_autoptr(GArray) volumes = g_array_new(FALSE, FALSE, sizeof(struct virt_volume));
	for (const struct dirent *e; (e = readdir(dir));)
		add_file(l, volumes, dirfd(dir), p->path, e->d_name);
	closedir(dir);
	g_array_sort(volumes, by_name);
	p->volumes = arena_memdup(l->arena, volumes->data, volumes->len * sizeof(struct virt_volume));
	p->n_volumes = volumes->len;
}

/* The embedded driver answers that it has no such function; others, that there is no pool. */
static gboolean has_no_driver(void)
{
	int code = virGetLastErrorCode();
	return code == VIR_ERR_NO_SUPPORT || code == VIR_ERR_NO_CONNECT;
}

static gpointer run_look(virConnectPtr connection, gpointer data, GError **error)
{
	const struct look *asked = data;
	struct look *l = g_new0(struct look, 1);
	l->arena = arena_new();
	l->n = asked->n;
	l->pools = ARENA_ARRAY(l->arena, struct virt_pool, asked->n);
	if (virConnectNumOfStoragePools(connection) < 0 && has_no_driver())
		l->why_not = "has no storage driver";
	gboolean good = TRUE;
	for (guint i = 0; i < l->n && good && !l->why_not; i++) {
		struct virt_pool *p = &l->pools[i];
		p->name = arena_strdup(l->arena, asked->pools[i].name);
		p->path = arena_strdup(l->arena, asked->pools[i].path);
		virStoragePoolPtr pool = virStoragePoolLookupByName(connection, p->name);
		if (pool)
			good = describe(l->arena, pool, p, error);
		else if (virGetLastErrorCode() != VIR_ERR_NO_STORAGE_POOL)
			good = virt_fail(error) != NULL;
		if (pool)
			virStoragePoolFree(pool);
		read_folder(l, p);
	}
	if (good)
		return l;
	look_free(l);
	return NULL;
}

static void own_arena_free(gpointer arena)
{
	arena_free(arena);
}

gboolean virt_look_at_pools(struct virt *v, struct arena *arena, struct virt_pool *pools, guint n, gint64 timeout_ms,
                            const char **ret_why_not, GError **error)
{
	struct look *asked = g_new0(struct look, 1);
	asked->arena = arena_new();
	asked->n = n;
	asked->pools = ARENA_ARRAY(asked->arena, struct virt_pool, n);
	for (guint i = 0; i < n; i++) {
		asked->pools[i].name = arena_strdup(asked->arena, pools[i].name);
		asked->pools[i].path = arena_strdup(asked->arena, pools[i].path);
	}
	struct virt_job job = { .what = "looking at storage pools", .object = "(pools)", .run = run_look, .data = asked,
		                .data_free = look_free, .result_free = look_free };
	gpointer result;
	if (!virt_call(v, &job, timeout_ms, &result, error))
		return FALSE;
	struct look *l = result;
	*ret_why_not = l->why_not;
	if (!l->why_not)
		memcpy(pools, l->pools, n * sizeof *pools);
	arena_own(arena, l->arena, own_arena_free);
	g_free(l);
	return TRUE;
}

/* -- defining ---------------------------------------------------------------------------------------------- */

/* A result that only says "done". */
static char done_mark;

struct definition {
	char *name, *path;
};

static void definition_free(gpointer data)
{
	struct definition *d = data;
	g_free(d->name);
	g_free(d->path);
	g_free(d);
}

static virStoragePoolPtr define(virConnectPtr connection, const struct definition *d)
{
	g_autofree char *xml = g_markup_printf_escaped("<pool type='dir'><name>%s</name><target><path>%s</path></target></pool>", d->name,
	                                               d->path);
	return virStoragePoolDefineXML(connection, xml, 0);
}

/* One that was defined and not started, as after a crash, is taken up where it was left. */
static gboolean make_ready(virStoragePoolPtr pool, const struct definition *d, GError **error)
{
	SCOPED_ARENA(a);
	struct virt_pool p = { .name = d->name, .path = d->path };
	if (!describe(a, pool, &p, error))
		return FALSE;
	if (g_strcmp0(p.is_type, "dir") != 0 || g_strcmp0(p.is_path, d->path) != 0)
		return fail(error, ERROR_EXISTS, "libvirt has a pool of that name, of type %s at %s", p.is_type, p.is_path ? p.is_path : "no folder");
	if (p.state == VIRT_POOL_INACTIVE && virStoragePoolBuild(pool, VIR_STORAGE_POOL_BUILD_NEW) < 0)
		return virt_fail(error) != NULL;
	if (p.state == VIRT_POOL_INACTIVE && virStoragePoolCreate(pool, 0) < 0)
		return virt_fail(error) != NULL;
	if (!p.autostarts && virStoragePoolSetAutostart(pool, 1) < 0)
		return virt_fail(error) != NULL;
	return TRUE;
}

static gpointer run_define(virConnectPtr connection, gpointer data, GError **error)
{
	const struct definition *d = data;
	virStoragePoolPtr pool = virStoragePoolLookupByName(connection, d->name);
	if (!pool && virGetLastErrorCode() == VIR_ERR_NO_STORAGE_POOL)
		pool = define(connection, d);
	if (!pool)
		return virt_fail(error);
	gboolean good = make_ready(pool, d, error);
	virStoragePoolFree(pool);
	return good ? &done_mark : NULL;
}

gboolean virt_define_pool(struct virt *v, const char *name, const char *path, gint64 timeout_ms, GError **error)
{
	struct definition *d = g_new0(struct definition, 1);
	*d = (struct definition){ g_strdup(name), g_strdup(path) };
	g_autofree char *object = g_strdup_printf("(pool) %s", name);
	struct virt_job job = { .what = "defining the pool", .name = name, .object = object, .run = run_define, .data = d,
		                .data_free = definition_free };
	return virt_call(v, &job, timeout_ms, NULL, error);
}
