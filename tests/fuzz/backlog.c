/* What Redis says of a job's frames: as a worker's words are, to be read and never believed. */
#include "queue/backlog.c"

#include "fuzz.h"
#include "redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autofree char *text = fuzz_text(data, size);
	const char *at = text;
	SCOPED_REPLY reply = reply_array(&at, 0);
	struct backlog b = { 0 };
	read_meta(a, reply_at(reply, 0), &b);
	read_queued(a, reply_at(reply, 1), &b);
	read_running(a, reply_at(reply, 2), &b);
	read_failed(a, reply_at(reply, 3), &b);
	g_assert(b.meta.requires && b.meta.blender);
	for (guint i = 0; i < b.n_queued; i++) {
		g_assert(b.queued[i].key && b.queued[i].frames.n_runs > 0);
		frames_count(&b.queued[i].frames);
	}
	for (guint i = 0; i < b.n_running; i++)
		g_assert(b.running[i].token && b.running[i].worker);
	return 0;
}
