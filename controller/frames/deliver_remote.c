/* Conditions of writes do here what exclusive links and exchanges do in a folder. */
#include "frames/deliver_remote.h"
#include "base/error.h"
#include "frames/digest.h"
#include "frames/manifest.h"
#include "frames/remote.h"
#include "frames/root.h"
#include "frames/store.h"
#include <stdio.h>
#include <string.h>

enum { ATTEMPTS = 8 };

struct site {
	const struct delivery *d;
	struct remote *r;
	char *folder; /* of the attempt */
	char *staged; /* key, and path in the local folder */
};

static void site_clear(struct site *s)
{
	g_free(s->folder);
	g_free(s->staged);
}

static gboolean site_open(struct site *s, const struct delivery *d, GError **error)
{
	*s = (struct site){ .d = d, .r = d->remote };
	if (!sha256_is_valid(d->sha256))
		return fail(error, ERROR_INVALID, "\"%s\" is no SHA-256", d->sha256 ? d->sha256 : "");
	if (g_str_has_prefix(d->visible, ".cleave") || strstr(d->visible, "/.cleave"))
		return fail(error, ERROR_INVALID, "%s: frames do not go into cleave's own folder", d->visible);
	const char *slash = strrchr(d->visible, '/');
	s->folder = root_job_path(d->job_dir, "staging", d->token, error);
	if (s->folder)
		s->staged = g_strconcat(s->folder, "/", d->staged ? d->staged : slash ? slash + 1 : d->visible, NULL);
	return s->staged != NULL;
}

/* The verified content in the local folder: the worker has it there, others bring it. */
static gboolean have_content(const struct site *s, GError **error)
{
	struct file_digest local;
	if (digest_file(NULL, s->d->root_fd, s->staged, &local, NULL) && strcmp(local.sha256, s->d->sha256) == 0)
		return TRUE;
	return remote_fetch(s->r, s->d->root_fd, s->staged, s->d->sha256, 0, error);
}

/* The content is visible: what was staged is left over. */
static gboolean finish(const struct site *s, GError **error)
{
	SCOPED_ENTRY(entry);
	if (!remote_remove(s->r, s->staged, error))
		return FALSE;
	if (root_open_entry(s->d->root_fd, s->staged, FALSE, &entry, NULL) && entry.dir_fd >= 0)
		(void)unlinkat(entry.dir_fd, entry.name, 0);
	return TRUE;
}

/* The store gets it under its digest, before it is displaced. Also where it has it: so its time there begins anew, and
 * who clears the store at this moment leaves it. */
static gboolean keep(struct remote *r, const char *path, const struct s3_facts *facts, const char *sha256,
		     const char *extension, GError **error)
{
	g_autofree char *to = store_path(sha256, extension, error);
	return to && remote_copy(r, path, facts->etag, to, error);
}

static gboolean publish(const struct site *s, const struct s3_facts *over, GError **error)
{
	const struct s3_condition only = { over ? over->etag : NULL };
	struct s3_facts now;
	if (!remote_send(s->r, s->d->root_fd, s->staged, s->d->visible, &only, &now, error))
		return FALSE;
	remote_learn(s->r, &now, s->d->sha256);
	return TRUE;
}

/* ERROR_EXISTS: others were there in between; look again. */
static gboolean deliver_once(const struct site *s, enum delivered *ret, GError **error)
{
	const struct delivery *d = s->d;
	struct s3_facts now;
	gboolean is_there;
	char visible[SHA256_HEX_SIZE];
	if (!remote_ask(s->r, d->visible, &is_there, &now, error))
		return FALSE;
	if (!is_there) {
		*ret = DELIVERED_NEW;
		return have_content(s, error) && publish(s, NULL, error) && finish(s, error);
	}
	if (!remote_identify(s->r, d->visible, &now, visible, error))
		return FALSE;
	if (strcmp(visible, d->sha256) == 0) {
		*ret = DELIVERED_ALREADY;
		return finish(s, error);
	}
	if (!d->may_replace)
		return fail(error, ERROR_REFUSED, "%s is there with other content", d->visible);
	*ret = DELIVERED_OVER;
	return have_content(s, error) && keep(s->r, d->visible, &now, visible, store_extension(d->visible), error) &&
	       publish(s, &now, error) && finish(s, error);
}

static gboolean is_race(const GError *why)
{
	return g_error_matches(why, CLEAVE_ERROR, ERROR_EXISTS);
}

static gboolean deliver(const struct site *s, enum delivered *ret, GError **error)
{
	g_autoptr(GError) why = NULL;
	for (guint i = 0; i < ATTEMPTS; i++) {
		g_clear_error(&why);
		if (deliver_once(s, ret, &why))
			return TRUE;
		if (!is_race(why))
			break;
	}
	if (is_race(why))
		return fail(error, ERROR_FAILED, "others keep putting and taking objects there: %s", why->message);
	g_propagate_error(error, g_steal_pointer(&why));
	return FALSE;
}

