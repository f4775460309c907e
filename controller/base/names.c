/* Lookup both ways, and the nearest word for "did you mean". */
#include "base/names.h"
#include <string.h>

const char *name_of(const struct name_table *t, int value)
{
	g_assert(value >= 0 && (guint)value < t->n);
	return t->names[value];
}

int name_value(const struct name_table *t, const char *word)
{
	for (guint i = 0; i < t->n; i++)
		if (*word && strcmp(t->names[i], word) == 0)
			return (int)i;
	return -1;
}

/* Levenshtein distance, case folded; words are short (the caller's are field and object names). */
static guint edit_distance(const char *a, const char *b)
{
	gsize la = strlen(a), lb = strlen(b);
	if (la > 128 || lb > 128)
		return G_MAXUINT;
	guint row[130];
	for (gsize j = 0; j <= lb; j++)
		row[j] = (guint)j;
	for (gsize i = 1; i <= la; i++) {
		guint diagonal = row[0];
		row[0] = (guint)i;
		for (gsize j = 1; j <= lb; j++) {
			guint above = row[j];
			guint same = g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 1]) ? 0 : 1;
			row[j] = MIN(MIN(above + 1, row[j - 1] + 1), diagonal + same);
			diagonal = above;
		}
	}
	return row[lb];
}

/* One letter too many, too few, or two that changed places. Another letter makes another word of a short one: GPU is no
 * slip for CPU. */
static gboolean is_slip(const char *a, const char *b)
{
	gsize la = strlen(a), lb = strlen(b);
	if (la != lb)
		return edit_distance(a, b) == 1;
	gsize i = 0;
	while (i < la && g_ascii_tolower(a[i]) == g_ascii_tolower(b[i]))
		i++;
	return i + 1 < la && g_ascii_tolower(a[i]) == g_ascii_tolower(b[i + 1]) &&
	       g_ascii_tolower(a[i + 1]) == g_ascii_tolower(b[i]) && g_ascii_strcasecmp(a + i + 2, b + i + 2) == 0;
}

/* The only word that a short one can be a slip for; what differs in case only is the same word. */
static const char *suggest_for_short(const char *word, const char *const *names, guint n)
{
	const char *found = NULL;
	for (guint i = 0; i < n; i++) {
		if (*names[i] && g_ascii_strcasecmp(word, names[i]) == 0)
			return names[i];
		if (strlen(word) < 2 || strlen(names[i]) < 2 || !is_slip(word, names[i]))
			continue;
		if (found && g_ascii_strcasecmp(found, names[i]) != 0)
			return NULL;
		found = names[i];
	}
	return found;
}

const char *name_suggest(const char *word, const char *const *names, guint n)
{
	const char *best = NULL;
	guint best_distance = 3;
	if (strlen(word) < 4)
		return suggest_for_short(word, names, n);
	for (guint i = 0; i < n; i++) {
		guint d = edit_distance(word, names[i]);
		if (*names[i] && d < best_distance && (d == 0 || d * 2 < strlen(word))) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}

char *name_list(const struct name_table *t)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < t->n; i++)
		if (*t->names[i])
			g_string_append_printf(s, "%s%s", !s->len ? "" : i + 1 == t->n ? " or " : ", ", t->names[i]);
	return g_string_free(s, FALSE);
}
