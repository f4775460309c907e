/* What plan, diff, apply and get begin with: want, have, plan. */
#include "base/arena.h"
#include "base/revision.h"
#include "commands/command.h"
#include "report/report.h"
#include "spec/host.h"
#include "spec/load.h"
#include "spec/status.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

/* Specs with errors: all of them, and nothing else is done. */
static int print_problems(const struct wanted *w)
{
	g_autoptr(GString) text = g_string_new(NULL);
	report_problems_text(text, &w->problems, wanted_find_text, (void *)w);
	fputs(text->str, stderr);
	return EXIT_FAILED;
}

/* An observation as text, from a file or from the running controller. */
struct objects *look_from_text(struct arena *a, const char *path, const char *text, gsize size, GError **error)
{
	struct spec_file file = { .path = path, .bytes = text, .size = size };
	struct problems problems;
	problems_init(&problems, a);
	struct objects *have = status_load(a, &file, 1, &problems);
	if (problems.n_errors) {
		g_autoptr(GString) list = g_string_new(NULL);
		report_problems_text(list, &problems, NULL, NULL);
		fail(error, ERROR_INVALID, "the observation cannot be read:\n%s", list->str);
		have = NULL;
	}
	problems_clear(&problems);
	return have;
}

struct objects *look_from_file(struct arena *a, const char *path, GError **error)
{
	char *text;
	gsize size;
	if (!g_file_get_contents(path, &text, &size, error))
		return NULL;
	arena_own(a, text, g_free);
	if (text[strspn(text, " \t\r\n")] == '[') {
		fail(error, ERROR_INVALID, "%s is JSON; write the observation with `cleave observe -o yaml`", path);
		return NULL;
	}
	return look_from_text(a, path, text, size, error);
}

struct objects *look_from_controller(struct arena *a, const char *state, GError **error)
{
	char *text = control_ask(state, "observe", error);
	if (!text)
		return NULL;
	arena_own(a, text, g_free);
	return look_from_text(a, "controller", text, strlen(text), error);
}

const char *look_source_of_controller(struct arena *a, const char *state)
{
	struct objects *have = state_is_locked(state) ? look_from_controller(a, state, NULL) : NULL;
	const struct object *o = have ? objects_get(have, KIND_REVISION, "current") : NULL;
	return o && o->status ? ((const struct revision_status *)o->status)->source : NULL;
}

gboolean look_want_or_nothing(const struct invocation *in, struct session *s, struct arena *a, struct wanted *ret,
                              GError **ret_left_out, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	if (session_want(s, a, ret, &trouble)) {
		if (ret->problems.n_errors == 0)
			return TRUE;
		fail(&trouble, ERROR_INVALID, "the specs are not valid; see `cleave validate`");
	}
	g_propagate_error(in->settings.specs_given ? error : ret_left_out, g_steal_pointer(&trouble));
	ret->objects = objects_new(a);
	return !in->settings.specs_given;
}

/* The newest revision is not valid, but a controller runs: what is in force is the one before. */
static gboolean want_in_force(struct looked *l, const struct objects *have)
{
	g_autoptr(GError) error = NULL;
	const struct object *o = have ? objects_get(have, KIND_REVISION, "current") : NULL;
	const struct revision_status *s = o ? o->status : NULL;
	const char *pins = s && s->applied ? revision_pins(s->applied) : NULL;
	struct wanted older;
	if (!s || !s->commit || !session_want_at(l->session, l->arena, pins ? pins : s->commit, &older, &error))
		return FALSE;
	wanted_clear(&l->wanted);
	l->wanted = older;
	wanted_name(&l->wanted, s->applied);
	return older.problems.n_errors == 0;
}

/* Without --specs the controller's own source counts, wherever one stands; `apply` acts on no other. */
static gboolean use_source_of_controller(struct invocation *in, struct looked *l, const struct objects *have, GError **error)
{
	const struct object *o = objects_get(have, KIND_REVISION, "current");
	const struct revision_status *s = o ? o->status : NULL;
	if (!s || !s->source)
		return TRUE;
	g_autofree char *mine = session_source_name(in->settings.specs);
	if (in->settings.specs_given && strcmp(mine, s->source) != 0 && (in->command->options & OPTION_ACTS))
		return fail(error, ERROR_REFUSED, "the controller on this host works with %s, not with %s; push there", s->source, mine);
	if (in->settings.specs_given)
		return TRUE;
	struct settings its = in->settings;
	its.specs = s->source;
	its.worktree = s->commit == NULL;
	its.takes_mirrors_as_they_are = TRUE; /* it fetches */
	session_free(l->session);
	l->session = session_new(&its);
	return TRUE;
}

