/* Lists of CPUs, read and written. */
#include "base/arena.h"
#include "base/cpus.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_lists(void **state)
{
	static const struct {
		const char *list, *again;
		guint n;
	} rows[] = {
		{ "0", "0", 1 },           { "0-5,12", "0-5,12", 7 }, { "3,1,2", "1-3", 3 }, { "0,1", "0-1", 2 },   { "5-5,5", "5", 1 },
		{ "8190-9000", "8190-8191", 2 }, { "7-3", NULL, 0 },        { "", NULL, 0 },      { NULL, NULL, 0 }, { "all", NULL, 0 },
		{ "1,x,2", "1", 1 },       { "1-", NULL, 0 },         { "0,32", "0,32", 2 },
	};
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct cpus c = cpus_read(a, rows[i].list);
		const char *again = cpus_format(a, &c);
		assert_int_equal(c.n, rows[i].n);
		if (rows[i].again)
			assert_string_equal(again, rows[i].again);
		else
			assert_null(again);
	}
	struct cpus c = cpus_read(a, "0-2,7");
	assert_true(cpus_have(&c, 7) && cpus_have(&c, 0));
	assert_false(cpus_have(&c, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lists) };
	return cmocka_run_group_tests_name("base cpus", tests, NULL, NULL);
}
