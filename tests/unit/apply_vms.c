/* The life of VMs against libvirt's test driver and a Redis of the test's own: what is remembered of them, drains, homes,
 * moves, prunes, and domains that cleave takes over and lets go of. */
#include "apply/own_vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/virt.h"
#include "host/vm_records.h"
#include "observe/observe.h"
#include "queue/crew.h"
#include "queue/drain.h"
#include "queue/homes.h"
#include "queue/redis.h"
#include "redis_fixture.h"
#include "spec/farm.h"
#include "spec/host.h"
#include "spec/load.h"
#include "spec/vm.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 20000 };

struct bench {
	struct redis_fixture *f;
	struct redis *r;
	struct arena *a;
	struct virt *v;
	char *state;
	struct vm_records *records;
	const char *revision;
};

static struct bench bench_new(void **state)
{
	struct bench b = { .f = redis_fixture_of(state), .a = arena_new(), .revision = "one" };
	b.r = redis_new(b.f->url, NULL, 2000, NULL);
	b.v = virt_open("test:///default", NULL, TIMEOUT_MS, NULL);
	b.state = g_dir_make_tmp("cleave-life-XXXXXX", NULL);
	b.records = vm_records_new(b.state);
	assert_non_null(b.v);
	return b;
}

static void remove_file(struct bench *b, const char *name)
{
	g_autofree char *path = g_build_filename(b->state, "vm-records", name, NULL);
	g_remove(path);
}

static void bench_free(struct bench *b)
{
	remove_file(b, "v.json");
	remove_file(b, "");
	g_rmdir(b->state);
	vm_records_free(b->records);
	virt_close(b->v, TIMEOUT_MS);
	redis_free(b->r);
	arena_free(b->a);
	g_free(b->state);
}

/* -- specs, plans ------------------------------------------------------------------------------------------------- */

static struct objects *want(struct bench *b, const char *host, const char *vm, const char *policy)
{
	g_autofree char *text = g_strdup_printf("apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec: {redis: {url: \"redis://h\"}, roots: {frames: {path: /f}}%s}\n"
						"---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {%s}\n"
						"---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h2}\nspec: {}\n%s",
						policy, host, vm ? "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v}\nspec: " : "");
	const char *whole = arena_printf(b->a, "%s%s\n", text, vm ? vm : "");
	struct spec_file file = { .path = "s.yaml", .bytes = whole, .size = strlen(whole) };
	struct problems problems;
	problems_init(&problems, b->a);
	struct objects *objects = spec_load(b->a, &file, 1, &problems);
	if (problems.n_errors)
		fail_msg("%s", g_array_index(problems.list, struct problem, 0).message);
	problems_clear(&problems);
	return objects;
}
#define RUNNING "{host: h1, memory: 1GiB, accelerator: tcg, boot: {kernel: /k}}"
#define LARGER "{host: h1, memory: 2GiB, accelerator: tcg, boot: {kernel: /k}}"
#define STOPPED "{host: h1, state: stopped, memory: 1GiB, accelerator: tcg, boot: {kernel: /k}}"
#define ELSEWHERE "{host: h2, memory: 1GiB, accelerator: tcg, boot: {kernel: /k}}"

static struct objects *observe_all(struct bench *b, const struct objects *wanted)
{
	struct objects *have = objects_new(b->a);
	struct observe_input in = { .host = "h1", .want = wanted, .virt = b->v, .records = b->records, .redis = b->r, .claims = TRUE };
	struct host_status *host = observed(b->a, have, KIND_HOST, "h1")->status;
	struct farm_status *farm = observed(b->a, have, KIND_FARM, "f")->status;
	host->observed_at = vm_records_now(b->a);
	farm->redis = PLANE_OK;
	observe_vms(b->a, &in, have);
	observe_homes(b->a, &in, have);
	observe_workers(b->a, &in, have);
	objects_sort(have);
	return have;
}

