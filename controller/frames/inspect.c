/* Comparing what lies there with what the manifest says was put there. */
#include "frames/inspect.h"
#include "base/error.h"
#include "frames/deliver.h"
#include "frames/manifest.h"
#include "frames/remote.h"
#include "frames/root.h"
#include "frames/store.h"
#include <string.h>

static gboolean look(int root_fd, const char *path, gboolean *ret_is_there, struct stat *ret, GError **error)
{
	SCOPED_FD(fd) = root_openat(root_fd, path, O_PATH | O_NOFOLLOW, 0);
	*ret_is_there = fd >= 0;
	if (fd >= 0 && fstat(fd, ret) < 0)
		return fail_errno(error, errno, "%s cannot be looked at", path);
	if (fd < 0 && errno == EXDEV)
		return fail(error, ERROR_REFUSED, "%s: leads out of the root", path);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return fail_errno(error, errno, "%s cannot be looked at", path);
	return TRUE;
}

static gboolean agrees(const struct record *seen, const struct file_facts *now)
{
	return !seen->etag && seen->ino == now->ino && seen->size == now->size && seen->mtime_ns == now->mtime_ns;
}

static gboolean lies_in_staging(const struct inspection *in, const struct record *r)
{
	g_autofree char *folder = root_job_path(in->job_dir, "staging", r->token, NULL);
	static const char *const suffixes[] = { "", DELIVER_DISPLACED };
	for (guint i = 0; folder && i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = g_strconcat(folder, "/", record_staged_name(r), suffixes[i], NULL);
		struct s3_facts facts;
		struct stat st;
		gboolean is_there = FALSE;
		if (in->remote) {
			if (remote_look(in->remote, path, &is_there, &facts, NULL) && is_there && facts.size == r->size)
				return TRUE;
			continue;
		}
		if (look(in->root_fd, path, &is_there, &st, NULL) && is_there && S_ISREG(st.st_mode) &&
		    (guint64)st.st_size == r->size)
			return TRUE;
	}
	return FALSE;
}

static gboolean is_of(const struct record *r, const char *key, const char *visible)
{
	return strcmp(r->key, key) == 0 && (!visible || strcmp(r->file, visible) == 0);
}

/* Between a look at its place and one at its attempt's folder a frame may have come from there to here. Its worker does that
 * soon after it has recorded the frame; one that is missing for longer is not looked at twice in each pass. */
static gboolean may_have_come(const struct inspection *in, gint64 frame, const char *wanted_key, const char *visible)
{
	const gint64 since_us = g_get_real_time() - 60 * G_USEC_PER_SEC;
	const struct record *r = NULL;
	while (wanted_key && (r = manifest_next(in->view, frame, r)))
		if (r->time_us > since_us && is_of(r, wanted_key, visible))
			return !lies_in_staging(in, r);
	return FALSE;
}

/* Did cleave put a frame at this path? A record whose content still waits in staging does not prove it:
 * a foreign file may be the very reason why it waits. */
static gboolean was_put_there(const struct inspection *in, gint64 frame, const char *visible)
{
	if (manifest_seen(in->view, frame, visible))
		return TRUE;
	const struct record *r = NULL;
	while ((r = manifest_next(in->view, frame, r)))
		if (strcmp(r->file, visible) == 0 && !lies_in_staging(in, r))
			return TRUE;
	return FALSE;
}

/* Fills ret->digest.sha256, from the `seen` record or the file. FALSE with ERROR_NOT_FOUND when the file
 * vanished meanwhile. */
static gboolean identify(const struct inspection *in, gint64 frame, const char *visible, struct frame_sight *ret,
			 GError **error)
{
	const struct record *seen = manifest_seen(in->view, frame, visible);
	gboolean is_believed = !in->is_sweep && seen && agrees(seen, &ret->digest.facts);
	/* A sweep may have read other content under the same facts, and nothing is written of that yet. */
	const struct file_digest *read = is_believed && in->cache ? digest_cache_peek(in->cache, &ret->digest.facts) : NULL;
	if (is_believed && (!read || strcmp(read->sha256, seen->sha256) == 0)) {
		g_strlcpy(ret->digest.sha256, seen->sha256, sizeof ret->digest.sha256);
		return TRUE;
	}
	ret->was_read = TRUE;
	return digest_file(in->is_sweep ? NULL : in->cache, in->root_fd, visible, &ret->digest, error);
}

