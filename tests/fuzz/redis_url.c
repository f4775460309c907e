/* Where Redis is: a URL that a spec may hold is one that the queue can use, and none holds a password. */
#include "base/arena.h"
#include "base/error.h"
#include "fuzz.h"
#include "queue/redis.h"
#include "spec/form.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autofree char *url = fuzz_text(data, size);
	g_autoptr(GError) error = NULL;
	struct redis_address address;
	if (!g_utf8_validate(url, -1, NULL))
		return 0;
	/* Whether IPv6 has too many colons only the resolver tells. */
	gboolean is_spec = !strchr(url, '[') && !form_check(a, FORM_REDIS_URL, url);
	if (!redis_address_parse(url, NULL, &address, &error)) {
		g_assert_nonnull(error);
		if (is_spec)
			g_printerr("%s: %s\n", url, error->message);
		g_assert(!is_spec);
		return 0;
	}
	g_assert((address.host != NULL) + (address.socket_path != NULL) + (address.service != NULL) == 1);
	g_assert(!is_spec || !address.password);
	redis_address_clear(&address);
	return 0;
}
