/* The tables as such: every row of every kind is complete, and all readers of a row agree on it.
 *
 * Values are made from the rows themselves, so a new key is tested by being a row. */
#include "base/arena.h"
#include "plan/plan.h"
#include "spec/decode.h"
#include "spec/diff.h"
#include "spec/emit.h"
#include "spec/farm.h"
#include "spec/frame_key.h"
#include "spec/node.h"
#include "spec/rules.h"
#include "spec/vm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { OBJECT_MAX = 4096 };

/* -- nodes made from rows ----------------------------------------------------------------------------- */

/* As people write it: texts in quotes, numbers and the rest without. */
static struct node *scalar_node(struct arena *a, const struct field *f, const char *text)
{
	struct node *n = ARENA_NEW(a, struct node);
	*n = (struct node){ .type = NODE_SCALAR, .text = arena_strdup(a, text) };
	n->plain = f->type != FIELD_STRING && f->type != FIELD_STRINGS;
	return n;
}

static struct node *children_node(struct arena *a, enum node_type type, guint most)
{
	struct node *n = ARENA_NEW(a, struct node);
	*n = (struct node){ .type = type };
	if (type == NODE_MAP)
		n->members = ARENA_ARRAY(a, struct member, most);
	else
		n->items = ARENA_ARRAY(a, struct node, most);
	return n;
}

static void add_child(struct node *n, const char *key, struct node *child)
{
	if (n->type == NODE_MAP)
		n->members[n->n++] = (struct member){ .key = key, .value = *child };
	else
		n->items[n->n++] = *child;
}

enum { LEAST = 2 }; /* the variant with the least numbers, zero where that is allowed */

/* A text for the row; `variant` 0 and 1 give different ones. NULL: the row has only one value. */
static const char *string_sample(const struct field *f, int variant)
{
	if (f->names)
		return f->names->names[f->names->n - 1 - (guint)variant];
	return forms[f->form].good[variant];
}

static const char *sample(struct arena *a, const struct field *f, int variant)
{
	gint64 low = f->min || f->max ? f->min : 3;
	if (variant == LEAST && f->type == FIELD_INT)
		return arena_printf(a, "%" G_GINT64_FORMAT, f->min);
	if (variant == LEAST && f->type == FIELD_DURATION)
		return duration_format(a, f->min);
	if (variant == LEAST)
		variant = f->type == FIELD_BOOL;
	switch (f->type) {
	case FIELD_STRING:
	case FIELD_STRINGS: return string_sample(f, variant);
	case FIELD_BOOL: return variant ? "false" : "true";
	case FIELD_INT: return arena_printf(a, "%" G_GINT64_FORMAT, low + 1 + variant);
	case FIELD_DECIMAL: return decimal_format(a, low + 420000 + variant);
	case FIELD_BYTES: return bytes_format(a, (guint64)(low + (f->unit ? f->unit : 4096) * (1 + variant)));
	case FIELD_DURATION: return duration_format(a, low + 1001 + variant);
	case FIELD_ENUM: return f->names->n > 1u + !*f->names->names[0] || !variant ? f->names->names[f->names->n - 1 - (guint)variant] : NULL;
	case FIELD_FRAMES: return variant ? "1-10:3" : "1-8,20";
	case FIELD_RESOLUTION: return variant ? "64x32" : "1920x1080";
	default: return NULL;
	}
}

static struct node *full_map(struct arena *a, const struct field *table, unsigned mask, int variant);
static struct node *full_value(struct arena *a, const struct field *f, int variant);

/* A map of words has words, not maps. */
static struct node *full_item(struct arena *a, const struct field *f, int variant)
{
	if (table_has_long_form(f->fields))
		return full_map(a, f->fields, 0, variant);
	const struct field *row = table_shorthand(f->fields, FALSE) ? table_shorthand(f->fields, FALSE) : table_shorthand(f->fields, TRUE);
	return full_value(a, row, variant);
}

