/* Hosts made at random, wanted at random, several times over, with crashes and reboots in between: in the end
 * nothing is left to do, what the specs say is in force, and nothing of the owner's is gone.
 * CLEAVE_SEED=N repeats a run. */
#include "base/arena.h"
#include "plan_fixture.h"
#include "spec/boot.h"
#include "spec/farm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { ROUNDS = 400, CHANGES = 4, PASSES = 6, N_NODES = 2, N_SIZES = 2 };

static const char *const families[] = { "debian", "rhel", "systemd-boot", "debian-systemd-boot", NULL };
static const char *const arguments[] = { "iommu=pt", "amd_iommu=on", "pci=realloc", "a=$(x)" };
static const char *const modules[] = { "vfio", "vfio-pci", "nouveau", "kvmfr" };
static const char *const paths[] = { "/etc/modules-load.d/cleave.conf", "/etc/modprobe.d/cleave.conf",
	                             "/etc/default/grub.d/50-cleave.cfg", "/etc/cleave/kernel-arguments" };
static const guint64 sizes[] = { 2 * MiB, 1 * GiB };
#define FOREIGN "options of somebody else"

static guint32 last_seed;

struct pages {
	gint64 n_total, n_used, n_room;
};

struct sim {
	struct arena *arena;
	const char *family;
	GPtrArray *cmdline, *loader, *owners; /* arguments: in force; of the next boot, set by programs; not cleave's */
	GPtrArray *loaded, *recorded, *former; /* former: taken back since this boot */
	const char *texts[G_N_ELEMENTS(paths)];
	const char *generated;
	struct strings in_boot; /* of the drop-in for arguments, as the programs saw it */
	struct pages pages[N_NODES][N_SIZES];
};

static gboolean has(const GPtrArray *set, const char *text)
{
	return g_ptr_array_find_with_equal_func((GPtrArray *)set, text, g_str_equal, NULL);
}

static void add(struct sim *s, GPtrArray *set, const char *text)
{
	if (!has(set, text))
		g_ptr_array_add(set, arena_strdup(s->arena, text));
}

static void drop(GPtrArray *set, const char *text)
{
	guint i;
	if (g_ptr_array_find_with_equal_func(set, text, g_str_equal, &i))
		g_ptr_array_remove_index(set, i);
}

static GPtrArray *new_set(struct sim *s)
{
	GPtrArray *set = g_ptr_array_new();
	arena_own(s->arena, set, (GDestroyNotify)g_ptr_array_unref);
	return set;
}

static gboolean one_in(GRand *r, int n)
{
	return g_rand_int_range(r, 0, n) == 0;
}

static struct sim sim_new(struct arena *a, GRand *r)
{
	struct sim s = { .arena = a, .family = families[g_rand_int_range(r, 0, G_N_ELEMENTS(families))] };
	s.cmdline = new_set(&s), s.loader = new_set(&s), s.owners = new_set(&s);
	s.loaded = new_set(&s), s.recorded = new_set(&s), s.former = new_set(&s);
	for (guint i = 0; i < G_N_ELEMENTS(arguments); i++)
		if (one_in(r, 3))
			add(&s, s.owners, arguments[i]), add(&s, s.cmdline, arguments[i]), add(&s, s.loader, arguments[i]);
	for (guint i = 0; i < G_N_ELEMENTS(modules); i++)
		if (one_in(r, 2))
			add(&s, s.loaded, modules[i]);
	if (one_in(r, 8))
		s.texts[g_rand_int_range(r, 0, G_N_ELEMENTS(paths))] = FOREIGN;
	for (guint n = 0; n < N_NODES; n++)
		for (guint z = 0; z < N_SIZES; z++) {
			struct pages *p = &s.pages[n][z];
			p->n_room = g_rand_int_range(r, 0, 20);
			p->n_total = g_rand_int_range(r, 0, (gint32)p->n_room + 1);
			p->n_used = g_rand_int_range(r, 0, (gint32)p->n_total + 1);
		}
	return s;
}

/* -- wanting ------------------------------------------------------------------------------------------------- */

static const char *list_text(struct arena *a, GRand *r, const char *const *words, guint n)
{
	g_autoptr(GString) text = g_string_new("[");
	for (guint i = 0; i < n; i++)
		if (one_in(r, 2))
			g_string_append_printf(text, "%s\"%s\"", text->len > 1 ? ", " : "", words[i]);
	return arena_printf(a, "%s]", text->str);
}

