/* secret_forms[]: what credentials look like. A name of a password is none (`passwordFile: /etc/…`). */
#include "spec/secret.h"
#include "base/arena.h"
#include <string.h>

static const char *const secret_words[] = { "password", "passwd", "passphrase", "secret", "token", "key" };

/* Whether one of the words ends right before `at`, blanks and a quote aside. */
static gboolean ends_in_word(const char *text, const char *at)
{
	while (at > text && strchr(" \t\"'", at[-1]))
		at--;
	for (guint i = 0; i < G_N_ELEMENTS(secret_words); i++) {
		gsize len = strlen(secret_words[i]);
		if ((gsize)(at - text) >= len && g_ascii_strncasecmp(at - len, secret_words[i], len) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Nearly every kernel's arguments have a `=`, with none of these before it; a match takes six times as long. */
static gboolean has_password_word(const char *text)
{
	for (const char *at = strpbrk(text, "=:"); at; at = strpbrk(at + 1, "=:"))
		if (ends_in_word(text, at))
			return TRUE;
	return FALSE;
}

/* Examples are joined from parts, so that scanners of this repository do not take them for real. */
const struct secret_form secret_forms[] = {
	{ "a private key", "PRIVATE KEY", "-----BEGIN [A-Z ]*PRIVATE KEY", "-----BEGIN OPENSSH " "PRIVATE KEY-----", NULL },
	{ "an AWS access key", "AKIA", "\\bAKIA[0-9A-Z]{16}\\b", "AKIA" "IOSFODNN7EXAMPLE", NULL },
	{ "a GitHub token", "gh", "\\bgh[pousr]_[A-Za-z0-9]{36,}", "ghp" "_0123456789abcdefghijABCDEFGHIJ012345", NULL },
	{ "a GitHub token", "github_pat_", "\\bgithub_pat_[A-Za-z0-9_]{22,}", "github" "_pat_0123456789abcdefghijkl", NULL },
	{ "a GitLab token", "glpat-", "\\bglpat-[A-Za-z0-9_-]{20,}", "glp" "at-0123456789abcdefghij", NULL },
	{ "a Slack token", "xox", "\\bxox[abprs]-[A-Za-z0-9-]{10,}", "xox" "b-0123456789-abcdef", NULL },
	{ "a signed token", "eyJ", "(^|[^A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.", "ey" "J0123456789.eyJ0123456789.sig", NULL },
	{ "a password hash", "$", "^\\$(1|2[aby]|5|6|y|gy|7)\\$[^\\s]{8,}", "$6" "$salt$0123456789", NULL },
	{ "a URL with a password", "://", "[a-z]://[^/@:\\s]*:[^/@\\s]+@", "https://user:" "hunter2@host/", NULL },
	{ "a password", "",
	  "(?i)(^|[^a-z])(password|passwd|passphrase|secret|token|api_?key)[\"']?[ \\t]*[:=][ \\t]*[\"']?[^\\s\"'$<{/*][^\\s]{3,}",
	  "--pass" "word=hunter2", has_password_word },
	{ "a bearer token", "earer ", "(?i)bearer [A-Za-z0-9._~+/-]{16,}", "Authorization: " "Bearer 0123456789abcdef", NULL },
};
const guint n_secret_forms = G_N_ELEMENTS(secret_forms);

static const GRegex *pattern_of(guint i)
{
	static GRegex *compiled[G_N_ELEMENTS(secret_forms)];
	if (g_once_init_enter(&compiled[i])) {
		g_autoptr(GError) error = NULL;
		GRegex *regex = g_regex_new(secret_forms[i].pattern, G_REGEX_OPTIMIZE | G_REGEX_MULTILINE, 0, &error);
		if (!regex)
			g_error("%s: %s", secret_forms[i].what, error->message);
		g_once_init_leave(&compiled[i], regex);
	}
	return compiled[i];
}

/* Each form has a mark (`=`, `$`, `@`) or this many letters, digits, `_` and `-` in a row; few texts of a spec do. */
enum { LONG_WORD = 13 };
/* Characters; shorter ones are no secrets. */
enum { SHORTEST = 12 };

static gboolean has_mark(const char *text)
{
	gboolean has_blank = FALSE;
	guint n = 0;
	for (const char *c = text; *c; c++) {
		n = g_ascii_isalnum(*c) || *c == '_' || *c == '-' ? n + 1 : 0;
		if (n >= LONG_WORD || *c == '=' || *c == '$' || *c == '@' || (*c == ':' && c[1] && strchr(" \t\"'", c[1])))
			return TRUE;
		has_blank |= *c == ' ';
	}
	return has_blank && strstr(text, "PRIVATE KEY") != NULL;
}

static gboolean may_be_secret(const char *text)
{
	return strnlen(text, SHORTEST) == SHORTEST && has_mark(text) && g_utf8_strlen(text, -1) >= SHORTEST;
}

const char *secret_check(struct arena *a, const char *text)
{
	if (!may_be_secret(text))
		return NULL;
	for (guint i = 0; i < n_secret_forms; i++) {
		const struct secret_form *f = &secret_forms[i];
		if (strstr(text, f->begins) && (!f->may_match || f->may_match(text)) && g_regex_match(pattern_of(i), text, 0, NULL))
			return arena_printf(a,
			                    "this looks like %s, and a commit is no place for one; keep it in a file on the host "
			                    "and name that in a key that ends in File",
			                    f->what);
	}
	return NULL;
}

/* The words of passwordFile, api_key and VNC-Password, in small letters, with a space around each. */
static char *words_of(const char *key)
{
	GString *s = g_string_new(" ");
	for (const char *c = key; *c; c++) {
		gboolean begins = c > key && g_ascii_isupper(*c) && g_ascii_islower(c[-1]);
		if (begins || !g_ascii_isalnum(*c))
			g_string_append_c(s, ' ');
		if (g_ascii_isalnum(*c))
			g_string_append_c(s, g_ascii_tolower(*c));
	}
	g_string_append_c(s, ' ');
	return g_string_free(s, FALSE);
}

enum { SHORTEST_WORD = 5 }; /* "token" */

gboolean secret_is_key(const char *key)
{
	static const char *const words[] = { " password ", " passwd ", " passphrase ", " secret ", " token ", " apikey ",
		                             " api key ", " privatekey ", " private key ", " access key " };
	if (strnlen(key, SHORTEST_WORD) < SHORTEST_WORD) /* as most labels' keys */
		return FALSE;
	g_autofree char *all = words_of(key);
	if (g_str_has_suffix(all, "file "))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (strstr(all, words[i]))
			return TRUE;
	return FALSE;
}

/* "console.passwordFile" is a file's name, and what ends in Digest tells nothing of it. */
static gboolean is_secret_field(const char *field)
{
	const char *dot = strrchr(field, '.'), *bracket = strrchr(field, '[');
	const char *last = MAX(dot, bracket);
	g_autofree char *key = g_strdup(last ? last + 1 : field);
	g_strdelimit(key, "]\"", '\0');
	return secret_is_key(key) && !g_str_has_suffix(key, "igest");
}

gboolean secret_is_value(const char *field, const char *text)
{
	SCOPED_ARENA(scratch);
	return (field && is_secret_field(field)) || secret_check(scratch, text) != NULL;
}
