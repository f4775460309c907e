/* Frame sets: two texts with a line feed between them. parse(format(x)) = x, and the operations agree
 * with each other. */
#include "base/arena.h"
#include "base/frameset.h"
#include "fuzz.h"
#include <string.h>

static void check_set(struct arena *a, const char *text, const struct frame_set *s)
{
	struct frame_set again;
	const char *formatted = frames_format(a, s);
	g_assert(s->n_runs > 0 && frames_count(s) > 0);
	g_assert_null(frames_parse(a, formatted, &again, NULL));
	g_assert(frames_equal(s, &again));
	g_assert_cmpstr(frames_format(a, &again), ==, formatted);
	g_assert_cmpuint(s->n_runs, <=, strlen(text));
	g_assert(frames_contain(s, s->runs[0].first));
	struct frame_iter it = frames_begin(s);
	g_assert(frames_next(&it) && it.frame == s->runs[0].first);
}

static void check_pair(struct arena *a, const struct frame_set *x, const struct frame_set *y)
{
	struct frame_set both = frames_common(a, x, y), left = frames_minus(a, x, y), all = frames_union(a, x, y);
	g_assert_cmpuint(frames_count_common(x, y), ==, frames_count(&both));
	g_assert(frames_overlap(x, y) == (both.n_runs > 0));
	g_assert(!frames_overlap(&left, y));
	g_assert_cmpuint(frames_count(&both) + frames_count(&left), ==, frames_count(x));
	g_assert_cmpuint(frames_count(&all), ==, frames_count(&left) + frames_count(y));
	struct frame_set rebuilt = frames_union(a, &both, &left);
	g_assert(frames_equal(&rebuilt, x));
	g_assert(frames_equal(x, y) == (left.n_runs == 0 && frames_count(x) == frames_count(y)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autofree char *text = fuzz_text(data, size);
	char *second = strchr(text, '\n');
	struct frame_set x, y;
	gsize offset = G_MAXSIZE;
	if (second)
		*second++ = '\0';
	const char *problem = frames_parse(a, text, &x, &offset);
	if (problem) {
		g_assert_cmpuint(offset, <=, strlen(text));
		return 0;
	}
	check_set(a, text, &x);
	/* What follows goes frame by frame. */
	if (second && !frames_parse(a, second, &y, NULL) && frames_count(&x) + frames_count(&y) <= 100000)
		check_pair(a, &x, &y);
	return 0;
}
