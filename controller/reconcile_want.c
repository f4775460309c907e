/* What is wanted: the specs at a revision, read, decoded and checked, with what only who reads the tree can say. */
#include "base/arena.h"
#include "base/error.h"
#include "base/revision.h"
#include "reconcile_session.h"
#include "spec/cache.h"
#include "spec/controller.h"
#include "spec/files.h"
#include "spec/load.h"
#include "spec/vm.h"
#include <stdlib.h>
#include <string.h>

/* What is read before is not read again; each load has a cache of its own. */
gboolean session_knows(const struct session *s, const char *path, const char *blob_id, gsize *ret_size)
{
	gboolean is_known = TRUE;
	for (guint i = 0; is_known && s->extras && i < s->extras->len; i++)
		is_known = spec_cache_knows(((const struct extra *)s->extras->pdata[i])->merged, path, blob_id, ret_size);
	return is_known && spec_cache_knows(s->cache, path, blob_id, ret_size);
}

static gboolean is_known(void *user, const char *path, const char *blob_id, gsize *ret_size)
{
	return session_knows(user, path, blob_id, ret_size);
}

/* They lie in the tree, not in the objects, which outlive it. */
void wanted_read_texts(const struct session *s, struct wanted *w, const char *source, const struct source_where *where,
                       const struct source_tree *tree)
{
	g_autoptr(GArray) texts = g_array_new(FALSE, FALSE, sizeof(struct tree_text));
	for (guint i = 0; i < w->objects->texts.n; i++)
		g_array_append_vals(texts, LIST_AT(w->objects->texts, struct tree_text, i), 1);
	OBJECTS_EACH (o, w->objects, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		if (!o->n_files || !vm || g_strcmp0(o->source, source) != 0 || (!s->settings.all_hosts && g_strcmp0(vm->host, s->settings.host) != 0))
			continue;
		struct file_uses uses = object_files(w->arena, o);
		for (guint i = 0; i < uses.n; i++) {
			struct source_file file;
			w->objects->texts = (struct list){ texts->data, texts->len };
			if (objects_text(w->objects, source, uses.items[i].path) || !source_file_at(w->arena, where, tree, uses.items[i].path, &file, NULL))
				continue;
			struct tree_text text = { source, uses.items[i].path, file.bytes, file.size };
			g_array_append_val(texts, text);
		}
	}
	w->objects->texts = (struct list){ arena_memdup(w->arena, texts->data, texts->len * sizeof(struct tree_text)), texts->len };
}

static void load(struct session *s, struct wanted *w)
{
	struct spec_file *files = ARENA_ARRAY(w->arena, struct spec_file, w->tree.n_files);
	for (guint i = 0; i < w->tree.n_files; i++) {
		const struct source_file *f = &w->tree.files[i];
		files[i] = (struct spec_file){ f->path, f->bytes, f->size, f->blob_id, NULL };
	}
	w->objects = spec_load_cached(w->arena, s->cache, files, w->tree.n_files, &w->problems);
}

/* file-in-commit: looked up in the commit that the specs were read from. */
static void check_files(struct source_lookup *lookup, struct wanted *w, const struct object *o, struct problems *problems)
{
	struct object_look look = { 0 };
	struct file_uses uses = object_files(w->arena, o);
	for (guint i = 0; i < uses.n; i++) {
		const struct file_use *use = &uses.items[i];
		const char *why = source_lookup_file(lookup, use->path);
		if (!why)
			continue;
		problems->rule = "file-in-commit";
		problem_add(problems, SEVERITY_ERROR, object_look_place(&look, o, use->key), "%s %s: %s: %s; a relative file stands in this repository",
		            o->kind->name, o->id, use->key, why);
		problems->rule = NULL;
	}
	object_look_clear(&look);
}

void wanted_check_tree(struct wanted *w, const struct objects *objects, const char *source, const struct source_where *where,
                       const struct source_tree *tree, struct problems *problems)
{
	struct source_lookup lookup;
	source_lookup_init(&lookup, where, tree);
	for (int kind = 0; kind < N_KINDS; kind++)
		OBJECTS_EACH (o, objects, kind) {
			if (g_strcmp0(o->source, source) != 0)
				continue;
			if (o->n_files)
				check_files(&lookup, w, o, problems);
			if (o->kind->is_local && where->kind != SOURCE_FILE)
				problem_add(problems, SEVERITY_ERROR, o->place,
				            "%s %s: lies on its host, not among the specs; move it to /etc/cleave/controller.yaml there",
				            o->kind->name, o->id);
		}
	source_lookup_clear(&lookup);
	problems_sort(problems);
}

static struct trust_terms main_terms(const struct session *s, gboolean is_chosen)
{
	const struct controller_spec *local = s->settings.local;
	return (struct trust_terms){ "main", s->settings.specs, local ? local->allowed_signers_file : NULL, local ? local->keyring_file : NULL, FALSE, is_chosen };
}

/* People hold this host at an older commit: that is read instead, with the tip's place in the order of commits, since
 * that is when it was decided. */
