/* Streaming SHA-256, repeated when the file changed underneath. */
#include "frames/digest.h"
#include "base/error.h"
#include "frames/root.h"
#include <string.h>
#include <time.h>

enum { READ_SIZE = 128 * 1024, READ_ATTEMPTS = 3 };
#define NS_PER_S G_GINT64_CONSTANT(1000000000)

struct digest_cache {
	GHashTable *files; /* set of struct file_digest by dev and ino */
};

static gint64 ns_of(struct timespec t)
{
	return (gint64)t.tv_sec * NS_PER_S + t.tv_nsec;
}

struct file_facts facts_of(const struct stat *st)
{
	return (struct file_facts){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (guint64)st->st_size,
		.mtime_ns = ns_of(st->st_mtim),
		.ctime_ns = ns_of(st->st_ctim),
	};
}

gboolean facts_same_file(const struct file_facts *a, const struct file_facts *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static gboolean facts_equal(const struct file_facts *a, const struct file_facts *b)
{
	return facts_same_file(a, b) && a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

gboolean facts_are_settled(const struct file_facts *f)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return ABS(ns_of(now) - f->mtime_ns) > 2 * NS_PER_S;
}

gboolean sha256_is_valid(const char *text)
{
	return text && strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1 && !text[SHA256_HEX_SIZE - 1];
}

static gboolean facts_read(int fd, struct file_facts *ret, GError **error)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return fail_errno(error, errno, "cannot be looked at");
	if (!S_ISREG(st.st_mode))
		return fail(error, ERROR_INVALID, "is not a regular file");
	*ret = facts_of(&st);
	return TRUE;
}

static gboolean sum_file(int fd, GChecksum *sum, guint64 *ret_size, GError **error)
{
	g_autofree guchar *buffer = g_malloc(READ_SIZE);
	guint64 size = 0;
	for (;;) {
		ssize_t n = pread(fd, buffer, READ_SIZE, (off_t)size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(error, errno, "cannot be read at byte %" G_GUINT64_FORMAT, size);
		if (n == 0)
			break;
		g_checksum_update(sum, buffer, n);
		size += (guint64)n;
	}
	*ret_size = size;
	return TRUE;
}

gboolean digest_fd(int fd, struct file_digest *ret, GError **error)
{
	struct file_facts before, after;
	if (!facts_read(fd, &before, error))
		return FALSE;
	for (guint i = 0; i < READ_ATTEMPTS; i++) {
		g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
		guint64 size = 0;
		if (!sum_file(fd, sum, &size, error) || !facts_read(fd, &after, error))
			return FALSE;
		if (facts_equal(&before, &after) && size == after.size) {
			g_strlcpy(ret->sha256, g_checksum_get_string(sum), sizeof ret->sha256);
			ret->facts = after;
			return TRUE;
		}
		before = after;
	}
	return fail(error, ERROR_FAILED, "changes while it is read");
}

static guint file_hash(gconstpointer p)
{
	const struct file_digest *d = p;
	guint64 mixed = (d->facts.ino ^ (d->facts.dev << 32)) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
	return (guint)(mixed >> 32);
}

static gboolean file_equal(gconstpointer a, gconstpointer b)
{
	const struct file_digest *x = a, *y = b;
	return facts_same_file(&x->facts, &y->facts);
}

struct digest_cache *digest_cache_new(void)
{
	struct digest_cache *c = g_new0(struct digest_cache, 1);
	c->files = g_hash_table_new_full(file_hash, file_equal, g_free, NULL);
	return c;
}

void digest_cache_free(struct digest_cache *c)
{
	if (!c)
		return;
	g_hash_table_unref(c->files);
	g_free(c);
}

const struct file_digest *digest_cache_peek(struct digest_cache *c, const struct file_facts *facts)
{
	const struct file_digest wanted = { .facts = *facts };
	const struct file_digest *known = g_hash_table_lookup(c->files, &wanted);
	return known && facts_equal(&known->facts, facts) ? known : NULL;
}

void digest_cache_put(struct digest_cache *c, const struct file_digest *digest)
{
	if (facts_are_settled(&digest->facts))
		g_hash_table_add(c->files, g_memdup2(digest, sizeof *digest));
}

static gboolean digest_cached(struct digest_cache *c, int fd, struct file_digest *ret, GError **error)
{
	struct file_digest now = { 0 };
	if (!facts_read(fd, &now.facts, error))
		return FALSE;
	const struct file_digest *known = digest_cache_peek(c, &now.facts);
	if (known) {
		*ret = *known;
		return TRUE;
	}
	if (!digest_fd(fd, &now, error))
		return FALSE;
	digest_cache_put(c, &now);
	*ret = now;
	return TRUE;
}

gboolean digest_file(struct digest_cache *cache, int dir_fd, const char *path, struct file_digest *ret, GError **error)
{
	/* O_NONBLOCK: a fifo in the file's place must not stop the caller */
	SCOPED_FD(fd) = root_openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be opened", path);
	gboolean ok = cache ? digest_cached(cache, fd, ret, error) : digest_fd(fd, ret, error);
	if (!ok)
		g_prefix_error(error, "%s ", path);
	return ok;
}