static const char *pages_text(struct arena *a, GRand *r)
{
	g_autoptr(GString) text = g_string_new("[");
	for (int n = 0; n <= N_NODES; n++) /* one more than there are */
		for (guint z = 0; z < N_SIZES; z++)
			if (one_in(r, n == N_NODES ? 8 : 2))
				g_string_append_printf(text, "%s{size: %s, node: %d, count: %d}", text->len > 1 ? ", " : "",
				                       bytes_format(a, sizes[z]), n, g_rand_int_range(r, 0, 24));
	return arena_printf(a, "%s]", text->str);
}

static struct objects *random_want(struct arena *a, GRand *r)
{
	const char *text = arena_printf(
	    a, "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec: {redis: {url: \"redis://h\"}}\n---\n"
	       "apiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {manageBoot: %s, kernelArgs: %s, modules: %s, "
	       "blacklist: %s, hugepages: %s}\n",
	    one_in(r, 6) ? "false" : "true", list_text(a, r, arguments, G_N_ELEMENTS(arguments)), list_text(a, r, modules, 2),
	    list_text(a, r, modules + 2, 2), pages_text(a, r));
	struct spec_file file = { .path = "s.yaml", .bytes = text, .size = strlen(text) };
	return plan_fixture_want(a, &file, 1);
}

/* -- observing ------------------------------------------------------------------------------------------------- */

static struct strings strings_of(struct arena *a, const GPtrArray *set)
{
	return (struct strings){ arena_memdup(a, set->pdata, set->len * sizeof(gpointer)), set->len };
}

static const struct objects *observe(const struct sim *s, struct arena *a)
{
	struct objects *have = objects_new(a);
	struct object *o = ARENA_NEW(a, struct object);
	struct host_status *h = ARENA_NEW(a, struct host_status);
	struct host_drop_in *files = ARENA_ARRAY(a, struct host_drop_in, G_N_ELEMENTS(paths));
	struct host_pages_status *pages = ARENA_ARRAY(a, struct host_pages_status, N_NODES * N_SIZES);
	struct strings words = strings_of(a, s->cmdline);
	fields_set_untold(host_status_fields, h);
	*o = (struct object){ .kind = &kinds[KIND_HOST], .meta = { .name = "h1" }, .id = "h1", .status = h };
	h->is_root = TRUE;
	h->cmdline = words.n ? strings_join(a, &words, " ") : "";
	h->modules = strings_of(a, s->loaded);
	g_autoptr(GPtrArray) ours = g_ptr_array_new();
	g_ptr_array_extend(ours, s->recorded, NULL, NULL);
	g_ptr_array_extend(ours, s->former, NULL, NULL);
	h->boot = (struct host_boot){ s->family, { files, 0 }, s->generated, strings_of(a, ours) };
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		if (s->texts[i])
			files[h->boot.drop_ins.n++] = (struct host_drop_in){ paths[i], s->texts[i] };
	for (guint n = 0; n < N_NODES; n++)
		for (guint z = 0; z < N_SIZES; z++) {
			const struct pages *p = &s->pages[n][z];
			pages[n * N_SIZES + z] = (struct host_pages_status){ sizes[z], n, p->n_total, p->n_total - p->n_used };
		}
	h->hugepages = (struct list){ pages, N_NODES * N_SIZES };
	objects_add(have, o);
	return have;
}

static struct plan *look(const struct sim *s, struct arena *a, const struct objects *want)
{
	struct plan_input in = { .host = "h1", .revision = "test", .want = want, .have = observe(s, a), .devices_only = TRUE };
	struct plan *p = plan_build(a, &in);
	assert_int_equal(p->n_refusals, 0);
	return p;
}

/* -- obeying --------------------------------------------------------------------------------------------------- */

static guint index_of(const char *path)
{
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		if (strcmp(paths[i], path) == 0)
			return i;
	fail_msg("%s is not cleave's", path);
	return 0;
}

static void write_files(struct sim *s, const struct host_work *work, gboolean half)
{
	s->generated = BOOT_UNFINISHED;
	for (guint i = 0; i < work->files.n && !(half && i); i++) {
		const struct host_drop_in *file = LIST_AT(work->files, struct host_drop_in, i);
		const char **text = &s->texts[index_of(file->path)];
		assert_true(g_strcmp0(*text, FOREIGN) != 0);
		assert_true(g_strcmp0(*text, file->text) != 0);
		*text = arena_strdup(s->arena, file->text);
	}
}

