/* Lines on a terminal: none longer than it but for words that are, nothing lost, colours take no room. */
#include "report/report.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void expect(const char *text, guint columns, const char *expected)
{
	g_autoptr(GString) out = g_string_new(NULL);
	report_wrap(out, text, columns);
	assert_string_equal(out->str, expected);
}

static void lines(void **state)
{
	(void)state;
	expect("", 40, "");
	expect("short\n\n  lines\n", 40, "short\n\n  lines\n");
	expect("  ! VM/a Refused NotOurs: the domain belongs to the farm g\nnext\n", 40,
	       "  ! VM/a Refused NotOurs: the domain\n          belongs to the farm g\nnext\n");
	expect("  0123456789012345678901234567890123456789012345 end\n", 40,
	       "  0123456789012345678901234567890123456789012345\n          end\n");
	/* As many columns as letters, whatever bytes those have. */
	expect("ööööööööö ööööööööö ööööööööö öööööööööö\n", 40, "ööööööööö ööööööööö ööööööööö öööööööööö\n");
	expect("\033[31m123456789\033[0m 123456789 123456789 1234567890\n", 40, "\033[31m123456789\033[0m 123456789 123456789 1234567890\n");
	/* A terminal of no width to speak of is taken to have one. */
	expect("123456789 123456789 123456789\n", 1, "123456789 123456789 123456789\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lines) };
	return cmocka_run_group_tests_name("report wrap", tests, NULL, NULL);
}