/* An observation of other hosts: what this one has is not in it. */
static void warn_of_host(const struct objects *have, const struct invocation *in)
{
	const GPtrArray *hosts = have->by_kind[KIND_HOST];
	g_autoptr(GString) names = g_string_new(NULL);
	for (guint i = 0; i < hosts->len; i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", ((const struct object *)hosts->pdata[i])->id);
	if (hosts->len && !objects_get(have, KIND_HOST, in->settings.host))
		fprintf(stderr, "cleave: %s does not speak of host %s; name one that was observed with --host: %s\n", in->have,
		        in->settings.host, names->str);
}

static gboolean is_planned(const struct invocation *in)
{
	return in->command->run == command_plan || in->command->run == command_diff || in->command->run == command_apply;
}

/* A plan of one host with what another one has would stop its VMs. */
static gboolean is_of_host(const struct objects *have, const struct invocation *in, GError **error)
{
	const GPtrArray *hosts = have->by_kind[KIND_HOST];
	if (!is_planned(in) || !hosts->len || objects_get(have, KIND_HOST, in->settings.host))
		return TRUE;
	const char *its = ((const struct object *)hosts->pdata[0])->id;
	return fail(error, ERROR_REFUSED, "the controller that works with %s acts as host %s, not as %s; say --host %s, or name another --state",
	            in->settings.state, its, in->settings.host, its);
}

static struct objects *find_have(struct invocation *in, struct looked *l, GError **error)
{
	if (in->have) {
		struct objects *have = look_from_file(l->arena, in->have, error);
		if (have)
			warn_of_host(have, in);
		return have;
	}
	l->is_asked = !in->settings.sysfs && !in->holds_lock && state_is_locked(in->settings.state);
	struct objects *have = l->is_asked ? look_from_controller(l->arena, in->settings.state, error) : NULL;
	return have && is_of_host(have, in, error) ? have : NULL;
}

/* A device-only pass of a host that nobody named would do nothing, and seem to have done all. */
static gboolean is_host_known(const struct invocation *in, const struct objects *want, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);
	if (!in->settings.devices_only || objects_get(want, KIND_HOST, in->settings.host))
		return TRUE;
	OBJECTS_EACH (o, want, KIND_HOST)
		if (known->len < 200)
			g_string_append_printf(known, "%s%s", known->len ? ", " : "", o->id);
	return fail(error, ERROR_NOT_FOUND,
	            "no Host of the specs is called %s; there: %s; --host NAME, or `host` in /etc/cleave/controller.yaml, says which one this is",
	            in->settings.host, known->len ? known->str : "none");
}

/* Each of them alone: the plan is of what is in force instead. */
static void note_sources(const struct wanted *w)
{
	for (guint i = 0; i < w->n_sources; i++) {
		const struct wanted_source *one = &w->sources[i];
		g_autofree char *refused = one->refused ? revision_short(one->refused) : NULL;
		if (one->refused)
			fprintf(stderr, "cleave: %s of the source %s is refused, and %s: %s\n", refused, one->name,
			        one->tree.commit ? "its last good commit counts" : "nothing of it counts", one->trouble);
	}
}

/* Edits that lie there and are in no commit are not planned. */
static void note_uncommitted(const struct invocation *in, const struct looked *l)
{
	guint n = is_planned(in) ? source_n_uncommitted(l->wanted.where) : 0;
	if (n == 1)
		fputs("cleave: 1 file of the specs is changed and not committed: --worktree plans it\n", stderr);
	else if (n)
		fprintf(stderr, "cleave: %u files of the specs are changed and not committed: --worktree plans them\n", n);
}