/* A `seen` record is of use only when a later write cannot leave time and size as they are. */
static gboolean deserves_record(const struct inspection *in, gint64 frame, const char *visible,
				const struct frame_sight *s)
{
	const struct record *seen = manifest_seen(in->view, frame, visible);
	if (!s->was_read || !facts_are_settled(&s->digest.facts))
		return FALSE;
	return !seen || !agrees(seen, &s->digest.facts) || strcmp(seen->sha256, s->digest.sha256) != 0;
}

static void judge(const struct inspection *in, gint64 frame, const char *wanted_key, const char *visible,
		  struct frame_sight *s)
{
	s->record = manifest_content(in->view, frame, s->digest.sha256, wanted_key);
	if (s->record) {
		s->state = FRAME_WHOLE;
		s->key = s->record->key;
	} else {
		s->state = was_put_there(in, frame, visible) ? FRAME_DAMAGED : FRAME_FOREIGN;
	}
	s->should_record = s->state != FRAME_FOREIGN && deserves_record(in, frame, visible, s);
}

/* -- in a bucket: the ETag stands for the facts --------------------------------------------------- */

static gboolean has_etag(const struct record *r, const struct s3_facts *now)
{
	return r->etag && *r->etag && r->size == now->size && strcmp(r->etag, now->etag) == 0;
}

/* What an object with these facts was when it was written or read. */
static const char *known_content(const struct inspection *in, gint64 frame, const char *visible,
				 const struct s3_facts *now)
{
	const struct record *r = manifest_seen(in->view, frame, visible);
	if (r && has_etag(r, now))
		return r->sha256;
	for (r = manifest_next(in->view, frame, NULL); r; r = manifest_next(in->view, frame, r))
		if (has_etag(r, now))
			return r->sha256;
	return remote_known(in->remote, now);
}

static gboolean identify_remote(const struct inspection *in, gint64 frame, const char *visible,
				const struct s3_facts *now, struct frame_sight *ret, GError **error)
{
	const char *known = in->is_sweep ? NULL : known_content(in, frame, visible, now);
	if (known) {
		g_strlcpy(ret->digest.sha256, known, sizeof ret->digest.sha256);
		return TRUE;
	}
	ret->was_read = TRUE;
	return in->is_sweep ? remote_read(in->remote, visible, now, ret->digest.sha256, error)
			    : remote_identify(in->remote, visible, now, ret->digest.sha256, error);
}

/* Where neither a frame record nor a `seen` record has this ETag, a later process had to read it again. */
static gboolean deserves_record_remote(const struct inspection *in, gint64 frame, const char *visible,
				       const struct frame_sight *s)
{
	const struct s3_facts now = { .size = s->digest.facts.size };
	struct s3_facts with_etag = now;
	g_strlcpy(with_etag.etag, s->etag, sizeof with_etag.etag);
	const struct record *seen = manifest_seen(in->view, frame, visible);
	if (seen && has_etag(seen, &with_etag) && strcmp(seen->sha256, s->digest.sha256) == 0)
		return FALSE;
	return !s->record || !has_etag(s->record, &with_etag);
}

static gboolean inspect_remote(const struct inspection *in, gint64 frame, const char *wanted_key, const char *visible,
			       gboolean is_anew, struct frame_sight *ret, GError **error)
{
	struct frame_sight s = { .state = FRAME_MISSING };
	struct s3_facts now;
	gboolean is_there = FALSE;
	g_autoptr(GError) why = NULL;
	if (!(is_anew ? remote_ask : remote_look)(in->remote, visible, &is_there, &now, error))
		return FALSE;
	if (is_there) {
		s.state = FRAME_FOREIGN;
		s.digest.facts.size = now.size;
		g_strlcpy(s.etag, now.etag, sizeof s.etag);
	}
	gboolean is_known = manifest_next(in->view, frame, NULL) || manifest_seen(in->view, frame, visible);
	if (is_there && is_known) {
		if (identify_remote(in, frame, visible, &now, &s, &why)) {
			judge(in, frame, wanted_key, visible, &s);
			s.should_record = s.state != FRAME_FOREIGN && deserves_record_remote(in, frame, visible, &s);
		} else if (g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND)) {
			s = (struct frame_sight){ .state = FRAME_MISSING };
		} else {
			return g_propagate_error(error, g_steal_pointer(&why)), FALSE;
		}
	}
	*ret = s;
	return TRUE;
}

