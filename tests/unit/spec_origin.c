/* Where values came from (comments of `get -o yaml` and `render --origins`, places of rules), and that
 * what is rendered means the same when it is read again. */
#include "base/arena.h"
#include "spec/diff.h"
#include "spec/emit.h"
#include "spec/farm.h"
#include "spec/load.h"
#include "spec/node.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define HEAD(kind, name) "apiVersion: cleave/v1alpha1\nkind: " kind "\nmetadata: {name: " name "}\nspec:\n"

static const char farm_text[] = HEAD("Farm", "f")
    "  redis: {url: \"redis://127.0.0.1:6379/0\"}\n"
    "  roots: {frames: {path: /mnt/frames}}\n"
    "  lease: 45s\n"
    "  defaults:\n"
    "    vm: {memory: 2GiB, roots: [frames], networks: [{bridge: br0}], boot: {cmdline: quiet}}\n"
    "    job: {samples: 16}\n"
    "    byLabel:\n"
    "      - {labels: {size: big}, vm: {memory: 64GiB, boot: {initrd: /big}}}\n"
    "---\n" HEAD("Host", "h") "  libvirt: none\n";

static const char vms_text[] = "# two\n"
    "apiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v, labels: {size: big}}\nspec:\n"
    "  host: h\n"
    "  boot:\n"
    "    kernel: /boot/vmlinux\n"
    "  shares:\n"
    "    - path: /srv/a\n"
    "      target: a\n"
    "  vcpus:\n"
    "    4\n"
    "---\n" HEAD("VM", "w") "  host: h\n  roots: []\n  boot: {kernel: /k}\n";

static const char job_text[] = HEAD("RenderJob", "j")
    "  project: p\n  scene: {file: \"frames:a.blend\"}\n  frames: 1-8\n  resolution: 64x64\n  output: frames:o/f_####.png\n"
    "  chunk: 2\n  requires: {labels: {pool: render}}\n";

static struct objects *load_files(struct arena *a, const struct spec_file *files, guint n, struct problems *problems)
{
	problems_init(problems, a);
	return spec_load(a, files, n, problems);
}

static struct objects *load_good(struct arena *a, const struct spec_file *files, guint n)
{
	struct problems problems;
	struct objects *o = load_files(a, files, n, &problems);
	if (problems.n_errors)
		fail_msg("%s", g_array_index(problems.list, struct problem, 0).message);
	problems_clear(&problems);
	return o;
}

static const struct spec_file all_files[] = {
	{ "farm.yaml", farm_text, sizeof farm_text - 1, NULL, NULL },
	{ "vms.yaml", vms_text, sizeof vms_text - 1, NULL, NULL },
	{ "job.yaml", job_text, sizeof job_text - 1, NULL, NULL },
};

/* -- comments ------------------------------------------------------------------------------------------- */

static void comments_say_where(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	g_autoptr(GString) text = g_string_new(NULL);
	struct objects *all = load_good(a, all_files, G_N_ELEMENTS(all_files));
	emit_object(text, objects_get(all, KIND_VM, "v"), EMIT_SPEC | EMIT_ORIGINS);
	assert_string_equal(text->str, "---\n"
	                               "apiVersion: cleave/v1alpha1  # vms.yaml:2\n"
	                               "kind: VM\n"
	                               "metadata:\n"
	                               "  name: v\n"
	                               "  labels:\n"
	                               "    size: big\n"
	                               "spec:\n"
	                               "  host: h                    # vms.yaml:6\n"
	                               "  state: running             # default\n"
	                               "  vcpus: 4                   # vms.yaml:12\n"
	                               "  memory: 64GiB              # farm.yaml:12\n"
	                               "  machine: q35               # default\n"
	                               "  accelerator: kvm           # default\n"
	                               "  boot:                      # vms.yaml:7\n"
	                               "    kernel: /boot/vmlinux    # vms.yaml:8\n"
	                               "    initrd: /big             # farm.yaml:12\n"
	                               "    cmdline: quiet           # farm.yaml:9\n"
	                               "  shares:                    # vms.yaml:9\n"
	                               "  - path: /srv/a             # vms.yaml:10\n"
	                               "    target: a                # vms.yaml:11\n"
	                               "  roots:                     # farm.yaml:9\n"
	                               "  - frames                   # farm.yaml:9\n"
	                               "  networks:                  # farm.yaml:9\n"
	                               "  - bridge: br0              # farm.yaml:9\n"
	                               "  worker:                    # default\n"
	                               "    slotsPerGpu: 1           # default\n"
	                               "  drain: 1h                  # default\n"
	                               "  shutdownTimeout: 2m        # default\n");
}

