/* What the fuzz targets share.
 *
 * A target is a file with LLVMFuzzerTestOneInput(): `make fuzz` links it with libFuzzer, `make test`
 * with driver.c, which runs it over corpus/<name>/. What must hold is asserted with g_assert(). */
#pragma once
#include <glib.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* g_error() ends in SIGTRAP, for which libFuzzer keeps no input; SIGABRT it knows. */
static inline void fuzz_abort(int signal_number)
{
	(void)signal_number;
	abort();
}

__attribute__((constructor)) static void fuzz_begin(void)
{
	signal(SIGTRAP, fuzz_abort);
}

/* The input as a text: up to its first NUL; g_free(). */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	return g_strndup((const char *)data, size);
}
