/* A fetch is a few runs of git, one after the other: what the remote's HEAD is, the fetch itself, and after a failure
 * whether the copy is at fault.
 *
 * Beside NAME.git lie NAME.lock (held by git too, so that it outlives us if git does), NAME.url (for people; its time is
 * that of the last good fetch), and NAME.new or NAME.old while a copy is made anew. */
#include "source/mirror.h"
#include "base/error.h"
#include "source/git_run.h"
#include "source/mirror_files.h"
#include "source/remote.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { FETCH_MS = 600000, HEAD_MS = 60000, CHECK_MS = 60000, LOCK_MS = 60000, LOCK_PAUSE_MS = 100, ARGUMENTS_MAX = 40 };

struct mirror {
	char *url, *shown;
	char *path;  /* …/NAME.git */
	char *fresh; /* …/NAME.new */
	gboolean wants_head;
	gint64 fetch_ms;
	/* Of the fetch under way. */
	gboolean is_fetching, is_anew;
	GMainContext *context; /* NULL: the default one */
	struct git_run *run;
	GSource *pause; /* until the lock is asked for again */
	gint64 lock_until_us;
	int lock_fd;
	GError *failure; /* of the fetch, while the copy is looked at */
	char *sound;     /* the failure for which the copy was found whole: the same once more is the remote's; NULL: none */
	void (*ended)(gpointer user, const GError *error);
	gpointer user;
};

struct mirror *mirror_open(const char *folder, const char *url, gboolean wants_head, GError **error)
{
	if (!remote_check(url, error))
		return NULL;
	struct mirror *m = g_new0(struct mirror, 1);
	m->url = g_strdup(url);
	m->shown = remote_shown(url);
	/* Of the shown form: a new token is no new repository. */
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, m->shown, -1);
	m->path = g_strdup_printf("%s/%.16s.git", folder, digest);
	m->fresh = g_strdup_printf("%s/%.16s.new", folder, digest);
	m->wants_head = wants_head;
	m->fetch_ms = FETCH_MS;
	m->lock_fd = -1;
	if (mirror_files_make(m->path, error))
		return m;
	g_prefix_error(error, "a copy of %s below %s: ", m->shown, folder);
	mirror_free(m);
	return NULL;
}

static void end_pause(struct mirror *m)
{
	if (m->pause) {
		g_source_destroy(m->pause);
		g_source_unref(m->pause);
	}
	m->pause = NULL;
}

static void let_go(struct mirror *m)
{
	end_pause(m);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	m->lock_fd = -1;
	m->is_fetching = m->is_anew = FALSE;
}

void mirror_free(struct mirror *m)
{
	if (!m)
		return;
	git_run_cancel(m->run);
	let_go(m);
	g_clear_error(&m->failure);
	char *texts[] = { m->url, m->shown, m->path, m->fresh, m->sound };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_free(m);
}

const char *mirror_path(const struct mirror *m)
{
	return m->path;
}

const char *mirror_shown(const struct mirror *m)
{
	return m->shown;
}

gint64 mirror_fetched_ms(const struct mirror *m)
{
	return mirror_files_fetched_ms(m->path);
}

gboolean mirror_is_fetching(const struct mirror *m)
{
	return m->is_fetching;
}

void mirror_set_deadline(struct mirror *m, gint64 ms)
{
	m->fetch_ms = ms;
}

/* -- what went wrong -------------------------------------------------------------------------------------- */

/* Git's words, and what a person can do about them. */
static const struct {
	const char *words, *way_out;
} ways_out[] = {
	{ "Could not resolve host", "look at the name, and at this host's resolver" },
	{ "Host key verification failed", "tell ssh the host's key: `ssh-keyscan HOST >>/etc/ssh/ssh_known_hosts`, after comparing it" },
	{ "Permission denied (publickey", "give the user that cleave runs as a key that the remote knows (a read-only deploy key)" },
	{ "could not read Username", "it asks who you are: set a credential helper (`git config --system credential.helper …`) or use an ssh key" },
	{ "could not read Password", "it asks for a password: set a credential helper, or use an ssh key" },
	{ "Authentication failed", "the password or token is not accepted: renew it in the credential helper" },
	{ "dubious ownership", "it belongs to another user: `git config --system --add safe.directory PATH` on the machine that has it" },
	{ "mismatched algorithms", "it has SHA-256 objects; cleave reads SHA-1 repositories: push to one made with `git init --object-format=sha1`" },
	{ "does not appear to be a git repository", "look at the path" },
	{ "does not support smart HTTP", "serve it with `git http-backend`, or as a forge does" },
	{ "not found", "look at the path; a forge says this also where the key or token may not read it" },
	{ "No space left on device", "make room below --state" },
	{ "transport '", "write ssh://, https://, git://, file:// or host:path" },
	{ "certificate", "the server's certificate is not trusted here: install its authority's (ca-certificates)" },
};

