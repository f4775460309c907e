/* Lists for plain workers: counts are enough to plan; who acts reads the tasks again. */
#include "base/arena.h"
#include "observe/observe.h"
#include "queue/plain.h"
#include "spec/farm.h"

static void count(const struct plain_window *w, struct farm_plain_status *ret)
{
	for (guint i = 0; i < w->n; i++) {
		enum plain_state state = plain_judge(w, i);
		ret->n_waiting += state == PLAIN_WAITING ? 1 : 0;
		ret->n_running += plain_is_running(state) ? 1 : 0;
		ret->n_news += plain_is_news(state) ? 1 : 0;
	}
	ret->n_room = plain_room(w);
}

void observe_plain(struct arena *a, const struct observe_input *in, const struct farm_spec *farm, struct farm_status *ret)
{
	struct farm_plain_status *all = ARENA_ARRAY(a, struct farm_plain_status, farm->queues.n);
	guint n = 0;
	for (guint i = 0; i < farm->queues.n; i++) {
		const struct farm_queue *q = LIST_AT(farm->queues, struct farm_queue, i);
		struct plain_window w;
		/* One that is not told of is left alone in this pass. */
		if (!q->list || !plain_show(in->redis, a, q->list, &w, NULL))
			continue;
		all[n] = (struct farm_plain_status){ .list = q->list };
		count(&w, &all[n++]);
	}
	ret->plain = (struct list){ all, n };
}