static struct node *full_value(struct arena *a, const struct field *f, int variant)
{
	struct node *n;
	if (field_is_scalar(f))
		return scalar_node(a, f, sample(a, f, sample(a, f, variant) ? variant : 0));
	if (f->type == FIELD_STRUCT || f->type == FIELD_TEMPLATE)
		return full_map(a, f->fields, f->flags & FIELD_PARTIAL ? FIELD_IN_DOMAIN | FIELD_IN_QUEUE : 0, variant);
	n = children_node(a, f->type == FIELD_MAP ? NODE_MAP : NODE_LIST, 2);
	for (int i = 0; i < 2; i++)
		add_child(n, i ? "beta" : "alpha",
		          f->type == FIELD_STRINGS ? scalar_node(a, f, sample(a, f, sample(a, f, i) ? i : 0))
		                                     : full_item(a, f, i ? variant != 1 : variant));
	return n;
}

/* Every key set. `mask` (0 = all that people write): rows with any of these flags; what can be observed of a spec. */
static struct node *full_map(struct arena *a, const struct field *table, unsigned mask, int variant)
{
	guint n_rows = 0;
	FIELDS_EACH (f, table)
		n_rows++;
	struct node *n = children_node(a, NODE_MAP, n_rows);
	FIELDS_EACH (f, table)
		if (mask ? f->flags & mask : !(f->flags & FIELD_DERIVED))
			add_child(n, f->name, full_value(a, f, variant));
	return n;
}

/* Decodes; returns the first problem's message, or NULL. */
static const char *decode(struct arena *a, const struct field *table, const struct node *n, gboolean is_observed,
                          void *object)
{
	struct problems problems;
	problems_init(&problems, a);
	decode_struct(a, table, n, (struct place){ 0 }, is_observed, object, &problems);
	const char *message = NULL;
	for (guint i = 0; i < problems.list->len && !message; i++)
		if (g_array_index(problems.list, struct problem, i).severity == SEVERITY_ERROR)
			message = g_array_index(problems.list, struct problem, i).message;
	problems_clear(&problems);
	return message;
}

static void *decode_full(struct arena *a, const struct field *table, gboolean is_observed, int variant)
{
	void *object = arena_alloc(a, OBJECT_MAX);
	const char *problem = decode(a, table, full_map(a, table, 0, variant), is_observed, object);
	if (problem)
		fail_msg("%s", problem);
	return object;
}

/* One row alone, with one text, into an object where only this row is set. */
static const char *decode_one(struct arena *a, const struct field *f, const char *text, void *object)
{
	struct field table[] = { *f, { 0 } };
	table[0].flags &= ~(unsigned)(FIELD_SHORTHAND | FIELD_DERIVED);
	struct node *n = children_node(a, NODE_MAP, 1);
	add_child(n, f->name, scalar_node(a, f, text));
	return decode(a, table, n, FALSE, object);
}

/* -- all tables, recursively ---------------------------------------------------------------------------- */

typedef void (*row_function)(struct arena *a, const struct field *f, gsize size, const char *path);

static void each_row(struct arena *a, const struct field *table, gsize size, const char *prefix, row_function check)
{
	FIELDS_EACH (f, table) {
		const char *path = arena_printf(a, "%s.%s", prefix, f->name);
		check(a, f, size, path);
		if (f->type == FIELD_STRUCT)
			each_row(a, f->fields, size - f->offset, path, check);
		else if (f->type == FIELD_LIST || f->type == FIELD_MAP)
			each_row(a, f->fields, f->item_size, path, check);
	}
}

static void each_row_of_all(row_function check)
{
	SCOPED_ARENA(a);
	for (guint k = 0; k < N_KINDS; k++) {
		if (kinds[k].spec_fields)
			each_row(a, kinds[k].spec_fields, kinds[k].spec_size, arena_printf(a, "%s.spec", kinds[k].name), check);
		if (kinds[k].status_fields)
			each_row(a, kinds[k].status_fields, kinds[k].status_size, arena_printf(a, "%s.status", kinds[k].name), check);
	}
	each_row(a, meta_fields, sizeof(struct meta), "metadata", check);
}

