/* Texts of which an arena keeps one copy: equal texts are one pointer, so that the same few hundred keys of
 * many thousand maps cost their memory once, and comparing two of them costs nothing. */
#pragma once
#include <glib.h>

struct arena;

struct intern_slot {
	const char *text; /* NULL = free */
	guint32 hash, len;
};

struct intern {
	struct arena *arena; /* owns the texts; the slots end with intern_clear() */
	struct intern_slot *slots;
	guint n, n_slots; /* n_slots is a power of two */
};

void intern_init(struct intern *w, struct arena *arena);
void intern_clear(struct intern *w);
/* Begins anew, with another arena. */
void intern_reset(struct intern *w, struct arena *arena);
/* The one copy of a text of `len` bytes, NUL-terminated. */
const char *intern_text(struct intern *w, const char *text, gsize len);
