/* What VMs cost beside libvirt itself, in the same run on the same domains.
 *
 * The test driver, in this process: an apply that defines and starts 200 domains, against define and create of the same
 * XML; a pass that finds nothing to do, against one listing with the XML of each. Real QEMU, embedded: the start of
 * 8 tiny VMs, against the slowest single one. A pass is told in CPU seconds; an apply in seconds that pass, for its calls
 * run beside each other. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/uuid.h"
#include "bench.h"
#include "domain/domain.h"
#include "host/reaper.h"
#include "host/virt.h"
#include "observe/domain_cache.h"
#include "observe/observe.h"
#include "spec/host.h"
#include "spec/vm.h"
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MS = 60000, ROUNDS = 9, APPLY_ROUNDS = 9, N_APPLY = 200, N_START = 8 };

/* -- a farm of VMs on this host ------------------------------------------------------------------------ */

struct farm {
	struct arena *arena;
	struct objects *want;
};

/* All that a VM without an image may have. `kernel` NULL: one that nothing runs. */
static void add_vm(GString *text, guint i, const char *kernel, gboolean runs)
{
	g_string_append_printf(text, "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: vm-%04u}\nspec:\n"
	                             "  host: h1\n  accelerator: tcg\n  shutdownTimeout: 2s\n  state: %s\n  memory: %s\n",
	                       i, runs ? "running" : "stopped", kernel ? "64MiB" : "24GiB");
	g_string_append_printf(text, "  boot: {kernel: %s}\n", kernel ? kernel : "/srv/boot/vmlinuz-6.1");
	if (!kernel)
		g_string_append_printf(text, "  vcpus: 16\n  shares: [{path: /srv/tools, target: tools, readonly: true}]\n"
		                             "  networks: [{bridge: br0}, {user: true}]\n"
		                             "  serialLog: /var/log/cleave/vm-%04u.log\n",
		                       i);
}

static struct farm farm_new(guint n, const char *kernel, gboolean runs)
{
	struct farm f = { .arena = arena_new() };
	g_autoptr(GString) text = g_string_new("apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: bench}\n"
	                                       "spec: {redis: {url: \"redis://10.20.0.5:6379/0\"}}\n"
	                                       "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\n"
	                                       "spec: {libvirt: \"test:///default\"}\n");
	for (guint i = 0; i < n; i++)
		add_vm(text, i, kernel, runs);
	struct problems problems;
	problems_init(&problems, f.arena);
	const struct spec_file file = { .path = "all.yaml", .bytes = text->str, .size = text->len };
	f.want = spec_load(f.arena, &file, 1, &problems);
	if (problems.n_errors)
		g_error("%s", g_array_index(problems.list, struct problem, 0).message);
	problems_clear(&problems);
	return f;
}

static struct virt *open_virt(const char *uri)
{
	g_autoptr(GError) error = NULL;
	struct virt *v = virt_open(uri, NULL, TIMEOUT_MS, &error);
	if (!v)
		g_error("%s", error->message);
	return v;
}

/* A pass over the VMs: what is there, and what to do. */
static struct plan *look(struct arena *a, const struct farm *f, struct virt *v, struct domain_cache *cache)
{
	struct observe_input in = { .host = "h1", .want = f->want, .virt = v, .domains = cache };
	struct objects *have = objects_new(a);
	observed(a, have, KIND_HOST, "h1");
	observe_vms(a, &in, have);
	objects_sort(have);
	struct plan_input planned = { .host = "h1", .revision = "bench", .want = f->want, .have = have };
	struct plan *p = plan_build(a, &planned);
	if (p->n_refusals)
		g_error("%s", p->refusals[0].message);
	return p;
}

static double apply(struct arena *a, const struct plan *p, struct virt *v)
{
	g_autoptr(GError) error = NULL;
	struct apply_input in = { .arena = a, .plan = p, .virt = v };
	struct outcomes outcomes;
	gint64 before = g_get_monotonic_time();
	if (!apply_plan(&in, &outcomes, &error))
		g_error("%s", error->message);
	double s = (double)(g_get_monotonic_time() - before) / 1e6;
	for (guint i = 0; i < outcomes.n; i++)
		if (outcomes.items[i].state != OUTCOME_DONE)
			g_error("%s %s: %s", verbs[p->actions[i].verb].name, p->actions[i].id, outcomes.items[i].message);
	return s;
}

