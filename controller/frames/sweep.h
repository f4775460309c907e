/* Reading visible frames again, a little in each pass, to find what changed without a trace in size and time: bit rot, a
 * disk image that was put back, an editor that keeps dates.
 *
 * In: jobs, one after the other, and a rate. Out: what is not as verified any more is remembered in the digest cache, so
 * that frame_inspect() calls it damaged. Where a round stands is kept in memory alone: after a start it begins at a frame
 * by chance, so that frequent restarts leave no frame unread for ever. Called by observe/ as the job owner. */
#pragma once
#include "base/frameset.h"
#include "frames/inspect.h"

struct sweep;

struct sweep *sweep_new(void);
void sweep_free(struct sweep *s);

/* A pass begins at this monotonic time. Bytes that were not used in the minute before are not lost; 0: nothing is read. */
void sweep_begin(struct sweep *s, guint64 bytes_per_second, gint64 now_us);
/* Goes on with a job (its id) where it stopped, while there are bytes left and the pass has had its share of time. A
 * round is begun once a day. `templates`: a frame's files, below the root; NULL-terminated. What cannot be read now is
 * passed over: the next inspection says so. */
void sweep_job(struct sweep *s, const struct inspection *in, const char *job, const struct frame_set *frames,
	       const char *const *templates);
/* A round is not over: there is more to read soon. */
gboolean sweep_is_pending(const struct sweep *s);
/* Files read since sweep_new(), and those of them that were not as verified. */
guint64 sweep_n_read(const struct sweep *s);
guint64 sweep_n_damaged(const struct sweep *s);
