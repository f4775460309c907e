/* Plans without a host: of observations that were made elsewhere, and from one revision of the specs to another.
 *
 * With --from each host is taken to be as that revision says (plan/assume.h), unless an observation of it is given; the
 * render jobs are reconciled by one of them. */
#include "commands/plan_many.h"
#include "base/arena.h"
#include "plan/assume.h"
#include "spec/farm.h"
#include "spec/load.h"
#include <stdio.h>
#include <string.h>

enum { OWN_FROM, OWN_TO };
const struct own_option plan_options[] = {
	{ "from", 0, "REV", "Plan from hosts that are as this revision of the specs says; no host is asked" },
	{ "to", 0, "REV", "With --from: the revision to plan (default: as --specs and --worktree say)" },
	{ 0 },
};

/* -- observations ------------------------------------------------------------------------------------------------------ */

/* Of the line "kind: VM"; N_KINDS for any other line. */
static enum kind_id kind_of_line(const char *line)
{
	if (!g_str_has_prefix(line, "kind:"))
		return N_KINDS;
	g_autofree char *word = g_strndup(line + strlen("kind:"), strcspn(line + strlen("kind:"), "\n#"));
	const struct kind *kind = kind_find(g_strstrip(word));
	return kind ? kind->id : N_KINDS;
}

GPtrArray *plan_split_observations(const char *text)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func(g_free);
	const char *begin = text, *document = text;
	enum kind_id last = KIND_FARM;
	for (const char *line = text; *line;) {
		enum kind_id kind = kind_of_line(line);
		if (g_str_has_prefix(line, "---"))
			document = line;
		if (kind != N_KINDS && kind < last && document > begin) {
			g_ptr_array_add(parts, g_strndup(begin, (gsize)(document - begin)));
			begin = document;
		}
		last = kind == N_KINDS ? last : kind;
		const char *end = strchr(line, '\n');
		line = end ? end + 1 : line + strlen(line);
	}
	g_ptr_array_add(parts, g_strdup(begin));
	return parts;
}

static gboolean has_several_hosts(const char *path)
{
	g_autofree char *text = NULL;
	guint n = 0;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return FALSE; /* who reads it says so */
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		n += kind_of_line(line) == KIND_HOST;
	return n > 1;
}

gboolean plan_is_of_many(const struct invocation *in)
{
	if (in->own[OWN_FROM] || in->own[OWN_TO] || (in->haves && in->haves[1]))
		return TRUE;
	return in->have && has_several_hosts(in->have);
}

/* What is known of one host. */
struct observed {
	const char *host;
	struct objects *have;
};

struct many {
	struct invocation *in;
	struct arena *arena;
	struct session *sessions[2];
	struct wanted to, from;
	gboolean has_from;
	GArray *observed; /* struct observed */
	GPtrArray *plans; /* const struct plan * */
};

static struct objects *have_of(const struct many *m, const char *host)
{
	for (guint i = 0; i < m->observed->len; i++)
		if (strcmp(g_array_index(m->observed, struct observed, i).host, host) == 0)
			return g_array_index(m->observed, struct observed, i).have;
	return NULL;
}

static gboolean read_part(struct many *m, const char *path, const char *text, GError **error)
{
	struct objects *have = look_from_text(m->arena, path, text, strlen(text), error);
	if (!have)
		return FALSE;
	if (!have->by_kind[KIND_HOST]->len)
		return fail(error, ERROR_INVALID, "%s: no Host is in it; `cleave observe -o yaml` writes one", path);
	OBJECTS_EACH (host, have, KIND_HOST) {
		struct observed one = { host->id, have };
		if (have_of(m, host->id))
			return fail(error, ERROR_INVALID, "%s: the host %s is observed twice; give the newer one alone", path, one.host);
		g_array_append_val(m->observed, one);
	}
	return TRUE;
}

static gboolean read_haves(struct many *m, GError **error)
{
	for (guint i = 0; m->in->haves && m->in->haves[i]; i++) {
		g_autofree char *text = NULL;
		if (!g_file_get_contents(m->in->haves[i], &text, NULL, error))
			return FALSE;
		g_autoptr(GPtrArray) parts = plan_split_observations(text);
		for (guint k = 0; k < parts->len; k++)
			if (!read_part(m, m->in->haves[i], arena_strdup(m->arena, parts->pdata[k]), error))
				return FALSE;
	}
	return TRUE;
}

/* -- revisions --------------------------------------------------------------------------------------------------------- */

