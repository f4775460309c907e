/* cleave preflight: what is wrong with this host, before anything is done. Changes nothing. */
#include "base/arena.h"
#include "commands/command.h"
#include "report/merge.h"
#include "report/preflight.h"
#include "spec/status.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>

struct preflighting {
	struct arena *arena;
	struct settings settings; /* with the specs of the controller that was asked */
	struct session *session;
	struct wanted wanted;
	struct objects *have; /* NULL: this process looks */
};

/* A controller on this host holds libvirt, and knows its specs. */
static gboolean ask_controller(struct preflighting *p, gboolean specs_given, GError **error)
{
	p->have = look_from_controller(p->arena, p->settings.state, error);
	const struct object *o = p->have ? objects_get(p->have, KIND_REVISION, "current") : NULL;
	const struct revision_status *s = o ? o->status : NULL;
	if (s && s->source && !specs_given) {
		p->settings.specs = s->source;
		p->settings.worktree = s->commit == NULL;
	}
	return p->have != NULL;
}

/* An observation from elsewhere, looked at on any machine: it speaks of one host. */
static const char *host_of(const struct preflighting *p)
{
	const GPtrArray *hosts = p->have ? p->have->by_kind[KIND_HOST] : NULL;
	const char *host = p->settings.host;
	if (!hosts || hosts->len != 1 || objects_get(p->have, KIND_HOST, host) || objects_get(p->wanted.objects, KIND_HOST, host))
		return host;
	return ((const struct object *)hosts->pdata[0])->id;
}

static gboolean look(struct invocation *in, struct preflighting *p, GError **error)
{
	g_autoptr(GError) left_out = NULL;
	if (in->have && !(p->have = look_from_file(p->arena, in->have, error)))
		return FALSE;
	if (!in->have && !in->settings.sysfs && state_is_locked(in->settings.state) && !ask_controller(p, in->settings.specs_given, error))
		return FALSE;
	p->session = session_new(&p->settings);
	if (!look_want_or_nothing(in, p->session, p->arena, &p->wanted, &left_out, error))
		return FALSE;
	/* A host is looked at before there are specs; specs that are wrong, or in no commit yet, are no reason to say nothing. */
	if (left_out)
		fprintf(stderr, "cleave: %s; only the host is looked at\n", left_out->message);
	if (!p->have)
		p->have = session_observe(p->session, p->arena, p->wanted.objects, TRUE);
	return TRUE;
}

static int write_preflight(struct invocation *in, struct preflighting *p, GString *text)
{
	g_autoptr(GError) error = NULL;
	if (!look(in, p, &error))
		return command_fail(error);
	const struct preflight *found = preflight_build(p->arena, host_of(p), p->wanted.objects, p->have);
	if (in->output == OUTPUT_JSON)
		report_preflight_json(text, found);
	else if (in->output == OUTPUT_JUNIT)
		report_preflight_junit(text, found);
	else
		report_preflight_text(text, found, in->all, command_style());
	return found->n_of[CHECK_FAIL] ? EXIT_FAILED : EXIT_FINE;
}

int command_preflight(struct invocation *in)
{
	SCOPED_ARENA(a);
	g_autoptr(GString) text = g_string_new(NULL);
	struct preflighting p = { .arena = a, .settings = in->settings };
	int code = write_preflight(in, &p, text);
	wanted_clear(&p.wanted);
	session_free(p.session);
	return command_print(text) ? code : EXIT_FAILED;
}