static void run_program(struct sim *s, const char **argv)
{
	static const char removes[] = "--remove-args=", adds[] = "--args=";
	if (strcmp(argv[0], "grubby") != 0)
		return;
	gboolean is_add = g_str_has_prefix(argv[2], adds);
	g_auto(GStrv) words = g_strsplit(argv[2] + strlen(is_add ? adds : removes), " ", -1);
	for (char **word = words; *word; word++) {
		assert_true(**word && (is_add || !has(s->owners, *word)));
		if (is_add)
			add(s, s->loader, *word);
		else
			drop(s->loader, *word);
	}
}

static void update_boot(struct sim *s, const struct action *act, gboolean half)
{
	const struct host_work *work = act->host;
	for (guint i = 0; i < work->files.n; i++) {
		const struct host_drop_in *file = LIST_AT(work->files, struct host_drop_in, i);
		assert_string_equal(s->texts[index_of(file->path)], file->text);
	}
	s->generated = BOOT_UNFINISHED;
	for (guint i = 0; i < work->arguments.n; i++)
		add(s, s->recorded, work->arguments.items[i]);
	for (guint i = 0; i < work->commands.n && !(half && i); i++)
		run_program(s, *LIST_AT(work->commands, const char **, i));
	if (half)
		return;
	s->generated = arena_strdup(s->arena, act->digest);
	for (guint i = 0; i < s->recorded->len; i++)
		add(s, s->former, g_ptr_array_index(s->recorded, i));
	g_ptr_array_set_size(s->recorded, 0);
	for (guint i = 0; i < work->arguments.n; i++)
		add(s, s->recorded, work->arguments.items[i]), drop(s->former, work->arguments.items[i]);
}

static void set_pages(struct sim *s, const struct host_work *work, gboolean half)
{
	for (guint i = 0; i < work->pages.n && !(half && i); i++) {
		const struct host_hugepages *step = LIST_AT(work->pages, struct host_hugepages, i);
		struct pages *p = &s->pages[step->node][step->size_bytes == sizes[1]];
		assert_true(step->count != p->n_total && step->count >= p->n_used);
		p->n_total = MIN(step->count, p->n_room);
	}
}

static void obey(struct sim *s, const struct action *act, gboolean half)
{
	switch (act->verb) {
	case VERB_WRITE_BOOT_FILES: write_files(s, act->host, half); return;
	case VERB_UPDATE_BOOT: update_boot(s, act, half); return;
	case VERB_SET_HUGEPAGES: set_pages(s, act->host, half); return;
	case VERB_LOAD_MODULES:
		for (guint i = 0; i < act->host->modules.n && !(half && i); i++) {
			assert_false(has(s->loaded, act->host->modules.items[i]));
			add(s, s->loaded, act->host->modules.items[i]);
		}
		return;
	default: fail_msg("%s is no verb on hosts", verbs[act->verb].name);
	}
}

/* A pass; with a crash, it ends in the middle of one of its actions. */
static void pass(struct sim *s, const struct objects *want, GRand *r, gboolean crashes)
{
	SCOPED_ARENA(a);
	struct plan *p = look(s, a, want);
	guint end = crashes && p->n_actions ? (guint)g_rand_int_range(r, 0, (gint32)p->n_actions) : p->n_actions;
	for (guint i = 0; i < end; i++)
		obey(s, &p->actions[i], FALSE);
	if (end < p->n_actions)
		obey(s, &p->actions[end], TRUE);
}

/* What GRUB's file adds, what grubby set, and the owner's; nothing blacklisted is loaded by itself. */
static void reboot(struct sim *s)
{
	const char *grub = g_strcmp0(s->family, "debian") == 0 ? s->texts[2] : NULL;
	g_ptr_array_set_size(s->cmdline, 0);
	g_ptr_array_set_size(s->former, 0);
	for (guint i = 0; i < s->loader->len; i++)
		add(s, s->cmdline, g_ptr_array_index(s->loader, i));
	for (guint i = 0; grub && i < G_N_ELEMENTS(arguments); i++)
		if (strstr(grub, arguments[i]))
			add(s, s->cmdline, arguments[i]);
	for (guint i = 0; i < G_N_ELEMENTS(modules); i++)
		if (s->texts[1] && strstr(s->texts[1], arena_printf(s->arena, "blacklist %s", modules[i])))
			drop(s->loaded, modules[i]);
}

