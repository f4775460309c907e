/* One file of a tree, as spec_load() reads it. */
#include "round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct spec_file file = { "a.yaml", (const char *)data, size, NULL, NULL };
	fuzz_round_trip(spec_load, EMIT_SPEC, &file, 1);
	return 0;
}
