/* Who may change what: rows of `owners` against two trees of specs. */
#include "base/arena.h"
#include "spec/controller.h"
#include "spec/load.h"
#include "spec/owners.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(kind, name) "apiVersion: cleave/v1alpha1\nkind: " kind "\nmetadata: {name: " name "}\nspec: "
static const char farm[] = HEAD("Farm", "f") "{redis: {url: \"redis://127.0.0.1/0\"}, roots: {r: {path: /srv/r}}}\n";
static const char farm_defaults[] =
	HEAD("Farm", "f") "{redis: {url: \"redis://127.0.0.1/0\"}, roots: {r: {path: /srv/r}}, defaults: {vm: {memory: 4GiB}}}\n";
static const char hosts[] = HEAD("Host", "h1") "{}\n---\n" HEAD("Host", "h2") "{}\n";
#define VM(host, more) HEAD("VM", "v") "{host: " host ", memory: 2GiB" more "}\n"
#define JOB(project, frames)                                                                                                     \
	HEAD("RenderJob", "a") "{project: " project ", scene: {file: \"r:a.blend\"}, frames: " frames ", samples: 1, resolution: 8x8, output: \"r:a/####.png\"}\n"

struct ctx {
	struct arena *arena;
	gboolean file_changed; /* of a file that objects name */
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	arena_free(x->arena);
	g_free(x);
	return 0;
}

/* Files up to NULL, each another one. */
static struct objects *load(struct ctx *x, const char *const *texts)
{
	struct spec_file files[8];
	struct problems problems;
	guint n = 0;
	for (; texts[n]; n++)
		files[n] = (struct spec_file){ arena_printf(x->arena, "f%u.yaml", n), texts[n], strlen(texts[n]), NULL, NULL };
	problems_init(&problems, x->arena);
	struct objects *all = spec_load(x->arena, files, n, &problems);
	problems_clear(&problems);
	return all;
}

static gboolean every_file(void *user, const struct object *before, const struct object *after)
{
	(void)user, (void)before, (void)after;
	return TRUE;
}

static gboolean named_file(void *user, const struct object *before, const struct object *after)
{
	(void)before, (void)after;
	return ((struct ctx *)user)->file_changed;
}

static const char *const mei[] = { "mei@x", NULL }, *const art[] = { "art@x", "ART-KEY", NULL }, *const ops[] = { "ops@x", NULL },
                          *const eve[] = { "eve@x", NULL };

static const char *ask(struct ctx *x, const char *const *signer, const char *const *before, const char *const *after)
{
	static const char *job_kind[] = { "RenderJob" }, *p[] = { "p" }, *h1[] = { "h1" };
	static struct controller_owner rows[] = {
		{ .author = "mei@x" },
		{ .author = "Art@x", .kinds = { job_kind, 1 }, .projects = { p, 1 } },
		{ .author = "ops@x", .hosts = { h1, 1 } },
		{ .author = "ops@x", .projects = { p, 1 } },
	};
	const struct list owners = { rows, G_N_ELEMENTS(rows) };
	const struct ownership o = { &owners, signer, load(x, before), load(x, after), every_file, named_file, x };
	return owners_refuse(x->arena, &o);
}
#define TREE(...) (const char *const[]){ __VA_ARGS__, NULL }

static void must_say(const char *why, const char *words)
{
	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void jobs_of_a_project(void **state)
{
	struct ctx *x = *state;
	const char *const *before = TREE(farm, hosts, JOB("p", "1-3"));
	assert_null(ask(x, art, before, TREE(farm, hosts, JOB("p", "1-9"))));
	assert_null(ask(x, art, before, TREE(farm, hosts)));
	assert_null(ask(x, art, TREE(farm, hosts), before));
	must_say(ask(x, art, before, TREE(farm, hosts, JOB("q", "1-3"))), "adds RenderJob q/a, which art@x may not change: owners[1] allows kinds RenderJob projects p");
	must_say(ask(x, art, before, TREE(farm, hosts, JOB("p", "1-3"), VM("h1", ""))), "adds VM v of host h1");
	must_say(ask(x, art, before, TREE(farm, JOB("p", "1-3"))), "removes Host h1");
	must_say(ask(x, eve, before, TREE(farm, hosts, JOB("p", "1-9"))), "no row of owners names them");
	assert_null(ask(x, mei, before, TREE(farm_defaults, JOB("q", "1-3"))));
}

static void objects_of_a_host(void **state)
{
	struct ctx *x = *state;
	const char *const *before = TREE(farm, hosts, VM("h1", ""));
	assert_null(ask(x, ops, before, TREE(farm, hosts, VM("h1", ", vcpus: 8"))));
	must_say(ask(x, ops, before, TREE(farm, hosts, VM("h2", ""))), "changes VM v of host h2");
	must_say(ask(x, ops, TREE(farm, hosts, VM("h2", "")), before), "changes VM v of host h2");
	assert_null(ask(x, ops, before, TREE(farm, hosts, VM("h1", ""), JOB("p", "1"))));
	must_say(ask(x, ops, before, TREE(farm_defaults, hosts, VM("h1", ""))), "changes Farm f");
}

/* Defaults of the Farm change what is wanted of all VMs; it is the Farm that was changed. */
static void defaults_are_the_farms(void **state)
{
	struct ctx *x = *state;
	must_say(ask(x, art, TREE(farm, hosts, VM("h1", "")), TREE(farm_defaults, hosts, VM("h1", ""))), "changes Farm f");
}

static void what_is_written_alike(void **state)
{
	struct ctx *x = *state;
	static const char same[] = "# a comment\napiVersion: cleave/v1alpha1\nmetadata:\n  name: v\nkind: VM\nspec:\n  memory: 2GiB\n  host: h1\n";
	assert_null(ask(x, art, TREE(farm, hosts, VM("h1", "")), TREE(farm, hosts, same)));
	must_say(ask(x, art, TREE(farm, hosts, VM("h1", "")),
	             TREE(farm, hosts, "apiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v, labels: {a: b}}\nspec: {host: h1, memory: 2GiB}\n")),
	         "changes VM v");
	x->file_changed = TRUE;
	must_say(ask(x, art, TREE(farm, hosts, VM("h1", "")), TREE(farm, hosts, same)), "changes");
}

static void all_rows(void **state)
{
	(void)state;
	static const char *h1[] = { "h1" };
	struct controller_owner rows[] = { { .author = "mei@x" }, { .author = "art@x", .hosts = { h1, 1 } } };
	const struct list owners = { rows, 2 }, none = { 0 };
	assert_true(owners_allow_all(&owners, mei));
	assert_false(owners_allow_all(&owners, art));
	assert_false(owners_allow_all(&owners, eve));
	assert_true(owners_allow_all(&none, eve));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_of_a_project, setup, teardown),
		cmocka_unit_test_setup_teardown(objects_of_a_host, setup, teardown),
		cmocka_unit_test_setup_teardown(defaults_are_the_farms, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_written_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(all_rows, setup, teardown),
	};
	return cmocka_run_group_tests_name("spec_owners", tests, NULL, NULL);
}
