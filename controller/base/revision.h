/* A revision as text: "main@sha1:…", and where the specs come from several sources what is in force of each,
 * "main@sha1:…+art@sha1:…". The first is the main repository's, with its branch or tag; the others have their source's name.
 *
 * Written by source/ and reconcile_sources.c; saved plans, the order of revisions and the rollout take it apart again. */
#pragma once
#include <glib.h>

struct arena;

enum { COMMIT_LEN = 40 };

/* One part; neither is terminated. */
struct revision_part {
	const char *name; /* "main", "art"; of the first empty when no branch or tag was named */
	gsize name_len;
	const char *commit; /* COMMIT_LEN hex digits */
};

/* Moves *at behind the part that begins there. FALSE: there is none (any more), or it is no commit ("directory"). */
gboolean revision_next(const char **at, struct revision_part *ret);
/* The commit of a source (NULL: of the main repository), from the arena; NULL: the text names none. */
const char *revision_commit(struct arena *a, const char *revision, const char *source);
/* What follows the first part, "+art@sha1:…", or ""; where `revision` may be the first part's commit alone as well. */
const char *revision_rest(const char *revision);
/* The first commit with what follows it: what session_want_at() reads again. NULL: none is named. */
const char *revision_pins(const char *revision);
/* Appends "+NAME@sha1:COMMIT". */
void revision_append(GString *revision, const char *source, const char *commit);
/* Twelve digits of each commit; g_free(). */
char *revision_short(const char *revision);
/* Whether two hosts that say these work by the same specs: the main repository's commit is the same, and that of each source
 * which both name. A host need not have all sources of another one. */
gboolean revision_agrees(const char *x, const char *y);
