/* The remote side of `cleave run`: mirrors of URLs are fetched beside the loop, at intervals, and when somebody says that
 * there is something new. What comes changes the mirror's refs, and the watch on those wakes the loop. */
#include "base/arena.h"
#include "base/log.h"
#include "commands/run.h"
#include "source/mirror.h"
#include "spec/load.h"

enum { AGAIN_FIRST_MS = 2000, AGAIN_MOST_MS = 60000, JITTER_PERCENT = 10 };

struct run_remote {
	struct runner *runner;
	struct mirror *mirror;
	guint timer;
	gboolean is_asked_again; /* while a fetch is under way, which may have begun before what is meant */
	gint64 pause_ms;         /* after failures; 0: the last fetch ended well */
	char *away;              /* why it cannot be fetched; NULL: it can */
	gint64 away_since_ms;
};

static gboolean on_timer(gpointer user);

/* A farm's hosts do not come all at once. */
static gint64 with_jitter(gint64 ms)
{
	gint64 part = ms * JITTER_PERCENT / 100;
	return ms - part + (gint64)(g_random_double() * 2 * (double)part);
}

static void set_timer(struct run_remote *m)
{
	gint64 interval_ms = m->runner->in->interval_ms;
	gint64 ms = with_jitter(m->pause_ms ? MIN(m->pause_ms, interval_ms) : interval_ms);
	if (m->timer)
		g_source_remove(m->timer);
	m->timer = g_timeout_add((guint)CLAMP(ms, 1, G_MAXINT), on_timer, m);
}

/* Said when it changes; the condition of the revision says it as long as it lasts. */
static void note_away(struct run_remote *m, const GError *error)
{
	const char *source = session_mirror_source(m->runner->session, m->mirror);
	g_autofree char *why = error ? g_strdup_printf("%s%s%s", source ? source : "", source ? ": " : "", error->message) : NULL;
	gboolean is_new = error && g_strcmp0(m->away, why) != 0;
	gboolean was_away = m->away != NULL;
	if (is_new)
		log_warning("source", "%s%s", why, mirror_fetched_ms(m->mirror) ? "; the last commit stays in force" : "");
	if (!error && was_away)
		log_notice("source", "%s answers again", mirror_shown(m->mirror));
	if (error && !was_away)
		m->away_since_ms = g_get_real_time() / 1000;
	if (is_new || (!error && was_away)) {
		g_free(m->away);
		m->away = g_steal_pointer(&why);
		run_look(m->runner);
	}
}

static void on_fetched(gpointer user, const GError *error);

static void fetch(struct run_remote *m)
{
	if (!mirror_fetch_start(m->mirror, on_fetched, m))
		m->is_asked_again = TRUE;
}

static void on_fetched(gpointer user, const GError *error)
{
	struct run_remote *m = user;
	m->pause_ms = error ? CLAMP(m->pause_ms * 2, AGAIN_FIRST_MS, AGAIN_MOST_MS) : 0;
	note_away(m, error);
	set_timer(m);
	if (m->is_asked_again) {
		m->is_asked_again = FALSE;
		fetch(m);
	}
	if (m->runner->asking && m->runner->asking->len)
		run_asked_fetched(m->runner);
}

static gboolean on_timer(gpointer user)
{
	struct run_remote *m = user;
	m->timer = 0;
	fetch(m);
	return G_SOURCE_REMOVE;
}

static void free_remote(gpointer user)
{
	struct run_remote *m = user;
	if (m->timer)
		g_source_remove(m->timer);
	g_free(m->away);
	g_free(m);
}

gboolean run_source_is_fetching(const struct runner *r)
{
	for (guint i = 0; r->remotes && i < r->remotes->len; i++)
		if (mirror_is_fetching(((const struct run_remote *)r->remotes->pdata[i])->mirror))
			return TRUE;
	return FALSE;
}

/* -- what controllers tell each other ---------------------------------------------------------------------- */

