/* A root that is a bucket: manifests, delivery, what is put back and collected, with a fault at each request.
 * After each: nothing lost, and one more call by another process brings all to its place. */
#include "base/arena.h"
#include "frames/collect.h"
#include "frames/deliver_remote.h"
#include "frames/inspect.h"
#include "frames/manifest.h"
#include "frames/remote_mirror.h"
#include "frames/stage.h"
#include "frames_files.h"
#include "frames_site.h"

#define JOB     "show.shot"
#define TOKEN   "t1"
#define STAGED  ".cleave/" JOB "/staging/" TOKEN "/f_0001.png"
#define VISIBLE "shot/f_0001.png"
#define KEY     "k1:one"

static const char new_text[] = "the new frame", old_text[] = "the frame of an older key";

static char *sha_of(const char *text)
{
	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

/* As a worker does it: the file, the object, the line. */
static void make_frame(struct site *s, const char *text)
{
	const struct test_root local = { s->local, s->fd };
	g_autofree char *sha256 = sha_of(text);
	char etag[S3_ETAG_SIZE];
	test_write(&local, STAGED, text, strlen(text));
	FINE(remote_stage(s->remote, s->fd, ".cleave/" JOB "/staging/" TOKEN, "f_0001.png", sha256, etag, &why));
	struct manifest *m = manifest_open_remote(s->remote, s->fd, JOB, "w1", NULL);
	assert_non_null(m);
	const struct record r = { .type = RECORD_FRAME, .frame = 1, .key = KEY, .token = TOKEN, .sha256 = sha256,
				  .file = VISIBLE, .size = strlen(text), .etag = etag };
	FINE(manifest_append(m, &r, &why));
	manifest_close(m);
}

static gboolean deliver(struct site *s, const char *text, enum delivered *ret, GError **error)
{
	g_autofree char *sha256 = sha_of(text);
	const struct delivery d = { .root_fd = s->fd, .job_dir = JOB, .token = TOKEN, .sha256 = sha256,
				    .visible = VISIBLE, .may_replace = TRUE, .remote = s->remote };
	return frame_deliver(&d, ret, error);
}

static void assert_object(const struct s3_fixture *f, const char *key, const char *text)
{
	g_autofree char *there = s3_fixture_object(f, key);
	if (g_strcmp0(there, text) != 0)
		print_message("%s is \"%s\", not \"%s\"\n", key, there, text);
	assert_int_equal(g_strcmp0(there, text), 0);
}

static void assert_stored(const struct s3_fixture *f, const char *text)
{
	g_autofree char *sha256 = sha_of(text);
	g_autofree char *key = g_strdup_printf(".cleave/store/%s.png", sha256);
	assert_object(f, key, text);
}

static struct frame_sight look(struct site *s, const char *key, struct manifest_view *v)
{
	struct frame_sight sight;
	remote_begin(s->remote);
	FINE(remote_fetch_manifest(s->remote, s->fd, JOB, &why));
	FINE(manifest_view_update(v, s->fd, JOB, &why));
	const struct inspection in = { .root_fd = s->fd, .job_dir = JOB, .view = v, .remote = s->remote };
	FINE(frame_inspect(&in, 1, key, VISIBLE, &sight, &why));
	return sight;
}

static void test_marker(void **state)
{
	(void)state;
	struct s3_fixture *f = s3_fixture_new(NULL);
	if (!f)
		skip();
	g_autofree char *local = g_dir_make_tmp("cleave-remote-XXXXXX", NULL);
	const struct s3_options o = { .url = "s3://farm", .endpoint = f->endpoint, .credentials_file = f->keys };
	struct remote *r = remote_new(&o, local, NULL);
	GError *error = NULL;
	assert_int_equal(remote_open(r, NULL, &error), -1);
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_AWAY));
	g_clear_error(&error);
	FINE(remote_mark(r, NULL, "farm", &why));
	assert_false(remote_mark(r, NULL, "farm", &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS));
	g_clear_error(&error);
	SCOPED_FD(fd) = remote_open(r, NULL, &error);
	assert_true(fd >= 0);
	g_autofree char *name = root_name(fd, NULL);
	assert_string_equal(name, "farm");
	/* the local marker goes with the bucket's */
	g_autofree char *marker = g_build_filename(f->folder, "farm", ".cleave-root", NULL);
	unlink(marker);
	remote_begin(r);
	assert_int_equal(remote_open(r, NULL, NULL), -1);
	assert_int_equal(root_open(local, NULL), -1);
	remote_free(r);
	nftw(local, test_remove, 16, FTW_DEPTH | FTW_PHYS);
	s3_fixture_free(f);
}

