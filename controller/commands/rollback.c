/* cleave rollback [COMMIT]: the specs become those of an older commit, by a new one on top, so that nothing is rewritten
 * and every host heals to it; or this host alone works by the older one (--local). */
#include "base/arena.h"
#include "commands/local_decide.h"
#include "commands/proposal.h"
#include "commands/whom.h"
#include "report/merge.h"
#include "report/report.h"
#include "source/push.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

enum { ROLLBACK_REASON, ROLLBACK_BY, ROLLBACK_LOCAL, ROLLBACK_OFF };

const struct own_option rollback_options[] = {
	[ROLLBACK_REASON] = { "reason", 'm', "TEXT", "Why, for who finds it later (required)" },
	[ROLLBACK_BY] = { "by", 0, "WHO", "Who decided it (default: git's user)" },
	[ROLLBACK_LOCAL] = { "local", 0, NULL, "This host alone works by it, until a newer commit; git is not changed" },
	[ROLLBACK_OFF] = { "off", 0, NULL, "End a --local one" },
	{ 0 },
};

struct rolling {
	struct invocation *in;
	const char *rev; /* NULL: the one before the tip */
	char *by, *tip, *to;
	int code;        /* of the question; -1: go on */
};

/* -- what it changes -------------------------------------------------------------------------------------------- */

enum { SHOWN_OBJECTS = 20, SHOWN_FIELDS = 3, SHOWN_LEN = 40 };

static char *words_of(struct arena *a, const struct object *before, const struct object *after)
{
	if (!before || !after)
		return g_strdup(before ? "goes" : "comes back");
	struct changes c = diff_structs(a, before->kind->spec_fields, before->spec, after->spec, 0);
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < c.n && i < SHOWN_FIELDS; i++) {
		g_autofree char *was = merge_line(c.items[i].before ? c.items[i].before : "(none)", c.items[i].field, SHOWN_LEN);
		g_autofree char *is = merge_line(c.items[i].after ? c.items[i].after : "(none)", c.items[i].field, SHOWN_LEN);
		g_string_append_printf(s, "%s%s %s → %s", i ? ", " : "", c.items[i].field, was, is);
	}
	if (c.n > SHOWN_FIELDS)
		g_string_append_printf(s, ", and %u more", c.n - SHOWN_FIELDS);
	return g_string_free(s, FALSE);
}

static void add_object(GString *out, guint *n, struct arena *a, const struct object *before, const struct object *after)
{
	const struct object *o = before ? before : after;
	if (!o->spec)
		return;
	g_autofree char *words = words_of(a, before, after);
	if (*words && (*n)++ < SHOWN_OBJECTS)
		g_string_append_printf(out, "  %s/%s: %s\n", o->kind->name, o->id, words);
}

/* Object by object, from what is wanted now to what will be. */
static void show(struct arena *a, const struct objects *now, const struct objects *then, const char *to)
{
	g_autoptr(GString) out = g_string_new(NULL);
	guint n = 0;
	g_assert(now && then);
	for (int kind = 0; kind < N_SPEC_KINDS; kind++) {
		OBJECTS_EACH (o, now, kind)
			add_object(out, &n, a, o, objects_get(then, (enum kind_id)kind, o->id));
		OBJECTS_EACH (o, then, kind)
			if (!objects_get(now, (enum kind_id)kind, o->id))
				add_object(out, &n, a, NULL, o);
	}
	if (n > SHOWN_OBJECTS)
		g_string_append_printf(out, "  and %u more\n", n - SHOWN_OBJECTS);
	fprintf(stderr, "Back to %.12s, %u object%s change%s:\n%s", to, n, n == 1 ? "" : "s", n == 1 ? "s" : "", out->str);
}

/* -- by a commit ---------------------------------------------------------------------------------------------------- */

/* Where --specs names a folder of a work tree the rest of the repository is none of ours. */
static const char *find_subtree(struct arena *a, const struct invocation *in)
{
	struct source_where where = { 0 };
	return source_parse(a, in->settings.specs, FALSE, &where, NULL) && where.kind == SOURCE_COMMIT ? where.subtree : NULL;
}

static gboolean show_and_ask(struct rolling *r, const struct proposal_tip *tip, GError **error)
{
	struct settings settings = *tip->settings;
	struct wanted then;
	g_autofree char *specs = push_at(tip->push, r->to), *question = g_strdup_printf("Make these the specs of %s?", push_branch(tip->push));
	settings.specs = specs;
	struct session *s = session_new(&settings);
	gboolean ok = session_want(s, tip->arena, &then, error);
	if (ok)
		show(tip->arena, tip->wanted->objects, then.objects, r->to);
	wanted_clear(&then);
	session_free(s);
	if (!ok)
		return FALSE;
	r->code = command_confirm(r->in, question);
	return r->code < 0;
}