static struct plan *look(struct bench *b, const struct objects *wanted)
{
	struct plan_input in = { .host = "h1", .revision = b->revision, .want = wanted, .have = observe_all(b, wanted), .is_attended = TRUE };
	return plan_build(b->a, &in);
}

static struct apply_input input_of(struct bench *b, const struct plan *p)
{
	return (struct apply_input){ .arena = b->a, .plan = p, .virt = b->v, .records = b->records, .redis = b->r, .state = b->state };
}

/* The words of a plan's verbs, in order. */
static void assert_plans(const struct plan *p, const char *expected)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < p->n_actions; i++)
		g_string_append_printf(s, "%s%s", i ? " " : "", verbs[p->actions[i].verb].name);
	assert_string_equal(s->str, expected);
}

static struct outcomes apply(struct bench *b, const struct plan *p)
{
	struct outcomes outcomes;
	struct apply_input in = input_of(b, p);
	g_autoptr(GError) error = NULL;
	if (!apply_plan(&in, &outcomes, &error))
		fail_msg("%s", error->message);
	return outcomes;
}

static void reach(struct bench *b, const struct objects *wanted, const char *expected)
{
	const struct plan *p = look(b, wanted);
	assert_plans(p, expected);
	struct outcomes all = apply(b, p);
	for (guint i = 0; i < all.n; i++)
		if (all.items[i].state != OUTCOME_DONE)
			fail_msg("%s: %s", verbs[p->actions[i].verb].name, all.items[i].message);
}

static const struct vm_status *status_of(struct bench *b, const struct objects *wanted)
{
	const struct object *o = objects_get(observe_all(b, wanted), KIND_VM, "v");
	return o ? o->status : NULL;
}

static struct virt_id id_of(struct bench *b, const struct objects *wanted)
{
	return (struct virt_id){ "v", status_of(b, wanted)->uuid };
}

static const char *home_of_vm(struct bench *b)
{
	const char *const names[] = { "v" };
	const char *home;
	assert_true(home_list(b->r, b->a, names, 1, &home, NULL));
	return home;
}

static void report_worker(struct bench *b, const char *uuid, const char *job)
{
	const struct crew_member m = { .name = "w", .uuid = uuid, .blender = "4.2.3", .job = job, .state = job ? "rendering" : "idle" };
	assert_true(crew_report(b->r, &m, NULL));
}

static guint count_drained(struct bench *b)
{
	struct drained *all;
	guint n;
	assert_true(drain_list(b->r, b->a, &all, &n, NULL));
	return n;
}

/* -- records ------------------------------------------------------------------------------------------------------ */

static void test_records(void **state)
{
	struct bench b = bench_new(state);
	const struct vm_record r = { "u", "running", "2024-05-06T07:08:09Z", "2024-05-06T07:08:08Z", "one", 3, NULL, NULL, "0123456789abcdef" };
	struct vm_record found;
	assert_false(vm_records_find(b.records, b.a, "v", "u", &found));
	assert_true(vm_records_save(b.records, "v", &r, NULL));
	assert_true(vm_records_find(b.records, b.a, "v", "u", &found));
	assert_string_equal(found.since, r.since);
	assert_string_equal(found.started_revision, "one");
	assert_int_equal(found.n_short_runs, 3);
	assert_null(found.draining_since);
	/* another domain of that name */
	assert_false(vm_records_find(b.records, b.a, "v", "other", &found));
	assert_null(found.since);
	assert_true(vm_records_forget(b.records, "v", NULL));
	assert_true(vm_records_forget(b.records, "v", NULL));
	assert_false(vm_records_find(b.records, b.a, "v", "u", &found));
	bench_free(&b);
}

