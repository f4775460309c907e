/* Each leftover is judged by its content, not by its name: names are Blender's. */
#include "frames/collect.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/deliver.h"
#include "frames/digest.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "frames/stage.h"
#include "frames/store.h"
#include <string.h>

struct collection {
	int root_fd;
	const struct stage *stage;
	const struct manifest_view *view;
	GHashTable *wanted;
	struct collected done;
};

enum fate { FATE_REMOVE, FATE_STORE, FATE_KEEP };

/* Also what lies in a displaced folder: one that came to the visible path just before an exchange. */
static gboolean is_displaced(const char *file)
{
	return g_str_has_suffix(file, DELIVER_DISPLACED) || strstr(file, DELIVER_DISPLACED "/");
}

static gboolean judge(const struct collection *c, const char *file, const struct record **ret_record, enum fate *ret,
		      GError **error)
{
	struct file_digest digest;
	*ret_record = NULL;
	*ret = FATE_REMOVE;
	if (g_str_has_suffix(file, STORE_PARTIAL))
		return TRUE;
	if (!digest_file(NULL, c->stage->dir_fd, file, &digest, error))
		return FALSE;
	*ret_record = manifest_any_content(c->view, digest.sha256);
	if (c->wanted && *ret_record && g_hash_table_contains(c->wanted, digest.sha256))
		*ret = FATE_KEEP;
	else if (*ret_record || is_displaced(file))
		*ret = FATE_STORE;
	return TRUE;
}

/* The extension of stored content is that of the visible path: the frame record knows it, and the name
 * of displaced content has it before the suffix. */
static char *extension_of(const char *file, const struct record *r)
{
	if (r)
		return g_strdup(store_extension(r->file));
	g_autofree char *name = g_strdup(file);
	if (g_str_has_suffix(name, DELIVER_DISPLACED))
		name[strlen(name) - strlen(DELIVER_DISPLACED)] = '\0';
	return g_strdup(store_extension(name));
}

static gboolean collect_entry(struct collection *c, const char *file, const struct root_entry *entry, GError **error)
{
	struct stat st;
	const struct record *r = NULL;
	enum fate fate = FATE_REMOVE;
	if (fstatat(entry->dir_fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || fail_errno(error, errno, "%s cannot be looked at", file);
	/* links, pipes and sockets are no frames */
	if (S_ISREG(st.st_mode) && !judge(c, file, &r, &fate, error))
		return FALSE;
	if (fate == FATE_KEEP) {
		c->done.kept++;
		return TRUE;
	}
	if (fate == FATE_STORE) {
		g_autofree char *extension = extension_of(file, r);
		c->done.stored++;
		return store_add(c->root_fd, entry->dir_fd, entry->name, extension, NULL, error);
	}
	c->done.removed++;
	if (unlinkat(entry->dir_fd, entry->name, 0) < 0 && errno != ENOENT)
		return fail_errno(error, errno, "%s cannot be removed", file);
	return TRUE;
}

static gboolean collect_file(struct collection *c, const char *file, GError **error)
{
	SCOPED_ENTRY(entry);
	if (!root_open_entry(c->stage->dir_fd, file, FALSE, &entry, error))
		return FALSE;
	return entry.dir_fd < 0 || collect_entry(c, file, &entry, error);
}

static gboolean collect_files(struct collection *c, const GArray *leftovers, GError **error)
{
	for (guint i = 0; i < leftovers->len; i++) {
		const struct leftover *l = &g_array_index(leftovers, struct leftover, i);
		if (l->file && !collect_file(c, l->file, error))
			return FALSE;
	}
	return TRUE;
}

gboolean frame_collect(int root_fd, const char *job_dir, const char *token, const struct manifest_view *v,
		       GHashTable *wanted, struct collected *ret, GError **error)
{
	SCOPED_ARENA(scratch);
	g_autoptr(GError) why = NULL;
	g_autoptr(GArray) leftovers = stage_list(scratch, root_fd, job_dir, token, error);
	if (!leftovers)
		return FALSE;
	struct stage *stage = stage_open(root_fd, job_dir, token, &why);
	if (!stage && g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND)) {
		*ret = (struct collected){ 0 };
		return TRUE;
	}
	if (!stage) {
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	struct collection c = { .root_fd = root_fd, .stage = stage, .view = v, .wanted = wanted };
	gboolean ok = collect_files(&c, leftovers, error);
	if (ok && c.done.kept == 0)
		ok = stage_end(root_fd, stage, error);
	else
		stage_free(stage);
	if (!ok)
		g_prefix_error(error, "staging of token %s: ", token);
	else
		*ret = c.done;
	return ok;
}
