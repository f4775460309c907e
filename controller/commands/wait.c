/* cleave wait OBJECT…: until each is Ready, or gone. While a controller runs its own words count, and it is asked again when something
 * happened; else, and of other hosts' objects, this command looks itself every two seconds. */
#include "base/arena.h"
#include "base/units.h"
#include "commands/kept.h"
#include "commands/select.h"
#include "source/trace.h"
#include "spec/farm.h"
#include "spec/fleet.h"
#include "spec/resolve.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 2000, AGAIN_MS = 1000 };
enum { OWN_FOR, OWN_TIMEOUT, OWN_REVISION, OWN_FAIL_FAST };

const struct own_option wait_options[] = {
	[OWN_FOR] = { "for", 0, "WHAT", "condition=NAME[=REASON] (Ready, Reconciling, Stalled, Unknown), or delete (default: condition=Ready)" },
	[OWN_TIMEOUT] = { "timeout", 0, "TIME", "Give up after so long (default 5m); 0s looks once" },
	[OWN_REVISION] = { "revision", 0, "REV", "Only as of this commit or a later one: HEAD is what --specs names" },
	[OWN_FAIL_FAST] = { "fail-fast", 0, NULL, "Exit with 1 as soon as one of them is Stalled" },
	{ 0 },
};

struct waiting {
	struct invocation *in;
	struct arena *arena;
	struct targets targets;
	const char *type, *reason; /* NULL type: until it is gone; NULL reason: any */
	struct source_where where; /* of the commit */
	const char *commit;        /* NULL: at any revision */
	gint64 until_us;
	gboolean looks_itself;     /* no event will tell */
	char *said;                /* the last progress line */
};

/* -- options --------------------------------------------------------------------------------------------------- */

static int parse_for(struct waiting *w, const char *text)
{
	text = text ? text : "condition=Ready";
	if (strcmp(text, "delete") == 0)
		return -1;
	if (!g_str_has_prefix(text, "condition=")) {
		fprintf(stderr, "cleave: --for %s: write condition=Ready, condition=Stalled=REASON, or delete\n", text);
		return EXIT_BAD_USAGE;
	}
	g_auto(GStrv) words = g_strsplit(text + strlen("condition="), "=", 2);
	for (int i = IS_READY; i <= IS_UNKNOWN; i++)
		if (words[0] && g_ascii_strcasecmp(words[0], name_of(&readiness_names, i)) == 0)
			w->type = name_of(&readiness_names, i);
	w->reason = words[0] && words[1] ? arena_strdup(w->arena, words[1]) : NULL;
	if (w->type)
		return -1;
	fprintf(stderr, "cleave: --for %s: there is no such condition; conditions: Ready, Reconciling, Stalled, Unknown\n", text);
	return EXIT_BAD_USAGE;
}

static int parse_timeout(struct waiting *w, const char *text)
{
	gint64 ms = 5 * 60 * 1000;
	gboolean is_zero = text && (strcmp(text, "0") == 0 || strcmp(text, "0s") == 0);
	const char *wrong = text && !is_zero ? duration_parse(w->arena, text, &ms) : NULL;
	if (wrong)
		fprintf(stderr, "cleave: --timeout %s: %s\n", text, wrong);
	w->until_us = g_get_monotonic_time() + (is_zero ? 0 : ms * 1000);
	return wrong ? EXIT_BAD_USAGE : -1;
}

static int parse_revision(struct waiting *w, const char *rev)
{
	g_autoptr(GError) error = NULL;
	const struct settings *s = &w->in->settings;
	const char *source = rev && !s->specs_given ? look_source_of_controller(w->arena, s->state) : NULL;
	if (!rev)
		return -1;
	if (!source_parse(w->arena, source ? source : s->specs, FALSE, &w->where, &error))
		return command_fail(error);
	w->commit = source_resolve(w->arena, &w->where, rev, &error);
	return w->commit ? -1 : command_fail(error);
}

static int parse(struct waiting *w)
{
	struct invocation *in = w->in;
	if (!in->n_args) {
		fputs("cleave: wait for what? As `cleave wait vm/render1`, `cleave wait job nimbus/shot1 --timeout 2h`\n", stderr);
		return EXIT_BAD_USAGE;
	}
	int code = targets_parse(in, 0, w->arena, &w->targets);
	if (code < 0)
		code = parse_for(w, in->own[OWN_FOR]);
	if (code < 0)
		code = parse_timeout(w, in->own[OWN_TIMEOUT]);
	return code < 0 ? parse_revision(w, in->own[OWN_REVISION]) : code;
}

/* -- looking --------------------------------------------------------------------------------------------------- */

static gboolean is_there(const struct objects *all, const struct target *t)
{
	OBJECTS_EACH (o, all, t->kind->id)
		if (!t->id || strcmp(o->id, t->id) == 0 || g_str_has_suffix(o->id, t->id))
			return TRUE;
	return FALSE;
}

