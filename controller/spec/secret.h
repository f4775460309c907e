/* Texts that look like a secret: none may stand in a commit. */
#pragma once
#include <glib.h>

struct arena;

struct secret_form {
	const char *what;    /* "a private key" */
	const char *begins;  /* a part that every such text has: the cheap question before the pattern */
	const char *pattern;
	const char *example; /* for tests; made up, and cut so that it is none */
	/* FALSE only of texts that do not match, where `begins` is in many; may be NULL. */
	gboolean (*may_match)(const char *text);
};
extern const struct secret_form secret_forms[];
extern const guint n_secret_forms;

/* Whether a key is called as people call secrets. Keys that name a file of one end in File. */
gboolean secret_is_key(const char *key);
/* NULL, or what would be right instead of writing this text. */
const char *secret_check(struct arena *a, const char *text);
/* Whether a value is one, by what it looks like or by what its field is called ("env[TOKEN]"; NULL: nothing is known). Of
 * such a value people are told SECRET_MASKED. */
gboolean secret_is_value(const char *field, const char *text);
#define SECRET_MASKED "(masked)"