static gboolean on_told(gpointer user)
{
	struct runner *r = user;
	r->hear_source = 0;
	run_source_fetch(r);
	return G_SOURCE_REMOVE;
}

/* Spread by the number of hosts, so that a server is not asked by all of them in the same instant. */
static guint spread_ms(const struct runner *r)
{
	enum { MS_A_HOST = 2, MOST_MS = 10000 };
	guint n_hosts = r->force.arena ? r->force.wanted.objects->by_kind[KIND_HOST]->len : 0;
	return (guint)(g_random_double() * MIN(n_hosts * MS_A_HOST, MOST_MS));
}

static gboolean on_word(gpointer user, const char *word)
{
	struct runner *r = user;
	g_autofree char *commit = NULL;
	if (!session_hears(r->session, r->force.arena ? &r->force.wanted.tree : NULL, word, &commit))
		return FALSE;
	if (!commit || !r->remotes->len)
		return TRUE;
	g_free(r->told);
	r->told = g_steal_pointer(&commit);
	if (!r->hear_source)
		r->hear_source = g_timeout_add(spread_ms(r), on_told, r);
	return TRUE;
}

/* What was there when the controller started is no news, nor is what another has told. */
void run_source_accepted(struct runner *r, gboolean is_first)
{
	const char *commit = r->force.wanted.tree.commit;
	gboolean is_news = commit && g_strcmp0(commit, r->told) != 0;
	if (!is_news)
		return;
	g_free(r->told);
	r->told = g_strdup(commit);
	if (!is_first)
		session_announce(r->session, &r->force.wanted.tree);
}

void run_source_start(struct runner *r)
{
	const GPtrArray *mirrors = session_mirrors(r->session);
	r->remotes = g_ptr_array_new_with_free_func(free_remote);
	session_on_word(r->session, on_word, r);
	for (guint i = 0; i < mirrors->len; i++) {
		struct run_remote *m = g_new0(struct run_remote, 1);
		*m = (struct run_remote){ .runner = r, .mirror = mirrors->pdata[i] };
		g_ptr_array_add(r->remotes, m);
		fetch(m);
	}
}

void run_source_stop(struct runner *r)
{
	if (r->hear_source)
		g_source_remove(r->hear_source);
	r->hear_source = 0;
	g_clear_pointer(&r->remotes, g_ptr_array_unref);
}

void run_source_fetch(struct runner *r)
{
	for (guint i = 0; r->remotes && i < r->remotes->len; i++)
		fetch(r->remotes->pdata[i]);
}

gboolean run_source_is_away(const struct runner *r, const char **ret_why, gint64 *ret_since_ms)
{
	for (guint i = 0; r->remotes && i < r->remotes->len; i++) {
		const struct run_remote *m = r->remotes->pdata[i];
		if (!m->away)
			continue;
		*ret_why = m->away;
		*ret_since_ms = m->away_since_ms;
		return TRUE;
	}
	return FALSE;
}

void run_take_good(struct runner *r)
{
	g_autoptr(GError) error = NULL;
	struct arena *a = arena_new();
	struct wanted w = { 0 };
	gint64 since_ms;
	if (session_want_good(r->session, a, &w, &since_ms, &error)) {
		r->force.arena = a;
		r->force.wanted = w;
		return;
	}
	wanted_clear(&w);
	arena_free(a);
}

void run_source_explain(const struct runner *r, GError **error)
{
	const struct run_remote *m = r->remotes && r->remotes->len ? r->remotes->pdata[0] : NULL;
	/* The main repository is found first. */
	if (!m || session_mirror_source(r->session, m->mirror) || mirror_fetched_ms(m->mirror))
		return;
	g_clear_error(error);
	if (m->away)
		fail(error, ERROR_AWAY, "%s", m->away);
	else
		fail(error, ERROR_AWAY, "%s is being fetched for the first time", mirror_shown(m->mirror));
}