static double look_and_apply(const struct farm *f, struct virt *v, guint n_actions)
{
	SCOPED_ARENA(a);
	const struct plan *p = look(a, f, v, NULL);
	if (p->n_actions != n_actions)
		g_error("%u actions, not %u", p->n_actions, n_actions);
	return apply(a, p, v);
}

static void keep_least(double *least, double value)
{
	*least = MIN(*least, value);
}

/* -- libvirt alone ------------------------------------------------------------------------------------------ */

static void ignore_error(void *user, virErrorPtr e)
{
	(void)user, (void)e;
}

static void remove_all(virConnectPtr c)
{
	virDomainPtr *all;
	int n = virConnectListAllDomains(c, &all, 0);
	for (int i = 0; i < n; i++) {
		virDomainDestroy(all[i]);
		virDomainUndefine(all[i]);
		virDomainFree(all[i]);
	}
	free(all);
}

/* What cleave would define. */
static char **make_xml(struct arena *a, const struct farm *f, guint n)
{
	struct virt *v = open_virt("test:///default");
	const struct plan *p = look(a, f, v, NULL);
	char **xml = ARENA_ARRAY(a, char *, n + 1);
	for (guint i = 0; i < n; i++) {
		const struct domain_identity id = { .farm = "bench", .name = p->actions[i].id };
		xml[i] = domain_to_xml(a, &id, p->actions[i].vm, NULL);
	}
	virt_close(v, TIMEOUT_MS);
	return xml;
}

static double bare_apply(virConnectPtr c, char **xml)
{
	gint64 before = g_get_monotonic_time();
	for (; *xml; xml++) {
		virDomainPtr d = virDomainDefineXMLFlags(c, *xml, 0);
		if (!d || virDomainCreateWithFlags(d, 0) < 0)
			g_error("%s", virGetLastErrorMessage());
		virDomainFree(d);
	}
	return (double)(g_get_monotonic_time() - before) / 1e6;
}

static double bare_look(virConnectPtr c)
{
	virDomainPtr *all;
	double before = bench_cpu_s();
	int n = virConnectListAllDomains(c, &all, 0);
	for (int i = 0; i < n; i++) {
		free(virDomainGetXMLDesc(all[i], 0));
		free(virDomainGetXMLDesc(all[i], VIR_DOMAIN_XML_INACTIVE));
		virDomainFree(all[i]);
	}
	free(all);
	return bench_cpu_s() - before;
}

/* -- the test driver ---------------------------------------------------------------------------------------- */

static void bench_apply(virConnectPtr c)
{
	SCOPED_ARENA(a);
	struct farm f = farm_new(N_APPLY, NULL, TRUE);
	double bare = 1e9, ours = 1e9, bare_cpu = 1e9, ours_cpu = 1e9;
	remove_all(c);
	char **xml = make_xml(a, &f, N_APPLY);
	struct virt *v = open_virt("test:///default");
	for (int i = 0; i < APPLY_ROUNDS; i++) {
		double before = bench_cpu_s();
		keep_least(&bare, bare_apply(c, xml));
		keep_least(&bare_cpu, bench_cpu_s() - before);
		remove_all(c);
		before = bench_cpu_s();
		keep_least(&ours, look_and_apply(&f, v, 2 * N_APPLY));
		keep_least(&ours_cpu, bench_cpu_s() - before);
		remove_all(c);
	}
	bench_report("vms-200-apply", ours, "s", bare, 1.5);
	bench_report("vms-200-apply-cpu", ours_cpu, "s", bare_cpu, 0); /* of all threads, and with the look before */
	virt_close(v, TIMEOUT_MS);
	arena_free(f.arena);
}

static double time_look(const struct farm *f, struct virt *v, struct domain_cache *cache)
{
	SCOPED_ARENA(a);
	double before = bench_cpu_s();
	const struct plan *p = look(a, f, v, cache);
	double s = bench_cpu_s() - before;
	if (p->n_actions)
		g_error("%s %s is still to do", verbs[p->actions[0].verb].name, p->actions[0].id);
	return s;
}

