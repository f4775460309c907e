/* One step at a time, each of them safe to repeat; the directory entries are the only state. */
#include "frames/deliver.h"
#include "base/error.h"
#include "frames/deliver_remote.h"
#include "frames/digest.h"
#include "frames/root.h"
#include "frames/store.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The opened folders and names of one delivery. */
struct site {
	const struct delivery *d;
	char *path;      /* of the staged file, below the root */
	char *displaced; /* its name while it stands for displaced content */
	struct root_entry staged, visible;
};

/* What lies there now. */
struct sight {
	gboolean has_staged, has_visible;
	struct file_digest staged, visible;
};

enum step { STEP_FAILED, STEP_AGAIN, STEP_DONE };
static enum step step_of(gboolean ok)
{
	return ok ? STEP_DONE : STEP_FAILED;
}

/* Others may put and take files at the visible path between two steps; more often is no accident. */
enum { ATTEMPTS = 8 };

static void site_clear(struct site *s)
{
	root_entry_clear(&s->staged);
	root_entry_clear(&s->visible);
	g_free(s->path);
	g_free(s->displaced);
}

static gboolean site_open(struct site *s, const struct delivery *d, GError **error)
{
	*s = (struct site){ .d = d, .staged.dir_fd = -1, .visible.dir_fd = -1 };
	if (!sha256_is_valid(d->sha256))
		return fail(error, ERROR_INVALID, "\"%s\" is no SHA-256", d->sha256 ? d->sha256 : "");
	if (g_str_has_prefix(d->visible, ".cleave") || strstr(d->visible, "/.cleave"))
		return fail(error, ERROR_INVALID, "%s: frames do not go into cleave's own folder", d->visible);
	g_autofree char *folder = root_job_path(d->job_dir, "staging", d->token, error);
	if (!folder || !root_open_entry(d->root_fd, d->visible, TRUE, &s->visible, error))
		return FALSE;
	s->path = g_strconcat(folder, "/", d->staged ? d->staged : s->visible.name, NULL);
	if (!root_open_entry(d->root_fd, s->path, FALSE, &s->staged, error))
		return FALSE;
	s->displaced = g_strconcat(s->staged.name, DELIVER_DISPLACED, NULL);
	return TRUE;
}

/* Like digest_file(), but "not there" is an answer. */
static gboolean look_at(const struct root_entry *e, const char *name, gboolean *ret_is_there, struct file_digest *ret,
			GError **error)
{
	g_autoptr(GError) why = NULL;
	*ret_is_there = e->dir_fd >= 0 && digest_file(NULL, e->dir_fd, name, ret, &why);
	if (!why || g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&why));
	return FALSE;
}

