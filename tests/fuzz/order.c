/* A line that Blender's side answers. */
#include "fuzz.h"
#include "worker/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *line = fuzz_text(data, size);
	struct answer answer = answer_decode(line);
	g_assert(answer.type == ANSWER_HELLO || !answer.version);
	g_assert(answer.type == ANSWER_HELLO ? answer.devices != NULL : !answer.devices);
	answer_clear(&answer);
	return 0;
}
