/* Trees that nobody means well with: large, deep, in odd encodings, full of what YAML allows and cleave does
 * not. Inputs are made here. Each says the first problem (or that there is none), and that time and memory are
 * bounded: the work is done in a child, whose peak memory is measured. */
#include "base/arena.h"
#include "spec/load.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

/* Of the machine, not of speed: what is quadratic takes hours. */
enum { SECONDS_MAX = IS_SANITIZED ? 200 : 20 };

#define MIB ((gsize)1 << 20)

/* -- what came of it ------------------------------------------------------------------------------------- */

struct verdict {
	guint n_errors, n_warnings, n_held;
	gint64 grown; /* bytes of peak memory above that before */
	gint64 time_us;
	char first[512]; /* the first problem with its place, one line */
};

/* VmHWM of proc(5), in bytes; writing 5 to clear_refs sets it to what is used now. */
static gint64 peak_memory(gboolean reset)
{
	g_autofree char *status = NULL;
	int fd = reset ? open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		(void)!write(fd, "5", 1);
		close(fd);
	}
	g_file_get_contents("/proc/self/status", &status, NULL, NULL);
	const char *line = status ? strstr(status, "VmHWM:") : NULL;
	return line ? g_ascii_strtoll(line + strlen("VmHWM:"), NULL, 10) * 1024 : 0;
}

static struct verdict judge(const struct spec_file *file)
{
	SCOPED_ARENA(a);
	struct verdict v = { 0 };
	struct problems problems;
	g_autoptr(GString) first = g_string_new(NULL);
	problems_init(&problems, a);
	gint64 memory = peak_memory(TRUE), begin = g_get_monotonic_time();
	spec_load(a, file, 1, &problems);
	v.time_us = g_get_monotonic_time() - begin;
	v.grown = peak_memory(FALSE) - memory;
	v.n_errors = problems.n_errors;
	v.n_warnings = problems.n_warnings;
	v.n_held = problems.list->len;
	for (guint i = 0; i < problems.list->len; i++) { /* with its excerpt: that has to bear all of them, too */
		GString *one = i ? g_string_new(NULL) : first;
		problem_format(one, &g_array_index(problems.list, struct problem, i), file->bytes, file->size);
		if (i)
			g_string_free(one, TRUE);
	}
	g_strlcpy(v.first, first->str, MIN(sizeof v.first, strcspn(first->str, "\n") + 1));
	problems_clear(&problems);
	return v;
}

/* In a child: a crash is a failure with a name, and memory starts afresh. */
static struct verdict load_hostile(const char *what, const GString *text)
{
	const struct spec_file file = { "a.yaml", text->str, text->len, NULL, NULL };
	struct verdict v;
	int ends[2], status;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		v = judge(&file);
		_exit(write(ends[1], &v, sizeof v) == (ssize_t)sizeof v ? 0 : 1);
	}
	close(ends[1]);
	ssize_t n = read(ends[0], &v, sizeof v);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (n != (ssize_t)sizeof v || status != 0)
		fail_msg("%s: ended with wait status %#x", what, status);
	if (v.time_us > SECONDS_MAX * G_USEC_PER_SEC)
		fail_msg("%s: took %.1f s", what, (double)v.time_us / 1e6);
	assert_true(v.n_held <= PROBLEMS_HELD);
	return v;
}

/* Memory: at most `factor` bytes for each of the input, and 16 MiB. Under sanitizers it is not asked. */
static struct verdict expect(const char *what, const GString *text, const char *first, gsize factor)
{
	struct verdict v = load_hostile(what, text);
	if (strcmp(v.first, first) != 0)
		fail_msg("%s:\n  %s\nand not\n  %s", what, v.first, first);
	if (!IS_SANITIZED && v.grown > (gint64)(text->len * factor + 16 * MIB))
		fail_msg("%s: %.1f MB took %.1f MB", what, (double)text->len / 1e6, (double)v.grown / 1e6);
	return v;
}

/* -- inputs -------------------------------------------------------------------------------------------------- */

#define FARM                                                                                                 \
	"apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec:\n  redis: {url: \"redis://h\"}\n"    \
	"  roots: {r: {path: /r}}\n  queues: [{name: q, default: true}]\n"
