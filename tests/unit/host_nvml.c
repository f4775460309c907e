/* NVML through the helper, against a library of the tests' own (tests/tools/fake_nvml.c): NVIDIA's was never there.
 * This program is its own helper. */
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/nvml.h"
#include "host/tree.h"
#include "nvml_fixture.h"
#include "observe/observe.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 20000, SHORT_MS = 300 };

struct ctx {
	struct helper *h;
	struct arena *arena;
	char *path;
	GError *error;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->path = fake_machine_new();
	x->arena = arena_new();
	x->h = helper_start(NULL);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	helper_stop(x->h);
	arena_free(x->arena);
	fake_machine_free(x->path);
	g_clear_error(&x->error);
	g_free(x);
	return 0;
}

static void set(struct ctx *x, const char *group, const char *key, const char *value)
{
	fake_machine_set(x->path, group, key, value);
}

static void must(struct ctx *x, gboolean done)
{
	if (!done)
		fail_msg("%s", x->error ? x->error->message : "failed without an error");
}

static void must_fail(struct ctx *x, gboolean done, enum cleave_error code, const char *words)
{
	assert_false(done);
	if (!g_error_matches(x->error, CLEAVE_ERROR, (gint)code) || !strstr(x->error->message, words))
		fail_msg("code %d, \"%s\" without \"%s\"", x->error->code, x->error->message, words);
	g_clear_error(&x->error);
}

static const char *const both[] = { A100, A4000, NULL };

static gboolean read_both(struct ctx *x, gint64 timeout_ms, struct nvml_facts *ret)
{
	return nvml_read(x->h, x->arena, both, timeout_ms, ret, &x->error);
}

static gboolean cut(struct ctx *x, const char *profile, guint64 count, struct nvml_card *ret)
{
	return nvml_cut(x->h, x->arena, A100, profile, count, MS, ret, &x->error);
}

/* -- reading ------------------------------------------------------------------------------------------------ */

static void test_read(void **state)
{
	struct ctx *x = *state;
	struct nvml_facts f;
	must(x, read_both(x, MS, &f));
	assert_string_equal(f.driver_version, "550.54.15");
	assert_int_equal(f.n, 2);
	const struct nvml_card *a = &f.cards[0], *b = &f.cards[1];
	assert_string_equal(a->address, A100);
	assert_string_equal(a->serial, "1324821070001");
	assert_true(!a->name && a->celsius == -1);
	assert_string_equal(b->name, "RTX A4000");
	assert_true(a->ecc == 1 && a->mig == 0 && a->mig_pending == 0 && a->can_list && a->n_instances == 0 && !a->trouble);
	assert_string_equal(b->address, A4000);
	assert_true(!b->serial && b->ecc == -1 && b->mig == -1 && b->mig_pending == -1 && !b->can_list && !b->trouble);
}

static void test_load(void **state)
{
	struct ctx *x = *state;
	struct nvml_facts f;
	set(x, A100, "memory", "85899345920");
	set(x, A100, "used", "1073741824");
	set(x, A100, "percent", "97");
	must(x, read_both(x, MS, &f));
	assert_true(f.cards[0].memory_bytes == G_GUINT64_CONSTANT(85899345920) && f.cards[0].used_bytes == 1073741824);
	assert_int_equal(f.cards[0].percent, 97);
	assert_int_equal(f.cards[1].percent, -1);
	assert_true(f.cards[1].memory_bytes == 0);
}

/* What one card does not tell is no trouble of the other. */
static void test_one_lost(void **state)
{
	struct ctx *x = *state;
	static const char *const asked[] = { "0000:01:00.0", A100, NULL };
	struct nvml_facts f;
	set(x, A100, "serial", " N/A");
	must(x, nvml_read(x->h, x->arena, asked, MS, &f, &x->error));
	assert_string_equal(f.cards[0].trouble, "Not Found");
	assert_int_equal(f.cards[0].mig, -1);
	assert_null(f.cards[1].serial);
	assert_int_equal(f.cards[1].mig, 0);
}

static void test_not_root(void **state)
{
	struct ctx *x = *state;
	struct nvml_facts f;
	set(x, A100, "mig", "1");
	set(x, "nvml", "list", "4"); /* no permission */
	must(x, read_both(x, MS, &f));
	assert_true(f.cards[0].mig == 1 && !f.cards[0].can_list);
}