/* git's name for nothing: what a branch was before its first push. */
static gboolean is_nothing(const char *rev)
{
	return strlen(rev) >= 40 && strspn(rev, "0") == strlen(rev);
}

/* Revisions are those of the controller's repository, unless --specs says otherwise: who stands in a clone means its own. */
static gboolean point_to_clone(const struct many *m, GError **error)
{
	g_autoptr(GError) was = *error;
	*error = NULL;
	if (!was || strcmp(m->in->settings.specs, ".") == 0)
		g_propagate_error(error, g_steal_pointer(&was));
	else
		g_set_error(error, was->domain, was->code, "%s; `--specs .` reads the clone in this folder", was->message);
	return FALSE;
}

static gboolean read_at(struct many *m, guint n, const char *rev, struct wanted *ret, GError **error)
{
	struct settings settings = m->in->settings;
	settings.all_hosts = TRUE;
	settings.worktree = settings.worktree && !rev;
	m->sessions[n] = session_new(&settings);
	if (!session_want_at(m->sessions[n], m->arena, rev, ret, error))
		return rev && !m->in->settings.specs_given ? point_to_clone(m, error) : FALSE;
	if (!ret->problems.n_errors)
		return TRUE;
	g_autofree char *where = g_strdup(m->in->settings.specs);
	char *at = strrchr(where, '@');
	if (at && rev)
		*at = '\0';
	if (n == 1 && m->to.tree.revision)
		return fail(error, ERROR_INVALID, "the specs before, at %s, are not valid: what changes from there cannot be said. Those at %s are valid, and `cleave plan` on a host shows what they do",
		            ret->tree.revision, m->to.tree.revision);
	return fail(error, ERROR_INVALID, "the specs at %s are not valid, so that nothing is planned; `cleave validate %s%s%s` says why",
	            ret->tree.revision, where, rev ? "@" : "", rev ? rev : "");
}

static gboolean read_revisions(struct many *m, GError **error)
{
	const char *from = m->in->own[OWN_FROM], *to = m->in->own[OWN_TO];
	if (to && !from)
		return fail(error, ERROR_USAGE, "--to says where a plan ends; --from REV says where it begins");
	if (to && m->in->settings.worktree)
		return fail(error, ERROR_USAGE, "--to and --worktree both say what is planned; give one of them");
	if (!read_at(m, 0, to, &m->to, error))
		return FALSE;
	m->has_from = from != NULL;
	if (from && is_nothing(from)) {
		m->from.objects = objects_new(m->arena);
		m->from.tree.revision = "nothing";
	} else if (from && !read_at(m, 1, from, &m->from, error)) {
		return FALSE;
	}
	struct objects *const both[] = { m->from.objects, m->to.objects };
	for (guint i = 0; from && i < G_N_ELEMENTS(both); i++)
		assume_over(m->arena, both[i], g_get_real_time() / 1000);
	return TRUE;
}

/* -- plans ------------------------------------------------------------------------------------------------------------- */

static struct strings hosts_of(const struct many *m)
{
	if (m->in->settings.host_given)
		return (struct strings){ arena_memdup(m->arena, &m->in->settings.host, sizeof(char *)), 1 };
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	if (m->has_from) {
		struct strings named = assume_hosts(m->arena, m->from.objects, m->to.objects);
		for (guint i = 0; i < named.n; i++)
			g_ptr_array_add(all, (gpointer)named.items[i]);
	}
	for (guint i = 0; i < m->observed->len; i++)
		if (!g_ptr_array_find_with_equal_func(all, g_array_index(m->observed, struct observed, i).host, g_str_equal, NULL))
			g_ptr_array_add(all, (gpointer)g_array_index(m->observed, struct observed, i).host);
	if (!all->len)
		g_ptr_array_add(all, (gpointer)m->in->settings.host);
	return (struct strings){ arena_memdup(m->arena, all->pdata, all->len * sizeof(gpointer)), all->len };
}

/* Who is known to have the jobs; else the first. */
static const char *owner_of(const struct many *m, const struct strings *hosts)
{
	for (guint i = 0; i < m->observed->len; i++) {
		const struct observed *o = &g_array_index(m->observed, struct observed, i);
		const struct object *farm = objects_farm(o->have);
		const struct farm_status *s = farm ? farm->status : NULL;
		if (s && g_strcmp0(s->job_owner, o->host) == 0)
			return o->host;
	}
	return hosts->items[0];
}

