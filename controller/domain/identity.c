/* Names that follow from names: UUID and MAC. */
#include "base/arena.h"
#include "domain/domain.h"
#include <string.h>

/* cleave's own name space for version 5 UUIDs; chosen once, never changed. */
static const guint8 name_space[16] = { 0x8d, 0x3e, 0x0b, 0x5a, 0x61, 0x0c, 0x4e, 0x7b,
	                               0x9a, 0x27, 0x5f, 0x1d, 0xc4, 0x90, 0x36, 0xe2 };

static void digest(GChecksumType type, const struct domain_identity *id, const char *suffix, guint8 *ret, gsize size)
{
	g_autoptr(GChecksum) sum = g_checksum_new(type);
	guint8 full[64];
	gsize full_size = sizeof full;
	g_autofree char *name = g_strdup_printf("%s/%s%s", id->farm, id->name, suffix);
	g_checksum_update(sum, name_space, sizeof name_space);
	g_checksum_update(sum, (const guchar *)name, (gssize)strlen(name));
	g_checksum_get_digest(sum, full, &full_size);
	memcpy(ret, full, size);
}

char *domain_uuid(struct arena *a, const struct domain_identity *id)
{
	guint8 u[16];
	digest(G_CHECKSUM_SHA1, id, "", u, sizeof u);
	u[6] = (guint8)((u[6] & 0x0f) | 0x50);
	u[8] = (guint8)((u[8] & 0x3f) | 0x80);
	return arena_printf(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
	                    u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

char *domain_mac(struct arena *a, const struct domain_identity *id, guint nth)
{
	guint8 m[3];
	g_autofree char *suffix = g_strdup_printf("/net%u", nth);
	digest(G_CHECKSUM_SHA256, id, suffix, m, sizeof m);
	/* 52:54:00 is the prefix QEMU and libvirt use for guests. */
	return arena_printf(a, "52:54:00:%02x:%02x:%02x", m[0], m[1], m[2]);
}
