/* Domains of libvirt's test driver, observed pass after pass: what is read again, and how long what was read lives. */
#include "base/arena.h"
#include "host/virt.h"
#include "observe/domain_cache.h"
#include "observe/observe.h"
#include "spec/diff.h"
#include "spec/vm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 20000, N_VMS = 5 };

struct ctx {
	struct virt *v;
	struct domain_cache *cache;
	struct virt_id ids[N_VMS];
	struct arena *arena;
};

static void define(struct ctx *x, guint i, guint memory_mib)
{
	const struct domain_identity identity = { .farm = "f", .name = x->ids[i].name };
	const struct vm_spec vm = { .n_vcpus = 2, .memory_bytes = (guint64)memory_mib * MiB, .machine = "q35", .accelerator = VM_TCG };
	GError *error = NULL;
	if (!virt_define(x->v, &x->ids[i], domain_to_xml(x->arena, &identity, &vm, NULL), TIMEOUT_MS, &error))
		fail_msg("%s", error->message);
}

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	x->v = virt_open("test:///default", NULL, TIMEOUT_MS, NULL);
	assert_non_null(x->v);
	x->cache = domain_cache_new();
	for (guint i = 0; i < N_VMS; i++) {
		const char *name = arena_printf(x->arena, "vm-%u", i);
		const struct domain_identity identity = { .farm = "f", .name = name };
		x->ids[i] = (struct virt_id){ name, domain_uuid(x->arena, &identity) };
		define(x, i, 64);
	}
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	for (guint i = 0; i < N_VMS; i++) {
		virt_stop(x->v, &x->ids[i], 0, TIMEOUT_MS, NULL);
		virt_undefine(x->v, &x->ids[i], FALSE, TIMEOUT_MS, NULL);
	}
	domain_cache_free(x->cache);
	virt_close(x->v, TIMEOUT_MS);
	arena_free(x->arena);
	g_free(x);
	return 0;
}

static struct objects *look(struct ctx *x, struct arena *a, struct domain_cache *cache)
{
	struct objects *have = objects_new(a);
	struct observe_input in = { .host = "h1", .want = objects_new(a), .virt = x->v, .domains = cache };
	observed(a, have, KIND_HOST, "h1");
	observe_vms(a, &in, have);
	return have;
}

static const struct vm_status *status_of(struct ctx *x, const struct objects *have, guint i)
{
	const struct object *o = objects_get(have, KIND_VM, x->ids[i].name);
	return o ? o->status : NULL;
}

static guint parsed_in_a_pass(struct ctx *x)
{
	SCOPED_ARENA(a);
	guint before = domain_cache_count_parsed(x->cache);
	look(x, a, x->cache);
	return domain_cache_count_parsed(x->cache) - before;
}

static void test_only_what_changed_is_read(void **state)
{
	struct ctx *x = *state;
	assert_true(parsed_in_a_pass(x) >= N_VMS); /* the test driver has a domain of its own */
	assert_int_equal(parsed_in_a_pass(x), 0);
	define(x, 1, 128);
	assert_int_equal(parsed_in_a_pass(x), 1);
	assert_true(virt_start(x->v, &x->ids[2], TIMEOUT_MS, NULL));
	assert_int_equal(parsed_in_a_pass(x), 1); /* it has an active definition now */
	assert_true(virt_stop(x->v, &x->ids[2], 0, TIMEOUT_MS, NULL));
	assert_int_equal(parsed_in_a_pass(x), 1);
	assert_true(virt_undefine(x->v, &x->ids[3], FALSE, TIMEOUT_MS, NULL));
	assert_int_equal(parsed_in_a_pass(x), 0);
	define(x, 3, 64);
	assert_int_equal(parsed_in_a_pass(x), 1); /* what was gone had been forgotten */
	assert_int_equal(parsed_in_a_pass(x), 0);
}

/* With the cache and without it, the same is told. */
static void test_same_as_without(void **state)
{
	struct ctx *x = *state;
	assert_true(virt_start(x->v, &x->ids[0], TIMEOUT_MS, NULL));
	parsed_in_a_pass(x);
	SCOPED_ARENA(a);
	const struct objects *with = look(x, a, x->cache), *without = look(x, a, NULL);
	assert_int_equal(with->by_kind[KIND_VM]->len, without->by_kind[KIND_VM]->len);
	OBJECTS_EACH (o, without, KIND_VM) {
		const struct object *other = objects_get(with, KIND_VM, o->id);
		assert_non_null(other);
		assert_int_equal(diff_structs(a, vm_status_fields, other->status, o->status, 0).n, 0);
	}
	const struct vm_status *s = status_of(x, with, 0);
	assert_int_equal(s->state, DOMAIN_RUNNING);
	assert_string_equal(s->owner, "f");
	assert_string_equal(s->uuid, x->ids[0].uuid);
	assert_int_equal(s->live.memory_bytes, 64 * MiB);
}

/* A pass keeps what it was given, whatever becomes of the domain and of the cache meanwhile. */
static void test_outlives_the_cache(void **state)
{
	struct ctx *x = *state;
	SCOPED_ARENA(a);
	const struct objects *have = look(x, a, x->cache);
	define(x, 1, 128);
	assert_true(virt_undefine(x->v, &x->ids[2], FALSE, TIMEOUT_MS, NULL));
	parsed_in_a_pass(x);
	g_clear_pointer(&x->cache, domain_cache_free);
	assert_int_equal(status_of(x, have, 1)->defined.memory_bytes, 64 * MiB);
	assert_string_equal(status_of(x, have, 1)->defined.machine, "q35");
	assert_string_equal(status_of(x, have, 2)->owner, "f");
	assert_string_equal(status_of(x, have, 2)->uuid, x->ids[2].uuid);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_what_changed_is_read),
		TEST(test_same_as_without),
		TEST(test_outlives_the_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
