/* Listings and digests are kept in memory; what was found out by reading is also kept beside the local copy. */
#include "frames/remote_inside.h"
#include "base/error.h"
#include "frames/root.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define KNOWN_FILE  ".cleave-known" /* lines of ETAG SIZE SHA256 */
enum { MARKER_MAX = 4096, LOCAL_MODE = 0755 };

/* -- digests that are known ------------------------------------------------------------------------ */

static char *known_key(const struct s3_facts *facts)
{
	return g_strdup_printf("%s %" G_GUINT64_FORMAT, facts->etag, facts->size);
}

const char *remote_known(const struct remote *r, const struct s3_facts *facts)
{
	g_autofree char *key = known_key(facts);
	return *facts->etag ? g_hash_table_lookup(r->known, key) : NULL;
}

void remote_learn(struct remote *r, const struct s3_facts *facts, const char *sha256)
{
	if (*facts->etag)
		g_hash_table_replace(r->known, known_key(facts), g_strdup(sha256));
}

/* A lost line costs one more reading. */
static void known_write(const struct remote *r, const struct s3_facts *facts, const char *sha256)
{
	g_autofree char *path = g_build_filename(r->local, KNOWN_FILE, NULL);
	FILE *file = fopen(path, "ae");
	if (!file)
		return;
	fprintf(file, "%s %" G_GUINT64_FORMAT " %s\n", facts->etag, facts->size, sha256);
	(void)fclose(file);
}

static void known_read(struct remote *r)
{
	g_autofree char *path = g_build_filename(r->local, KNOWN_FILE, NULL), *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		char *space = strrchr(lines[i], ' ');
		if (!space || !sha256_is_valid(space + 1))
			continue;
		*space = '\0';
		g_hash_table_replace(r->known, g_strdup(lines[i]), g_strdup(space + 1));
	}
}

/* -- the root -------------------------------------------------------------------------------------- */

static void unref_listing(gpointer listing)
{
	g_hash_table_unref(listing);
}

struct remote *remote_new(const struct s3_options *options, const char *local, GError **error)
{
	struct s3 *s3 = s3_new(options, error);
	if (!s3)
		return NULL;
	if (g_mkdir_with_parents(local, LOCAL_MODE) < 0) {
		fail_errno(error, errno, "%s: its local folder %s cannot be made", s3_name(s3), local);
		s3_free(s3);
		return NULL;
	}
	struct remote *r = g_new0(struct remote, 1);
	r->s3 = s3;
	r->local = g_strdup(local);
	r->marker = g_strdup(ROOT_MARKER);
	r->listings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_listing);
	r->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	r->fetched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	known_read(r);
	return r;
}

void remote_free(struct remote *r)
{
	if (!r)
		return;
	g_hash_table_unref(r->listings);
	g_hash_table_unref(r->known);
	g_hash_table_unref(r->fetched);
	s3_free(r->s3);
	g_free(r->local);
	g_free(r->marker);
	g_free(r);
}

void remote_begin(struct remote *r)
{
	r->is_proven = FALSE;
	g_hash_table_remove_all(r->listings);
}

const char *remote_name(const struct remote *r)
{
	return s3_name(r->s3);
}

const char *remote_local(const struct remote *r)
{
	return r->local;
}

const char *remote_weakness(const struct remote *r)
{
	return r->weakness;
}

/* The local folder bears the marker exactly while the bucket does. */
static gboolean prove(struct remote *r, GError **error)
{
	g_autoptr(GError) why = NULL;
	g_autofree char *path = g_build_filename(r->local, r->marker, NULL);
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *text = s3_get_text(r->s3, r->marker, MARKER_MAX, NULL, &why);
	if (text && g_mkdir_with_parents(folder, LOCAL_MODE) == 0)
		return g_file_set_contents(path, text, -1, error);
	if (text)
		return fail_errno(error, errno, "%s cannot be made", folder);
	(void)unlink(path);
	if (g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND))
		return fail(error, ERROR_AWAY, "root %s is not there: no %s in it", s3_name(r->s3), r->marker);
	return fail(error, ERROR_AWAY, "root %s cannot be read: %s", s3_name(r->s3), why->message);
}

int remote_open(struct remote *r, const char *marker, GError **error)
{
	g_autofree char *had = g_steal_pointer(&r->marker);
	r->marker = g_strdup(marker ? marker : ROOT_MARKER);
	r->is_proven = r->is_proven && strcmp(had, r->marker) == 0;
	if (!r->is_proven && !prove(r, error))
		return -1;
	r->is_proven = TRUE;
	return root_open_marked(r->local, r->marker, error);
}