static const char *find_way_out(const char *words)
{
	for (guint i = 0; i < G_N_ELEMENTS(ways_out); i++)
		if (strstr(words, ways_out[i].words))
			return ways_out[i].way_out;
	return NULL;
}

/* Whatever it is, it may be well again at the next try. */
static GError *explain(const struct mirror *m, const GError *why)
{
	const char *way_out = find_way_out(why->message);
	GError *error = NULL;
	/* A password in a URL stands in git's words too. */
	g_auto(GStrv) parts = g_strsplit(why->message, m->url, -1);
	g_autofree char *words = g_strjoinv(m->shown, parts);
	fail(&error, why->code == ERROR_TIMEOUT ? ERROR_TIMEOUT : ERROR_AWAY, "%s cannot be fetched: %s%s%s", m->shown, words,
	     way_out ? "; " : "", way_out ? way_out : "");
	return error;
}

/* -- the steps -------------------------------------------------------------------------------------------- */

typedef void (*step_ended)(gpointer mirror, const struct git_end *end);

static void finish(struct mirror *m, const GError *why)
{
	GError *error = why ? explain(m, why) : NULL;
	g_clear_error(&m->failure);
	if (!error)
		mirror_files_note(m->path, m->shown);
	let_go(m);
	/* Last: it may free the mirror. */
	m->ended(m->user, error);
	g_clear_error(&error);
}

/* Appends the arguments up to NULL, and runs git with them. */
static void run(struct mirror *m, const char *path, gint64 deadline_ms, step_ended next, ...)
{
	g_autofree char *dir = g_strdup_printf("--git-dir=%s", path);
	const char *argv[ARGUMENTS_MAX] = { dir, "-c", "core.hooksPath=/dev/null" };
	g_autoptr(GError) error = NULL;
	guint n = 3;
	va_list arguments;
	va_start(arguments, next);
	while (n < ARGUMENTS_MAX - 1 && (argv[n] = va_arg(arguments, const char *)))
		n++;
	va_end(arguments);
	m->run = git_run_start(argv, deadline_ms, m->lock_fd, m->context, next, m, &error);
	if (!m->run)
		finish(m, error);
}

static void fetch(struct mirror *m, const char *path);

static void on_checked(gpointer user, const struct git_end *end)
{
	struct mirror *m = user;
	g_autoptr(GError) error = NULL;
	m->run = NULL;
	gboolean is_broken = end->error && end->error->code == ERROR_FAILED;
	if (!is_broken || !mirror_files_make(m->fresh, &error)) {
		g_autoptr(GError) failure = g_steal_pointer(&m->failure);
		g_free(m->sound);
		m->sound = end->error ? NULL : g_strdup(failure->message);
		finish(m, failure);
		return;
	}
	g_clear_error(&m->failure);
	m->is_anew = TRUE;
	fetch(m, m->fresh);
}

/* The remote may be at fault, or the copy. */
static void on_fetched(gpointer user, const struct git_end *end)
{
	struct mirror *m = user;
	g_autoptr(GError) error = NULL;
	m->run = NULL;
	if (!end->error)
		g_clear_pointer(&m->sound, g_free);
	if (end->error && !m->is_anew && g_strcmp0(m->sound, end->error->message) != 0) {
		m->failure = g_error_copy(end->error);
		run(m, m->path, CHECK_MS, on_checked, "fsck", "--connectivity-only", "--no-dangling", "--no-progress", NULL);
		return;
	}
	if (!end->error && m->is_anew)
		mirror_files_replace(m->path, m->fresh, &error);
	finish(m, end->error ? end->error : error);
}

/* Objects that nothing refers to any more stay for long: a commit in force may have been rewritten on the remote. Of slow
 * transfers only those count as dead that bring less than 100 bytes a second for a minute. */