/* -- as wanted ------------------------------------------------------------------------------------------------------ */

static void check_pages(const struct sim *s, const struct host_spec *want)
{
	for (guint i = 0; i < want->hugepages.n; i++) {
		const struct host_hugepages *w = LIST_AT(want->hugepages, struct host_hugepages, i);
		if (w->node >= N_NODES)
			continue;
		const struct pages *p = &s->pages[w->node][w->size_bytes == sizes[1]];
		assert_int_equal(p->n_total, MIN(MAX(w->count, p->n_used), p->n_room));
	}
}

static gboolean is_wanted(const struct host_spec *want, const char *argument)
{
	for (guint i = 0; i < want->kernel_args.n; i++)
		if (strcmp(want->kernel_args.items[i], argument) == 0)
			return TRUE;
	return FALSE;
}

static void check_boot(const struct sim *s, const struct host_spec *want, const struct verdict *v)
{
	const struct boot_family *family = boot_family_find(s->family);
	gboolean is_foreign = FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		is_foreign |= g_strcmp0(s->texts[i], FOREIGN) == 0;
	for (guint i = 0; i < s->owners->len; i++)
		assert_true(has(s->cmdline, g_ptr_array_index(s->owners, i)));
	if (!want->manage_boot || !family->name || is_foreign)
		return;
	assert_string_not_equal(v->reason, "RebootRequired");
	gboolean lacks = FALSE;
	for (guint i = 0; i < want->kernel_args.n; i++) {
		const char *argument = want->kernel_args.items[i];
		gboolean by_cleave = family->takes_arguments && boot_argument_is_plain(argument);
		if (by_cleave && !has(s->cmdline, argument))
			fail_msg("%s: %s is not in force: %s %s", s->family, argument, v->reason, v->message ? v->message : "");
		lacks |= !has(s->cmdline, argument);
	}
	assert_true(lacks == (strcmp(v->reason, "BootNotManaged") == 0) || strcmp(v->reason, "HugepagesNotOffered") == 0);
	/* What is not wanted any more is gone, unless the owner has it. */
	for (guint i = 0; i < s->cmdline->len; i++) {
		const char *argument = g_ptr_array_index(s->cmdline, i);
		assert_true(has(s->owners, argument) || is_wanted(want, argument));
	}
}

static void check_at_rest(struct sim *s, const struct objects *want)
{
	SCOPED_ARENA(a);
	struct plan *p = look(s, a, want);
	const struct host_spec *spec = objects_get(want, KIND_HOST, "h1")->spec;
	for (guint i = 0; i < p->n_actions; i++) /* a node that falls short is asked again */
		assert_int_equal(p->actions[i].verb, VERB_SET_HUGEPAGES);
	check_pages(s, spec);
	check_boot(s, spec, plan_verdict(p, KIND_HOST, "h1"));
}

static void round_of(guint32 seed)
{
	SCOPED_ARENA(a);
	g_autoptr(GRand) r = g_rand_new_with_seed(seed);
	struct sim s = sim_new(a, r);
	for (guint i = 0; i < CHANGES; i++) {
		struct objects *want = random_want(a, r);
		for (guint n = (guint)g_rand_int_range(r, 0, PASSES); n > 0; n--) {
			pass(&s, want, r, TRUE);
			if (one_in(r, 6))
				reboot(&s);
		}
		if (one_in(r, 2))
			continue; /* wanted otherwise before it came to rest */
		pass(&s, want, r, FALSE);
		reboot(&s);
		check_at_rest(&s, want);
	}
}

static void test_hosts(void **state)
{
	(void)state;
	const char *given = g_getenv("CLEAVE_SEED");
	guint32 seed = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
	for (guint i = 0; i < (given ? 1 : ROUNDS); i++) {
		last_seed = seed + i;
		round_of(last_seed);
	}
	print_message("# %d hosts\n", given ? 1 : ROUNDS);
}

static int say_seed(void **state)
{
	(void)state;
	print_message("# last seed: CLEAVE_SEED=%u\n", last_seed);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hosts) };
	return cmocka_run_group_tests_name("plans of hosts", tests, NULL, say_seed);
}
