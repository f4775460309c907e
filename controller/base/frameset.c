/* Frame sets. Stepped runs may interleave, so operations merge two ascending streams of frames and
 * build runs again; plain ranges (step 1 on both sides) are done on their ends alone. */
#include "base/frameset.h"
#include "base/arena.h"
#include <string.h>

/* -- parsing ------------------------------------------------------------------------------- */

/* ±10^12 is beyond any film and keeps all arithmetic far from overflow. */
static const gint64 FRAME_MAX = 1000000000000;
enum { RUNS_MAX = 100000 };
/* 115 hours of film. Operations on sets with steps go frame by frame: more would hold the controller. */
static const guint64 FRAMES_MAX = 10000000;

/* A run, and where it stands in the text: problems are found after sorting. */
struct placed_run {
	struct frame_run run;
	gint64 end; /* as written: 10 in 1-10:4, whose last member is 9 */
	gsize offset;
};

struct scan {
	const char *text, *at;
};

static void skip_spaces(struct scan *s)
{
	while (*s->at == ' ' || *s->at == '\t')
		s->at++;
}

static gboolean scan_number(struct scan *s, gint64 *ret)
{
	skip_spaces(s);
	const char *c = s->at;
	gboolean negative = *c == '-';
	c += negative;
	if (!g_ascii_isdigit(*c))
		return FALSE;
	gint64 n = 0;
	for (; g_ascii_isdigit(*c); c++) {
		n = n * 10 + (*c - '0');
		if (n > FRAME_MAX)
			return FALSE;
	}
	s->at = c;
	*ret = negative ? -n : n;
	return TRUE;
}

/* One item of the list: N, N-M, N-M:S or N-MxS. Leaves s->at at the place of a problem. */
static const char *scan_run(struct arena *a, struct scan *s, struct frame_run *ret, gint64 *ret_end)
{
	struct frame_run r = { .step = 1 };
	if (!scan_number(s, &r.first))
		return "write frame numbers and ranges, as 1-240 or 1-10:2,20";
	r.last = r.first;
	skip_spaces(s);
	if (strncmp(s->at, "..", 2) == 0)
		return "a range is written with a dash, as 1-240 (`..` is Blender's)";
	if (*s->at == '-') {
		s->at++;
		skip_spaces(s);
		const char *second = s->at;
		if (!scan_number(s, &r.last))
			return "a frame number is missing after the dash";
		if (r.last < r.first) {
			s->at = second;
			return arena_printf(a,
			                    "the range goes down; write %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT,
			                    r.last, r.first);
		}
		skip_spaces(s);
		if (*s->at == 'y')
			return "`y` (every frame but each Nth) is not supported; write the frames that are wanted";
		if (*s->at == ':' || *s->at == 'x') {
			s->at++;
			const char *step = s->at;
			if (!scan_number(s, &r.step) || r.step < 1) {
				s->at = step;
				return "a step is a whole number from 1";
			}
		}
	}
	*ret_end = r.last;
	r.last = r.first + (r.last - r.first) / r.step * r.step;
	if (r.first == r.last)
		r.step = 1;
	*ret = r;
	return NULL;
}

static gint by_first(gconstpointer x, gconstpointer y)
{
	const struct placed_run *a = x, *b = y;
	return a->run.first < b->run.first ? -1 : a->run.first > b->run.first;
}

/* The list, unsorted. Leaves s->at at the place of a problem. */
static const char *scan_list(struct arena *a, struct scan *s, GArray *runs)
{
	for (;;) {
		skip_spaces(s);
		struct placed_run r = { .offset = (gsize)(s->at - s->text) };
		const char *problem = scan_run(a, s, &r.run, &r.end);
		if (problem)
			return problem;
		g_array_append_val(runs, r);
		skip_spaces(s);
		if (*s->at == '\0')
			return NULL;
		if (*s->at != ',')
			return "write numbers and ranges, separated by commas: 1-240, or 1-10:2 (or 1-10x2) for every second frame, "
			       "or 1,5,9";
		if (runs->len == RUNS_MAX)
			return "more than 100000 ranges";
		s->at++;
	}
}

