/* tests/fmt/NAME.in.yaml with NAME.out.yaml: formatted so; or with NAME.txt: refused with these messages.
 * CLEAVE_UPDATE=1 writes the expected files. And random trees in random dress, with comments wherever one
 * may stand: the same tree, all comments in order. The seed is printed; CLEAVE_SEED=N repeats a run. */
#include "base/arena.h"
#include "spec/fmt.h"
#include "spec/form.h"
#include "spec/node.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* -- golden files ------------------------------------------------------------------------------------------- */

static char *read_text(const char *path, gsize *ret_size)
{
	char *text = NULL;
	g_autoptr(GError) error = NULL;
	if (!g_file_get_contents(path, &text, ret_size, &error))
		fail_msg("%s", error->message);
	return text;
}

/* The formatted text, or (FALSE) the messages. */
static gboolean format(const char *name, const char *bytes, gsize size, GString *ret)
{
	SCOPED_ARENA(a);
	struct problems problems;
	problems_init(&problems, a);
	gboolean is_good = fmt_yaml(a, name, bytes, size, ret, &problems);
	assert_int_equal(is_good, problems.n_errors == 0);
	assert_true(is_good || ret->len == 0);
	for (guint i = 0; i < problems.list->len; i++)
		problem_format(ret, &g_array_index(problems.list, struct problem, i), bytes, size);
	problems_clear(&problems);
	return is_good;
}

static void expect_idempotent(const GString *text)
{
	g_autoptr(GString) again = g_string_new(NULL);
	if (!format("formatted", text->str, text->len, again))
		fail_msg("%s\n%s", again->str, text->str);
	assert_string_equal(again->str, text->str);
}

static void golden_case(void **state)
{
	const char *path = *state;
	gsize size;
	g_autofree char *bytes = read_text(path, &size), *name = g_path_get_basename(path);
	g_autofree char *stem = g_strndup(path, strlen(path) - strlen(".in.yaml"));
	g_autoptr(GString) text = g_string_new(NULL);
	gboolean is_good = format(name, bytes, size, text);
	g_autofree char *golden_path = g_strconcat(stem, is_good ? ".out.yaml" : ".txt", NULL);
	if (g_getenv("CLEAVE_UPDATE"))
		g_file_set_contents(golden_path, text->str, (gssize)text->len, NULL);
	if (!g_file_test(golden_path, G_FILE_TEST_EXISTS))
		fail_msg("%s is not there; this was said:\n%s", golden_path, text->str);
	g_autofree char *golden = read_text(golden_path, NULL);
	assert_string_equal(text->str, golden);
	if (is_good)
		expect_idempotent(text);
}

/* -- random files --------------------------------------------------------------------------------------------- */

enum { N_RANDOM = 3000, DEPTH = 4 };

/* Writes a value as somebody might, and counts the comments: the n-th has the text "# cN.". */
struct author {
	GRand *r;
	GString *out;
	guint n_comments;
	guint unit; /* of indentation */
};

static gboolean maybe(struct author *t, int percent)
{
	return g_rand_int_range(t->r, 0, 100) < percent;
}

static void spaces(struct author *t, guint n)
{
	g_string_append_printf(t->out, "%*s", (int)n, "");
}

static void comment(struct author *t)
{
	g_string_append_printf(t->out, "# c%u. 'it' {is: \"so\"} - x", t->n_comments++);
	spaces(t, (guint)g_rand_int_range(t->r, 0, 3));
}

/* Ends a line, perhaps with a comment; perhaps blank lines and lines of comments follow. */
static void end_line(struct author *t, guint indent)
{
	if (maybe(t, 20)) {
		spaces(t, (guint)g_rand_int_range(t->r, 1, 8));
		comment(t);
	}
	g_string_append_c(t->out, '\n');
	while (maybe(t, 15))
		g_string_append(t->out, maybe(t, 50) ? "\n" : "  \n");
	while (maybe(t, 15)) {
		spaces(t, maybe(t, 70) ? indent : (guint)g_rand_int_range(t->r, 0, 9));
		comment(t);
		g_string_append_c(t->out, '\n');
	}
}

static const char *const words[] = { "a", "word", "two words", "8", "4.2.3", "03:00", "true", "~", "", "a: b", "a #b", "#a", "-", "- a",
	                             "-a", "? a", ":a", "a:b", "[a", "a,b", "{", "it's", "say \"so\"", "P:\\", "é ☃", "a\nb", " a", "a ",
	                             "<<", "---", "%a", "@a", "a\tb", "0x1f", "1e3", "2001-01-01", "null", "off" };

static void quoted(struct author *t, const char *text)
{
	gboolean single = maybe(t, 40) && !strchr(text, '\n');
	g_string_append_c(t->out, single ? '\'' : '"');
	for (const char *c = text; *c; c++)
		if (single)
			g_string_append_printf(t->out, *c == '\'' ? "''" : "%c", *c);
		else if (*c == '\n')
			g_string_append(t->out, "\\n");
		else
			g_string_append_printf(t->out, strchr("\"\\", *c) ? "\\%c" : "%c", *c);
	g_string_append_c(t->out, single ? '\'' : '"');
}

