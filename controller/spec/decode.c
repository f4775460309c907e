/* One loop over rows, one switch on the type. */
#include "spec/decode.h"
#include "base/arena.h"
#include "spec/decode_text.h"
#include "spec/defaults.h"
#include "spec/node.h"
#include "spec/secret.h"
#include <string.h>

enum strictness {
	FOR_SPEC,     /* required keys, defaults, limits */
	FOR_DEFAULTS, /* limits; what is missing comes from the object */
	AS_OBSERVED,  /* limits are for what people want, not for what is there */
};

struct decoder {
	struct arena *arena;
	struct problems *problems;
	enum strictness strictness;
	guint n_files; /* FIELD_FILE rows with a relative path */
	const struct field *list; /* whose item is decoded, and which; NULL = none */
	guint item;
	gboolean in_default_item; /* of a list in the Farm's defaults: what it lacks is said there */
};

static void decode_fields(struct decoder *d, const struct field *table, const struct node *node, struct place at,
                          void *object, const char *outer);

/* "networks[1]" for what is wrong with an item as a whole. */
static const char *item_name(struct decoder *d, const struct field *f)
{
	gboolean is_item = d->list && f->name == d->list->name;
	return is_item ? arena_printf(d->arena, "%s[%u]", f->name, d->item) : f->name;
}

static void wrong(struct decoder *d, const struct node *n, const struct field *f, const char *right)
{
	if (n->is_default) /* said where the Farm's defaults were checked */
		return;
	if (n->type != NODE_SCALAR) {
		problem_add(d->problems, SEVERITY_ERROR, node_place(n), "%s: %s", item_name(d, f), right);
		return;
	}
	/* A secret is not told again. */
	d->problems->is_secret = secret_check(d->arena, n->text) || secret_is_key(f->name);
	problem_add(d->problems, SEVERITY_ERROR, node_place(n), "%s: `%.80s`: %s%s", item_name(d, f),
	            d->problems->is_secret ? "***" : n->text, right,
	            strstr(n->text, "${") ? "; variables are not expanded, write the value itself" : "");
	d->problems->is_secret = FALSE;
}

/* -- scalars --------------------------------------------------------------------------------- */

static gboolean is_wrong_in_quotes(struct decoder *d, const struct field *f, const char *text)
{
	return f->type == FIELD_ENUM ? name_value(f->names, text) < 0 : f->form && form_check(d->arena, f->form, text);
}

/* What YAML itself would take the scalar for must be what the row is: then an editor, a linter with the
 * JSON Schema and cleave see the same value. */
static const char *check_quotes(struct decoder *d, const struct field *f, const struct node *n)
{
	if (d->strictness == AS_OBSERVED)
		return NULL;
	gboolean is_text = f->type == FIELD_STRING || f->type == FIELD_ENUM;
	/* What is wrong in quotes as well is told as such. */
	if (is_text && n->plain && text_is_ambiguous(n->text) && !is_wrong_in_quotes(d, f, n->text))
		return arena_printf(d->arena, "without quotes YAML reads this as %s; write \"%.80s\"",
		                    g_ascii_isalpha(*n->text) || *n->text == '~' ? "true, false or nothing" : "a number or date", n->text);
	if ((f->type == FIELD_INT || f->type == FIELD_DECIMAL || f->type == FIELD_BOOL) && !n->plain)
		return arena_printf(d->arena, "write it without quotes: %.80s", n->text);
	return NULL;
}

/* A row that does not act yet says so, once, where the value stands. */
static void warn_of_later(struct decoder *d, const struct field *f, const struct node *n, const void *object)
{
	if (!(f->flags & FIELD_LATER) || d->strictness == AS_OBSERVED || n->is_default || !field_is_said(f, object))
		return;
	/* A farm written for later versions has many: a line each, without the source. */
	d->problems->hides_text = TRUE;
	problem_add(d->problems, SEVERITY_WARNING, node_place(n), "%s%s: does not act yet in this version",
	            f->name, n->type == NODE_SCALAR ? arena_printf(d->arena, ": `%.80s`", n->text) : "");
	d->problems->hides_text = FALSE;
}

static void decode_scalar(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	if (n->type != NODE_SCALAR) {
		wrong(d, n, f, "must be one value, not a list or map");
		return;
	}
	if (node_is_null(n)) {
		if (!n->is_default)
			problem_add(d->problems, SEVERITY_ERROR, node_place(n), "%s: has no value; leave the key out instead", f->name);
		return;
	}
	const char *right = check_quotes(d, f, n);
	if (!right)
		right = text_decode(d->arena, f, n->text, d->strictness == AS_OBSERVED, v);
	if (right)
		wrong(d, n, f, right);
	else if ((f->flags & FIELD_FILE) && n->text[0] != '/')
		d->n_files++;
}

