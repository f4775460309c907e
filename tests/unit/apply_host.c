/* Verbs on Hosts below a temporary root: each write that they make fails in each way, which is told as it is,
 * and the next pass converges.
 *
 * The program is its own helper (`apply_host helper`), whose writes go wrong where DESK/fault says: "3 EIO" is the
 * third, "3 +EIO" the third after it took effect. DESK/writes has a line a write; DESK/room is what a node has room
 * for. Programs do not run with another root than /; tests/e2e/boot runs them. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/boot.h"
#include "host/facts.h"
#include "host/hands.h"
#include "host/hands_main.h"
#include "host/helper.h"
#include "observe/observe.h"
#include "spec/boot.h"
#include "spec/farm.h"
#include "spec/load.h"
#include "tools/killed.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* -- the helper ---------------------------------------------------------------------------------------------- */

static char *desk_path(const char *name)
{
	return g_build_filename(g_getenv("DESK"), name, NULL);
}

static char *desk_read(const char *name)
{
	g_autofree char *path = desk_path(name);
	char *text = NULL;
	g_file_get_contents(path, &text, NULL, NULL);
	return text ? g_strchomp(text) : g_strdup("");
}

/* Counts a write and says what is wrong with it; "" = nothing. */
static char *next_fault(const json_t *request)
{
	g_autofree char *log = desk_read("writes"), *path = desk_path("writes"), *fault = desk_read("fault");
	g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
	guint n = *log ? g_strv_length(lines) + 1 : 1;
	const char *text = json_string_value(json_object_get(request, "text"));
	g_autofree char *base = g_path_get_basename(json_string_value(json_object_get(request, "path")));
	g_autofree char *line = g_strchomp(g_strdup_printf("%s %s", base, text && !strchr(text, ' ') ? text : "…"));
	g_autofree char *all = g_strdup_printf("%s%s%s\n", log, *log ? "\n" : "", line);
	g_file_set_contents(path, all, -1, NULL);
	char *end;
	gboolean is_mine = strtoul(fault, &end, 10) == n;
	return g_strdup(is_mine && *end == ' ' ? end + 1 : "");
}

static int errno_of(const char *word)
{
	static const struct {
		const char *name;
		int number;
	} all[] = { { "EBUSY", EBUSY }, { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EPERM", EPERM } };
	for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
		if (strcmp(word, all[i].name) == 0)
			return all[i].number;
	g_error("fault %s", word);
}

/* As the kernel does: it takes what there is room for. */
static void set_number(const json_t *request)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	g_autofree char *room = desk_read("room");
	gint64 asked = g_ascii_strtoll(json_string_value(json_object_get(request, "text")), NULL, 10);
	gint64 most = strstr(path, "/node1/") && *room ? g_ascii_strtoll(room, NULL, 10) : G_MAXINT;
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT "\n", MIN(asked, most));
	if (!g_file_set_contents(path, text, -1, NULL))
		g_error("%s", path);
}

static json_t *sim_write(const json_t *request, GError **error)
{
	g_autofree char *fault = next_fault(request);
	(void)error;
	if (!g_file_test(json_string_value(json_object_get(request, "path")), G_FILE_TEST_EXISTS))
		return json_pack("{s:i}", "errno", ENOENT);
	if (!*fault || *fault == '+')
		set_number(request);
	if (!*fault)
		return json_object();
	return strcmp(fault, "short") == 0 ? json_pack("{s:i}", "short", 1)
	                                   : json_pack("{s:i}", "errno", errno_of(fault + (*fault == '+')));
}

static json_t *sim_file(const json_t *request, json_t *(*act)(const json_t *, GError **), GError **error)
{
	g_autofree char *fault = next_fault(request);
	json_t *done = !*fault || *fault == '+' ? act(request, error) : NULL;
	if (!*fault)
		return done;
	json_decref(done);
	/* A file is written whole or not at all: half of it is a full disk. */
	int e = strcmp(fault, "short") == 0 ? ENOSPC : errno_of(fault + (*fault == '+'));
	fail_errno(error, e, "writing %s", json_string_value(json_object_get(request, "path")));
	return NULL;
}

static json_t *sim_put(const json_t *request, GError **error)
{
	return sim_file(request, hands_main_put, error);
}

