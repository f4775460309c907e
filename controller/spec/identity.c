#include "spec/identity.h"
#include "base/arena.h"
#include "base/uuid.h"
#include <string.h>

enum { SERIAL_LEN = 20, MEDIUM_DIGEST_LEN = 16 };

char *vm_uuid(struct arena *a, const char *farm, const char *name)
{
	return uuid_of_name(a, arena_printf(a, "%s/%s", farm, name));
}

char *vm_mac(struct arena *a, const char *farm, const char *name, guint nth)
{
	guint8 m[3];
	uuid_digest(G_CHECKSUM_SHA256, arena_printf(a, "%s/%s/net%u", farm, name, nth), m, sizeof m);
	/* 52:54:00 is the prefix QEMU and libvirt use for guests. */
	return arena_printf(a, "52:54:00:%02x:%02x:%02x", m[0], m[1], m[2]);
}

char *vm_disk_serial(struct arena *a, const char *disk)
{
	guint8 d[4];
	/* cleave's own media are called so. */
	if (strlen(disk) <= SERIAL_LEN && !g_str_has_prefix(disk, "cleave-"))
		return arena_strdup(a, disk);
	uuid_digest(G_CHECKSUM_SHA256, disk, d, sizeof d);
	return arena_printf(a, "%.11s-%02x%02x%02x%02x", disk, d[0], d[1], d[2], d[3]);
}

char *vm_media_folder(struct arena *a, const char *state, const char *name)
{
	return arena_printf(a, "%s/vms/%s", state, name);
}

char *vm_medium_path(struct arena *a, const char *folder, const char *what, const char *digest)
{
	return arena_printf(a, "%s/%s-%s.iso", folder, what, digest);
}

char *vm_medium_digest(struct arena *a, const char *path, const char *what)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	gsize len = strlen(what);
	if (strncmp(name, what, len) != 0 || name[len] != '-')
		return NULL;
	const char *digest = name + len + 1;
	if (strspn(digest, "0123456789abcdef") != MEDIUM_DIGEST_LEN || strcmp(digest + MEDIUM_DIGEST_LEN, ".iso") != 0)
		return NULL;
	return arena_strndup(a, digest, MEDIUM_DIGEST_LEN);
}
