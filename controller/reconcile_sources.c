/* The sources beside the main repository, each with what it may contain: their objects come among those of the main one.
 *
 * They are added one after the other in the Controller's order, each of which has to be valid on top of those before it. So
 * it is plain whose fault a problem is (a reference to what the Farm does not have, one address twice, an object that another
 * source wants already), and one source's mistake costs its own newest revision alone: its last good one stays in force, all
 * others go on. A source of which not even that is there (never fetched, or broken by what the main one took away) is absent:
 * nothing new is begun for it, and nothing that it may want is taken down (objects_absent()). */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/revision.h"
#include "reconcile_session.h"
#include "source/mirror.h"
#include "spec/cache.h"
#include "spec/controller.h"
#include "spec/load.h"
#include "spec/within.h"
#include "state/last_good.h"
#include <string.h>

/* -- which there are ------------------------------------------------------------------------------------------ */

static void extra_free(gpointer p)
{
	struct extra *x = p;
	spec_cache_free(x->alone);
	spec_cache_free(x->merged);
	g_free(x->specs);
	g_free(x->seen);
	g_free(x->told);
	g_free(x);
}

static char *at_ref(const char *repository, const char *ref)
{
	return ref ? g_strdup_printf("%s@%s", repository, ref) : g_strdup(repository);
}

/* Other specs, named by --specs, are not what the Controller's sources stand beside. */
static gboolean has_extras(const struct session *s)
{
	const struct controller_spec *local = s->settings.local;
	if (!local || !local->sources.n || !local->repository || s->settings.worktree)
		return FALSE;
	g_autofree char *its = at_ref(local->repository, local->ref);
	g_autofree char *name = session_source_name(its), *mine = session_source_name(s->settings.specs);
	return strcmp(name, mine) == 0;
}

/* Cards do not wait at boot for who may not speak of them. */
static gboolean is_asked(const struct session *s, const struct controller_source *c)
{
	gboolean speaks = c->kinds.n == 0;
	for (guint i = 0; i < c->kinds.n; i++)
		speaks |= strcmp(c->kinds.items[i], kinds[KIND_HOST].name) == 0 || strcmp(c->kinds.items[i], kinds[KIND_GPU].name) == 0;
	return speaks || !s->settings.devices_only;
}

const GPtrArray *session_extras(struct session *s)
{
	if (s->extras)
		return s->extras;
	s->extras = g_ptr_array_new_with_free_func(extra_free);
	for (guint i = 0; has_extras(s) && i < s->settings.local->sources.n; i++) {
		const struct controller_source *c = LIST_AT(s->settings.local->sources, struct controller_source, i);
		if (!is_asked(s, c))
			continue;
		struct extra *x = g_new0(struct extra, 1);
		*x = (struct extra){ .spec = c, .specs = at_ref(c->repository, c->ref), .alone = spec_cache_new(), .merged = spec_cache_new() };
		g_ptr_array_add(s->extras, x);
	}
	return s->extras;
}

void session_free_extras(struct session *s)
{
	g_clear_pointer(&s->extras, g_ptr_array_unref);
}

char *extra_key(const struct extra *x)
{
	g_autofree char *name = session_source_name(x->specs);
	return g_strdup_printf("%s: %s", x->spec->name, name);
}

/* -- reading one ---------------------------------------------------------------------------------------------- */

static gboolean find(struct session *s, struct extra *x, GError **error)
{
	if (x->has_where)
		return TRUE;
	if (!session_find(s, x->specs, FALSE, &x->where, error))
		return FALSE;
	if (x->where.kind != SOURCE_COMMIT)
		return fail(error, ERROR_INVALID, "%s is no git repository", x->specs);
	if (x->spec->path)
		x->where.subtree = x->spec->path;
	x->has_where = TRUE;
	return TRUE;
}

/* An empty copy is not an empty repository. */
static gboolean is_fetched(const struct session *s, const struct extra *x, GError **error)
{
	for (guint i = 0; i < s->mirrors->len; i++) {
		const struct mirror *m = s->mirrors->pdata[i];
		if (strcmp(mirror_shown(m), x->where.path) == 0 && !mirror_fetched_ms(m))
			return fail(error, ERROR_AWAY, "%s has not been fetched yet", mirror_shown(m));
	}
	return TRUE;
}

struct asking {
	const struct session *session;
	const struct extra *of;
	GString *path;
};

