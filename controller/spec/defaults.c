/* Which templates lie below an object, and what they are together. */
#include "spec/defaults.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/node.h"
#include <string.h>

/* A bit for each of the Farm's byLabel. */
struct matching {
	guint64 bits[DEFAULTS_MAX / 64];
};

/* More are merged anew: a farm has a handful of labels that defaults ask for. */
enum { MERGED_HELD = 64 };

struct defaults {
	struct arena *arena;
	const struct object *farm; /* whose these are */
	struct merged {
		const struct kind *kind;
		struct matching matching;
		const struct node *node;
	} held[MERGED_HELD];
	guint n;
};

static const struct node *template_of(const struct templates *t, const char *key)
{
	const struct {
		const char *key;
		const struct node *node;
	} all[] = { { "host", t->host }, { "gpu", t->gpu }, { "vm", t->vm }, { "job", t->job } };
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		if (strcmp(all[i].key, key) == 0)
			return all[i].node;
	g_assert_not_reached();
}

static gboolean has_label(const struct meta *meta, const struct label *wanted)
{
	for (guint i = 0; i < meta->labels.n; i++) {
		const struct label *l = LIST_AT(meta->labels, struct label, i);
		if (strcmp(l->key, wanted->key) == 0 && g_strcmp0(l->value, wanted->value) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean has_labels(const struct meta *meta, const struct list *wanted)
{
	for (guint i = 0; i < wanted->n; i++)
		if (!has_label(meta, LIST_AT(*wanted, struct label, i)))
			return FALSE;
	return TRUE;
}

/* FALSE when there are none. */
static gboolean find_matching(const struct list *by_label, const struct meta *meta, struct matching *ret)
{
	gboolean is_any = FALSE;
	for (guint i = 0; i < by_label->n; i++)
		if (has_labels(meta, &LIST_AT(*by_label, struct labelled_templates, i)->labels)) {
			ret->bits[i / 64] |= (guint64)1 << (i % 64);
			is_any = TRUE;
		}
	return is_any;
}

static const struct node *merge(struct arena *a, const struct farm_defaults *d, const char *key, const struct matching *m)
{
	const struct node *under = template_of(&d->templates, key);
	for (guint i = 0; i < d->by_label.n; i++)
		if (m->bits[i / 64] >> (i % 64) & 1)
			under = node_merge(a, under, template_of(&LIST_AT(d->by_label, struct labelled_templates, i)->templates, key));
	return under;
}

/* Of whom the object has them, or NULL. */
static const struct farm_defaults *lender_of(const struct object *o)
{
	return o->farm && o->kind->defaults ? &((const struct farm_spec *)o->farm->spec)->defaults : NULL;
}

const struct node *defaults_merge(struct arena *a, const struct object *o)
{
	struct matching matching = { 0 };
	const struct farm_defaults *d = lender_of(o);
	if (!d)
		return NULL;
	find_matching(&d->by_label, &o->meta, &matching);
	return merge(a, d, o->kind->defaults, &matching);
}

struct defaults *defaults_new(void)
{
	struct defaults *d = g_new0(struct defaults, 1);
	d->arena = arena_new();
	return d;
}

void defaults_free(struct defaults *d)
{
	arena_free(d->arena);
	g_free(d);
}

static void forget(struct defaults *d, const struct object *farm)
{
	arena_reset(d->arena);
	d->farm = farm;
	d->n = 0;
}

const struct node *defaults_below(struct defaults *d, const struct object *o)
{
	struct matching matching = { 0 };
	const struct farm_defaults *of = lender_of(o);
	if (!of)
		return NULL;
	if (!find_matching(&of->by_label, &o->meta, &matching))
		return template_of(&of->templates, o->kind->defaults);
	if (d->farm != o->farm)
		forget(d, o->farm);
	for (guint i = 0; i < d->n; i++)
		if (d->held[i].kind == o->kind && memcmp(&d->held[i].matching, &matching, sizeof matching) == 0)
			return d->held[i].node;
	if (d->n == MERGED_HELD)
		forget(d, o->farm);
	struct merged *one = &d->held[d->n++];
	*one = (struct merged){ o->kind, matching, merge(d->arena, of, o->kind->defaults, &matching) };
	return one->node;
}