/* Delivered by the worker; seen by the owner without reading a frame. */
static void test_from_worker_to_owner(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site worker, owner;
	struct manifest_view *v = manifest_view_new();
	enum delivered how;
	site_open(&worker, f);
	site_open(&owner, f);
	assert_int_equal(look(&owner, KEY, v).state, FRAME_MISSING);
	make_frame(&worker, new_text);
	assert_int_equal(look(&owner, KEY, v).state, FRAME_MISSING);
	const struct inspection in = { .root_fd = owner.fd, .job_dir = JOB, .view = v, .remote = owner.remote };
	assert_non_null(frame_staged(&in, 1, KEY, VISIBLE));
	FINE(deliver(&worker, new_text, &how, &why));
	assert_int_equal(how, DELIVERED_NEW);
	s3_fixture_forget(f);
	struct frame_sight sight = look(&owner, KEY, v);
	assert_int_equal(sight.state, FRAME_WHOLE);
	assert_false(sight.was_read);
	assert_false(sight.should_record);
	assert_int_equal(s3_fixture_count(f, "GET /farm/shot/"), 0);
	assert_int_equal(s3_fixture_count(f, "GET /farm/.cleave/show.shot/manifest/"), 0);
	assert_null(frame_staged(&in, 1, KEY, VISIBLE));
	assert_object(f, STAGED, NULL);
	/* overwritten: read once, and known from then on */
	s3_fixture_overwrite(f, VISIBLE, "scribbled");
	s3_fixture_forget(f);
	assert_int_equal(look(&owner, KEY, v).state, FRAME_DAMAGED);
	assert_int_equal(look(&owner, KEY, v).state, FRAME_DAMAGED);
	assert_int_equal(s3_fixture_count(f, "GET /farm/shot/"), 1);
	manifest_view_free(v);
	site_close(&worker);
	site_close(&owner);
	s3_fixture_free(f);
}

/* Which request fails, and whether it was carried out. */
static const char *const faults[] = {
	"HEAD shot/f_0001 403 99\n",
	"GET shot/f_0001 403 99\n",
	"GET staging/t1 403 99\n",
	"HEAD /store/ 403 99\n",
	"PUT /store/ 403 99\n",
	"PUT /store/ lost 1\nPUT /store/ 403 99\n",
	"PUT shot/f_0001 403 99\n",
	"PUT shot/f_0001 lost 1\nPUT shot/f_0001 403 99\n",
	"DELETE staging 403 99\n",
	"DELETE staging lost 1\nDELETE staging 403 99\n",
	"PUT shot/f_0001 503 2\nDELETE staging 500 1\nGET * cut 1\n",
	"PUT shot/f_0001 lost 1\n",
};

static void empty(struct s3_fixture *f)
{
	s3_fixture_clear(f);
	s3_fixture_overwrite(f, ".cleave-root", "farm\n");
}

static void fail_and_go_on(struct s3_fixture *f, const char *fault, const char *there)
{
	struct site worker, owner;
	enum delivered how;
	empty(f);
	site_open(&worker, f);
	make_frame(&worker, new_text);
	if (there)
		s3_fixture_overwrite(f, VISIBLE, there);
	s3_fixture_faults(f, fault);
	(void)deliver(&worker, new_text, &how, NULL);
	site_close(&worker);
	g_autofree char *visible = s3_fixture_object(f, VISIBLE);
	if (visible && strcmp(visible, new_text) != 0)
		assert_string_equal(visible, there);
	if (there && g_strcmp0(visible, new_text) == 0)
		assert_stored(f, there);
	if (g_strcmp0(visible, new_text) != 0)
		assert_object(f, STAGED, new_text);
	s3_fixture_faults(f, "");
	site_open(&owner, f);
	FINE(deliver(&owner, new_text, &how, &why));
	assert_object(f, VISIBLE, new_text);
	assert_object(f, STAGED, NULL);
	if (there)
		assert_stored(f, there);
	site_close(&owner);
}

