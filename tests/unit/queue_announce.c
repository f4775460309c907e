/* A new commit told through Redis: the word, who hears it, and that it is no reason to look for who takes it. */
#include "queue/announce.h"
#include "queue/notice.h"
#include "queue/redis.h"
#include "redis_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROOT "1111111111111111111111111111111111111111"
#define TIP "2222222222222222222222222222222222222222"

static void test_words(void **state)
{
	static const char *const others[] = { "", "source", "source " ROOT " main", "source " ROOT "  " TIP, "owner x y z", "source x main " TIP,
		                              "source " ROOT " main " TIP " more", "source " ROOT " main 22", "sources " ROOT " main " TIP };
	struct announcement it;
	(void)state;
	assert_true(announcement_parse("source " ROOT " release/7 " TIP, &it));
	assert_string_equal(it.repository, ROOT);
	assert_string_equal(it.ref, "release/7");
	assert_string_equal(it.commit, TIP);
	announcement_clear(&it);
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		assert_false(announcement_parse(others[i], &it));
}

struct heard {
	guint n_looks, n_words;
	char *last;
};

static void on_look(gpointer data)
{
	((struct heard *)data)->n_looks++;
}

static gboolean on_word(gpointer data, const char *word)
{
	struct heard *h = data;
	struct announcement it;
	if (!announcement_parse(word, &it))
		return FALSE;
	h->n_words++;
	g_free(h->last);
	h->last = g_strdup(it.ref);
	announcement_clear(&it);
	return TRUE;
}

static gboolean set_flag(gpointer user)
{
	*(gboolean *)user = TRUE;
	return G_SOURCE_REMOVE;
}

/* At most 5 s. */
static void run_until(const guint *count, guint n)
{
	gboolean late = FALSE;
	guint id = g_timeout_add(5000, set_flag, &late);
	while (!late && *count < n)
		g_main_context_iteration(NULL, TRUE);
	assert_false(late);
	g_source_remove(id);
}

static void test_heard(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct heard h = { 0 };
	struct redis *r = redis_new(f->url, NULL, 3000, NULL);
	struct notice *n = notice_new(f->url, NULL, on_look, &h, NULL);
	notice_on_word(n, on_word, &h);
	run_until(&h.n_looks, 1); /* after connecting */
	assert_true(announce(r, ROOT, "main", TIP, NULL));
	assert_true(announce(r, ROOT, NULL, TIP, NULL));
	run_until(&h.n_words, 2);
	assert_string_equal(h.last, "-");
	assert_int_equal(h.n_looks, 1);
	g_free(redis_fixture_ask(f, "PUBLISH", "cleave:notice", "owner h1", NULL));
	run_until(&h.n_looks, 2);
	assert_int_equal(h.n_words, 2);
	notice_free(n);
	redis_fixture_stop(f);
	assert_false(announce(r, ROOT, "main", TIP, NULL));
	redis_fixture_start(f);
	redis_free(r);
	g_free(h.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_heard) };
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
