/* What differs between two specs, and what becomes of a spec before it is compared. */
#include "base/arena.h"
#include "spec/diff.h"
#include "spec/farm.h"
#include "spec/load.h"
#include "spec/resolve.h"
#include "spec/vm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct objects *load(struct arena *a, const char *text)
{
	struct spec_file file = { .path = "t.yaml", .bytes = text, .size = strlen(text) };
	struct problems problems;
	problems_init(&problems, a);
	struct objects *o = spec_load(a, &file, 1, &problems);
	for (guint i = 0; i < problems.list->len; i++)
		if (g_array_index(problems.list, struct problem, i).severity == SEVERITY_ERROR)
			fail_msg("%s", g_array_index(problems.list, struct problem, i).message);
	problems_clear(&problems);
	return o;
}

static const struct object *load_one(struct arena *a, enum kind_id kind, const char *text)
{
	const struct objects *o = load(a, text);
	assert_int_equal(o->by_kind[kind]->len, 1);
	return o->by_kind[kind]->pdata[0];
}

#define REDIS "redis: {url: \"redis://127.0.0.1:6379/0\"}"
#define FARM(spec) "{apiVersion: cleave/v1alpha1, kind: Farm, metadata: {name: f}, spec: {" spec "}}\n"
#define HOST "---\n{apiVersion: cleave/v1alpha1, kind: Host, metadata: {name: h}, spec: {pools: [{name: p, path: /p}]}}\n"
#define VM(spec) "---\n{apiVersion: cleave/v1alpha1, kind: VM, metadata: {name: v}, spec: {host: h, memory: 1GiB, " spec "}}\n"
#define WITH_DISKS(disks) FARM(REDIS) HOST VM("disks: [" disks "]")
#define SYSTEM "{name: system, pool: p, size: 10GiB}"
#define WORK "{name: work, pool: p, size: 20GiB}"

static struct changes diff(struct arena *a, enum kind_id kind, const char *before, const char *after)
{
	const struct object *x = load_one(a, kind, before), *y = load_one(a, kind, after);
	return diff_structs(a, x->kind->spec_fields, x->spec, y->spec, 0);
}

static void items_with_names_are_told_apart_by_them(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct changes c = diff(a, KIND_VM, WITH_DISKS(SYSTEM ", " WORK), WITH_DISKS("{name: work, pool: p, size: 30GiB}, " SYSTEM));
	assert_int_equal(c.n, 1);
	assert_string_equal(c.items[0].field, "disks[\"work\"].size");
	assert_string_equal(c.items[0].before, "20GiB");
	assert_string_equal(c.items[0].after, "30GiB");
}

static void their_order_is_no_change(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct changes c = diff(a, KIND_VM, WITH_DISKS(SYSTEM ", " WORK), WITH_DISKS(WORK ", " SYSTEM));
	assert_int_equal(c.n, 0);
}

/* The first of two is gone: the second is not another disk for that. */
static void one_less_is_one_less(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct changes c = diff(a, KIND_VM, WITH_DISKS(SYSTEM ", " WORK), WITH_DISKS(WORK));
	assert_int_equal(c.n, 3);
	for (guint i = 0; i < c.n; i++) {
		assert_true(g_str_has_prefix(c.items[i].field, "disks[\"system\"]."));
		assert_null(c.items[i].after);
	}
}

static void order_of_queues_is_their_rank(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct changes c = diff(a, KIND_FARM, FARM(REDIS ", queues: [{name: x}, {name: y}]"), FARM(REDIS ", queues: [{name: y}, {name: x}]"));
	assert_int_equal(c.n, 1);
	assert_string_equal(c.items[0].field, "queues");
	assert_string_equal(c.items[0].before, "[x, y]");
	assert_string_equal(c.items[0].after, "[y, x]");
}

static void items_without_names_go_by_place(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct changes c = diff(a, KIND_VM, FARM(REDIS) HOST VM("boot: {kernel: /k}, networks: [{user: true}, {bridge: br0}]"),
	                        FARM(REDIS) HOST VM("boot: {kernel: /k}, networks: [{user: true}, {bridge: br1}]"));
	assert_int_equal(c.n, 1);
	assert_string_equal(c.items[0].field, "networks[1].bridge");
}

/* The kernel's arguments of the VM below a Farm with these keys of `redis`. */
static const char *cmdline(struct arena *a, const char *farm)
{
	const struct objects *o = load(a, arena_printf(a, "%s%s", farm, HOST VM("boot: {kernel: /k}")));
	return vm_effective(a, o, o->by_kind[KIND_VM]->pdata[0])->boot.cmdline;
}

static void guests_know_the_redis_user(void **state)
{
	static const struct { const char *farm, *redis; } cases[] = {
		{ FARM("redis: {url: \"redis://h:1/0\"}"), "redis://h:1/0" },
		{ FARM("redis: {url: \"redis://h:1/0\", user: u}"), "redis://u@h:1/0" },
		{ FARM("redis: {url: \"redis://v@h:1/0\"}"), "redis://v@h:1/0" },
		{ FARM("redis: {url: \"redis://h:1/0\", user: u, guestUrl: \"redis://g:1/0\"}"), "redis://u@g:1/0" },
		{ FARM("redis: {url: \"redis://h:1/0\", user: u, guestUrl: \"redis://w@g:1/0\"}"), "redis://w@g:1/0" },
		{ FARM("redis: {url: \"redis+unix:///run/a@b.sock\", user: u}"), "redis+unix://u@/run/a@b.sock" },
	};
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_string_equal(cmdline(a, cases[i].farm), arena_printf(a, "CLEAVE_VM=v CLEAVE_REDIS=%s", cases[i].redis));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_with_names_are_told_apart_by_them),
		cmocka_unit_test(their_order_is_no_change),
		cmocka_unit_test(one_less_is_one_less),
		cmocka_unit_test(order_of_queues_is_their_rank),
		cmocka_unit_test(items_without_names_go_by_place),
		cmocka_unit_test(guests_know_the_redis_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