/* What stands below no condition may still be on the machine: a domain that is being stopped, frames in the queue. */
static int look_gone(struct waiting *w, gboolean *ret_gone)
{
	struct looked l;
	w->in->falls_back = TRUE;
	int code = command_look(w->in, &l);
	*ret_gone = code < 0;
	for (guint i = 0; code < 0 && i < w->targets.n; i++)
		*ret_gone = *ret_gone && !is_there(l.wanted.objects, &w->targets.items[i]) &&
		            (w->targets.items[i].kind->id == KIND_RENDERJOB || !is_there(l.plan->have, &w->targets.items[i]));
	looked_clear(&l);
	return code;
}

/* How an object of another host stands is told as of the commit that its controller works with. */
static const struct farm_host_status *of_older_host(const struct waiting *w, const struct looked *l, const struct object *o)
{
	const struct object *farm = objects_farm(l->plan->have);
	const char *name = object_host_name(o);
	if (!w->commit || !farm || !farm->status || !name || g_strcmp0(name, l->plan->host) == 0)
		return NULL;
	const struct farm_host_status *h = farm_host_find(farm->status, name);
	return h && (!h->commit || !source_contains(&w->where, h->commit, w->commit)) ? h : NULL;
}

static struct conditions *look_myself(struct waiting *w, int *ret_code)
{
	struct looked l;
	struct conditions *c = NULL;
	w->in->falls_back = TRUE;
	*ret_code = command_look(w->in, &l);
	if (*ret_code < 0) {
		c = conditions_open(NULL);
		conditions_begin(c, l.plan->revision, l.wanted.tree.commit);
		for (guint i = 0; i < l.plan->n_verdicts; i++) {
			const struct verdict *v = &l.plan->verdicts[i];
			struct kept_condition one = { .kind = (char *)v->object->kind->name, .name = (char *)v->object->id,
				                            .type = (char *)name_of(&readiness_names, (int)v->readiness),
				                            .reason = (char *)v->reason, .message = (char *)v->message };
			const struct farm_host_status *older = of_older_host(w, &l, v->object);
			if (older) {
				one.type = (char *)name_of(&readiness_names, IS_RECONCILING);
				one.reason = "OtherRevision";
				one.message = arena_printf(l.arena, "its host %s works with %s", older->name, older->revision ? older->revision : "no revision yet");
			}
			conditions_note(c, &one, g_get_real_time() / 1000);
		}
	}
	looked_clear(&l);
	return c;
}

/* A pass does not ask how other hosts stand: what it keeps of their objects says only that they are theirs. */
static gboolean is_of_other_hosts(const struct waiting *w, const struct conditions *c)
{
	for (guint i = 0; i < w->targets.n; i++) {
		const struct kept_condition *one = conditions_match(c, w->targets.items[i].kind->name, w->targets.items[i].id);
		if (one && strcmp(one->reason, "OtherHost") == 0)
			return TRUE;
	}
	return FALSE;
}

/* NULL with *ret_code -1: not now, since the controller comes or goes. */
static struct conditions *look(struct waiting *w, int *ret_code)
{
	const char *state = w->in->settings.state;
	*ret_code = -1;
	w->looks_itself = w->in->have || w->in->settings.sysfs || !state_is_locked(state);
	if (w->looks_itself)
		return look_myself(w, ret_code);
	g_autofree char *text = control_ask(state, "conditions", NULL);
	struct conditions *c = text ? conditions_parse(text) : NULL;
	if (!c || !is_of_other_hosts(w, c))
		return c;
	conditions_free(c);
	w->looks_itself = TRUE;
	return look_myself(w, ret_code);
}

/* -- judging --------------------------------------------------------------------------------------------------- */

enum judged { JUDGED_MET, JUDGED_WAITS, JUDGED_FAILED };

static void say(struct waiting *w, const char *text)
{
	if (isatty(STDERR_FILENO) && g_strcmp0(text, w->said) != 0)
		fprintf(stderr, "%s\n", text);
	g_free(w->said);
	w->said = g_strdup(text);
}

static void say_condition(struct waiting *w, const struct kept_condition *one)
{
	g_autofree char *text = g_strdup_printf("%s/%s %s %s%s%s", one->kind, one->name, one->type, one->reason, one->message ? ": " : "",
	                                        one->message ? one->message : "");
	say(w, text);
}

/* A newer revision may be refused: then it never comes into force by itself. */
static enum judged judge_revision(struct waiting *w, const struct conditions *c)
{
	const char *now = conditions_commit(c);
	const struct kept_condition *revision = conditions_find(c, kinds[KIND_REVISION].name, "current");
	if (!w->commit || (now && source_contains(&w->where, now, w->commit)))
		return JUDGED_MET;
	if (revision && strcmp(revision->type, name_of(&readiness_names, IS_STALLED)) == 0) {
		say_condition(w, revision);
		return w->in->own[OWN_FAIL_FAST] ? JUDGED_FAILED : JUDGED_WAITS;
	}
	g_autofree char *text = g_strdup_printf("%s is in force, not yet %.12s", conditions_revision(c) ? conditions_revision(c) : "no revision", w->commit);
	say(w, text);
	return JUDGED_WAITS;
}