static gsize member_size(const struct field *f)
{
	switch (f->type) {
	case FIELD_STRING:
	case FIELD_TEMPLATE: return sizeof(void *);
	case FIELD_BOOL: return sizeof(gboolean);
	case FIELD_INT:
	case FIELD_DECIMAL:
	case FIELD_DURATION:
	case FIELD_BYTES: return sizeof(gint64);
	case FIELD_ENUM: return sizeof(int);
	case FIELD_FRAMES: return sizeof(struct frame_set);
	case FIELD_RESOLUTION: return sizeof(struct resolution);
	case FIELD_STRINGS: return sizeof(struct strings);
	case FIELD_LIST:
	case FIELD_MAP: return sizeof(struct list);
	case FIELD_STRUCT: return 1;
	}
	return 0;
}

static void check_row(struct arena *a, const struct field *f, gsize size, const char *path)
{
	gboolean has_limits = f->min || f->max, is_number = f->type == FIELD_INT || f->type == FIELD_DECIMAL || f->type == FIELD_BYTES || f->type == FIELD_DURATION;
	if (!f->doc || !g_str_has_suffix(f->doc, ".") || g_str_has_suffix(f->doc, ".."))
		fail_msg("%s: the doc ends with a full stop: %s", path, f->doc ? f->doc : "(none)");
	if (f->offset + member_size(f) > size)
		fail_msg("%s: lies outside its struct", path);
	if (f->required && f->def)
		fail_msg("%s: required, and has a default", path);
	if (f->type == FIELD_ENUM ? !f->names : f->names && f->type != FIELD_STRINGS)
		fail_msg("%s: names belong to enums and lists of words, and every enum has them", path);
	if (f->type == FIELD_ENUM && !f->def && !f->required && *f->names->names[0] && !strstr(path, ".status"))
		fail_msg("%s: an enum without a default has an empty word for `not said`", path);
	if (f->form && f->type != FIELD_STRING && f->type != FIELD_STRINGS)
		fail_msg("%s: a form that nobody reads", path);
	if ((f->flags & FIELD_FILE) && f->form != FORM_FILE)
		fail_msg("%s: a file has the form of one", path);
	if ((f->fields != NULL) != (f->type == FIELD_STRUCT || f->type == FIELD_LIST || f->type == FIELD_MAP || f->type == FIELD_TEMPLATE))
		fail_msg("%s: structs, lists, maps and templates have rows, others none", path);
	if (has_limits && !(is_number || f->type == FIELD_STRING || f->type == FIELD_STRINGS))
		fail_msg("%s: limits that nobody reads", path);
	if (f->min > f->max)
		fail_msg("%s: min is above max", path);
	if (!is_number && f->min)
		fail_msg("%s: a least length that nobody reads", path);
	if (f->def) {
		const char *problem = decode_one(a, f, f->def, arena_alloc(a, OBJECT_MAX));
		if (problem)
			fail_msg("%s: its default: %s", path, problem);
	}
}

static void rows_are_complete(void **state)
{
	(void)state;
	each_row_of_all(check_row);
}

static void check_names_of_table(const struct field *table, const char *path)
{
	FIELDS_EACH (f, table) {
		if (field_find(table, f->name) != f)
			fail_msg("%s: two rows are called %s", path, f->name);
		for (const char *c = f->name; *c; c++)
			if (!g_ascii_isalnum(*c))
				fail_msg("%s.%s: keys are camelCase", path, f->name);
	}
}

static void check_inner_names(struct arena *a, const struct field *f, gsize size, const char *path)
{
	(void)a;
	(void)size;
	if (f->fields && f->fields->name)
		check_names_of_table(f->fields, path);
}

static void names_are_unique(void **state)
{
	(void)state;
	for (guint k = 0; k < N_KINDS; k++) {
		if (kinds[k].spec_fields)
			check_names_of_table(kinds[k].spec_fields, kinds[k].name);
		if (kinds[k].status_fields)
			check_names_of_table(kinds[k].status_fields, kinds[k].name);
		if (k < N_SPEC_KINDS)
			assert_string_equal(name_of(&spec_kind_names, (int)k), kinds[k].name);
		assert_int_equal(kinds[k].id, k);
		assert_true(g_str_has_suffix(kinds[k].doc, "."));
		assert_ptr_equal(kind_find(kinds[k].name), &kinds[k]);
		assert_ptr_equal(kind_find(kinds[k].plural), &kinds[k]);
		assert_ptr_equal(kind_find(kinds[k].alias), &kinds[k]);
	}
	each_row_of_all(check_inner_names);
}