static void test_delivery_with_a_fault_at_each_request(void **state)
{
	(void)state;
	static const char *const servers[][2] = { { NULL }, { "ignore-conditions", NULL }, { "odd-etags", NULL } };
	for (guint s = 0; s < G_N_ELEMENTS(servers); s++) {
		struct s3_fixture *f = site_bucket(servers[s]);
		for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
			fail_and_go_on(f, faults[i], NULL);
			fail_and_go_on(f, faults[i], old_text);
		}
		s3_fixture_free(f);
	}
}

static void test_nothing_is_delivered_that_is_not_right(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site worker, owner;
	enum delivered how;
	GError *error = NULL;
	site_open(&worker, f);
	make_frame(&worker, new_text);
	site_open(&owner, f);
	s3_fixture_overwrite(f, STAGED, "cut");
	assert_false(deliver(&owner, new_text, &how, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_INVALID));
	g_clear_error(&error);
	assert_object(f, VISIBLE, NULL);
	FINE(remote_remove(owner.remote, STAGED, &why));
	assert_false(deliver(&owner, new_text, &how, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_NOT_FOUND));
	g_clear_error(&error);
	site_close(&worker);
	site_close(&owner);
	s3_fixture_free(f);
}

static gboolean put_back(struct site *s, const char *text, GError **error)
{
	enum delivered how;
	g_autofree char *sha256 = sha_of(text);
	const struct delivery d = { .root_fd = s->fd, .job_dir = JOB, .token = "put-back-1", .sha256 = sha256,
				    .visible = VISIBLE, .may_replace = TRUE, .keeps_stored = TRUE, .remote = s->remote };
	return frame_put_back(&d, &how, error);
}

static void test_put_back(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
		struct site owner, next;
		empty(f);
		g_autofree char *sha256 = sha_of(old_text);
		g_autofree char *stored = g_strdup_printf(".cleave/store/%s.png", sha256);
		s3_fixture_overwrite(f, stored, old_text);
		s3_fixture_overwrite(f, VISIBLE, new_text);
		site_open(&owner, f);
		s3_fixture_faults(f, faults[i]);
		(void)put_back(&owner, old_text, NULL);
		s3_fixture_faults(f, "");
		site_close(&owner);
		site_open(&next, f);
		FINE(put_back(&next, old_text, &why));
		assert_object(f, VISIBLE, old_text);
		assert_stored(f, new_text);
		assert_stored(f, old_text);
		site_close(&next);
	}
	s3_fixture_free(f);
}

static void test_damaged_store(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site owner;
	GError *error = NULL;
	g_autofree char *sha256 = sha_of(old_text);
	g_autofree char *stored = g_strdup_printf(".cleave/store/%s.png", sha256);
	s3_fixture_overwrite(f, stored, "rotten");
	s3_fixture_overwrite(f, VISIBLE, new_text);
	site_open(&owner, f);
	assert_false(put_back(&owner, old_text, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_INVALID));
	g_clear_error(&error);
	assert_object(f, VISIBLE, new_text);
	site_close(&owner);
	s3_fixture_free(f);
}

static void test_collect(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site worker, owner;
	struct manifest_view *v = manifest_view_new();
	struct collected done;
	site_open(&worker, f);
	make_frame(&worker, new_text);
	s3_fixture_overwrite(f, ".cleave/" JOB "/staging/" TOKEN "/half.png", "half");
	site_open(&owner, f);
	(void)look(&owner, KEY, v);
	g_autoptr(GPtrArray) tokens = remote_tokens(owner.remote, JOB, NULL);
	assert_int_equal(tokens->len, 1);
	assert_string_equal(tokens->pdata[0], TOKEN);
	FINE(remote_collect(owner.remote, owner.fd, JOB, TOKEN, v, NULL, &done, &why));
	assert_int_equal(done.stored, 1);
	assert_int_equal(done.removed, 1);
	assert_stored(f, new_text);
	assert_object(f, STAGED, NULL);
	/* what is in the store is found there */
	const struct inspection in = { .root_fd = owner.fd, .job_dir = JOB, .view = v, .remote = owner.remote };
	remote_begin(owner.remote);
	assert_non_null(frame_kept(&in, 1, KEY, VISIBLE));
	manifest_view_free(v);
	site_close(&worker);
	site_close(&owner);
	s3_fixture_free(f);
}

