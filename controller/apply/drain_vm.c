#include "apply/vm.h"
#include "base/error.h"

gboolean drain_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)in, (void)act;
	return fail(error, ERROR_FAILED, "not written yet");
}

gboolean drain_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	return drain_vm_check(in, act, error);
}