/* -- limits -------------------------------------------------------------------------------------------- */

static const char *number_text(struct arena *a, const struct field *f, gint64 value)
{
	if (f->type == FIELD_BYTES)
		return value % MAX(f->unit, 1) == 0 ? bytes_format(a, (guint64)value) : arena_printf(a, "%" G_GINT64_FORMAT "B", value);
	if (f->type == FIELD_DECIMAL)
		return value < 0 ? "-1" : decimal_format(a, value);
	if (f->type == FIELD_DURATION)
		return arena_printf(a, "%" G_GINT64_FORMAT "ms", value);
	return arena_printf(a, "%" G_GINT64_FORMAT, value);
}

static void check_number(struct arena *a, const struct field *f, gint64 value, gboolean is_good, const char *path)
{
	void *object = arena_alloc(a, OBJECT_MAX);
	const char *text = number_text(a, f, value), *problem = decode_one(a, f, text, object);
	if ((problem == NULL) != is_good)
		fail_msg("%s: %s: %s", path, text, problem ? problem : "was taken");
	if (is_good)
		assert_true(*(gint64 *)FIELD_AT(f, object) == value);
	else if (f->min >= 0 && value >= 0 && !strstr(problem, "must be"))
		fail_msg("%s: %s: the message does not tell the limits: %s", path, text, problem);
}

static void check_limits(struct arena *a, const struct field *f, gsize size, const char *path)
{
	(void)size;
	if (!f->min && !f->max)
		return;
	if (f->type == FIELD_INT || f->type == FIELD_BYTES || f->type == FIELD_DURATION) {
		check_number(a, f, f->min - 1, FALSE, path);
		if (f->min || f->type != FIELD_BYTES)
			check_number(a, f, f->min, TRUE, path);
		check_number(a, f, f->max, TRUE, path);
		check_number(a, f, f->max + MAX(f->unit, 1), FALSE, path);
		if (f->unit)
			check_number(a, f, f->min + f->unit + 1, FALSE, path);
	} else if (f->type == FIELD_STRING && f->form == FORM_LINE) {
		g_autofree char *longest = g_strnfill((gsize)f->max, 'x'), *longer = g_strnfill((gsize)f->max + 1, 'x');
		assert_null(decode_one(a, f, longest, arena_alloc(a, OBJECT_MAX)));
		assert_non_null(decode_one(a, f, longer, arena_alloc(a, OBJECT_MAX)));
	}
}

static void check_words(struct arena *a, const struct field *f, gsize size, const char *path)
{
	(void)size;
	for (guint i = f->names && !*f->names->names[0]; f->type == FIELD_ENUM && i < f->names->n; i++) {
		int *object = arena_alloc(a, OBJECT_MAX);
		const char *problem = decode_one(a, f, f->names->names[i], object);
		if (problem)
			fail_msg("%s: %s", path, problem);
		assert_int_equal(*(int *)FIELD_AT(f, object), i);
	}
	const char *wrong = f->type == FIELD_ENUM || f->type == FIELD_BOOL || f->type == FIELD_RESOLUTION ||
	                            f->type == FIELD_INT || f->type == FIELD_BYTES || f->type == FIELD_DURATION ||
	                            f->type == FIELD_FRAMES
	                        ? "nonsense"
	                        : NULL;
	if (wrong && !decode_one(a, f, wrong, arena_alloc(a, OBJECT_MAX)))
		fail_msg("%s: took `nonsense`", path);
	if (field_is_scalar(f) && !decode_one(a, f, "", arena_alloc(a, OBJECT_MAX)))
		fail_msg("%s: took an empty text", path);
}

static void limits_hold(void **state)
{
	(void)state;
	each_row_of_all(check_limits);
}