static const char *observed_names(const struct many *m)
{
	enum { NAMED = 10 };
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < m->observed->len && i < NAMED; i++)
		g_string_append_printf(s, "%s%s", i ? ", " : "", g_array_index(m->observed, struct observed, i).host);
	if (m->observed->len > NAMED)
		g_string_append_printf(s, " and %u more", m->observed->len - NAMED);
	return arena_strdup(m->arena, s->str);
}

/* What was observed of a host is planned as that host itself would. */
static gboolean plan_host(struct many *m, const char *host, const char *owner, GError **error)
{
	struct objects *have = have_of(m, host);
	const struct objects *want = m->to.objects;
	gboolean is_assumed = !have;
	if (!have && !m->has_from)
		return fail(error, ERROR_NOT_FOUND, "no observation of host %s is given; name one that was observed with --host: %s", host, observed_names(m));
	if (!have) {
		const struct assume_input assumed = { .host = host, .revision = m->from.tree.revision, .from = m->from.objects, .to = want,
			                              .job_owner = owner };
		have = assume(m->arena, &assumed);
		want = assume_part(m->arena, want, m->from.objects, host, strcmp(host, owner) == 0);
	}
	const struct plan_input in = { .host = host, .revision = m->to.tree.revision, .epoch = m->to.tree.epoch, .want = want, .have = have,
		                       .is_attended = TRUE, .is_assumed = is_assumed, .devices_only = m->in->settings.devices_only };
	g_ptr_array_add(m->plans, plan_build(m->arena, &in));
	return TRUE;
}

static gboolean build(struct many *m, GError **error)
{
	if (!read_revisions(m, error) || !read_haves(m, error))
		return FALSE;
	struct strings hosts = hosts_of(m);
	const char *owner = owner_of(m, &hosts);
	for (guint i = 0; i < hosts.n; i++)
		if (!plan_host(m, hosts.items[i], owner, error))
			return FALSE;
	return TRUE;
}

/* -- telling ----------------------------------------------------------------------------------------------------------- */

static gboolean is_worth_telling(const struct plan *p)
{
	gboolean is_stalled = FALSE;
	for (guint i = 0; i < p->n_verdicts; i++)
		is_stalled |= p->verdicts[i].readiness == IS_STALLED;
	return p->n_actions || p->n_held || p->n_refusals || (p->waiting.n && !p->approved) || is_stalled;
}

/* For people: a farm's hosts of which there is nothing to say are counted. */
static void write_text(struct many *m, GString *out)
{
	g_autoptr(GPtrArray) told = g_ptr_array_new();
	for (guint i = 0; i < m->plans->len; i++)
		if (m->plans->len == 1 || is_worth_telling(m->plans->pdata[i]))
			g_ptr_array_add(told, m->plans->pdata[i]);
	plan_write(out, m->in, &(struct report_plans){ (const struct plan *const *)told->pdata, told->len, NULL });
	guint n = m->plans->len - told->len;
	if (n)
		g_string_append_printf(out, "%u %shost%s: nothing to do\n", n, told->len ? "other " : "", n == 1 ? "" : "s");
}

static int judge(const struct many *m)
{
	guint n_actions = 0;
	gboolean is_refused = FALSE;
	for (guint i = 0; i < m->plans->len; i++)
		n_actions += ((const struct plan *)m->plans->pdata[i])->n_actions;
	for (guint i = 0; i < m->plans->len; i++)
		is_refused |= plan_is_refused(m->in, m->plans->pdata[i], n_actions);
	return is_refused ? EXIT_REFUSED : n_actions && m->in->detailed_exitcode ? EXIT_CHANGES : EXIT_FINE;
}

static int tell(struct many *m)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const char *from = m->has_from ? m->from.tree.revision : NULL;
	if (m->in->output == OUTPUT_TEXT)
		write_text(m, text);
	else
		plan_write(text, m->in, &(struct report_plans){ (const struct plan *const *)m->plans->pdata, m->plans->len, from });
	return command_print(text) ? judge(m) : EXIT_FAILED;
}

int plan_many(struct invocation *in)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	struct many m = { .in = in, .arena = a, .observed = g_array_new(FALSE, FALSE, sizeof(struct observed)), .plans = g_ptr_array_new() };
	int code = build(&m, &error) ? tell(&m) : command_fail(error);
	wanted_clear(&m.to);
	wanted_clear(&m.from);
	for (guint i = 0; i < G_N_ELEMENTS(m.sessions); i++)
		if (m.sessions[i])
			session_free(m.sessions[i]);
	g_array_free(m.observed, TRUE);
	g_ptr_array_free(m.plans, TRUE);
	return code;
}
