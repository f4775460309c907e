/* Where the specs are: a place on this machine, or the mirror of a URL. */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "reconcile_session.h"
#include "source/mirror.h"
#include "source/remote.h"
#include "spec/controller.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BOOT_FETCH_MS = 15000 };

char *session_source_name(const char *specs)
{
	struct remote remote;
	if (!remote_parse(specs, &remote))
		return g_canonicalize_filename(specs, NULL);
	char *name = remote.rev ? g_strdup_printf("%s@%s", remote.shown, remote.rev) : g_strdup(remote.shown);
	remote_clear(&remote);
	return name;
}

/* STATE/mirrors; of who may not write there the user's own cache. */
static char *mirrors_folder(const struct session *s)
{
	char *folder = g_build_filename(s->settings.state, "mirrors", NULL);
	if ((g_mkdir_with_parents(s->settings.state, 0711) == 0 && g_mkdir_with_parents(folder, 0700) == 0 && access(folder, W_OK) == 0) ||
	    (errno != EACCES && errno != EPERM && errno != EROFS))
		return folder;
	g_free(folder);
	return g_build_filename(g_get_user_cache_dir(), "cleave", "mirrors", NULL);
}

static struct mirror *find_mirror(struct session *s, const struct remote *remote, GError **error)
{
	for (guint i = 0; i < s->mirrors->len; i++)
		if (strcmp(mirror_shown(s->mirrors->pdata[i]), remote->shown) == 0)
			return s->mirrors->pdata[i];
	g_autofree char *folder = mirrors_folder(s);
	struct mirror *m = mirror_open(folder, remote->url, !remote->rev, error);
	if (m)
		g_ptr_array_add(s->mirrors, m);
	return m;
}

static char *time_text(gint64 ms)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(ms / 1000);
	return g_date_time_format(utc, "%Y-%m-%dT%H:%M:%SZ");
}

/* What was fetched before is used when the remote is away, and that is said. */
static gboolean fetch_now(const struct session *s, struct mirror *m, GError **error)
{
	g_autoptr(GError) problem = NULL;
	gint64 fetched_ms = mirror_fetched_ms(m);
	/* At boot there may be no network yet, and cards do not wait for it. */
	if (s->settings.devices_only && fetched_ms)
		mirror_set_deadline(m, BOOT_FETCH_MS);
	if (mirror_fetch(m, &problem))
		return TRUE;
	if (!fetched_ms) {
		g_propagate_error(error, g_steal_pointer(&problem));
		return FALSE;
	}
	g_autofree char *when = time_text(fetched_ms);
	log_warning("source", "%s; what was fetched last is used, of %s", problem->message, when);
	return TRUE;
}

/* Messages name the URL, not the copy. */
static gboolean find_in_mirror(struct session *s, const struct remote *remote, struct source_where *ret, GError **error)
{
	struct mirror *m = find_mirror(s, remote, error);
	if (!m || (!s->settings.takes_mirrors_as_they_are && !fetch_now(s, m, error)))
		return FALSE;
	g_autofree char *text = remote->rev ? g_strdup_printf("%s@%s", mirror_path(m), remote->rev) : g_strdup(mirror_path(m));
	if (!source_parse(s->arena, text, FALSE, ret, error))
		return FALSE;
	ret->path = arena_strdup(s->arena, remote->shown);
	return TRUE;
}

gboolean session_find(struct session *s, const char *specs, gboolean worktree, struct source_where *ret, GError **error)
{
	struct remote remote;
	if (!remote_parse(specs, &remote))
		return source_parse(s->arena, specs, worktree, ret, error);
	gboolean ok = worktree ? fail(error, ERROR_INVALID, "\"%s\" is a URL, which has no files to be read as they are; leave out --worktree",
	                              remote.shown)
	              : remote.rev && !*remote.rev ? fail(error, ERROR_INVALID, "\"%s@\": a revision must follow the @, as %s@main", remote.shown, remote.shown)
	                                           : find_in_mirror(s, &remote, ret, error);
	remote_clear(&remote);
	return ok;
}

const struct source_where *session_where(struct session *s, GError **error)
{
	if (!s->has_where && !session_find(s, s->settings.specs, s->settings.worktree, &s->where, error))
		return NULL;
	s->has_where = TRUE;
	return &s->where;
}

const char *session_mirror_source(const struct session *s, const struct mirror *m)
{
	for (guint i = 0; s->extras && i < s->extras->len; i++) {
		const struct extra *x = s->extras->pdata[i];
		g_autofree char *shown = remote_shown(x->spec->repository);
		if (strcmp(shown, mirror_shown(m)) == 0 && !(s->has_where && g_strcmp0(s->where.path, shown) == 0))
			return x->spec->name;
	}
	return NULL;
}

const GPtrArray *session_mirrors(const struct session *s)
{
	return s->mirrors;
}