static gboolean is_known(void *user, const char *path, const char *blob_id, gsize *ret_size)
{
	struct asking *ask = user;
	const GPtrArray *extras = ask->session->extras;
	gboolean is_known = TRUE, is_behind = FALSE;
	g_string_printf(ask->path, "%s:%s", ask->of->spec->name, path);
	for (guint i = 0; i < extras->len && is_known; i++) {
		const struct extra *x = extras->pdata[i];
		is_behind |= x == ask->of;
		is_known = !is_behind || spec_cache_knows(x->merged, ask->path->str, blob_id, ret_size);
	}
	return is_known && spec_cache_knows(ask->of->alone, ask->path->str, blob_id, ret_size);
}

/* Places say of which source a file is. */
static void name_places(struct problems *problems, const char *source)
{
	for (guint i = 0; i < problems->list->len; i++) {
		struct place *p = &g_array_index(problems->list, struct problem, i).place;
		p->path = p->path ? arena_printf(problems->arena, "%s:%s", source, p->path) : source;
	}
}

/* At a commit; NULL: the newest. */
static gboolean read_tree(struct session *s, struct extra *x, struct arena *a, const char *commit, struct source_tree *ret,
                          struct problems *problems, GError **error)
{
	if (!find(s, x, error) || !is_fetched(s, x, error))
		return FALSE;
	g_autoptr(GString) path = g_string_new(NULL);
	struct asking ask = { s, x, path };
	const struct source_known known = { is_known, &ask };
	struct source_where at = x->where;
	at.rev = commit;
	gboolean ok = source_read(a, commit ? &at : &x->where, &known, ret, problems, error);
	if (ok && !commit) {
		g_free(x->seen);
		x->seen = g_strdup(ret->commit);
	}
	name_places(problems, x->spec->name);
	return ok;
}

/* -- adding one ----------------------------------------------------------------------------------------------- */

static struct trust_terms terms_of(const struct extra *x, gboolean is_chosen)
{
	return (struct trust_terms){ x->spec->name, x->specs, x->spec->allowed_signers_file, x->spec->keyring_file, TRUE, is_chosen };
}

static void add_files(GArray *files, struct arena *a, const char *source, const struct source_tree *tree)
{
	for (guint i = 0; i < tree->n_files; i++) {
		const struct source_file *f = &tree->files[i];
		const char *path = source ? arena_printf(a, "%s:%s", source, f->path) : f->path;
		struct spec_file file = { path, f->bytes, f->size, f->blob_id, source };
		g_array_append_val(files, file);
	}
}

/* What it may contain is asked of what it says by itself: without the Farm that is not valid, but tells which objects there are. */
static void check_within(struct extra *x, struct wanted *w, const struct source_tree *tree, struct problems *problems)
{
	g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(struct spec_file));
	struct problems of_it_alone;
	g_autofree char *prefix = g_strdup_printf("%s:", x->spec->name);
	problems_init(&of_it_alone, w->arena);
	add_files(files, w->arena, x->spec->name, tree);
	const struct objects *alone = spec_load_cached(w->arena, x->alone, (const struct spec_file *)(void *)files->data, files->len, &of_it_alone);
	within_check(x->spec, alone, w->objects, problems);
	problems_clear(&of_it_alone);
	/* Two files of one name would be taken for each other. */
	for (guint i = 0; i < w->tree.n_files; i++)
		if (g_str_has_prefix(w->tree.files[i].path, prefix))
			problem_add(problems, SEVERITY_ERROR, (struct place){ w->tree.files[i].path, 0, 0 },
			            "a file of the main repository is called as those of the source %s are shown; rename it", x->spec->name);
}

/* Warnings of the others were told before. */
static void add_warnings(struct wanted *w, const struct problems *of_all, const char *source)
{
	gsize len = strlen(source);
	for (guint i = 0; i < of_all->list->len; i++) {
		const struct problem *p = &g_array_index(of_all->list, struct problem, i);
		const struct problem_run run = { p, 1, 0, 1 };
		if (p->place.path && strncmp(p->place.path, source, len) == 0 && p->place.path[len] == ':')
			problems_add_run(&w->problems, &run);
	}
}

