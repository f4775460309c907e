/* forms[] and secret_forms[]: each row's own examples hold, so a new row brings its tests. */
#include "base/arena.h"
#include "spec/form.h"
#include "spec/secret.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void examples_hold(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < N_FORMS; i++) {
		const struct form *f = &forms[i];
		assert_true(f->what && f->right && f->pattern && f->good[0] && f->bad[0]);
		for (guint k = 0; k < G_N_ELEMENTS(f->good) && f->good[k]; k++)
			if (form_check(a, (enum form_id)i, f->good[k]))
				fail_msg("%s: `%s`: %s", f->what, f->good[k], form_check(a, (enum form_id)i, f->good[k]));
		for (guint k = 0; k < G_N_ELEMENTS(f->bad) && f->bad[k]; k++)
			if (!form_check(a, (enum form_id)i, f->bad[k]))
				fail_msg("%s: `%s` was taken", f->what, f->bad[k]);
	}
}

/* The JSON Schema carries the patterns: also where form_check() takes a shorter way. */
static void patterns_hold(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < N_FORMS; i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GRegex) pattern = g_regex_new(forms[i].pattern, G_REGEX_DOLLAR_ENDONLY, 0, &error);
		if (!pattern)
			fail_msg("%s: %s", forms[i].what, error->message);
		for (guint k = 0; k < N_FORMS; k++)
			for (guint n = 0; n < G_N_ELEMENTS(forms[k].bad) && forms[k].bad[n]; n++) {
				const char *text = forms[k].bad[n];
				if (g_regex_match(pattern, text, 0, NULL) != !form_check(a, (enum form_id)i, text))
					fail_msg("%s: `%s`: the pattern and form_check() differ", forms[i].what, text);
			}
		assert_true(forms[i].pattern[0] == '^' && g_str_has_suffix(forms[i].pattern, "$"));
	}
}

static void hints_say_what_is_right(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	assert_string_equal(form_check(a, FORM_PCI_ADDRESS, "25:00.0"), "write the full PCI address; did you mean \"0000:25:00.0\"?");
	assert_string_equal(form_check(a, FORM_CIDR, "10.20.1.11"), "the length of the prefix is missing, as 10.20.1.11/24");
	assert_string_equal(form_check(a, FORM_SHA256, "sha256:5ce0"), "write the digits alone: 5ce0");
	assert_string_equal(form_check(a, FORM_ROOT_PATH, "shots:.cleave/a"), "paths that begin with .cleave belong to cleave");
	assert_non_null(strstr(form_check(a, FORM_REDIS_URL, "redis://u:p@h"), "passwordFile"));
	assert_non_null(strstr(form_check(a, FORM_REDIS_URL, "rediss://h"), "stunnel"));
	assert_string_equal(form_check(a, FORM_NAME, ""), "must not be empty");
}

static void secrets_are_found(void **state)
{
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < n_secret_forms; i++) {
		const struct secret_form *f = &secret_forms[i];
		const char *problem = secret_check(a, f->example);
		if (!problem || !strstr(problem, f->what))
			fail_msg("%s: its example: %s", f->what, problem ? problem : "was taken");
		assert_non_null(strstr(f->example, f->begins));
		/* Also on a later line of a text. */
		problem = secret_check(a, arena_printf(a, "#!/bin/sh\n%s\n", f->example));
		if (!problem)
			fail_msg("%s: was taken in a text of several lines", f->what);
	}
}

static void names_of_secrets_are_none(void **state)
{
	static const char *const texts[] = { "/etc/cleave/redis.pass", "https://img.example/a.qcow2", "password=$VAULT_PASSWORD",
		                             "redis://cleave@10.0.0.5:6379/0", "console=ttyS0 quiet", "--password-file=/etc/p" };
	SCOPED_ARENA(a);
	(void)state;
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		if (secret_check(a, texts[i]))
			fail_msg("%s: %s", texts[i], secret_check(a, texts[i]));
}

/* A loop that takes what the pattern does not would be a second, other form. */
static void sure_is_right(void **state)
{
	static const char signs[] = "ab09Z_-./:@# ";
	g_autoptr(GRand) random = g_rand_new_with_seed(7);
	guint n_sure = 0;
	(void)state;
	for (guint round = 0; round < 200000; round++) {
		char text[24] = { 0 };
		guint len = (guint)g_rand_int_range(random, 0, sizeof text);
		for (guint i = 0; i < len; i++)
			text[i] = signs[g_rand_int_range(random, 0, round % 2 ? 6 : (gint32)sizeof signs - 1)];
		if (round % 3 == 0)
			text[0] = '/';
		for (int f = 0; f < N_FORMS; f++) {
			if (!forms[f].is_surely || !*text || !forms[f].is_surely(text))
				continue;
			n_sure++;
			if (!g_regex_match_simple(forms[f].pattern, text, G_REGEX_DOLLAR_ENDONLY, 0))
				fail_msg("%s: `%s` is taken at sight, and does not match", forms[f].what, text);
		}
	}
	assert_true(n_sure > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_hold),
		cmocka_unit_test(patterns_hold),
		cmocka_unit_test(hints_say_what_is_right),
		cmocka_unit_test(secrets_are_found),
		cmocka_unit_test(names_of_secrets_are_none), cmocka_unit_test(sure_is_right),
	};
	return cmocka_run_group_tests_name("spec forms", tests, NULL, NULL);
}