#define HEAD(kind, name) "apiVersion: cleave/v1alpha1\nkind: " kind "\nmetadata: {name: " name "}\n"

static void repeat(GString *s, const char *text, guint n)
{
	for (guint i = 0; i < n; i++)
		g_string_append(s, text);
}

/* `format` with a running number. */
static void count_up(GString *s, const char *before, const char *after, guint n)
{
	for (guint i = 0; i < n; i++)
		g_string_append_printf(s, "%s%u%s", before, i, after);
}

/* -- depth and aliases ------------------------------------------------------------------------------------ */

static void depth_is_bounded(void **state)
{
	static const struct {
		const char *what, *level, *first;
	} cases[] = {
		{ "lists in flow", "[", "a.yaml:1:65: error: nested deeper than 64 levels" },
		{ "maps in flow", "{a: ", "a.yaml:1:257: error: nested deeper than 64 levels" },
		{ "lists in block", "- ", "a.yaml:1:129: error: nested deeper than 64 levels" },
		{ "lists as keys", "? ", "a.yaml:1:3: error: a key is a plain word" },
		{ "lists in flow as keys", "[? ", "a.yaml:1:4: error: a key is a plain word" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		repeat(text, cases[i].level, 20000);
		expect(cases[i].what, text, cases[i].first, 1);
	}
	g_autoptr(GString) text = g_string_new(NULL);
	for (int i = 0; i < 3000; i++)
		g_string_append_printf(text, "%*sk:\n", i, "");
	expect("maps in block", text, "a.yaml:65:65: error: nested deeper than 64 levels", 1);
}

static void aliases_are_not_followed(void **state)
{
	g_autoptr(GString) text = g_string_new("a0: &a0 [x, x]\n");
	(void)state;
	for (int i = 1; i < 64; i++)
		g_string_append_printf(text, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
	struct verdict v = expect("alias bomb", text, "a.yaml:1:1: error: the key `kind` is missing", 1);
	assert_int_equal(v.n_errors, 64 + 63 * 2 + 1);
}

/* -- size --------------------------------------------------------------------------------------------------- */

static void long_texts_are_bounded(void **state)
{
	static const struct {
		const char *what, *before, *part, *after, *first;
		guint mib;
	} cases[] = {
		{ "plain scalar of 100 MiB", "a: ", "x", "\n", "a.yaml:1:1: error: the key `kind` is missing", 100 },
		{ "quoted scalar of 100 MiB", "a: \"", "x", "\"\n", "a.yaml:1:1: error: the key `kind` is missing", 100 },
		{ "open quote of 100 MiB", "a: \"", "x", "", "a.yaml:1:104857605: error: a quote, [ or { above is not closed", 100 },
		{ "line of 60 MiB", HEAD("Host", "h") "spec:\n  libvirt: ", "y", "\n",
		  "a.yaml:5:12: error: libvirt: `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy`: write a libvirt URI, as qemu:///system, or none", 60 },
		{ "key of 10 MiB", HEAD("Host", "h") "spec:\n  libvirt: none\n  ? ", "k", "\n  : v\n",
		  "a.yaml:6:5: error: unknown key `kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk`; "
		  "known here: libvirt, state, reconcile, suspend, manageBoot, kernelArgs, modules, blacklist, deviceTimeout, hugepages, reserve, bridges, pools", 10 },
		{ "comment of 60 MiB", "#", "#", "\n", "", 60 },
		{ "spaces of 60 MiB", "", " ", "\n", "", 60 },
		{ "lines of 60 MiB", "", "\n", "", "", 60 },
		{ "path of 4 MiB that goes up", HEAD("Farm", "f") "spec: {redis: {url: \"redis://h\"}, roots: {r: {path: ", "/a", "/../b}}}\n",
		  "a.yaml:4:53: error: path: `/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a`: "
		  "write the path without `.`, `..` and doubled or trailing slashes", 4 },
		{ "beginnings of tokens", HEAD("Host", "h") "spec:\n  libvirt: \"qemu:", "eyJ-", "\"\n", "", 4 },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) text = g_string_new(cases[i].before);
		repeat(text, cases[i].part, (guint)(cases[i].mib * MIB / strlen(cases[i].part)));
		g_string_append(text, cases[i].after);
		expect(cases[i].what, text, cases[i].first, 5);
	}
}

enum { MILLION = 1000000 };

/* Of a million each; `n_errors` 0: any number. */
static void many_things_are_bounded(void **state)
{
	static const struct {
		const char *what, *before, *part, *after, *first;
		guint n_errors;
	} cases[] = {
		{ "empty documents", "", "---\n", "", "", 0 },
		{ "documents", "", "--- {}\n", "", "a.yaml:1:5: error: the key `kind` is missing", MILLION },
		{ "wrong items", HEAD("Host", "h") "spec:\n  kernelArgs:\n", "  - \"a b\"\n", "",
		  "a.yaml:6:5: error: kernelArgs: `a b`: one argument an item, without spaces and quotes, as iommu=pt", MILLION },
		{ "tags", HEAD("Host", "h") "spec:\n  kernelArgs:\n", "  - !t a\n", "", "a.yaml:6:5: error: tags are not allowed", MILLION },
		{ "anchors", HEAD("Host", "h") "spec:\n  kernelArgs:\n", "  - &t a\n", "",
		  "a.yaml:6:5: error: anchors and aliases are not allowed; use the Farm's `defaults`", MILLION },
		{ "the same key", HEAD("Host", "h") "spec:\n", "  state: active\n", "", "a.yaml:6:3: error: the key `state` is given twice", MILLION - 1 },
		{ "lists in flow", HEAD("Host", "h") "spec:\n  kernelArgs: [", "[],", "]\n", "a.yaml:5:16: error: kernelArgs: must be one value, not a list or map", MILLION },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) text = g_string_new(cases[i].before);
		repeat(text, cases[i].part, MILLION);
		g_string_append(text, cases[i].after);
		struct verdict v = expect(cases[i].what, text, cases[i].first, 40);
		if (v.n_errors != cases[i].n_errors)
			fail_msg("%s: %u errors", cases[i].what, v.n_errors);
		assert_int_equal(v.n_held, MIN(v.n_errors, PROBLEMS_HELD));
	}
}