static void test_records_refuse(void **state)
{
	struct bench b = bench_new(state);
	static const char *const names[] = { "", ".", "../v", "a/b", ".hidden", "v\n", "\xc3\xa4" };
	static const char *const texts[] = { "", "[]", "{", "{\"uuid\": 1}", "{\"uuid\": \"u\", \"shortRuns\": -1}", "{\"uuid\": \"u\", \"shortRuns\": \"x\"}",
					     "{\"uuid\": \"u\", \"since\": {}}" };
	const struct vm_record r = { .uuid = "u" };
	struct vm_record found;
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		GError *error = NULL;
		assert_false(vm_records_save(b.records, names[i], &r, &error));
		assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_INVALID));
		g_error_free(error);
		assert_false(vm_records_find(b.records, b.a, names[i], "u", &found));
	}
	assert_true(vm_records_save(b.records, "v", &r, NULL));
	g_autofree char *path = g_build_filename(b.state, "vm-records", "v.json", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		assert_true(g_file_set_contents(path, texts[i], -1, NULL));
		assert_false(vm_records_find(b.records, b.a, "v", "u", &found));
	}
	g_autofree char *large = g_strdup_printf("{\"uuid\": \"u\", \"x\": \"%05000d\"}", 0);
	assert_true(g_file_set_contents(path, large, -1, NULL));
	assert_false(vm_records_find(b.records, b.a, "v", "u", &found));
	assert_true(vm_records_save(b.records, "v", &r, NULL));
	assert_true(vm_records_find(b.records, b.a, "v", "u", &found));
	bench_free(&b);
}

/* -- runs --------------------------------------------------------------------------------------------------------- */

static void test_runs(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *running = want(&b, "", RUNNING, ""), *stopped = want(&b, "", STOPPED, "");
	reach(&b, running, "define-vm start-vm");
	const struct vm_status *s = status_of(&b, running);
	assert_string_equal(s->history.started_revision, "one");
	assert_non_null(s->history.started_at);
	assert_string_equal(s->since, s->history.started_at);
	assert_string_equal(home_of_vm(&b), "h1");
	/* By hand: started again at once, and it is no short run. */
	const struct virt_id id = id_of(&b, running);
	assert_true(virt_stop(b.v, &id, 0, TIMEOUT_MS, NULL));
	s = status_of(&b, running);
	assert_string_equal(s->reason, "destroyed");
	const struct plan *p = look(&b, running);
	assert_non_null(strstr(plan_verdict(p, KIND_VM, "v")->message, "state: stopped"));
	reach(&b, running, "start-vm");
	assert_int_equal(status_of(&b, running)->history.n_short_runs, 0);
	/* It powers off (the test driver's does at once): started again, once; then that waits, and counts. */
	assert_true(virt_stop(b.v, &id, 5000, TIMEOUT_MS, NULL));
	assert_string_equal(status_of(&b, running)->reason, "shutdown");
	reach(&b, running, "start-vm");
	assert_int_equal(status_of(&b, running)->history.n_short_runs, 1);
	assert_true(virt_stop(b.v, &id, 5000, TIMEOUT_MS, NULL));
	p = look(&b, running);
	assert_plans(p, "");
	assert_string_equal(plan_verdict(p, KIND_VM, "v")->reason, "BackOff");
	assert_true(p->wake_ms > 0 && p->wake_ms <= 10000);
	b.revision = "two";
	reach(&b, running, "start-vm");
	assert_int_equal(status_of(&b, running)->history.n_short_runs, 0);
	/* By cleave: that run is over, and not held against it. */
	reach(&b, stopped, "stop-vm");
	assert_null(status_of(&b, stopped)->history.started_at);
	reach(&b, running, "start-vm");
	bench_free(&b);
}

static void test_crash_loop_is_approved(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *running = want(&b, "", RUNNING, "");
	reach(&b, running, "define-vm start-vm");
	const struct virt_id id = id_of(&b, running);
	struct vm_record r;
	assert_true(vm_records_find(b.records, b.a, "v", id.uuid, &r));
	r.n_short_runs = 4;
	assert_true(vm_records_save(b.records, "v", &r, NULL));
	assert_true(virt_stop(b.v, &id, 5000, TIMEOUT_MS, NULL));
	const struct plan *p = look(&b, running);
	assert_plans(p, "");
	assert_string_equal(plan_verdict(p, KIND_VM, "v")->reason, "CrashLoop");
	const struct apply_input in = input_of(&b, p);
	assert_true(approve_vm(&in, "v", NULL));
	reach(&b, running, "start-vm");
	bench_free(&b);
}

