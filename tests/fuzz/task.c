/* A task as a worker gets it from Redis: encode(decode(x)) is stable, and Blender can be told. */
#include "base/arena.h"
#include "base/error.h"
#include "fuzz.h"
#include "queue/task.h"
#include "worker/order.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autofree char *json = fuzz_text(data, size);
	g_autoptr(GError) error = NULL;
	struct task task, again;
	if (!task_decode(a, json, &task, &error)) {
		g_assert_nonnull(error);
		return 0;
	}
	g_autofree char *first = task_encode(&task);
	g_assert(task_decode(a, first, &again, NULL));
	g_autofree char *second = task_encode(&again);
	g_assert_cmpstr(first, ==, second);
	const struct order order = { &again, "/scene.blend", -7, "/frames", 0 };
	g_autofree char *line = order_encode(&order);
	g_assert(strchr(line, '\n') == line + strlen(line) - 1);
	return 0;
}
