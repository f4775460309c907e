/* Nothing that others said reaches a terminal as a command. */
#include "report/plain.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define R "\357\277\275"

static void expect(const char *text, const char *expected)
{
	g_autoptr(GString) said = g_string_new(text), out = report_plain(said);
	assert_string_equal(out ? out->str : text, expected);
	assert_int_equal(out == NULL, strcmp(text, expected) == 0);
}

static void what_stays(void **state)
{
	(void)state;
	expect("", "");
	expect("a\tb\nc\r\nö → …\n", "a\tb\nc\r\nö → …\n");
	expect("\033[31mred\033[0m \033[1mbold\033[0m\n", "\033[31mred\033[0m \033[1mbold\033[0m\n");
}

static void what_goes(void **state)
{
	(void)state;
	expect("\033]0;title\a\n", R "]0;title" R "\n");
	expect("\033[2Jgone \033[8mhidden \033[31;8mhidden \033[38m\033[31", R "[2Jgone " R "[8mhidden " R "[31;8mhidden " R "[38m" R "[31");
	expect("over\rwritten \b\177", "over" R "written " R R);
	expect("\302\233" "31m \302\205 \302\240", R "31m " R " \302\240");
	g_autoptr(GString) said = g_string_new_len("a\0b", 3), out = report_plain(said);
	assert_string_equal(out->str, "a" R "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_stays), cmocka_unit_test(what_goes) };
	return cmocka_run_group_tests_name("plain text", tests, NULL, NULL);
}
