/* Whether a commit may be believed: its signature, and whether its signers may change what they change.
 *
 * The tip's signature is always needed. With `owners`, each commit on the way of first parents from the one accepted last is
 * judged by what it changes; where history was rewritten, what that takes back counts as changed by the tip's signer. */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "reconcile_session.h"
#include "source/history.h"
#include "spec/cache.h"
#include "spec/controller.h"
#include "spec/files.h"
#include "spec/load.h"
#include "spec/owners.h"
#include "state/accepted.h"
#include <stdlib.h>
#include <string.h>

/* Of one source. */
struct trusted {
	char *name;
	struct signers *signers;
	struct spec_cache *cache; /* of the trees on the way */
	char *judged;   /* the last commit that was found trusted */
	char *accepted; /* as the state folder has it */
};

struct trust {
	GPtrArray *sources; /* struct trusted * */
};

static void trusted_free(gpointer p)
{
	struct trusted *t = p;
	signers_free(t->signers);
	spec_cache_free(t->cache);
	g_free(t->name);
	g_free(t->judged);
	g_free(t->accepted);
	g_free(t);
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	g_ptr_array_free(t->sources, TRUE);
	g_free(t);
}

static struct trusted *find_trusted(struct session *s, const struct trust_terms *terms)
{
	if (!s->trust) {
		s->trust = g_new0(struct trust, 1);
		s->trust->sources = g_ptr_array_new_with_free_func(trusted_free);
	}
	for (guint i = 0; i < s->trust->sources->len; i++)
		if (strcmp(((struct trusted *)s->trust->sources->pdata[i])->name, terms->name) == 0)
			return s->trust->sources->pdata[i];
	struct trusted *t = g_new0(struct trusted, 1);
	t->name = g_strdup(terms->name);
	t->signers = signers_new(terms->allowed_signers_file, terms->keyring_file);
	t->cache = spec_cache_new();
	g_ptr_array_add(s->trust->sources, t);
	return t;
}

/* -- two trees -------------------------------------------------------------------------------------------- */

struct side {
	struct source_where where;
	struct source_tree tree;
	struct objects *objects;
};

struct step {
	struct arena *arena;
	struct side before, after;
};

static gboolean is_known(void *user, const char *path, const char *blob_id, gsize *ret_size)
{
	return spec_cache_knows(user, path, blob_id, ret_size);
}

/* Problems are the newest revision's matter alone. */
static gboolean read_side(struct trusted *t, struct arena *a, const struct source_where *where, const char *commit, struct side *ret, GError **error)
{
	const struct source_known known = { is_known, t->cache };
	struct problems problems;
	ret->where = *where;
	ret->where.rev = commit;
	problems_init(&problems, a);
	gboolean ok = source_read(a, &ret->where, &known, &ret->tree, &problems, error);
	struct spec_file *files = ARENA_ARRAY(a, struct spec_file, ok ? ret->tree.n_files : 0);
	for (guint i = 0; ok && i < ret->tree.n_files; i++) {
		const struct source_file *f = &ret->tree.files[i];
		files[i] = (struct spec_file){ f->path, f->bytes, f->size, f->blob_id, NULL };
	}
	if (ok)
		ret->objects = spec_load_cached(a, t->cache, files, ret->tree.n_files, &problems);
	problems_clear(&problems);
	return ok;
}

static gint by_path(gconstpointer key, gconstpointer file)
{
	return strcmp(key, ((const struct source_file *)file)->path);
}

static const char *blob_of(const struct side *side, const struct object *o)
{
	const struct source_file *f = bsearch(o->place.path, side->tree.files, side->tree.n_files, sizeof *f, by_path);
	return f ? f->blob_id : NULL;
}

/* A file of the tree that an object names. */
static const char *named_blob(struct arena *a, const struct side *side, const char *path)
{
	struct source_file file;
	return source_file_at(a, &side->where, &side->tree, path, &file, NULL) ? file.blob_id : NULL;
}

