/* Unknown keys, kinds and versions are told with the word that was meant. */
#include "spec/envelope.h"
#include "base/arena.h"
#include "spec/decode.h"
#include "spec/node.h"
#include <string.h>

static void add_error(const struct envelope *e, const struct node *n, const char *message)
{
	problem_add(e->problems, SEVERITY_ERROR, node_place(n), "%s", message);
}

const char *envelope_text(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);
	return n && n->type == NODE_SCALAR ? n->text : NULL;
}

static void check_envelope(const struct envelope *e, const struct node *n)
{
	static const char *const known[] = { "apiVersion", "kind", "metadata", "spec", "status" };
	const char *version = envelope_text(n, "apiVersion");
	if (!version)
		add_error(e, n, "the key `apiVersion` is missing: write apiVersion: " API_VERSION);
	else if (strcmp(version, API_VERSION) != 0)
		problem_add(e->problems, SEVERITY_ERROR, node_place(node_get(n, "apiVersion")),
		            "apiVersion: `%.80s` is not known here; this cleave reads " API_VERSION, version);
	MEMBERS_EACH (m, n) {
		gboolean ok = FALSE;
		for (guint k = 0; k < G_N_ELEMENTS(known) && !ok; k++)
			ok = strcmp(m->key, known[k]) == 0;
		if (ok)
			continue;
		const char *near = name_suggest(m->key, known, G_N_ELEMENTS(known));
		problem_add(e->problems, SEVERITY_ERROR, member_place(m),
		            "unknown key `%.80s`; %s%s%s", m->key, near ? "did you mean `" : "an object has ",
		            near ? near : "apiVersion, kind, metadata and spec", near ? "`?" : "");
	}
}

const struct kind *envelope_kind(const struct envelope *e, const struct node *n)
{
	if (n->type != NODE_MAP) {
		if (!node_is_null(n))
			add_error(e, n, "an object is a map with apiVersion, kind, metadata and spec");
		return NULL;
	}
	const char *word = envelope_text(n, "kind");
	if (!word) {
		add_error(e, n, "the key `kind` is missing");
		return NULL;
	}
	const char *names[N_KINDS];
	guint n_names = 0;
	for (guint i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i].name, word) == 0 && (e->is_status || kinds[i].spec_fields))
			return &kinds[i];
		if (kinds[i].spec_fields && !kinds[i].is_local)
			names[n_names++] = kinds[i].name;
	}
	const char *near = name_suggest(word, names, n_names);
	problem_add(e->problems, SEVERITY_ERROR, node_place(node_get(n, "kind")),
	            "kind: `%.80s` is not known; %s%s", word, near ? "did you mean " : "kinds are Farm, Host, GPU, VM, RenderJob",
	            near ? near : "");
	return NULL;
}

/* Observed jobs carry their id beside their name. */
static struct node without_id(struct arena *a, const struct node *meta)
{
	struct node rest = *meta;
	rest.members = ARENA_ARRAY(a, struct member, meta->n);
	rest.n = 0;
	MEMBERS_EACH (m, meta)
		if (strcmp(m->key, "id") != 0)
			rest.members[rest.n++] = *m;
	return rest;
}

void envelope_read(const struct envelope *e, const struct node *doc, struct meta *ret)
{
	check_envelope(e, doc);
	const struct node *n = node_get(doc, "metadata");
	if (!n) {
		add_error(e, doc, "the key `metadata` is missing: write metadata: {name: NAME}");
		return;
	}
	if (n->type != NODE_MAP) {
		add_error(e, n, "must be a map, as metadata: {name: NAME}");
		return;
	}
	/* Domains that cleave did not make are called as their owners like: observed names are not checked. */
	struct node rest = e->is_status ? without_id(e->arena, n) : *n;
	decode_struct(e->arena, meta_fields, &rest, node_place(n), e->is_status, ret, e->problems);
}
