/* Signatures of commits and tags by real keys of ssh-keygen and gpg, and the way between commits. */
#include "base/arena.h"
#include "base/error.h"
#include "source/history.h"
#include "source_fixture.h"
#include <string.h>

struct ctx {
	char *dir;
	struct arena *arena;
	struct source_where where;
	struct signers *signers;
	GError *error;
};

/* Keys of Mei (SSH, allowed), Eve (SSH, unknown) and Ada (OpenPGP, in the keyring); a bare repository and a clone of it. */
static const char begin[] =
	"for who in mei eve; do ssh-keygen -q -t ed25519 -N '' -C $who -f $who; done\n"
	"echo \"mei@example.org,art@example.org namespaces=\\\"git\\\" $(cut -d' ' -f1,2 mei.pub)\" > allowed\n"
	"git init -q --bare repo.git; git clone -q repo.git work 2>/dev/null; cd work\n"
	"git config gpg.format ssh; git config user.signingKey $PWD/../mei; git checkout -q -b main 2>/dev/null || true\n";

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->dir = temp_folder();
	x->arena = arena_new();
	run_in(x->dir, begin);
	g_autofree char *allowed = g_build_filename(x->dir, "allowed", NULL), *ring = g_build_filename(x->dir, "ring.asc", NULL);
	x->signers = signers_new(allowed, ring);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	signers_free(x->signers);
	g_clear_error(&x->error);
	arena_free(x->arena);
	temp_remove(x->dir);
	g_free(x);
	return 0;
}

static void in_work(struct ctx *x, const char *script)
{
	g_autofree char *full = g_strdup_printf("cd work\nexport GNUPGHOME=$PWD/../gh\n%s\n", script);
	run_in(x->dir, full);
}

/* The id that `rev` has in the clone. */
static const char *id_of(struct ctx *x, const char *rev)
{
	g_autofree char *work = g_build_filename(x->dir, "work", NULL), *out = NULL, *full = g_strdup_printf("%s^{commit}", rev);
	const char *argv[] = { "git", "-C", work, "rev-parse", full, NULL };
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL, NULL));
	return arena_strdup(x->arena, g_strstrip(out));
}

static void look_at(struct ctx *x, const char *rev)
{
	g_autofree char *text = g_strdup_printf("%s/work@%s", x->dir, rev);
	assert_true(source_parse(x->arena, text, FALSE, &x->where, NULL));
}

static char **verify(struct ctx *x, const char *rev)
{
	struct signed_object o;
	char **names = NULL;
	g_clear_error(&x->error);
	look_at(x, rev);
	if (!history_signed_commit(x->arena, &x->where, id_of(x, rev), &o, &x->error) || !signers_verify(x->signers, x->arena, &o, &names, &x->error))
		return NULL;
	return names;
}

static void must_refuse(struct ctx *x, const char *rev, const char *words)
{
	assert_null(verify(x, rev));
	assert_true(g_error_matches(x->error, CLEAVE_ERROR, ERROR_REFUSED));
	if (!strstr(x->error->message, words))
		fail_msg("\"%s\" does not say \"%s\"", x->error->message, words);
}

static void ssh_signatures(void **state)
{
	struct ctx *x = *state;
	in_work(x, "git commit -q --allow-empty -S -m signed; git branch signed\n"
		   "git commit -q --allow-empty -m plain; git branch plain\n"
		   "git -c user.signingKey=$PWD/../eve commit -q --allow-empty -S -m eve; git branch eve");
	char **names = verify(x, "signed");
	if (!names)
		fail_msg("%s", x->error->message);
	assert_string_equal(names[0], "mei@example.org");
	assert_string_equal(names[1], "art@example.org");
	assert_null(names[2]);
	must_refuse(x, "plain", "has no signature");
	must_refuse(x, "eve", "a key that is not in");
	must_refuse(x, "eve", "SHA256:");
}

