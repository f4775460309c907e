/* Which card a GPU means, of those that a host has. */
#include "base/arena.h"
#include "spec/gpu.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Two twins in labelled slots, one other model, and one in another PCI domain. */
static const struct gpu_status
    twin = { .address = "0000:25:00.0", .vendor = "10de", .device = "2231", .slot = "4", .serial = "1" },
    other_twin = { .address = "0000:41:00.0", .vendor = "10de", .device = "2231", .slot = "6", .serial = "2" },
    model = { .address = "0000:a1:00.0", .vendor = "10de", .device = "2204", .slot = "8" },
    far = { .address = "10000:25:00.0", .vendor = "8086", .device = "56c0" },
    untold = { .address = "0000:c1:00.0" };
static const struct gpu_status *const cards[] = { &twin, &other_twin, &model, &far, &untold };

static struct gpu_identity of(const char *address, const char *slot, const char *serial, const char *id)
{
	const struct gpu_spec spec = { .address = address, .match = { slot, serial, id } };
	return gpu_identify(&spec, cards, G_N_ELEMENTS(cards));
}

static void expect(struct gpu_identity i, enum gpu_found found, const struct gpu_status *card, const struct gpu_status *other)
{
	assert_int_equal(i.found, found);
	assert_ptr_equal(i.card, card);
	assert_ptr_equal(i.other, other);
}

static void by_address(void **state)
{
	(void)state;
	expect(of("0000:25:00.0", NULL, NULL, NULL), GPU_FOUND, &twin, NULL);
	expect(of("0000:99:00.0", NULL, NULL, NULL), GPU_NOT_FOUND, NULL, NULL);
	/* Any case, any number of zeros before the domain. */
	expect(of("0000:A1:00.0", NULL, NULL, NULL), GPU_FOUND, &model, NULL);
	expect(of("00000000:25:00.0", NULL, NULL, NULL), GPU_FOUND, &twin, NULL);
	expect(of("00010000:25:00.0", NULL, NULL, NULL), GPU_FOUND, &far, NULL);
	expect(of("0001:25:00.0", NULL, NULL, NULL), GPU_NOT_FOUND, NULL, NULL);
}

/* Its audio function, one that is not there, a VF in the slot and one in the next: none of them is the card. */
static void by_address_of_a_part(void **state)
{
	struct gpu_function functions[] = { { .address = "0000:25:00.0" }, { .address = "0000:25:00.1" } };
	static const char *vfs[] = { "0000:25:00.4", "0000:25:01.3" };
	const struct gpu_status card = { .address = "0000:25:00.0", .slot = "4", .functions = { functions, 2 }, .sriov.vfs = { vfs, 2 } };
	const struct gpu_status *const all[] = { &card, &model };
	struct gpu_spec spec = { .match.slot = "4" };
	(void)state;
	static const char *const parts[] = { "0000:25:00.1", "0000:25:00.7", "0000:25:00.4", "0000:25:01.3", "00000000:25:01.3" };
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		spec.address = parts[i];
		expect(gpu_identify(&spec, all, 2), GPU_PART, NULL, &card);
	}
	spec.address = "0000:25:01.4";
	expect(gpu_identify(&spec, all, 2), GPU_FOUND, &card, NULL);
}

static void by_match(void **state)
{
	(void)state;
	expect(of(NULL, "6", NULL, NULL), GPU_FOUND, &other_twin, NULL);
	expect(of(NULL, NULL, "1", NULL), GPU_FOUND, &twin, NULL);
	expect(of(NULL, "6", "2", "10DE:2231"), GPU_FOUND, &other_twin, NULL);
	/* All that is given has to fit. */
	expect(of(NULL, "6", "1", NULL), GPU_NOT_FOUND, NULL, NULL);
	expect(of(NULL, "6", NULL, "10de:2204"), GPU_NOT_FOUND, NULL, NULL);
	/* Half of an id is none. */
	expect(of("0000:25:00.0", NULL, NULL, "10d:2231"), GPU_MOVED, NULL, &twin);
	/* A machine that does not tell it does not fit. */
	expect(of("0000:c1:00.0", NULL, NULL, "10de:2231"), GPU_MOVED, NULL, &untold);
}

