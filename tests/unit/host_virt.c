/* virt against test:///default, deadlines and the quarantine, and the embedded driver with a real QEMU. */
#include "base/arena.h"
#include "base/error.h"
#include "host/embed.h"
#include "host/reaper.h"
#include "host/virt_call.h"
#include <glib/gstdio.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 20000 };

struct ctx {
	struct virt *v;
	struct arena *arena;
	GString *events;
	GError *error;
};

static void note_event(const struct virt_id *id, const char *event, gpointer user)
{
	g_string_append_printf(((struct ctx *)user)->events, "%s:%s ", id->name, event);
}

static void note_device(const char *name, const char *event, gpointer user)
{
	g_string_append_printf(((struct ctx *)user)->events, "%s:%s ", name, event);
}

static void open_uri(struct ctx *x, const char *uri)
{
	struct virt_listener listener = { .domain_event = note_event, .device_event = note_device, .user = x };
	x->v = virt_open(uri, &listener, TIMEOUT_MS, &x->error);
	if (!x->v)
		fail_msg("%s", x->error->message);
}

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	x->events = g_string_new(NULL);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	virt_close(x->v, 1000);
	arena_free(x->arena);
	g_string_free(x->events, TRUE);
	g_clear_error(&x->error);
	g_free(x);
	return 0;
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

static void iterate(guint ms)
{
	gint64 until = g_get_monotonic_time() + ms * 1000;
	while (g_get_monotonic_time() < until) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
}

static const struct virt_id WEB = { "web-1", "3f2504e0-4f89-11d3-9a0c-0305e82c3301" };
static const char WEB_XML[] = "<domain type='test'><name>web-1</name><uuid>3f2504e0-4f89-11d3-9a0c-0305e82c3301</uuid>"
			      "<memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>";

static const struct virt_domain *find(const struct virt_domains *all, const char *name)
{
	for (guint i = 0; i < all->n; i++)
		if (strcmp(all->list[i].name, name) == 0)
			return &all->list[i];
	return NULL;
}

static void test_life_of_a_domain(void **state)
{
	struct ctx *x = *state;
	struct virt_domains all;
	open_uri(x, "test:///default");
	must(x, virt_define(x->v, &WEB, WEB_XML, TIMEOUT_MS, &x->error));
	must(x, virt_list(x->v, x->arena, TIMEOUT_MS, &all, &x->error));
	const struct virt_domain *d = find(&all, "web-1");
	assert_non_null(d);
	assert_string_equal(d->uuid, WEB.uuid);
	assert_int_equal(d->state, VIRT_SHUT_OFF);
	assert_null(d->active_xml);
	assert_non_null(strstr(d->inactive_xml, "<name>web-1</name>"));
	must(x, virt_start(x->v, &WEB, TIMEOUT_MS, &x->error));
	must(x, virt_start(x->v, &WEB, TIMEOUT_MS, &x->error)); /* again */
	must(x, virt_list(x->v, x->arena, TIMEOUT_MS, &all, &x->error));
	d = find(&all, "web-1");
	assert_int_equal(d->state, VIRT_RUNNING);
	assert_true(d->active && d->persistent && !d->autostart);
	assert_non_null(strstr(d->active_xml, "id="));
	struct virt_domain one;
	must(x, virt_look(x->v, x->arena, "web-1", TIMEOUT_MS, &one, &x->error));
	assert_string_equal(one.uuid, WEB.uuid);
	assert_string_equal(one.active_xml, d->active_xml);
	assert_string_equal(one.inactive_xml, d->inactive_xml);
	assert_true(one.state == VIRT_RUNNING && one.active && one.persistent && !one.autostart);
	must(x, virt_look(x->v, x->arena, "web-2", TIMEOUT_MS, &one, &x->error));
	assert_null(one.name);
	must(x, virt_stop(x->v, &WEB, 1000, TIMEOUT_MS, &x->error));
	must(x, virt_stop(x->v, &WEB, 0, TIMEOUT_MS, &x->error)); /* again */
	must(x, virt_stop(x->v, &WEB, 500, TIMEOUT_MS, &x->error));
	must(x, virt_undefine(x->v, &WEB, FALSE, TIMEOUT_MS, &x->error));
	must(x, virt_undefine(x->v, &WEB, FALSE, TIMEOUT_MS, &x->error)); /* again */
	must_fail(x, virt_start(x->v, &WEB, TIMEOUT_MS, &x->error), ERROR_NOT_FOUND,
		  "starting web-1: Domain not found");
	iterate(50);
	assert_non_null(strstr(x->events->str, "web-1:defined"));
	assert_non_null(strstr(x->events->str, "web-1:started"));
	assert_non_null(strstr(x->events->str, "web-1:stopped"));
	assert_non_null(strstr(x->events->str, "web-1:undefined"));
}