static enum judged judge_one(struct waiting *w, const struct conditions *c, const struct target *t)
{
	const struct kept_condition *one = conditions_match(c, t->kind->name, t->id);
	if (!w->type)
		return one ? JUDGED_WAITS : JUDGED_MET;
	if (!one) {
		g_autofree char *text = g_strdup_printf("there is no %s %s at %s", t->kind->name, t->id, conditions_revision(c));
		say(w, text);
		return t->kind->spec_fields ? JUDGED_FAILED : JUDGED_WAITS; /* workers come and go */
	}
	if (strcmp(one->type, w->type) == 0 && (!w->reason || strcmp(one->reason, w->reason) == 0))
		return JUDGED_MET;
	say_condition(w, one);
	return w->in->own[OWN_FAIL_FAST] && strcmp(one->type, name_of(&readiness_names, IS_STALLED)) == 0 ? JUDGED_FAILED : JUDGED_WAITS;
}

static enum judged judge(struct waiting *w, const struct conditions *c)
{
	enum judged worst = judge_revision(w, c);
	for (guint i = 0; worst == JUDGED_MET && i < w->targets.n; i++)
		worst = judge_one(w, c, &w->targets.items[i]);
	return worst;
}

/* -- waiting --------------------------------------------------------------------------------------------------- */

static gint64 left_ms(const struct waiting *w)
{
	return MAX((w->until_us - g_get_monotonic_time() + 999) / 1000, 0);
}

/* Until something happens, or it is worth looking again. */
static void pause_for(struct waiting *w, guint64 *since)
{
	const char *state = w->in->settings.state;
	g_autoptr(GError) error = NULL;
	gboolean is_asked = !w->looks_itself && state_is_locked(state);
	struct events *e = is_asked ? kept_wait(state, *since, MAX(left_ms(w), 1), &error) : NULL;
	if (e && events_count(e))
		*since = events_newest(e);
	else if (!e && !g_error_matches(error, CLEAVE_ERROR, ERROR_TIMEOUT))
		g_usleep((gulong)MIN(left_ms(w), is_asked ? AGAIN_MS : LOOK_MS) * 1000);
	events_free(e);
}

static int end_timed_out(const struct waiting *w)
{
	fprintf(stderr, "cleave: timed out%s%s\n", w->said ? ": " : "", w->said ? w->said : "");
	return EXIT_TIMED_OUT;
}

static int end_met(const struct waiting *w, const struct conditions *c)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < w->targets.n; i++) {
		const struct target *t = &w->targets.items[i];
		const struct kept_condition *one = conditions_match(c, t->kind->name, t->id);
		if (w->type && one)
			g_string_append_printf(text, "%s/%s %s %s at %s\n", one->kind, one->name, one->type, one->reason, conditions_revision(c));
		else
			g_string_append_printf(text, "%s/%s is gone\n", t->kind->name, t->id ? t->id : "*");
	}
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

/* -1: go on. */
static int look_once(struct waiting *w)
{
	int code;
	gboolean is_gone = TRUE;
	struct conditions *c = look(w, &code);
	if (!c)
		return code;
	enum judged judged = judge(w, c);
	if (judged == JUDGED_MET && !w->type)
		code = look_gone(w, &is_gone);
	if (code < 0 && judged == JUDGED_MET && is_gone)
		code = end_met(w, c);
	conditions_free(c);
	if (judged == JUDGED_FAILED) {
		fprintf(stderr, "cleave: %s\n", w->said);
		return EXIT_FAILED;
	}
	return code;
}

static int wait_for_all(struct waiting *w)
{
	struct events *before = kept_events(w->in->settings.state, 0, NULL);
	guint64 since = before ? events_newest(before) : 0;
	events_free(before);
	for (;;) {
		int code = look_once(w);
		if (code >= 0)
			return code;
		if (!left_ms(w))
			return end_timed_out(w);
		pause_for(w, &since);
	}
}

int command_wait(struct invocation *in)
{
	SCOPED_ARENA(a);
	struct waiting w = { .in = in, .arena = a };
	int code = parse(&w);
	for (guint i = 0; code < 0 && i < w.targets.n; i++)
		if (!w.targets.items[i].id && w.targets.items[i].kind->id != KIND_FARM) {
			fprintf(stderr, "cleave: wait for which %s? As `cleave wait %s/NAME`\n", w.targets.items[i].kind->name, w.targets.items[i].kind->alias);
			code = EXIT_BAD_USAGE;
		}
	if (code < 0)
		code = wait_for_all(&w);
	g_free(w.said);
	return code;
}