/* -------------------------------------------------------------------------------------------------- */

/* `is_anew`: what a listing of this pass said does not count. */
static gboolean inspect(const struct inspection *in, gint64 frame, const char *wanted_key, const char *visible, gboolean is_anew,
			struct frame_sight *ret, GError **error)
{
	struct frame_sight s = { .state = FRAME_MISSING };
	g_autoptr(GError) why = NULL;
	gboolean is_there = FALSE;
	struct stat st;
	if (in->remote)
		return inspect_remote(in, frame, wanted_key, visible, is_anew, ret, error);
	if (!look(in->root_fd, visible, &is_there, &st, error))
		return FALSE;
	if (is_there) {
		s.digest.facts = facts_of(&st);
		s.state = FRAME_FOREIGN;
	}
	/* without any record of the frame there is nothing to compare with: no reading */
	gboolean is_known = manifest_next(in->view, frame, NULL) || manifest_seen(in->view, frame, visible);
	if (is_there && S_ISREG(st.st_mode) && is_known) {
		if (identify(in, frame, visible, &s, &why))
			judge(in, frame, wanted_key, visible, &s);
		else if (g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND))
			s = (struct frame_sight){ .state = FRAME_MISSING };
		else
			return g_propagate_error(error, g_steal_pointer(&why)), FALSE;
	}
	*ret = s;
	return TRUE;
}

gboolean frame_inspect(const struct inspection *in, gint64 frame, const char *wanted_key, const char *visible,
		       struct frame_sight *ret, GError **error)
{
	if (!inspect(in, frame, wanted_key, visible, FALSE, ret, error))
		return FALSE;
	gboolean looks_again = ret->state == FRAME_MISSING && may_have_come(in, frame, wanted_key, visible);
	return !looks_again || inspect(in, frame, wanted_key, visible, TRUE, ret, error);
}

struct record frame_seen_record(const struct frame_sight *sight, gint64 frame, const char *visible)
{
	return (struct record){
		.type = RECORD_SEEN,
		.frame = frame,
		.key = sight->key,
		.sha256 = sight->digest.sha256,
		.file = visible,
		.ino = sight->digest.facts.ino,
		.size = sight->digest.facts.size,
		.mtime_ns = sight->digest.facts.mtime_ns,
		.ctime_ns = sight->digest.facts.ctime_ns,
		.etag = *sight->etag ? sight->etag : NULL,
	};
}

const struct record *frame_staged(const struct inspection *in, gint64 frame, const char *key, const char *visible)
{
	const struct record *r = NULL;
	while ((r = manifest_next(in->view, frame, r)))
		if (is_of(r, key, visible) && lies_in_staging(in, r))
			return r;
	return NULL;
}

static gboolean lies_in_store(const struct inspection *in, const struct record *r)
{
	struct s3_facts facts;
	gboolean is_there = FALSE;
	if (!in->remote)
		return store_has(in->root_fd, r->sha256, store_extension(r->file), r->size);
	g_autofree char *path = store_path(r->sha256, store_extension(r->file), NULL);
	return path && remote_look(in->remote, path, &is_there, &facts, NULL) && is_there &&
	       (r->size == 0 || facts.size == r->size);
}

const struct record *frame_kept(const struct inspection *in, gint64 frame, const char *key, const char *visible)
{
	const struct record *r = NULL;
	while ((r = manifest_next(in->view, frame, r)))
		if (is_of(r, key, visible) && lies_in_store(in, r))
			return r;
	return NULL;
}
