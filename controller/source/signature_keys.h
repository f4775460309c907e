/* What signature*.c share. Private to them. */
#pragma once
#include "source/program.h"
#include "source/signature.h"
#include <sys/stat.h>

struct key_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec written;
};

struct signers {
	char *allowed_signers_file, *keyring_file;
	char *folder;       /* temporary, of this user alone; NULL: not made yet */
	gboolean has_keyring; /* the keyring's keys are in folder/gpg */
	struct key_stamp stamps[2];
	GHashTable *known;  /* id → names (char **) of what was found good */
	GHashTable *refused; /* id → struct refused */
};

/* `input`: a file of the folder. */
gboolean signers_run(const struct signers *s, const char *const *argv, const char *input, struct program_said *ret, GError **error);
char *signers_last_line(const char *text); /* g_free() */
void signers_remove_folder(const char *path);

/* The files "signature" and "payload" lie in the folder. Adds the signer's names. */
gboolean signature_verify_ssh(struct signers *s, const struct signed_object *o, GPtrArray *names, GError **error);
gboolean signature_verify_openpgp(struct signers *s, const struct signed_object *o, GPtrArray *names, GError **error);