static void address_and_match(void **state)
{
	(void)state;
	expect(of("0000:25:00.0", "4", NULL, "10de:2231"), GPU_FOUND, &twin, NULL);
	/* Of twins the address decides. */
	expect(of("0000:41:00.0", NULL, NULL, "10de:2231"), GPU_FOUND, &other_twin, NULL);
	/* Nobody at the address: the one that fits by slot or serial. */
	expect(of("0000:99:00.0", NULL, "2", NULL), GPU_FOUND, &other_twin, NULL);
	expect(of("0000:99:00.0", "4", NULL, NULL), GPU_FOUND, &twin, NULL);
	/* ... but not by ids alone, even where one card has them: it may be the other one of two. */
	expect(of("0000:99:00.0", NULL, NULL, "10de:2204"), GPU_NOT_FOUND, NULL, NULL);
}

static void moved(void **state)
{
	(void)state;
	expect(of("0000:a1:00.0", NULL, "1", NULL), GPU_MOVED, &twin, &model);
	expect(of("0000:25:00.0", "6", NULL, NULL), GPU_MOVED, &other_twin, &twin);
	expect(of("0000:a1:00.0", NULL, "99", NULL), GPU_MOVED, NULL, &model);
	expect(of("0000:a1:00.0", NULL, NULL, "10de:2231"), GPU_MOVED, NULL, &model);
}

static void ambiguous(void **state)
{
	static const struct gpu_status second = { .address = "0000:e1:00.0", .slot = "4" };
	static const struct gpu_status *const two[] = { &twin, &model, &second };
	struct gpu_spec spec = { .match = { .slot = "4" } };
	(void)state;
	expect(gpu_identify(&spec, two, 3), GPU_AMBIGUOUS, &twin, &second);
	spec.address = "0000:e1:00.0";
	expect(gpu_identify(&spec, two, 3), GPU_FOUND, &second, NULL);
	spec.address = "0000:a1:00.0";
	expect(gpu_identify(&spec, two, 3), GPU_MOVED, NULL, &model);
	expect(gpu_identify(&spec, two, 0), GPU_NOT_FOUND, NULL, NULL);
}

static void devices_of_a_card(void **state)
{
	struct gpu_function functions[] = { { .address = "0000:25:00.0" }, { .address = "0000:25:00.1" } }, vf = { .address = "0000:25:00.4" };
	struct gpu_vgpu vgpu = { .uuid = "c3c6a6b4-4c7e-4f5e-9d58-0a2bb1f0ad31" }, unnamed = { .parent = "0000:25:00.4" };
	struct gpu_status card = { .address = "0000:25:00.0", .functions = { functions, 2 }, .virtual_functions = { &vf, 1 }, .vgpus = { &vgpu, 1 } };
	(void)state;
	assert_true(gpu_has_device(&card, "0000:25:00.1"));
	assert_true(gpu_has_device(&card, "0000:25:00.4"));
	assert_true(gpu_has_device(&card, "C3C6A6B4-4C7E-4F5E-9D58-0A2BB1F0AD31"));
	assert_false(gpu_has_device(&card, "0000:25:00.2"));
	card.vgpus.items = &unnamed;
	assert_false(gpu_has_device(&card, vgpu.uuid));
}

/* Definitions of VMs name them: they never change. */
static void uuids_of_vgpus(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	assert_string_equal(gpu_vgpu_uuid(a, "f", "g", 0), "ecfcae17-4743-5610-9d93-de65edf1ec00");
	assert_string_not_equal(gpu_vgpu_uuid(a, "f", "g", 1), gpu_vgpu_uuid(a, "f", "h", 1));
	assert_string_not_equal(gpu_vgpu_uuid(a, "f", "g", 1), gpu_vgpu_uuid(a, "e", "g", 1));
	assert_string_equal(gpu_vgpu_uuid(a, NULL, "g", 1), gpu_vgpu_uuid(a, "", "g", 1));
	for (guint i = 0; i < GPU_MAX_VGPUS; i += 51)
		assert_int_equal(gpu_vgpu_index("f", "g", gpu_vgpu_uuid(a, "f", "g", i)), i);
	assert_int_equal(gpu_vgpu_index("f", "g", gpu_vgpu_uuid(a, "f", "g", GPU_MAX_VGPUS)), -1);
	assert_int_equal(gpu_vgpu_index("f", "g", "c3c6a6b4-4c7e-4f5e-9d58-0a2bb1f0ad31"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_address),        cmocka_unit_test(by_address_of_a_part), cmocka_unit_test(by_match),         cmocka_unit_test(address_and_match), cmocka_unit_test(moved),
		cmocka_unit_test(ambiguous),         cmocka_unit_test(devices_of_a_card), cmocka_unit_test(uuids_of_vgpus),
	};
	return cmocka_run_group_tests_name("identity of cards", tests, NULL, NULL);
}
