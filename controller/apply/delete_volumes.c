#include "apply/vm.h"
#include "base/error.h"

gboolean delete_volumes_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)in, (void)act;
	return fail(error, ERROR_FAILED, "not written yet");
}

gboolean delete_volumes(const struct apply_input *in, const struct action *act, GError **error)
{
	return delete_volumes_check(in, act, error);
}
