/* One arena a pass: blobs, specs, observation and plan live in it and end with it.
 *
 * In: sizes and strings. Out: zeroed memory, never NULL (GLib aborts when there is none).
 * Nothing in an arena is freed alone; foreign objects are tied to it with arena_own(). */
#pragma once
#include <glib.h>

struct arena;

struct arena *arena_new(void);
/* Frees all that was allocated, and calls the functions given to arena_own() in reverse order. */
void arena_free(struct arena *a);
/* Frees all of it, and keeps one block for what comes next. */
void arena_reset(struct arena *a);
/* An arena that ends with its scope: `SCOPED_ARENA(scratch);` */
#define SCOPED_ARENA(name) \
	__attribute__((cleanup(arena_clear_pointer))) struct arena *name = arena_new()
static inline void arena_clear_pointer(struct arena **a)
{
	arena_free(*a);
}

/* `size` bytes, zeroed, aligned for any type; valid until arena_free(). */
void *arena_alloc(struct arena *a, gsize size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (gsize)(n)))

/* A copy, not aligned; NULL stays NULL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, gsize len);
char *arena_printf(struct arena *a, const char *format, ...) G_GNUC_PRINTF(2, 3);
void *arena_memdup(struct arena *a, const void *bytes, gsize size);

/* Ties a foreign object to the arena's life. */
void arena_own(struct arena *a, gpointer object, GDestroyNotify destroy);
