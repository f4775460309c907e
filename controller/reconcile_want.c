/* What is wanted: the specs at a revision, read, decoded and checked, with what only who reads the tree can say. */
#include "base/arena.h"
#include "base/error.h"
#include "reconcile_session.h"
#include "spec/cache.h"
#include "spec/controller.h"
#include "spec/files.h"
#include "spec/load.h"
#include "spec/vm.h"
#include <stdlib.h>
#include <string.h>

static gboolean is_known(void *user, const char *path, const char *blob_id, gsize *ret_size)
{
	return spec_cache_knows(user, path, blob_id, ret_size);
}

/* Files of the commit that VMs of this host are told. They lie in the tree, not in the objects, which outlive it. */
static void read_texts(const struct session *s, const struct source_where *where, struct wanted *w)
{
	g_autoptr(GArray) texts = g_array_new(FALSE, FALSE, sizeof(struct tree_text));
	OBJECTS_EACH (o, w->objects, KIND_VM) {
		const struct vm_spec *vm = o->spec;
		if (!o->n_files || !vm || (!s->settings.all_hosts && g_strcmp0(vm->host, s->settings.host) != 0))
			continue;
		struct file_uses uses = object_files(w->arena, o);
		for (guint i = 0; i < uses.n; i++) {
			struct source_file file;
			w->objects->texts = (struct list){ texts->data, texts->len };
			if (objects_text(w->objects, uses.items[i].path) || !source_file_at(w->arena, where, &w->tree, uses.items[i].path, &file, NULL))
				continue;
			struct tree_text text = { uses.items[i].path, file.bytes, file.size };
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
		files[i] = (struct spec_file){ f->path, f->bytes, f->size, f->blob_id };
	}
	w->objects = spec_load_cached(w->arena, s->cache, files, w->tree.n_files, &w->problems);
}

/* file-in-commit: looked up in the commit that the specs were read from. */
static void check_files(struct source_lookup *lookup, struct wanted *w, const struct object *o)
{
	struct object_look look = { 0 };
	struct file_uses uses = object_files(w->arena, o);
	for (guint i = 0; i < uses.n; i++) {
		const struct file_use *use = &uses.items[i];
		const char *why = source_lookup_file(lookup, use->path);
		if (!why)
			continue;
		w->problems.rule = "file-in-commit";
		problem_add(&w->problems, SEVERITY_ERROR, object_look_place(&look, o, use->key), "%s %s: %s: %s; a relative file stands in this repository",
		            o->kind->name, o->id, use->key, why);
		w->problems.rule = NULL;
	}
	object_look_clear(&look);
}

/* What only who reads the tree can say. */
static void check_tree(const struct source_where *where, struct wanted *w)
{
	struct source_lookup lookup;
	source_lookup_init(&lookup, where, &w->tree);
	for (int kind = 0; kind < N_KINDS; kind++)
		OBJECTS_EACH (o, w->objects, kind) {
			if (o->n_files)
				check_files(&lookup, w, o);
			if (o->kind->is_local && where->kind != SOURCE_FILE)
				problem_add(&w->problems, SEVERITY_ERROR, o->place,
				            "%s %s: lies on its host, not among the specs; move it to /etc/cleave/controller.yaml there",
				            o->kind->name, o->id);
		}
	source_lookup_clear(&lookup);
	problems_sort(&w->problems);
}

static struct trust_terms main_terms(const struct session *s, gboolean is_chosen)
{
	const struct controller_spec *local = s->settings.local;
	return (struct trust_terms){ "main", s->settings.specs, local ? local->allowed_signers_file : NULL, local ? local->keyring_file : NULL, is_chosen };
}

/* People hold this host at an older commit: that is read instead, with the tip's place in the order of commits, since
 * that is when it was decided. */
static gboolean read_held(struct session *s, struct arena *a, struct source_where *other, struct wanted *ret, GError **error)
{
	const struct source_known known = { is_known, s->cache };
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

gboolean session_want_at(struct session *s, struct arena *a, const char *commit, struct wanted *ret, GError **error)
{
	const struct source_known known = { is_known, s->cache };
	*ret = (struct wanted){ .arena = a, .where = &s->where };
	problems_init(&ret->problems, a);
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
	check_tree(where, ret);
	read_texts(s, where, ret);
	/* One that this host is held at was accepted before; what is judged next goes on from the newest. */
	if (!commit && !ret->held && ret->problems.n_errors == 0) {
		trust_accept(s, &terms, &ret->tree);
		session_end_hold(s, ret->tip);
	}
	return TRUE;
}

gboolean session_want(struct session *s, struct arena *a, struct wanted *ret, GError **error)
{
	return session_want_at(s, a, NULL, ret, error);
}

void wanted_clear(struct wanted *w)
{
	problems_clear(&w->problems);
}

static gint by_path(gconstpointer key, gconstpointer file)
{
	return strcmp(key, ((const struct source_file *)file)->path);
}

const char *wanted_find_text(void *user, const char *path, gsize *ret_size)
{
	const struct wanted *w = user;
	struct source_file *f = bsearch(path, w->tree.files, w->tree.n_files, sizeof *f, by_path);
	/* Of a file that had been read before only the objects are here; its lines are asked for now. */
	if (f && !f->bytes && !source_file_at(w->arena, w->where, &w->tree, path, f, NULL))
		return NULL;
	*ret_size = f ? f->size : 0;
	return f ? f->bytes : NULL;
}

gboolean session_has_moved(const struct session *s, const char *commit)
{
	return s->has_where && source_has_moved(&s->where, commit);
}

void session_take_wanted(struct session *s, struct wanted *w)
{
	w->where = &s->where;
}
