/* What is loaded with a cache is what is loaded without one, whatever came before; and what was loaded
 * stays as it is while its arena lives. */
#include "spec/cache.h"
#include "base/arena.h"
#include "spec/emit.h"
#include "spec/load.h"
#include "spec/node.h"
#include "spec/resolve.h"
#include "spec/vm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define HEAD(kind, name) "---\napiVersion: cleave/v1alpha1\nkind: " kind "\nmetadata: {name: " name "}\nspec:\n"
#define FARM(memory)                                                                                   \
	HEAD("Farm", "f") "  redis: {url: \"redis://127.0.0.1:6379/0\"}\n  roots: {shots: {path: /mnt/shots}}\n" \
	                  "  defaults: {vm: {memory: " memory ", boot: {kernel: /k}, roots: [shots]}}\n"
#define HOST(name) HEAD("Host", name) "  libvirt: none\n"
#define VM(name, rest) HEAD("VM", name) "  host: h1\n  vcpus: 2\n" rest

/* -- trees ---------------------------------------------------------------------------------------------- */

struct tree {
	GHashTable *texts; /* path → text */
};

static void tree_put(struct tree *t, const char *path, const char *text)
{
	if (!t->texts)
		t->texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (text)
		g_hash_table_insert(t->texts, g_strdup(path), g_strdup(text));
	else
		g_hash_table_remove(t->texts, path);
}

static gint by_path(gconstpointer x, gconstpointer y)
{
	return strcmp(((const struct spec_file *)x)->path, ((const struct spec_file *)y)->path);
}

/* What the cache knows comes without its bytes, as from source/. The arena takes copies: nothing of a load
 * may point into what the caller drops. */
static GArray *tree_files(struct arena *a, const struct tree *t, const struct spec_cache *cache)
{
	GArray *files = g_array_new(FALSE, FALSE, sizeof(struct spec_file));
	GHashTableIter it;
	gpointer path, text;
	g_hash_table_iter_init(&it, t->texts);
	while (g_hash_table_iter_next(&it, &path, &text)) {
		g_autofree char *id = g_compute_checksum_for_string(G_CHECKSUM_SHA1, text, -1);
		gsize size = strlen(text), known = 0;
		gboolean is_known = cache && spec_cache_knows(cache, path, id, &known);
		assert_true(!is_known || known == size);
		struct spec_file file = { arena_strdup(a, path), is_known ? NULL : arena_strdup(a, text), size, arena_strdup(a, id), NULL };
		g_array_append_val(files, file);
	}
	g_array_sort(files, by_path);
	return files;
}

struct loaded {
	struct arena *arena;
	struct objects *objects;
	struct problems problems;
};

static struct loaded load(const struct tree *t, struct spec_cache *cache)
{
	struct loaded l = { .arena = arena_new() };
	/* Of its own: sheets must not depend on where the caller had the bytes. */
	SCOPED_ARENA(source);
	g_autoptr(GArray) files = tree_files(cache ? source : l.arena, t, cache);
	problems_init(&l.problems, l.arena);
	l.objects = spec_load_cached(l.arena, cache, (const struct spec_file *)(gpointer)files->data, files->len, &l.problems);
	return l;
}

static void unload(struct loaded *l)
{
	problems_clear(&l->problems);
	arena_free(l->arena);
}

static char *describe(const struct loaded *l)
{
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < l->problems.list->len; i++)
		problem_format(out, &g_array_index(l->problems.list, struct problem, i), NULL, 0);
	g_string_append_printf(out, "%u errors, %u warnings\n", l->problems.n_errors, l->problems.n_warnings);
	emit_objects(out, l->objects, EMIT_SPEC);
	OBJECTS_EACH (o, l->objects, KIND_VM) {
		const struct vm_spec *vm = vm_effective(l->arena, l->objects, o);
		g_string_append_printf(out, "%s: %u shares, %s\n", o->id, vm->shares.n, vm->boot.cmdline);
		assert_ptr_equal(objects_get(l->objects, KIND_VM, o->id), o);
	}
	return g_string_free(out, FALSE);
}

/* Loads with the cache, and compares with what a fresh process says. */
static struct loaded load_and_compare(const struct tree *t, struct spec_cache *cache)
{
	struct loaded with = load(t, cache), without = load(t, NULL);
	g_autofree char *x = describe(&with), *y = describe(&without);
	assert_string_equal(x, y);
	unload(&without);
	return with;
}

struct world {
	struct tree tree;
	struct spec_cache *cache;
};