/* -- drains ------------------------------------------------------------------------------------------------------- */

static void test_drain(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *running = want(&b, "", RUNNING, ""), *larger = want(&b, "", LARGER, "");
	reach(&b, running, "define-vm start-vm");
	const struct virt_id id = id_of(&b, running);
	report_worker(&b, id.uuid, "p/j");
	reach(&b, larger, "drain-vm define-vm");
	assert_int_equal(count_drained(&b), 1);
	assert_non_null(status_of(&b, larger)->history.draining_since);
	assert_plans(look(&b, larger), "");
	/* Taken back. */
	reach(&b, running, "define-vm undrain-vm");
	assert_int_equal(count_drained(&b), 0);
	reach(&b, larger, "drain-vm define-vm");
	report_worker(&b, id.uuid, NULL);
	reach(&b, larger, "stop-vm start-vm");
	assert_int_equal(count_drained(&b), 0);
	assert_null(status_of(&b, larger)->history.draining_since);
	assert_true(status_of(&b, larger)->live.memory_bytes == 2 * GiB);
	bench_free(&b);
}

/* Idle when it was planned, and at work before it was told. */
static void test_worker_begins(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *running = want(&b, "", RUNNING, ""), *larger = want(&b, "", LARGER, "");
	reach(&b, running, "define-vm start-vm");
	const struct virt_id id = id_of(&b, running);
	report_worker(&b, id.uuid, NULL);
	const struct plan *p = look(&b, larger);
	assert_plans(p, "drain-vm stop-vm define-vm start-vm");
	report_worker(&b, id.uuid, "p/j");
	struct outcomes all = apply(&b, p);
	assert_int_equal(all.items[0].state, OUTCOME_DONE);
	assert_int_equal(all.items[1].state, OUTCOME_FAILED);
	assert_non_null(strstr(all.items[1].message, "begun a frame"));
	assert_int_equal(status_of(&b, larger)->state, DOMAIN_RUNNING);
	p = look(&b, larger);
	assert_string_equal(plan_verdict(p, KIND_VM, "v")->reason, "Draining");
	bench_free(&b);
}

/* -- homes -------------------------------------------------------------------------------------------------------- */

static void test_move(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *here = want(&b, "", RUNNING, ""), *there = want(&b, "", ELSEWHERE, "");
	reach(&b, here, "define-vm start-vm");
	reach(&b, there, "stop-vm");
	assert_null(home_of_vm(&b));
	assert_non_null(status_of(&b, there)->history.left_at);
	const char *home;
	assert_true(home_take(b.r, b.a, "v", "h2", &home, NULL));
	/* And back, while the other has it. */
	const struct plan *p = look(&b, here);
	assert_plans(p, "");
	assert_string_equal(plan_verdict(p, KIND_VM, "v")->reason, "OnOtherHost");
	const struct apply_input in = input_of(&b, p);
	assert_true(approve_vm(&in, "v", NULL));
	reach(&b, here, "start-vm");
	assert_string_equal(home_of_vm(&b), "h1");
	assert_null(status_of(&b, here)->history.left_at);
	bench_free(&b);
}

/* Another host was faster than this one's plan. */
static void test_home_is_taken(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *here = want(&b, "", RUNNING, "");
	const char *home;
	const struct plan *p = look(&b, here);
	assert_plans(p, "define-vm start-vm");
	assert_true(home_take(b.r, b.a, "v", "h2", &home, NULL));
	struct outcomes all = apply(&b, p);
	assert_int_equal(all.items[0].state, OUTCOME_FAILED);
	assert_int_equal(all.items[1].state, OUTCOME_SKIPPED);
	assert_non_null(strstr(all.items[0].message, "h2 has it"));
	assert_null(status_of(&b, here)->host);
	bench_free(&b);
}

