/* Words of the command line that name a kind or an object: found, or said what was meant. */
#include "commands/command.h"
#include <stdio.h>
#include <string.h>

char *command_kind_list(void)
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < N_KINDS; i++) {
		gboolean is_short = g_str_has_prefix(kinds[i].plural, kinds[i].alias);
		if (!kinds[i].is_local)
			g_string_append_printf(s, is_short ? "%s%s" : "%s%s (%s)", s->len ? ", " : "", kinds[i].plural, kinds[i].alias);
	}
	return g_string_free(s, FALSE);
}

static int unknown_kind(const char *word)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	for (guint i = 0; i < N_KINDS; i++) {
		g_ptr_array_add(words, (gpointer)kinds[i].plural);
		g_ptr_array_add(words, (gpointer)kinds[i].name);
		g_ptr_array_add(words, (gpointer)kinds[i].alias);
	}
	const char *near = name_suggest(word, (const char *const *)words->pdata, words->len);
	g_autofree char *known = command_kind_list();
	fprintf(stderr, near ? "cleave: there is no kind `%s`; did you mean `%s`?\n" : "cleave: there is no kind `%s`; kinds: %s\n",
	        word, near ? near : known);
	return EXIT_BAD_USAGE;
}

const struct kind *command_find_kind(const char *word, gboolean has_spec, int *ret_code)
{
	const struct kind *kind = kind_find(word);
	if (kind && (!has_spec || kind->spec_fields))
		return kind;
	*ret_code = EXIT_BAD_USAGE;
	if (kind)
		fprintf(stderr, "cleave: %s is observed, never written: it has no spec and no schema\n", kind->name);
	else
		unknown_kind(word);
	return NULL;
}

/* "shot" when there is "test/shot", else what is spelled nearly so; NULL: nothing. */
static const char *near_id(const char *id, GPtrArray *ids)
{
	for (guint i = 0; i < ids->len; i++) {
		const char *name = strrchr(g_ptr_array_index(ids, i), '/');
		if (name && strcmp(name + 1, id) == 0)
			return g_ptr_array_index(ids, i);
	}
	const char *near = name_suggest(id, (const char *const *)ids->pdata, ids->len);
	if (near || strchr(id, '/'))
		return near;
	/* A job may be named without its project. */
	g_autofree const char **names = g_new(const char *, ids->len + 1);
	for (guint i = 0; i < ids->len; i++) {
		const char *slash = strrchr(ids->pdata[i], '/');
		names[i] = slash ? slash + 1 : ids->pdata[i];
	}
	near = name_suggest(id, names, ids->len);
	for (guint i = 0; near && i < ids->len; i++)
		if (names[i] == near)
			return ids->pdata[i];
	return NULL;
}

int command_no_object(const struct kind *kind, const char *id, GPtrArray *ids, const char *revision)
{
	const char *near = near_id(id, ids);
	fprintf(stderr, "cleave: there is no %s %s at %s", kind->name, id, revision);
	if (near)
		fprintf(stderr, "; did you mean %s?", near);
	fputc('\n', stderr);
	return EXIT_FAILED;
}
