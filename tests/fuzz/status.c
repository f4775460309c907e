/* What `observe -o yaml` wrote and `--have` reads. */
#include "round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct spec_file file = { "have.yaml", (const char *)data, size, NULL, NULL };
	fuzz_round_trip(status_load, EMIT_STATUS, &file, 1);
	return 0;
}