/* Plain only where every reader takes it. */
static void scalar(struct author *t)
{
	const char *text = words[g_rand_int_range(t->r, 0, G_N_ELEMENTS(words))];
	gboolean is_plain = *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.~") == strlen(text);
	if (is_plain && maybe(t, 60))
		g_string_append(t->out, text);
	else
		quoted(t, text);
}

static void key(struct author *t, guint i)
{
	const char *text = maybe(t, 20) ? words[g_rand_int_range(t->r, 0, 16)] : "key";
	g_autofree char *unique = g_strdup_printf("%s%u", text, i);
	if (g_str_has_prefix(unique, "key") && maybe(t, 80))
		g_string_append(t->out, unique);
	else
		quoted(t, unique);
}

/* In a flow collection a line may end between any two parts. */
static void flow_gap(struct author *t, guint indent)
{
	if (!maybe(t, 12)) {
		spaces(t, (guint)g_rand_int_range(t->r, 0, 2));
		return;
	}
	end_line(t, indent);
	spaces(t, indent);
}

static void flow(struct author *t, guint indent, guint depth)
{
	if (depth == 0 || maybe(t, 60)) {
		scalar(t);
		return;
	}
	gboolean is_map = maybe(t, 50);
	guint n = (guint)g_rand_int_range(t->r, 0, 4);
	g_string_append_c(t->out, is_map ? '{' : '[');
	flow_gap(t, indent);
	for (guint i = 0; i < n; i++) {
		if (is_map) {
			key(t, i);
			g_string_append(t->out, ": ");
			flow_gap(t, indent);
		}
		flow(t, indent, depth - 1);
		flow_gap(t, indent);
		if (i + 1 < n) {
			g_string_append_c(t->out, ',');
			flow_gap(t, indent);
		}
	}
	g_string_append_c(t->out, is_map ? '}' : ']');
}

static void block_scalar(struct author *t, guint indent)
{
	static const char *const headers[] = { "|", "|-", "|+", ">", ">-", ">+" };
	static const char *const lines[] = { "text", "# no comment", "", "  more", "- x: {", "last" };
	g_string_append(t->out, headers[g_rand_int_range(t->r, 0, G_N_ELEMENTS(headers))]);
	if (maybe(t, 20)) {
		spaces(t, 1);
		comment(t);
	}
	g_string_append_c(t->out, '\n');
	spaces(t, indent);
	g_string_append(t->out, "first\n");
	while (maybe(t, 60)) {
		const char *line = lines[g_rand_int_range(t->r, 0, G_N_ELEMENTS(lines))];
		spaces(t, *line ? indent : 0);
		g_string_append_printf(t->out, "%s\n", line);
	}
}

static void block(struct author *t, guint indent, guint depth, gboolean is_map);

/* What stands behind "key:" or "-", with the end of its line. */
static void value(struct author *t, guint indent, guint depth, gboolean is_in_map)
{
	guint inner = indent + t->unit;
	if (depth > 0 && maybe(t, 35)) {
		/* A list may stand as deep as its key. */
		gboolean is_map = maybe(t, 60), is_shallow = !is_map && is_in_map && maybe(t, 40);
		end_line(t, is_shallow ? indent : inner);
		block(t, is_shallow ? indent : inner, depth - 1, is_map);
	} else if (maybe(t, 12)) {
		spaces(t, 1);
		block_scalar(t, inner);
	} else if (maybe(t, 8)) {
		end_line(t, indent); /* nothing */
	} else {
		if (maybe(t, 10)) {
			end_line(t, inner);
			spaces(t, inner);
		}
		spaces(t, (guint)g_rand_int_range(t->r, 1, 3));
		flow(t, inner, depth);
		end_line(t, indent);
	}
}

static void block(struct author *t, guint indent, guint depth, gboolean is_map)
{
	guint n = (guint)g_rand_int_range(t->r, 1, 4);
	for (guint i = 0; i < n; i++) {
		spaces(t, indent);
		if (is_map)
			key(t, i);
		g_string_append_c(t->out, is_map ? ':' : '-');
		value(t, indent, depth, is_map);
	}
}

static void document(struct author *t)
{
	while (maybe(t, 30)) {
		comment(t);
		g_string_append(t->out, maybe(t, 30) ? "\n\n" : "\n");
	}
	for (guint i = 0; i == 0 || maybe(t, 30); i++) {
		if (i > 0 || maybe(t, 20)) {
			g_string_append(t->out, "---");
			end_line(t, 0);
		}
		block(t, 0, DEPTH, maybe(t, 60));
	}
}

/* -- what must hold ------------------------------------------------------------------------------------------- */

