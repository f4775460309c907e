/* Whose signature stands below a commit or tag: SSH (ssh-keygen -Y) or OpenPGP (gpg), by keys that the host trusts.
 *
 * In: what was signed and its signature, as bytes. Out: the signer's names, or one sentence that says what is wrong and the
 * way out. The programs are run with argument vectors, a deadline and an environment of their own; no configuration of a
 * repository or a user is read. What was found good once is not asked again while the files of keys stay as they are. */
#pragma once
#include <glib.h>

struct arena;
struct signers;

/* A commit or an annotated tag. */
struct signed_object {
	const char *id;      /* git's, in hex */
	const char *what;    /* "commit 1234567", "tag v1" */
	const char *payload; /* what the signature speaks of */
	gsize payload_size;
	const char *signature; /* armoured; NULL: there is none */
};

/* Either file may be NULL. Nothing is read yet. */
struct signers *signers_new(const char *allowed_signers_file, const char *keyring_file);
/* Removes what it put into the temporary folder as well. */
void signers_free(struct signers *s);

/* *ret_names: of the signer, ending with NULL, from the arena: of SSH the principals of the allowed signers' file, of OpenPGP the
 * addresses of the key's user ids and its fingerprint. ERROR_REFUSED: no signature, a bad one, or none of these keys';
 * ERROR_FAILED, ERROR_TIMEOUT: it could not be checked. */
gboolean signers_verify(struct signers *s, struct arena *a, const struct signed_object *o, char ***ret_names, GError **error);
