/* A message of the kernel about a device: whatever comes, what is read of it lies within it. */
#include "fuzz.h"
#include "host/uevents.h"
#include <string.h>

static gsize end_of(const uint8_t *data, const char *text)
{
	return (gsize)(text - (const char *)data) + strlen(text) + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uevent e;
	if (!uevent_parse((const char *)data, size, &e))
		return 0;
	g_assert_cmpuint(end_of(data, e.action), <=, size);
	g_assert_cmpuint(end_of(data, e.devpath), <=, size);
	g_assert_cmpuint(end_of(data, e.subsystem), <=, size);
	g_autofree char *header = g_strdup_printf("%s@%s", e.action, e.devpath);
	g_assert_cmpstr((const char *)data, ==, header);
	uevent_matters(&e);
	return 0;
}
