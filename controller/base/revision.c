/* Parts are found from the commit on: a branch's name may hold an @ or a +, but no colon. */
#include "base/revision.h"
#include "base/arena.h"
#include <string.h>

static const char MARK[] = "sha1:";
enum { MARK_LEN = sizeof MARK - 1, SHORT_LEN = 12 };

static gboolean is_commit(const char *text)
{
	return strspn(text, "0123456789abcdef") == COMMIT_LEN;
}

gboolean revision_next(const char **at, struct revision_part *ret)
{
	const char *from = *at ? *at + (**at == '+') : NULL, *mark = from ? strstr(from, MARK) : NULL;
	if (!mark || !is_commit(mark + MARK_LEN) || (mark > from && mark[-1] != '@'))
		return FALSE;
	*ret = (struct revision_part){ from, mark > from ? (gsize)(mark - from) - 1 : 0, mark + MARK_LEN };
	*at = ret->commit + COMMIT_LEN;
	return TRUE;
}

static gboolean is_named(const struct revision_part *p, const char *name, gsize len)
{
	return p->name_len == len && memcmp(p->name, name, len) == 0;
}

/* Of the parts behind the first. */
static gboolean find(const char *revision, const char *name, gsize len, struct revision_part *ret)
{
	const char *at = revision;
	if (!revision_next(&at, ret))
		return FALSE;
	while (revision_next(&at, ret))
		if (is_named(ret, name, len))
			return TRUE;
	return FALSE;
}

const char *revision_commit(struct arena *a, const char *revision, const char *source)
{
	struct revision_part p;
	const char *at = revision;
	gboolean is_there = source ? find(revision, source, strlen(source), &p) : revision_next(&at, &p);
	return is_there ? arena_strndup(a, p.commit, COMMIT_LEN) : NULL;
}

const char *revision_pins(const char *revision)
{
	struct revision_part p;
	const char *at = revision;
	return revision_next(&at, &p) ? p.commit : NULL;
}

const char *revision_rest(const char *revision)
{
	const char *pins = revision && is_commit(revision) ? revision : revision_pins(revision);
	const char *rest = pins ? pins + COMMIT_LEN : "";
	return *rest == '+' ? rest : ""; /* git's own words, as ^ and ~2, are of the commit */
}

void revision_append(GString *revision, const char *source, const char *commit)
{
	g_string_append_printf(revision, "+%s@%s%s", source, MARK, commit);
}

char *revision_short(const char *revision)
{
	GString *s = g_string_new(NULL);
	const char *at = revision, *told = revision;
	for (struct revision_part p; revision_next(&at, &p); told = at)
		g_string_append_len(s, told, (gssize)(p.commit - told) + SHORT_LEN);
	g_string_append(s, told);
	return g_string_free(s, FALSE);
}

gboolean revision_agrees(const char *x, const char *y)
{
	struct revision_part first, other, mine;
	const char *at = x, *at_other = y;
	if (g_strcmp0(x, y) == 0)
		return TRUE;
	if (!revision_next(&at, &first) || !revision_next(&at_other, &other) || memcmp(first.commit, other.commit, COMMIT_LEN) != 0)
		return FALSE;
	while (revision_next(&at, &mine))
		if (find(y, mine.name, mine.name_len, &other) && memcmp(mine.commit, other.commit, COMMIT_LEN) != 0)
			return FALSE;
	return TRUE;
}