static int setup(void **state)
{
	struct world *w = g_new0(struct world, 1);
	w->cache = spec_cache_new();
	tree_put(&w->tree, "farm.yaml", FARM("8GiB") HOST("h1"));
	tree_put(&w->tree, "a.yaml", VM("a", "") VM("b", "  memory: 4GiB\n"));
	tree_put(&w->tree, "z.yaml", VM("z", "  shares: [{path: /, target: all}]\n"));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	spec_cache_free(w->cache);
	g_hash_table_destroy(w->tree.texts);
	g_free(w);
	return 0;
}

static void step(struct world *w)
{
	struct loaded l = load_and_compare(&w->tree, w->cache);
	unload(&l);
}

static guint n_errors(struct world *w)
{
	struct loaded l = load_and_compare(&w->tree, w->cache);
	guint n = l.problems.n_errors;
	unload(&l);
	return n;
}

/* -- tests ---------------------------------------------------------------------------------------------- */

static void what_is_known_is_not_decoded(void **state)
{
	struct world *w = *state;
	struct loaded first = load_and_compare(&w->tree, w->cache);
	tree_put(&w->tree, "a.yaml", VM("a", "  memory: 2GiB\n"));
	struct loaded second = load_and_compare(&w->tree, w->cache);
	assert_ptr_equal(objects_get(first.objects, KIND_VM, "z"), objects_get(second.objects, KIND_VM, "z"));
	assert_ptr_equal(objects_farm(first.objects), objects_farm(second.objects));
	assert_ptr_not_equal(objects_get(first.objects, KIND_VM, "a"), objects_get(second.objects, KIND_VM, "a"));
	assert_null(objects_get(second.objects, KIND_VM, "b"));
	assert_int_equal(second.problems.n_warnings, 1); /* the share of everything, again */
	unload(&first);
	unload(&second);
}

static void farm_change_reaches_all(void **state)
{
	struct world *w = *state;
	struct loaded before = load_and_compare(&w->tree, w->cache);
	g_autofree char *was = describe(&before);
	tree_put(&w->tree, "farm.yaml", FARM("16GiB") HOST("h1"));
	struct loaded after = load_and_compare(&w->tree, w->cache);
	assert_int_equal(((const struct vm_spec *)objects_get(after.objects, KIND_VM, "a")->spec)->memory_bytes, 16ull << 30);
	assert_int_equal(((const struct vm_spec *)objects_get(after.objects, KIND_VM, "b")->spec)->memory_bytes, 4ull << 30);
	tree_put(&w->tree, "farm.yaml", NULL);
	assert_true(n_errors(w) > 0);
	tree_put(&w->tree, "zz.yaml", FARM("32GiB") HOST("h1"));
	assert_int_equal(n_errors(w), 0);
	/* The first revision is as it was, three Farms later. */
	g_autofree char *is = describe(&before);
	assert_string_equal(was, is);
	unload(&before);
	unload(&after);
}

static void two_revisions_live_at_once(void **state)
{
	struct world *w = *state;
	struct loaded kept[6];
	g_autofree char *texts[G_N_ELEMENTS(kept)] = { NULL };
	for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
		g_autofree char *text = g_strdup_printf(VM("a", "  memory: %uGiB\n"), i + 1);
		tree_put(&w->tree, i % 2 ? "a.yaml" : "z.yaml", text);
		tree_put(&w->tree, i % 2 ? "z.yaml" : "a.yaml", VM("q", ""));
		kept[i] = load_and_compare(&w->tree, w->cache);
		texts[i] = describe(&kept[i]);
	}
	spec_cache_clear(w->cache);
	for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
		g_autofree char *now = describe(&kept[i]);
		assert_string_equal(now, texts[i]);
		unload(&kept[i]);
		g_free(texts[i]);
		texts[i] = NULL;
	}
}

static void one_file_with_errors(void **state)
{
	struct world *w = *state;
	step(w);
	tree_put(&w->tree, "bad.yaml", VM("bad", "  memory: many\n") "---\n{");
	guint n = n_errors(w);
	assert_true(n >= 2);
	assert_int_equal(n_errors(w), n); /* told again, though not read again */
	tree_put(&w->tree, "bad.yaml", NULL);
	assert_int_equal(n_errors(w), 0);
}

static void rules_across_files_are_asked_anew(void **state)
{
	struct world *w = *state;
	step(w);
	tree_put(&w->tree, "farm.yaml", FARM("8GiB"));
	tree_put(&w->tree, "host.yaml", HOST("h1"));
	assert_int_equal(n_errors(w), 0);
	tree_put(&w->tree, "host.yaml", HOST("h2"));
	assert_int_equal(n_errors(w), 3);
	tree_put(&w->tree, "host.yaml", NULL);
	assert_int_equal(n_errors(w), 3);
}