static void a_million_keys(void **state)
{
	(void)state;
	g_autoptr(GString) labels = g_string_new("apiVersion: cleave/v1alpha1\nkind: Host\nmetadata:\n  name: h\n  labels:\n");
	count_up(labels, "    k", ": v\n", MILLION);
	g_string_append(labels, "spec: {libvirt: none}\n");
	assert_int_equal(expect("labels", labels, "", 20).n_errors, 0);
	g_autoptr(GString) unknown = g_string_new(HEAD("Host", "h") "spec:\n");
	count_up(unknown, "  k", ": v\n", MILLION);
	struct verdict v = expect("unknown keys", unknown,
	                          "a.yaml:5:3: error: unknown key `k0`; known here: libvirt, state, reconcile, suspend, manageBoot, kernelArgs, "
	                          "modules, blacklist, deviceTimeout, hugepages, reserve, bridges, pools", 20);
	assert_int_equal(v.n_errors, MILLION);
}

/* What is small in git and large in memory: defaults below many objects. */
static void defaults_do_not_multiply(void **state)
{
	(void)state;
	g_autoptr(GString) many = g_string_new(FARM "  defaults:\n    vm:\n");
	count_up(many, "      k", ": 1\n", 10000);
	count_up(many, "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v", "}\nspec: {host: h}\n", 10000);
	expect("defaults below many VMs", many, "a.yaml:10:7: error: vm: a map in defaults has at most 256 keys", 40);
	g_autoptr(GString) keys = g_string_new(FARM "  defaults:\n    vm:\n");
	count_up(keys, "      k", ": 1\n", 100000);
	g_string_append(keys, "---\n" HEAD("VM", "v") "spec:\n");
	count_up(keys, "  k", ": 1\n", 100000);
	expect("defaults below many keys", keys, "a.yaml:10:7: error: vm: a map in defaults has at most 256 keys", 40);
	g_autoptr(GString) items = g_string_new(FARM "  defaults:\n    vm:\n      cloudInit:\n        packages:\n");
	count_up(items, "        - k", "\n", 10000);
	count_up(items, "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v", "}\nspec: {host: h}\n", 2000);
	expect("default list below many VMs", items, "a.yaml:12:9: error: vm: a list in defaults has at most 256 items", 40);
}