static void test_trouble(void **state)
{
	struct ctx *x = *state;
	struct nvml_facts f;
	set(x, "nvml", "init", "9");
	must_fail(x, read_both(x, MS, &f), ERROR_FAILED, "NVML: starting: Driver Not Loaded");
	set(x, "nvml", "init", "0");
	set(x, "nvml", "hang", "nvmlDeviceGetEccMode");
	must_fail(x, read_both(x, SHORT_MS, &f), ERROR_TIMEOUT, "did not answer in 300 ms");
	set(x, "nvml", "hang", "");
	set(x, "nvml", "crash", "nvmlInit_v2");
	must_fail(x, read_both(x, MS, &f), ERROR_AWAY, "ended by signal 11");
	set(x, "nvml", "crash", "");
	must(x, read_both(x, MS, &f)); /* each time by a new helper */
}

static void test_no_library(void **state)
{
	struct ctx *x = *state;
	struct nvml_facts f;
	struct nvml_card card;
	g_setenv("LD_LIBRARY_PATH", "/nowhere", TRUE);
	must_fail(x, read_both(x, MS, &f), ERROR_FAILED, "NVML is not there: libnvidia-ml.so.1");
	must_fail(x, cut(x, "1g.10gb", 3, &card), ERROR_FAILED, "NVML is not there");
	assert_null(card.address);
}

/* -- cutting ------------------------------------------------------------------------------------------------- */

static void assert_instances(const struct nvml_card *c, guint n, const char *profile)
{
	assert_int_equal(c->mig, 1);
	assert_int_equal(c->n_instances, n);
	for (guint i = 0; i < n; i++) {
		assert_string_equal(c->instances[i].profile, profile);
		assert_true(c->instances[i].id > 0);
	}
}

static void test_cut(void **state)
{
	struct ctx *x = *state;
	struct nvml_card card;
	struct nvml_facts f;
	must(x, cut(x, "1g.10gb", 3, &card));
	assert_instances(&card, 3, "1g.10gb");
	must(x, read_both(x, MS, &f));
	assert_instances(&f.cards[0], 3, "1g.10gb");
	g_autofree char *small = fake_machine_get(x->path, A100, "instances");
	assert_string_equal(small, "1:19:1:0;2:19:1:0;3:19:1:0;"); /* each with its compute instance */
	must(x, cut(x, "2g.20gb", 2, &card));
	assert_instances(&card, 2, "2g.20gb");
	g_autofree char *large = fake_machine_get(x->path, A100, "instances");
	assert_string_equal(large, "1:14:2:0;2:14:2:0;"); /* over both slices, not over one */
	must(x, cut(x, NULL, 0, &card));
	assert_true(card.n_instances == 0 && card.mig == 0 && card.mig_pending == 0);
	must(x, cut(x, NULL, 0, &card)); /* again */
}

static void test_no_such_profile(void **state)
{
	struct ctx *x = *state;
	struct nvml_card card;
	must(x, cut(x, "1g.10gb", 2, &card));
	must_fail(x, cut(x, "1g.5gb", 2, &card), ERROR_FAILED, A100 " has no MIG profile 1g.5gb; it has 1g.10gb, 2g.20gb, 7g.80gb");
	assert_instances(&card, 2, "1g.10gb"); /* nothing was removed */
	must_fail(x, cut(x, "2g.20gb", 4, &card), ERROR_FAILED, "can have 3 instances of 2g.20gb, not 4");
	assert_instances(&card, 2, "1g.10gb");
	must_fail(x, nvml_cut(x->h, x->arena, A4000, "1g.10gb", 1, MS, &card, &x->error), ERROR_FAILED, A4000 " has no MIG");
	must_fail(x, nvml_cut(x->h, x->arena, "0000:01:00.0", "1g.10gb", 1, MS, &card, &x->error), ERROR_FAILED, "Not Found");
}

static void test_in_use(void **state)
{
	struct ctx *x = *state;
	struct nvml_card card;
	set(x, A100, "mig", "1");
	set(x, A100, "instances", "1:19:1:0;2:19:1:1");
	must_fail(x, cut(x, "2g.20gb", 1, &card), ERROR_FAILED,
		  "removing GPU instance 2 (1g.10gb) of " A100 ": it is in use");
	assert_instances(&card, 1, "1g.10gb");
	set(x, A100, "instances", "2:19:1:0");
	must(x, cut(x, "2g.20gb", 1, &card));
	assert_instances(&card, 1, "2g.20gb");
}

