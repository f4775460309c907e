/* A set of contents with what they are for, and one reading of the store's folder. */
#include "frames/clear.h"
#include "base/error.h"
#include "frames/digest.h"
#include "frames/manifest.h"
#include "frames/remote.h"
#include "frames/root.h"
#include "frames/store.h"
#include <string.h>
#include <sys/stat.h>

/* Dearest last; a content may be of several frames. */
enum use { USE_NONE, USE_OLDER, USE_RECENT, USE_NEEDED };

struct clearing {
	GHashTable *uses; /* sha256 → enum use */
	GStringChunk *strings;
};

struct stored {
	char *name;
	guint64 size;
	gint64 since_us; /* in the store */
	enum use use;
	gboolean goes;
};

struct clearing *clearing_new(void)
{
	struct clearing *c = g_new0(struct clearing, 1);
	c->uses = g_hash_table_new(g_str_hash, g_str_equal);
	c->strings = g_string_chunk_new(64 * 1024);
	return c;
}

void clearing_free(struct clearing *c)
{
	if (!c)
		return;
	g_hash_table_destroy(c->uses);
	g_string_chunk_free(c->strings);
	g_free(c);
}

/* -- what contents are for -------------------------------------------------------------------- */

struct adding {
	struct clearing *c;
	const struct manifest_view *view;
	guint n_keys;
	clear_wanted_fn *is_wanted;
	gpointer user;
};

static void use(struct clearing *c, const char *sha256, enum use what)
{
	enum use known = (enum use)GPOINTER_TO_INT(g_hash_table_lookup(c->uses, sha256));
	if (what > known)
		g_hash_table_insert(c->uses, g_string_chunk_insert_const(c->strings, sha256), GINT_TO_POINTER(what));
}

/* The frame's records, latest first: its wanted keys, then others counted as they come. */
static void add_frame(const struct adding *in, gint64 frame)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	const struct record *r = NULL;
	while ((r = manifest_next(in->view, frame, r))) {
		guint at = 0;
		if (in->is_wanted(in->user, frame, r->key)) {
			use(in->c, r->sha256, USE_NEEDED);
			continue;
		}
		while (at < keys->len && strcmp(keys->pdata[at], r->key) != 0)
			at++;
		if (at == keys->len)
			g_ptr_array_add(keys, (gpointer)r->key);
		use(in->c, r->sha256, at < in->n_keys ? USE_RECENT : USE_OLDER);
	}
}

/* Once a frame: with its latest record. */
static gboolean add_record(const struct record *r, gpointer user, GError **error)
{
	(void)error;
	const struct adding *in = user;
	if (r->type == RECORD_FRAME && manifest_next(in->view, r->frame, NULL) == r)
		add_frame(in, r->frame);
	return TRUE;
}

void clearing_add_job(struct clearing *c, const struct manifest_view *v, guint n_keys, clear_wanted_fn *is_wanted,
		      gpointer user)
{
	struct adding adding = { c, v, n_keys, is_wanted, user };
	manifest_each(v, add_record, &adding, NULL);
}

/* -- the store --------------------------------------------------------------------------------- */

static void stored_clear(gpointer p)
{
	g_free(((struct stored *)p)->name);
}

static gint oldest_first(gconstpointer x, gconstpointer y)
{
	const struct stored *a = x, *b = y;
	if (a->since_us != b->since_us)
		return a->since_us < b->since_us ? -1 : 1;
	return strcmp(a->name, b->name);
}

static gint64 us_of(struct timespec t)
{
	return t.tv_sec * (gint64)G_USEC_PER_SEC + t.tv_nsec / 1000;
}

/* What the name says of a file in the store. FALSE: it is no content's. A copy that never became whole is nobody's, and
 * goes when nobody can be at it any more. */
static gboolean judge_name(const struct clearing *c, const char *name, struct stored *s)
{
	char sha256[SHA256_HEX_SIZE];
	g_strlcpy(sha256, name, sizeof sha256);
	if (!sha256_is_valid(sha256))
		return FALSE;
	if (!g_str_has_suffix(name, STORE_PARTIAL))
		s->use = (enum use)GPOINTER_TO_INT(g_hash_table_lookup(c->uses, sha256));
	s->name = g_strdup(name);
	return TRUE;
}

/* A rename changes the ctime, so that it tells since when a file is in the store; the mtime is that of the render. */
static gboolean read_stored(const struct clearing *c, int store_fd, const char *name, struct stored *ret)
{
	struct stat st;
	if (fstatat(store_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return FALSE;
	*ret = (struct stored){ .size = (guint64)st.st_size, .since_us = us_of(st.st_ctim) };
	return judge_name(c, name, ret);
}

static GArray *stored_array(void)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct stored));
	g_array_set_clear_func(all, stored_clear);
	return all;
}