static void bench_no_change(virConnectPtr c, guint n)
{
	struct farm f = farm_new(n, NULL, TRUE);
	struct virt *v = open_virt("test:///default");
	double bare = 1e9, first = 1e9, later = 1e9;
	remove_all(c);
	look_and_apply(&f, v, 2 * n);
	for (int i = 0; i < ROUNDS; i++) {
		struct domain_cache *cache = domain_cache_new();
		keep_least(&bare, bare_look(c));
		keep_least(&first, time_look(&f, v, cache));
		keep_least(&later, time_look(&f, v, cache));
		if (domain_cache_count_parsed(cache) != n)
			g_error("%u domains were parsed, not %u", domain_cache_count_parsed(cache), n);
		domain_cache_free(cache);
	}
	g_autofree char *once = g_strdup_printf("vms-%u-no-change-first", n), *again = g_strdup_printf("vms-%u-no-change-later", n);
	bench_report(once, first, "s", bare, 4.0);
	bench_report(again, later, "s", bare, 1.5);
	virt_close(v, TIMEOUT_MS);
	arena_free(f.arena);
}

/* -- real QEMU ------------------------------------------------------------------------------------------------ */

static double slowest_start(struct virt *v, const struct farm *f)
{
	double slowest = 0;
	OBJECTS_EACH (o, f->want, KIND_VM) {
		SCOPED_ARENA(a);
		g_autoptr(GError) error = NULL;
		const struct domain_identity identity = { .farm = "bench", .name = o->id };
		const struct virt_id id = { o->id, domain_uuid(a, &identity) };
		gint64 before = g_get_monotonic_time();
		if (!virt_start(v, &id, TIMEOUT_MS, &error))
			g_error("%s", error->message);
		slowest = MAX(slowest, (double)(g_get_monotonic_time() - before) / 1e6);
		if (!virt_stop(v, &id, 0, TIMEOUT_MS, &error))
			g_error("%s", error->message);
	}
	return slowest;
}

static void skip(const char *what, const char *why)
{
	printf("{\"bench\":\"%s\",\"skipped\":\"%s\",\"ok\":true}\n", what, why);
}

/* One after the other, then all at once: with N cores the ratio cannot come below 8 / N where QEMU's own start keeps a
 * core busy, so it is told, not judged. */
static void bench_start(const char *kernel)
{
	g_autofree char *root = g_dir_make_tmp("cleave-bench-XXXXXX", NULL), *uri = g_strdup_printf("qemu:///embed?root=%s", root);
	struct farm stopped = farm_new(N_START, kernel, FALSE), running = farm_new(N_START, kernel, TRUE);
	struct virt *v = open_virt(uri);
	look_and_apply(&stopped, v, N_START);
	double single = slowest_start(v, &stopped);
	double all = look_and_apply(&running, v, N_START);
	look_and_apply(&stopped, v, N_START);
	virt_close(v, TIMEOUT_MS);
	bench_report("vms-8-start", all, "s", single, 0);
	const char *const argv[] = { "/bin/rm", "-rf", "--", root, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	arena_free(stopped.arena);
	arena_free(running.arena);
}

int main(void)
{
	int status;
	if (!reaper_split(&status))
		return status;
	virSetErrorFunc(NULL, ignore_error);
	struct virt *v = open_virt("test:///default"); /* its event loop is there before the first connection */
	virConnectPtr c = virConnectOpen("test:///default");
	bench_apply(c);
	bench_no_change(c, 200);
	bench_no_change(c, 1000);
	virConnectClose(c);
	virt_close(v, TIMEOUT_MS);
	const char *kernel = g_getenv("CLEAVE_BENCH_KERNEL");
	if (!kernel || access("/usr/bin/qemu-system-x86_64", X_OK) != 0)
		skip("vms-8-start", "no qemu-system-x86_64, or CLEAVE_BENCH_KERNEL names no kernel");
	else if (geteuid() == 0 && !getpwnam("libvirt-qemu"))
		skip("vms-8-start", "root, but no user libvirt-qemu");
	else
		bench_start(kernel);
	return 0;
}