/* -- lists and maps --------------------------------------------------------------------------- */

/* [a] for `a`, [a, b] for `a b`; a general example for what is no plain word. */
static const char *as_list(struct decoder *d, const struct field *f, const struct node *n)
{
	if (n->type != NODE_SCALAR || !*n->text || strlen(n->text) > 60 || strpbrk(n->text, "\"'{}[],#:"))
		return "must be a list, as [a, b]";
	if (f->type != FIELD_STRINGS || !form_check(d->arena, f->form, n->text))
		return arena_printf(d->arena, "must be a list, as [%s]", n->text);
	g_auto(GStrv) words = g_strsplit(n->text, " ", -1);
	g_autofree char *list = g_strjoinv(", ", words);
	return arena_printf(d->arena, "must be a list, as [%s]", list);
}

static void decode_strings(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	struct strings *s = v;
	if (n->type != NODE_LIST) {
		wrong(d, n, f, as_list(d, f, n));
		return;
	}
	s->items = ARENA_ARRAY(d->arena, const char *, n->n);
	for (guint i = 0; i < n->n; i++) {
		struct field item = *f;
		item.type = FIELD_STRING;
		const char *text = NULL;
		decode_scalar(d, &item, &n->items[i], &text);
		if (text)
			s->items[s->n++] = text;
	}
}

static const char *check_key(struct decoder *d, const struct field *f, const char *key)
{
	if (d->strictness == AS_OBSERVED)
		return NULL;
	if (!table_has_long_form(f->fields) && secret_is_key(key))
		return "a secret does not stand in a spec, and not in a label or note either";
	return form_check(d->arena, table_has_long_form(f->fields) ? FORM_NAME : FORM_LINE, key);
}

/* Items that have a name are told apart by it. */
static void check_names_differ(struct decoder *d, const struct field *f, const struct node *n)
{
	g_autoptr(GHashTable) seen = NULL;
	if (f->type != FIELD_LIST || strcmp(f->fields->name, "name") != 0 || n->n < 2 || d->strictness == AS_OBSERVED)
		return;
	seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < n->n; i++) {
		const struct node *name = node_get(&n->items[i], "name");
		if (name && name->type == NODE_SCALAR && !g_hash_table_add(seen, (gpointer)name->text))
			wrong(d, name, f, "this name is given twice");
	}
}

/* Lists are not merged, so that an item of the Farm's defaults is whole: what it lacks is said there. */
static void decode_item(struct decoder *d, const struct field *f, const struct node *n, void *item, const char *key)
{
	struct decoder before = *d;
	if (f->type == FIELD_LIST) {
		d->list = f;
		d->strictness = d->strictness == FOR_DEFAULTS ? FOR_SPEC : d->strictness;
		d->in_default_item |= n->is_default;
	}
	decode_fields(d, f->fields, n, node_place(n), item, key);
	d->strictness = before.strictness;
	d->in_default_item = before.in_default_item;
	d->list = before.list;
	d->item = before.item;
}

/* What lies below each of 100,000 objects has to be small: maps that an object adds to are copied for it, lists are
 * decoded for it, and templates by label are tried on it one by one. */
static gboolean are_too_many_templates(const struct field *f, const struct node *n)
{
	gboolean has_templates = FALSE;
	FIELDS_EACH (item, f->fields)
		has_templates |= item->type == FIELD_TEMPLATE;
	return has_templates && n->n > DEFAULTS_MAX;
}

static void decode_items(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	struct list *list = v;
	gboolean is_map = f->type == FIELD_MAP;
	if (n->type != (is_map ? NODE_MAP : NODE_LIST)) {
		wrong(d, n, f,
		      is_map                               ? "must be a map of names, as NAME: {…}"
		      : table_shorthand(f->fields, FALSE) ? as_list(d, f, n)
		                                          : "must be a list of maps, each beginning with a dash");
		return;
	}
	if (are_too_many_templates(f, n)) {
		wrong(d, n, f, arena_printf(d->arena, "at most %d of them", DEFAULTS_MAX));
		return;
	}
	check_names_differ(d, f, n);
	list->n = n->n;
	list->items = arena_alloc(d->arena, n->n * f->item_size);
	for (guint i = 0; i < n->n; i++) {
		void *item = (char *)list->items + i * f->item_size;
		const struct node *child = is_map ? &n->members[i].value : &n->items[i];
		const char *right = is_map ? check_key(d, f, n->members[i].key) : NULL;
		if (right && !child->is_default)
			problem_add(d->problems, SEVERITY_ERROR, member_place(&n->members[i]), "%s: `%.80s`: %s", f->name,
			            n->members[i].key, right);
		if (is_map)
			*(const char **)item = n->members[i].key;
		d->item = i;
		decode_item(d, f, child, item, is_map ? n->members[i].key : f->name);
	}
}