gboolean remote_deliver(const struct delivery *d, enum delivered *ret, GError **error)
{
	struct site s;
	gboolean ok = site_open(&s, d, error) && deliver(&s, ret, error);
	if (!ok)
		g_prefix_error(error, "cannot deliver %s: ", d->visible);
	site_clear(&s);
	return ok;
}

static gboolean put_back(const struct site *s, enum delivered *ret, GError **error)
{
	const struct delivery *d = s->d;
	struct file_digest local;
	SCOPED_ENTRY(entry);
	g_autofree char *stored = store_path(d->sha256, store_extension(d->visible), error);
	if (!stored)
		return FALSE;
	gboolean is_here = digest_file(NULL, d->root_fd, s->staged, &local, NULL) && strcmp(local.sha256, d->sha256) == 0;
	if (!is_here) {
		if (!remote_fetch(d->remote, d->root_fd, stored, d->sha256, 0, error) ||
		    !root_open_entry(d->root_fd, s->staged, TRUE, &entry, error))
			return FALSE;
		if (renameat(d->root_fd, stored, entry.dir_fd, entry.name) < 0)
			return fail_errno(error, errno, "%s cannot be made", s->staged);
	}
	return deliver(s, ret, error) && (d->keeps_stored || remote_remove(s->r, stored, error));
}

gboolean remote_put_back(const struct delivery *d, enum delivered *ret, GError **error)
{
	struct site s;
	gboolean ok = site_open(&s, d, error) && put_back(&s, ret, error);
	if (!ok)
		g_prefix_error(error, "cannot put back %s: ", d->visible);
	site_clear(&s);
	return ok;
}

/* -- what attempts left ---------------------------------------------------------------------------- */

struct collection {
	struct remote *r;
	const struct manifest_view *view;
	GHashTable *wanted;
	struct collected done;
};

static gboolean collect_object(struct collection *c, const char *path, const struct s3_facts *facts, GError **error)
{
	char sha256[SHA256_HEX_SIZE];
	g_autoptr(GError) why = NULL;
	if (!remote_identify(c->r, path, facts, sha256, &why)) {
		if (g_error_matches(why, CLEAVE_ERROR, ERROR_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	const struct record *record = manifest_any_content(c->view, sha256);
	if (record && c->wanted && g_hash_table_contains(c->wanted, sha256)) {
		c->done.kept++;
		return TRUE;
	}
	if (record && !keep(c->r, path, facts, sha256, store_extension(record->file), error))
		return FALSE;
	c->done.stored += record != NULL;
	c->done.removed += record == NULL;
	return remote_remove(c->r, path, error);
}

gboolean remote_collect(struct remote *r, int root_fd, const char *job_dir, const char *token,
			const struct manifest_view *v, GHashTable *wanted, struct collected *ret, GError **error)
{
	struct collection c = { .r = r, .view = v, .wanted = wanted };
	GHashTableIter it;
	gpointer path, facts;
	g_autofree char *folder = root_job_path(job_dir, "staging", token, error);
	g_autofree char *prefix = folder ? g_strconcat(folder, "/", NULL) : NULL;
	g_autoptr(GHashTable) found = prefix ? remote_list(r, prefix, error) : NULL;
	gboolean ok = found != NULL;
	if (ok)
		g_hash_table_iter_init(&it, found);
	while (ok && g_hash_table_iter_next(&it, &path, &facts))
		ok = collect_object(&c, path, facts, error);
	if (!ok) {
		g_prefix_error(error, "staging of token %s: ", token);
		return FALSE;
	}
	remote_forget_stage(r, root_fd, folder);
	*ret = c.done;
	return TRUE;
}

GPtrArray *remote_tokens(struct remote *r, const char *job_dir, GError **error)
{
	g_autofree char *folder = root_job_path(job_dir, "staging", NULL, error);
	g_autofree char *prefix = folder ? g_strconcat(folder, "/", NULL) : NULL;
	g_autoptr(GHashTable) found = prefix ? remote_list(r, prefix, error) : NULL;
	g_autoptr(GHashTable) tokens = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter it;
	gpointer path;
	if (!found)
		return NULL;
	GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
	g_hash_table_iter_init(&it, found);
	while (g_hash_table_iter_next(&it, &path, NULL)) {
		const char *token = (const char *)path + strlen(prefix);
		char *name = g_strndup(token, strcspn(token, "/"));
		if (g_hash_table_contains(tokens, name)) {
			g_free(name);
			continue;
		}
		g_hash_table_add(tokens, name);
		g_ptr_array_add(all, name);
	}
	return all;
}
