#include "apply/vm.h"
#include "base/error.h"

gboolean undefine_vm_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)in, (void)act;
	return fail(error, ERROR_FAILED, "not written yet");
}

gboolean undefine_vm(const struct apply_input *in, const struct action *act, GError **error)
{
	return undefine_vm_check(in, act, error);
}