static json_t *sim_remove(const json_t *request, GError **error)
{
	return sim_file(request, hands_main_remove, error);
}

static const struct helper_operation simulated[] = { { "write", sim_write }, { "put", sim_put }, { "remove", sim_remove } };

/* -- a host ------------------------------------------------------------------------------------------------------ */

struct ctx {
	struct arena *arena;
	char *dir;
	struct host_tree tree;
	struct hands hands;
	struct plan *plan;
	struct outcomes out;
};

static void put(struct ctx *x, const char *path, const char *text)
{
	g_autofree char *whole = g_build_filename(x->dir, path, NULL), *folder = g_path_get_dirname(whole);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	assert_true(g_file_set_contents(whole, text, -1, NULL));
}

static const char *get(struct ctx *x, const char *path)
{
	return host_read(x->arena, &x->tree, "%s", path);
}

#define PAGES "sys/devices/system/node/node%d/hugepages/hugepages-1048576kB/%s"

static void put_pages(struct ctx *x, int node, const char *total, const char *n_free)
{
	put(x, arena_printf(x->arena, "root/" PAGES, node, "nr_hugepages"), total);
	put(x, arena_printf(x->arena, "root/" PAGES, node, "free_hugepages"), n_free);
}

static void set_up_host(struct ctx *x, const char *family)
{
	const char *argv[] = { "/bin/rm", "-rf", "--", x->dir, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	put(x, "root/proc/cmdline", "quiet\n");
	put(x, "root/proc/modules", "vfio 1 0 - Live 0x0\n");
	put_pages(x, 0, "0\n", "0\n");
	put_pages(x, 1, "0\n", "0\n");
	if (strcmp(family, "debian") == 0) {
		put(x, "root/usr/sbin/update-grub", "");
		put(x, "root/usr/sbin/update-initramfs", "");
	} else if (strcmp(family, "rhel") == 0) {
		put(x, "root/usr/sbin/grubby", "");
		put(x, "root/usr/bin/dracut", "");
	}
}

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	x->dir = g_dir_make_tmp("cleave-apply-XXXXXX", NULL);
	x->tree = host_tree_at(x->arena, arena_printf(x->arena, "%s/root", x->dir), NULL);
	g_setenv("DESK", x->dir, TRUE);
	x->hands = (struct hands){ .helper = helper_start(NULL), .tree = &x->tree, .device_timeout_ms = 5000 };
	set_up_host(x, "debian");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	const char *argv[] = { "/bin/rm", "-rf", "--", x->dir, NULL };
	helper_stop(x->hands.helper);
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	arena_free(x->arena);
	g_free(x->dir);
	g_free(x);
	return 0;
}

/* -- one pass -------------------------------------------------------------------------------------------------------- */

static struct objects *want_of(struct ctx *x, const char *spec)
{
	const char *text = arena_printf(x->arena, "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\n"
	                                          "spec: {redis: {url: \"redis://h\"}, roots: {frames: {path: /f}}}\n---\n"
	                                          "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: %s\n",
	                                spec);
	struct spec_file file = { .path = "s.yaml", .bytes = text, .size = strlen(text) };
	struct problems problems;
	problems_init(&problems, x->arena);
	struct objects *want = spec_load(x->arena, &file, 1, &problems);
	assert_int_equal(problems.n_errors, 0);
	problems_clear(&problems);
	return want;
}

/* Pages and modules as the tree has them; the rest is observe_boot()'s. */
static void fill_status(struct ctx *x, struct host_status *s)
{
	struct host_facts f;
	host_read_facts(x->arena, &x->tree, &f);
	s->is_root = TRUE;
	s->cmdline = f.cmdline;
	s->libvirt = PLANE_LEFT_OUT;
	struct host_pages_status *pages = ARENA_ARRAY(x->arena, struct host_pages_status, f.n_nodes);
	for (guint i = 0; i < f.n_nodes; i++)
		pages[i] = (struct host_pages_status){ f.nodes[i].pages[0].size_bytes, f.nodes[i].id, f.nodes[i].pages[0].n_total,
			                               f.nodes[i].pages[0].n_free };
	s->hugepages = (struct list){ pages, f.n_nodes };
	static const char *const known[] = { "vfio", "vfio_pci" };
	s->modules.items = ARENA_ARRAY(x->arena, const char *, G_N_ELEMENTS(known));
	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (host_has_loaded(&x->tree, known[i]))
			s->modules.items[s->modules.n++] = known[i];
}

