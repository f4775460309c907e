/* cleave approve DIGEST: budgets and windows do not count for this very plan. cleave approve --list. */
#include "base/arena.h"
#include "commands/approve.h"
#include "report/report.h"
#include "state/approvals.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

gboolean approve_is_digest(const char *word)
{
	enum { LEAST = 8, MOST = 16 };
	gsize len = strlen(word);
	return len >= LEAST && len <= MOST && strspn(word, "0123456789abcdef") == len;
}

/* What waits is shown, so that nobody approves by the digest alone. -1: go on. */
static int ask(struct invocation *in, const struct plan *p, const char *digest)
{
	gboolean is_it = p->approval && g_str_has_prefix(p->approval, digest);
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; is_it && i < p->waiting.n; i++)
		g_string_append_printf(text, "  %s\n", p->waiting.items[i]);
	if (!is_it || in->output == OUTPUT_JSON)
		return -1; /* why not is said by who approves */
	if (!command_print(text))
		return EXIT_FAILED;
	return command_confirm(in, "Let these go on, whatever budgets and windows say?");
}

static gboolean do_it(struct invocation *in, struct looked *l, const char *digest, GError **error)
{
	const char *user = g_getenv("SUDO_USER");
	g_autofree char *by = g_strdup(user && *user ? user : g_get_user_name());
	g_strdelimit(by, " \n", '_');
	if (!l->is_asked)
		return session_approve(l->session, l->arena, &l->wanted, l->plan->have, digest, by, error);
	g_autofree char *request = g_strdup_printf("approve-plan %s %s", digest, by);
	g_autofree char *answer = control_ask(in->settings.state, request, error);
	return answer != NULL;
}

static int say(const struct invocation *in, const struct looked *l, const char *digest)
{
	g_autoptr(GString) text = g_string_new(NULL);
	if (in->output == OUTPUT_JSON) {
		report_version_json(text, l->plan);
		report_approval_json(text, l->plan->approval ? l->plan->approval : l->plan->approved, &l->plan->waiting);
	} else {
		g_string_append_printf(text, "%s: is approved; the next pass, or `cleave apply`, does it\n", digest);
	}
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

int approve_plan(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	const char *digest = in->args[0];
	struct looked l;
	struct state_lock *lock = state_is_locked(in->settings.state) ? NULL : state_lock(in->settings.state, &error);
	if (error)
		return command_fail(error);
	in->holds_lock = lock != NULL;
	int code = command_look(in, &l);
	gboolean is_vm = code < 0 && objects_get(l.plan->want, KIND_VM, digest);
	code = code < 0 && !is_vm ? ask(in, l.plan, digest) : code;
	if (code < 0 && !is_vm)
		code = do_it(in, &l, digest, &error) ? say(in, &l, digest) : command_fail(error);
	looked_clear(&l);
	state_unlock(lock);
	return code;
}

int approve_list(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) all = approvals_read(in->settings.state, &error);
	g_autoptr(GString) text = g_string_new(NULL);
	if (error)
		return command_fail(error);
	for (guint i = 0; i < all->len; i++) {
		const struct approval *one = all->pdata[i];
		if (in->output == OUTPUT_JSON)
			report_approved_json(text, one->digest, one->host, one->revision, one->by, one->at, one->has_begun);
		else
			g_string_append_printf(text, "%-18s %-8s %s  %s by %s\n", one->digest, one->has_begun ? "begun" : "waits", one->revision, one->at, one->by);
	}
	if (!all->len && in->output == OUTPUT_TEXT)
		g_string_append(text, "Nothing is approved.\n");
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}
