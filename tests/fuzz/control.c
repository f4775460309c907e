/* The controller's answer on its socket, which is opened within its own file. */
#include "state/control.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GString) answer = g_string_new_len((const char *)data, (gssize)size);
	g_autoptr(GError) error = NULL;
	g_autofree char *body = open_answer(answer, &error);
	g_assert((body == NULL) == (error != NULL));
	g_assert(!error || error->message);
	return 0;
}
