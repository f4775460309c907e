/* History, events and conditions below --state: collapsed, bounded, written only when something changed, and whole again
 * after a process that was killed at any byte. */
#include "state/conditions.h"
#include "state/events.h"
#include "state/history.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MINUTE = 60 * 1000 };

static char *dir;

static char *path_of(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static int set_up(void **state)
{
	(void)state;
	dir = g_dir_make_tmp("cleave-kept-XXXXXX", NULL);
	return dir ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const names[] = { "events.jsonl", "conditions.jsonl", "history.jsonl", "events.jsonl.new" };
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = path_of(names[i]);
		g_unlink(path);
	}
	g_rmdir(dir);
	g_free(dir);
	return 0;
}

static void flush(struct events *e)
{
	GError *error = NULL;
	if (!events_flush(e, &error))
		fail_msg("%s", error->message);
}

static void add(struct events *e, const char *name, const char *reason, const char *message, gint64 now_ms)
{
	const struct kept_event one = { .kind = "VM", .name = (char *)name, .reason = (char *)reason, .message = (char *)message,
		                        .revision = "main@sha1:1" };
	events_add(e, &one, now_ms);
}

static gint64 size_of(const char *name)
{
	g_autofree char *path = path_of(name);
	struct stat s;
	return stat(path, &s) == 0 ? (gint64)s.st_size : -1;
}

/* -- events -------------------------------------------------------------------------------------------------- */

static void equal_ones_are_counted(void **state)
{
	(void)state;
	struct events *e = events_open(dir);
	add(e, "a", "Started", "it runs", 1000);
	add(e, "b", "Started", "it runs", 2000);
	add(e, "a", "Started", "it runs", 3000);
	add(e, "a", "Started", "otherwise", 4000);
	assert_int_equal(events_count(e), 3);
	const struct kept_event *one = events_at(e, 1);
	assert_string_equal(one->name, "a");
	assert_int_equal(one->count, 2);
	assert_int_equal(one->first_ms, 1000);
	assert_int_equal(one->last_ms, 3000);
	add(e, "a", "Started", "it runs", 3000 + 60 * MINUTE); /* just within the hour */
	assert_int_equal(((const struct kept_event *)events_at(e, 2))->count, 3);
	add(e, "a", "Started", "it runs", 3001 + 2 * 60 * MINUTE);
	assert_int_equal(events_count(e), 4);
	flush(e);
	events_free(e);
	e = events_open(dir);
	assert_int_equal(events_count(e), 4);
	assert_int_equal(events_newest(e), 6);
	assert_int_equal(((const struct kept_event *)events_at(e, 2))->count, 3);
	events_free(e);
}

static guint count_of(const struct events *e, const char *name)
{
	guint n = 0;
	for (guint i = 0; i < events_count(e); i++)
		n += strcmp(((const struct kept_event *)events_at(e, i))->name, name) == 0;
	return n;
}

static void they_are_bounded(void **state)
{
	(void)state;
	struct events *e = events_open(dir);
	for (guint i = 0; i < 30000; i++) {
		g_autofree char *name = g_strdup_printf("vm%u", i % 97), *message = g_strdup_printf("message %u", i);
		add(e, i % 2 ? "busy" : name, "Tried", message, (gint64)i * 10);
		if (i % 10 == 0)
			flush(e);
	}
	flush(e);
	assert_int_equal(events_count(e), EVENTS_MAX);
	assert_int_equal(count_of(e, "busy"), EVENTS_OF_OBJECT_MAX);
	guint64 newest = events_newest(e);
	events_free(e);
	e = events_open(dir);
	assert_int_equal(events_count(e), EVENTS_MAX);
	assert_int_equal(events_newest(e), newest);
	assert_true(size_of("events.jsonl") < 1024 * 1024);
	events_free(e);
}

static void a_long_message_is_cut(void **state)
{
	(void)state;
	g_autofree char *message = g_strnfill(100000, 'x');
	struct events *e = events_open(dir);
	add(e, "a", "Tried", message, 1);
	add(e, "a", "Tried", message, 2);
	add(e, "a", "Tried", "not \xff UTF-8", 3);
	assert_int_equal(events_count(e), 2);
	flush(e);
	assert_true(size_of("events.jsonl") < 4000);
	events_free(e);
	e = events_open(dir);
	assert_int_equal(events_count(e), 2);
	add(e, "a", "Tried", message, 4);
	assert_int_equal(events_count(e), 2);
	events_free(e);
}