static void look(struct ctx *x, const char *spec)
{
	struct objects *want = want_of(x, spec), *have = objects_new(x->arena);
	struct observe_input look = { .host = "h1", .want = want, .tree = &x->tree };
	fill_status(x, observed(x->arena, have, KIND_HOST, "h1")->status);
	observe_boot(x->arena, &look, have);
	struct plan_input in = { .host = "h1", .revision = "test", .want = want, .have = have, .devices_only = TRUE };
	x->plan = plan_build(x->arena, &in);
}

static void act(struct ctx *x)
{
	struct apply_input in = { .arena = x->arena, .plan = x->plan, .hands = &x->hands };
	assert_true(apply_plan(&in, &x->out, NULL));
}

static void pass(struct ctx *x, const char *spec)
{
	look(x, spec);
	act(x);
}

static const struct outcome *outcome_of(struct ctx *x, enum verb verb)
{
	for (guint i = 0; i < x->out.n; i++)
		if (x->plan->actions[i].verb == verb)
			return &x->out.items[i];
	return NULL;
}

static void expect_failed(struct ctx *x, enum verb verb, const char *words)
{
	const struct outcome *o = outcome_of(x, verb);
	assert_non_null(o);
	if (o->state != OUTCOME_FAILED || !strstr(o->message, words))
		fail_msg("%s: state %d, \"%s\" without \"%s\"", verbs[verb].name, o->state, o->message ? o->message : "", words);
}

static void expect_done(struct ctx *x, enum verb verb)
{
	const struct outcome *o = outcome_of(x, verb);
	assert_non_null(o);
	if (o->state != OUTCOME_DONE)
		fail_msg("%s: %s", verbs[verb].name, o->message);
}

static guint n_writes(struct ctx *x)
{
	const char *log = host_read(x->arena, &(struct host_tree){ x->dir, x->dir }, "writes");
	g_auto(GStrv) lines = g_strsplit(log ? log : "", "\n", -1);
	return log && *log ? g_strv_length(lines) : 0;
}

static void set_fault(struct ctx *x, guint n, const char *fault)
{
	g_autofree char *path = g_build_filename(x->dir, "writes", NULL);
	g_remove(path);
	put(x, "fault", n ? arena_printf(x->arena, "%u %s", n, fault) : "");
}

/* -- every write, in each way --------------------------------------------------------------------------------------------- */

#define FULL "{manageBoot: true, kernelArgs: [iommu=pt], modules: [vfio], blacklist: [nouveau], hugepages: " \
	"[{size: 1GiB, node: 0, count: 20}, {size: 1GiB, node: 1, count: 2}]}"

/* All but the programs, which do not run below a root. */
static void expect_converged(struct ctx *x, const char *where)
{
	look(x, FULL);
	if (x->plan->n_actions != 1 || x->plan->actions[0].verb != VERB_UPDATE_BOOT)
		fail_msg("%s: %u actions, the first %s", where, x->plan->n_actions, verbs[x->plan->actions[0].verb].name);
	assert_string_equal(get(x, "etc/default/grub.d/50-cleave.cfg"), BOOT_MARK "\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX \"'iommu=pt'");
	assert_string_equal(get(x, "etc/modprobe.d/cleave.conf"), BOOT_MARK "\nblacklist nouveau");
	assert_string_equal(get(x, "etc/modules-load.d/cleave.conf"), BOOT_MARK "\nvfio");
	assert_string_equal(get(x, BOOT_RECORD), "generated unfinished");
	assert_string_equal(get(x, arena_printf(x->arena, PAGES, 0, "nr_hugepages")), "20");
	assert_string_equal(get(x, arena_printf(x->arena, PAGES, 1, "nr_hugepages")), "2");
}

static void test_no_fault(void **state)
{
	struct ctx *x = *state;
	pass(x, FULL);
	assert_int_equal(x->plan->n_actions, 3);
	expect_done(x, VERB_WRITE_BOOT_FILES);
	expect_failed(x, VERB_UPDATE_BOOT, "update-initramfs is not run: the host is the folder ");
	expect_done(x, VERB_SET_HUGEPAGES);
	/* The record, three files, the record again, 16 and 20 pages, 2 pages. */
	assert_int_equal(n_writes(x), 8);
	expect_converged(x, "without fault");
}

