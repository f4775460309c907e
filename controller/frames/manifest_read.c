/* Following the segments: which are new, how far each was read, which must be read again. */
#include "base/arena.h"
#include "base/error.h"
#include "frames/manifest_index.h"
#include "frames/root.h"
#include <string.h>
#include <sys/stat.h>

/* `mark` is the last line that was read, to tell a segment that was replaced from one that grew. Inode
 * numbers cannot: local file systems use them again at once, network ones may change them. */
struct segment {
	char *name;
	off_t read_size; /* up to the end of the last whole line, or into one that is far too long */
	off_t mark_at;
	gsize mark_len; /* 0: nothing was read yet */
	char mark[8];   /* its CRC */
	gboolean is_read; /* nothing came since: valid from segment_grew_only() on, within one update */
};

struct manifest_view {
	struct manifest_index index;
	GHashTable *segments; /* name → struct segment */
	guint torn;
	guint64 invalid_lines, unknown_lines;
};

enum {
	READ_SIZE = 256 * 1024,
	LINE_MAX_SIZE = 1024 * 1024, /* a longer one was not written by cleave; its parts fail the CRC */
};

static void segment_free(gpointer p)
{
	struct segment *s = p;
	g_free(s->name);
	g_free(s);
}

static void view_init(struct manifest_view *v)
{
	*v = (struct manifest_view){ .segments = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, segment_free) };
	index_init(&v->index);
}

static void view_clear(struct manifest_view *v)
{
	index_clear(&v->index);
	g_clear_pointer(&v->segments, g_hash_table_unref);
}

struct manifest_view *manifest_view_new(void)
{
	struct manifest_view *v = g_new(struct manifest_view, 1);
	view_init(v);
	return v;
}

void manifest_view_free(struct manifest_view *v)
{
	if (!v)
		return;
	view_clear(v);
	g_free(v);
}

static gboolean segment_grew_only(int dir_fd, struct segment *s)
{
	struct stat st;
	char mark[sizeof s->mark];
	SCOPED_FD(fd) = root_openat(dir_fd, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < s->read_size)
		return FALSE;
	s->is_read = st.st_size == s->read_size;
	return s->mark_len < sizeof mark || (pread(fd, mark, sizeof mark, s->mark_at) == (ssize_t)sizeof mark &&
					     memcmp(mark, s->mark, sizeof mark) == 0);
}

static gboolean segments_grew_only(const struct manifest_view *v, int dir_fd)
{
	GHashTableIter it;
	gpointer segment;
	g_hash_table_iter_init(&it, v->segments);
	while (g_hash_table_iter_next(&it, NULL, &segment))
		if (!segment_grew_only(dir_fd, segment))
			return FALSE;
	return TRUE;
}

static void take_line(struct manifest_view *v, const char *line, gsize len)
{
	struct record r;
	switch (record_decode(line, len, v->index.strings, &r)) {
	case RECORD_LINE_OK: index_add(&v->index, &r); return;
	case RECORD_LINE_INVALID: v->invalid_lines++; return;
	case RECORD_LINE_UNKNOWN: v->unknown_lines++; return;
	}
}

/* Takes the whole lines of `text`, which starts at s->read_size; returns how many bytes they have. */
static gsize take_lines(struct manifest_view *v, struct segment *s, const char *text, gsize size)
{
	gsize used = 0;
	const char *lf;
	while ((lf = memchr(text + used, '\n', size - used))) {
		gsize len = (gsize)(lf - text) - used;
		take_line(v, text + used, len);
		s->mark_at = s->read_size;
		s->mark_len = len;
		memcpy(s->mark, text + used, MIN(len, sizeof s->mark));
		s->read_size += (off_t)len + 1;
		used += len + 1;
	}
	return used;
}

/* Reads from s->read_size to the end; what follows the last LF stays for the next update. */
static gboolean read_segment(struct manifest_view *v, struct segment *s, int fd, GError **error)
{
	g_autoptr(GByteArray) buffer = g_byte_array_new();
	gsize kept = 0; /* bytes of an unfinished line at the buffer's start */
	for (;;) {
		g_byte_array_set_size(buffer, (guint)kept + READ_SIZE);
		ssize_t n = pread(fd, buffer->data + kept, READ_SIZE, s->read_size + (off_t)kept);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(error, errno, "segment %s cannot be read", s->name);
		if (n == 0)
			break;
		gsize size = kept + (gsize)n;
		gsize used = take_lines(v, s, (const char *)buffer->data, size);
		kept = size - used;
		memmove(buffer->data, buffer->data + used, kept);
		if (kept > LINE_MAX_SIZE) {
			s->read_size += (off_t)kept;
			kept = 0;
		}
	}
	v->torn += kept > 0;
	return TRUE;
}

static gboolean update_segment(struct manifest_view *v, int dir_fd, const char *name, GError **error)
{
	struct segment *s = g_hash_table_lookup(v->segments, name);
	if (s && s->is_read)
		return TRUE;
	SCOPED_FD(fd) = root_openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(error, errno, "segment %s cannot be opened", name);
	if (!s) {
		s = g_new0(struct segment, 1);
		s->name = g_strdup(name);
		g_hash_table_insert(v->segments, s->name, s);
	}
	return read_segment(v, s, fd, error);
}

static gboolean update_segments(struct manifest_view *v, int dir_fd, GError **error)
{
	g_autoptr(GPtrArray) names = root_list(dir_fd, error);
	gboolean ok = names != NULL;
	for (guint i = 0; ok && i < names->len; i++)
		if (g_str_has_suffix(names->pdata[i], ".log"))
			ok = update_segment(v, dir_fd, names->pdata[i], error);
	return ok;
}