/* TRUE: its objects are among the others now. What is wrong goes to `problems`. */
static gboolean add_tree(struct session *s, struct extra *x, struct wanted *w, struct wanted_source *one, const struct source_tree *tree,
                         struct problems *problems)
{
	g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(struct spec_file));
	check_within(x, w, tree, problems);
	if (problems->n_errors)
		return FALSE;
	add_files(files, w->arena, NULL, &w->tree);
	for (const struct wanted_source *before = w->sources; before < one; before++)
		add_files(files, w->arena, before->name, &before->tree);
	add_files(files, w->arena, one->name, tree);
	struct objects *all = spec_load_cached(w->arena, x->merged, (const struct spec_file *)(void *)files->data, files->len, problems);
	wanted_check_tree(w, all, one->name, &one->where, tree, problems);
	if (problems->n_errors)
		return FALSE;
	all->texts = w->objects->texts;
	w->objects = all;
	one->tree = *tree;
	add_warnings(w, problems, one->name);
	wanted_read_texts(s, w, one->name, &one->where, tree);
	return TRUE;
}

/* "art:job.yaml:7:3: message" of the first error. */
static const char *first_error(struct arena *a, const struct problems *p)
{
	for (guint i = 0; i < p->list->len; i++) {
		const struct problem *one = &g_array_index(p->list, struct problem, i);
		if (one->severity == SEVERITY_ERROR)
			return arena_printf(a, "%s:%u:%u: %s", one->place.path, one->place.line, one->place.column, one->message);
	}
	return NULL;
}

/* What is in force may outlive the session. */
static struct source_where copy_where(struct arena *a, const struct source_where *from)
{
	struct source_where to = *from;
	to.path = arena_strdup(a, from->path);
	to.subtree = arena_strdup(a, from->subtree);
	to.rev = arena_strdup(a, from->rev);
	to.gitdir = arena_strdup(a, from->gitdir);
	to.commondir = arena_strdup(a, from->commondir);
	return to;
}

/* One commit of it (NULL: the newest). FALSE: it is not in force, and why. */
static gboolean try_commit(struct session *s, struct extra *x, struct wanted *w, struct wanted_source *one, const char *commit,
                           struct source_tree *tree, struct problems *problems, GError **error)
{
	const struct trust_terms terms = terms_of(x, commit != NULL);
	if (!read_tree(s, x, w->arena, commit, tree, problems, error))
		return FALSE;
	one->where = copy_where(w->arena, &x->where);
	if (!trust_judge(s, &terms, &x->where, tree, error))
		return FALSE;
	if (!add_tree(s, x, w, one, tree, problems))
		return fail(error, ERROR_INVALID, "%s", first_error(w->arena, problems));
	if (!commit)
		trust_accept(s, &terms, tree);
	return TRUE;
}

/* -- what goes on without the newest ---------------------------------------------------------------------------- */

static const char *reason_of(const GError *error)
{
	return g_error_matches(error, CLEAVE_ERROR, ERROR_REFUSED)     ? "NotTrusted"
	       : g_error_matches(error, CLEAVE_ERROR, ERROR_AWAY)      ? "SourceAway"
	       : g_error_matches(error, CLEAVE_ERROR, ERROR_TIMEOUT)   ? "SourceAway"
	       : g_error_matches(error, CLEAVE_ERROR, ERROR_NOT_FOUND) ? "RevisionGone"
	                                                               : "SourceUnreadable";
}

static void note_refused(struct wanted *w, struct wanted_source *one, const struct extra *x, const GError *why)
{
	g_autofree char *shown = session_source_name(x->specs);
	one->refused = one->newest.commit ? arena_printf(w->arena, "%s@sha1:%s", one->name, one->newest.commit)
	                                  : arena_printf(w->arena, "%s (%s)", one->name, shown);
	one->trouble = arena_strdup(w->arena, why->message);
	one->reason = one->problems.n_errors ? "InvalidSpecs" : reason_of(why);
}

static void use_last_good(struct session *s, struct extra *x, struct wanted *w, struct wanted_source *one)
{
	struct last_good good;
	struct problems problems;
	struct source_tree tree;
	g_autoptr(GError) error = NULL;
	g_autofree char *key = extra_key(x);
	last_good_find(s->settings.state, key, &good);
	problems_init(&problems, w->arena);
	gboolean is_other = good.commit && g_strcmp0(good.commit, one->newest.commit) != 0;
	if (is_other && !try_commit(s, x, w, one, good.commit, &tree, &problems, &error))
		one->trouble = arena_printf(w->arena, "%s; nor can %.12s be used, which was in force before: %s", one->trouble, good.commit, error->message);
	problems_clear(&problems);
	last_good_clear(&good);
}

