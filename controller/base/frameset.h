/* Sets of frame numbers, kept as runs: a range of ten million frames is one run.
 *
 * The grammar is the Open Job Description's (`1-10:2,20`), with `xN` as another way to write `:N`.
 * Runs are ascending and do not overlap in number (a run may lie between the steps of another);
 * operations go frame by frame only where a step is not 1. Memory grows with runs, never frames. */
#pragma once
#include <glib.h>

struct arena;

struct frame_run {
	gint64 first, last; /* last is a member: (last - first) % step == 0 */
	gint64 step;        /* ≥ 1; 1 for a single frame */
};

struct frame_set {
	struct frame_run *runs;
	guint n_runs;
};

/* Parses `text`. Returns NULL, or the sentence that says what is wrong and what would be right;
 * *ret_offset (may be NULL) is then the byte in `text` it speaks of. */
const char *frames_parse(struct arena *a, const char *text, struct frame_set *ret, gsize *ret_offset);
/* "1-8,10-20:2"; "" for the empty set. frames_parse(frames_format(s)) = s. */
char *frames_format(struct arena *a, const struct frame_set *s);

struct frame_set frames_range(struct arena *a, gint64 first, gint64 last);
guint64 frames_count(const struct frame_set *s);
gboolean frames_contain(const struct frame_set *s, gint64 frame);
gboolean frames_equal(const struct frame_set *a, const struct frame_set *b);
/* How many frames are in both; costs what the runs cost, not the frames. */
guint64 frames_count_common(const struct frame_set *x, const struct frame_set *y);
gboolean frames_overlap(const struct frame_set *x, const struct frame_set *y);

struct frame_set frames_union(struct arena *a, const struct frame_set *x, const struct frame_set *y);
struct frame_set frames_minus(struct arena *a, const struct frame_set *x, const struct frame_set *y);
struct frame_set frames_common(struct arena *a, const struct frame_set *x, const struct frame_set *y);

/* Ascending iteration: `FRAMES_EACH(it, set) use(it.frame);` */
struct frame_iter {
	const struct frame_set *set;
	gint64 frame;
	guint run; /* the first run that is not used up */
};
struct frame_iter frames_begin(const struct frame_set *s);
gboolean frames_next(struct frame_iter *it);
#define FRAMES_EACH(it, s) for (struct frame_iter it = frames_begin(s); frames_next(&it);)

/* Builds a set from frames added in ascending order; equal neighbours are ignored. */
struct frame_builder {
	GArray *runs;
};
void frame_builder_init(struct frame_builder *b);
void frame_builder_add(struct frame_builder *b, gint64 frame);
/* Moves the runs into the arena and clears the builder. */
struct frame_set frame_builder_end(struct frame_builder *b, struct arena *a);

/* "beauty.####.exr", 7 → "beauty.0007.exr": each run of `#` becomes the zero-padded number; a
 * negative one keeps its sign in front. Returns NULL when the template has no `#`. g_free(). */
char *frame_path(const char *path_template, gint64 frame);