/* At boot the cards are set up as they were last, and loudly so, rather than not at all. */
static gboolean use_last_good(struct looked *l, const GError *why)
{
	struct wanted good = { 0 };
	gint64 since_ms;
	if (!session_want_good(l->session, l->arena, &good, &since_ms, NULL)) {
		wanted_clear(&good);
		return FALSE;
	}
	g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(since_ms / 1000);
	g_autofree char *when = g_date_time_format(since, "%Y-%m-%dT%H:%M:%SZ");
	if (!why)
		print_problems(&l->wanted);
	fprintf(stderr, "cleave: WARNING: %s%s; devices are set up as %s says, the last good commit, in force since %s\n",
	        why ? "the specs cannot be read: " : l->wanted.tree.revision, why ? why->message : " is not valid (its problems stand above)",
	        good.tree.revision, when);
	wanted_clear(&l->wanted);
	l->wanted = good;
	return TRUE;
}

/* *ret_have NULL: nobody else looked. */
static int look_want(struct invocation *in, struct looked *ret, struct objects **ret_have)
{
	g_autoptr(GError) error = NULL;
	in->settings.tries_all = in->have || (in->command->options & OPTION_ACTS) || in->command->run == command_plan || in->command->run == command_diff;
	*ret = (struct looked){ .arena = arena_new(), .session = session_new(&in->settings) };
	struct objects *have = *ret_have = find_have(in, ret, &error);
	if (error || (ret->is_asked && !use_source_of_controller(in, ret, have, &error)))
		return command_fail(error);
	gboolean is_read = session_want_at(ret->session, ret->arena, in->commit, &ret->wanted, &error);
	if ((!is_read || ret->wanted.problems.n_errors) && in->settings.devices_only && use_last_good(ret, error))
		return -1;
	/* The branch was deleted, say: a controller goes on with what it had. */
	if (!is_read)
		return in->falls_back && want_in_force(ret, have) ? -1 : command_fail(error);
	if (in->revision)
		wanted_name(&ret->wanted, in->revision);
	note_uncommitted(in, ret);
	note_sources(&ret->wanted);
	if (ret->wanted.problems.n_errors && !(in->falls_back && want_in_force(ret, have)))
		return print_problems(&ret->wanted);
	if (in->settings.acts && !in->commit)
		session_keep_good(ret->session, &ret->wanted);
	return -1;
}

int command_look_want(struct invocation *in, struct looked *ret)
{
	struct objects *have;
	in->falls_back = TRUE;
	return look_want(in, ret, &have);
}

int command_look(struct invocation *in, struct looked *ret)
{
	g_autoptr(GError) error = NULL;
	struct objects *have;
	int code = look_want(in, ret, &have);
	if (code >= 0)
		return code;
	if (!is_host_known(in, ret->wanted.objects, &error))
		return command_fail(error);
	if (!have)
		have = session_observe(ret->session, ret->arena, ret->wanted.objects, !in->settings.acts);
	ret->plan = session_plan(ret->session, ret->arena, &ret->wanted, have, TRUE);
	return -1;
}

static void say_blind(const struct looked *l, enum kind_id kind, const char *plane, const char *fix)
{
	guint n = plan_n_unseen(l->plan, kind);
	if (n)
		fprintf(stderr, "cleave: %s does not answer, so that %u %s%s could not be looked at; %s, and look again\n", plane, n, kinds[kind].name,
		        n == 1 ? "" : "s", fix);
}

gboolean command_is_blind(const struct invocation *in, const struct looked *l)
{
	const struct object *host = objects_get(l->wanted.objects, KIND_HOST, in->settings.host);
	const struct host_spec *spec = host ? host->spec : NULL;
	const char *uri = in->settings.libvirt ? in->settings.libvirt : spec ? spec->libvirt : NULL;
	gboolean is_local = !uri || strcmp(uri, "qemu:///system") == 0;
	say_blind(l, KIND_VM, is_local ? "libvirt" : uri, is_local ? "start it (`systemctl start libvirtd`, or virtqemud)" : "see to it");
	say_blind(l, KIND_RENDERJOB, "Redis", "see to it");
	return plan_n_unseen(l->plan, KIND_VM) + plan_n_unseen(l->plan, KIND_RENDERJOB) > 0;
}

void looked_clear(struct looked *l)
{
	wanted_clear(&l->wanted);
	session_free(l->session);
	arena_free(l->arena);
}