static void fail_once(struct ctx *x, guint n, const char *fault)
{
	const char *where = arena_printf(x->arena, "write %u, %s", n, fault);
	set_up_host(x, "debian");
	set_fault(x, n, fault);
	pass(x, FULL);
	guint n_failed = 0;
	for (guint i = 0; i < x->out.n; i++) {
		const struct outcome *o = &x->out.items[i];
		gboolean is_expected = o->message && strstr(o->message, "is not run");
		n_failed += o->state == OUTCOME_FAILED && !is_expected;
		if (o->state == OUTCOME_FAILED)
			assert_true(o->message && *o->message);
	}
	if (n_failed != 1)
		fail_msg("%s: %u actions failed", where, n_failed);
	/* An initramfs is not made of half of the files. */
	if (n <= 4)
		assert_int_equal(outcome_of(x, VERB_UPDATE_BOOT)->state, OUTCOME_SKIPPED);
	set_fault(x, 0, NULL);
	pass(x, FULL);
	expect_converged(x, where);
}

static void test_every_write_fails(void **state)
{
	static const char *const faults[] = { "EBUSY", "EIO", "ENOSPC", "EPERM", "short", "+EIO" };
	struct ctx *x = *state;
	pass(x, FULL);
	guint n = n_writes(x);
	for (guint i = 1; i <= n; i++)
		for (gsize f = 0; f < G_N_ELEMENTS(faults); f++)
			fail_once(x, i, faults[f]);
	print_message("# %u writes, each fails in %u ways\n", n, (guint)G_N_ELEMENTS(faults));
}

static void test_errors_are_told(void **state)
{
	struct ctx *x = *state;
	set_fault(x, 2, "ENOSPC");
	pass(x, FULL);
	expect_failed(x, VERB_WRITE_BOOT_FILES, "/etc/default/grub.d/50-cleave.cfg: No space left on device");
	set_fault(x, 8, "EBUSY");
	set_up_host(x, "debian");
	set_fault(x, 8, "EBUSY");
	pass(x, FULL);
	expect_failed(x, VERB_SET_HUGEPAGES, "node 1: writing \"2\" to ");
	expect_failed(x, VERB_SET_HUGEPAGES, "Device or resource busy");
}

/* -- huge pages -------------------------------------------------------------------------------------------------------------- */

#define PAGES_SPEC(a, b) "{hugepages: [{size: 1GiB, node: 0, count: " #a "}, {size: 1GiB, node: 1, count: " #b "}]}"

static void test_shortfall(void **state)
{
	struct ctx *x = *state;
	put(x, "room", "3");
	pass(x, PAGES_SPEC(4, 4));
	expect_failed(x, VERB_SET_HUGEPAGES, "node 1: 3 of 4 pages of 1GiB: its memory is in use or in pieces; kernelArgs hugepagesz=1G and "
	                                     "hugepages=1:4 set them aside");
	assert_null(strstr(outcome_of(x, VERB_SET_HUGEPAGES)->message, "node 0"));
	assert_string_equal(get(x, arena_printf(x->arena, PAGES, 0, "nr_hugepages")), "4");
	put(x, "room", "4");
	pass(x, PAGES_SPEC(4, 4));
	expect_done(x, VERB_SET_HUGEPAGES);
	look(x, PAGES_SPEC(4, 4));
	assert_int_equal(x->plan->n_actions, 0);
}

/* A write is never asked for more than it can do in its time; a shortfall ends it. */
static void test_steps(void **state)
{
	struct ctx *x = *state;
	put(x, "room", "20");
	pass(x, PAGES_SPEC(40, 60));
	expect_failed(x, VERB_SET_HUGEPAGES, "node 1: 20 of 60");
	const char *log = host_read(x->arena, &(struct host_tree){ x->dir, x->dir }, "writes");
	assert_string_equal(log, "nr_hugepages 16\nnr_hugepages 32\nnr_hugepages 40\nnr_hugepages 16\nnr_hugepages 32");
}

