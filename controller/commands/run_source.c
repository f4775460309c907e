/* The remote side of `cleave run`: mirrors of URLs are fetched beside the loop, at intervals, and when somebody says that
 * there is something new. What comes changes the mirror's refs, and the watch on those wakes the loop. */
#include "base/arena.h"
#include "base/log.h"
#include "commands/run.h"
#include "source/mirror.h"

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
	gboolean is_new = error && g_strcmp0(m->away, error->message) != 0;
	gboolean was_away = m->away != NULL;
	if (is_new)
		log_warning("source", "%s; the last commit stays in force", error->message);
	if (!error && was_away)
		log_notice("source", "%s answers again", mirror_shown(m->mirror));
	if (error && !was_away)
		m->away_since_ms = g_get_real_time() / 1000;
	if (is_new || (!error && was_away)) {
		g_free(m->away);
		m->away = error ? g_strdup(error->message) : NULL;
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

void run_source_start(struct runner *r)
{
	const GPtrArray *mirrors = session_mirrors(r->session);
	r->remotes = g_ptr_array_new_with_free_func(free_remote);
	for (guint i = 0; i < mirrors->len; i++) {
		struct run_remote *m = g_new0(struct run_remote, 1);
		*m = (struct run_remote){ .runner = r, .mirror = mirrors->pdata[i] };
		g_ptr_array_add(r->remotes, m);
		fetch(m);
	}
}

void run_source_stop(struct runner *r)
{
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
