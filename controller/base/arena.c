/* Bump allocation in blocks that double up to 1 MiB; a large request gets a block of its own. Values
 * grow from a block's bottom, texts, which need no alignment, from its top. */
#include "base/arena.h"
#include <string.h>

struct block {
	struct block *next;
	gsize used, top, size; /* used ≤ top ≤ size: free in between */
	_Alignas(max_align_t) char data[];
};

struct owned {
	gpointer object;
	GDestroyNotify destroy;
};

struct arena {
	struct block *blocks;
	GArray *owned; /* NULL until the first arena_own() */
};

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct arena *arena_new(void)
{
	return g_new0(struct arena, 1);
}

static void destroy_owned(struct arena *a)
{
	for (guint i = a->owned ? a->owned->len : 0; i-- > 0;) {
		struct owned *o = &g_array_index(a->owned, struct owned, i);
		o->destroy(o->object);
	}
	if (a->owned)
		g_array_free(a->owned, TRUE);
	a->owned = NULL;
}

static void free_blocks(struct block *b)
{
	for (struct block *next; b; b = next) {
		next = b->next;
		g_free(b);
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	destroy_owned(a);
	free_blocks(a->blocks);
	g_free(a);
}

void arena_reset(struct arena *a)
{
	struct block *b = a->blocks;
	destroy_owned(a);
	if (!b)
		return;
	free_blocks(b->next);
	memset(b->data, 0, b->used);
	memset(b->data + b->top, 0, b->size - b->top);
	b->next = NULL;
	b->used = 0;
	b->top = b->size;
}

static struct block *block_add(struct arena *a, gsize at_least)
{
	gsize size = a->blocks ? MIN(a->blocks->size * 2, (gsize)LARGEST_BLOCK) : FIRST_BLOCK;
	if (size < at_least)
		size = at_least;
	struct block *b = g_malloc0(sizeof *b + size);
	b->size = b->top = size;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, gsize size)
{
	const gsize align = _Alignof(max_align_t);
	gsize rounded = (size + align - 1) / align * align;
	g_assert(rounded >= size);
	struct block *b = a->blocks;
	if (!b || b->top - b->used < rounded)
		b = block_add(a, rounded);
	void *p = b->data + b->used;
	b->used += rounded;
	return p;
}

void *arena_memdup(struct arena *a, const void *bytes, gsize size)
{
	void *p = arena_alloc(a, size);
	if (size)
		memcpy(p, bytes, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, gsize len)
{
	struct block *b = a->blocks;
	g_assert(len < G_MAXSSIZE);
	if (!b || b->top - b->used < len + 1)
		b = block_add(a, len + 1);
	b->top -= len + 1;
	char *p = b->data + b->top;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *s = g_strdup_vprintf(format, args);
	va_end(args);
	return arena_strdup(a, s);
}

void arena_own(struct arena *a, gpointer object, GDestroyNotify destroy)
{
	struct owned o = { object, destroy };
	if (!a->owned)
		a->owned = g_array_new(FALSE, FALSE, sizeof(struct owned));
	g_array_append_val(a->owned, o);
}