static void test_fewer_pages(void **state)
{
	struct ctx *x = *state;
	put_pages(x, 0, "40\n", "30\n");
	put_pages(x, 1, "8\n", "8\n");
	pass(x, PAGES_SPEC(4, 0));
	expect_done(x, VERB_SET_HUGEPAGES);
	assert_string_equal(get(x, arena_printf(x->arena, PAGES, 0, "nr_hugepages")), "10"); /* ten are in use */
	assert_string_equal(get(x, arena_printf(x->arena, PAGES, 1, "nr_hugepages")), "0");
}

static void test_pages_gone(void **state)
{
	struct ctx *x = *state;
	look(x, PAGES_SPEC(4, 4));
	g_autofree char *path = g_strdup_printf("%s/root/" PAGES, x->dir, 0, "nr_hugepages");
	g_remove(path);
	put_pages(x, 1, "9\n", "9\n");
	act(x);
	expect_failed(x, VERB_SET_HUGEPAGES, "node 0: writing \"4\" to ");
	expect_failed(x, VERB_SET_HUGEPAGES, "nr_hugepages: the kernel refused it: No such file or directory");
	assert_string_equal(get(x, arena_printf(x->arena, PAGES, 1, "nr_hugepages")), "4");
}

/* -- files of the next boot ------------------------------------------------------------------------------------------------------ */

static void test_foreign_file(void **state)
{
	struct ctx *x = *state;
	look(x, FULL);
	put(x, "root/etc/modprobe.d/cleave.conf", "options nvidia a=1\n");
	act(x);
	expect_failed(x, VERB_WRITE_BOOT_FILES, "/etc/modprobe.d/cleave.conf is there now, and cleave did not write it");
	assert_int_equal(outcome_of(x, VERB_UPDATE_BOOT)->state, OUTCOME_SKIPPED);
	assert_string_equal(get(x, "etc/modprobe.d/cleave.conf"), "options nvidia a=1");
	assert_null(get(x, "etc/modules-load.d/cleave.conf"));
	expect_done(x, VERB_SET_HUGEPAGES); /* pages do not wait for the boot */
	look(x, FULL);
	assert_string_equal(plan_verdict(x->plan, KIND_HOST, "h1")->reason, "NotOurs");
}

static void test_files_go(void **state)
{
	struct ctx *x = *state;
	pass(x, FULL);
	pass(x, "{manageBoot: true, blacklist: [nouveau, ast]}");
	expect_done(x, VERB_WRITE_BOOT_FILES);
	assert_null(get(x, "etc/default/grub.d/50-cleave.cfg"));
	assert_null(get(x, "etc/modules-load.d/cleave.conf"));
	assert_string_equal(get(x, "etc/modprobe.d/cleave.conf"), BOOT_MARK "\nblacklist nouveau\nblacklist ast");
	put(x, "root/" BOOT_RECORD, "generated 0123\n");
	pass(x, "{manageBoot: true}");
	assert_null(get(x, "etc/modprobe.d/cleave.conf"));
	/* The programs did not run: with no file left as well they are to. */
	look(x, "{manageBoot: true}");
	assert_int_equal(x->plan->n_actions, 1);
	assert_int_equal(x->plan->actions[0].verb, VERB_UPDATE_BOOT);
}

static void test_files_changed_meanwhile(void **state)
{
	struct ctx *x = *state;
	pass(x, FULL);
	look(x, FULL);
	put(x, "root/etc/modprobe.d/cleave.conf", BOOT_MARK "\nblacklist nothing\n");
	act(x);
	expect_failed(x, VERB_UPDATE_BOOT, "/etc/modprobe.d/cleave.conf was changed since it was planned");
	assert_string_equal(get(x, BOOT_RECORD), "generated unfinished");
}