gboolean remote_mark(struct remote *r, const char *marker, const char *name, GError **error)
{
	static const struct s3_condition no_object = { 0 };
	g_autofree char *line = g_strdup_printf("%s\n", name);
	return s3_put_text(r->s3, marker ? marker : ROOT_MARKER, line, &no_object, NULL, error);
}

/* -- listings -------------------------------------------------------------------------------------- */

/* Staging is looked at as a whole: one listing for all attempts of a job. */
static char *folder_of(const char *path, gboolean *ret_deep)
{
	const char *staging = g_str_has_prefix(path, ".cleave/") ? strstr(path, "/staging/") : NULL;
	const char *slash = strrchr(path, '/');
	*ret_deep = staging != NULL;
	if (staging)
		return g_strndup(path, (gsize)(staging - path) + strlen("/staging/"));
	return slash ? g_strndup(path, (gsize)(slash - path) + 1) : g_strdup("");
}

static GHashTable *listing_of(struct remote *r, const char *path, GError **error)
{
	gboolean deep;
	g_autofree char *folder = folder_of(path, &deep);
	GHashTable *listing = g_hash_table_lookup(r->listings, folder);
	if (listing)
		return listing;
	listing = s3_list(r->s3, folder, deep, error);
	if (listing)
		g_hash_table_insert(r->listings, g_steal_pointer(&folder), listing);
	return listing;
}

/* What this process did is seen at once. */
static void note(struct remote *r, const char *path, const struct s3_facts *facts)
{
	gboolean deep;
	g_autofree char *folder = folder_of(path, &deep);
	GHashTable *listing = g_hash_table_lookup(r->listings, folder);
	if (listing && facts)
		g_hash_table_replace(listing, g_strdup(path), g_memdup2(facts, sizeof *facts));
	else if (listing)
		g_hash_table_remove(listing, path);
}

gboolean remote_look(struct remote *r, const char *path, gboolean *ret_is_there, struct s3_facts *ret, GError **error)
{
	GHashTable *listing = listing_of(r, path, error);
	const struct s3_facts *facts = listing ? g_hash_table_lookup(listing, path) : NULL;
	if (!listing)
		return FALSE;
	*ret_is_there = facts != NULL;
	if (facts)
		*ret = *facts;
	return TRUE;
}

gboolean remote_ask(struct remote *r, const char *path, gboolean *ret_is_there, struct s3_facts *ret, GError **error)
{
	g_autoptr(GError) why = NULL;
	*ret_is_there = s3_head(r->s3, path, ret, &why);
	if (why && !g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND))
		return g_propagate_error(error, g_steal_pointer(&why)), FALSE;
	note(r, path, *ret_is_there ? ret : NULL);
	return TRUE;
}

GHashTable *remote_listing(struct remote *r, const char *folder, gboolean deep, GError **error)
{
	g_autofree char *key = g_strconcat(deep ? "*" : "", folder, NULL);
	GHashTable *listing = g_hash_table_lookup(r->listings, key);
	if (listing)
		return listing;
	listing = s3_list(r->s3, folder, deep, error);
	if (listing)
		g_hash_table_insert(r->listings, g_steal_pointer(&key), listing);
	return listing;
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

GPtrArray *remote_job_dirs(struct remote *r, GError **error)
{
	GPtrArray *names = s3_list_folders(r->s3, ".cleave/", error);
	for (guint i = names ? names->len : 0; i-- > 0;) {
		g_autofree char *id = root_job_id(names->pdata[i]);
		if (!id)
			g_ptr_array_remove_index_fast(names, i);
	}
	if (names)
		g_ptr_array_sort(names, by_text);
	return names;
}

GHashTable *remote_list(struct remote *r, const char *folder, GError **error)
{
	return s3_list(r->s3, folder, TRUE, error);
}

/* -- reading --------------------------------------------------------------------------------------- */

static gboolean read_sum(struct remote *r, const char *path, struct s3_facts *ret, char ret_sha256[SHA256_HEX_SIZE],
			 GError **error)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	struct s3_sink sink = { .fd = -1, .sum = sum };
	if (!s3_get(r->s3, path, &sink, ret, error))
		return FALSE;
	g_strlcpy(ret_sha256, g_checksum_get_string(sum), SHA256_HEX_SIZE);
	remote_learn(r, ret, ret_sha256);
	known_write(r, ret, ret_sha256);
	return TRUE;
}