gboolean manifest_view_update(struct manifest_view *v, int root_fd, const char *job_dir, GError **error)
{
	g_autofree char *folder = root_job_path(job_dir, "manifest", NULL, error);
	if (!folder)
		return FALSE;
	SCOPED_FD(dir) = root_openat(root_fd, folder, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0 && errno != ENOENT)
		return fail_errno(error, errno, "%s cannot be opened", folder);
	if (dir < 0 || !segments_grew_only(v, dir)) {
		view_clear(v);
		view_init(v);
	}
	v->torn = 0;
	if (dir < 0 || update_segments(v, dir, error))
		return TRUE;
	g_prefix_error(error, "%s: ", folder);
	return FALSE;
}

struct manifest_view *manifest_read_segments(int root_fd, const char *job_dir, const GPtrArray *names, GError **error)
{
	g_autofree char *folder = root_job_path(job_dir, "manifest", NULL, error);
	SCOPED_FD(dir) = folder ? root_openat(root_fd, folder, O_RDONLY | O_DIRECTORY, 0) : -1;
	if (dir < 0)
		return folder ? (fail_errno(error, errno, "%s cannot be opened", folder), NULL) : NULL;
	struct manifest_view *v = manifest_view_new();
	for (guint i = 0; i < names->len; i++)
		if (!update_segment(v, dir, names->pdata[i], error)) {
			g_clear_pointer(&v, manifest_view_free);
			break;
		}
	return v;
}

struct manifest_view *manifest_read(struct arena *a, int root_fd, const char *job_dir, GError **error)
{
	struct manifest_view *v = manifest_view_new();
	arena_own(a, v, (GDestroyNotify)manifest_view_free);
	return manifest_view_update(v, root_fd, job_dir, error) ? v : NULL;
}

const struct record *manifest_next(const struct manifest_view *v, gint64 frame, const struct record *after)
{
	return index_next(&v->index, frame, after);
}

const struct record *manifest_frame(const struct manifest_view *v, gint64 frame, const char *key)
{
	const struct record *r = NULL;
	while ((r = index_next(&v->index, frame, r)))
		if (strcmp(r->key, key) == 0)
			return r;
	return NULL;
}

const struct record *manifest_output(const struct manifest_view *v, gint64 frame, const char *key, const char *file)
{
	const struct record *r = NULL;
	while ((r = index_next(&v->index, frame, r)))
		if (strcmp(r->key, key) == 0 && strcmp(r->file, file) == 0)
			return r;
	return NULL;
}

const struct record *manifest_next_failure(const struct manifest_view *v, gint64 frame, const struct record *after)
{
	return index_next_failure(&v->index, frame, after);
}

static gint by_file(gconstpointer x, gconstpointer y)
{
	const struct record *const *a = x, *const *b = y;
	return strcmp((*a)->file, (*b)->file);
}

GPtrArray *manifest_inputs(const struct manifest_view *v)
{
	GPtrArray *all = g_ptr_array_new();
	GHashTableIter it;
	gpointer record;
	g_hash_table_iter_init(&it, v->index.inputs);
	while (g_hash_table_iter_next(&it, NULL, &record))
		g_ptr_array_add(all, record);
	g_ptr_array_sort(all, by_file);
	return all;
}

const struct record *manifest_first_input(const struct manifest_view *v, const char *file)
{
	return g_hash_table_lookup(v->index.first_inputs, file);
}

const struct record *manifest_content(const struct manifest_view *v, gint64 frame, const char *sha256, const char *key)
{
	const struct record *found = NULL, *r = NULL;
	while ((r = index_next(&v->index, frame, r))) {
		if (strcmp(r->sha256, sha256) != 0)
			continue;
		if (!key || strcmp(r->key, key) == 0)
			return r;
		if (!found)
			found = r;
	}
	return found;
}

const struct record *manifest_any_content(const struct manifest_view *v, const char *sha256)
{
	/* the table is made on demand: a cache, not a change of what the view says */
	return index_any_content(&((struct manifest_view *)v)->index, sha256);
}

gboolean manifest_knows(const struct manifest_view *v, gint64 frame)
{
	return index_knows(&v->index, frame);
}

const struct record *manifest_seen(const struct manifest_view *v, gint64 frame, const char *file)
{
	return index_seen(&v->index, frame, file);
}

const struct record *manifest_pin(const struct manifest_view *v, const char *scene)
{
	return scene ? g_hash_table_lookup(v->index.pins, scene) : v->index.pin;
}

const struct record *manifest_complete(const struct manifest_view *v)
{
	return v->index.complete;
}

struct manifest_counts manifest_counts(const struct manifest_view *v)
{
	return (struct manifest_counts){
		.segments = g_hash_table_size(v->segments),
		.torn = v->torn,
		.frames = v->index.n_frames,
		.superseded = v->index.n_superseded,
		.timed = v->index.n_timed,
		.seconds = v->index.seconds,
		.invalid_lines = v->invalid_lines,
		.unknown_lines = v->unknown_lines,
		.records = v->index.n_added,
		.kept = v->index.n_kept,
	};
}

gint64 manifest_latest_us(const struct manifest_view *v)
{
	return v->index.latest_us;
}

gboolean manifest_each(const struct manifest_view *v, gboolean (*each)(const struct record *r, gpointer user, GError **error),
		       gpointer user, GError **error)
{
	return index_each(&v->index, each, user, error);
}
