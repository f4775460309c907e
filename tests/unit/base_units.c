/* Units: what people write, both ways, and the hints. */
#include "base/arena.h"
#include "base/names.h"
#include "base/units.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void bytes_both_ways(void **state)
{
	static const struct {
		const char *text;
		guint64 bytes;
	} rows[] = { { "24GiB", 24 * GiB }, { "512MiB", 512 * MiB }, { "1TiB", TiB }, { "1536B", 1536 }, { "3KiB", 3 * KiB } };
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		guint64 bytes;
		assert_null(bytes_parse(a, rows[i].text, &bytes));
		assert_true(bytes == rows[i].bytes);
		assert_string_equal(bytes_format(a, bytes), rows[i].text);
	}
}

static void bytes_hints(void **state)
{
	static const char *const rows[][2] = {
		{ "24Gi", "24GiB?" }, { "24GB", "24GiB?" }, { "24", "a unit is required" },      { "x", "whole number" },
		{ "1.5GiB", "whole numbers; did you mean 1536MiB?" }, { "0.5TiB", "did you mean 512GiB?" }, { "0.3KiB", "whole number" }, { "1.5G", "whole number" }, { "", "whole number" }, { "99999999999TiB", "16 EiB" }, { "-1GiB", "whole number" },
	};
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		guint64 bytes = 7;
		const char *hint = bytes_parse(a, rows[i][0], &bytes);
		assert_non_null(hint);
		assert_non_null(strstr(hint, rows[i][1]));
		assert_true(bytes == 7); /* out parameters are written only on success */
	}
}

static void durations(void **state)
{
	SCOPED_ARENA(a);
	gint64 ms;
	(void)state;
	assert_null(duration_parse(a, "90m", &ms));
	assert_true(ms == 5400000);
	assert_string_equal(duration_format(a, ms), "90m");
	assert_string_equal(duration_format(a, 90500), "90500ms");
	assert_string_equal(duration_parse(a, "1h30m", &ms), "write one number and one unit; did you mean 90m?");
	assert_string_equal(duration_parse(a, "1.5h", &ms), "whole numbers; did you mean 90m?");
	assert_string_equal(duration_parse(a, "0.1ms", &ms), "write a number and a unit (ms, s, m, h, d), as 30m or 90s");
	assert_null(duration_parse(a, "500ms", &ms));
	assert_true(ms == 500);
	assert_string_equal(duration_format(a, 0), "0s");
	assert_non_null(duration_parse(a, "30m1h", &ms));
	assert_non_null(duration_parse(a, "30", &ms));
	assert_non_null(duration_parse(a, "", &ms));
	assert_non_null(duration_parse(a, "5 m", &ms));
	assert_non_null(duration_parse(a, "1h1h", &ms));
}

static void decimals(void **state)
{
	static const char *const bad[] = { "", ".5", "1.", "-1", "1e3", "00.1", "0.1234567", "1,5", "9999999999999999999" };
	SCOPED_ARENA(a);
	gint64 n;
	(void)state;
	assert_null(decimal_parse(a, "0.42", &n));
	assert_true(n == 420000);
	assert_string_equal(decimal_format(a, n), "0.42");
	assert_null(decimal_parse(a, "12", &n));
	assert_string_equal(decimal_format(a, n), "12");
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_non_null(decimal_parse(a, bad[i], &n));
}

static void integers_and_resolutions(void **state)
{
	static const char *const bad[] = { "0o17", "1_000", "0x10", "007", "", "1.0", "+1", " 1", ".inf", "99999999999999999999" };
	SCOPED_ARENA(a);
	gint64 n;
	struct resolution r;
	(void)state;
	assert_null(integer_parse(a, "-12", &n));
	assert_true(n == -12);
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_non_null(integer_parse(a, bad[i], &n));
	assert_null(resolution_parse(a, "1920x1080", &r));
	assert_int_equal(r.width, 1920);
	assert_non_null(resolution_parse(a, "1920X1080", &r));
	assert_non_null(resolution_parse(a, "2x2", &r));
}

static void suggestions(void **state)
{
	static const char *const words[] = { "memory", "machine", "vcpus" };
	(void)state;
	assert_string_equal(name_suggest("memroy", words, 3), "memory");
	assert_string_equal(name_suggest("vCPUs", words, 3), "vcpus");
	assert_null(name_suggest("colour", words, 3));
	assert_null(name_suggest("x", words, 3));
	static const char *const kinds[] = { "VM", "vms", "vm", "GPU", "host", "Frame" }, *const devices[] = { "CPU", "CUDA", "HIP" };
	static const char *const both[] = { "get", "got", "wet" };
	static const struct {
		const char *word, *near;
	} rows[] = {
		{ "vmx", "VM" }, { "hst", "host" }, { "gup", "GPU" }, { "gpux", "GPU" }, { "Gpu", "GPU" }, { "vn", NULL }, { "v", NULL },
		{ "abc", NULL }, { "", NULL },
	};
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *near = name_suggest(rows[i].word, kinds, G_N_ELEMENTS(kinds));
		assert_true(!near == !rows[i].near && (!near || g_ascii_strcasecmp(near, rows[i].near) == 0));
	}
	/* Another card is no slip; of two that are as near none is named. */
	assert_null(name_suggest("GPU", devices, G_N_ELEMENTS(devices)));
	assert_null(name_suggest("gt", both, G_N_ELEMENTS(both)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_both_ways), cmocka_unit_test(bytes_hints), cmocka_unit_test(durations),
		cmocka_unit_test(decimals),
		cmocka_unit_test(integers_and_resolutions), cmocka_unit_test(suggestions),
	};
	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