static gboolean names_other_file(void *user, const struct object *before, const struct object *after)
{
	const struct step *step = user;
	SCOPED_ARENA(scratch);
	struct file_uses uses = object_files(scratch, after ? after : before);
	for (guint i = 0; i < uses.n; i++)
		if (g_strcmp0(named_blob(scratch, &step->before, uses.items[i].path), named_blob(scratch, &step->after, uses.items[i].path)) != 0)
			return TRUE;
	return FALSE;
}

static gboolean has_other_file(void *user, const struct object *before, const struct object *after)
{
	const struct step *step = user;
	if (!before || !after || g_strcmp0(blob_of(&step->before, before), blob_of(&step->after, after)) != 0)
		return TRUE;
	return after->n_files && names_other_file(user, before, after);
}

/* NULL: all that differs may be changed by the signer. */
static gboolean judge_step(struct session *s, struct trusted *t, const struct source_where *where, const char *before, const char *after,
                           const char *const *signer, const char *what, GError **error)
{
	SCOPED_ARENA(a);
	const struct list *owners = &s->settings.local->owners;
	struct step step = { .arena = a };
	if (owners_allow_all(owners, signer))
		return TRUE;
	/* In this order: the one after is the one before of the next step, and its files are known then. */
	if (!read_side(t, a, where, before, &step.before, error) || !read_side(t, a, where, after, &step.after, error)) {
		g_prefix_error(error, "judging what %s changes: ", what);
		return FALSE;
	}
	const struct ownership ownership = { owners, signer, step.before.objects, step.after.objects, has_other_file, names_other_file, &step };
	const char *why = owners_refuse(a, &ownership);
	return !why || fail(error, ERROR_REFUSED, "%s %s", what, why);
}

/* -- the way from the accepted commit ------------------------------------------------------------------------ */

static const char *way_out(struct session *s, struct arena *a)
{
	return arena_printf(a, "; drop it with a forced push and have its owner sign it, or allow it in `owners` of controller.yaml; or remove %s/" ACCEPTED_FILE
	                       ": then the newest commit's signature vouches for all", s->settings.state);
}

/* The tip was verified, by its own signature or a tag's. */
static gboolean judge_commit(struct session *s, struct trusted *t, struct arena *a, const struct source_where *where, const char *before,
                             const char *commit, char **tip_signer, GError **error)
{
	struct signed_object o;
	char **signer = tip_signer;
	if (!signer && (!history_signed_commit(a, where, commit, &o, error) || !signers_verify(t->signers, a, &o, &signer, error)))
		return FALSE;
	const char *what = arena_printf(a, "commit %.7s of %s", commit, signer[0]);
	return judge_step(s, t, where, before, commit, (const char *const *)signer, what, error);
}

static gboolean judge_way(struct session *s, struct trusted *t, struct arena *a, const struct source_where *where, const struct history *h,
                          char **tip_signer, GError **error)
{
	const char *tip = h->commits[h->n - 1], *before = h->base ? h->base : t->accepted;
	gboolean ok = TRUE;
	if (strcmp(before, t->accepted) != 0)
		ok = judge_step(s, t, where, t->accepted, before, (const char *const *)tip_signer,
		                arena_printf(a, "commit %.7s of %s, which leaves accepted ones out,", tip, tip_signer[0]), error);
	/* Without a common one all that differs is the tip's. */
	if (!h->base)
		return judge_commit(s, t, a, where, t->accepted, tip, tip_signer, error);
	for (guint i = 0; ok && i < h->n; i++) {
		ok = judge_commit(s, t, a, where, before, h->commits[i], i + 1 == h->n ? tip_signer : NULL, error);
		before = h->commits[i];
	}
	return ok;
}

/* Nobody signed that the branch goes back, so that who can write to the repository alone could undo what was signed. */
static gboolean refuse_behind(struct session *s, struct trusted *t, const struct source_tree *tree, GError **error)
{
	return fail(error, ERROR_REFUSED,
	            "commit %.7s lies behind %.7s, which was accepted already, and nobody signed that it goes back; push a signed commit that takes it back "
	            "(`git revert -S`), or remove %s/" ACCEPTED_FILE, tree->commit, t->accepted, s->settings.state);
}

