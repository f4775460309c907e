/* Suspicious frames: each word for each check, and which of two sentences is said. */
#include "frames/checks.h"
#include "frames_files.h"

static char *judge(struct image_facts facts, struct check_words words)
{
	g_autoptr(GPtrArray) warnings = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	if (!checks_judge(&facts, &words, warnings, &error)) {
		assert_int_equal(error->code, ERROR_INVALID);
		assert_int_equal(warnings->len, 0);
		return g_strconcat("no: ", error->message, NULL);
	}
	g_ptr_array_add(warnings, NULL);
	return g_strjoinv("; ", (char **)warnings->pdata);
}

static void test_words(void **state)
{
	(void)state;
	const struct image_facts fine = { 0 }, black = { .is_black = TRUE, .is_constant = TRUE },
				 grey = { .is_constant = TRUE }, nan = { .is_nan = TRUE },
				 hidden = { .is_black = TRUE };
	static const char black_said[] = "is all black", grey_said[] = "is of one colour";
	static const char nan_said[] = "has values that are no numbers (NaN or infinite)";
	const struct {
		struct image_facts facts;
		struct check_words words;
		const char *said;
	} cases[] = {
		{ fine, { "reject", "reject", "reject" }, "" },
		{ black, { NULL, NULL, NULL }, black_said },
		{ black, { "", "", "" }, black_said },
		{ black, { "warn", "warn", "warn" }, black_said },
		{ black, { "accept", NULL, NULL }, "" },
		{ black, { "accept", "reject", NULL }, "" },
		{ black, { "reject", "accept", NULL }, "no: is all black, which the job's checks reject" },
		{ black, { NULL, "reject", NULL }, "no: is of one colour, which the job's checks reject" },
		{ hidden, { NULL, "reject", NULL }, black_said },
		{ grey, { "reject", NULL, "reject" }, grey_said },
		{ grey, { NULL, "accept", NULL }, "" },
		{ grey, { NULL, "reject", NULL }, "no: is of one colour, which the job's checks reject" },
		{ nan, { "reject", "reject", NULL }, nan_said },
		{ nan, { NULL, NULL, "accept" }, "" },
		{ nan, { NULL, NULL, "reject" },
		  "no: has values that are no numbers (NaN or infinite), which the job's checks reject" },
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *said = judge(cases[i].facts, cases[i].words);
		if (strcmp(said, cases[i].said) != 0)
			fail_msg("case %u: %s", i, said);
	}
}

static void test_several(void **state)
{
	(void)state;
	const struct image_facts all = { .is_nan = TRUE, .is_black = TRUE, .is_constant = TRUE };
	g_autofree char *said = judge(all, (struct check_words){ 0 });
	assert_string_equal(said, "has values that are no numbers (NaN or infinite); is all black");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