static void fetch(struct mirror *m, const char *path)
{
	run(m, path, m->fetch_ms, on_fetched, "-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false", "-c", "gc.pruneExpire=90.days.ago",
	    "-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=60", "fetch", "--quiet", "--force", "--prune", "--no-tags",
	    "--no-recurse-submodules", "--no-write-fetch-head", "--", m->url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", NULL);
}

/* "ref: refs/heads/main	HEAD", then the commit's line. One that names none leaves ours. */
static void on_head(gpointer user, const struct git_end *end)
{
	static const char prefix[] = "ref: ";
	struct mirror *m = user;
	m->run = NULL;
	if (end->error) {
		finish(m, end->error);
		return;
	}
	if (g_str_has_prefix(end->out, prefix)) {
		const char *name = end->out + strlen(prefix);
		g_autofree char *ref = g_strndup(name, strcspn(name, "\t\n"));
		mirror_files_set_head(m->path, ref);
	}
	fetch(m, m->path);
}

static void begin(struct mirror *m)
{
	mirror_files_tidy(m->path);
	if (m->wants_head)
		run(m, m->path, MIN(m->fetch_ms, HEAD_MS), on_head, "ls-remote", "--symref", "--", m->url, "HEAD", NULL);
	else
		fetch(m, m->path);
}

/* -- the lock --------------------------------------------------------------------------------------------- */

static gboolean open_lock(struct mirror *m, GError **error)
{
	g_autofree char *path = mirror_files_beside(m->path, "lock");
	if (m->lock_fd < 0)
		m->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return m->lock_fd >= 0 || fail_errno(error, errno, "opening %s", path);
}

static gboolean try_lock(gpointer user)
{
	struct mirror *m = user;
	g_autoptr(GError) error = NULL;
	if (open_lock(m, &error) && flock(m->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		end_pause(m);
		begin(m);
		return G_SOURCE_REMOVE;
	}
	if (!error && g_get_monotonic_time() < m->lock_until_us) {
		g_source_set_ready_time(m->pause, g_get_monotonic_time() + LOCK_PAUSE_MS * 1000);
		return G_SOURCE_CONTINUE;
	}
	if (!error)
		fail(&error, ERROR_TIMEOUT, "another process has been fetching it for %d s", LOCK_MS / 1000);
	finish(m, error);
	return G_SOURCE_REMOVE;
}

static gboolean pause_dispatch(GSource *source, GSourceFunc func, gpointer user)
{
	(void)source;
	return func(user);
}

static GSourceFuncs pause_funcs = { .dispatch = pause_dispatch };

static gboolean start_on(struct mirror *m, GMainContext *context, void (*ended)(gpointer user, const GError *error), gpointer user)
{
	if (m->is_fetching)
		return FALSE;
	m->is_fetching = TRUE;
	m->context = context;
	m->ended = ended;
	m->user = user;
	m->lock_until_us = g_get_monotonic_time() + LOCK_MS * 1000;
	/* At the next turn of the loop in any case: `ended` does not run before this returns. */
	m->pause = g_source_new(&pause_funcs, sizeof(GSource));
	g_source_set_callback(m->pause, try_lock, m, NULL);
	g_source_set_ready_time(m->pause, 0);
	g_source_attach(m->pause, context);
	return TRUE;
}

gboolean mirror_fetch_start(struct mirror *m, void (*ended)(gpointer user, const GError *error), gpointer user)
{
	return start_on(m, NULL, ended, user);
}

struct waiting {
	gboolean is_over;
	GError *error;
};

static void on_over(gpointer user, const GError *error)
{
	struct waiting *w = user;
	w->is_over = TRUE;
	w->error = error ? g_error_copy(error) : NULL;
}

gboolean mirror_fetch(struct mirror *m, GError **error)
{
	struct waiting w = { 0 };
	GMainContext *context = g_main_context_new();
	gboolean is_started = start_on(m, context, on_over, &w);
	while (is_started && !w.is_over)
		g_main_context_iteration(context, TRUE);
	g_main_context_unref(context);
	if (!is_started)
		return fail(error, ERROR_EXISTS, "%s is being fetched", m->shown);
	if (!w.error)
		return TRUE;
	g_propagate_error(error, w.error);
	return FALSE;
}
