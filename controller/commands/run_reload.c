/* SIGHUP: the host's own settings are read once more. Options and environment stay what they were at the start, and go
 * before the file as they did then. What cannot change in a running controller is said and stays. */
#include "base/log.h"
#include "commands/run.h"
#include "commands/service.h"
#include <string.h>

/* What the lock, the control socket and the host's files hang on. */
static const char *what_stays(const struct settings *old, const struct settings *new)
{
	if (g_strcmp0(old->state, new->state) != 0)
		return "`state`";
	if (g_strcmp0(old->root, new->root) != 0)
		return "--root";
	return NULL;
}

static gboolean parse_again(const struct invocation *old, struct invocation *ret)
{
	/* GOption takes words out of the array it is given, so that somebody else has to own them. */
	g_auto(GStrv) words = g_strdupv(old->argv);
	guint n = g_strv_length(words);
	g_autofree char **argv = g_new0(char *, n + 1);
	memcpy(argv, words, n * sizeof *argv);
	int code = invocation_parse(old->command, (int)n, argv, ret);
	ret->args = NULL;
	ret->n_args = 0;
	return code < 0;
}

static gboolean is_same_source(const struct settings *x, const struct settings *y)
{
	return g_strcmp0(x->specs, y->specs) == 0 && x->worktree == y->worktree;
}

/* Whoever may be believed now is asked about what is in force as well: it was judged by the settings before. */
static gboolean asks_for_signatures(const struct settings *s)
{
	return s->local && (s->local->allowed_signers_file || s->local->keyring_file);
}

/* Connections, caches and the watch are made anew from the settings: which of them a change concerns need not be known. */
static void begin_anew(struct runner *r, struct invocation *fresh, gboolean keeps_force)
{
	g_autoptr(GError) error = NULL;
	struct invocation old = *r->in;
	run_source_stop(r);
	if (r->watch)
		source_watch_stop(r->watch);
	r->watch = NULL;
	session_free(r->session);
	*r->in = *fresh;
	invocation_clear(&old);
	r->in->settings.acts = TRUE;
	r->in->settings.takes_mirrors_as_they_are = TRUE;
	r->session = session_new(&r->in->settings);
	g_free(r->source);
	r->source = session_source_name(r->in->settings.specs);
	if (keeps_force && r->force.arena && !asks_for_signatures(&r->in->settings))
		session_take_wanted(r->session, &r->force.wanted);
	else
		run_clear_force(&r->force);
	if (!run_watch(r, &error))
		log_error("run", "%s is read at intervals only: %s", r->in->settings.specs, error->message);
	run_source_start(r);
	session_listen(r->session, run_look, r);
	if (r->asking && r->asking->len)
		run_asked_fetched(r); /* the fetch that they wait for may have been of another source */
}

void run_reload(struct runner *r)
{
	struct invocation fresh;
	r->wants_reload = FALSE;
	service_reloading();
	const char *stays = NULL;
	gboolean is_read = parse_again(r->in, &fresh);
	if (is_read)
		stays = what_stays(&r->in->settings, &fresh.settings);
	if (!is_read || stays) {
		if (stays)
			log_error("run", "%s: %s changed, which needs a restart; the settings before stay in force", r->in->local_path, stays);
		else
			log_error("run", "%s is not valid; the settings before stay in force", r->in->local_path);
		invocation_clear(&fresh);
	} else {
		begin_anew(r, &fresh, is_same_source(&r->in->settings, &fresh.settings) && g_strcmp0(r->in->settings.host, fresh.settings.host) == 0);
		if (r->in->local.warnings)
			log_warning("run", "the host's own settings:\n%s", r->in->local.warnings);
		log_notice("run", "host %s watches %s, with the settings of %s as they are now", r->in->settings.host, r->in->settings.specs,
		           r->in->local_path);
	}
	service_ready();
}
