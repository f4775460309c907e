/* Documents as nodes, packed and back; what is wrong in many places; defaults that are wrong once. */
#include "base/arena.h"
#include "spec/load.h"
#include "spec/node.h"
#include "spec/pack.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct documents read_text(struct arena *a, struct problems *p, const char *text)
{
	problems_init(p, a);
	return node_read(a, "f.yaml", text, strlen(text), p);
}

static void expect_same(const struct node *x, const struct node *y)
{
	assert_int_equal(x->type, y->type);
	assert_int_equal(x->line, y->line);
	assert_int_equal(x->column, y->column);
	assert_int_equal(x->plain, y->plain);
	assert_int_equal(x->flow, y->flow);
	assert_string_equal(x->path, y->path);
	if (x->type == NODE_SCALAR) {
		assert_string_equal(x->text, y->text);
		return;
	}
	assert_int_equal(x->n, y->n);
	for (guint i = 0; i < x->n; i++) {
		if (x->type == NODE_LIST) {
			expect_same(&x->items[i], &y->items[i]);
			continue;
		}
		assert_ptr_equal(x->members[i].key, y->members[i].key);
		assert_int_equal(x->members[i].line, y->members[i].line);
		assert_int_equal(x->members[i].column, y->members[i].column);
		expect_same(&x->members[i].value, &y->members[i].value);
	}
}

static void expect_packs(const char *text)
{
	SCOPED_ARENA(a);
	struct problems p;
	struct packer packer;
	struct documents d = read_text(a, &p, text);
	assert_int_equal(p.n_errors, 0);
	packer_init(&packer);
	struct packed *packed = ARENA_ARRAY(a, struct packed, d.n);
	for (guint i = 0; i < d.n; i++)
		packed[i] = packer_put(&packer, a, &d.items[i]);
	const char *const *keys = packer_keys(&packer, a);
	packer_clear(&packer);
	for (guint i = 0; i < d.n; i++) {
		packed[i].keys = keys;
		expect_same(&d.items[i], node_unpack(a, &packed[i]));
	}
	problems_clear(&p);
}

static void packed_is_the_same(void **state)
{
	(void)state;
	expect_packs("a: 1\nb: [x, \"y\", {c: d}]\ne:\n  - f: g\n    h:\n  - []\n---\nplain\n---\na: {a: {a: ''}}\n");
	g_autoptr(GString) many = g_string_new(NULL), wide = g_string_new("a: ");
	for (guint i = 0; i < 300; i++)
		g_string_append_printf(many, "key%u: {value%u: %u}\n", i, i, i);
	expect_packs(many->str);
	for (guint i = 0; i < 70000; i++)
		g_string_append(wide, "0123456789abcdef");
	g_string_append(wide, "\nb: [1]\n");
	expect_packs(wide->str);
}

static void style_and_place_are_kept(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct problems p;
	g_autoptr(GString) text = g_string_new("a: [1]\nb:\n- 1\nc: {d: '");
	for (guint i = 0; i < 1 << 17; i++)
		g_string_append(text, "0123456789");
	g_string_append(text, "', e: 1}\n");
	struct documents d = read_text(a, &p, text->str);
	const struct node *root = &d.items[0], *c = node_get(root, "c");
	assert_false(root->flow);
	assert_true(node_get(root, "a")->flow);
	assert_false(node_get(root, "b")->flow);
	assert_true(c->flow);
	assert_int_equal(node_place(node_get(c, "e")).column, (1 << 20) - 1);
	assert_int_equal(node_place(node_get(c, "e")).line, 4);
	assert_int_equal(member_place(&root->members[2]).column, 1);
	assert_ptr_equal(root->members[0].key, d.items[0].members[0].key);
	problems_clear(&p);
}

static void keys_given_twice(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	for (guint n = 2; n < 200; n += 7) {
		struct problems p;
		g_autoptr(GString) text = g_string_new(NULL);
		for (guint i = 0; i < n; i++)
			g_string_append_printf(text, "k%u: {k1: 1}\n", i);
		g_string_append_printf(text, "k%u: 2\nk0: 3\n", n - 1);
		struct documents d = read_text(a, &p, text->str);
		assert_int_equal(p.n_errors, 2);
		assert_int_equal(d.items[0].n, n);
		problems_clear(&p);
	}
}

#define FARM(defaults)                                                                          \
	"apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec:\n"                  \
	"  redis: {url: \"redis://127.0.0.1:6379/0\"}\n  defaults: {vm: {" defaults "}}\n"

static char *farm_with_vms(const char *farm, guint n, const char *rest)
{
	GString *s = g_string_new(farm);
	g_string_append(s, "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h}\nspec: {}\n");
	for (guint i = 0; i < n; i++)
		g_string_append_printf(s, "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v%u}\n"
		                          "spec: {host: h, vcpus: 1, memory: 1GiB, boot: {kernel: /k}%s}\n", i, rest);
	return g_string_free(s, FALSE);
}

static struct problems load(struct arena *a, const char *text)
{
	struct problems p;
	struct spec_file file = { .path = "f.yaml", .bytes = text, .size = strlen(text) };
	problems_init(&p, a);
	spec_load(a, &file, 1, &p);
	return p;
}

static void wrong_default_is_told_once(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	g_autofree char *text = farm_with_vms(FARM("accelerator: xen, machine: [], shares: {a: 1}, nonsense: 1, serialLog: rel"), 50, "");
	struct problems p = load(a, text);
	assert_int_equal(p.n_errors, 5);
	problems_clear(&p);
}

static void problems_are_held_up_to_a_number(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	g_autofree char *text = farm_with_vms(FARM(""), 3000, ", shares: [{path: /, target: t}]");
	struct problems p = load(a, text);
	assert_int_equal(p.n_warnings, 3000);
	assert_int_equal(p.list->len, PROBLEMS_HELD);
	assert_int_equal(problems_left_out(&p), 2000);
	for (guint i = 0; i < 3; i++)
		problem_add(&p, SEVERITY_ERROR, (struct place){ 0 }, "error %u", i);
	guint n_errors = 0;
	for (guint i = 0; i < p.list->len; i++)
		n_errors += g_array_index(p.list, struct problem, i).severity == SEVERITY_ERROR;
	assert_int_equal(n_errors, 3);
	assert_int_equal(p.list->len, PROBLEMS_HELD);
	problems_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_is_the_same),
		cmocka_unit_test(style_and_place_are_kept),
		cmocka_unit_test(keys_given_twice),
		cmocka_unit_test(wrong_default_is_told_once),
		cmocka_unit_test(problems_are_held_up_to_a_number),
	};
	return cmocka_run_group_tests_name("spec nodes", tests, NULL, NULL);
}
