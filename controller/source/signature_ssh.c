/* ssh-keygen -Y: first whose key it is by the allowed signers' file, then for each of these names whether the signature is good.
 * The time that counts is now, not the commit's, which its author chooses: an expired key signs nothing any more. */
#include "base/error.h"
#include "source/signature_keys.h"
#include <string.h>

enum { PRINCIPALS_MAX = 64 };

/* "… key SHA256:28dN…" of a signature that is good by whatever key; NULL: it is not. */
static char *find_fingerprint(const struct signers *s, const char *signature)
{
	const char *argv[] = { "ssh-keygen", "-Y", "check-novalidate", "-n", "git", "-s", signature, NULL };
	struct program_said said;
	if (!signers_run(s, argv, "payload", &said, NULL))
		return NULL;
	const char *at = said.is_fine ? strstr(said.out, "SHA256:") : NULL;
	char *found = at ? g_strndup(at, strcspn(at, " \n")) : NULL;
	program_said_clear(&said);
	return found;
}

/* ssh-keygen tells of keys out of their time on stderr, as "FILE:3: key has expired: verify time … > valid-before …". */
static gboolean refuse_unknown(const struct signers *s, const struct signed_object *o, const char *signature, const char *said, GError **error)
{
	const char *file = s->allowed_signers_file;
	g_autofree char *fingerprint = find_fingerprint(s, signature);
	if (!g_file_test(file, G_FILE_TEST_IS_REGULAR) || strstr(said, "Unable to open"))
		return fail(error, ERROR_FAILED, "allowedSignersFile %s cannot be read, so that no signature can be checked; put it there", file);
	if (!fingerprint)
		return fail(error, ERROR_REFUSED, "%s: its SSH signature is not good: it was changed after it was signed, or was not signed by git; sign it anew",
		            o->what);
	if (strstr(said, "key has expired"))
		return fail(error, ERROR_REFUSED, "%s is signed by a key whose time in %s has run out (%s); have it signed by a current key, or move `valid-before`",
		            o->what, file, fingerprint);
	if (strstr(said, "not yet valid"))
		return fail(error, ERROR_REFUSED, "%s is signed by a key that is not valid yet by %s (%s); wait, or move `valid-after`", o->what, file,
		            fingerprint);
	return fail(error, ERROR_REFUSED, "%s is signed by a key that is not in %s (%s); have it signed by somebody who is, or add the key there", o->what,
	            file, fingerprint);
}

static gboolean refuse_known(const struct signers *s, const struct signed_object *o, const char *name, const char *said, GError **error)
{
	g_autofree char *last = signers_last_line(said);
	if (strstr(said, "not permitted for use in signature namespace"))
		return fail(error, ERROR_REFUSED, "%s: %s may not sign for git by %s; add \"git\" to `namespaces` there", o->what, name, s->allowed_signers_file);
	if (strstr(said, "revoked"))
		return fail(error, ERROR_REFUSED, "%s is signed by a key of %s that is revoked; have it signed by a current key", o->what, name);
	return fail(error, ERROR_REFUSED, "%s: its SSH signature (%s) is not good: %s; sign it anew", o->what, name, last);
}

static gboolean verify_name(const struct signers *s, const struct signed_object *o, const char *signature, const char *name, GError **error)
{
	const char *argv[] = { "ssh-keygen", "-Y", "verify", "-n", "git", "-f", s->allowed_signers_file, "-I", name, "-s", signature, NULL };
	struct program_said said;
	if (!signers_run(s, argv, "payload", &said, error))
		return FALSE;
	gboolean ok = said.is_fine || refuse_known(s, o, name, said.err, error);
	program_said_clear(&said);
	return ok;
}

gboolean signature_verify_ssh(struct signers *s, const struct signed_object *o, GPtrArray *names, GError **error)
{
	g_autofree char *signature = g_build_filename(s->folder, "signature", NULL);
	const char *argv[] = { "ssh-keygen", "-Y", "find-principals", "-f", s->allowed_signers_file, "-s", signature, NULL };
	struct program_said said;
	if (!signers_run(s, argv, NULL, &said, error))
		return FALSE;
	g_auto(GStrv) found = g_strsplit(g_strstrip(said.out), "\n", PRINCIPALS_MAX);
	gboolean ok = (said.is_fine && found[0]) || refuse_unknown(s, o, signature, said.err, error);
	for (char **name = found; ok && *name; name++) {
		ok = verify_name(s, o, signature, *name, error);
		if (ok)
			g_ptr_array_add(names, g_strdup(*name));
	}
	program_said_clear(&said);
	return ok;
}