/* What grubby may have set is known whenever this ends: the former arguments and the new ones. */
static void test_arguments_are_recorded(void **state)
{
	struct ctx *x = *state;
	set_up_host(x, "rhel");
	put(x, "root/" BOOT_RECORD, "generated 0123\nargument a=1\nargument b=2\n");
	pass(x, "{manageBoot: true, kernelArgs: [b=2, c=3]}");
	expect_done(x, VERB_WRITE_BOOT_FILES);
	expect_failed(x, VERB_UPDATE_BOOT, "grubby is not run");
	assert_string_equal(get(x, "etc/cleave/kernel-arguments"), BOOT_MARK "\nb=2\nc=3");
	assert_string_equal(get(x, BOOT_RECORD), "generated unfinished\nargument a=1\nargument b=2\nargument c=3");
	/* Changed once more before it ever ran: both that may be set are taken back. */
	look(x, "{manageBoot: true, kernelArgs: [d=4]}");
	const struct list *commands = &x->plan->actions[1].host->commands;
	assert_string_equal(boot_command_text(x->arena, *LIST_AT(*commands, const char **, 0)),
	                    "grubby --update-kernel=ALL \"--remove-args=a=1 b=2 c=3\"");
	assert_string_equal(boot_command_text(x->arena, *LIST_AT(*commands, const char **, 1)),
	                    "grubby --update-kernel=ALL --args=d=4");
}

/* -- modules ------------------------------------------------------------------------------------------------------------------------ */

static void test_load_modules(void **state)
{
	struct ctx *x = *state;
	pass(x, "{modules: [vfio, vfio-pci]}");
	expect_failed(x, VERB_LOAD_MODULES, "not loaded: vfio-pci: modprobe is not run");
	/* Loaded by somebody else since it was planned: that is all that is wanted. */
	look(x, "{modules: [vfio, vfio-pci]}");
	put(x, "root/proc/modules", "vfio 1 0 - Live 0x0\nvfio_pci 1 0 - Live 0x0\n");
	act(x);
	expect_done(x, VERB_LOAD_MODULES);
}

/* -- the controller dies ------------------------------------------------------------------------------------------------------------- */

#define LOADED "vfio 1 0 - Live 0x0\nvfio_pci 1 0 - Live 0x0\n"
#define ALL_OF_IT "{manageBoot: true, kernelArgs: [iommu=pt], modules: [vfio, vfio-pci], blacklist: [nouveau], hugepages: " \
	"[{size: 1GiB, node: 0, count: 20}, {size: 1GiB, node: 1, count: 2}]}"

/* A pass in a process of its own, which does not survive the point. Modules come from somewhere else meanwhile. */
static void die_at(struct ctx *x, const char *point)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		x->hands.helper = helper_start(NULL);
		g_setenv("CLEAVE_FAULT", point, TRUE);
		look(x, ALL_OF_IT);
		put(x, "root/proc/modules", LOADED);
		act(x);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("%s: status %x", point, (guint)status);
}

/* After update-boot is for tests/lab/fault_points: programs do not run below a root, so it is never done here. */
static void test_fault_points(void **state)
{
	struct ctx *x = *state;
	guint n = 0;
	for (int verb = 0; verb < N_VERBS; verb++)
		for (guint after = 0; after <= (verb == VERB_UPDATE_BOOT ? 0 : 1); after++) {
			if (where_verb_is_killed(verb) != KILLED_BY_APPLY_HOST)
				continue;
			set_up_host(x, "debian");
			die_at(x, arena_printf(x->arena, "%s:%s", after ? "after" : "before", verbs[verb].name));
			pass(x, ALL_OF_IT);
			look(x, ALL_OF_IT);
			assert_int_equal(x->plan->n_actions, 1);
			assert_int_equal(x->plan->actions[0].verb, VERB_UPDATE_BOOT);
			assert_string_equal(get(x, "etc/modules-load.d/cleave.conf"), BOOT_MARK "\nvfio\nvfio-pci");
			assert_string_equal(get(x, arena_printf(x->arena, PAGES, 1, "nr_hugepages")), "2");
			n++;
		}
	print_message("# %u fault points of verbs on Hosts\n", n);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return helper_main_with(simulated, G_N_ELEMENTS(simulated));
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_no_fault), TEST(test_every_write_fails), TEST(test_errors_are_told),
		TEST(test_shortfall), TEST(test_steps), TEST(test_fewer_pages), TEST(test_pages_gone),
		TEST(test_foreign_file), TEST(test_files_go), TEST(test_files_changed_meanwhile),
		TEST(test_arguments_are_recorded), TEST(test_load_modules), TEST(test_fault_points),
	};
	return cmocka_run_group_tests_name("verbs on hosts", tests, NULL, NULL);
}