static void what_is_asked_for_is_newer(void **state)
{
	(void)state;
	struct events *e = events_open(NULL);
	add(e, "a", "Started", "1", 1);
	add(e, "a", "Started", "2", 2);
	guint64 since = events_newest(e);
	g_autofree char *none = events_text(e, since);
	assert_string_equal(none, "");
	add(e, "a", "Started", "1", 3);
	g_autofree char *text = events_text(e, since);
	struct events *read = events_parse(text);
	assert_int_equal(events_count(read), 1);
	assert_int_equal(events_at(read, 0)->count, 2);
	events_free(read);
	events_free(e);
}

static void nothing_new_writes_nothing(void **state)
{
	(void)state;
	struct events *e = events_open(dir);
	flush(e);
	assert_int_equal(size_of("events.jsonl"), -1);
	add(e, "a", "Started", "1", 1);
	flush(e);
	gint64 size = size_of("events.jsonl");
	flush(e);
	assert_int_equal(size_of("events.jsonl"), size);
	events_free(e);
}

/* The disk is full, or the folder gone: said once, and all of it is there when it works again. */
static void a_failed_write_is_made_up_for(void **state)
{
	(void)state;
	GError *error = NULL;
	g_autofree char *path = path_of("events.jsonl");
	struct events *e = events_open(dir);
	add(e, "a", "Started", "1", 1);
	assert_int_equal(g_mkdir(path, 0700), 0);
	assert_false(events_flush(e, &error));
	assert_non_null(strstr(error->message, path));
	g_clear_error(&error);
	assert_int_equal(g_rmdir(path), 0);
	flush(e);
	events_free(e);
	e = events_open(dir);
	assert_int_equal(events_count(e), 1);
	events_free(e);
}

/* -- killed -------------------------------------------------------------------------------------------------- */

static void cut_at_each_byte(void **state)
{
	(void)state;
	g_autofree char *path = path_of("events.jsonl"), *whole = NULL;
	gsize size;
	struct events *e = events_open(dir);
	for (guint i = 0; i < 5; i++) {
		add(e, "a", "Started", i == 4 ? "ü" : "it runs", 1000 + i);
		add(e, "b", "Stopped", "it is off", 1000 + i);
		flush(e);
	}
	events_free(e);
	assert_true(g_file_get_contents(path, &whole, &size, NULL));
	for (gsize n = 0; n <= size; n++) {
		assert_true(g_file_set_contents(path, whole, (gssize)n, NULL));
		e = events_open(dir);
		guint before = events_count(e), n_lines = 0;
		for (gsize i = 0; i < n; i++)
			n_lines += whole[i] == '\n';
		assert_int_equal(events_newest(e), n_lines);
		add(e, "c", "Begun", "after the cut", 5000);
		flush(e);
		events_free(e);
		e = events_open(dir);
		assert_int_equal(events_count(e), before + 1);
		assert_string_equal(events_at(e, before)->name, "c");
		events_free(e);
	}
}

static void rubbish_is_left_out(void **state)
{
	(void)state;
	static const char text[] = "\n{}\n[]\nnull\n{\"seq\":-1}\n\0\n{\"seq\":\"x\",\"kind\":1,\"name\":{}}\n{\"kind\":\"VM\",\"name\":\"a\"}\n"
	                           "{\"seq\":7,\"kind\":\"VM\",\"name\":\"a\",\"reason\":\"R\",\"count\":1}\n{\"seq\":8,\"kind\":\"VM\",\"na";
	g_autofree char *path = path_of("events.jsonl");
	assert_true(g_file_set_contents(path, text, sizeof text - 1, NULL));
	struct events *e = events_open(dir);
	assert_int_equal(events_count(e), 1);
	assert_int_equal(events_newest(e), 7);
	add(e, "b", "R", NULL, 1);
	flush(e);
	events_free(e);
	e = events_open(dir);
	assert_int_equal(events_count(e), 2);
	events_free(e);
}

/* -- conditions ---------------------------------------------------------------------------------------------- */

static gboolean note(struct conditions *c, const char *name, const char *type, const char *reason, gint64 now_ms)
{
	const struct kept_condition one = { .kind = "VM", .name = (char *)name, .type = (char *)type, .reason = (char *)reason };
	return conditions_note(c, &one, now_ms);
}

static void end(struct conditions *c)
{
	GError *error = NULL;
	if (!conditions_end(c, NULL, NULL, &error))
		fail_msg("%s", error->message);
}