/* What is wrong with the template is said once, here, not for each object it lies below. */
static void mark_default(struct node *n)
{
	n->is_default = TRUE;
	for (guint i = 0; n->type != NODE_SCALAR && i < n->n; i++)
		mark_default(n->type == NODE_MAP ? &n->members[i].value : &n->items[i]);
}

/* The first map or list with more items than that, or NULL. */
static const struct node *find_large(const struct node *n)
{
	const struct node *found = n->type != NODE_SCALAR && n->n > DEFAULTS_MAX ? n : NULL;
	for (guint i = 0; n->type != NODE_SCALAR && i < n->n && !found; i++)
		found = find_large(n->type == NODE_MAP ? &n->members[i].value : &n->items[i]);
	return found;
}

static void decode_template(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	struct decoder checker = { .arena = d->arena, .problems = d->problems, .strictness = FOR_DEFAULTS };
	const struct node *large = find_large(n);
	if (large) {
		problem_add(d->problems, SEVERITY_ERROR, node_place(large), "%s: a %s in defaults has at most %d %s", f->name,
		            large->type == NODE_MAP ? "map" : "list", DEFAULTS_MAX, large->type == NODE_MAP ? "keys" : "items");
		return;
	}
	/* Only checked here; merged below each object's own keys before those are decoded. No spec is
	 * larger than this scratch, which is asserted where the kinds are known (spec/farm.c). */
	decode_fields(&checker, f->fields, n, node_place(n), arena_alloc(d->arena, DECODE_TEMPLATE_MAX), f->name);
	mark_default((struct node *)n);
	*(const struct node **)v = n;
}

static void decode_value(struct decoder *d, const struct field *f, const struct node *n, void *v)
{
	switch (f->type) {
	case FIELD_STRINGS: decode_strings(d, f, n, v); return;
	case FIELD_LIST:
	case FIELD_MAP: decode_items(d, f, n, v); return;
	case FIELD_TEMPLATE: decode_template(d, f, n, v); return;
	case FIELD_STRUCT: {
		enum strictness outer = d->strictness;
		d->strictness = f->flags & FIELD_PARTIAL ? AS_OBSERVED : outer;
		decode_fields(d, f->fields, n, node_place(n), v, f->name);
		d->strictness = outer;
		return;
	}
	default: decode_scalar(d, f, n, v);
	}
}

/* Observed values have keys that nobody writes into a spec. */
static gboolean is_a_key(const struct decoder *d, const struct field *f)
{
	return d->strictness == AS_OBSERVED || !(f->flags & FIELD_DERIVED);
}

static void unknown_key(struct decoder *d, const struct field *table, const struct member *m)
{
	if (m->value.is_default)
		return;
	if (secret_is_key(m->key)) {
		d->problems->is_secret = TRUE;
		problem_add(d->problems, SEVERITY_ERROR, member_place(m),
		            "unknown key `%.80s`; a secret does not stand in a spec, a key that ends in File names its file", m->key);
		d->problems->is_secret = FALSE;
		return;
	}
	g_autoptr(GPtrArray) known = g_ptr_array_new();
	FIELDS_EACH (f, table)
		if (is_a_key(d, f))
			g_ptr_array_add(known, (gpointer)f->name);
	const char *near = name_suggest(m->key, (const char *const *)known->pdata, known->len);
	if (near) {
		problem_add(d->problems, SEVERITY_ERROR, member_place(m), "unknown key `%.80s`; did you mean `%s`?", m->key,
		            near);
		return;
	}
	g_ptr_array_add(known, NULL);
	g_autofree char *all = g_strjoinv(", ", (char **)known->pdata);
	problem_add(d->problems, SEVERITY_ERROR, member_place(m), "unknown key `%.80s`; known here: %s", m->key, all);
}

static gboolean is_called(const struct field *f, const char *key)
{
	return f->name[0] == key[0] && strcmp(f->name, key) == 0;
}

/* Which value is given for each row; the rest stays NULL. People write keys in the table's order more often
 * than not, so that the search begins behind the row found last. */
