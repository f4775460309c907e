/* The files of a mirror: made, tidied, replaced. Private to source/mirror.c. `path` is that of NAME.git. */
#pragma once
#include <glib.h>

/* An empty bare repository there, if there is none that looks whole. */
gboolean mirror_files_make(const char *path, GError **error);
/* What a git that was killed left: its locks and half packs. Only with the mirror's lock in hand. */
void mirror_files_tidy(const char *path);
/* `fresh` takes the place of `path`. */
gboolean mirror_files_replace(const char *path, const char *fresh, GError **error);
/* A full ref name; anything else is left out. */
void mirror_files_set_head(const char *path, const char *ref);
/* NAME.`what`; g_free(). */
char *mirror_files_beside(const char *path, const char *what);
/* A fetch ended well just now; when the last one did, in ms since 1970 (0: none). */
void mirror_files_note(const char *path, const char *shown);
gint64 mirror_files_fetched_ms(const char *path);
