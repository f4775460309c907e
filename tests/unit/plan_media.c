/* The digest in a plan is of what apply/ will write: also where resolving has made a file of the VM's disk. */
#include "plan_fixture.h"
#include "base/arena.h"
#include "spec/resolve.h"
#include "spec/seed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char have_text[] = "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nstatus:\n  libvirt: ok\n"
                                "  observedAt: \"2024-05-06T07:08:09Z\"\n  pools:\n    - {name: p, size: 1TiB, free: 1TiB}\n";

static struct objects *want_mounted_at(struct arena *a, const char *folder)
{
	const char *text = arena_printf(a, "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec: {redis: {url: \"redis://h\"}}\n---\n"
	                                   "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec:\n  pools: [{name: p, path: /srv/p}]\n---\n"
	                                   "apiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v}\nspec:\n  host: h1\n  memory: 1GiB\n"
	                                   "  disks: [{name: work, pool: p, size: 1GiB, filesystem: xfs, mount: %s}]\n", folder);
	struct spec_file file = { .path = "all.yaml", .bytes = text, .size = strlen(text) };
	return plan_fixture_want(a, &file, 1);
}

static const struct vm_spec *planned(struct arena *a, const struct objects *want)
{
	struct spec_file file = { .path = "have.yaml", .bytes = have_text, .size = strlen(have_text) };
	const struct plan *p = plan_fixture_build(a, want, plan_fixture_have(a, &file, 1));
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].verb == VERB_DEFINE_VM)
			return p->actions[i].vm;
	fail_msg("%s", plan_fixture_dump(a, p));
	return NULL;
}

static const char *told(struct arena *a, const struct objects *want)
{
	const struct object *vm = objects_get(want, KIND_VM, "v");
	struct guest_input in = { want, vm, vm_effective(a, want, vm), { 0 }, NULL };
	struct list files;
	const char *missing;
	assert_true(seed_told(a, &in, &files, &missing));
	return medium_digest(a, files);
}

static void test_disk_in_pool_is_told(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct objects *one = want_mounted_at(a, "/opt/work"), *other = want_mounted_at(a, "/srv/work");
	const struct vm_spec *vm = planned(a, one);
	assert_non_null(LIST_AT(vm->disks, struct vm_disk, 0)->file); /* it is resolved */
	assert_string_equal(vm->seed, told(a, one));
	assert_string_not_equal(vm->seed, planned(a, other)->seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_disk_in_pool_is_told) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