static gboolean judge_since(struct session *s, struct trusted *t, struct arena *a, const struct source_where *where, const struct source_tree *tree,
                            char **tip_signer, GError **error)
{
	struct history h;
	gboolean has_owners = s->settings.local->owners.n > 0;
	g_autoptr(GError) problem = NULL;
	if (!t->accepted)
		return TRUE;
	gboolean is_found = history_since(a, where, t->accepted, tree->commit, &h, &problem);
	if (is_found && h.is_behind)
		return refuse_behind(s, t, tree, error);
	/* Else whoever can write to the repository goes back by having git throw away what came later. */
	if (g_error_matches(problem, CLEAVE_ERROR, ERROR_NOT_FOUND))
		return fail(error, ERROR_REFUSED, "%s, so that nothing says whether commit %.7s is newer; bring it back (push a branch that has it), or remove %s/"
		                                  ACCEPTED_FILE ": then the newest commit's signature vouches for all", problem->message, tree->commit, s->settings.state);
	if (!has_owners)
		return TRUE;
	if (is_found && judge_way(s, t, a, where, &h, tip_signer, &problem))
		return TRUE;
	return fail(error, ERROR_REFUSED, "%s%s", problem->message, way_out(s, a));
}

/* -- a revision ------------------------------------------------------------------------------------------------ */

/* The signer of the tag that was named, or of the commit. */
static char **find_signer(struct trusted *t, struct arena *a, const struct source_where *where, const char *commit, GError **error)
{
	struct signed_object o;
	char **signer = NULL;
	g_autoptr(GError) problem = NULL;
	if (history_signed_tag(a, where, commit, &o, &problem) && signers_verify(t->signers, a, &o, &signer, &problem))
		return signer;
	g_clear_error(&problem);
	if (!history_signed_commit(a, where, commit, &o, error) || !signers_verify(t->signers, a, &o, &signer, error))
		return NULL;
	return signer;
}

/* Two sources of one repository may trust others: what is accepted of one says nothing of the other. */
static char *key_of(const struct trust_terms *terms)
{
	g_autofree char *repository = session_source_name(terms->repository);
	return terms->is_extra ? g_strdup_printf("%s: %s", terms->name, repository) : g_steal_pointer(&repository);
}

gboolean trust_judge(struct session *s, const struct trust_terms *terms, const struct source_where *where, const struct source_tree *tree,
                     GError **error)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	if (!terms->allowed_signers_file && !terms->keyring_file)
		return TRUE;
	if (!tree->commit)
		return !s->settings.acts || fail(error, ERROR_REFUSED, "this host's controller.yaml asks for signed commits, and files as they lie in %s have no "
		                                                       "signature; commit and sign them, or look with `cleave plan`", where->path);
	struct trusted *t = find_trusted(s, terms);
	if (g_strcmp0(t->judged, tree->commit) == 0)
		return TRUE;
	g_free(t->accepted);
	g_autofree char *repository = key_of(terms);
	t->accepted = accepted_read(s->settings.state, repository, &problem);
	if (problem) {
		g_propagate_error(error, g_steal_pointer(&problem));
		return FALSE;
	}
	if (g_strcmp0(t->accepted, tree->commit) != 0) {
		char **signer = find_signer(t, a, where, tree->commit, error);
		if (!signer || (!terms->is_chosen && !judge_since(s, t, a, where, tree, signer, error)))
			return FALSE;
	}
	if (terms->is_chosen)
		return TRUE;
	g_free(t->judged);
	t->judged = g_strdup(tree->commit);
	return TRUE;
}

void trust_accept(struct session *s, const struct trust_terms *terms, const struct source_tree *tree)
{
	g_autoptr(GError) error = NULL;
	if ((!terms->allowed_signers_file && !terms->keyring_file) || !s->settings.acts || !tree->commit)
		return;
	struct trusted *t = find_trusted(s, terms);
	if (g_strcmp0(t->accepted, tree->commit) == 0)
		return;
	g_free(t->accepted);
	t->accepted = g_strdup(tree->commit);
	g_autofree char *repository = key_of(terms);
	if (!accepted_write(s->settings.state, repository, tree->commit, &error))
		log_warning("trust", "that %s was accepted cannot be written down: %s", tree->revision, error->message);
}
