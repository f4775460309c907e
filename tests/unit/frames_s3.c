/* The S3 client against a server that verifies signatures on its own, with faults on demand. */
#include "frames/s3.h"
#include "frames/s3_sign.h"
#include "frames_files.h"
#include "s3_fixture.h"

static struct s3_fixture *need(const char *const *options)
{
	struct s3_fixture *f = s3_fixture_new(options);
	if (!f) {
		print_message("python3 is not installed\n");
		skip();
	}
	return f;
}

static struct s3 *client(const struct s3_fixture *f, const char *url)
{
	const struct s3_options o = { .url = url,
				      .endpoint = f->endpoint,
				      .credentials_file = f->keys,
				      .part_bytes = 1000,
				      .patience_ms = 1500,
				      .stall_s = 2 };
	GError *error = NULL;
	struct s3 *s = s3_new(&o, &error);
	if (!s)
		print_message("%s\n", error->message);
	assert_non_null(s);
	return s;
}

static int file_of(const char *text, gsize size)
{
	char path[] = "/tmp/cleave-s3-file-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, size), (ssize_t)size);
	return fd;
}

#define FINE(call)                                                                   \
	do {                                                                         \
		GError *why = NULL;                                                  \
		if (!(call)) {                                                       \
			print_message("%s: %s\n", #call, why ? why->message : "");   \
			assert_true(FALSE);                                          \
		}                                                                    \
	} while (0)
#define FAILS(call, code)                                                            \
	do {                                                                         \
		g_autoptr(GError) why = NULL;                                        \
		assert_false(call);                                                  \
		if (!g_error_matches(why, CLEAVE_ERROR, code))                       \
			print_message("%s: %s\n", #call, why->message);              \
		assert_true(g_error_matches(why, CLEAVE_ERROR, code));               \
		assert_null(strstr(why->message, "secret/of"));                      \
	} while (0)

/* The example of "Authenticating Requests: Using the Authorization Header" in AWS's manual. */
static void test_signature_of_the_manual(void **state)
{
	(void)state;
	const struct s3_key key = { (char *)"AKIAIOSFODNN7EXAMPLE", (char *)"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL };
	static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	const char *const headers[] = { "range: bytes=0-9",
					"x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
					"x-amz-date: 20130524T000000Z", NULL };
	const struct s3_to_sign r = { "GET",   "examplebucket.s3.amazonaws.com", "/test.txt", "", headers, empty,
				      "20130524T000000Z", "us-east-1" };
	g_autofree char *said = s3_sign(&key, &r);
	assert_string_equal(said, "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
				  "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
				  "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	const struct s3_to_sign list = { "GET", "examplebucket.s3.amazonaws.com", "/", "max-keys=2&prefix=J", headers + 1,
					 empty, "20130524T000000Z", "us-east-1" };
	g_autofree char *listed = s3_sign(&key, &list);
	assert_true(g_str_has_suffix(listed, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

static void test_keys_from_files(void **state)
{
	(void)state;
	struct s3_fixture *f = need(NULL);
	struct s3_key key;
	FINE(s3_key_find(&key, f->keys, &why));
	assert_string_equal(key.id, "test");
	assert_string_equal(key.secret, "secret/of+tests");
	s3_key_clear(&key);
	FAILS(s3_key_find(&key, "/nowhere/credentials", &why), ERROR_NOT_FOUND);
	assert_true(g_file_set_contents(f->keys, "secret/of+tests\n", -1, NULL));
	FAILS(s3_key_find(&key, f->keys, &why), ERROR_INVALID);
	assert_true(g_file_set_contents(f->keys, "[default]\naws_access_key_id = a\n", -1, NULL));
	FAILS(s3_key_find(&key, f->keys, &why), ERROR_INVALID);
	s3_fixture_free(f);
}

static void test_wrong_key_is_refused(void **state)
{
	(void)state;
	struct s3_fixture *f = need(NULL);
	struct s3_facts facts;
	g_setenv("AWS_PROFILE", "wrong", TRUE);
	struct s3 *s = client(f, "s3://farm");
	g_unsetenv("AWS_PROFILE");
	FAILS(s3_head(s, "a", &facts, &why), ERROR_REFUSED);
	FAILS(s3_list(s, "", TRUE, &why), ERROR_REFUSED);
	s3_free(s);
	s3_fixture_free(f);
}

static void test_urls(void **state)
{
	(void)state;
	struct s3_fixture *f = need(NULL);
	static const char *const wrong[] = { "s3://", "s3:///a", "http://farm", "s3://fa rm", "s3://farm?endpoint=ftp://x",
					     "s3://farm?endpoint=http://user:pass@x" };
	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		const struct s3_options o = { .url = wrong[i], .credentials_file = f->keys };
		FAILS(s3_new(&o, &why), ERROR_INVALID);
	}
	struct s3 *s = client(f, "s3://farm/a/b/");
	assert_string_equal(s3_name(s), "s3://farm/a/b");
	FAILS(s3_put_text(s, "../c", "x", NULL, NULL, &why), ERROR_INVALID);
	FAILS(s3_put_text(s, "c//d", "x", NULL, NULL, &why), ERROR_INVALID);
	s3_free(s);
	s3_fixture_free(f);
}

static char *read_back(struct s3 *s, const char *key)
{
	GError *error = NULL;
	char *text = s3_get_text(s, key, 1 << 20, NULL, &error);
	if (!text)
		print_message("%s\n", error->message);
	return text;
}

static void test_objects(void **state)
{
	(void)state;
	static const char *const names[] = { "plain", "a/b c/d+e.png", "größe/ü.exr", "q?x=1&y=#%41", "~a-b_c.d(1)'!*" };
	struct s3_fixture *f = need(NULL);
	struct s3 *s = client(f, "s3://farm/in here");
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		struct s3_facts put, seen;
		FINE(s3_put_text(s, names[i], names[i], NULL, &put, &why));
		FINE(s3_head(s, names[i], &seen, &why));
		assert_string_equal(put.etag, seen.etag);
		assert_int_equal(seen.size, strlen(names[i]));
		g_autofree char *text = read_back(s, names[i]);
		assert_string_equal(text, names[i]);
		FINE(s3_copy(s, names[i], put.etag, "copied", &why));
		FAILS(s3_copy(s, names[i], "0123", "copied", &why), ERROR_EXISTS);
		g_autofree char *copied = read_back(s, "copied");
		assert_string_equal(copied, names[i]);
	}
	g_autoptr(GHashTable) all = s3_list(s, "", TRUE, NULL);
	assert_int_equal(g_hash_table_size(all), G_N_ELEMENTS(names) + 1);
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		assert_non_null(g_hash_table_lookup(all, names[i]));
	FINE(s3_delete(s, "plain", &why));
	FINE(s3_delete(s, "plain", &why));
	struct s3_facts gone;
	FAILS(s3_head(s, "plain", &gone, &why), ERROR_NOT_FOUND);
	FAILS(s3_copy(s, "plain", NULL, "b", &why), ERROR_NOT_FOUND);
	s3_free(s);
	s3_fixture_free(f);
}

static void test_listing_in_pages(void **state)
{
	(void)state;
	const char *const options[] = { "page=3", NULL };
	struct s3_fixture *f = need(options);
	struct s3 *s = client(f, "s3://farm/x");
	for (int i = 0; i < 10; i++) {
		g_autofree char *key = g_strdup_printf("x/shot/beauty.%04d.png", i);
		g_autofree char *deeper = g_strdup_printf("x/shot/old/%d", i);
		s3_fixture_overwrite(f, key, "frame");
		s3_fixture_overwrite(f, deeper, "older");
	}
	g_autoptr(GHashTable) flat = s3_list(s, "shot/", FALSE, NULL);
	assert_int_equal(g_hash_table_size(flat), 10);
	const struct s3_facts *one = g_hash_table_lookup(flat, "shot/beauty.0009.png");
	assert_int_equal(one->size, 5);
	g_autofree char *md5 = g_compute_checksum_for_string(G_CHECKSUM_MD5, "frame", -1);
	assert_string_equal(one->etag, md5);
	assert_int_equal(s3_fixture_count(f, "list-type"), 4);
	g_autoptr(GHashTable) deep = s3_list(s, "shot/", TRUE, NULL);
	assert_int_equal(g_hash_table_size(deep), 20);
	s3_free(s);
	s3_fixture_free(f);
}

static void test_conditions(void **state)
{
	(void)state;
	static const char *const servers[][2] = { { NULL }, { "ignore-conditions", NULL }, { "refuse-conditions", NULL } };
	for (guint i = 0; i < G_N_ELEMENTS(servers); i++) {
		struct s3_fixture *f = need(servers[i]);
		struct s3 *s = client(f, "s3://farm");
		const struct s3_condition none = { NULL };
		struct s3_facts first, second;
		gboolean is_kept;
		s3_fixture_overwrite(f, "marker", "farm\n");
		FINE(s3_keeps_conditions(s, "marker", &is_kept, &why));
		assert_int_equal(is_kept, i == 0);
		g_autofree char *marker = s3_fixture_object(f, "marker");
		assert_string_equal(marker, "farm\n");
		FINE(s3_put_text(s, "a", "one", &none, &first, &why));
		FAILS(s3_put_text(s, "a", "two", &none, NULL, &why), ERROR_EXISTS);
		const struct s3_condition same = { first.etag };
		FINE(s3_put_text(s, "a", "three", &same, &second, &why));
		FAILS(s3_put_text(s, "a", "four", &same, NULL, &why), ERROR_EXISTS);
		FAILS(s3_put_text(s, "b", "four", &same, NULL, &why), ERROR_EXISTS);
		g_autofree char *text = s3_fixture_object(f, "a");
		assert_string_equal(text, "three");
		s3_free(s);
		s3_fixture_free(f);
	}
}

static void fill(char *bytes, gsize size)
{
	for (gsize i = 0; i < size; i++)
		bytes[i] = (char)('a' + i * 7 % 26);
}

static void test_parts(void **state)
{
	(void)state;
	struct s3_fixture *f = need(NULL);
	struct s3 *s = client(f, "s3://farm");
	char bytes[3501], etag[S3_ETAG_SIZE];
	const struct s3_condition none = { NULL };
	struct s3_facts facts;
	fill(bytes, sizeof bytes - 1);
	bytes[sizeof bytes - 1] = '\0';
	SCOPED_FD(fd) = file_of(bytes, sizeof bytes - 1);
	s3_fixture_faults(f, "PUT partNumber=2 503 1\nPOST uploadId lost 1\n");
	FINE(s3_etag_of(s, fd, etag, &why));
	FINE(s3_put(s, "large", fd, &none, &facts, &why));
	assert_string_equal(facts.etag, etag);
	assert_true(g_str_has_suffix(etag, "-4"));
	g_autofree char *text = s3_fixture_object(f, "large");
	assert_string_equal(text, bytes);
	FAILS(s3_put(s, "large", fd, &none, &facts, &why), ERROR_EXISTS);
	/* the one whose answer was lost, too: it asks for no upload that is there */
	assert_int_equal(s3_fixture_count(f, "DELETE /farm/large"), 2);
	s3_free(s);
	s3_fixture_free(f);
}

/* What a brief failure does, and what lasts: never half an object, never another's overwritten. */
static void test_faults_of_writing(void **state)
{
	(void)state;
	struct s3_fixture *f = need(NULL);
	struct s3 *s = client(f, "s3://farm");
	const struct s3_condition none = { NULL };
	static const char *const brief[] = { "PUT a 503 3\n", "PUT a 500 2\n", "PUT a drop 2\n", "PUT a lost 1\n", "PUT a slow 1\n" };
	for (guint i = 0; i < G_N_ELEMENTS(brief); i++) {
		struct s3_facts put;
		s3_fixture_faults(f, brief[i]);
		FINE(s3_put_text(s, "a", brief[i], &none, &put, &why));
		g_autofree char *text = s3_fixture_object(f, "a");
		assert_string_equal(text, brief[i]);
		const struct s3_condition same = { put.etag };
		FINE(s3_put_text(s, "a", "next", &same, NULL, &why));
		FINE(s3_delete(s, "a", &why));
	}
	s3_fixture_faults(f, "PUT a 503 99\n");
	gint64 began = g_get_monotonic_time();
	FAILS(s3_put_text(s, "a", "x", NULL, NULL, &why), ERROR_AWAY);
	assert_true(g_get_monotonic_time() - began < 4 * G_USEC_PER_SEC);
	s3_fixture_faults(f, "PUT a 403 99\n");
	s3_fixture_forget(f);
	FAILS(s3_put_text(s, "a", "x", NULL, NULL, &why), ERROR_REFUSED);
	assert_int_equal(s3_fixture_count(f, "PUT /farm/a"), 1);
	s3_free(s);
	s3_fixture_free(f);
}

static char *fetch(struct s3 *s, const char *key, guint64 limit, char **ret_sha256, GError **error)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	SCOPED_FD(fd) = file_of("", 0);
	struct s3_sink sink = { .fd = fd, .limit = limit, .sum = sum };
	struct s3_facts facts;
	if (!s3_get(s, key, &sink, &facts, error))
		return NULL;
	assert_int_equal(facts.size, sink.n);
	char *text = g_malloc0(sink.n + 1);
	assert_int_equal(pread(fd, text, sink.n, 0), (ssize_t)sink.n);
	*ret_sha256 = g_strdup(g_checksum_get_string(sum));
	return text;
}

static void test_faults_of_reading(void **state)
{
	(void)state;
	static const char *const servers[][2] = { { NULL }, { "no-ranges", NULL } };
	static const char *const faults[] = { "", "GET a cut 3\n", "GET a 503 2\n", "GET a drop 1\nGET a cut 1\n" };
	char bytes[60001];
	fill(bytes, sizeof bytes - 1);
	bytes[sizeof bytes - 1] = '\0';
	g_autofree char *right = test_sha256(bytes, sizeof bytes - 1);
	for (guint i = 0; i < G_N_ELEMENTS(servers) * G_N_ELEMENTS(faults); i++) {
		struct s3_fixture *f = need(servers[i % 2]);
		struct s3 *s = client(f, "s3://farm");
		g_autofree char *sha256 = NULL;
		g_autoptr(GError) problem = NULL;
		s3_fixture_overwrite(f, "a", bytes);
		s3_fixture_faults(f, faults[i / 2]);
		g_autofree char *text = fetch(s, "a", 0, &sha256, &problem);
		assert_non_null(text);
		assert_string_equal(text, bytes);
		assert_string_equal(sha256, right);
		s3_free(s);
		s3_fixture_free(f);
	}
}

static void test_limits_of_reading(void **state)
{
	(void)state;
	struct s3_fixture *f = need(NULL);
	struct s3 *s = client(f, "s3://farm");
	g_autofree char *sha256 = NULL, *text = NULL;
	s3_fixture_overwrite(f, "a", "0123456789");
	FAILS(text = fetch(s, "a", 9, &sha256, &why), ERROR_REFUSED);
	FAILS(text = fetch(s, "b", 9, &sha256, &why), ERROR_NOT_FOUND);
	FINE((text = fetch(s, "a", 10, &sha256, &why)));
	s3_fixture_faults(f, "GET a mute 9\n");
	g_autofree char *never = NULL;
	FAILS(never = fetch(s, "a", 0, &sha256, &why), ERROR_AWAY);
	s3_free(s);
	s3_fixture_free(f);
}

static gboolean yes(void *user)
{
	++*(guint *)user;
	return TRUE;
}

/* A worker that shall leave does not wait for the rest of a scene. */
static void ends_when_told(void **state)
{
	struct s3_fixture *f = need(NULL);
	guint n_asked = 0;
	(void)state;
	const struct s3_options o = { .url = "s3://bucket", .endpoint = f->endpoint, .credentials_file = f->keys, .is_over = yes, .user = &n_asked };
	struct s3 *s = s3_new(&o, NULL);
	struct s3_facts facts;
	FAILS(s3_head(s, "a", &facts, &why), ERROR_TIMEOUT);
	assert_true(n_asked > 0);
	s3_free(s);
	s3_fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_when_told),
		cmocka_unit_test(test_signature_of_the_manual), cmocka_unit_test(test_keys_from_files),
		cmocka_unit_test(test_wrong_key_is_refused),    cmocka_unit_test(test_urls),
		cmocka_unit_test(test_objects),                 cmocka_unit_test(test_listing_in_pages),
		cmocka_unit_test(test_conditions),              cmocka_unit_test(test_parts),
		cmocka_unit_test(test_faults_of_writing),       cmocka_unit_test(test_faults_of_reading),
		cmocka_unit_test(test_limits_of_reading),
	};
	return cmocka_run_group_tests_name("frames_s3", tests, NULL, NULL);
}
