/* Names that follow from names: UUID and MAC. */
#include "base/arena.h"
#include "base/uuid.h"
#include "domain/domain.h"

char *domain_uuid(struct arena *a, const struct domain_identity *id)
{
	return uuid_of_name(a, arena_printf(a, "%s/%s", id->farm, id->name));
}

char *domain_mac(struct arena *a, const struct domain_identity *id, guint nth)
{
	guint8 m[3];
	uuid_digest(G_CHECKSUM_SHA256, arena_printf(a, "%s/%s/net%u", id->farm, id->name, nth), m, sizeof m);
	/* 52:54:00 is the prefix QEMU and libvirt use for guests. */
	return arena_printf(a, "52:54:00:%02x:%02x:%02x", m[0], m[1], m[2]);
}