static gboolean read_held(struct session *s, struct arena *a, struct source_where *other, struct wanted *ret, GError **error)
{
	const struct source_known known = { is_known, s };
	const char *commit, *held;
	guint64 epoch = ret->tree.epoch;
	ret->tip = ret->tree.commit;
	if (!ret->tip)
		return TRUE;
	if (!session_hold(s, a, ret->tip, &commit, &held, error))
		return FALSE;
	if (!commit)
		return TRUE;
	problems_clear(&ret->problems);
	problems_init(&ret->problems, a);
	other->rev = commit;
	if (!source_read(a, other, &known, &ret->tree, &ret->problems, error)) {
		g_prefix_error(error, "this host is %s: ", held);
		return FALSE;
	}
	ret->tree.epoch = epoch;
	ret->held = held;
	return TRUE;
}

/* "COMMIT+art@sha1:…": the first of it is the main repository's. */
static const char *main_commit(struct arena *a, const char *commit)
{
	const char *rest = commit ? revision_rest(commit) : "";
	return *rest ? arena_strndup(a, commit, (gsize)(rest - commit)) : commit;
}

gboolean session_want_at(struct session *s, struct arena *a, const char *pins, struct wanted *ret, GError **error)
{
	const struct source_known known = { is_known, s };
	*ret = (struct wanted){ .arena = a, .where = &s->where };
	problems_init(&ret->problems, a);
	const char *commit = main_commit(a, pins);
	session_extras(s);
	if (!session_where(s, error))
		return FALSE;
	struct source_where other = s->where;
	other.rev = commit;
	struct source_where *where = commit ? &other : &s->where;
	if (!source_read(a, where, &known, &ret->tree, &ret->problems, error))
		return FALSE;
	if (!commit && !read_held(s, a, &other, ret, error))
		return FALSE;
	where = ret->held ? &other : where;
	const struct trust_terms terms = main_terms(s, commit || ret->held);
	if (!trust_judge(s, &terms, where, &ret->tree, error))
		return FALSE;
	load(s, ret);
	wanted_check_tree(ret, ret->objects, NULL, where, &ret->tree, &ret->problems);
	wanted_read_texts(s, ret, NULL, where, &ret->tree);
	/* One that this host is held at was accepted before; what is judged next goes on from the newest. */
	if (!commit && !ret->held && ret->problems.n_errors == 0) {
		trust_accept(s, &terms, &ret->tree);
		session_end_hold(s, ret->tip);
	}
	if (ret->problems.n_errors == 0)
		sources_add(s, ret, pins ? revision_rest(pins) : "");
	return TRUE;
}

gboolean session_want(struct session *s, struct arena *a, struct wanted *ret, GError **error)
{
	return session_want_at(s, a, NULL, ret, error);
}

void wanted_clear(struct wanted *w)
{
	for (guint i = 0; i < w->n_sources; i++)
		problems_clear(&w->sources[i].problems);
	problems_clear(&w->problems);
}

static gint by_path(gconstpointer key, gconstpointer file)
{
	return strcmp(key, ((const struct source_file *)file)->path);
}

static const char *find_text(struct arena *a, const struct source_where *where, const struct source_tree *tree, const char *path, gsize *ret_size)
{
	struct source_file *f = bsearch(path, tree->files, tree->n_files, sizeof *f, by_path);
	/* Of a file that had been read before only the objects are here; its lines are asked for now. */
	if (f && !f->bytes && !source_file_at(a, where, tree, path, f, NULL))
		return NULL;
	*ret_size = f ? f->size : 0;
	return f ? f->bytes : NULL;
}

/* Of a source's newest revision where that is refused: it is its problems that are told. */
const char *wanted_find_text(void *user, const char *path, gsize *ret_size)
{
	const struct wanted *w = user;
	const char *colon = strchr(path, ':');
	for (guint i = 0; colon && i < w->n_sources; i++) {
		const struct wanted_source *one = &w->sources[i];
		if (strlen(one->name) == (gsize)(colon - path) && g_str_has_prefix(path, one->name))
			return find_text(w->arena, &one->where, one->refused ? &one->newest : &one->tree, colon + 1, ret_size);
	}
	return find_text(w->arena, w->where, &w->tree, path, ret_size);
}

struct wanted_place wanted_place(const struct wanted *w, const struct object *o)
{
	for (guint i = 0; o->source && i < w->n_sources; i++)
		if (strcmp(w->sources[i].name, o->source) == 0)
			return (struct wanted_place){ &w->sources[i].where, &w->sources[i].tree, o->place.path + strlen(o->source) + 1 };
	return (struct wanted_place){ w->where, &w->tree, o->place.path };
}

void wanted_name(struct wanted *w, const char *revision)
{
	const char *rest = revision_rest(revision);
	g_autofree char *first = g_strndup(revision, strlen(revision) - strlen(rest));
	w->tree.revision = arena_printf(w->arena, "%s%s", first, revision_rest(w->tree.revision));
}

/* -- what moves ------------------------------------------------------------------------------------------- */

gboolean session_has_moved(const struct session *s, const char *commit)
{
	for (guint i = 0; s->extras && i < s->extras->len; i++) {
		const struct extra *x = s->extras->pdata[i];
		if (x->has_where && x->seen && source_has_moved(&x->where, x->seen))
			return TRUE;
	}
	return s->has_where && source_has_moved(&s->where, commit);
}

void session_take_wanted(struct session *s, struct wanted *w)
{
	w->where = &s->where;
}