static void words_are_read(void **state)
{
	(void)state;
	each_row_of_all(check_words);
}

/* -- every key set: decode, emit, decode ------------------------------------------------------------------ */

static struct object object_of(const struct kind *kind, void *spec, void *status)
{
	struct object o = { .kind = kind, .id = kind->project_key ? "alpha/name" : "name", .spec = spec, .status = status };
	o.meta.name = "name";
	return o;
}

/* The part of the only document in a text. */
static const struct node *part_of(struct arena *a, const GString *text, const char *part)
{
	struct problems problems;
	problems_init(&problems, a);
	struct documents documents = node_read(a, "emitted", text->str, text->len, &problems);
	if (problems.list->len || documents.n != 1)
		fail_msg("cannot be read again: %s\n%s",
		         problems.list->len ? g_array_index(problems.list, struct problem, 0).message : "", text->str);
	problems_clear(&problems);
	return node_get(&documents.items[0], part);
}

static void expect_equal(struct arena *a, const struct field *table, const void *x, const void *y, const char *kind)
{
	struct changes c = diff_structs(a, table, x, y, 0);
	if (c.n)
		fail_msg("%s: %s: %s became %s", kind, c.items[0].field, c.items[0].before, c.items[0].after);
}

static void check_round(const struct kind *kind, const struct field *table, gboolean is_status, int variant)
{
	SCOPED_ARENA(a);
	g_autoptr(GString) once = g_string_new(NULL), twice = g_string_new(NULL);
	unsigned part = is_status ? EMIT_STATUS : EMIT_SPEC;
	void *object = decode_full(a, table, is_status, variant), *again = arena_alloc(a, OBJECT_MAX);
	struct object o = object_of(kind, is_status ? NULL : object, is_status ? object : NULL);
	emit_object(once, &o, part);
	const char *problem = decode(a, table, part_of(a, once, is_status ? "status" : "spec"), is_status, again);
	if (problem)
		fail_msg("%s: %s\n%s", kind->name, problem, once->str);
	expect_equal(a, table, object, again, kind->name);
	o = object_of(kind, is_status ? NULL : again, is_status ? again : NULL);
	emit_object(twice, &o, part);
	assert_string_equal(once->str, twice->str);
}

static void check_rounds(int variant)
{
	for (guint k = 0; k < N_KINDS; k++) {
		if (kinds[k].spec_fields)
			check_round(&kinds[k], kinds[k].spec_fields, FALSE, variant);
		if (kinds[k].status_fields)
			check_round(&kinds[k], kinds[k].status_fields, TRUE, variant);
	}
}

static void emitted_is_read_again(void **state)
{
	(void)state;
	check_rounds(0);
	check_rounds(1);
	check_rounds(LEAST);
}

/* Defaults: nothing but what is required is given. */
static void minimal_is_read_again(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	for (guint k = 0; k < N_KINDS; k++) {
		g_autoptr(GString) text = g_string_new(NULL);
		const struct field *table = kinds[k].spec_fields;
		void *object = arena_alloc(a, OBJECT_MAX), *again = arena_alloc(a, OBJECT_MAX);
		if (!table)
			continue;
		struct node *n = children_node(a, NODE_MAP, 100);
		FIELDS_EACH (f, table)
			if (f->required)
				add_child(n, f->name, full_value(a, f, 0));
		assert_null(decode(a, table, n, FALSE, object));
		struct object o = object_of(&kinds[k], object, NULL);
		emit_object(text, &o, EMIT_SPEC);
		assert_null(decode(a, table, part_of(a, text, "spec"), FALSE, again));
		expect_equal(a, table, object, again, kinds[k].name);
	}
}

/* -- diff: one changed row is one change ------------------------------------------------------------------- */

struct one_change {
	const struct field *table;
	void *before, *after; /* equal objects; `after` is changed and set back */
	guint n_tried;
};