static void test_errors(void **state)
{
	struct ctx *x = *state;
	assert_null(virt_open("nothing:///here", NULL, TIMEOUT_MS, &x->error));
	must_fail(x, FALSE, ERROR_AWAY, "opening nothing:///here: ");
	assert_null(virt_open("qemu:///embed?root=here", NULL, TIMEOUT_MS, &x->error));
	must_fail(x, FALSE, ERROR_INVALID, "absolute DIR");
	open_uri(x, "test:///default");
	must_fail(x, virt_define(x->v, &WEB, "<domain", TIMEOUT_MS, &x->error), ERROR_INVALID, "defining web-1: ");
	struct virt_id other = { "web-1", "00000000-4f89-11d3-9a0c-0305e82c3301" };
	must_fail(x, virt_define(x->v, &other, WEB_XML, TIMEOUT_MS, &x->error), ERROR_INVALID, "has UUID 3f2504e0");
}

static void test_describe(void **state)
{
	struct ctx *x = *state;
	struct virt_about about;
	open_uri(x, "test:///default");
	must(x, virt_describe(x->v, x->arena, TIMEOUT_MS, &about, &x->error));
	assert_string_equal(about.hypervisor, "TEST");
	assert_false(about.has_kvm);
	assert_non_null(strstr(about.capabilities_xml, "<capabilities>"));
	print_message("libvirt %s, host %s\n", about.libvirt_version, about.hostname);
}

/* -- calls that hang ------------------------------------------------------------------------- */

static GMutex gate_lock;
static GCond gate_cond;
static gboolean gate_open;
static gint n_freed;

static gpointer run_hang(virConnectPtr connection, gpointer data, GError **error)
{
	(void)connection, (void)error;
	g_mutex_lock(&gate_lock);
	while (!gate_open)
		g_cond_wait(&gate_cond, &gate_lock);
	g_mutex_unlock(&gate_lock);
	return data;
}

static gpointer run_fast(virConnectPtr connection, gpointer data, GError **error)
{
	(void)connection, (void)error;
	return data;
}

static void count_free(gpointer data)
{
	(void)data;
	g_atomic_int_inc(&n_freed);
}

static void set_gate(gboolean is_open)
{
	g_mutex_lock(&gate_lock);
	gate_open = is_open;
	g_cond_broadcast(&gate_cond);
	g_mutex_unlock(&gate_lock);
}

static gboolean call(struct ctx *x, const char *object, virt_func run, gint64 timeout_ms)
{
	struct virt_job job = { .what = "poking",
				.name = object,
				.object = object,
				.run = run,
				.data = &n_freed,
				.data_free = count_free,
				.result_free = count_free };
	return virt_call(x->v, &job, timeout_ms, NULL, &x->error);
}

enum { N_CALLS = 16 }; /* that may be stuck at once */

static void test_quarantine(void **state)
{
	struct ctx *x = *state;
	open_uri(x, "test:///default");
	set_gate(FALSE);
	gint64 before = g_get_monotonic_time();
	must_fail(x, call(x, "a", run_hang, 100), ERROR_TIMEOUT, "poking a: libvirt did not answer in 100 ms");
	gint64 us = g_get_monotonic_time() - before;
	assert_true(us >= 100000 && us < 300000);
	assert_int_equal(virt_count_stuck(x->v), 1);
	must_fail(x, call(x, "a", run_fast, 100), ERROR_AWAY, "still busy with poking a");
	must(x, call(x, "b", run_fast, 1000));
	for (guint i = 0; i < N_CALLS - 1; i++) {
		g_autofree char *name = g_strdup_printf("c%u", i);
		must_fail(x, call(x, name, run_hang, 20), ERROR_TIMEOUT, "did not answer");
	}
	must_fail(x, call(x, "d", run_fast, 50), ERROR_TIMEOUT, "no libvirt call got a turn");
	assert_int_equal(virt_count_stuck(x->v), N_CALLS);
	set_gate(TRUE);
	iterate(50);
	assert_int_equal(virt_count_stuck(x->v), 0);
	must(x, call(x, "a", run_fast, 1000));
	must(x, call(x, "d", run_fast, 1000));
}

/* -- other threads ----------------------------------------------------------------------------- */

struct other {
	struct ctx *x;
	const char *object;
	virt_func run;
	gint64 timeout_ms, took_us;
	gboolean done;
	GError *error;
	GThread *thread;
};

static gpointer call_elsewhere(gpointer data)
{
	struct other *o = data;
	struct virt_job job = { .what = "poking", .name = o->object, .object = o->object, .run = o->run, .data = &n_freed };
	gint64 before = g_get_monotonic_time();
	o->done = virt_call(o->x->v, &job, o->timeout_ms, NULL, &o->error);
	o->took_us = g_get_monotonic_time() - before;
	return NULL;
}

