/* The answer to "give me frames", which is read within its own file. */
#include "queue/lease.c"

#include "fuzz.h"
#include "redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autofree char *text = fuzz_text(data, size);
	const char *at = text;
	SCOPED_REPLY reply = reply_array(&at, 0);
	const struct lease *l = read_lease(a, reply, NULL);
	g_assert(l->token && l->job && l->key && (l->problem || l->task.scene_path));
	for (guint i = 0; i < l->frames.n_runs; i++) {
		g_assert(l->frames.runs[i].first <= l->frames.runs[i].last);
		g_assert(i == 0 || l->frames.runs[i - 1].first <= l->frames.runs[i].first);
	}
	frames_count(&l->frames);
	struct frame_iter it = frames_begin(&l->frames);
	for (guint i = 0; i < 1000 && frames_next(&it); i++)
		g_assert(frames_contain(&l->frames, it.frame));
	return 0;
}
