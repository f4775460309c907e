/* The rows of `suspend`, and where each kind has it. */
#include "spec/suspend.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/kinds.h"
#include "spec/renderjob.h"
#include "spec/vm.h"

/* Who reads it later has forgotten: without a reason and a name a halted object stays halted for ever. */
const struct field suspend_fields[] = {
	{ "reason", FIELD_STRING, IN(suspend_spec, reason, const char *), .required = TRUE, .form = FORM_REASON, .max = 500, .flags = FIELD_SHORTHAND,
	  .doc = "Why, for who finds it later." },
	{ "until", FIELD_STRING, IN(suspend_spec, until, const char *), .form = FORM_TIME,
	  .doc = "When it ends by itself; without the key when `suspend` is taken out." },
	{ "by", FIELD_STRING, IN(suspend_spec, by, const char *), .max = 200, .doc = "Who decided it." },
	{ "since", FIELD_STRING, IN(suspend_spec, since, const char *), .form = FORM_TIME,
	  .doc = "When it began; `cleave suspend` writes it." },
	{ 0 },
};

const struct suspend_spec *suspend_own(const struct object *o)
{
	const struct suspend_spec *s = NULL;
	if (!o || !o->spec)
		return NULL;
	switch (o->kind->id) {
	case KIND_FARM: s = &((const struct farm_spec *)o->spec)->suspend; break;
	case KIND_HOST: s = &((const struct host_spec *)o->spec)->suspend; break;
	case KIND_GPU: s = &((const struct gpu_spec *)o->spec)->suspend; break;
	case KIND_VM: s = &((const struct vm_spec *)o->spec)->suspend; break;
	case KIND_RENDERJOB: s = &((const struct renderjob_spec *)o->spec)->suspend; break;
	default: return NULL;
	}
	return s->reason ? s : NULL;
}
