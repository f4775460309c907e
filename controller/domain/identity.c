/* UUID of the domain that a VM becomes. */
#include "domain/domain.h"
#include "spec/identity.h"

char *domain_uuid(struct arena *a, const struct domain_identity *id)
{
	return vm_uuid(a, id->farm, id->name);
}
