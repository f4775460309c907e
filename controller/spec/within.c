/* Asked before the source's objects come among the others: its Farm, say, would speak for all of them. */
#include "spec/within.h"
#include "base/arena.h"
#include "spec/controller.h"
#include "spec/renderjob.h"
#include <string.h>

static gboolean has_word(const struct strings *all, const char *word)
{
	for (guint i = 0; i < all->n; i++)
		if (g_strcmp0(all->items[i], word) == 0)
			return TRUE;
	return all->n == 0;
}

static char *join(const struct strings *all)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < all->n; i++)
		g_string_append_printf(s, "%s%s", i ? ", " : "", all->items[i]);
	return g_string_free(g_steal_pointer(&s), FALSE);
}

static void check_kind(const struct controller_source *source, const struct object *o, struct problems *problems)
{
	g_autofree char *allowed = join(&source->kinds);
	if (o->kind->is_local)
		problem_add(problems, SEVERITY_ERROR, o->place, "%s %s: lies on its host, not among the specs; move it to /etc/cleave/controller.yaml there",
		            o->kind->name, o->id);
	else if (o->kind->id == KIND_FARM)
		problem_add(problems, SEVERITY_ERROR, o->place, "Farm %s: the Farm stands in the main repository, never in a source beside it; take it out of %s",
		            o->id, source->name);
	else if (!has_word(&source->kinds, o->kind->name))
		problem_add(problems, SEVERITY_ERROR, o->place, "%s %s: the source %s may hold %s only, as this host's controller.yaml says (`sources`, `kinds`)",
		            o->kind->name, o->id, source->name, allowed);
}

static void check_project(const struct controller_source *source, const struct object *o, struct problems *problems)
{
	const struct renderjob_spec *job = o->spec;
	g_autofree char *allowed = join(&source->projects);
	if (!has_word(&source->projects, job ? job->project : NULL))
		problem_add(problems, SEVERITY_ERROR, o->place, "RenderJob %s: the source %s may hold jobs of the project%s %s only, as this host's controller.yaml says (`sources`, `projects`)",
		            o->id, source->name, source->projects.n == 1 ? "" : "s", allowed);
}

void within_check(const struct controller_source *source, const struct objects *of_it, const struct objects *others, struct problems *problems)
{
	for (int kind = 0; kind < N_KINDS; kind++)
		OBJECTS_EACH (o, of_it, kind) {
			const struct object *other = objects_get(others, (enum kind_id)kind, o->id);
			check_kind(source, o, problems);
			if (kind == KIND_RENDERJOB)
				check_project(source, o, problems);
			if (other && kind != KIND_FARM)
				problem_add(problems, SEVERITY_ERROR, o->place, "%s %s is there already, in %s at %s:%u; one source holds an object", o->kind->name,
				            o->id, other->source ? other->source : "the main repository", other->place.path, other->place.line);
		}
	problems_sort(problems);
}