static void add_source(struct session *s, struct extra *x, struct wanted *w, struct wanted_source *one, const char *pinned)
{
	g_autoptr(GError) error = NULL;
	struct source_tree tree = { 0 };
	gboolean ok = w->tree.commit ? try_commit(s, x, w, one, pinned, &tree, &one->problems, &error)
	                             : fail(&error, ERROR_INVALID, "it stands beside a commit, and the main specs are a folder");
	one->newest = tree;
	if (!ok) {
		note_refused(w, one, x, error);
		if (!pinned && w->tree.commit)
			use_last_good(s, x, w, one);
	}
}

/* -- all ------------------------------------------------------------------------------------------------------- */

static const struct strings *copy_strings(struct arena *a, const struct strings *from)
{
	struct strings *to = ARENA_NEW(a, struct strings);
	const char **items = ARENA_ARRAY(a, const char *, from->n);
	for (guint i = 0; i < from->n; i++)
		items[i] = arena_strdup(a, from->items[i]);
	*to = (struct strings){ items, from->n };
	return to;
}

/* All that has nothing in force, for the plan. */
static struct list absent_ones(const struct session *s, struct wanted *w)
{
	struct absent_source *list = ARENA_ARRAY(w->arena, struct absent_source, w->n_sources);
	guint n = 0;
	for (guint i = 0; i < w->n_sources; i++) {
		const struct controller_source *c = ((const struct extra *)s->extras->pdata[i])->spec;
		if (!w->sources[i].tree.commit)
			list[n++] = (struct absent_source){ w->sources[i].name, copy_strings(w->arena, &c->kinds), copy_strings(w->arena, &c->projects) };
	}
	return (struct list){ list, n };
}

static void name_revision(struct wanted *w)
{
	g_autoptr(GString) text = g_string_new(w->tree.revision);
	for (guint i = 0; i < w->n_sources; i++)
		if (w->sources[i].tree.commit)
			revision_append(text, w->sources[i].name, w->sources[i].tree.commit);
	w->tree.revision = arena_strdup(w->arena, text->str);
}

void sources_add(struct session *s, struct wanted *w, const char *rest)
{
	const GPtrArray *extras = session_extras(s);
	if (!extras->len)
		return;
	g_autofree char *pins = *rest ? g_strdup_printf("sha1:%s%s", w->tree.commit, rest) : NULL;
	w->sources = ARENA_ARRAY(w->arena, struct wanted_source, extras->len);
	w->n_sources = extras->len;
	for (guint i = 0; i < extras->len; i++) {
		struct extra *x = extras->pdata[i];
		struct wanted_source *one = &w->sources[i];
		const char *pinned = pins ? revision_commit(w->arena, pins, x->spec->name) : NULL;
		one->name = arena_strdup(w->arena, x->spec->name);
		problems_init(&one->problems, w->arena);
		/* A plan that was made without it is made again without it. */
		if (!pins || pinned)
			add_source(s, x, w, one, pinned);
	}
	w->objects->absent = absent_ones(s, w);
	name_revision(w);
}

const struct wanted_source *wanted_refused(const struct wanted *w)
{
	for (guint i = 0; i < w->n_sources; i++)
		if (w->sources[i].refused)
			return &w->sources[i];
	return NULL;
}

void sources_keep_good(struct session *s, const struct wanted *w)
{
	for (guint i = 0; i < w->n_sources && s->extras && i < s->extras->len; i++) {
		const struct wanted_source *one = &w->sources[i];
		g_autoptr(GError) error = NULL;
		g_autofree char *key = extra_key(s->extras->pdata[i]);
		if (one->tree.commit && !last_good_put(s->settings.state, key, one->tree.commit, one->tree.revision, &error))
			log_warning("source", "%s", error->message);
	}
}

/* -- where they are ---------------------------------------------------------------------------------------------- */

struct source_where *session_wheres(struct session *s, guint *ret_n, GError **error)
{
	const struct source_where *first = session_where(s, error);
	const GPtrArray *extras = session_extras(s);
	if (!first)
		return NULL;
	struct source_where *all = g_new(struct source_where, extras->len + 1);
	guint n = 0;
	all[n++] = *first;
	for (guint i = 0; i < extras->len; i++)
		if (find(s, extras->pdata[i], NULL)) /* why not is told when it is read */
			all[n++] = ((const struct extra *)extras->pdata[i])->where;
	*ret_n = n;
	return all;
}