/* Each line is the plain one with nothing but a comment behind it. */
static void check_lines(const char *plain, const char *commented)
{
	g_auto(GStrv) x = g_strsplit(plain, "\n", -1), y = g_strsplit(commented, "\n", -1);
	assert_int_equal(g_strv_length(x), g_strv_length(y));
	for (guint i = 0; x[i]; i++) {
		const char *rest = y[i] + strlen(x[i]);
		if (!g_str_has_prefix(y[i], x[i]) || (*rest && (!g_str_has_prefix(rest, "  ") || *(rest + strspn(rest, " ")) != '#')))
			fail_msg("`%s` became `%s`", x[i], y[i]);
	}
}

static void expect_equal_nodes(const struct node *x, const struct node *y)
{
	assert_int_equal(x->type, y->type);
	if (x->type == NODE_SCALAR) {
		assert_string_equal(x->text, y->text);
		assert_int_equal(x->plain, y->plain);
		return;
	}
	assert_int_equal(x->n, y->n);
	for (guint i = 0; i < x->n; i++) {
		if (x->type == NODE_MAP)
			assert_string_equal(x->members[i].key, y->members[i].key);
		expect_equal_nodes(x->type == NODE_MAP ? &x->members[i].value : &x->items[i],
		                   x->type == NODE_MAP ? &y->members[i].value : &y->items[i]);
	}
}

static struct documents read_text(struct arena *a, const GString *text)
{
	struct problems problems;
	problems_init(&problems, a);
	struct documents d = node_read(a, "emitted", text->str, text->len, &problems);
	if (problems.n_errors)
		fail_msg("%s\n%s", g_array_index(problems.list, struct problem, 0).message, text->str);
	problems_clear(&problems);
	return d;
}

static void expect_only_comments(struct arena *a, const struct objects *all)
{
	g_autoptr(GString) plain = g_string_new(NULL), commented = g_string_new(NULL);
	emit_objects(plain, all, EMIT_SPEC);
	emit_objects(commented, all, EMIT_SPEC | EMIT_ORIGINS);
	check_lines(plain->str, commented->str);
	struct documents x = read_text(a, plain), y = read_text(a, commented);
	assert_true(x.n > 0);
	assert_int_equal(x.n, y.n);
	for (guint i = 0; i < x.n; i++)
		expect_equal_nodes(&x.items[i], &y.items[i]);
}

static void comments_change_nothing(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	expect_only_comments(a, load_good(a, all_files, G_N_ELEMENTS(all_files)));
}

/* Keys that libyaml writes in lines of their own, lists and maps in lists, empty ones, texts with newlines
 * and what looks like a comment. The Farm's templates keep what was written, whatever it is. */
static void odd_values_keep_their_lines(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	g_autofree char *key = g_strnfill(200, 'k');
	g_autofree char *text = g_strconcat(HEAD("Farm", "f") "  redis: {url: \"redis://127.0.0.1:6379/0\"}\n  defaults:\n    vm:\n",
	                                    "      ", key, ": x\n      m", key, ": {a: b}\n      e", key, ": {}\n      l", key,
	                                    ": [1, [2, [], {}], {a: {}}, [[3]]]\n      text: \"a # b\\nc: d\"\n      ml: |\n        x\n        # y\n"
	                                    "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h, annotations: {",
	                                    key, ": \"a # b\"}}\n", "spec: {}\n", NULL);
	struct spec_file file = { "odd\n# name\x01.yaml", text, strlen(text), NULL, NULL };
	struct problems problems;
	/* The template's keys are refused; what was read of it is there all the same. */
	struct objects *all = load_files(a, &file, 1, &problems);
	problems_clear(&problems);
	g_autoptr(GString) farm = g_string_new(NULL);
	emit_object(farm, objects_farm(all), EMIT_SPEC | EMIT_ORIGINS);
	assert_non_null(strstr(farm->str, "? k"));
	assert_non_null(strstr(farm->str, "# odd?# name?.yaml:8"));
	expect_only_comments(a, all);
}