static void match_rows(struct decoder *d, const struct field *table, guint n_rows, const struct node *node,
                       const struct node **given)
{
	guint at = 0;
	MEMBERS_EACH (m, node) {
		guint tried = 0;
		while (tried < n_rows && !is_called(&table[at], m->key)) {
			at = at + 1 < n_rows ? at + 1 : 0;
			tried++;
		}
		if (tried < n_rows && is_a_key(d, &table[at]))
			given[at] = &m->value;
		else
			unknown_key(d, table, m);
	}
}

static void decode_missing(struct decoder *d, const struct field *f, struct place at, void *v)
{
	if (d->strictness != FOR_SPEC)
		return;
	if (f->required) {
		if (!d->in_default_item)
			problem_add(d->problems, SEVERITY_ERROR, at, "the key `%s` is missing here: %s", f->name, f->doc);
	} else if (f->def) {
		const char *right = text_decode(d->arena, f, f->def, FALSE, v);
		g_assert(!right);
	} else if (f->type == FIELD_STRUCT && !(f->flags & (FIELD_PARTIAL | FIELD_WHOLE))) {
		decode_fields(d, f->fields, NULL, at, v, f->name);
	}
}

/* What a value that is neither the map nor its shorthand should have been. */
static const char *right_shape(const struct field *table)
{
	if (!table_has_long_form(table))
		return table_shorthand(table, TRUE) ? "is a list itself, as [[systemctl, restart, ssh]]" : "must be one value";
	return table_shorthand(table, FALSE) ? "must be one value, or a map of keys and values"
	                                     : "must be a map of keys and values";
}

/* One value instead of a map: the row that takes it, or a problem. */
static const struct field *find_shorthand(struct decoder *d, const struct field *table, const struct node *node,
                                          const char *outer)
{
	const struct field *row = table_shorthand(table, node->type == NODE_LIST);
	const struct field named = { .name = outer };
	if (node->type == NODE_MAP)
		return NULL;
	/* At the top a spec of which all is given by defaults may be left empty. */
	if (node_is_null(node)) {
		if (outer && !node->is_default)
			problem_add(d->problems, SEVERITY_ERROR, node_place(node), "%s: has no value; indent what belongs to it, or leave the key out",
			            item_name(d, &named));
		return NULL;
	}
	if (!row && outer)
		wrong(d, node, &named, right_shape(table));
	else if (!row)
		problem_add(d->problems, SEVERITY_ERROR, node_place(node), "%s", right_shape(table));
	return row;
}

/* Most rows are not given, and of most of these nothing follows. */
static gboolean has_nothing_to_say(const struct field *f, const struct node *given)
{
	return !given && !f->required && !f->def && f->type != FIELD_STRUCT && !(f->flags & FIELD_UNTOLD);
}

static void decode_row(struct decoder *d, const struct field *f, const struct node *n, struct place at, void *object)
{
	void *v = FIELD_AT(f, object);
	if (!n && d->strictness == AS_OBSERVED)
		field_set_untold(f, object);
	if (!n) {
		decode_missing(d, f, at, v);
		return;
	}
	decode_value(d, f, n, v);
	warn_of_later(d, f, n, object);
}

/* `outer`: the key that the map, or what stands for it, is written under; NULL at the top. */
static void decode_fields(struct decoder *d, const struct field *table, const struct node *node, struct place at,
                          void *object, const char *outer)
{
	const struct field *shorthand = node ? find_shorthand(d, table, node, outer) : NULL;
	const struct node *map = node && node->type == NODE_MAP ? node : NULL;
	const struct node *given[DECODE_ROWS_MAX];
	guint n_rows = 0;
	for (; table[n_rows].name; n_rows++) {
		g_assert(n_rows < DECODE_ROWS_MAX);
		given[n_rows] = NULL;
	}
	if (node && !shorthand && !table_has_long_form(table)) {
		if (map)
			problem_add(d->problems, SEVERITY_ERROR, node_place(map), "%s: must be one value, not a map", outer);
		return;
	}
	if (map)
		match_rows(d, table, n_rows, map, given);
	for (guint i = 0; i < n_rows; i++) {
		if (&table[i] != shorthand) {
			if (has_nothing_to_say(&table[i], given[i]))
				continue;
			decode_row(d, &table[i], given[i], at, object);
			continue;
		}
		struct field named = table[i];
		named.name = outer;
		decode_row(d, &named, node, at, object);
	}
}

guint decode_struct(struct arena *a, const struct field *table, const struct node *node, struct place at,
                   gboolean is_observed, void *object, struct problems *problems)
{
	struct decoder d = { .arena = a, .problems = problems, .strictness = is_observed ? AS_OBSERVED : FOR_SPEC };
	decode_fields(&d, table, node, at, object, NULL);
	return d.n_files;
}