static void test_prune(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *here = want(&b, "", RUNNING, ""), *gone = want(&b, "", NULL, ", policy: {prune: true}");
	reach(&b, here, "define-vm start-vm");
	const struct virt_id id = id_of(&b, here);
	struct vm_record r;
	reach(&b, gone, "stop-vm undefine-vm");
	assert_null(status_of(&b, gone));
	assert_null(home_of_vm(&b));
	assert_false(vm_records_find(b.records, b.a, "v", id.uuid, &r));
	assert_plans(look(&b, gone), "");
	bench_free(&b);
}

static void test_drained_host(void **state)
{
	struct bench b = bench_new(state);
	const struct objects *active = want(&b, "", RUNNING, ""), *cordoned = want(&b, "state: cordoned", RUNNING, ""),
			     *drained = want(&b, "state: drained", RUNNING, "");
	reach(&b, active, "define-vm start-vm");
	report_worker(&b, id_of(&b, active).uuid, NULL);
	reach(&b, cordoned, "drain-vm");
	assert_int_equal(count_drained(&b), 1);
	assert_plans(look(&b, cordoned), "");
	reach(&b, drained, "stop-vm");
	assert_plans(look(&b, drained), "");
	assert_plans(look(&b, cordoned), ""); /* what is off stays off */
	reach(&b, active, "start-vm");
	assert_int_equal(count_drained(&b), 0);
	bench_free(&b);
}

/* -- domains of others -------------------------------------------------------------------------------------------- */

static void test_adopt_and_release(void **state)
{
	struct bench b = bench_new(state);
	static const struct virt_id foreign = { "v", "0d6b8a1c-5f0e-4c4f-9b1a-0123456789ab" };
	static const char xml[] = "<domain type='qemu'><name>v</name><uuid>0d6b8a1c-5f0e-4c4f-9b1a-0123456789ab</uuid>"
				  "<memory unit='MiB'>512</memory><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>";
	const struct objects *running = want(&b, "", RUNNING, "");
	assert_true(virt_define(b.v, &foreign, xml, TIMEOUT_MS, NULL));
	assert_true(virt_start(b.v, &foreign, TIMEOUT_MS, NULL));
	const struct plan *p = look(&b, running);
	assert_plans(p, "");
	assert_true(plan_verdict(p, KIND_VM, "v")->is_refused);
	assert_non_null(strstr(plan_verdict(p, KIND_VM, "v")->message, "cleave adopt v"));
	const struct apply_input in = input_of(&b, p);
	assert_false(release_vm(&in, "v", NULL));
	assert_true(adopt_vm(&in, "v", NULL));
	assert_true(adopt_vm(&in, "v", NULL));
	const struct vm_status *s = status_of(&b, running);
	assert_string_equal(s->owner, "f");
	assert_int_equal(s->state, DOMAIN_RUNNING);
	assert_true(s->defined.memory_bytes == 512 * MiB);
	/* The next pass makes it what the spec says, under the UUID that it had. */
	reach(&b, running, "stop-vm define-vm start-vm");
	s = status_of(&b, running);
	assert_string_equal(s->uuid, foreign.uuid);
	assert_true(s->live.memory_bytes == GiB);
	assert_true(release_vm(&in, "v", NULL));
	s = status_of(&b, running);
	assert_null(s->owner);
	assert_int_equal(s->state, DOMAIN_RUNNING);
	assert_null(home_of_vm(&b));
	assert_true(plan_verdict(look(&b, running), KIND_VM, "v")->is_refused);
	assert_false(adopt_vm(&in, "nobody", NULL));
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records), cmocka_unit_test(test_records_refuse),
		cmocka_unit_test(test_runs), cmocka_unit_test(test_crash_loop_is_approved),
		cmocka_unit_test(test_drain), cmocka_unit_test(test_worker_begins),
		cmocka_unit_test(test_move), cmocka_unit_test(test_home_is_taken),
		cmocka_unit_test(test_prune), cmocka_unit_test(test_drained_host),
		cmocka_unit_test(test_adopt_and_release),
	};
	return cmocka_run_group_tests_name("apply vms", tests, redis_fixture_setup, redis_fixture_teardown);
}
