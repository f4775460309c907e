/* A temporary folder holds the signature and what was signed while a program looks at them, and gpg's own folder. */
#include "source/signature_keys.h"
#include "base/arena.h"
#include "base/error.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>

/* A key may become valid while nothing else changes. */
enum { VERIFY_MS = 10000, SIGNATURE_SIZE_MAX = 64 * 1024, REFUSED_AGAIN_S = 60 };

struct refused {
	char *why;
	gint64 at_us; /* of the monotonic clock */
};

static void refused_free(gpointer p)
{
	struct refused *r = p;
	g_free(r->why);
	g_free(r);
}

/* -- the files of keys -------------------------------------------------------------------------------------- */

static void take_stamp(const char *path, struct key_stamp *ret)
{
	struct stat st;
	*ret = (struct key_stamp){ 0 };
	if (path && stat(path, &st) == 0)
		*ret = (struct key_stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

/* Written anew, or replaced by another file: what it vouched for is asked again. */
static void notice_change(struct signers *s)
{
	struct key_stamp now[2];
	memset(now, 0, sizeof now);
	take_stamp(s->allowed_signers_file, &now[0]);
	take_stamp(s->keyring_file, &now[1]);
	if (memcmp(now, s->stamps, sizeof now) == 0)
		return;
	memcpy(s->stamps, now, sizeof now);
	g_hash_table_remove_all(s->known);
	g_hash_table_remove_all(s->refused);
	s->has_keyring = FALSE;
}

struct signers *signers_new(const char *allowed_signers_file, const char *keyring_file)
{
	struct signers *s = g_new0(struct signers, 1);
	s->allowed_signers_file = g_strdup(allowed_signers_file);
	s->keyring_file = g_strdup(keyring_file);
	s->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)(void *)g_strfreev);
	s->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, refused_free);
	return s;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void signers_remove_folder(const char *path)
{
	enum { FDS = 16 };
	(void)nftw(path, remove_one, FDS, FTW_DEPTH | FTW_PHYS);
}

void signers_free(struct signers *s)
{
	if (!s)
		return;
	if (s->folder)
		signers_remove_folder(s->folder);
	g_free(s->folder);
	g_free(s->allowed_signers_file);
	g_free(s->keyring_file);
	g_hash_table_destroy(s->known);
	g_hash_table_destroy(s->refused);
	g_free(s);
}

/* -- a program --------------------------------------------------------------------------------------------- */

gboolean signers_run(const struct signers *s, const char *const *argv, const char *input, struct program_said *ret, GError **error)
{
	const char *path = g_getenv("PATH");
	g_autofree char *home = g_strdup_printf("HOME=%s", s->folder), *gpg = g_strdup_printf("GNUPGHOME=%s/gpg", s->folder);
	g_autofree char *search = g_strdup_printf("PATH=%s", path ? path : "/usr/bin:/bin");
	char *environment[] = { home, gpg, search, (char *)"LC_ALL=C", (char *)"TZ=UTC", NULL };
	g_autofree char *file = input ? g_build_filename(s->folder, input, NULL) : NULL;
	return program_run(argv, environment, file, VERIFY_MS, ret, error);
}

char *signers_last_line(const char *text)
{
	g_autofree char *copy = g_strchomp(g_strdup(text));
	const char *line = strrchr(copy, '\n');
	return g_strdup(line ? line + 1 : *copy ? copy : "no reason given");
}

/* -- one object -------------------------------------------------------------------------------------------- */

static gboolean write_files(struct signers *s, const struct signed_object *o, GError **error)
{
	if (!s->folder && !(s->folder = g_dir_make_tmp("cleave-trust-XXXXXX", error)))
		return FALSE;
	g_autofree char *signature = g_build_filename(s->folder, "signature", NULL), *payload = g_build_filename(s->folder, "payload", NULL);
	return g_file_set_contents(signature, o->signature, -1, error) &&
	       g_file_set_contents(payload, o->payload, (gssize)o->payload_size, error);
}