static gboolean append(struct manifest *m, gint64 frame, GError **error)
{
	const struct record r = { .type = RECORD_SUPERSEDED, .frame = frame, .token = TOKEN };
	return manifest_append(m, &r, error);
}

/* A worker whose local folder was lost goes on with what the bucket has; two of one name do not overwrite. */
static void test_segments(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site one, two, owner;
	GError *error = NULL;
	site_open(&one, f);
	site_open(&two, f);
	struct manifest *m = manifest_open_remote(one.remote, one.fd, JOB, "w1", NULL);
	FINE(append(m, 1, &why));
	struct manifest *other = manifest_open_remote(two.remote, two.fd, JOB, "w1", NULL);
	FINE(append(other, 2, &why));
	assert_false(append(m, 3, &error));
	assert_true(g_error_matches(error, CLEAVE_ERROR, ERROR_EXISTS));
	g_clear_error(&error);
	manifest_close(m);
	m = manifest_open_remote(one.remote, one.fd, JOB, "w1", NULL);
	s3_fixture_faults(f, "PUT manifest 503 99\n");
	assert_false(append(m, 4, NULL));
	s3_fixture_faults(f, "PUT manifest lost 1\n");
	FINE(append(m, 5, &why));
	manifest_close(m);
	manifest_close(other);
	site_open(&owner, f);
	FINE(remote_fetch_manifest(owner.remote, owner.fd, JOB, &why));
	g_autofree char *text = s3_fixture_object(f, ".cleave/" JOB "/manifest/w1.log");
	guint n = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	assert_int_equal(n, 3);
	assert_null(strstr(text, "\"frame\":3"));
	assert_null(strstr(text, "\"frame\":4"));
	assert_non_null(strstr(text, "\"frame\":5"));
	site_close(&one);
	site_close(&two);
	site_close(&owner);
	s3_fixture_free(f);
}

static void test_mirror(void **state)
{
	(void)state;
	struct s3_fixture *f = site_bucket(NULL);
	struct site s;
	struct digest_cache *cache = digest_cache_new();
	site_open(&s, f);
	s3_fixture_overwrite(f, "tex/a.png", "a");
	s3_fixture_overwrite(f, "tex/b.png", "b");
	s3_fixture_overwrite(f, "tex/deep/c.png", "c");
	s3_fixture_overwrite(f, "tex/d.txt", "d");
	FINE(remote_mirror(s.remote, s.fd, cache, "tex/*.png", 0, &why));
	assert_int_equal(faccessat(s.fd, "tex/a.png", F_OK, 0), 0);
	assert_int_equal(faccessat(s.fd, "tex/b.png", F_OK, 0), 0);
	assert_int_not_equal(faccessat(s.fd, "tex/deep/c.png", F_OK, 0), 0);
	assert_int_not_equal(faccessat(s.fd, "tex/d.txt", F_OK, 0), 0);
	s3_fixture_overwrite(f, "tex/a.png", "A");
	g_autofree char *gone = g_build_filename(f->folder, "farm/tex/b.png", NULL);
	unlink(gone);
	s3_fixture_forget(f);
	FINE(remote_mirror(s.remote, s.fd, cache, "tex/*.png", 0, &why));
	FINE(remote_mirror(s.remote, s.fd, cache, "tex/a.png", 0, &why));
	assert_int_equal(s3_fixture_count(f, "GET /farm/tex/"), 1);
	assert_int_not_equal(faccessat(s.fd, "tex/b.png", F_OK, 0), 0);
	g_autofree char *path = g_build_filename(s.local, "tex/a.png", NULL), *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_string_equal(text, "A");
	digest_cache_free(cache);
	site_close(&s);
	s3_fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marker),
		cmocka_unit_test(test_from_worker_to_owner),
		cmocka_unit_test(test_delivery_with_a_fault_at_each_request),
		cmocka_unit_test(test_nothing_is_delivered_that_is_not_right),
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_damaged_store),
		cmocka_unit_test(test_collect),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_mirror),
	};
	return cmocka_run_group_tests_name("frames_remote", tests, NULL, NULL);
}
