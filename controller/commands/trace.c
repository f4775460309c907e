/* cleave trace OBJECT [FIELD]: the file and line, the commit, and when it was applied.
 *
 * What counts is the object's document (or the field's node) as it is written: history is walked back until it was another. */
#include "commands/trace.h"
#include "base/arena.h"
#include "base/revision.h"
#include "commands/kept.h"
#include "commands/select.h"
#include "source/trace.h"
#include "spec/node.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- nodes ----------------------------------------------------------------------------------------------------- */

static const struct node *member_of(const struct node *map, const char *key)
{
	if (!map || map->type != NODE_MAP)
		return NULL;
	MEMBERS_EACH (m, map)
		if (strcmp(m->key, key) == 0)
			return &m->value;
	return NULL;
}

static const char *text_at(const struct node *map, const char *outer, const char *key)
{
	const struct node *n = member_of(member_of(map, outer), key);
	return n && n->type == NODE_SCALAR ? n->text : NULL;
}

/* "spec.networks[0].user", "spec.blenders[4.2.3].url", quotes within the brackets or not. */
static const struct node *node_at(const struct node *n, const char *path)
{
	while (n && *path) {
		gsize len = *path == '[' ? strcspn(path, "]") : strcspn(path, ".[");
		g_autofree char *key = *path == '[' ? g_strndup(path + 1, len - 1) : g_strndup(path, len);
		g_strdelimit(key, "\"'", ' ');
		g_strstrip(key);
		guint64 i = g_ascii_strtoull(key, NULL, 10);
		if (n->type == NODE_LIST)
			n = i < n->n ? &n->items[i] : NULL;
		else
			n = member_of(n, key);
		path += len + (*path == '[' && path[len] == ']');
		path += *path == '.';
	}
	return n;
}

/* The order of keys says nothing, that of a list does. */
static gboolean nodes_equal(const struct node *x, const struct node *y)
{
	if (!x || !y || x->type != y->type || (x->type != NODE_SCALAR && x->n != y->n))
		return x == y;
	if (x->type == NODE_SCALAR)
		return strcmp(x->text, y->text) == 0;
	for (guint i = 0; i < x->n; i++)
		if (x->type == NODE_LIST ? !nodes_equal(&x->items[i], &y->items[i])
		                         : !nodes_equal(&x->members[i].value, member_of(y, x->members[i].key)))
			return FALSE;
	return TRUE;
}

/* -- what is looked for ---------------------------------------------------------------------------------------- */

struct sought {
	const struct object *object;
	const char *path; /* within its document; NULL: all of it */
};

static const struct node *find_in(struct arena *a, const struct sought *s, const struct source_file *f)
{
	struct problems problems;
	const struct object *o = s->object;
	const struct node *found = NULL;
	problems_init(&problems, a);
	const struct documents d = node_read(a, f->path, f->bytes, f->size, &problems);
	for (guint i = 0; i < d.n && !found; i++) {
		const struct node *kind = member_of(&d.items[i], "kind");
		const char *name = text_at(&d.items[i], "metadata", "name");
		const char *project = o->kind->project_key ? text_at(&d.items[i], "spec", o->kind->project_key) : NULL;
		if (!kind || kind->type != NODE_SCALAR || strcmp(kind->text, o->kind->name) != 0 || g_strcmp0(name, o->meta.name) != 0)
			continue;
		g_autofree char *id = project ? g_strdup_printf("%s/%s", project, name) : NULL;
		if (!id || strcmp(id, o->id) == 0)
			found = s->path ? node_at(&d.items[i], s->path) : &d.items[i];
	}
	problems_clear(&problems);
	return found;
}

static gboolean is_same(void *user, const struct source_file *newer, const struct source_file *older)
{
	SCOPED_ARENA(a);
	const struct node *now = find_in(a, user, newer), *before = older ? find_in(a, user, older) : NULL;
	return nodes_equal(now, before);
}

/* Revisions name the commits of all sources. */
static const struct kept_revision *applied_with(const struct looked *l, const struct history *h, const struct object *o, const char *commit)
{
	const struct source_where *where = wanted_place(&l->wanted, o).where;
	for (guint i = h ? history_count(h) : 0; i-- > 0;) {
		const struct kept_revision *r = history_at(h, i);
		const char *its = o->source ? revision_commit(l->arena, r->revision, o->source) : r->commit;
		if (its && source_contains(where, its, commit))
			return r;
	}
	return NULL;
}

static void look_back(const struct looked *l, const struct history *h, struct sought *s, struct traced *t)
{
	struct arena *a = l->arena;
	struct source_origin from;
	g_autoptr(GError) error = NULL;
	if (!l->wanted.tree.commit) {
		t->trouble = "not told: the specs were read from a folder as they lie there, not from a commit";
		return;
	}
	const struct wanted_place at = wanted_place(&l->wanted, s->object);
	if (!source_trace(a, at.where, at.tree->commit, at.path, is_same, s, &from, &error)) {
		t->trouble = arena_printf(a, "not told: %s", error->message);
		return;
	}
	t->commit = from.commit;
	t->author = from.author;
	t->summary = from.summary;
	t->signature = from.signature;
	t->time_ms = from.time_s * 1000;
	t->is_first = from.is_first;
	t->is_cut = from.is_cut;
	t->applied = applied_with(l, h, s->object, from.commit);
}