static void try_row(struct arena *a, struct one_change *t, const struct field *f, void *object, const char *path, enum effect least)
{
	const char *other = sample(a, f, 1);
	if (other && g_strcmp0(other, field_scalar_text(a, f, object)) == 0)
		other = sample(a, f, 0);
	if (!other)
		return;
	void *saved = arena_memdup(a, FIELD_AT(f, object), member_size(f));
	const char *problem = decode_one(a, f, other, object);
	if (problem)
		fail_msg("%s: %s", path, problem);
	struct changes c = diff_structs(a, t->table, t->before, t->after, 0);
	if (c.n != 1 || strcmp(c.items[0].field, path) != 0)
		fail_msg("%s: %u changes, the first in %s", path, c.n, c.n ? c.items[0].field : "nothing");
	assert_int_equal(c.items[0].effect, MAX(f->on_change, least));
	assert_int_equal(changes_effect(&c), c.items[0].effect);
	memcpy(FIELD_AT(f, object), saved, member_size(f));
	expect_equal(a, t->table, t->before, t->after, path);
	t->n_tried++;
}

static gboolean is_named(const struct field *f)
{
	return f->type == FIELD_LIST && strcmp(f->fields->name, "name") == 0;
}

static gboolean is_keyed(const struct field *f)
{
	return f->type == FIELD_LIST && (f->fields->flags & FIELD_KEY);
}

static const char *item_path(struct arena *a, const struct field *f, const char *path, const char *item, guint i)
{
	if (is_keyed(f))
		return arena_printf(a, "%s[%s]", path, field_scalar_text(a, f->fields, item));
	const char *name = *(const char *const *)(const void *)item;
	if (f->type == FIELD_MAP)
		return arena_printf(a, "%s.%s", path, name);
	return is_named(f) ? arena_printf(a, "%s[\"%s\"]", path, name) : arena_printf(a, "%s[%u]", path, i);
}

static void try_rows(struct arena *a, struct one_change *t, const struct field *table, void *object, const char *prefix,
                     enum effect least)
{
	FIELDS_EACH (f, table) {
		const char *path = !*prefix                    ? f->name
		                   : f->flags & FIELD_SHORTHAND ? prefix
		                                                : arena_printf(a, "%s.%s", prefix, f->name);
		if (field_is_scalar(f)) {
			try_row(a, t, f, object, path, least);
		} else if (f->type == FIELD_STRUCT) {
			try_rows(a, t, f->fields, FIELD_AT(f, object), path, least);
		} else if (f->type == FIELD_LIST || f->type == FIELD_MAP) {
			struct list *list = FIELD_AT(f, object);
			for (guint i = 0; i < list->n; i++) {
				char *item = (char *)list->items + i * f->item_size;
				/* Another name is another item: its row is not tried. */
				try_rows(a, t, f->fields + (is_named(f) || is_keyed(f)), item, item_path(a, f, path, item, i), f->on_change);
			}
		}
	}
}

static void one_row_is_one_change(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	for (guint k = 0; k < N_KINDS; k++) {
		const struct field *tables[] = { kinds[k].spec_fields, kinds[k].status_fields };
		for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
			if (!tables[i])
				continue;
			gboolean is_status = i == 1;
			struct one_change t = { tables[i], decode_full(a, tables[i], is_status, 0),
				                decode_full(a, tables[i], is_status, 0), 0 };
			expect_equal(a, tables[i], t.before, t.after, kinds[k].name);
			try_rows(a, &t, tables[i], t.after, "", EFFECT_NONE);
			assert_true(t.n_tried > 0);
		}
	}
}

/* -- frame keys ---------------------------------------------------------------------------------------------- */

static const struct key_digests scene_digest = { "5ce0e5ce0e000000000000000000000000000000000000000000000000000000", NULL }, other = { "other", NULL };

static struct renderjob_spec golden_job(struct arena *a)
{
	struct renderjob_spec job = { .project = "p", .blender = "3.4.1", .samples = 128, .resolution = { 1920, 1080 },
		                      .frames = frames_range(a, 1, 8), .chunk = { .n_frames = 5 }, .priority = 50 };
	return job;
}