static GArray *read_store(const struct clearing *c, int store_fd, GError **error)
{
	g_autoptr(GPtrArray) names = root_list(store_fd, error);
	if (!names)
		return NULL;
	GArray *all = stored_array();
	for (guint i = 0; i < names->len; i++) {
		struct stored one;
		if (read_stored(c, store_fd, names->pdata[i], &one))
			g_array_append_val(all, one);
	}
	g_array_sort(all, oldest_first);
	return all;
}

/* An object is copied into the store, also where it is there already: its time is that of the last copy. One whose time
 * is not told stays. */
static GArray *read_bucket(const struct clearing *c, struct remote *r, GError **error)
{
	g_autoptr(GHashTable) found = remote_list(r, ROOT_STORE "/", error);
	GHashTableIter it;
	gpointer path, value;
	if (!found)
		return NULL;
	GArray *all = stored_array();
	g_hash_table_iter_init(&it, found);
	while (g_hash_table_iter_next(&it, &path, &value)) {
		const struct s3_facts *facts = value;
		struct stored one = { .size = facts->size, .since_us = facts->modified_us ? facts->modified_us : G_MAXINT64 / 2 };
		if (judge_name(c, (const char *)path + strlen(ROOT_STORE "/"), &one))
			g_array_append_val(all, one);
	}
	g_array_sort(all, oldest_first);
	return all;
}

static gboolean is_young(const struct stored *s, const struct clear_rules *rules)
{
	return rules->now_us - s->since_us < rules->keep_ms * 1000;
}

/* What is beyond the kept keys goes; of the rest the oldest, until what nobody needs fits. */
static void judge(GArray *all, const struct clear_rules *rules)
{
	guint64 left = 0;
	for (guint i = 0; i < all->len; i++) {
		struct stored *s = &g_array_index(all, struct stored, i);
		s->goes = s->use < USE_RECENT && !is_young(s, rules);
		left += s->use != USE_NEEDED && !s->goes ? s->size : 0;
	}
	for (guint i = 0; i < all->len && rules->max_bytes && left > rules->max_bytes; i++) {
		struct stored *s = &g_array_index(all, struct stored, i);
		if (s->use == USE_NEEDED || s->goes || is_young(s, rules))
			continue;
		s->goes = TRUE;
		left -= s->size;
	}
}

/* Where the store is: a folder, or a bucket. */
struct store {
	int fd; /* -1: there is none, or `remote` */
	struct remote *remote;
};

static gboolean remove_stored(const struct store *s, const char *name, GError **error)
{
	if (s->remote) {
		g_autofree char *path = g_strconcat(ROOT_STORE "/", name, NULL);
		return remote_remove(s->remote, path, error);
	}
	return unlinkat(s->fd, name, 0) == 0 || errno == ENOENT || fail_errno(error, errno, ROOT_STORE "/%s cannot be removed", name);
}

static gboolean run(const GArray *all, const struct store *store, gboolean removes, guint most, struct clear_store *done, GError **error)
{
	for (guint i = 0; i < all->len; i++) {
		const struct stored *s = &g_array_index(all, struct stored, i);
		done->n_files++;
		done->bytes += s->size;
		if (!s->goes || done->n_clear >= most)
			continue;
		if (removes && !remove_stored(store, s->name, error))
			return FALSE;
		done->n_clear++;
		done->clear_bytes += s->size;
	}
	return !removes || store->remote || root_sync_dir(store->fd) == 0 || fail_errno(error, errno, "the store cannot be put on disk");
}

gboolean clearing_run(struct clearing *c, int root_fd, struct remote *remote, const struct clear_rules *rules, gboolean removes,
		      guint most, struct clear_store *ret, GError **error)
{
	struct clear_store done = { 0 };
	SCOPED_FD(fd) = remote ? -1 : root_openat(root_fd, ROOT_STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	const struct store store = { fd, remote };
	if (fd < 0 && !remote && errno != ENOENT)
		return fail_errno(error, errno, ROOT_STORE " cannot be opened");
	if (fd >= 0 || remote) {
		g_autoptr(GArray) all = remote ? read_bucket(c, remote, error) : read_store(c, fd, error);
		if (!all)
			return FALSE;
		judge(all, rules);
		if (!run(all, &store, removes, most, &done, error))
			return FALSE;
	}
	*ret = done;
	return TRUE;
}
