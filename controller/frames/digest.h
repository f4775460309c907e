/* SHA-256 of files, and a memory of files that have not changed since they were read.
 *
 * In: a descriptor, or a path below a directory. Out: 64 hexadecimal digits and the facts under which
 * they hold. Called by stage, store, deliver, inspect and by whoever pins a scene. */
#pragma once
#include <glib.h>
#include <sys/stat.h>

enum { SHA256_HEX_SIZE = 65 }; /* with the NUL */

struct file_facts {
	guint64 dev, ino, size;
	gint64 mtime_ns, ctime_ns;
};

struct file_digest {
	char sha256[SHA256_HEX_SIZE];
	struct file_facts facts;
};

struct file_facts facts_of(const struct stat *st);
gboolean facts_same_file(const struct file_facts *a, const struct file_facts *b); /* dev and ino */
/* FALSE for 2 s after the last write: until then (FAT's resolution, and more than any clock tick) a
 * second write could leave size and time as they are, so nothing may be concluded from them later. */
gboolean facts_are_settled(const struct file_facts *f);

gboolean sha256_is_valid(const char *text);

/* Reads the whole file from its start (the descriptor's offset stays). ERROR_FAILED when it goes on
 * changing while it is read. */
gboolean digest_fd(int fd, struct file_digest *ret, GError **error);

/* By path, never out of `dir_fd`, never through a symbolic link at its end; only a regular file.
 * `cache` may be NULL. ERROR_NOT_FOUND when it is not there. */
struct digest_cache;
gboolean digest_file(struct digest_cache *cache, int dir_fd, const char *path, struct file_digest *ret, GError **error);

/* One entry a file (device, inode); it answers while size, mtime and ctime are what they were. */
struct digest_cache *digest_cache_new(void);
void digest_cache_free(struct digest_cache *c);
/* What was read last of a file with exactly these facts, or NULL; valid until the cache changes. */
const struct file_digest *digest_cache_peek(struct digest_cache *c, const struct file_facts *facts);
/* Remembers a reading that was made without the cache; unless the file was written only just now. */
void digest_cache_put(struct digest_cache *c, const struct file_digest *digest);