/* The grammar forbids ranges that overlap by their ends, steps aside. */
static const char *find_overlap(const GArray *sorted, gsize *ret_offset)
{
	for (guint i = 1; i < sorted->len; i++) {
		const struct placed_run *before = &g_array_index(sorted, struct placed_run, i - 1);
		const struct placed_run *r = &g_array_index(sorted, struct placed_run, i);
		if (r->run.first > before->end)
			continue;
		*ret_offset = MAX(r->offset, before->offset);
		return "this range overlaps another; each frame is named once";
	}
	return NULL;
}

static guint64 count_run(const struct frame_run *r)
{
	return (guint64)((r->last - r->first) / r->step) + 1;
}

static guint64 count_placed(const GArray *runs)
{
	guint64 n = 0;
	for (guint i = 0; i < runs->len; i++)
		n += count_run(&g_array_index(runs, struct placed_run, i).run);
	return n;
}

const char *frames_parse(struct arena *a, const char *text, struct frame_set *ret, gsize *ret_offset)
{
	struct scan s = { text, text };
	gsize offset = 0;
	g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(struct placed_run));
	const char *problem = scan_list(a, &s, runs);
	if (problem) {
		offset = (gsize)(s.at - text);
	} else {
		g_array_sort(runs, by_first);
		problem = find_overlap(runs, &offset);
	}
	if (!problem && count_placed(runs) > FRAMES_MAX)
		problem = "more than 10000000 frames; make several jobs of it";
	if (problem) {
		if (ret_offset)
			*ret_offset = offset;
		return problem;
	}
	ret->n_runs = runs->len;
	ret->runs = ARENA_ARRAY(a, struct frame_run, runs->len);
	for (guint i = 0; i < runs->len; i++)
		ret->runs[i] = g_array_index(runs, struct placed_run, i).run;
	return NULL;
}

char *frames_format(struct arena *a, const struct frame_set *set)
{
	g_autoptr(GString) s = g_string_new(NULL);
	for (guint i = 0; i < set->n_runs; i++) {
		const struct frame_run *r = &set->runs[i];
		g_string_append_printf(s, "%s%" G_GINT64_FORMAT, i ? "," : "", r->first);
		if (r->last != r->first)
			g_string_append_printf(s, "-%" G_GINT64_FORMAT, r->last);
		if (r->step != 1)
			g_string_append_printf(s, ":%" G_GINT64_FORMAT, r->step);
	}
	return arena_strdup(a, s->str);
}

/* -- iteration and building ------------------------------------------------------------------ */

struct frame_iter frames_begin(const struct frame_set *s)
{
	return (struct frame_iter){ .set = s, .frame = G_MININT64 };
}

/* The smallest member of `r` above `after`, or FALSE. */
static gboolean run_next(const struct frame_run *r, gint64 after, gint64 *ret)
{
	if (r->first > after) {
		*ret = r->first;
		return TRUE;
	}
	gint64 next = r->first + ((after - r->first) / r->step + 1) * r->step;
	if (next > r->last)
		return FALSE;
	*ret = next;
	return TRUE;
}

gboolean frames_next(struct frame_iter *it)
{
	const struct frame_set *s = it->set;
	gint64 best = G_MAXINT64, candidate;
	while (it->run < s->n_runs && s->runs[it->run].last <= it->frame)
		it->run++;
	/* Runs are sorted by their first frame: those that begin above the best cannot win. */
	for (guint i = it->run; i < s->n_runs && s->runs[i].first < best; i++)
		if (run_next(&s->runs[i], it->frame, &candidate) && candidate < best)
			best = candidate;
	if (best == G_MAXINT64)
		return FALSE;
	it->frame = best;
	return TRUE;
}

void frame_builder_init(struct frame_builder *b)
{
	b->runs = g_array_new(FALSE, FALSE, sizeof(struct frame_run));
}

void frame_builder_add(struct frame_builder *b, gint64 frame)
{
	struct frame_run *r = b->runs->len ? &g_array_index(b->runs, struct frame_run, b->runs->len - 1) : NULL;
	if (r && frame == r->last)
		return;
	g_assert(!r || frame > r->last);
	if (r && r->first == r->last) {
		r->step = frame - r->first;
		r->last = frame;
		return;
	}
	if (r && frame - r->last == r->step) {
		r->last = frame;
		return;
	}
	/* Two lone frames are no run of their own unless they are neighbours: "1,5,6,7" → 1, 5-7. */
	if (r && r->step > 1 && r->last - r->first == r->step) {
		gint64 second = r->last;
		*r = (struct frame_run){ r->first, r->first, 1 };
		struct frame_run next = { second, frame, frame - second };
		g_array_append_val(b->runs, next);
		return;
	}
	struct frame_run one = { frame, frame, 1 };
	g_array_append_val(b->runs, one);
}