static void times_of_ssh_keys(void **state)
{
	struct ctx *x = *state;
	in_work(x, "git commit -q --allow-empty -S -m signed");
	run_in(x->dir, "echo \"mei@example.org valid-before=\\\"20200101\\\" $(cut -d' ' -f1,2 mei.pub)\" > allowed");
	must_refuse(x, "HEAD", "has run out");
	run_in(x->dir, "echo \"mei@example.org valid-after=\\\"20990101\\\" $(cut -d' ' -f1,2 mei.pub)\" > allowed");
	must_refuse(x, "HEAD", "not valid yet");
	run_in(x->dir, "echo \"mei@example.org namespaces=\\\"file\\\" $(cut -d' ' -f1,2 mei.pub)\" > allowed");
	must_refuse(x, "HEAD", "may not sign for git");
	run_in(x->dir, "echo \"*@example.org $(cut -d' ' -f1,2 mei.pub)\" > allowed");
	char **names = verify(x, "HEAD");
	assert_non_null(names);
	assert_string_equal(names[0], "*@example.org");
	run_in(x->dir, "rm allowed");
	assert_null(verify(x, "HEAD"));
	assert_true(g_error_matches(x->error, CLEAVE_ERROR, ERROR_FAILED));
}

/* What was found good is not asked again, until the file of keys changes. */
static void known_until_keys_change(void **state)
{
	struct ctx *x = *state;
	in_work(x, "git commit -q --allow-empty -S -m signed");
	assert_non_null(verify(x, "HEAD"));
	g_autofree char *path = g_strdup(g_getenv("PATH"));
	struct signed_object o;
	char **names;
	const char *id = id_of(x, "HEAD");
	assert_true(history_signed_commit(x->arena, &x->where, id, &o, NULL));
	g_setenv("PATH", "/nowhere", TRUE);
	assert_true(signers_verify(x->signers, x->arena, &o, &names, NULL));
	g_setenv("PATH", path, TRUE);
	run_in(x->dir, "echo \"eve@example.org $(cut -d' ' -f1,2 eve.pub)\" > allowed");
	must_refuse(x, "HEAD", "a key that is not in");
}

/* Of a good signature, other content: the tree, a parent, or the message. */
static void changed_after_signing(void **state)
{
	struct ctx *x = *state;
	in_work(x, "git commit -q --allow-empty -S -m signed\n"
		   "git cat-file commit HEAD | sed 's/^signed$/sigmed/' > ../raw\n"
		   "git branch forged $(git hash-object -t commit -w ../raw)\n"
		   "{ git cat-file commit HEAD | sed -n '1,/^gpgsig/p' | head -n -1\n"
		   "  git cat-file commit HEAD | sed -n '/^gpgsig/,/END SSH/p'; git cat-file commit HEAD | sed -n '/^gpgsig/,/END SSH/p'\n"
		   "  printf '\\nsigned\\n'; } > ../twice\n"
		   "git branch twice $(git hash-object --literally -t commit -w ../twice)\n"
		   "{ git cat-file commit HEAD; printf '\\0more'; } > ../nul\n"
		   "git branch nul $(git hash-object --literally -t commit -w ../nul)\n"
		   "{ git cat-file commit HEAD; head -c 1100000 /dev/zero | tr '\\0' x; } > ../large\n"
		   "git branch large $(git hash-object -t commit -w ../large)\n"
		   "{ git cat-file commit HEAD | sed -n '1,/^committer/p'; echo 'gpgsig -----BEGIN SSH SIGNATURE-----'\n"
		   "  for i in $(seq 2000); do echo ' AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'; done\n"
		   "  printf ' -----END SSH SIGNATURE-----\\n\\nhuge\\n'; } > ../huge\n"
		   "git branch huge $(git hash-object -t commit -w ../huge)");
	must_refuse(x, "forged", "not good");
	must_refuse(x, "twice", "several signatures");
	must_refuse(x, "nul", "NUL byte");
	must_refuse(x, "large", "1024 KiB");
	must_refuse(x, "huge", "64 KiB");
}

