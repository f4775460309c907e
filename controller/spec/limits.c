/* A limit speaks of one project, or of one label as key=value. */
#include "spec/limits.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/kinds.h"
#include "spec/renderjob.h"
#include <string.h>

static gboolean has_label(const struct object *job, const char *text)
{
	for (guint i = 0; i < job->meta.labels.n; i++) {
		const struct label *l = LIST_AT(job->meta.labels, struct label, i);
		gsize len = strlen(l->key);
		if (strncmp(l->key, text, len) == 0 && text[len] == '=' && strcmp(l->value, text + len + 1) == 0)
			return TRUE;
	}
	return FALSE;
}

guint limits_of(struct arena *a, const struct farm_spec *farm, const struct object *job, struct scope_limit **ret)
{
	const struct renderjob_spec *spec = job->spec;
	struct scope_limit *limits = ARENA_ARRAY(a, struct scope_limit, farm->limits.n);
	guint n = 0;
	for (guint i = 0; i < farm->limits.n; i++) {
		const struct farm_limit *l = LIST_AT(farm->limits, struct farm_limit, i);
		const char *scope = NULL;
		if (l->project && strcmp(l->project, spec->project) == 0)
			scope = arena_printf(a, "project:%s", l->project);
		else if (l->label && has_label(job, l->label))
			scope = arena_printf(a, "label:%s", l->label);
		if (scope)
			limits[n++] = (struct scope_limit){ scope, l->n_frames };
	}
	*ret = limits;
	return n;
}

const char *limits_text(struct arena *a, const struct scope_limit *limits, guint n)
{
	const char *text = NULL;
	for (guint i = 0; i < n; i++)
		text = arena_printf(a, "%s%s%s=%" G_GINT64_FORMAT, text ? text : "", text ? ", " : "", limits[i].scope,
		                    limits[i].n_frames);
	return text;
}
