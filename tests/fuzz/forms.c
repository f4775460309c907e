/* Every form and every pattern of secrets over one text. */
#include "base/arena.h"
#include "fuzz.h"
#include "spec/form.h"
#include "spec/secret.h"
#include <string.h>

static gboolean has_form(struct arena *a, enum form_id form, const char *text)
{
	const char *right = form_check(a, form, text);
	g_assert(!right || *right);
	return !right;
}

/* What paths promise to whoever opens them. */
static void check_path(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", -1);
	for (char **part = parts; *part; part++)
		g_assert(strcmp(*part, "..") != 0 && strcmp(*part, ".") != 0);
	g_assert(!strpbrk(text, "\n\r\t\x1b\x7f"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum form_id roots[] = { FORM_ROOT_PATH, FORM_OUTPUT, FORM_MOVIE };
	static const enum form_id beneath[] = { FORM_TREE_FOLDER, FORM_BLEND };
	SCOPED_ARENA(a);
	g_autofree char *text = fuzz_text(data, size);
	if (!g_utf8_validate(text, -1, NULL)) /* libyaml gives no others */
		return 0;
	for (int form = 0; form < N_FORMS; form++)
		has_form(a, (enum form_id)form, text);
	if (has_form(a, FORM_ABSOLUTE_PATH, text) || has_form(a, FORM_FILE, text))
		check_path(text);
	for (guint i = 0; i < G_N_ELEMENTS(roots); i++)
		if (has_form(a, roots[i], text)) {
			check_path(strchr(text, ':') + 1);
			g_assert(strchr(text, ':')[1] != '/' && !g_str_has_prefix(strchr(text, ':'), ":.cleave"));
		}
	for (guint i = 0; i < G_N_ELEMENTS(beneath); i++)
		if (has_form(a, beneath[i], text)) {
			check_path(text);
			g_assert(text[0] != '/');
		}
	if (has_form(a, FORM_NAME, text))
		g_assert(!strpbrk(text, "/$<>;&|`'\"\\ \n") && text[0] != '-' && text[0] != '.');
	secret_check(a, text);
	text_is_ambiguous(text);
	return 0;
}