/* -- places of rules ---------------------------------------------------------------------------------------- */

static void rules_tell_the_place_of_defaults(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	const char farm[] = HEAD("Farm", "f") "  redis: {url: \"redis://127.0.0.1:6379/0\"}\n  roots: {frames: {path: /mnt/frames}}\n"
	                    "  defaults:\n    job:\n      output: nowhere:o/f_####.png\n"
	                    "---\n" HEAD("Host", "h") "  libvirt: none\n";
	const char job[] = HEAD("RenderJob", "j") "  project: p\n  scene: {file: \"frames:a.blend\"}\n  frames: 1-8\n"
	                   "  samples: 1\n  resolution: 64x64\n";
	const struct spec_file files[] = { { "farm.yaml", farm, sizeof farm - 1, NULL, NULL }, { "job.yaml", job, sizeof job - 1, NULL, NULL } };
	struct problems problems;
	load_files(a, files, 2, &problems);
	assert_int_equal(problems.n_errors, 1);
	const struct problem *p = &g_array_index(problems.list, struct problem, 0);
	assert_non_null(strstr(p->message, "nowhere"));
	assert_string_equal(p->place.path, "farm.yaml");
	assert_int_equal(p->place.line, 9);
	problems_clear(&problems);
}

/* -- what is rendered ------------------------------------------------------------------------------------------ */

static void expect_equal_objects(struct arena *a, const struct objects *x, const struct objects *y)
{
	guint n = 0;
	for (int k = 0; k < N_KINDS; k++) {
		assert_int_equal(x->by_kind[k]->len, y->by_kind[k]->len);
		OBJECTS_EACH (o, x, k) {
			const struct object *other = objects_get(y, (enum kind_id)k, o->id);
			assert_non_null(other);
			struct changes c = diff_structs(a, o->kind->spec_fields, o->spec, other->spec, 0);
			if (c.n)
				fail_msg("%s %s: %s: %s became %s", o->kind->name, o->id, c.items[0].field, c.items[0].before,
				         c.items[0].after);
			c = diff_structs(a, meta_fields, &o->meta, &other->meta, 0);
			assert_int_equal(c.n, 0);
			n++;
		}
	}
	assert_true(n > 0);
}

static void rendered_is_equal(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct objects *all = load_good(a, all_files, G_N_ELEMENTS(all_files)), *selected = emit_select(a, all, NULL, NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	emit_objects(text, selected, EMIT_SPEC | EMIT_ORIGINS);
	assert_null(strstr(text->str, "byLabel"));
	struct spec_file file = { "rendered.yaml", text->str, text->len, NULL, NULL };
	expect_equal_objects(a, selected, load_good(a, &file, 1));
	/* The Farm in force keeps its defaults. */
	assert_non_null(((const struct farm_spec *)objects_farm(all)->spec)->defaults.templates.vm);
}

static void selected_by_kind_and_name(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	struct objects *all = load_good(a, all_files, G_N_ELEMENTS(all_files));
	const struct objects *vms = emit_select(a, all, &kinds[KIND_VM], NULL), *one = emit_select(a, all, &kinds[KIND_VM], "w"),
	                     *job = emit_select(a, all, &kinds[KIND_RENDERJOB], "p/j"), *none = emit_select(a, all, &kinds[KIND_VM], "x");
	assert_int_equal(vms->by_kind[KIND_VM]->len, 2);
	assert_int_equal(vms->by_kind[KIND_HOST]->len, 0);
	assert_int_equal(one->by_kind[KIND_VM]->len, 1);
	assert_int_equal(job->by_kind[KIND_RENDERJOB]->len, 1);
	assert_int_equal(none->by_kind[KIND_VM]->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_say_where),
		cmocka_unit_test(comments_change_nothing),
		cmocka_unit_test(odd_values_keep_their_lines),
		cmocka_unit_test(rules_tell_the_place_of_defaults),
		cmocka_unit_test(rendered_is_equal),
		cmocka_unit_test(selected_by_kind_and_name),
	};
	return cmocka_run_group_tests_name("origins", tests, NULL, NULL);
}