static const char openpgp[] =
	"mkdir -m 700 ../gh; g() { gpg -q --batch --passphrase '' \"$@\" 2>/dev/null; }\n"
	"g --quick-gen-key 'Ada <ada@example.org>' ed25519 sign never\n"
	"g --faked-system-time 20200101T000000 --quick-gen-key 'Old <old@example.org>' ed25519 sign 1y\n"
	"g --quick-gen-key 'Rex <rex@example.org>' ed25519 sign never\n"
	"git config gpg.format openpgp\n"
	"for who in ada rex; do git -c user.signingKey=$who@example.org commit -q --allow-empty -S -m $who; git branch $who; done\n"
	"printf '#!/bin/sh\\nexec gpg --faked-system-time 20200601T000000 \"$@\"\\n' > ../gpg-old; chmod +x ../gpg-old\n"
	"git -c gpg.program=$PWD/../gpg-old -c user.signingKey=old@example.org commit -q --allow-empty -S -m old; git branch old\n"
	"g --armor --export ada@example.org old@example.org > ../ring.asc\n"
	/* Settings of the repository that would choose the program. */
	"printf '#!/bin/sh\\ntouch '$PWD'/../was-run\\nexit 0\\n' > ../evil; chmod +x ../evil\n"
	"git config gpg.program $PWD/../evil; git config gpg.ssh.program $PWD/../evil\n";

static void openpgp_signatures(void **state)
{
	struct ctx *x = *state;
	in_work(x, openpgp);
	char **names = verify(x, "ada");
	if (!names)
		fail_msg("%s", x->error->message);
	assert_string_equal(names[0], "ada@example.org");
	assert_int_equal(strlen(names[1]), 40);
	assert_null(names[2]);
	must_refuse(x, "rex", "not in keyringFile");
	must_refuse(x, "old", "has expired");
	in_work(x, "FPR=$(gpg --list-keys --with-colons rex@example.org | awk -F: '/^fpr/{print $10; exit}')\n"
		   "sed 's/^:---/---/' ../gh/openpgp-revocs.d/$FPR.rev > ../rev.asc; gpg -q --batch --import ../rev.asc 2>/dev/null\n"
		   "gpg --armor --export ada@example.org rex@example.org > ../ring.asc");
	must_refuse(x, "rex", "revoked");
	in_work(x, "git cat-file commit ada | sed 's/^ada$/eve/' > ../raw; git branch forged $(git hash-object -t commit -w ../raw)\n"
		   "gpgconf --kill all");
	must_refuse(x, "forged", "was changed after it was signed");
	g_autofree char *trace = g_build_filename(x->dir, "was-run", NULL);
	assert_false(g_file_test(trace, G_FILE_TEST_EXISTS));
	run_in(x->dir, "echo no key > ring.asc");
	assert_null(verify(x, "ada"));
	assert_non_null(strstr(x->error->message, "holds no public key"));
}

static void kinds_of_keys_that_are_not_named(void **state)
{
	struct ctx *x = *state;
	in_work(x, "git commit -q --allow-empty -S -m signed");
	signers_free(x->signers);
	x->signers = signers_new(NULL, "/nowhere");
	must_refuse(x, "HEAD", "no allowedSignersFile");
	in_work(x, "{ git cat-file commit HEAD | sed -n '1,/^committer/p'; printf 'gpgsig -----BEGIN SIGNED MESSAGE-----\\n x\\n\\nx509\\n'; } > ../raw\n"
		   "git branch x509 $(git hash-object -t commit -w ../raw)");
	must_refuse(x, "x509", "X.509");
}

static void tags(void **state)
{
	struct ctx *x = *state;
	struct signed_object o;
	char **names;
	in_work(x, "git commit -q --allow-empty -m plain; git tag -s -m release v1; git tag -a -m plain v0; git tag light\n"
		   "git commit -q --allow-empty -m other");
	look_at(x, "v1");
	const char *commit = id_of(x, "v1");
	assert_true(history_signed_tag(x->arena, &x->where, commit, &o, NULL));
	assert_true(signers_verify(x->signers, x->arena, &o, &names, NULL));
	assert_string_equal(names[0], "mei@example.org");
	assert_false(history_signed_tag(x->arena, &x->where, id_of(x, "HEAD"), &o, &x->error));
	assert_null(x->error);
	look_at(x, "light");
	assert_false(history_signed_tag(x->arena, &x->where, commit, &o, NULL));
	look_at(x, "v0");
	assert_true(history_signed_tag(x->arena, &x->where, commit, &o, NULL));
	assert_false(signers_verify(x->signers, x->arena, &o, &names, &x->error));
	assert_non_null(strstr(x->error->message, "has no signature"));
}