static void only_key_rows_change_the_key(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	FIELDS_EACH (f, renderjob_fields) {
		struct renderjob_spec x = golden_job(a), y = golden_job(a);
		if (!field_is_scalar(f) || !sample(a, f, 1))
			continue;
		assert_null(decode_one(a, f, sample(a, f, 0), &x));
		assert_null(decode_one(a, f, sample(a, f, 1), &y));
		gboolean equal = strcmp(frame_key_text(a, &x, &scene_digest), frame_key_text(a, &y, &scene_digest)) == 0;
		if (equal == !!(f->flags & FIELD_IN_KEY))
			fail_msg("%s: %s", f->name, equal ? "does not change the key" : "changes the key");
		/* The plan counts on it: what renders again says so. */
		assert_int_equal(f->on_change == EFFECT_RENDER, !!(f->flags & FIELD_IN_KEY));
	}
	struct renderjob_spec job = golden_job(a);
	assert_string_not_equal(frame_key_text(a, &job, &scene_digest), frame_key_text(a, &job, &other));
}

/* -- the other tables ------------------------------------------------------------------------------------------ */

static void expect_new(GHashTable *seen, const char *what, const char *name, const char *doc)
{
	if (!name || !*name || !doc || !g_str_has_suffix(doc, "."))
		fail_msg("%s %s: a name, and a doc that ends with a full stop", what, name ? name : "(none)");
	if (!g_hash_table_add(seen, (gpointer)name))
		fail_msg("%s %s is there twice", what, name);
}

static void rules_are_complete(void **state)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	(void)state;
	for (guint i = 0; i < n_spec_rules; i++) {
		/* What is looked up elsewhere has a row a kind. */
		if (spec_rules[i].check || !g_hash_table_contains(seen, spec_rules[i].name))
			expect_new(seen, "rule", spec_rules[i].name, spec_rules[i].doc);
		assert_true(spec_rules[i].check || strcmp(spec_rules[i].name, "file-in-commit") == 0);
		assert_true(spec_rules[i].kind < N_KINDS && kinds[spec_rules[i].kind].spec_fields);
	}
	for (guint i = 0; i < n_plan_rules; i++) {
		expect_new(seen, "rule", plan_rules[i].name, plan_rules[i].doc);
		gboolean of_object = plan_rules[i].scope == RULE_OF_OBJECT;
		assert_int_equal(plan_rules[i].forbids == NULL, of_object);
		assert_int_equal((plan_rules[i].refuses != NULL) + (plan_rules[i].refuses_vm != NULL), of_object);
		assert_int_equal(plan_rules[i].reason != NULL, of_object);
	}
}

static void verbs_are_complete(void **state)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	(void)state;
	for (guint i = 0; i < N_VERBS; i++) {
		expect_new(seen, "verb", verbs[i].name, verbs[i].doc);
		assert_true(g_ascii_isgraph(verbs[i].sign));
		assert_true(verbs[i].phase <= PHASE_WORK);
		/* The enum stands in the order of the plan. */
		assert_true(i == 0 || verbs[i - 1].phase <= verbs[i].phase);
		/* What somebody may notice is done before VMs start and frames are handed out. */
		assert_true(!verbs[i].disruptive || verbs[i].phase <= PHASE_DEVICES);
	}
}

static void words_of_tables(void **state)
{
	static const struct name_table *const tables[] = { &effect_names, &readiness_names, &plane_state_names, &domain_state_names,
		                                           &device_names, &image_format_names, &engine_names };
	(void)state;
	for (guint t = 0; t < G_N_ELEMENTS(tables); t++)
		for (guint i = 0; i < tables[t]->n; i++) {
			assert_true(tables[t]->names[i] && *tables[t]->names[i]);
			assert_int_equal(name_value(tables[t], tables[t]->names[i]), i);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(words_are_read),
		cmocka_unit_test(emitted_is_read_again),
		cmocka_unit_test(minimal_is_read_again),
		cmocka_unit_test(one_row_is_one_change),
		cmocka_unit_test(only_key_rows_change_the_key),
		cmocka_unit_test(rules_are_complete),
		cmocka_unit_test(verbs_are_complete),
		cmocka_unit_test(words_of_tables),
	};
	return cmocka_run_group_tests_name("spec tables", tests, NULL, NULL);
}