static void test_mode(void **state)
{
	struct ctx *x = *state;
	struct nvml_card card;
	set(x, A100, "activation", "19"); /* processes use the card */
	must_fail(x, cut(x, "1g.10gb", 1, &card), ERROR_FAILED, "switching MIG on: it is in use");
	set(x, A100, "pending", "0");
	set(x, A100, "activation", "16");
	must_fail(x, cut(x, "1g.10gb", 1, &card), ERROR_FAILED, "switching MIG on: the card has to be reset first");
	assert_true(card.mig == 0 && card.mig_pending == 1);
	must_fail(x, cut(x, "1g.10gb", 1, &card), ERROR_FAILED, "nvidia-smi --gpu-reset -i " A100); /* not asked again */
	set(x, A100, "mig", "1");
	must(x, cut(x, "1g.10gb", 1, &card)); /* it was reset */
	must_fail(x, cut(x, NULL, 0, &card), ERROR_FAILED, "switching MIG off: the card has to be reset first");
	assert_true(card.mig == 1 && card.mig_pending == 0 && card.n_instances == 0);
}

static void test_room(void **state)
{
	struct ctx *x = *state;
	struct nvml_card card;
	set(x, A100, "profiles", "3g.40gb:9:3:3"); /* a driver that promises more than fits */
	must_fail(x, cut(x, "3g.40gb", 3, &card), ERROR_FAILED,
		  "2 of 3 instances of 3g.40gb were made: NVML: making a GPU instance: Insufficient Resources");
	assert_instances(&card, 2, "3g.40gb");
}

/* -- in an observation ------------------------------------------------------------------------------------------ */

static struct gpu_status *add_card(struct ctx *x, struct objects *have, const char *address, const char *driver)
{
	struct gpu_status *s = observed(x->arena, have, KIND_GPU, address)->status;
	s->address = address;
	s->vendor = "10de";
	s->driver = driver;
	return s;
}

static void test_observe(void **state)
{
	struct ctx *x = *state;
	struct host_tree tree = host_tree_at(x->arena, NULL, NULL), other = host_tree_at(x->arena, NULL, "/elsewhere");
	struct observe_input in = { .host = "h1", .tree = &other, .helper = x->h };
	struct objects *have = objects_new(x->arena);
	struct host_status *host = observed(x->arena, have, KIND_HOST, "h1")->status;
	struct gpu_status *a = add_card(x, have, A100, "vfio-pci"), *b = add_card(x, have, A4000, NULL);
	set(x, A100, "mig", "1");
	set(x, A100, "pending", "0");
	set(x, A100, "instances", "1:19:1:0");
	observe_nvml(x->arena, &in, have);
	in.tree = &tree;
	observe_nvml(x->arena, &in, have);
	assert_int_equal(helper_pid(x->h), 0); /* nobody to ask about */
	a->driver = b->driver = "nvidia";
	observe_nvml(x->arena, &in, have);
	assert_string_equal(a->board_serial, "1324821070001");
	assert_true(a->ecc == 1 && a->mig.enabled == 1 && a->mig.pending == 0 && a->mig.instances.n == 1);
	assert_string_equal(LIST_AT(a->mig.instances, struct gpu_mig_instance, 0)->profile, "1g.10gb");
	assert_true(!b->board_serial && b->ecc == -1 && b->mig.enabled == -1 && b->mig.pending == -1);
	assert_string_equal(host->nvidia_driver, "550.54.15");
	assert_null(host->nvml_trouble);
	a->address = "0000:01:00.0";
	set(x, "nvml", "list", "4");
	observe_nvml(x->arena, &in, have);
	assert_string_equal(host->nvml_trouble, "0000:01:00.0: Not Found");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main();
	const struct CMUnitTest tests[] = {
		TEST(test_read), TEST(test_load), TEST(test_one_lost), TEST(test_not_root), TEST(test_trouble), TEST(test_no_library),
		TEST(test_cut), TEST(test_no_such_profile), TEST(test_in_use), TEST(test_mode), TEST(test_room),
		TEST(test_observe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