/* Of the field: in the object's own document, else in the Farm's defaults for its kind. */
static const struct node *find_field(const struct looked *l, struct sought *s, const char *field, struct traced *t)
{
	struct arena *a = l->arena;
	const struct object *o = s->object;
	struct source_file file;
	const struct object *in[] = { o, g_str_has_prefix(field, "spec.") && o->kind->defaults ? o->farm : NULL };
	for (guint i = 0; i < G_N_ELEMENTS(in) && in[i]; i++) {
		const char *path = i ? arena_printf(a, "spec.defaults.%s.%s", o->kind->defaults, field + strlen("spec.")) : field;
		*s = (struct sought){ in[i], path };
		const struct wanted_place at = wanted_place(&l->wanted, in[i]);
		const struct node *n = source_file_at(a, at.where, at.tree, at.path, &file, NULL) ? find_in(a, s, &file) : NULL;
		if (!n)
			continue;
		t->path = in[i]->place.path;
		t->line = n->line;
		t->is_farms_default = i > 0;
		t->value = n->type == NODE_SCALAR ? n->text : NULL;
		return n;
	}
	return NULL;
}

/* Whether the language knows such a field: only then it can be a default. */
static gboolean is_known(const struct object *o, const char *field)
{
	const struct field *table = o->kind->spec_fields;
	if (!g_str_has_prefix(field, "spec."))
		return FALSE;
	gsize len = strcspn(field + strlen("spec."), ".[");
	FIELDS_EACH (f, table)
		if (strlen(f->name) == len && strncmp(f->name, field + strlen("spec."), len) == 0)
			return TRUE;
	return FALSE;
}

gboolean trace_find(const struct looked *l, const struct history *history, const struct object *o, const char *field, struct traced *ret,
                    GError **error)
{
	struct sought s = { o, NULL };
	if (field && strcmp(field, "spec") != 0 && !g_str_has_prefix(field, "spec.") && !g_str_has_prefix(field, "metadata")) {
		const char *full = arena_printf(l->arena, "spec.%s", field); /* as `explain vm.memory` leaves it out, too */
		field = is_known(o, full) ? full : field;
	}
	*ret = (struct traced){ .kind = o->kind->name, .name = o->id, .field = field, .path = o->place.path, .line = o->place.line };
	if (field) {
		ret->path = NULL;
		if (!find_field(l, &s, field, ret) && !is_known(o, field))
			return fail(error, ERROR_NOT_FOUND, "%s/%s has no field `%s`; fields are named as in YAML, from the top: spec.memory, spec.networks[0].user, metadata.labels", o->kind->name, o->id,
			            field);
	}
	if (ret->path)
		look_back(l, history, &s, ret);
	return TRUE;
}

/* -- the command ----------------------------------------------------------------------------------------------- */

static int show(const struct invocation *in, const struct looked *l, const struct object *o, const char *field)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	const struct report_page page = command_page();
	struct traced t;
	struct history *h = kept_history(in->settings.state, NULL);
	gboolean ok = trace_find(l, h, o, field, &t, &error);
	if (ok && in->output == OUTPUT_JSON)
		report_trace_json(text, &t);
	else if (ok)
		report_trace_text(text, &t, &page);
	history_free(h);
	return !ok ? command_fail(error) : command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

static const struct object *find_wanted(const struct looked *l, const struct target *t, int *ret_code)
{
	const struct object *found = objects_get(l->wanted.objects, t->kind->id, t->id);
	g_autoptr(GPtrArray) ids = g_ptr_array_new();
	guint n = 0;
	OBJECTS_EACH (o, l->wanted.objects, t->kind->id) {
		g_ptr_array_add(ids, (gpointer)o->id);
		if (strcmp(o->meta.name, t->id) == 0 && !objects_get(l->wanted.objects, t->kind->id, t->id)) {
			found = o;
			n++;
		}
	}
	if (found && n < 2)
		return found;
	*ret_code = command_no_object(t->kind, t->id, ids, l->wanted.tree.revision);
	return NULL;
}

/* "vm/a", "vm a", each with a field or without. */
static int parse(struct invocation *in, struct arena *a, struct target *ret, const char **ret_field)
{
	guint n_name = in->n_args && strchr(in->args[0], '/') ? 1 : 2;
	struct targets targets = { 0 };
	if (in->n_args < n_name || in->n_args > n_name + 1) {
		fputs("cleave: trace what? As `cleave trace vm/render1` or `cleave trace vm/render1 spec.memory`\n", stderr);
		return EXIT_BAD_USAGE;
	}
	*ret_field = in->n_args > n_name ? in->args[n_name] : NULL;
	in->n_args = n_name;
	int code = targets_parse(in, 0, a, &targets);
	if (code >= 0)
		return code;
	*ret = targets.items[0];
	if (ret->kind->spec_fields && ret->id)
		return -1;
	fprintf(stderr, "cleave: %s is observed, never written: no commit made it\n", ret->kind->name);
	return EXIT_BAD_USAGE;
}

int command_trace(struct invocation *in)
{
	SCOPED_ARENA(a);
	struct looked l;
	struct target target;
	const char *field;
	int code = parse(in, a, &target, &field);
	if (code >= 0)
		return code;
	code = command_look_want(in, &l);
	const struct object *o = code < 0 ? find_wanted(&l, &target, &code) : NULL;
	if (o)
		code = show(in, &l, o, field);
	looked_clear(&l);
	return code;
}