/* Every VM has all of the labels, so that every template lies below it. */
static void defaults_by_label_are_shared(void **state)
{
	(void)state;
	g_autoptr(GString) text = g_string_new(FARM "  defaults:\n    byLabel:\n");
	for (guint i = 0; i < 256; i++) {
		g_string_append_printf(text, "    - labels: {all: \"yes\"}\n      vm:\n        memory: %uGiB\n        cloudInit:\n          packages:\n", i + 1);
		count_up(text, "          - k", "\n", 100);
	}
	gsize len = text->len;
	count_up(text, "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v", ", labels: {all: \"yes\"}}\nspec: {host: h, vcpus: 1, boot: {kernel: /k}}\n", 5000);
	struct verdict v = expect("byLabel below many VMs", text, "a.yaml:26894:14: error: VM v0: host: there is no Host h", 40);
	assert_int_equal(v.n_errors, 5000);
	g_string_truncate(text, len);
	g_string_append(text, "    - labels: {all: \"no\"}\n");
	expect("too many byLabel", text, "a.yaml:10:5: error: byLabel: at most 256 of them", 40);
}

/* One item is wrong in each of many ways, and each way asks the document. */
static void wrong_items_are_asked_once(void **state)
{
	(void)state;
	g_autoptr(GString) pins = g_string_new(FARM "---\n" HEAD("Host", "h") "spec: {libvirt: none}\n---\n" HEAD("VM", "v")
	                                       "spec:\n  host: h\n  memory: 1GiB\n  vcpus: 4\n  boot: {kernel: /boot/k}\n  cpu:\n    pinning:\n");
	repeat(pins, "      - {vcpu: 1, cpus: \"2\"}\n", 50000);
	struct verdict v = expect("pins", pins, "a.yaml:25:9: error: VM v: cpu.pinning[1]: vCPU 1 is pinned twice", 60);
	assert_int_equal(v.n_errors, 49999);
	g_autoptr(GString) disks = g_string_new(FARM "---\n" HEAD("Host", "h") "spec: {libvirt: none}\n---\n" HEAD("VM", "v")
	                                        "spec:\n  host: h\n  memory: 1GiB\n  vcpus: 4\n  disks:\n");
	count_up(disks, "  - {name: d", ", mount: /m, filesystem: xfs}\n", 20000);
	v = expect("disks", disks, "a.yaml:22:5: error: VM v: disks[0]: give exactly one of pool and file", 200);
	assert_int_equal(v.n_errors, 20000 + 19999);
}

static void roots_and_images_are_not_compared_with_all(void **state)
{
	(void)state;
	g_autoptr(GString) good = g_string_new(FARM "  images:\n");
	count_up(good, "    i", ": {file: /i}\n", 100000);
	assert_int_equal(expect("images", good, "", 40).n_errors, 0);
	g_autoptr(GString) bad = g_string_new(HEAD("Farm", "f") "spec:\n  redis: {url: \"redis://h\"}\n  roots:\n");
	count_up(bad, "    r", ": {path: /same}\n", 50000);
	g_string_append(bad, "  images:\n");
	count_up(bad, "    i", ": {url: \"http://h/i\"}\n", 50000);
	struct verdict v = expect("same roots, unchecked images", bad,
	                          "a.yaml:8:16: error: Farm f: roots: r0 and r1 are the same folder", 100);
	assert_int_equal(v.n_errors, 49999 + 50000);
	g_autoptr(GString) none = g_string_new(FARM "  images:\n");
	count_up(none, "    i", ": {}\n", 16000);
	v = expect("images from nowhere", none, "a.yaml:9:9: error: Farm f: images: i0: give exactly one of url, file", 100);
	assert_int_equal(v.n_errors, 16000);
}

#define JOB_BEFORE "---\napiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: j"
#define JOB_AFTER(frames, more)                                                                             \
	"}\nspec: {project: p, scene: {file: \"r:a.blend\"}, resolution: 64x64, frames: \"" frames "\", output: " more "}\n"

static void jobs_are_not_compared_with_all(void **state)
{
	(void)state;
	g_autoptr(GString) text = g_string_new(FARM);
	for (guint i = 0; i < 100000; i++)
		g_string_append_printf(text, JOB_BEFORE "%u" JOB_AFTER("1-8", "\"r:o%u/f_####.png\""), i, i);
	assert_int_equal(expect("jobs", text, "", 20).n_errors, 0);
}

