/* Texts are looked for in the first bytes of a file, before its pixels, where Blender puts them: PNG as tEXt chunks
 * "Frame", JPEG as comments "Blender:Frame:1", OpenEXR as string attributes "Frame". */
#include "frames/image_stamp.h"
#include <string.h>
#include <unistd.h>

enum { LOOKED_AT = 64 * 1024, DECIMAL = 10 };

struct bytes {
	const guchar *at;
	gsize size;
};

static guint32 big_endian(const guchar *p)
{
	return (guint32)p[0] << 24 | (guint32)p[1] << 16 | (guint32)p[2] << 8 | p[3];
}

static guint32 little_endian(const guchar *p)
{
	return (guint32)p[3] << 24 | (guint32)p[2] << 16 | (guint32)p[1] << 8 | p[0];
}

static void skip(struct bytes *b, gsize n)
{
	n = MIN(n, b->size);
	b->at += n;
	b->size -= n;
}

/* Blender 4 and later may write "Blender:Frame" where earlier ones wrote "Frame". */
static void note(struct image_stamp *s, const char *name, const char *text)
{
	char *end;
	if (g_ascii_strncasecmp(name, "Blender:", strlen("Blender:")) == 0)
		name += strlen("Blender:");
	if (strcmp(name, "Frame") == 0) {
		s->frame = g_ascii_strtoll(text, &end, DECIMAL);
		s->has_frame = end != text && !*end;
	} else if (strcmp(name, "File") == 0 && *text) {
		g_free(s->scene);
		s->scene = g_strdup(text);
	}
}

static void read_png(struct bytes b, struct image_stamp *s)
{
	enum { SIGNATURE = 8, HEAD = 8, AROUND = 12 };
	for (skip(&b, SIGNATURE); b.size >= HEAD; ) {
		guint32 size = big_endian(b.at);
		if (memcmp(b.at + 4, "IDAT", 4) == 0 || size > b.size - HEAD)
			return;
		g_autofree char *text = g_strndup((const char *)b.at + HEAD, size);
		gsize len = strlen(text);
		if (memcmp(b.at + 4, "tEXt", 4) == 0 && len < size) {
			g_autofree char *value = g_strndup((const char *)b.at + HEAD + len + 1, size - len - 1);
			note(s, text, value);
		}
		skip(&b, (gsize)size + AROUND);
	}
}

static void read_jpeg(struct bytes b, struct image_stamp *s)
{
	enum { MARKER = 4, COMMENT = 0xfe, SCAN = 0xda };
	for (skip(&b, 2); b.size >= MARKER && b.at[0] == 0xff && b.at[1] != SCAN; ) {
		gsize size = (gsize)b.at[2] << 8 | b.at[3];
		if (size < 2 || size + 2 > b.size)
			return;
		g_autofree char *text = g_strndup((const char *)b.at + MARKER, size - 2);
		char *colon = g_str_has_prefix(text, "Blender:") ? strchr(text + strlen("Blender:"), ':') : NULL;
		if (b.at[1] == COMMENT && colon) {
			*colon = '\0';
			note(s, text, colon + 1);
		}
		skip(&b, size + 2);
	}
}

/* A name or a type up to its NUL; NULL at the end of the header. */
static const char *take_text(struct bytes *b)
{
	const char *text = (const char *)b->at;
	const guchar *end = memchr(b->at, '\0', b->size);
	if (!end || end == b->at)
		return NULL;
	skip(b, (gsize)(end - b->at) + 1);
	return text;
}

static void read_exr(struct bytes b, struct image_stamp *s)
{
	const char *name, *type;
	skip(&b, 8); /* magic number and version */
	while ((name = take_text(&b)) && (type = take_text(&b)) && b.size >= 4) {
		guint32 size = little_endian(b.at);
		skip(&b, 4);
		if (size > b.size)
			return;
		g_autofree char *value = g_strndup((const char *)b.at, size);
		if (strcmp(type, "string") == 0)
			note(s, name, value);
		skip(&b, size);
	}
}

void image_stamp_read(int fd, struct image_stamp *ret)
{
	static const struct {
		const char *begin;
		void (*read)(struct bytes b, struct image_stamp *s);
	} kinds[] = { { "\x89PNG", read_png }, { "\xff\xd8\xff", read_jpeg }, { "\x76\x2f\x31\x01", read_exr } };
	g_autofree guchar *bytes = g_malloc(LOOKED_AT);
	ssize_t n = pread(fd, bytes, LOOKED_AT, 0);
	*ret = (struct image_stamp){ 0 };
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		gsize len = strlen(kinds[i].begin);
		if (n > (ssize_t)len && memcmp(bytes, kinds[i].begin, len) == 0)
			kinds[i].read((struct bytes){ bytes, (gsize)n }, ret);
	}
}

void image_stamp_clear(struct image_stamp *s)
{
	g_free(s->scene);
	*s = (struct image_stamp){ 0 };
}
