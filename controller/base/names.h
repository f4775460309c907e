/* Name tables: an enum's values and their words, in one place.
 *
 * A table is an array indexed by the enum; NAME_TABLE checks its length at compile time. An empty word at 0
 * stands for "not said": no text has that value. */
#pragma once
#include <glib.h>

struct name_table {
	const char *what; /* "a device", for messages */
	guint n;
	const char *const *names;
};

#define NAME_TABLE_WORDS(table, count, ...)                         \
	static const char *const table##_words[] = { __VA_ARGS__ }; \
	G_STATIC_ASSERT(G_N_ELEMENTS(table##_words) == (count))

#define NAME_TABLE(table, what_, count, ...)          \
	NAME_TABLE_WORDS(table, count, __VA_ARGS__);  \
	const struct name_table table = { (what_), (count), table##_words }

/* One that only its file knows. */
#define LOCAL_NAME_TABLE(table, what_, count, ...)    \
	NAME_TABLE_WORDS(table, count, __VA_ARGS__);  \
	static const struct name_table table = { (what_), (count), table##_words }

/* The word of a value; aborts on a value outside the table (a programming error). */
const char *name_of(const struct name_table *t, int value);
/* The value of a word, or -1. */
int name_value(const struct name_table *t, const char *word);
/* The known word nearest to `word` (edit distance ≤ 2 and less than half its length), or NULL. Of two or three letters
 * only one too many, too few or two swapped count, and only when no other word is as near. */
const char *name_suggest(const char *word, const char *const *names, guint n);
/* "a, b or c"; free with g_free(). */
char *name_list(const struct name_table *t);