static void since_and_last_ready(void **state)
{
	(void)state;
	struct conditions *c = conditions_open(dir);
	conditions_begin(c, "r1", "c1");
	assert_true(note(c, "a", "Ready", "Running", 1));
	assert_true(note(c, "b", "Stalled", "NoDisk", 1));
	end(c);
	gint64 size = size_of("conditions.jsonl");
	conditions_begin(c, "r1", "c1");
	assert_false(note(c, "a", "Ready", "Running", 2));
	assert_false(note(c, "b", "Stalled", "NoDisk", 2));
	end(c);
	assert_int_equal(size_of("conditions.jsonl"), size);
	conditions_begin(c, "r2", "c2");
	assert_false(note(c, "a", "Ready", "Running", 3));
	assert_true(note(c, "b", "Ready", "Running", 3));
	end(c);
	conditions_begin(c, "r3", NULL);
	assert_true(note(c, "a", "Stalled", "Gone", 4));
	end(c);
	conditions_free(c);
	c = conditions_open(dir);
	assert_string_equal(conditions_revision(c), "r3");
	assert_null(conditions_commit(c));
	assert_int_equal(conditions_count(c), 1);
	const struct kept_condition *a = conditions_find(c, "VM", "a");
	assert_int_equal(a->since_ms, 4);
	assert_string_equal(conditions_ready_at(c, a), "r2");
	assert_null(conditions_find(c, "VM", "b"));
	/* back at the same revision */
	conditions_begin(c, "r3", NULL);
	assert_true(note(c, "a", "Ready", "Running", 9));
	end(c);
	assert_string_equal(conditions_ready_at(c, conditions_find(c, "VM", "a")), "r3");
	g_autofree char *text = conditions_text(c);
	struct conditions *read = conditions_parse(text);
	assert_int_equal(conditions_find(read, "VM", "a")->since_ms, 9);
	assert_string_equal(conditions_ready_at(read, conditions_find(read, "VM", "a")), "r3");
	conditions_free(read);
	conditions_free(c);
}

static void conditions_do_not_grow(void **state)
{
	(void)state;
	struct conditions *c = conditions_open(dir);
	for (guint i = 0; i < 5000; i++) {
		g_autofree char *revision = g_strdup_printf("r%u", i / 10);
		conditions_begin(c, revision, NULL);
		note(c, "a", i % 2 ? "Ready" : "Stalled", "R", i);
		note(c, "b", "Ready", "R", i);
		end(c);
	}
	assert_true(size_of("conditions.jsonl") < 64 * 1024);
	conditions_free(c);
	c = conditions_open(dir);
	assert_int_equal(conditions_find(c, "VM", "a")->since_ms, 4999);
	assert_int_equal(conditions_find(c, "VM", "b")->since_ms, 0);
	conditions_free(c);
}

/* -- history ------------------------------------------------------------------------------------------------- */

static void revisions_come_and_come_back(void **state)
{
	(void)state;
	struct history *h = history_open(dir);
	for (guint i = 0; i < 3 * HISTORY_MAX; i++) {
		g_autofree char *revision = g_strdup_printf("r%u", i % 150);
		const struct kept_revision first = { .revision = revision, .summary = "say \"it\"", .seen_ms = i };
		assert_null(history_current(h, revision));
		struct kept_revision *one = history_begin(h, &first);
		assert_true(history_flush(h, NULL));
		one->n_done = i;
		one->applied_ms = i + 1;
		assert_true(history_flush(h, NULL));
		assert_ptr_equal(history_current(h, revision), one);
	}
	assert_true(size_of("history.jsonl") < 256 * 1024);
	history_free(h);
	h = history_open(dir);
	assert_int_equal(history_count(h), HISTORY_MAX);
	assert_string_equal(history_at(h, 0)->revision, "r149");
	assert_string_equal(history_at(h, 0)->summary, "say \"it\"");
	assert_int_equal(history_at(h, 0)->n_done, 3 * HISTORY_MAX - 1);
	assert_int_equal(history_at(h, HISTORY_MAX - 1)->seen_ms, 2 * HISTORY_MAX);
	g_autofree char *text = history_text(h);
	struct history *read = history_parse(text);
	assert_int_equal(history_count(read), HISTORY_MAX);
	assert_int_equal(history_at(read, 0)->applied_ms, 3 * HISTORY_MAX);
	history_free(read);
	history_free(h);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(equal_ones_are_counted),
		TEST(they_are_bounded),
		TEST(a_long_message_is_cut),
		TEST(what_is_asked_for_is_newer),
		TEST(nothing_new_writes_nothing),
		TEST(a_failed_write_is_made_up_for),
		TEST(cut_at_each_byte),
		TEST(rubbish_is_left_out),
		TEST(since_and_last_ready),
		TEST(conditions_do_not_grow),
		TEST(revisions_come_and_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