static void expect_equal(const struct node *x, const struct node *y)
{
	assert_int_equal(x->type, y->type);
	if (x->type == NODE_SCALAR) {
		assert_string_equal(x->text, y->text);
		if (text_is_ambiguous(x->text))
			assert_int_equal(x->plain, y->plain);
		return;
	}
	assert_int_equal(x->n, y->n);
	for (guint i = 0; i < x->n; i++) {
		if (x->type == NODE_MAP)
			assert_string_equal(x->members[i].key, y->members[i].key);
		expect_equal(x->type == NODE_MAP ? &x->members[i].value : &x->items[i],
		             x->type == NODE_MAP ? &y->members[i].value : &y->items[i]);
	}
}

static struct documents read_nodes(struct arena *a, const GString *text)
{
	struct problems problems;
	problems_init(&problems, a);
	struct documents d = node_read(a, "random", text->str, text->len, &problems);
	if (problems.n_errors)
		fail_msg("%s", g_array_index(problems.list, struct problem, 0).message);
	problems_clear(&problems);
	return d;
}

/* How often a text is there. */
static guint count(const char *text, const char *part)
{
	guint n = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

static void expect_comments(const GString *text, guint n)
{
	for (guint i = 0; i < n; i++) {
		g_autofree char *one = g_strdup_printf("# c%u. 'it' {is: \"so\"} - x\n", i);
		if (count(text->str, one) != 1)
			fail_msg("comment %u is there %u times", i, count(text->str, one));
	}
	assert_int_equal(count(text->str, "# c"), n);
}

static void check_random(guint32 seed)
{
	SCOPED_ARENA(a);
	g_autoptr(GRand) r = g_rand_new_with_seed(seed);
	g_autoptr(GString) source = g_string_new(NULL), text = g_string_new(NULL);
	struct author t = { r, source, 0, (guint)g_rand_int_range(r, 1, 5) };
	document(&t);
	struct documents before = read_nodes(a, source);
	if (!format("random", source->str, source->len, text))
		fail_msg("%s\n%s", text->str, source->str);
	struct documents after = read_nodes(a, text);
	assert_int_equal(before.n, after.n);
	for (guint i = 0; i < before.n; i++)
		expect_equal(&before.items[i], &after.items[i]);
	expect_comments(text, t.n_comments);
	expect_idempotent(text);
}

static guint32 seed_played; /* of the file that failed */

static void random_files_keep_everything(void **state)
{
	const char *given = g_getenv("CLEAVE_SEED");
	(void)state;
	guint32 first = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
	for (guint32 i = 0; i < (given ? 1u : N_RANDOM); i++) {
		seed_played = first + i;
		check_random(seed_played);
	}
}

static int say_seed(void **state)
{
	(void)state;
	printf("# the last random file: CLEAVE_SEED=%u\n", seed_played);
	return 0;
}

/* -- the rest --------------------------------------------------------------------------------------------------- */

/* Any bytes: refused or formatted, never an end of the process. */
static void any_bytes(void **state)
{
	static const char alphabet[] = "ab: -#\n\n  []{},|>'\"?&*!%~\t\r\\0-.é";
	g_autoptr(GRand) r = g_rand_new_with_seed(20);
	(void)state;
	guint n_good = 0;
	for (guint i = 0; i < 20000; i++) {
		char bytes[24];
		g_autoptr(GString) text = g_string_new(NULL);
		gsize size = (gsize)g_rand_int_range(r, 0, sizeof bytes);
		for (gsize k = 0; k < size; k++)
			bytes[k] = alphabet[g_rand_int_range(r, 0, sizeof alphabet - 1)];
		if (!format("bytes", bytes, size, text)) {
			if (strstr(text->str, "cannot be formatted"))
				fail_msg("%s`%.*s`", text->str, (int)size, bytes);
			continue;
		}
		n_good++;
		expect_idempotent(text);
	}
	assert_true(n_good > 2000);
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(((const struct CMUnitTest *)x)->name, ((const struct CMUnitTest *)y)->name);
}

static void add_cases(GArray *tests, GPtrArray *names, const char *folder)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	if (!dir)
		g_error("%s", error->message);
	for (const char *name; (name = g_dir_read_name(dir));) {
		if (!g_str_has_suffix(name, ".in.yaml"))
			continue;
		char *path = g_build_filename(folder, name, NULL);
		g_ptr_array_add(names, path);
		struct CMUnitTest test = { path, golden_case, NULL, NULL, path };
		g_array_append_val(tests, test);
	}
	g_array_sort(tests, by_name);
}

int main(void)
{
	const char *top = g_getenv("CLEAVE_TESTS") ? g_getenv("CLEAVE_TESTS") : "tests";
	g_autofree char *folder = g_build_filename(top, "fmt", NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GArray) tests = g_array_new(FALSE, TRUE, sizeof(struct CMUnitTest));
	const struct CMUnitTest others[] = { cmocka_unit_test_teardown(random_files_keep_everything, say_seed),
		                             cmocka_unit_test(any_bytes) };
	add_cases(tests, names, folder);
	g_array_append_vals(tests, others, G_N_ELEMENTS(others));
	return _cmocka_run_group_tests("fmt", (const struct CMUnitTest *)(gpointer)tests->data, tests->len, NULL, NULL);
}