gboolean remote_identify(struct remote *r, const char *path, const struct s3_facts *facts, char ret[SHA256_HEX_SIZE],
			 GError **error)
{
	const char *known = remote_known(r, facts);
	if (!known)
		return remote_read(r, path, facts, ret, error);
	g_strlcpy(ret, known, SHA256_HEX_SIZE);
	return TRUE;
}

gboolean remote_read(struct remote *r, const char *path, const struct s3_facts *facts, char ret[SHA256_HEX_SIZE],
		     GError **error)
{
	struct s3_facts now;
	return read_sum(r, path, &now, ret, error) &&
	       (strcmp(now.etag, facts->etag) == 0 || fail(error, ERROR_EXISTS, "%s is another object by now", path));
}

gboolean remote_digest(struct remote *r, const char *path, char ret[SHA256_HEX_SIZE], GError **error)
{
	struct s3_facts facts;
	if (!s3_head(r->s3, path, &facts, error))
		return FALSE;
	const char *known = remote_known(r, &facts);
	if (!known)
		return read_sum(r, path, &facts, ret, error);
	g_strlcpy(ret, known, SHA256_HEX_SIZE);
	return TRUE;
}

/* -- moving ---------------------------------------------------------------------------------------- */

static gboolean fetch_into(struct remote *r, const char *path, int fd, const char *sha256, guint64 limit,
			   struct s3_facts *ret, GError **error)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	struct s3_sink sink = { .fd = fd, .limit = limit, .sum = sum };
	if (!s3_get(r->s3, path, &sink, ret, error))
		return FALSE;
	const char *found = g_checksum_get_string(sum);
	remote_learn(r, ret, found);
	if (sha256 && strcmp(found, sha256) != 0)
		return fail(error, ERROR_INVALID, "%s/%s is damaged: its content is %s", s3_name(r->s3), path, found);
	return TRUE;
}

gboolean remote_fetch_facts(struct remote *r, int root_fd, const char *path, const char *sha256, guint64 limit,
			    struct s3_facts *ret, GError **error)
{
	SCOPED_ENTRY(entry);
	if (!root_open_entry(root_fd, path, TRUE, &entry, error))
		return FALSE;
	/* several processes may share the folder */
	g_autofree char *partial = g_strdup_printf("%s.%d.fetched~", entry.name, (int)getpid());
	SCOPED_FD(fd) = openat(entry.dir_fd, partial, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be made in %s", partial, r->local);
	gboolean ok = fetch_into(r, path, fd, sha256, limit, ret, error);
	if (ok && (fsync(fd) < 0 || renameat(entry.dir_fd, partial, entry.dir_fd, entry.name) < 0))
		ok = fail_errno(error, errno, "%s cannot be written in %s", path, r->local);
	if (!ok)
		(void)unlinkat(entry.dir_fd, partial, 0);
	return ok;
}

gboolean remote_fetch(struct remote *r, int root_fd, const char *path, const char *sha256, guint64 limit, GError **error)
{
	struct s3_facts facts;
	return remote_fetch_facts(r, root_fd, path, sha256, limit, &facts, error);
}

gboolean remote_know_conditions(struct remote *r, GError **error)
{
	gboolean is_kept;
	if (!s3_keeps_conditions(r->s3, r->marker, &is_kept, error))
		return FALSE;
	if (!is_kept)
		r->weakness = "its server writes without regard to If-None-Match: two writers of one object at the same "
			      "moment do not see each other";
	return TRUE;
}

gboolean remote_send(struct remote *r, int root_fd, const char *path, const char *to, const struct s3_condition *only,
		     struct s3_facts *ret, GError **error)
{
	SCOPED_FD(fd) = root_openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(error, errno, "%s cannot be opened", path);
	if ((only && !remote_know_conditions(r, error)) || !s3_put(r->s3, to, fd, only, ret, error))
		return FALSE;
	note(r, to, ret);
	return TRUE;
}

gboolean remote_copy(struct remote *r, const char *from, const char *etag, const char *to, GError **error)
{
	struct s3_facts facts;
	gboolean is_there;
	return s3_copy(r->s3, from, etag, to, error) && remote_ask(r, to, &is_there, &facts, error);
}

gboolean remote_remove(struct remote *r, const char *path, GError **error)
{
	if (!s3_delete(r->s3, path, error))
		return FALSE;
	note(r, path, NULL);
	return TRUE;
}