static void ways(void **state)
{
	struct ctx *x = *state;
	struct history h;
	in_work(x, "for i in 1 2 3; do git commit -q --allow-empty -m $i; git branch c$i; done\n"
		   "git checkout -q -b side c2; git commit -q --allow-empty -m side; git checkout -q main\n"
		   "git merge -q --no-ff -m merged side; git checkout -q --orphan alone; git commit -q --allow-empty -m alone");
	look_at(x, "main");
	assert_true(history_since(x->arena, &x->where, id_of(x, "c1"), id_of(x, "main"), &h, NULL));
	assert_int_equal(h.n, 3);
	assert_string_equal(h.commits[0], id_of(x, "c2"));
	assert_string_equal(h.commits[2], id_of(x, "main"));
	assert_string_equal(h.base, id_of(x, "c1"));
	assert_true(history_since(x->arena, &x->where, id_of(x, "c3"), id_of(x, "side"), &h, NULL));
	assert_int_equal(h.n, 1);
	assert_string_equal(h.base, id_of(x, "c2"));
	assert_false(h.is_behind);
	assert_true(history_since(x->arena, &x->where, id_of(x, "c3"), id_of(x, "c1"), &h, NULL));
	assert_true(h.is_behind);
	assert_int_equal(h.n, 0);
	assert_true(history_since(x->arena, &x->where, id_of(x, "c3"), id_of(x, "c3"), &h, NULL));
	assert_false(h.is_behind);
	assert_true(history_since(x->arena, &x->where, id_of(x, "c3"), id_of(x, "alone"), &h, NULL));
	assert_null(h.base);
	assert_int_equal(h.n, 1);
	assert_false(history_since(x->arena, &x->where, "0123456789012345678901234567890123456789", id_of(x, "main"), &h, &x->error));
	assert_true(g_error_matches(x->error, CLEAVE_ERROR, ERROR_NOT_FOUND));
}

static void ways_are_bounded(void **state)
{
	struct ctx *x = *state;
	struct history h;
	in_work(x, "git commit -q --allow-empty -m first; git branch first; T=$(git rev-parse HEAD^{tree}); P=$(git rev-parse HEAD)\n"
		   "for i in $(seq 10000); do printf 'commit refs/heads/many\\ncommitter A <a@b> %d +0000\\ndata 1\\nx\\n' $((1700000000 + i))\n"
		   "  test $i -gt 1 || echo \"from $P\"; echo; done | git fast-import --quiet");
	look_at(x, "many");
	gint64 before = g_get_monotonic_time();
	assert_false(history_since(x->arena, &x->where, id_of(x, "first"), id_of(x, "many"), &h, &x->error));
	assert_true(g_error_matches(x->error, CLEAVE_ERROR, ERROR_REFUSED));
	assert_non_null(strstr(x->error->message, "more than 1000 commits"));
	print_message("bounded in %d ms\n", (int)((g_get_monotonic_time() - before) / 1000));
	assert_true(history_since(x->arena, &x->where, id_of(x, "many~900"), id_of(x, "many"), &h, NULL));
	assert_int_equal(h.n, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ssh_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(times_of_ssh_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(known_until_keys_change, setup, teardown),
		cmocka_unit_test_setup_teardown(changed_after_signing, setup, teardown),
		cmocka_unit_test_setup_teardown(openpgp_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(kinds_of_keys_that_are_not_named, setup, teardown),
		cmocka_unit_test_setup_teardown(tags, setup, teardown),
		cmocka_unit_test_setup_teardown(ways, setup, teardown),
		cmocka_unit_test_setup_teardown(ways_are_bounded, setup, teardown),
	};
	return cmocka_run_group_tests_name("source_trust", tests, NULL, NULL);
}
