/* gpg, with the keyring's keys imported into a folder of its own: no agent, no network, no trust but being there. What it found
 * is read from its status lines (GnuPG's doc/DETAILS). */
#include "base/error.h"
#include "source/signature_keys.h"
#include <errno.h>
#include <string.h>

enum { ARGUMENTS_MAX = 24, NAMES_MAX = 64, FINGERPRINT_FIELD = 9 };

/* gpg with the arguments up to NULL. */
static gboolean gpg(const struct signers *s, struct program_said *ret, GError **error, ...)
{
	const char *argv[ARGUMENTS_MAX] = { "gpg", "--no-options", "--batch", "--no-tty", "--no-autostart", "--disable-dirmngr", "--no-auto-key-locate",
		                            "--no-auto-key-retrieve", "--trust-model", "always", "--no-auto-check-trustdb", "--status-fd", "1" };
	va_list arguments;
	guint n = 0;
	while (argv[n])
		n++;
	va_start(arguments, error);
	while (n < ARGUMENTS_MAX - 1 && (argv[n] = va_arg(arguments, const char *)))
		n++;
	va_end(arguments);
	return signers_run(s, argv, NULL, ret, error);
}

/* Public keys alone are taken: --import of secret ones needs an agent, which is not started. */
static gboolean import_keys(struct signers *s, GError **error)
{
	g_autofree char *home = g_build_filename(s->folder, "gpg", NULL);
	struct program_said said;
	if (s->has_keyring)
		return TRUE;
	signers_remove_folder(home);
	if (mkdir(home, 0700) != 0)
		return fail_errno(error, errno, "making %s", home);
	if (!gpg(s, &said, error, "--quiet", "--import", s->keyring_file, NULL))
		return FALSE;
	g_autofree char *last = signers_last_line(said.err);
	s->has_keyring = strstr(said.out, "[GNUPG:] IMPORT_OK ") != NULL;
	program_said_clear(&said);
	return s->has_keyring || fail(error, ERROR_FAILED, "keyringFile %s holds no public key that gpg can read (%s); write it with `gpg --export --armor NAME…`",
	                              s->keyring_file, last);
}

/* The words behind "[GNUPG:] KEYWORD "; NULL: gpg did not say it. g_free(). */
static char *find_status(const char *out, const char *keyword)
{
	g_autofree char *start = g_strdup_printf("[GNUPG:] %s ", keyword);
	for (const char *at = out; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (g_str_has_prefix(at, start))
			return g_strndup(at + strlen(start), strcspn(at + strlen(start), "\n"));
	}
	return NULL;
}

static guint count_status(const char *out, const char *keyword)
{
	guint n = 0;
	g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
	for (char **line = lines; *line; line++)
		n += g_str_has_prefix(*line, "[GNUPG:] ") && g_str_has_prefix(*line + strlen("[GNUPG:] "), keyword);
	return n;
}

/* What each keyword means, the gravest first. */
static const struct verdict_row {
	const char *keyword, *words;
} verdicts[] = {
	{ "BADSIG", "is not good: it was changed after it was signed; sign it anew" },
	{ "REVKEYSIG", "is of a key that is revoked; have it signed by a current key" },
	{ "EXPKEYSIG", "is of a key that has expired; have it signed by a current key, or export the key into keyringFile again once its owner has extended it" },
	{ "EXPSIG", "has expired; sign it anew" },
	{ "NO_PUBKEY", "is of a key that is not in keyringFile; have it signed by somebody who is, or add the key there" },
	{ "ERRSIG", "cannot be checked by gpg; sign it with a current key" },
};

static gboolean judge(const struct signed_object *o, const char *out, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(verdicts); i++) {
		g_autofree char *who = find_status(out, verdicts[i].keyword);
		if (who)
			return fail(error, ERROR_REFUSED, "%s: its OpenPGP signature (%s) %s", o->what, who, verdicts[i].words);
	}
	if (count_status(out, "NEWSIG") != 1 || count_status(out, "GOODSIG ") != 1 || count_status(out, "VALIDSIG ") != 1)
		return fail(error, ERROR_REFUSED, "%s: its OpenPGP signature is not one good signature; sign it anew", o->what);
	return TRUE;
}

/* "Ada <ada@example.org>" → the address; a user id without one stays as it is. */
static char *address_of(const char *user_id)
{
	const char *open = strrchr(user_id, '<'), *close = open ? strchr(open, '>') : NULL;
	return close ? g_strndup(open + 1, (gsize)(close - open - 1)) : g_strdup(user_id);
}

/* User ids of the key that are neither revoked nor expired: "uid:-::::…::…::Ada <ada@example.org>:". */
static gboolean add_names(const struct signers *s, const char *fingerprint, GPtrArray *names, GError **error)
{
	struct program_said said;
	if (!gpg(s, &said, error, "--with-colons", "--list-keys", fingerprint, NULL))
		return FALSE;
	g_auto(GStrv) lines = g_strsplit(said.out, "\n", -1);
	for (char **line = lines; *line && names->len < NAMES_MAX; line++) {
		g_auto(GStrv) columns = g_strsplit(*line, ":", -1);
		if (g_strv_length(columns) > FINGERPRINT_FIELD && strcmp(columns[0], "uid") == 0 && !strpbrk(columns[1], "reid"))
			g_ptr_array_add(names, address_of(columns[FINGERPRINT_FIELD]));
	}
	g_ptr_array_add(names, g_strdup(fingerprint));
	program_said_clear(&said);
	return TRUE;
}

/* VALIDSIG's last word is the primary key's fingerprint; the first is that of the subkey that signed. */
gboolean signature_verify_openpgp(struct signers *s, const struct signed_object *o, GPtrArray *names, GError **error)
{
	g_autofree char *signature = g_build_filename(s->folder, "signature", NULL), *payload = g_build_filename(s->folder, "payload", NULL);
	struct program_said said;
	if (!import_keys(s, error) || !gpg(s, &said, error, "--verify", signature, payload, NULL))
		return FALSE;
	g_autofree char *valid = find_status(said.out, "VALIDSIG");
	gboolean ok = judge(o, said.out, error);
	program_said_clear(&said);
	const char *fingerprint = valid ? strrchr(valid, ' ') : NULL;
	return ok && fingerprint && add_names(s, fingerprint + 1, names, error);
}