struct frame_set frame_builder_end(struct frame_builder *b, struct arena *a)
{
	GArray *out = g_array_new(FALSE, FALSE, sizeof(struct frame_run));
	for (guint i = 0; i < b->runs->len; i++) {
		struct frame_run r = g_array_index(b->runs, struct frame_run, i);
		if (r.step > 1 && r.last - r.first == r.step) {
			struct frame_run one = { r.first, r.first, 1 };
			g_array_append_val(out, one);
			r = (struct frame_run){ r.last, r.last, 1 };
		}
		g_array_append_val(out, r);
	}
	struct frame_set s = { arena_memdup(a, out->data, out->len * sizeof(struct frame_run)), out->len };
	g_array_free(out, TRUE);
	g_array_free(b->runs, TRUE);
	b->runs = NULL;
	return s;
}

/* -- questions ------------------------------------------------------------------------------- */

struct frame_set frames_range(struct arena *a, gint64 first, gint64 last)
{
	struct frame_set s = { ARENA_NEW(a, struct frame_run), 1 };
	s.runs[0] = (struct frame_run){ first, last, 1 };
	return s;
}

guint64 frames_count(const struct frame_set *s)
{
	guint64 n = 0;
	for (guint i = 0; i < s->n_runs; i++)
		n += count_run(&s->runs[i]);
	return n;
}

gboolean frames_contain(const struct frame_set *s, gint64 frame)
{
	for (guint i = 0; i < s->n_runs && s->runs[i].first <= frame; i++) {
		const struct frame_run *r = &s->runs[i];
		if (frame <= r->last && (frame - r->first) % r->step == 0)
			return TRUE;
	}
	return FALSE;
}

/* -- set operations --------------------------------------------------------------------------- */

enum keep { KEEP_LEFT = 1, KEEP_RIGHT = 2, KEEP_BOTH = 4 };

static gboolean is_plain(const struct frame_set *s)
{
	for (guint i = 0; i < s->n_runs; i++)
		if (s->runs[i].step != 1)
			return FALSE;
	return TRUE;
}

static void plain_add(GArray *runs, gint64 first, gint64 last)
{
	struct frame_run *r = runs->len ? &g_array_index(runs, struct frame_run, runs->len - 1) : NULL;
	if (r && r->last + 1 == first) {
		r->last = last;
		return;
	}
	struct frame_run one = { first, last, 1 };
	g_array_append_val(runs, one);
}

/* Both sides have only runs of step 1: walk the borders where membership can change. */
static struct frame_set combine_plain(struct arena *a, const struct frame_set *x, const struct frame_set *y, int keep)
{
	g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(struct frame_run));
	guint i = 0, j = 0;
	gint64 at = G_MININT64;
	while (i < x->n_runs || j < y->n_runs) {
		const struct frame_run *l = i < x->n_runs ? &x->runs[i] : NULL;
		const struct frame_run *r = j < y->n_runs ? &y->runs[j] : NULL;
		gint64 start = MIN(l ? MAX(l->first, at) : G_MAXINT64, r ? MAX(r->first, at) : G_MAXINT64);
		gboolean in_l = l && l->first <= start, in_r = r && r->first <= start;
		gint64 end = G_MAXINT64;
		if (l)
			end = MIN(end, in_l ? l->last : l->first - 1);
		if (r)
			end = MIN(end, in_r ? r->last : r->first - 1);
		int what = in_l && in_r ? KEEP_BOTH : in_l ? KEEP_LEFT : KEEP_RIGHT;
		if (keep & what)
			plain_add(runs, start, end);
		at = end + 1;
		if (l && l->last < at)
			i++;
		if (r && r->last < at)
			j++;
	}
	return (struct frame_set){ arena_memdup(a, runs->data, runs->len * sizeof(struct frame_run)), runs->len };
}