static gboolean check_form(const struct signed_object *o, GError **error)
{
	if (!o->signature)
		return fail(error, ERROR_REFUSED,
		            "%s has no signature, and this host takes signed ones alone: sign it (`git commit --amend --no-edit -S`, and once "
		            "`git config commit.gpgSign true`) and push again", o->what);
	if (strlen(o->signature) > SIGNATURE_SIZE_MAX)
		return fail(error, ERROR_REFUSED, "%s: its signature has more than %d KiB, which is none of ssh-keygen's or gpg's; sign it anew", o->what,
		            SIGNATURE_SIZE_MAX / 1024);
	return TRUE;
}

static gboolean verify(struct signers *s, const struct signed_object *o, GPtrArray *names, GError **error)
{
	gboolean is_ssh = g_str_has_prefix(o->signature, "-----BEGIN SSH SIGNATURE-----");
	gboolean is_pgp = g_str_has_prefix(o->signature, "-----BEGIN PGP SIGNATURE-----") || g_str_has_prefix(o->signature, "-----BEGIN PGP MESSAGE-----");
	if (!is_ssh && !is_pgp)
		return fail(error, ERROR_REFUSED, "%s: its signature is neither SSH's nor OpenPGP's (X.509 is not supported); sign it with one of those", o->what);
	if (!(is_ssh ? s->allowed_signers_file : s->keyring_file))
		return fail(error, ERROR_REFUSED, "%s is signed with %s, and this host's controller.yaml has no %s; sign it with %s, or add the key there",
		            o->what, is_ssh ? "SSH" : "OpenPGP", is_ssh ? "allowedSignersFile" : "keyringFile", is_ssh ? "OpenPGP" : "SSH");
	if (!write_files(s, o, error)) {
		g_prefix_error(error, "checking the signature of %s: ", o->what);
		return FALSE;
	}
	return is_ssh ? signature_verify_ssh(s, o, names, error) : signature_verify_openpgp(s, o, names, error);
}

static char **copy_names(struct arena *a, char **names)
{
	guint n = g_strv_length(names);
	char **copy = ARENA_ARRAY(a, char *, n + 1);
	for (guint i = 0; i < n; i++)
		copy[i] = arena_strdup(a, names[i]);
	return copy;
}

/* One that was refused a moment ago is not asked again: each look would run a program for it. */
static gboolean is_refused(struct signers *s, const struct signed_object *o, GError **error)
{
	const struct refused *r = g_hash_table_lookup(s->refused, o->id);
	if (!r || g_get_monotonic_time() - r->at_us > REFUSED_AGAIN_S * G_TIME_SPAN_SECOND)
		return FALSE;
	fail(error, ERROR_REFUSED, "%s", r->why);
	return TRUE;
}

static void note_refused(struct signers *s, const struct signed_object *o, const GError *error)
{
	struct refused *r = g_new0(struct refused, 1);
	*r = (struct refused){ g_strdup(error->message), g_get_monotonic_time() };
	g_hash_table_replace(s->refused, g_strdup(o->id), r);
}

static char **verify_anew(struct signers *s, const struct signed_object *o, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) problem = NULL;
	if (is_refused(s, o, error))
		return NULL;
	if (!check_form(o, &problem) || !verify(s, o, names, &problem)) {
		if (g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED))
			note_refused(s, o, problem);
		g_propagate_error(error, g_steal_pointer(&problem));
		return NULL;
	}
	g_ptr_array_add(names, NULL);
	char **known = g_strdupv((char **)names->pdata);
	g_hash_table_insert(s->known, g_strdup(o->id), known);
	return known;
}

gboolean signers_verify(struct signers *s, struct arena *a, const struct signed_object *o, char ***ret_names, GError **error)
{
	notice_change(s);
	char **known = g_hash_table_lookup(s->known, o->id);
	if (!known)
		known = verify_anew(s, o, error);
	if (known)
		*ret_names = copy_names(a, known);
	return known != NULL;
}
