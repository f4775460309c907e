/* A tree of several files, a form feed between two: objects, their Farm and its defaults lie apart. The
 * order of the files must not matter. */
#include "round_trip.h"
#include <string.h>

enum { FILES_MAX = 8 };

static guint split(const uint8_t *data, size_t size, struct spec_file files[FILES_MAX])
{
	static const char *const paths[FILES_MAX] = { "a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml", "f.yaml", "g.yaml", "h.yaml" };
	const char *at = (const char *)data, *end = at + size;
	guint n = 0;
	while (n < FILES_MAX) {
		const char *cut = n + 1 < FILES_MAX ? memchr(at, '\f', (gsize)(end - at)) : NULL;
		files[n] = (struct spec_file){ paths[n], at, (gsize)((cut ? cut : end) - at), NULL, NULL };
		n++;
		if (!cut)
			break;
		at = cut + 1;
	}
	return n;
}

/* The objects as text; empty when there are errors. */
static char *load_text(struct arena *a, const struct spec_file *files, guint n, guint *ret_n_errors)
{
	struct problems problems;
	g_autoptr(GString) text = g_string_new(NULL);
	problems_init(&problems, a);
	const struct objects *objects = spec_load(a, files, n, &problems);
	if (problems.n_errors == 0)
		emit_objects(text, objects, EMIT_SPEC);
	*ret_n_errors = problems.n_errors;
	problems_clear(&problems);
	return arena_strndup(a, text->str, text->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	struct spec_file files[FILES_MAX], backwards[FILES_MAX];
	guint n = split(data, size, files), n_errors, n_errors_backwards;
	for (guint i = 0; i < n; i++)
		backwards[i] = files[n - 1 - i];
	fuzz_round_trip(spec_load, EMIT_SPEC, files, n);
	const char *forwards = load_text(a, files, n, &n_errors), *back = load_text(a, backwards, n, &n_errors_backwards);
	g_assert((n_errors == 0) == (n_errors_backwards == 0));
	if (n_errors == 0)
		g_assert_cmpstr(forwards, ==, back);
	return 0;
}
