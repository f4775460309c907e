/* A row allows an object by its kind, and, where it names projects or hosts, by the job's project or by the host that the
 * object is of. What is moved from a host to another has to be allowed at both. */
#include "spec/owners.h"
#include "base/arena.h"
#include "spec/controller.h"
#include "spec/gpu.h"
#include "spec/node.h"
#include "spec/pack.h"
#include "spec/renderjob.h"
#include "spec/resolve.h"
#include "spec/vm.h"
#include <string.h>

static gboolean has_word(const struct strings *s, const char *word)
{
	for (guint i = 0; word && i < s->n; i++)
		if (strcmp(s->items[i], word) == 0)
			return TRUE;
	return FALSE;
}

static gboolean is_signer(const struct controller_owner *row, const char *const *signer)
{
	for (; *signer; signer++)
		if (g_ascii_strcasecmp(row->author, *signer) == 0)
			return TRUE;
	return FALSE;
}

/* -- one object ---------------------------------------------------------------------------------------------- */

static const char *project_of(const struct object *o)
{
	return o->kind->id == KIND_RENDERJOB ? ((const struct renderjob_spec *)o->spec)->project : NULL;
}

static gboolean row_allows(const struct controller_owner *row, const struct object *o)
{
	if (row->kinds.n && !has_word(&row->kinds, o->kind->name))
		return FALSE;
	if (!row->projects.n && !row->hosts.n)
		return TRUE;
	return has_word(&row->projects, project_of(o)) || has_word(&row->hosts, object_host_name(o));
}

static gboolean is_allowed(const struct ownership *w, const struct object *o)
{
	for (guint i = 0; i < w->owners->n; i++) {
		const struct controller_owner *row = LIST_AT(*w->owners, struct controller_owner, i);
		if (is_signer(row, w->signer) && row_allows(row, o))
			return TRUE;
	}
	return FALSE;
}

gboolean owners_allow_all(const struct list *owners, const char *const *signer)
{
	for (guint i = 0; i < owners->n; i++) {
		const struct controller_owner *row = LIST_AT(*owners, struct controller_owner, i);
		if (is_signer(row, signer) && !row->kinds.n && !row->projects.n && !row->hosts.n)
			return TRUE;
	}
	return owners->n == 0;
}

/* -- what is written ------------------------------------------------------------------------------------------ */

static gboolean is_alike(const struct node *x, const struct node *y);

static gboolean are_members_alike(const struct node *x, const struct node *y)
{
	for (guint i = 0; i < x->n; i++) {
		const struct member *m = &x->members[i];
		const struct node *other = strcmp(y->members[i].key, m->key) == 0 ? &y->members[i].value : node_get(y, m->key);
		if (!other || !is_alike(&m->value, other))
			return FALSE;
	}
	return TRUE;
}

static gboolean is_alike(const struct node *x, const struct node *y)
{
	if (x->type != y->type)
		return FALSE;
	if (x->type == NODE_SCALAR)
		return x->plain == y->plain && strcmp(x->text, y->text) == 0;
	if (x->n != y->n)
		return FALSE;
	if (x->type == NODE_MAP)
		return are_members_alike(x, y);
	for (guint i = 0; i < x->n; i++)
		if (!is_alike(&x->items[i], &y->items[i]))
			return FALSE;
	return TRUE;
}

gboolean objects_written_alike(const struct object *x, const struct object *y)
{
	SCOPED_ARENA(scratch);
	return is_alike(node_unpack(scratch, x->written), node_unpack(scratch, y->written));
}

/* -- two trees -------------------------------------------------------------------------------------------------- */

static void append_words(GString *out, const char *title, const struct strings *words)
{
	for (guint i = 0; i < words->n; i++)
		g_string_append_printf(out, "%s%s", i ? ", " : title, words->items[i]);
}

/* "owners[1] allows kinds RenderJob of projects nimbus" */
static const char *tell_rows(struct arena *a, const struct ownership *w)
{
	g_autoptr(GString) out = g_string_new(NULL);
	for (guint i = 0; i < w->owners->n; i++) {
		const struct controller_owner *row = LIST_AT(*w->owners, struct controller_owner, i);
		if (!is_signer(row, w->signer))
			continue;
		g_string_append_printf(out, "%sowners[%u] allows", out->len ? ", " : "", i);
		append_words(out, " kinds ", &row->kinds);
		append_words(out, " projects ", &row->projects);
		append_words(out, " hosts ", &row->hosts);
	}
	return out->len ? arena_strdup(a, out->str) : "no row of owners names them";
}

static const char *tell(struct arena *a, const struct ownership *w, const char *verb, const struct object *o)
{
	const char *host = object_host_name(o);
	return arena_printf(a, "%s %s %s%s%s, which %s may not change: %s", verb,
	                    o->kind->name, o->id, host && o->kind->id != KIND_HOST ? " of host " : "", host && o->kind->id != KIND_HOST ? host : "",
	                    w->signer[0], tell_rows(a, w));
}

static const char *refuse_pair(struct arena *a, const struct ownership *w, const struct object *before, const struct object *after)
{
	const struct object *any = after ? after : before;
	if (!w->has_other_file(w->user, before, after))
		return NULL;
	if (before && after && objects_written_alike(before, after) && !w->names_other_file(w->user, before, after))
		return NULL;
	if ((!before || is_allowed(w, before)) && (!after || is_allowed(w, after)))
		return NULL;
	return tell(a, w, !before ? "adds" : !after ? "removes" : "changes", before && !is_allowed(w, before) ? before : any);
}

const char *owners_refuse(struct arena *a, const struct ownership *w)
{
	const char *why = NULL;
	if (owners_allow_all(w->owners, w->signer))
		return NULL;
	for (int kind = 0; kind < N_KINDS; kind++) {
		OBJECTS_EACH (o, w->after, kind)
			if (!why && o->spec)
				why = refuse_pair(a, w, objects_get(w->before, o->kind->id, o->id), o);
		OBJECTS_EACH (o, w->before, kind)
			if (!why && o->spec && !objects_get(w->after, o->kind->id, o->id))
				why = refuse_pair(a, w, o, NULL);
	}
	return why;
}
