/* Unknown keys, kinds and versions are told with the word that was meant. */
#include "spec/envelope.h"
#include "base/arena.h"
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
		problem_add(e->problems, SEVERITY_ERROR, member_place(n, m),
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
		if (kinds[i].spec_fields)
			names[n_names++] = kinds[i].name;
	}
	const char *near = name_suggest(word, names, n_names);
	problem_add(e->problems, SEVERITY_ERROR, node_place(node_get(n, "kind")),
	            "kind: `%.80s` is not known; %s%s", word, near ? "did you mean " : "kinds are Farm, Host, GPU, VM, RenderJob",
	            near ? near : "");
	return NULL;
}

static void read_labels(const struct envelope *e, const struct node *n, struct list *ret)
{
	if (!n)
		return;
	if (n->type != NODE_MAP) {
		add_error(e, n, "must be a map of words");
		return;
	}
	struct label *labels = ARENA_ARRAY(e->arena, struct label, n->n);
	MEMBERS_EACH (m, n) {
		if (m->value.type != NODE_SCALAR)
			add_error(e, &m->value, "must be one word or sentence");
		else
			labels[ret->n++] = (struct label){ m->key, m->value.text };
	}
	ret->items = labels;
}

void envelope_read(const struct envelope *e, const struct node *doc, struct meta *ret)
{
	check_envelope(e, doc);
	const struct node *n = node_get(doc, "metadata");
	struct node rest = n && n->type == NODE_MAP ? *n : (struct node){ .type = NODE_MAP };
	read_labels(e, node_get(&rest, "labels"), &ret->labels);
	read_labels(e, node_get(&rest, "annotations"), &ret->annotations);
	if (!n)
		add_error(e, doc, "the key `metadata` is missing: write metadata: {name: NAME}");
	else if (n->type != NODE_MAP)
		add_error(e, n, "must be a map, as metadata: {name: NAME}");
	const struct node *name = node_get(&rest, "name");
	MEMBERS_EACH (m, &rest)
		if (strcmp(m->key, "name") && strcmp(m->key, "labels") && strcmp(m->key, "annotations") &&
		    !(e->is_status && strcmp(m->key, "id") == 0))
			problem_add(e->problems, SEVERITY_ERROR, member_place(&rest, m),
			            "unknown key `%.80s`; metadata has name, labels, annotations", m->key);
	if (!name && n)
		add_error(e, n, "the key `name` is missing");
	if (!name)
		return;
	const char *right = name->type != NODE_SCALAR ? "must be one word" : NULL;
	/* Domains that cleave did not make are called as their owners like. */
	if (!right && !e->is_status)
		right = check_name(e->arena, name->text);
	if (right)
		problem_add(e->problems, SEVERITY_ERROR, node_place(name), "name: `%.80s`: %s",
		            name->type == NODE_SCALAR ? name->text : "", right);
	else
		ret->name = name->text;
}
