/* Version 5 UUIDs: SHA-1 over a name space and a name. */
#include "base/uuid.h"
#include "base/arena.h"
#include <string.h>

/* cleave's own name space for version 5 UUIDs; chosen once, never changed. */
static const guint8 name_space[16] = { 0x8d, 0x3e, 0x0b, 0x5a, 0x61, 0x0c, 0x4e, 0x7b,
	                               0x9a, 0x27, 0x5f, 0x1d, 0xc4, 0x90, 0x36, 0xe2 };

void uuid_digest(GChecksumType type, const char *name, guint8 *ret, gsize size)
{
	g_autoptr(GChecksum) sum = g_checksum_new(type);
	guint8 full[64];
	gsize full_size = sizeof full;
	g_checksum_update(sum, name_space, sizeof name_space);
	g_checksum_update(sum, (const guchar *)name, (gssize)strlen(name));
	g_checksum_get_digest(sum, full, &full_size);
	memcpy(ret, full, size);
}

char *uuid_of_name(struct arena *a, const char *name)
{
	guint8 u[16];
	uuid_digest(G_CHECKSUM_SHA1, name, u, sizeof u);
	u[6] = (guint8)((u[6] & 0x0f) | 0x50);
	u[8] = (guint8)((u[8] & 0x3f) | 0x80);
	return arena_printf(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
	                    u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}