/* A folder, link or device in the way is refused before anything is done. */
static gboolean visible_is_replaceable(const struct site *s, GError **error)
{
	struct stat st;
	if (fstatat(s->visible.dir_fd, s->visible.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || fail_errno(error, errno, "%s cannot be looked at", s->d->visible);
	return S_ISREG(st.st_mode) || fail(error, ERROR_REFUSED, "%s is no regular file; move it away", s->d->visible);
}

static gboolean look(const struct site *s, struct sight *ret, GError **error)
{
	return visible_is_replaceable(s, error) &&
	       look_at(&s->staged, s->staged.name, &ret->has_staged, &ret->staged, error) &&
	       look_at(&s->visible, s->visible.name, &ret->has_visible, &ret->visible, error);
}

static gboolean sync_both(const struct site *s, GError **error)
{
	if (root_sync_dir(s->visible.dir_fd) < 0 || (s->staged.dir_fd >= 0 && root_sync_dir(s->staged.dir_fd) < 0))
		return fail_errno(error, errno, "folder of %s cannot be put on disk", s->d->visible);
	return TRUE;
}

static gboolean store_displaced(const struct site *s, GError **error)
{
	return store_add(s->d->root_fd, s->staged.dir_fd, s->displaced, store_extension(s->visible.name), NULL, error);
}

/* Brings what an interrupted call left under the displaced name to where it belongs: our own content
 * back to its staged name, the other to the store. While it is still visible as well (linked, not yet
 * replaced) it stays: displace() writes over that second name. */
static gboolean settle(const struct site *s, GError **error)
{
	gboolean is_there = FALSE;
	struct file_digest displaced;
	struct sight now = { 0 };
	if (!look_at(&s->staged, s->displaced, &is_there, &displaced, error))
		return FALSE;
	if (!is_there)
		return TRUE;
	if (!look(s, &now, error))
		return FALSE;
	gboolean is_ours = strcmp(displaced.sha256, s->d->sha256) == 0;
	gboolean is_visible = now.has_visible && facts_same_file(&displaced.facts, &now.visible.facts);
	if (is_visible && !is_ours)
		return TRUE;
	if (is_visible)
		return unlinkat(s->staged.dir_fd, s->displaced, 0) == 0 || errno == ENOENT ||
		       fail_errno(error, errno, "%s%s cannot be removed", s->path, DELIVER_DISPLACED);
	if (!is_ours || now.has_staged)
		return store_displaced(s, error);
	if (renameat(s->staged.dir_fd, s->displaced, s->staged.dir_fd, s->staged.name) < 0)
		return fail_errno(error, errno, "%s%s cannot be renamed", s->path, DELIVER_DISPLACED);
	return TRUE;
}

/* The content is visible, and that is on disk: only the staged name is left over. That it goes need not be on disk: where
 * a crash brings it back, the next delivery finds the content visible, and removes it again. */
static enum step drop_staged(const struct site *s, const struct sight *now, GError **error)
{
	if (!now->has_staged)
		return STEP_DONE;
	if (strcmp(now->staged.sha256, s->d->sha256) != 0)
		return step_of(store_add(s->d->root_fd, s->staged.dir_fd, s->staged.name,
					 store_extension(s->visible.name), NULL, error));
	if (unlinkat(s->staged.dir_fd, s->staged.name, 0) < 0 && errno != ENOENT)
		return step_of(fail_errno(error, errno, "%s cannot be removed", s->path));
	return STEP_DONE;
}

/* How it came to be visible is not known: an earlier call may have ended before its sync. */
static enum step finish(const struct site *s, const struct sight *now, GError **error)
{
	return sync_both(s, error) ? drop_staged(s, now, error) : STEP_FAILED;
}

static enum step finish_link(const struct site *s, const struct sight *now, GError **error)
{
	if (root_sync_dir(s->visible.dir_fd) < 0)
		return step_of(fail_errno(error, errno, "folder of %s cannot be put on disk", s->d->visible));
	return drop_staged(s, now, error);
}

/* link(2) gives EPERM on file systems without hard links, and for another user's file where
 * fs.protected_hardlinks is set. */
static gboolean cannot_link(int errno_value)
{
	return errno_value == EPERM || errno_value == EOPNOTSUPP || errno_value == ENOSYS || errno_value == EMLINK;
}

/* renameat2(2) gives EINVAL for a flag that the file system lacks (9p: all flags). */
static gboolean lacks_flag(int errno_value)
{
	return errno_value == EINVAL || errno_value == EOPNOTSUPP || errno_value == ENOSYS;
}

static enum step publish_by_rename(const struct site *s, GError **error)
{
	if (renameat2(s->staged.dir_fd, s->staged.name, s->visible.dir_fd, s->visible.name, RENAME_NOREPLACE) == 0)
		return step_of(sync_both(s, error));
	if (errno == EEXIST)
		return STEP_AGAIN;
	if (!lacks_flag(errno))
		return step_of(fail_errno(error, errno, "%s cannot be renamed to %s", s->path, s->d->visible));
	return step_of(fail(error, ERROR_FAILED,
			    "the file system of %s has neither hard links (for this user) nor exclusive renames, so "
			    "that a frame could overwrite another",
			    s->d->visible));
}

static enum step publish(const struct site *s, const struct sight *now, GError **error)
{
	if (linkat(s->staged.dir_fd, s->staged.name, s->visible.dir_fd, s->visible.name, 0) == 0)
		return finish_link(s, now, error);
	if (errno == EEXIST)
		return STEP_AGAIN;
	if (cannot_link(errno))
		return publish_by_rename(s, error);
	if (errno == EXDEV)
		return step_of(fail(error, ERROR_FAILED,
				    "%s is on another file system than its root's .cleave; make it a root",
				    s->d->visible));
	return step_of(fail_errno(error, errno, "%s cannot be linked to %s", s->path, s->d->visible));
}

/* Without an exchange: the old content gets a second name first, then the new one takes its place. A
 * file that someone puts there between these two steps would be lost; 9p offers nothing better. */
static enum step displace_by_link(const struct site *s, GError **error)
{
	if (linkat(s->visible.dir_fd, s->visible.name, s->staged.dir_fd, s->displaced, 0) < 0) {
		if (errno == ENOENT || errno == EEXIST)
			return STEP_AGAIN;
		return step_of(fail_errno(error, errno,
					  "%s can neither be exchanged (the file system lacks it) nor linked, so that "
					  "it could not be kept",
					  s->d->visible));
	}
	/* the second name must be on disk before the first one goes */
	if (!sync_both(s, error))
		return STEP_FAILED;
	if (renameat(s->staged.dir_fd, s->staged.name, s->visible.dir_fd, s->visible.name) < 0)
		return step_of(fail_errno(error, errno, "%s cannot be renamed to %s", s->path, s->d->visible));
	return step_of(sync_both(s, error) && store_displaced(s, error));
}

static enum step displace(const struct site *s, GError **error)
{
	int staging = s->staged.dir_fd;
	if (renameat(staging, s->staged.name, staging, s->displaced) < 0)
		return step_of(fail_errno(error, errno, "%s cannot be renamed", s->path));
	if (renameat2(staging, s->displaced, s->visible.dir_fd, s->visible.name, RENAME_EXCHANGE) == 0)
		return step_of(sync_both(s, error) && store_displaced(s, error));
	int why = errno;
	if (renameat(staging, s->displaced, staging, s->staged.name) < 0)
		return step_of(fail_errno(error, errno, "%s%s cannot be renamed", s->path, DELIVER_DISPLACED));
	if (why == ENOENT)
		return STEP_AGAIN;
	if (lacks_flag(why))
		return displace_by_link(s, error);
	return step_of(fail_errno(error, why, "%s cannot be exchanged with %s", s->path, s->d->visible));
}

static enum step deliver_once(const struct site *s, enum delivered *ret, GError **error)
{
	struct sight now = { 0 };
	if (!settle(s, error) || !look(s, &now, error))
		return STEP_FAILED;
	if (now.has_visible && strcmp(now.visible.sha256, s->d->sha256) == 0) {
		*ret = DELIVERED_ALREADY;
		return finish(s, &now, error);
	}
	if (!now.has_staged)
		return step_of(fail(error, ERROR_NOT_FOUND, "%s is not there", s->path));
	if (strcmp(now.staged.sha256, s->d->sha256) != 0)
		return step_of(fail(error, ERROR_INVALID, "%s is not what was verified: its content is %s", s->path,
				    now.staged.sha256));
	if (!now.has_visible) {
		*ret = DELIVERED_NEW;
		return publish(s, &now, error);
	}
	if (!s->d->may_replace)
		return step_of(fail(error, ERROR_EXISTS, "%s is there with other content", s->d->visible));
	*ret = DELIVERED_OVER;
	return displace(s, error);
}

/* So that it can be put back when it is cut or overwritten. Without it the frame is delivered all the same. */
static void keep_copy(const struct delivery *d)
{
	if (d->keeps_copy || copy_may_share(d->root_fd))
		store_copy_in(d->root_fd, d->visible, d->sha256, d->keeps_copy ? COPY_PLAIN : COPY_SHARED, NULL);
}

gboolean frame_deliver(const struct delivery *d, enum delivered *ret, GError **error)
{
	struct site s;
	enum delivered how = DELIVERED_NEW;
	if (d->remote)
		return remote_deliver(d, ret, error);
	enum step step = site_open(&s, d, error) ? STEP_AGAIN : STEP_FAILED;
	for (guint i = 0; i < ATTEMPTS && step == STEP_AGAIN; i++)
		step = deliver_once(&s, &how, error);
	if (step == STEP_AGAIN)
		fail(error, ERROR_FAILED, "others keep putting and taking files there");
	site_clear(&s);
	if (step != STEP_DONE) {
		g_prefix_error(error, "cannot deliver %s: ", d->visible);
		return FALSE;
	}
	keep_copy(d);
	*ret = how;
	return TRUE;
}

/* A whole copy under the staged name, unless an earlier call made one or went even further. */
static gboolean copy_to_stage(const struct site *s, GError **error)
{
	struct sight now = { 0 };
	if (!look(s, &now, error))
		return FALSE;
	if ((now.has_staged && strcmp(now.staged.sha256, s->d->sha256) == 0) ||
	    (now.has_visible && strcmp(now.visible.sha256, s->d->sha256) == 0))
		return TRUE;
	g_autofree char *partial = g_strconcat(s->staged.name, STORE_PARTIAL, NULL);
	const char *extension = store_extension(s->visible.name);
	if (!store_copy_out(s->d->root_fd, s->d->sha256, extension, s->staged.dir_fd, partial, error))
		return FALSE;
	if (renameat(s->staged.dir_fd, partial, s->staged.dir_fd, s->staged.name) < 0)
		return fail_errno(error, errno, "%s cannot be made", s->path);
	return TRUE;
}

static gboolean prepare_put_back(const struct delivery *d, GError **error)
{
	struct site s;
	g_autofree char *folder = root_job_path(d->job_dir, "staging", d->token, error);
	SCOPED_FD(made) = folder ? root_mkdirs(d->root_fd, folder) : -1;
	if (made < 0)
		return folder ? fail_errno(error, errno, "%s cannot be made", folder) : FALSE;
	gboolean ok = site_open(&s, d, error) && copy_to_stage(&s, error);
	site_clear(&s);
	return ok;
}

gboolean frame_put_back(const struct delivery *d, enum delivered *ret, GError **error)
{
	if (d->remote)
		return remote_put_back(d, ret, error);
	if (!prepare_put_back(d, error)) {
		g_prefix_error(error, "cannot put back %s: ", d->visible);
		return FALSE;
	}
	return frame_deliver(d, ret, error) &&
	       (d->keeps_stored || store_remove(d->root_fd, d->sha256, store_extension(d->visible), error));
}