static struct other other_start(struct ctx *x, const char *object, virt_func run, gint64 timeout_ms)
{
	return (struct other){ .x = x, .object = object, .run = run, .timeout_ms = timeout_ms };
}

/* Nobody iterates the main context meanwhile. */
static void test_other_threads(void **state)
{
	struct ctx *x = *state;
	open_uri(x, "test:///default");
	set_gate(FALSE);
	struct other stuck = other_start(x, "a", run_hang, 100), after = other_start(x, "a", run_fast, 1000);
	struct other free_one = other_start(x, "b", run_fast, 1000);
	struct other *all[] = { &stuck, &after, &free_one };
	for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
		all[i]->thread = g_thread_new("other", call_elsewhere, all[i]);
		g_usleep(20000);
	}
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		g_thread_join(all[i]->thread);
	assert_false(stuck.done || after.done);
	assert_true(g_error_matches(stuck.error, CLEAVE_ERROR, ERROR_TIMEOUT));
	/* One that waits for its turn is told as soon as there will be none. */
	assert_true(g_error_matches(after.error, CLEAVE_ERROR, ERROR_AWAY) && after.took_us < 500000);
	assert_true(free_one.done && free_one.took_us < 80000);
	assert_int_equal(virt_count_stuck(x->v), 1);
	set_gate(TRUE);
	g_usleep(50000);
	assert_int_equal(virt_count_stuck(x->v), 0);
	g_clear_error(&stuck.error);
	g_clear_error(&after.error);
}

/* One call an object at a time: the second has its turn when the first has returned. */
static void test_same_object(void **state)
{
	struct ctx *x = *state;
	open_uri(x, "test:///default");
	set_gate(FALSE);
	struct other first = other_start(x, "a", run_hang, 5000);
	first.thread = g_thread_new("other", call_elsewhere, &first);
	g_usleep(20000);
	struct other second = other_start(x, "a", run_fast, 5000);
	second.thread = g_thread_new("other", call_elsewhere, &second);
	g_usleep(50000);
	set_gate(TRUE);
	must(x, call(x, "a", run_fast, 5000));
	g_thread_join(first.thread);
	g_thread_join(second.thread);
	assert_true(first.done && second.done && second.took_us >= 40000);
}

static void test_close_with_a_stuck_call(void **state)
{
	struct ctx *x = *state;
	open_uri(x, "test:///default");
	set_gate(FALSE);
	g_atomic_int_set(&n_freed, 0);
	must_fail(x, call(x, "a", run_hang, 20), ERROR_TIMEOUT, "did not answer");
	gint64 before = g_get_monotonic_time();
	virt_close(x->v, 100);
	x->v = NULL;
	assert_true(g_get_monotonic_time() - before < 500000);
	assert_int_equal(g_atomic_int_get(&n_freed), 0);
	set_gate(TRUE);
	for (guint i = 0; i < 1000 && g_atomic_int_get(&n_freed) < 2; i++)
		iterate(20);
	assert_int_equal(g_atomic_int_get(&n_freed), 2); /* data and result, by the pool */
}

static void test_cost(void **state)
{
	struct ctx *x = *state;
	open_uri(x, "test:///default");
	gint64 before = g_get_monotonic_time();
	for (guint i = 0; i < 1000; i++)
		must(x, call(x, "a", run_fast, 1000));
	print_message("one call through the pool: %.1f us\n", (double)(g_get_monotonic_time() - before) / 1000);
}

/* -- embedded QEMU --------------------------------------------------------------------------- */

static const struct virt_id TINY = { "cleave-tiny", "3f2504e0-4f89-11d3-9a0c-0305e82c3399" };
static const char TINY_XML[] =
	"<domain type='qemu'><name>cleave-tiny</name><uuid>3f2504e0-4f89-11d3-9a0c-0305e82c3399</uuid>"
	"<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>"
	"<features><acpi/></features><on_poweroff>destroy</on_poweroff><devices><controller type='usb' model='none'/>"
	"<memballoon model='none'/></devices></domain>";

static double since(gint64 *before)
{
	gint64 now = g_get_monotonic_time();
	double ms = (double)(now - *before) / 1000;
	*before = now;
	return ms;
}

static void run_tiny(struct ctx *x)
{
	struct virt_domains all;
	gint64 t = g_get_monotonic_time();
	must(x, virt_define(x->v, &TINY, TINY_XML, 60000, &x->error));
	double define = since(&t);
	must(x, virt_start(x->v, &TINY, TIMEOUT_MS, &x->error));
	double start = since(&t);
	must(x, virt_list(x->v, x->arena, TIMEOUT_MS, &all, &x->error));
	double list = since(&t);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.list[0].state, VIRT_RUNNING);
	assert_non_null(all.list[0].inactive_xml);
	must(x, virt_stop(x->v, &TINY, 300, TIMEOUT_MS, &x->error)); /* no system in it: falls through to destroy */
	double stop = since(&t);
	must(x, virt_undefine(x->v, &TINY, FALSE, TIMEOUT_MS, &x->error));
	print_message("embedded: define %.0f, start %.0f, list %.1f, stop (300 of grace) %.0f, undefine %.1f ms\n",
		      define, start, list, stop, since(&t));
}