/* What somebody pushed meanwhile may be the cure: it is not swept away unseen. */
static gboolean is_still_tip(struct rolling *r, const struct proposal_tip *tip, GError **error)
{
	const char *now = push_commit_id(tip->push);
	if (r->tip && strcmp(r->tip, now) != 0)
		return fail(error, ERROR_REFUSED, "%s moved to %.12s meanwhile (%s); look at that first", push_branch(tip->push), now,
		            tip->wanted->tree.summary ? tip->wanted->tree.summary : "");
	if (!r->tip)
		r->tip = g_strdup(now);
	return TRUE;
}

static gboolean make(void *user, const struct proposal_tip *tip, struct proposal *ret, GError **error)
{
	struct rolling *r = user;
	gboolean is_first = r->tip == NULL;
	if (!is_still_tip(r, tip, error) || !push_deepen(tip->push, error))
		return FALSE;
	if (!r->to)
		r->to = push_resolve(tip->push, r->rev ? r->rev : "HEAD^", error);
	if (!r->to || (is_first && !show_and_ask(r, tip, error)))
		return FALSE;
	ret->tree_of = r->to;
	ret->path = ".";
	ret->subtree = find_subtree(tip->arena, r->in);
	ret->message = arena_printf(tip->arena, "roll back to %.12s: %s\n\nBy %s. The tree is that of %s; %s was before.\n", r->to,
	                            r->in->own[ROLLBACK_REASON], r->by, r->to, r->tip);
	return TRUE;
}

static int roll_back(struct rolling *r)
{
	g_autoptr(GError) error = NULL;
	struct proposal_done done = { 0 };
	gboolean ok = proposal_push(r->in, make, r, &done, &error) || g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS);
	g_autofree char *sentence = g_strdup_printf("the specs are those of %.12s again", r->to ? r->to : "");
	int code = ok ? proposal_report(r->in, &done, sentence) : r->code >= 0 ? r->code : error ? command_fail(error) : EXIT_FAILED;
	if (error && !ok && (error->code == ERROR_AWAY || error->code == ERROR_FAILED))
		fputs("cleave: where git stands in the way, `--local` does it on this host alone\n", stderr);
	proposal_done_clear(&done);
	return code;
}

/* -- on this host alone ------------------------------------------------------------------------------------------------ */

static int hold(struct rolling *r, struct session *s, struct arena *a)
{
	g_autoptr(GError) error = NULL;
	struct wanted now = { 0 }, then = { 0 };
	g_autofree char *source = session_source_name(r->in->settings.specs), *since = whom_now(), *before = NULL;
	if (!session_want(s, a, &now, &error))
		return command_fail(error);
	before = now.tip ? g_strdup_printf("%s^", now.tip) : NULL;
	if (!before)
		fail(&error, ERROR_INVALID, "%s is a folder, which has no commits", r->in->settings.specs);
	else if (session_want_at(s, a, r->rev ? r->rev : before, &then, &error) && then.problems.n_errors)
		fail(&error, ERROR_INVALID, "the specs of %.12s are not valid; see `cleave validate %s@%.12s`", then.tree.commit, r->in->settings.specs,
		     then.tree.commit);
	int code = error ? command_fail(error) : -1;
	if (code < 0) {
		show(a, now.objects, then.objects, then.tree.commit);
		code = command_confirm(r->in, "Let this host work by these, until the next commit?");
	}
	const struct hold h = { source, then.tree.commit, now.tip, r->in->own[ROLLBACK_REASON], r->by, since };
	code = code < 0 ? local_hold(r->in, &h) : code;
	wanted_clear(&now);
	if (then.arena)
		wanted_clear(&then);
	return code;
}

/* Where a controller runs its own source counts, wherever one stands. */
static int hold_here(struct rolling *r)
{
	SCOPED_ARENA(a);
	const char *source = look_source_of_controller(a, r->in->settings.state);
	if (source) {
		g_free((gpointer)r->in->settings.specs);
		r->in->settings.specs = g_strdup(source);
	}
	struct session *s = session_new(&r->in->settings);
	int code = hold(r, s, a);
	session_free(s);
	return code;
}

int command_rollback(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	if (in->own[ROLLBACK_OFF])
		return local_release(in);
	if (!whom_check_reason(in->own[ROLLBACK_REASON], &error))
		return command_fail(error);
	struct rolling r = { .in = in, .rev = in->n_args ? in->args[0] : NULL, .code = -1,
		             .by = in->own[ROLLBACK_BY] ? g_strdup(in->own[ROLLBACK_BY]) : whom_user() };
	int code = in->own[ROLLBACK_LOCAL] ? hold_here(&r) : roll_back(&r);
	g_free(r.by);
	g_free(r.tip);
	g_free(r.to);
	return code;
}
