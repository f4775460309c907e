/* Names of volumes, made and read. */
#include "spec/volume.h"
#include "base/arena.h"
#include <string.h>

#define IMAGE_PREFIX "cleave-image-"
/* Characters of VM.DISK in a file's name, which has 255 at most: the digest tells apart what is cut. */
enum { LABEL_MAX = 200, DIGEST_HALF = 8, DIGEST_LEN = 2 * DIGEST_HALF, IMAGE_DIGEST_LEN = 12 };

static const char *const suffixes[] = { [FORMAT_RAW] = ".raw", [FORMAT_QCOW2] = ".qcow2" };

const char *volume_format_name(int format)
{
	return format == FORMAT_QCOW2 ? "qcow2" : "raw";
}

/* The parts in turn, each ended by a NUL, which no part holds. */
static void digest(char ret[DIGEST_HALF + 1], const char *first, const char *second, const char *third)
{
	const char *const parts[] = { first, second, third };
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
		if (parts[i])
			g_checksum_update(sum, (const guchar *)parts[i], (gssize)strlen(parts[i]) + 1);
	g_strlcpy(ret, g_checksum_get_string(sum), DIGEST_HALF + 1);
	g_checksum_free(sum);
}

char *volume_name(struct arena *a, const char *farm, const char *vm, const char *disk, const char *sha256, int format)
{
	char owner[DIGEST_HALF + 1], begins[DIGEST_HALF + 1];
	g_autofree char *label = g_strdup_printf("%s.%s", vm, disk);
	digest(owner, farm, vm, disk);
	digest(begins, sha256 ? sha256 : "empty", NULL, NULL);
	return arena_printf(a, "%.*s.%s%s.%s", LABEL_MAX, label, owner, begins, volume_format_name(format));
}

char *volume_image_name(struct arena *a, const char *sha256, int format)
{
	return arena_printf(a, IMAGE_PREFIX "%.*s.%s", IMAGE_DIGEST_LEN, sha256, volume_format_name(format));
}

gboolean volume_is_part(const char *name)
{
	return g_str_has_suffix(name, VOLUME_PART);
}

/* Characters without .part. */
static gsize whole_len(const char *name)
{
	return strlen(name) - (volume_is_part(name) ? strlen(VOLUME_PART) : 0);
}

/* The format that its end says, and how long it is without that end. */
static int split_suffix(const char *name, gsize *ret_len)
{
	gsize len = whole_len(name);
	for (int format = FORMAT_RAW; format <= FORMAT_QCOW2; format++) {
		gsize suffix_len = strlen(suffixes[format]);
		if (len > suffix_len && strncmp(name + len - suffix_len, suffixes[format], suffix_len) == 0) {
			*ret_len = len - suffix_len;
			return format;
		}
	}
	return FORMAT_UNSAID;
}

int volume_format(const char *name)
{
	gsize len;
	return split_suffix(name, &len);
}

static gboolean is_hex(const char *text, gsize len)
{
	for (gsize i = 0; i < len; i++)
		if (!g_ascii_isdigit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
			return FALSE;
	return TRUE;
}

gboolean volume_is_image(const char *name)
{
	gsize len, prefix_len = strlen(IMAGE_PREFIX);
	return split_suffix(name, &len) != FORMAT_UNSAID && len == prefix_len + IMAGE_DIGEST_LEN && g_str_has_prefix(name, IMAGE_PREFIX) &&
	       is_hex(name + prefix_len, IMAGE_DIGEST_LEN);
}

/* Length of VM.DISK, with the digest of the owner behind its dot; 0: it is no disk's. */
static gsize label_len(const char *name)
{
	gsize len;
	if (split_suffix(name, &len) == FORMAT_UNSAID || len < DIGEST_LEN + 4)
		return 0;
	gsize label = len - DIGEST_LEN - 1;
	return name[label] == '.' && is_hex(name + label + 1, DIGEST_LEN) && memchr(name + 1, '.', label - 2) ? label : 0;
}

gboolean volume_is_named(const char *name)
{
	return volume_is_image(name) || label_len(name) > 0;
}

gboolean volume_is_of(const char *name, const char *farm, const char *vm, const char *disk)
{
	char owner[DIGEST_HALF + 1];
	gsize len = label_len(name);
	if (!len)
		return FALSE;
	digest(owner, farm, vm, disk);
	return strncmp(name + len + 1, owner, DIGEST_HALF) == 0;
}

gboolean volume_owner(struct arena *a, const char *name, const char *farm, const char **ret_vm, const char **ret_disk)
{
	gsize len = label_len(name);
	/* Both names may hold dots: the digest tells which one is between them. */
	for (gsize dot = 1; dot + 1 < len; dot++) {
		if (name[dot] != '.')
			continue;
		g_autofree char *vm = g_strndup(name, dot), *disk = g_strndup(name + dot + 1, len - dot - 1);
		if (!volume_is_of(name, farm, vm, disk))
			continue;
		*ret_vm = arena_strdup(a, vm);
		*ret_disk = arena_strdup(a, disk);
		return TRUE;
	}
	return FALSE;
}
