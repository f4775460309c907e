/* An open table: a slot, else the next that is free. */
#include "base/intern.h"
#include "base/arena.h"
#include <string.h>

enum { FIRST_SLOTS = 128 };

void intern_init(struct intern *w, struct arena *arena)
{
	*w = (struct intern){ .arena = arena, .slots = g_new0(struct intern_slot, FIRST_SLOTS), .n_slots = FIRST_SLOTS };
}

void intern_clear(struct intern *w)
{
	g_free(w->slots);
	*w = (struct intern){ 0 };
}

void intern_reset(struct intern *w, struct arena *arena)
{
	if (w->n_slots > FIRST_SLOTS) {
		intern_clear(w);
		intern_init(w, arena);
		return;
	}
	memset(w->slots, 0, w->n_slots * sizeof *w->slots);
	w->arena = arena;
	w->n = 0;
}

/* FNV-1a: the texts are short words. */
static guint32 hash_of(const char *text, gsize len)
{
	guint32 hash = 2166136261u;
	for (gsize i = 0; i < len; i++)
		hash = (hash ^ (guchar)text[i]) * 16777619u;
	return hash;
}

static struct intern_slot *find(struct intern_slot *slots, guint n_slots, const char *text, guint32 hash, gsize len)
{
	for (guint i = hash & (n_slots - 1);; i = (i + 1) & (n_slots - 1)) {
		struct intern_slot *s = &slots[i];
		if (!s->text || (s->hash == hash && s->len == len && memcmp(s->text, text, len) == 0))
			return s;
	}
}

static void grow(struct intern *w)
{
	guint n_slots = w->n_slots * 2;
	struct intern_slot *slots = g_new0(struct intern_slot, n_slots);
	for (guint i = 0; i < w->n_slots; i++) {
		const struct intern_slot *s = &w->slots[i];
		if (s->text)
			*find(slots, n_slots, s->text, s->hash, s->len) = *s;
	}
	g_free(w->slots);
	w->slots = slots;
	w->n_slots = n_slots;
}

const char *intern_text(struct intern *w, const char *text, gsize len)
{
	guint32 hash = hash_of(text, len);
	struct intern_slot *s = find(w->slots, w->n_slots, text, hash, len);
	if (s->text)
		return s->text;
	*s = (struct intern_slot){ arena_strndup(w->arena, text, len), hash, (guint32)len };
	const char *kept = s->text;
	if (++w->n * 2 > w->n_slots)
		grow(w);
	return kept;
}