static void twins_come_and_go(void **state)
{
	struct world *w = *state;
	step(w);
	tree_put(&w->tree, "twin.yaml", VM("z", ""));
	assert_int_equal(n_errors(w), 1);
	tree_put(&w->tree, "z.yaml", NULL);
	assert_int_equal(n_errors(w), 0);
	tree_put(&w->tree, "zz.yaml", VM("y", "") VM("y", ""));
	assert_int_equal(n_errors(w), 1);
	tree_put(&w->tree, "farm2.yaml", FARM("1GiB"));
	assert_int_equal(n_errors(w), 2);
	tree_put(&w->tree, "farm2.yaml", NULL);
	tree_put(&w->tree, "zz.yaml", NULL);
	assert_int_equal(n_errors(w), 0);
}

static void renamed_file_has_new_places(void **state)
{
	struct world *w = *state;
	struct loaded first = load_and_compare(&w->tree, w->cache);
	tree_put(&w->tree, "moved.yaml", VM("a", "") VM("b", "  memory: 4GiB\n"));
	tree_put(&w->tree, "a.yaml", NULL);
	struct loaded second = load_and_compare(&w->tree, w->cache);
	assert_string_equal(objects_get(second.objects, KIND_VM, "a")->place.path, "moved.yaml");
	assert_string_equal(objects_get(first.objects, KIND_VM, "a")->place.path, "a.yaml");
	assert_string_equal(object_place(objects_get(first.objects, KIND_VM, "b"), "memory").path, "a.yaml");
	assert_int_equal(object_place(objects_get(first.objects, KIND_VM, "b"), "memory").line, 15);
	assert_string_equal(object_place(objects_get(first.objects, KIND_VM, "a"), "boot.kernel").path, "farm.yaml");
	unload(&second);
	unload(&first);
}

/* A Farm whose kind is written so that nobody expects one there. */
static void farm_in_disguise(void **state)
{
	struct world *w = *state;
	step(w);
	g_autofree char *plain = g_strdup(FARM("2GiB")), *at = NULL;
	g_auto(GStrv) parts = g_strsplit(plain, "kind: Farm", 2);
	at = g_strconcat(parts[0], "kind: \"F\\x61rm\"", parts[1], HOST("h1"), NULL);
	tree_put(&w->tree, "farm.yaml", at);
	assert_int_equal(n_errors(w), 0);
	assert_int_equal(n_errors(w), 0);
}

/* -- random walks ------------------------------------------------------------------------------------------ */

static char *random_file(GRand *r)
{
	GString *s = g_string_new(NULL);
	for (int i = g_rand_int_range(r, 0, 4); i > 0; i--)
		switch (g_rand_int_range(r, 0, 8)) {
		case 0: g_string_append_printf(s, HOST("h%d"), g_rand_int_range(r, 1, 4)); break;
		case 1: g_string_append(s, "---\nkind: Wm\n"); break;
		default: g_string_append_printf(s, VM("vm%02d", "  memory: %dGiB\n"), g_rand_int_range(r, 0, 40), g_rand_int_range(r, 1, 9));
		}
	return g_string_free(s, FALSE);
}

static void random_walk(void **state)
{
	struct world *w = *state;
	const char *seed = g_getenv("CLEAVE_SEED");
	GRand *r = g_rand_new_with_seed(seed ? (guint32)g_ascii_strtoull(seed, NULL, 10) : 20260101);
	struct loaded held = load_and_compare(&w->tree, w->cache);
	for (int round = 0; round < 300; round++) {
		for (int i = round % 20 ? 1 : 12; i > 0; i--) {
			g_autofree char *path = g_strdup_printf("%d.yaml", g_rand_int_range(r, 0, 30));
			g_autofree char *text = g_rand_int_range(r, 0, 4) ? random_file(r) : NULL;
			tree_put(&w->tree, path, text);
		}
		if (g_rand_int_range(r, 0, 15) == 0)
			tree_put(&w->tree, "farm.yaml", g_rand_boolean(r) ? FARM("8GiB") HOST("h1") : FARM("4GiB"));
		struct loaded next = load_and_compare(&w->tree, w->cache);
		if (g_rand_boolean(r)) {
			struct loaded swap = held;
			held = next;
			next = swap;
		}
		unload(&next);
	}
	unload(&held);
	g_rand_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_known_is_not_decoded, setup, teardown),
		cmocka_unit_test_setup_teardown(farm_change_reaches_all, setup, teardown),
		cmocka_unit_test_setup_teardown(two_revisions_live_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(one_file_with_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(rules_across_files_are_asked_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(twins_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(renamed_file_has_new_places, setup, teardown),
		cmocka_unit_test_setup_teardown(farm_in_disguise, setup, teardown),
		cmocka_unit_test_setup_teardown(random_walk, setup, teardown),
	};
	return cmocka_run_group_tests_name("spec cache", tests, NULL, NULL);
}
