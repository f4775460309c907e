/* A set of contents with what they are for, and one reading of the store's folder. */
#include "frames/clear.h"
#include "base/error.h"
#include "frames/digest.h"
#include "frames/manifest.h"
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

/* A rename changes the ctime, so that it tells since when a file is in the store; the mtime is that of the render. A
 * copy that never became whole is nobody's, and goes when nobody can be at it any more. */
static gboolean read_stored(const struct clearing *c, int store_fd, const char *name, struct stored *ret)
{
	struct stat st;
	char sha256[SHA256_HEX_SIZE];
	g_strlcpy(sha256, name, sizeof sha256);
	if (fstatat(store_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || !sha256_is_valid(sha256))
		return FALSE;
	*ret = (struct stored){ .size = (guint64)st.st_size, .since_us = us_of(st.st_ctim) };
	if (!g_str_has_suffix(name, STORE_PARTIAL))
		ret->use = (enum use)GPOINTER_TO_INT(g_hash_table_lookup(c->uses, sha256));
	ret->name = g_strdup(name);
	return TRUE;
}

static GArray *read_store(const struct clearing *c, int store_fd, GError **error)
{
	g_autoptr(GPtrArray) names = root_list(store_fd, error);
	if (!names)
		return NULL;
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct stored));
	g_array_set_clear_func(all, stored_clear);
	for (guint i = 0; i < names->len; i++) {
		struct stored one;
		if (read_stored(c, store_fd, names->pdata[i], &one))
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

static gboolean run(const GArray *all, int store_fd, gboolean removes, guint most, struct clear_store *done, GError **error)
{
	for (guint i = 0; i < all->len; i++) {
		const struct stored *s = &g_array_index(all, struct stored, i);
		done->n_files++;
		done->bytes += s->size;
		if (!s->goes || done->n_clear >= most)
			continue;
		if (removes && unlinkat(store_fd, s->name, 0) < 0 && errno != ENOENT)
			return fail_errno(error, errno, ROOT_STORE "/%s cannot be removed", s->name);
		done->n_clear++;
		done->clear_bytes += s->size;
	}
	return !removes || root_sync_dir(store_fd) == 0 || fail_errno(error, errno, "the store cannot be put on disk");
}

gboolean clearing_run(struct clearing *c, int root_fd, const struct clear_rules *rules, gboolean removes, guint most,
		      struct clear_store *ret, GError **error)
{
	struct clear_store done = { 0 };
	SCOPED_FD(store) = root_openat(root_fd, ROOT_STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (store < 0 && errno != ENOENT)
		return fail_errno(error, errno, ROOT_STORE " cannot be opened");
	g_autoptr(GArray) all = store >= 0 ? read_store(c, store, error) : NULL;
	if (store >= 0 && !all)
		return FALSE;
	if (all) {
		judge(all, rules);
		if (!run(all, store, removes, most, &done, error))
			return FALSE;
	}
	*ret = done;
	return TRUE;
}