/* In another process: this one's driver is open. */
static void refuse_second_opener(const char *uri)
{
	const char *argv[] = { "/proc/self/exe", uri, NULL };
	g_autofree char *err = NULL;
	gint status;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &err, &status,
				 NULL));
	if (g_spawn_check_wait_status(status, NULL) || !strstr(err, "it serves one at a time"))
		fail_msg("second opener: %s", err);
}

static int open_second(const char *uri)
{
	g_autoptr(GError) error = NULL;
	struct virt *v = virt_open(uri, NULL, TIMEOUT_MS, &error);
	if (error)
		g_printerr("%s\n", error->message);
	virt_close(v, 100);
	return v ? 0 : 1;
}

static void test_embedded(void **state)
{
	struct ctx *x = *state;
	if (access("/usr/bin/qemu-system-x86_64", X_OK) != 0 || access("/usr/share/seabios/bios-256k.bin", R_OK) != 0) {
		print_message("skipped: no qemu-system-x86_64\n");
		skip();
	}
	if (geteuid() == 0 && !getpwnam("libvirt-qemu")) {
		print_message("skipped: root, but no user libvirt-qemu (made by libvirt-daemon-system)\n");
		skip();
	}
	g_autofree char *root = g_dir_make_tmp("cleave-virt-XXXXXX", NULL);
	g_autofree char *uri = g_strdup_printf("qemu:///embed?root=%s", root);
	g_autofree char *conf = g_build_filename(root, "etc/qemu.conf", NULL);
	gint64 t = g_get_monotonic_time();
	open_uri(x, uri);
	print_message("embedded: open %.0f ms\n", since(&t));
	run_tiny(x);
	refuse_second_opener(uri);
	struct virt_about about;
	must(x, virt_describe(x->v, x->arena, TIMEOUT_MS, &about, &x->error));
	print_message("%s %s, kvm %s\n", about.hypervisor, about.hypervisor_version, about.has_kvm ? "yes" : "no");
	iterate(100);
	assert_non_null(strstr(x->events->str, "cleave-tiny:stopped"));
	virt_close(x->v, 1000);
	x->v = NULL;
	assert_true(g_file_set_contents(conf, "stdio_handler = \"file\"\n", -1, NULL));
	must(x, virt_embed_prepare(uri, &x->error));
	g_autofree char *text = NULL;
	assert_true(g_file_get_contents(conf, &text, NULL, NULL));
	assert_string_equal(text, "stdio_handler = \"file\"\n"); /* what is there is kept */
	const char *argv[] = { "/bin/rm", "-rf", "--", root, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
}

/* The test driver makes devices of one kind only. */
static const char HBA_XML[] = "<device><parent>scsi_host1</parent><capability type='scsi_host'>"
			      "<capability type='fc_host'><wwnn>2000000012341234</wwnn><wwpn>1000000012341234</wwpn>"
			      "</capability></capability></device>";

static gpointer run_device(virConnectPtr connection, gpointer data, GError **error)
{
	(void)data;
	virNodeDevicePtr device = virNodeDeviceCreateXML(connection, HBA_XML, 0);
	if (!device)
		return virt_fail(error);
	int e = virNodeDeviceDestroy(device);
	virNodeDeviceFree(device);
	return e == 0 ? connection : virt_fail(error);
}

static void test_device_events(void **state)
{
	struct ctx *x = *state;
	struct virt_job job = { .what = "making a device", .object = "device", .run = run_device };
	open_uri(x, "test:///default");
	must(x, virt_call(x->v, &job, TIMEOUT_MS, NULL, &x->error));
	iterate(100);
	const char *created = strstr(x->events->str, ":created "), *deleted = strstr(x->events->str, ":deleted ");
	assert_true(created && deleted && created < deleted);
	assert_true(g_str_has_prefix(x->events->str, "scsi_host"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	int status;
	if (argc == 2)
		return open_second(argv[1]);
	if (!reaper_split(&status))
		return status;
	const struct CMUnitTest tests[] = {
		TEST(test_life_of_a_domain),        TEST(test_errors), TEST(test_describe), TEST(test_quarantine),
		TEST(test_close_with_a_stuck_call), TEST(test_other_threads), TEST(test_same_object), TEST(test_cost),
		TEST(test_embedded),
		TEST(test_device_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