static void frames_stay_runs(void **state)
{
	static const struct {
		const char *frames, *first;
	} cases[] = {
		{ "1-10000000", "" },
		{ "1-9999999:2", "" },
		{ "1-10000001", "a.yaml:12:75: error: frames: `1-10000001`: more than 10000000 frames; make several jobs of it" },
		{ "1-1000000000000:2", "a.yaml:12:75: error: frames: `1-1000000000000:2`: more than 10000000 frames; make several jobs of it" },
		{ "1-9999999999999999999", "a.yaml:12:75: error: frames: `1-9999999999999999999`: a frame number is missing after the dash" },
		{ "1-100:0", "a.yaml:12:75: error: frames: `1-100:0`: a step is a whole number from 1" },
		{ "1-100:-1", "a.yaml:12:75: error: frames: `1-100:-1`: a step is a whole number from 1" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) text = g_string_new(FARM);
		g_string_append_printf(text, JOB_BEFORE "1" JOB_AFTER("%s", "\"r:o/f_####.png\""), cases[i].frames);
		struct verdict v = expect(cases[i].frames, text, cases[i].first, 1);
		if (!IS_SANITIZED) /* ten million frames as numbers would be 80 MB */
			assert_true(v.grown < (gint64)(4 * MIB));
	}
	g_autoptr(GString) jobs = g_string_new(FARM);
	for (guint i = 0; i < 1000; i++)
		g_string_append_printf(jobs, JOB_BEFORE "%u" JOB_AFTER("%u-9999999:1000", "\"r:o/f_####.png\", overrides: [{frames: \"1-9999999:3\", samples: 4}]"), i, i + 1);
	struct verdict v = expect("long steps", jobs, "a.yaml:12:131: warning: RenderJob p/j0: overrides[0]: 3329999 of its frames are not frames of the job", 40);
	assert_int_equal(v.n_errors, 0);
	assert_int_equal(v.n_warnings, 1000);
}

/* -- encodings and YAML's corners ------------------------------------------------------------------------- */

#define HOST HEAD("Host", "h") "spec: {libvirt: none}\n"
#define ALIASES "anchors and aliases are not allowed; use the Farm's `defaults`"

/* The first of all problems but "no kind", which stands beside those of such small files. */
static char *first_problem(const char *bytes, gsize size)
{
	SCOPED_ARENA(a);
	struct problems problems;
	const struct spec_file file = { "a.yaml", bytes, size, NULL, NULL };
	g_autoptr(GString) out = g_string_new(NULL);
	problems_init(&problems, a);
	spec_load(a, &file, 1, &problems);
	for (guint i = 0; i < problems.list->len && !out->len; i++) {
		const struct problem *p = &g_array_index(problems.list, struct problem, i);
		if (!strstr(p->message, "the key `kind` is missing"))
			g_string_printf(out, "%u:%u: %s", p->place.line, p->place.column, p->message);
	}
	problems_clear(&problems);
	return g_strdup(out->str);
}

static void expect_text(const char *bytes, gsize size, const char *first)
{
	g_autofree char *said = first_problem(bytes, size);
	if (strcmp(said, first) != 0)
		fail_msg("%s\n  %s\nand not\n  %s", bytes, said, first);
}

struct text_case {
	const char *bytes;
	gsize size;
	const char *first;
};
#define BYTES(text) text, sizeof text - 1

