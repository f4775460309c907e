#include "apply/vm.h"
#include "base/error.h"

gboolean define_pools_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)in, (void)act;
	return fail(error, ERROR_FAILED, "not written yet");
}

gboolean define_pools(const struct apply_input *in, const struct action *act, GError **error)
{
	return define_pools_check(in, act, error);
}