static struct frame_set combine(struct arena *a, const struct frame_set *x, const struct frame_set *y, int keep)
{
	if (is_plain(x) && is_plain(y))
		return combine_plain(a, x, y, keep);
	struct frame_builder b;
	frame_builder_init(&b);
	struct frame_iter l = frames_begin(x), r = frames_begin(y);
	gboolean has_l = frames_next(&l), has_r = frames_next(&r);
	while (has_l || has_r) {
		gint64 frame = has_l && (!has_r || l.frame <= r.frame) ? l.frame : r.frame;
		gboolean in_l = has_l && l.frame == frame, in_r = has_r && r.frame == frame;
		int what = in_l && in_r ? KEEP_BOTH : in_l ? KEEP_LEFT : KEEP_RIGHT;
		if (keep & what)
			frame_builder_add(&b, frame);
		if (in_l)
			has_l = frames_next(&l);
		if (in_r)
			has_r = frames_next(&r);
	}
	return frame_builder_end(&b, a);
}

struct frame_set frames_union(struct arena *a, const struct frame_set *x, const struct frame_set *y)
{
	return combine(a, x, y, KEEP_LEFT | KEEP_RIGHT | KEEP_BOTH);
}

struct frame_set frames_minus(struct arena *a, const struct frame_set *x, const struct frame_set *y)
{
	return combine(a, x, y, KEEP_LEFT);
}

struct frame_set frames_common(struct arena *a, const struct frame_set *x, const struct frame_set *y)
{
	return combine(a, x, y, KEEP_BOTH);
}

/* Extended Euclid: the greatest common divisor, and *ret_x with a * x ≡ gcd (mod b). */
static gint64 gcd_of(gint64 a, gint64 b, gint64 *ret_x)
{
	gint64 x = 1, next_x = 0;
	while (b) {
		gint64 q = a / b, rest = a % b, step = x - q * next_x;
		a = b;
		b = rest;
		x = next_x;
		next_x = step;
	}
	*ret_x = x;
	return a;
}

/* How many frames two runs have in common: the Chinese remainder theorem, whatever their length. */
static guint64 count_common(const struct frame_run *x, const struct frame_run *y)
{
	gint64 inverse, low = MAX(x->first, y->first), high = MIN(x->last, y->last);
	gint64 gcd = gcd_of(x->step, y->step, &inverse), apart = y->first - x->first;
	if (low > high || apart % gcd != 0)
		return 0;
	__int128 other = y->step / gcd;
	g_assert(other > 0); /* steps are at least 1 */
	__int128 n = (__int128)(apart / gcd) * inverse % other;
	__int128 period = x->step * other, frame = x->first + (n < 0 ? n + other : n) * x->step;
	/* The smallest common frame from `low` on; `frame` is one from x->first on. */
	frame = frame < low ? frame + (low - frame + period - 1) / period * period : low + (frame - low) % period;
	return frame > high ? 0 : (guint64)((high - frame) / period) + 1;
}

guint64 frames_count_common(const struct frame_set *x, const struct frame_set *y)
{
	guint64 n = 0;
	guint begin = 0;
	for (guint i = 0; i < x->n_runs; i++) {
		while (begin < y->n_runs && y->runs[begin].last < x->runs[i].first)
			begin++;
		for (guint j = begin; j < y->n_runs && y->runs[j].first <= x->runs[i].last; j++)
			n += count_common(&x->runs[i], &y->runs[j]);
	}
	return n;
}

gboolean frames_overlap(const struct frame_set *x, const struct frame_set *y)
{
	return frames_count_common(x, y) > 0;
}

gboolean frames_equal(const struct frame_set *x, const struct frame_set *y)
{
	guint64 n = frames_count(x);
	return n == frames_count(y) && n == frames_count_common(x, y);
}

/* -- paths ----------------------------------------------------------------------------------- */

char *frame_path(const char *path_template, gint64 frame)
{
	if (!strchr(path_template, '#'))
		return NULL;
	GString *s = g_string_new(NULL);
	for (const char *c = path_template; *c;) {
		if (*c != '#') {
			g_string_append_c(s, *c++);
			continue;
		}
		int width = (int)strspn(c, "#");
		g_string_append_printf(s, "%s%0*" G_GINT64_FORMAT, frame < 0 ? "-" : "", width, ABS(frame));
		c += width;
	}
	return g_string_free(s, FALSE);
}