static void encodings(void **state)
{
	static const struct text_case cases[] = {
		{ BYTES("a: \xc0\xaf\n"), "1:4: not readable as UTF-8 text: invalid length of a UTF-8 sequence" },
		{ BYTES("a: \xed\xa0\x80\n"), "1:4: not readable as UTF-8 text: invalid Unicode character" },
		{ BYTES("a: \xef\xbf\xbe\n"), "1:4: not readable as UTF-8 text: control characters are not allowed" },
		{ BYTES("a: \xf4\x90\x80\x80\n"), "1:4: not readable as UTF-8 text: invalid Unicode character" },
		{ BYTES("a: \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xff\n"), "1:7: not readable as UTF-8 text: invalid leading UTF-8 octet" },
		{ BYTES("a: \x80\n"), "1:4: not readable as UTF-8 text: invalid leading UTF-8 octet" },
		{ BYTES("a: \xe2\x82"), "1:4: not readable as UTF-8 text: incomplete UTF-8 octet sequence" },
		{ BYTES("a: \x01\n"), "1:4: not readable as UTF-8 text: control characters are not allowed" },
		{ BYTES("a: \x7f\n"), "1:4: not readable as UTF-8 text: control characters are not allowed" },
		{ BYTES("a: b\0c\n"), "1:5: not readable as UTF-8 text: control characters are not allowed" },
		{ BYTES("a: \"b\\0c\"\n"), "1:4: a NUL character cannot stand in a value" },
		{ BYTES("a: \"\\uD800\"\n"), "1:7: YAML: found invalid Unicode character escape code while parsing a quoted scalar" },
		{ BYTES("\xff\xfe" "a\0:\0 \0\0\xd8"), "1:1: is UTF-16; write it as UTF-8" },
		{ BYTES("\xff\xfe\0\0a\0\0\0"), "1:1: is UTF-16; write it as UTF-8" },
		{ BYTES("\xfe\xff\0a\0:\0 \0b"), "1:1: is UTF-16; write it as UTF-8" },
		{ BYTES("a:\n\tb: 1\n"), "2:1: this character cannot begin a value; put the value in quotes (tabs do not indent: use spaces)" },
		{ BYTES("\xef\xbb\xbf" HOST), "" },
		{ BYTES("\xef\xbb\xbf"), "" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		expect_text(cases[i].bytes, cases[i].size, cases[i].first);
}

/* The same document in what editors of other systems write: read, or refused with its place. */
static void line_ends_and_wide_characters(void **state)
{
	static const struct {
		const char *encoding, *first;
	} wide[] = { { "UTF-16", "1:1: is UTF-16; write it as UTF-8" }, { "UTF-16LE", "1:2: not readable as UTF-8 text: control characters are not allowed" } };
	static const char *const ends[] = { "\r\n", "\r", "\xc2\x85", "\xe2\x80\xa8" };
	g_auto(GStrv) lines = g_strsplit(HOST, "\n", -1);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *text = g_strjoinv(ends[i], lines);
		expect_text(text, strlen(text), "");
	}
	for (guint i = 0; i < G_N_ELEMENTS(wide); i++) {
		gsize size = 0;
		g_autofree char *text = g_convert(HOST, -1, wide[i].encoding, "UTF-8", NULL, &size, NULL);
		expect_text(text, size, wide[i].first);
	}
}

static void corners_of_yaml(void **state)
{
	static const struct text_case cases[] = {
		{ BYTES("a: 1\na: 2\n"), "2:1: the key `a` is given twice" },
		{ BYTES("a: 1\n\"a\": 2\n"), "2:1: the key `a` is given twice" },
		{ BYTES("? [a]\n: b\n"), "1:3: a key is a plain word" },
		{ BYTES("? {a: b}\n: c\n"), "1:3: a key is a plain word" },
		{ BYTES("&a k: v\n"), "1:1: " ALIASES },
		{ BYTES("k: &a\n"), "1:4: " ALIASES },
		{ BYTES("a: *nope\n"), "1:4: " ALIASES },
		{ BYTES("a: b\n*a : z\n"), "2:1: " ALIASES },
		{ BYTES("k: !!str\n"), "1:4: tags are not allowed" },
		{ BYTES("!!str k: v\n"), "1:1: tags are not allowed" },
		{ BYTES("k: !!map {a: b}\n"), "1:4: tags are not allowed" },
		{ BYTES("k: !!binary aGk=\n"), "1:4: tags are not allowed" },
		{ BYTES("%TAG ! tag:x,2000:\n---\nk: !y z\n"), "3:4: tags are not allowed" },
		{ BYTES("%YAML 9.9\n---\nk: z\n"), "1:1: YAML: found incompatible YAML document" },
		{ BYTES("%FOO x\n---\nk: z\n"), "1:5: YAML: found unknown directive name while scanning a directive" },
		{ BYTES(HEAD("Host", "h") "spec: {<<: {a: b}}\n"),
		  "4:8: unknown key `<<`; known here: libvirt, state, reconcile, suspend, manageBoot, kernelArgs, modules, blacklist, deviceTimeout, "
		  "hugepages, reserve, bridges, pools" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		expect_text(cases[i].bytes, cases[i].size, cases[i].first);
}

/* -- values ---------------------------------------------------------------------------------------------------- */

#define JOB FARM "---\n" HEAD("RenderJob", "j") "spec:\n  project: p\n  scene: {file: \"r:a.blend\"}\n" \
	"  resolution: 64x64\n  frames: 1-8\n  output: \"r:o/f_####.png\"\n"

/* What YAML 1.1 or 1.2 reads as something else: as a number, as a word, as true or false. */
static void words_that_are_none(void **state)
{
	static const char word[] = "without quotes YAML reads this as true, false or nothing";
	static const char number[] = "without quotes YAML reads this as a number or date";
	/* Wrong in quotes as well: what they would be in quotes is not said. */
	static const char begin[] = "a name has 1 to 128 characters and begins with a letter or digit";
	static const char within[] = "a name has letters, digits, `.`, `_` and `-` only";
	static const char whole[] = "write a whole number", boolean[] = "write true or false";
	static const struct {
		const char *text, *as_text, *as_number, *as_bool;
	} cases[] = {
		{ "no", word, whole, boolean },        { "on", word, whole, "write true or false; did you mean true?" },
		{ "YES", word, whole, "write true or false; did you mean true?" },
		{ "0o17", number, whole, boolean },    { "1_000", number, whole, boolean },
		{ ".inf", begin, whole, boolean },    { "2026-01-01", number, whole, boolean },
		{ "1:30", within, whole, boolean },    { "0x1f", number, whole, boolean },
		{ "1e3", number, whole, boolean },     { "+1", begin, whole, boolean },
		{ "03:00", within, "a whole number in decimal, without leading zeros", boolean },
		{ "017", number, "a whole number in decimal, without leading zeros", boolean },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *t = cases[i].text;
		gboolean is_quoted = cases[i].as_text == word || cases[i].as_text == number;
		g_autofree char *text = g_strdup_printf("%s  queue: %s\n", JOB, t), *n = g_strdup_printf("%s  samples: %s\n", JOB, t),
		                *b = g_strdup_printf("%s  scripts: %s\n", JOB, t);
		g_autofree char *as_text = g_strdup_printf("18:10: queue: `%s`: %s%s%s%s", t, cases[i].as_text, is_quoted ? "; write \"" : "",
		                                          is_quoted ? t : "", is_quoted ? "\"" : ""),
		                *as_n = g_strdup_printf("18:12: samples: `%s`: %s", t, cases[i].as_number),
		                *as_b = g_strdup_printf("18:12: scripts: `%s`: %s", t, cases[i].as_bool);
		expect_text(text, strlen(text), as_text);
		expect_text(n, strlen(n), as_n);
		expect_text(b, strlen(b), as_b);
	}
	expect_text(BYTES(JOB "  queue: ~\n"), "18:10: queue: has no value; leave the key out instead");
	expect_text(BYTES(JOB "  samples: \"4\"\n"), "18:12: samples: `4`: write it without quotes: 4");
}

static void names_are_harmless(void **state)
{
	static const char begin[] = "a name has 1 to 128 characters and begins with a letter or digit";
	static const char within[] = "a name has letters, digits, `.`, `_` and `-` only";
	static const char line[] = "must be one line without control characters";
	static const struct {
		const char *written, *shown, *right;
	} cases[] = {
		{ "$(id)", "$(id)", begin }, { "<a>", "<a>", begin }, { "a;b", "a;b", within },      { "../x", "../x", begin },
		{ "-rf", "-rf", begin },     { "a/b", "a/b", within }, { "%s%n", "%s%n", begin },    { ".a", ".a", begin },
		{ "a b", "a b", within },    { "\xc3\xa4", "\xc3\xa4", begin }, { "a&amp;", "a&amp;", within }, { "a\\nb", "a b", line },
		/* a terminal's escape does not reach the terminal */
		{ "a\\e[2Jb", "a [2Jb", line }, { "a\\u009b2Jb", "a  2Jb", within },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(HEAD("Host", "\"%s\"") "spec: {libvirt: none}\n", cases[i].written);
		g_autofree char *first = g_strdup_printf("3:18: name: `%s`: %s", cases[i].shown, cases[i].right);
		expect_text(text, strlen(text), first);
	}
}

/* A message that quotes 80 bytes of a text does not end in half a character: JSON could not say it. */
static void messages_are_valid_text(void **state)
{
	g_autoptr(GString) text = g_string_new(HEAD("Host", "h") "spec: {libvirt: \"x");
	(void)state;
	repeat(text, "\xc3\xa4", 60);
	g_string_append(text, "\"}\n");
	g_autofree char *said = first_problem(text->str, text->len);
	assert_true(g_utf8_validate(said, -1, NULL));
	assert_non_null(strstr(said, "libvirt"));
}

static void long_key_twice(void **state)
{
	g_autoptr(GString) text = g_string_new("? ");
	(void)state;
	repeat(text, "k", (guint)(5 * MIB));
	g_string_append(text, "\n: 1\n");
	gsize len = text->len;
	g_string_append_len(text, text->str, (gssize)len);
	g_autofree char *said = first_problem(text->str, text->len);
	g_autofree char *key = g_strnfill(80, 'k');
	g_autofree char *wanted = g_strdup_printf("3:3: the key `%s` is given twice", key);
	assert_string_equal(said, wanted);
}

static void paths_stay_inside(void **state)
{
	static const char inside[] = "the path stays inside its root: no leading slash, no `.`, `..` or doubled slashes";
	static const char written[] = "write ROOT:path, as shots:nimbus/sh010.blend";
	static const struct {
		const char *path, *right;
	} cases[] = {
		{ "r:../a.blend", inside }, { "r:/etc/passwd", inside }, { "r:a/../../b", inside }, { "r:a//b", inside },
		{ "r:a/./b", inside },      { "r:a/..", inside },        { "r:..", inside },        { "r:./a", inside },
		{ "/etc/passwd", written }, { "r:", written },           { "file:///etc/passwd", inside }, { "a/b", written },
		{ "r:.cleave/x", "paths that begin with .cleave belong to cleave" },
	};
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(FARM JOB_BEFORE "}\nspec: {project: p, frames: 1-8, resolution: 64x64, output: \"r:f_#.png\", scene: {file: \"%s\"}}\n", cases[i].path);
		g_autofree char *first = g_strdup_printf("12:87: file: `%s`: %s", cases[i].path, cases[i].right);
		expect_text(text, strlen(text), first);
	}
}

/* Each form's own examples, and that a text which is refused is told what would be right. */
static void forms_take_what_they_show(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	for (int form = 0; form < N_FORMS; form++) {
		const struct form *f = &forms[form];
		for (guint i = 0; i < G_N_ELEMENTS(f->good) && f->good[i]; i++)
			if (form_check(a, (enum form_id)form, f->good[i]))
				fail_msg("%s: `%s` is refused", f->what, f->good[i]);
		for (guint i = 0; i < G_N_ELEMENTS(f->bad) && f->bad[i]; i++)
			if (!form_check(a, (enum form_id)form, f->bad[i]))
				fail_msg("%s: `%s` is taken", f->what, f->bad[i]);
	}
}

/* Rules run over what decode found wrong, too. */
static void rules_bear_what_is_missing(void **state)
{
	(void)state;
	expect_text(BYTES(HEAD("Farm", "f") "spec: {redis: {url: \"redis://h\"}, queues: [{default: true}]}\n---\n" HEAD("RenderJob", "j") "spec: {queue: vip}\n"),
	            "4:44: the key `name` is missing here: The name jobs use.");
}

#define TEST(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(depth_is_bounded),
		TEST(aliases_are_not_followed),
		TEST(long_texts_are_bounded),
		TEST(many_things_are_bounded),
		TEST(a_million_keys),
		TEST(defaults_do_not_multiply),
		TEST(defaults_by_label_are_shared),
		TEST(wrong_items_are_asked_once),
		TEST(roots_and_images_are_not_compared_with_all),
		TEST(jobs_are_not_compared_with_all),
		TEST(frames_stay_runs),
		TEST(encodings),
		TEST(line_ends_and_wide_characters),
		TEST(corners_of_yaml),
		TEST(words_that_are_none),
		TEST(names_are_harmless),
		TEST(messages_are_valid_text),
		TEST(long_key_twice),
		TEST(paths_stay_inside),
		TEST(forms_take_what_they_show),
		TEST(rules_bear_what_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
