/* A bucket of bytes that fills with time, and per job the frame that comes next. */
#include "frames/sweep.h"
#include "frames/manifest.h"
#include <string.h>

enum { FIRST_SECONDS = 1, MOST_SECONDS = 60 };                        /* what the bucket holds at first, and at most */
static const gint64 SHARE_US = 2 * G_USEC_PER_SEC;                    /* of one pass */
static const gint64 ROUND_US = 24 * 3600 * (gint64)G_USEC_PER_SEC;    /* from the begin of a round to that of the next */

struct round {
	gint64 start, next; /* frames: where it began, which comes next */
	gboolean has_wrapped;
	gboolean is_over;
	gint64 begun_us;
};

struct sweep {
	GHashTable *rounds; /* job → struct round * */
	gint64 now_us, until_us;
	gint64 left; /* bytes; below 0: the last file was larger than what was left */
	gboolean is_pending, has_begun;
	guint64 n_read, n_damaged;
};

struct sweep *sweep_new(void)
{
	struct sweep *s = g_new0(struct sweep, 1);
	s->rounds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return s;
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	g_hash_table_destroy(s->rounds);
	g_free(s);
}

void sweep_begin(struct sweep *s, guint64 bytes_per_second, gint64 now_us)
{
	gint64 rate = (gint64)MIN(bytes_per_second, G_MAXINT64 / MOST_SECONDS / G_USEC_PER_SEC);
	gint64 passed_us = s->has_begun ? CLAMP(now_us - s->now_us, 0, MOST_SECONDS * G_USEC_PER_SEC)
					: FIRST_SECONDS * G_USEC_PER_SEC;
	s->left = MIN(s->left + rate * passed_us / G_USEC_PER_SEC, rate * MOST_SECONDS);
	s->now_us = now_us;
	s->until_us = g_get_monotonic_time() + SHARE_US;
	s->has_begun = TRUE;
	s->is_pending = FALSE;
}

static gint64 frame_by_chance(const struct frame_set *frames)
{
	guint64 at = frames_count(frames) * g_random_int() >> 32;
	FRAMES_EACH (it, frames)
		if (at-- == 0)
			return it.frame;
	return 0;
}

/* The job's round that is under way; NULL: the last one is over, and the next is not due. */
static struct round *round_of(struct sweep *s, const char *job, const struct frame_set *frames)
{
	struct round *r = g_hash_table_lookup(s->rounds, job);
	if (r && (!r->is_over || s->now_us - r->begun_us < ROUND_US))
		return r->is_over ? NULL : r;
	gint64 start = frame_by_chance(frames);
	struct round *begun = g_new(struct round, 1);
	*begun = (struct round){ .start = start, .next = start, .begun_us = s->now_us };
	g_hash_table_replace(s->rounds, g_strdup(job), begun);
	return begun;
}

static gboolean has_budget(const struct sweep *s)
{
	return s->left > 0 && g_get_monotonic_time() < s->until_us;
}

static void read_frame(struct sweep *s, const struct inspection *in, gint64 frame, const char *const *templates)
{
	for (; *templates; templates++) {
		struct frame_sight sight;
		g_autofree char *path = frame_path(*templates, frame);
		if (!frame_inspect(in, frame, NULL, path, &sight, NULL) || !sight.was_read)
			continue;
		s->n_read++;
		s->left -= (gint64)MIN(sight.digest.facts.size, G_MAXINT64 / 2);
		/* Of what is as it should be nothing has to be kept: the manifest says it. */
		gboolean is_known = in->cache && digest_cache_peek(in->cache, &sight.digest.facts);
		if (in->cache && (sight.state == FRAME_DAMAGED || is_known))
			digest_cache_put(in->cache, &sight.digest);
		s->n_damaged += sight.state == FRAME_DAMAGED;
	}
}

/* FALSE: the bytes or the time of this pass are used up before `end`. */
static gboolean go_on(struct sweep *s, const struct inspection *in, struct round *r, const struct frame_set *frames,
		      gint64 end, const char *const *templates)
{
	FRAMES_EACH (it, frames) {
		if (it.frame < r->next)
			continue;
		if (it.frame >= end)
			break;
		r->next = it.frame;
		/* Of one that was never rendered there is nothing to read: a new job may have a million of them. */
		if (!manifest_knows(in->view, it.frame))
			continue;
		if (!has_budget(s))
			return FALSE;
		read_frame(s, in, it.frame, templates);
		r->next = it.frame + 1;
	}
	return TRUE;
}

void sweep_job(struct sweep *s, const struct inspection *in, const char *job, const struct frame_set *frames,
	       const char *const *templates)
{
	struct round *r = frames->n_runs ? round_of(s, job, frames) : NULL;
	if (!r)
		return;
	struct inspection reading = *in;
	reading.is_sweep = TRUE;
	gboolean is_done = r->has_wrapped || go_on(s, &reading, r, frames, G_MAXINT64, templates);
	if (is_done && !r->has_wrapped) {
		r->has_wrapped = TRUE;
		r->next = G_MININT64;
	}
	r->is_over = is_done && go_on(s, &reading, r, frames, r->start, templates);
	s->is_pending = s->is_pending || !r->is_over;
}

gboolean sweep_is_pending(const struct sweep *s)
{
	return s->is_pending;
}

guint64 sweep_n_read(const struct sweep *s)
{
	return s->n_read;
}

guint64 sweep_n_damaged(const struct sweep *s)
{
	return s->n_damaged;
}
