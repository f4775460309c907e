/* Records through lines and back, torn and damaged segments, reading on, and who supersedes whom. */
#include "base/arena.h"
#include "frames/manifest.h"
#include "frames_files.h"
#include <math.h>
#include <sys/syscall.h>

#define JOB    "show.SQ010_SH0040"
#define FOLDER ".cleave/" JOB "/manifest"

/* The program's own pread and pwrite stand in for libc's: to count bytes and to fill the disk. */
static struct {
	guint64 bytes_read;
	gssize writes_left; /* bytes until ENOSPC; negative: no limit */
} io = { .writes_left = -1 };

ssize_t pread(int fd, void *to, size_t size, off_t at)
{
	ssize_t n = syscall(SYS_pread64, fd, to, size, at);
	io.bytes_read += n > 0 ? (guint64)n : 0;
	return n;
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at)
{
	if (io.writes_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	if (io.writes_left > 0) {
		size = MIN(size, (size_t)io.writes_left);
		io.writes_left -= (gssize)size;
	}
	return syscall(SYS_pwrite64, fd, from, size, at);
}

static struct record frame_record(gint64 frame, const char *key, const char *token, const char *sha256)
{
	return (struct record){ .type = RECORD_FRAME,
				.frame = frame,
				.key = key,
				.token = token,
				.sha256 = sha256,
				.file = "show/beauty.0001.png",
				.size = 96000,
				.mtime_ns = 1700000000123456789,
				.width = 1920,
				.height = 1080,
				.samples = 256,
				.seconds = 135.25,
				.worker = "gpu1-vm0/0",
				.host = "gpu1",
				.boot_id = "b-1",
				.blender = "3.4.1 55485cb379f7",
				.device = "OPTIX NVIDIA RTX A5000" };
}

static const char sha_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char sha_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static struct manifest *must_open(const struct test_root *r, const char *writer)
{
	GError *error = NULL;
	struct manifest *m = manifest_open(r->fd, JOB, writer, &error);
	if (!m)
		fail_msg("%s", error->message);
	return m;
}

static void must_append(struct manifest *m, struct record r)
{
	GError *error = NULL;
	if (!manifest_append(m, &r, &error))
		fail_msg("%s", error->message);
}

static void must_update(struct manifest_view *v, const struct test_root *r)
{
	GError *error = NULL;
	if (!manifest_view_update(v, r->fd, JOB, &error))
		fail_msg("%s", error->message);
}

static void test_round_trip(void **state)
{
	(void)state;
	struct record in[] = {
		frame_record(-7, "k1-3fa9c0d2e1b4a577", "t1", sha_a),
		{ .type = RECORD_SEEN,
		  .frame = G_MAXINT64,
		  .key = "k1",
		  .sha256 = sha_b,
		  .file = "ä\"\\\n.png",
		  .size = 1,
		  .ino = G_MAXUINT64,
		  .mtime_ns = G_MININT64,
		  .ctime_ns = 3 },
		{ .type = RECORD_PIN, .file = "scenes/shot.blend", .sha256 = sha_a },
		{ .type = RECORD_COMPLETE, .digest = "d1" },
		{ .type = RECORD_SUPERSEDED, .frame = 3, .token = "t9" },
	};
	in[0].staged = "frame_00001.png";
	GStringChunk *strings = g_string_chunk_new(4096);
	for (guint i = 0; i < G_N_ELEMENTS(in); i++) {
		g_autoptr(GString) line = g_string_new(NULL);
		g_autoptr(GString) again = g_string_new(NULL);
		GError *error = NULL;
		struct record out;
		in[i].time_us = 1718000000123456 + i;
		assert_true(record_encode(&in[i], line, &error));
		assert_int_equal(strcspn(line->str, "\n"), line->len - 1);
		assert_int_equal(record_decode(line->str, line->len - 1, strings, &out), RECORD_LINE_OK);
		assert_int_equal(out.time_us, in[i].time_us);
		assert_int_equal(out.frame, in[i].frame);
		assert_true(out.ino == in[i].ino && out.mtime_ns == in[i].mtime_ns);
		assert_true(record_encode(&out, again, &error));
		assert_string_equal(line->str, again->str);
	}
	g_string_chunk_free(strings);
}

static void test_refused_records(void **state)
{
	(void)state;
	g_autoptr(GString) line = g_string_new(NULL);
	GError *error = NULL;
	struct record r = frame_record(1, NULL, "t1", sha_a);
	assert_false(record_encode(&r, line, &error));
	test_assert_error(&error, ERROR_INVALID, "frame record: key is missing");
	r = frame_record(1, "k1", "t1", sha_a);
	r.file = "latin1-\xe9.png";
	assert_false(record_encode(&r, line, &error));
	test_assert_error(&error, ERROR_INVALID, "file is missing or cannot be written");
	r = frame_record(1, "k1", "t1", sha_a);
	r.seconds = (double)NAN;
	assert_false(record_encode(&r, line, &error));
	test_assert_error(&error, ERROR_INVALID, "seconds");
	assert_int_equal(line->len, 0);
}

static void test_staged_name(void **state)
{
	(void)state;
	assert_string_equal(record_staged_name(&(struct record){ .file = "a/b.png" }), "b.png");
	assert_string_equal(record_staged_name(&(struct record){ .file = "b.png" }), "b.png");
	assert_string_equal(record_staged_name(&(struct record){ .file = "a/b.png", .staged = "f_01.png" }),
			    "f_01.png");
}

static void test_lookups(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "gpu1-vm0");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	must_append(m, frame_record(1, "k2", "t2", sha_b));
	must_append(m, frame_record(2, "k1", "t1", sha_a));
	must_append(m,
		    (struct record){
			    .type = RECORD_SEEN, .frame = 1, .key = "k1", .sha256 = sha_a, .file = "x.png", .ino = 7 });
	must_append(m,
		    (struct record){
			    .type = RECORD_SEEN, .frame = 1, .key = "k2", .sha256 = sha_b, .file = "x.png", .ino = 8 });
	must_append(m, (struct record){ .type = RECORD_SEEN, .frame = 1, .sha256 = sha_b, .file = "y.png", .ino = 9 });
	must_append(m, (struct record){ .type = RECORD_PIN, .file = "s:a.blend", .sha256 = sha_a });
	must_append(m, (struct record){ .type = RECORD_PIN, .file = "s:b.blend", .sha256 = sha_a });
	must_append(m, (struct record){ .type = RECORD_PIN, .file = "s:a.blend", .sha256 = sha_b });
	must_append(m, (struct record){ .type = RECORD_COMPLETE, .digest = "d1" });
	must_append(m, (struct record){ .type = RECORD_COMPLETE, .digest = "d2" });
	SCOPED_ARENA(a);
	GError *error = NULL;
	struct manifest_view *v = manifest_read(a, r.fd, JOB, &error);
	assert_non_null(v);
	assert_string_equal(manifest_frame(v, 1, "k1")->sha256, sha_a);
	assert_string_equal(manifest_frame(v, 1, "k2")->device, "OPTIX NVIDIA RTX A5000");
	assert_null(manifest_frame(v, 1, "k3"));
	assert_null(manifest_frame(v, 3, "k1"));
	const struct record *newest = manifest_next(v, 1, NULL);
	assert_string_equal(newest->key, "k2");
	assert_string_equal(manifest_next(v, 1, newest)->key, "k1");
	assert_null(manifest_next(v, 1, manifest_next(v, 1, newest)));
	assert_int_equal(manifest_content(v, 1, sha_b, NULL)->frame, 1);
	assert_null(manifest_content(v, 2, sha_b, NULL));
	assert_non_null(manifest_any_content(v, sha_b));
	assert_null(manifest_any_content(v, "c"));
	assert_int_equal(manifest_seen(v, 1, "x.png")->ino, 8);
	assert_int_equal(manifest_seen(v, 1, "y.png")->ino, 9);
	assert_null(manifest_seen(v, 2, "x.png"));
	assert_string_equal(manifest_pin(v, "s:a.blend")->sha256, sha_b);
	assert_string_equal(manifest_pin(v, "s:b.blend")->sha256, sha_a);
	assert_string_equal(manifest_pin(v, NULL)->file, "s:a.blend");
	assert_string_equal(manifest_complete(v)->digest, "d2");
	assert_int_equal(manifest_counts(v).frames, 3);
	assert_int_equal(manifest_counts(v).segments, 1);
	manifest_close(m);
	test_root_free(&r);
}

/* Two records whole, the third cut at each of its bytes. */
static void test_torn_last_line(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	must_append(m, frame_record(2, "k1", "t1", sha_a));
	g_autofree char *two = test_read(&r, FOLDER "/w.log");
	must_append(m, frame_record(3, "k1", "t1", sha_a));
	manifest_close(m);
	g_autofree char *three = test_read(&r, FOLDER "/w.log");
	for (gsize cut = strlen(two); cut < strlen(three); cut++) {
		test_write(&r, FOLDER "/w.log", three, cut);
		struct manifest_view *v = manifest_view_new();
		must_update(v, &r);
		assert_int_equal(manifest_counts(v).frames, 2);
		assert_int_equal(manifest_counts(v).torn, cut > strlen(two));
		assert_int_equal(manifest_counts(v).invalid_lines, 0);
		/* the writer comes back, cuts the torn line off and goes on; the reader as well */
		m = must_open(&r, "w");
		must_append(m, frame_record(4, "k1", "t1", sha_a));
		manifest_close(m);
		must_update(v, &r);
		assert_int_equal(manifest_counts(v).frames, 3);
		assert_int_equal(manifest_counts(v).torn + manifest_counts(v).invalid_lines, 0);
		assert_null(manifest_frame(v, 3, "k1"));
		assert_non_null(manifest_frame(v, 4, "k1"));
		manifest_view_free(v);
	}
	test_root_free(&r);
}

static void test_torn_long_tail(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	manifest_close(m);
	g_autofree char *one = test_read(&r, FOLDER "/w.log");
	/* a crashed file system may leave zeros: more than the writer looks at in one step */
	gsize size = strlen(one) + 20000;
	g_autofree char *tail = g_malloc0(size);
	memcpy(tail, one, strlen(one));
	test_write(&r, FOLDER "/w.log", tail, size);
	m = must_open(&r, "w");
	must_append(m, frame_record(2, "k1", "t1", sha_a));
	manifest_close(m);
	struct manifest_view *v = manifest_view_new();
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).frames, 2);
	assert_int_equal(manifest_counts(v).invalid_lines, 0);
	manifest_view_free(v);
	test_root_free(&r);
}

/* Each byte of the middle line changed: its neighbours stay. */
static void test_damaged_middle(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	g_autofree char *one = test_read(&r, FOLDER "/w.log");
	must_append(m, frame_record(2, "k1", "t1", sha_a));
	g_autofree char *two = test_read(&r, FOLDER "/w.log");
	must_append(m, frame_record(3, "k1", "t1", sha_a));
	manifest_close(m);
	g_autofree char *three = test_read(&r, FOLDER "/w.log");
	for (gsize at = strlen(one); at + 1 < strlen(two); at++) {
		three[at] = (char)(three[at] ^ 1);
		test_text(&r, FOLDER "/w.log", three);
		struct manifest_view *v = manifest_view_new();
		must_update(v, &r);
		assert_non_null(manifest_frame(v, 1, "k1"));
		assert_null(manifest_frame(v, 2, "k1"));
		assert_non_null(manifest_frame(v, 3, "k1"));
		assert_int_equal(manifest_counts(v).invalid_lines, 1);
		manifest_view_free(v);
		three[at] = (char)(three[at] ^ 1);
	}
	test_root_free(&r);
}

static void test_long_and_unknown_lines(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	manifest_close(m);
	g_autofree char *one = test_read(&r, FOLDER "/w.log");
	g_autofree char *noise = g_strnfill(3 * 1024 * 1024, 'x');
	/* crc32 of {"type":"later"} */
	g_autofree char *all = g_strconcat(one, noise, "\n", one, "98ad1d07 {\"type\":\"later\"}\n\n", NULL);
	test_text(&r, FOLDER "/w.log", all);
	struct manifest_view *v = manifest_view_new();
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).records, 2); /* one before and one behind the noise, the same twice */
	assert_int_equal(manifest_counts(v).frames, 1);
	assert_int_equal(manifest_counts(v).unknown_lines, 1);
	assert_int_equal(manifest_counts(v).invalid_lines, 2); /* the noise and the empty line */
	assert_int_equal(manifest_counts(v).torn, 0);
	manifest_view_free(v);
	test_root_free(&r);
}

static void test_reads_only_what_is_new(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	struct manifest_view *v = manifest_view_new();
	must_update(v, &r);
	for (guint i = 0; i < 1000; i++)
		must_append(m, frame_record(i, "k1", "t1", sha_a));
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).frames, 1000);
	io.bytes_read = 0;
	must_update(v, &r);
	assert_true(io.bytes_read <= 8); /* the mark */
	must_append(m, frame_record(1000, "k1", "t1", sha_a));
	io.bytes_read = 0;
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).frames, 1001);
	assert_true(io.bytes_read < 1000);
	manifest_close(m);
	manifest_view_free(v);
	test_root_free(&r);
}

/* The reader looks in the middle of a write: what it saw half it takes when it is whole. */
static void test_line_seen_in_halves(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	must_append(m, frame_record(2, "k1", "t1", sha_a));
	manifest_close(m);
	g_autofree char *all = test_read(&r, FOLDER "/w.log");
	struct manifest_view *v = manifest_view_new();
	SCOPED_FD(fd) = openat(r.fd, FOLDER "/w.log", O_WRONLY);
	assert_int_equal(ftruncate(fd, 0), 0);
	for (gsize size = 0; size < strlen(all); size++) {
		assert_int_equal(pwrite(fd, all + size, 1, (off_t)size), 1);
		must_update(v, &r);
	}
	assert_int_equal(manifest_counts(v).frames, 2);
	assert_int_equal(manifest_counts(v).invalid_lines, 0);
	manifest_view_free(v);
	test_root_free(&r);
}

static void test_replaced_segments(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	g_autofree char *one = test_read(&r, FOLDER "/w.log");
	must_append(m, frame_record(2, "k1", "t1", sha_a));
	g_autofree char *two = test_read(&r, FOLDER "/w.log");
	manifest_close(m);
	struct manifest_view *v = manifest_view_new();
	must_update(v, &r);
	/* shrank, same inode */
	g_autofree char *path = g_build_filename(r.path, FOLDER, "w.log", NULL);
	assert_int_equal(truncate(path, (off_t)strlen(one)), 0);
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).frames, 1);
	/* another inode */
	test_text(&r, FOLDER "/other", two);
	assert_int_equal(renameat(r.fd, FOLDER "/other", r.fd, FOLDER "/w.log"), 0);
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).frames, 2);
	/* cut within the last line that was read */
	assert_int_equal(truncate(path, (off_t)strlen(two) - 3), 0);
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).frames, 1);
	/* larger, but not what was read */
	g_autofree char *other = g_strconcat(two + strlen(one), one, one, NULL);
	other[20] = 'x';
	test_text(&r, FOLDER "/w.log", other);
	must_update(v, &r);
	assert_null(manifest_frame(v, 2, "k1"));
	assert_int_equal(manifest_counts(v).records, 2);
	assert_int_equal(manifest_counts(v).frames, 1);
	assert_int_equal(manifest_counts(v).invalid_lines, 1);
	/* gone */
	assert_int_equal(unlinkat(r.fd, FOLDER "/w.log", 0), 0);
	must_update(v, &r);
	assert_int_equal(manifest_counts(v).frames, 0);
	assert_int_equal(manifest_counts(v).segments, 0);
	manifest_view_free(v);
	test_root_free(&r);
}

static void test_two_segments(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *x = must_open(&r, "x"), *y = must_open(&r, "y");
	struct record early = frame_record(1, "k1", "t1", sha_a), late = frame_record(1, "k1", "t2", sha_b);
	early.time_us = 1000000;
	late.time_us = 2000000;
	struct manifest_view *v = manifest_view_new();
	must_append(x, late);
	must_update(v, &r);
	must_append(y, early); /* read later, but older */
	must_update(v, &r);
	assert_string_equal(manifest_frame(v, 1, "k1")->token, "t2");
	assert_string_equal(manifest_next(v, 1, manifest_next(v, 1, NULL))->token, "t1");
	assert_int_equal(manifest_counts(v).segments, 2);
	manifest_close(x);
	manifest_close(y);
	manifest_view_free(v);
	test_root_free(&r);
}

static void test_superseded(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *worker = must_open(&r, "worker"), *owner = must_open(&r, "owner");
	struct manifest_view *v = manifest_view_new();
	must_append(worker, frame_record(1, "k1", "t1", sha_a));
	must_append(worker, frame_record(2, "k1", "t1", sha_a));
	must_append(worker, frame_record(1, "k1", "t2", sha_b));
	must_update(v, &r);
	assert_string_equal(manifest_frame(v, 1, "k1")->token, "t2");
	assert_non_null(manifest_any_content(v, sha_b));
	must_append(owner, (struct record){ .type = RECORD_SUPERSEDED, .frame = 1, .token = "t2" });
	must_append(owner, (struct record){ .type = RECORD_SUPERSEDED, .frame = 1, .token = "t2" });
	must_update(v, &r);
	assert_string_equal(manifest_frame(v, 1, "k1")->token, "t1");
	assert_null(manifest_any_content(v, sha_b));
	assert_non_null(manifest_frame(v, 2, "k1"));
	assert_int_equal(manifest_counts(v).frames, 2);
	assert_int_equal(manifest_counts(v).superseded, 1);
	/* the judgement may be read before the record that it voids */
	must_append(owner, (struct record){ .type = RECORD_SUPERSEDED, .frame = 5, .token = "t3" });
	must_update(v, &r);
	must_append(worker, frame_record(5, "k1", "t3", sha_a));
	must_update(v, &r);
	assert_null(manifest_frame(v, 5, "k1"));
	assert_null(manifest_next(v, 5, NULL));
	assert_int_equal(manifest_counts(v).superseded, 2);
	manifest_close(worker);
	manifest_close(owner);
	manifest_view_free(v);
	test_root_free(&r);
}

static void test_writers(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	GError *error = NULL;
	struct manifest *m = must_open(&r, "w");
	assert_null(manifest_open(r.fd, JOB, "w", &error));
	test_assert_error(&error, ERROR_EXISTS, "w.log: another process writes it");
	assert_null(manifest_open(r.fd, JOB, "../w", &error));
	test_assert_error(&error, ERROR_INVALID, "\"../w\" cannot name a folder");
	assert_null(manifest_open(r.fd, "..", "w", &error));
	test_assert_error(&error, ERROR_INVALID, "\"..\" cannot name a folder");
	/* another hand in the segment */
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	SCOPED_FD(fd) = openat(r.fd, FOLDER "/w.log", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x\n", 2), 2);
	struct record more = frame_record(2, "k1", "t1", sha_a);
	assert_false(manifest_append(m, &more, &error));
	test_assert_error(&error, ERROR_REFUSED, "is not as this writer left it");
	manifest_close(m);
	test_root_free(&r);
}

static void test_full_disk(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	GError *error = NULL;
	struct manifest *m = must_open(&r, "w");
	must_append(m, frame_record(1, "k1", "t1", sha_a));
	g_autofree char *one = test_read(&r, FOLDER "/w.log");
	struct record batch[] = { frame_record(2, "k1", "t1", sha_a), frame_record(3, "k1", "t1", sha_a) };
	for (guint left = 0; left < 700; left += 50) {
		io.writes_left = left;
		assert_false(manifest_append_all(m, batch, 2, &error));
		test_assert_error(&error, ERROR_FAILED, "No space left on device");
		test_assert_text(&r, FOLDER "/w.log", one);
	}
	io.writes_left = -1;
	assert_true(manifest_append_all(m, batch, 2, &error));
	SCOPED_ARENA(a);
	assert_int_equal(manifest_counts(manifest_read(a, r.fd, JOB, NULL)).frames, 3);
	manifest_close(m);
	test_root_free(&r);
}

/* The clock of one host goes an hour ahead: what the next owner writes is later all the same. */
static void test_clocks_disagree(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *ahead = must_open(&r, "ahead"), *right = must_open(&r, "right");
	struct manifest_view *v = manifest_view_new();
	struct record pin = { .type = RECORD_PIN, .file = "s:a.blend", .sha256 = sha_a };
	pin.time_us = g_get_real_time() + G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC;
	must_append(ahead, pin);
	must_update(v, &r);
	manifest_follow(right, v);
	pin.time_us = 0;
	pin.sha256 = sha_b;
	must_append(right, pin);
	must_update(v, &r);
	assert_string_equal(manifest_pin(v, "s:a.blend")->sha256, sha_b);
	assert_true(manifest_latest_us(v) > pin.time_us);
	manifest_close(ahead);
	manifest_close(right);
	manifest_view_free(v);
	test_root_free(&r);
}

static void test_no_folder(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	SCOPED_ARENA(a);
	struct manifest_view *v = manifest_read(a, r.fd, JOB, NULL);
	assert_non_null(v);
	assert_int_equal(manifest_counts(v).segments, 0);
	assert_null(manifest_pin(v, NULL));
	assert_null(manifest_complete(v));
	test_root_free(&r);
}

enum { MANY = 100000, BATCH = 1000 };

static void append_many(struct manifest *m)
{
	for (guint i = 0; i < MANY; i += BATCH) {
		struct record batch[BATCH];
		char tokens[BATCH][24], sums[BATCH][65], files[BATCH][48];
		for (guint j = 0; j < BATCH; j++) {
			g_snprintf(tokens[j], sizeof tokens[j], "token-%u", (i + j) / 5);
			g_snprintf(sums[j], sizeof sums[j], "%064x", i + j);
			g_snprintf(files[j], sizeof files[j], "show/shots/sq010/beauty.%06u.png", i + j);
			batch[j] = frame_record(i + j, "k1-3fa9c0d2e1b4a577", tokens[j], sums[j]);
			batch[j].file = files[j];
		}
		assert_true(manifest_append_all(m, batch, BATCH, NULL));
	}
}

static guint64 resident_bytes(void)
{
	g_autofree char *text = NULL;
	assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
	return g_ascii_strtoull(strchr(text, ' '), NULL, 10) * (guint64)sysconf(_SC_PAGESIZE);
}

static void test_many_records(void **state)
{
	(void)state;
	struct test_root r = test_root_new();
	struct manifest *m = must_open(&r, "w");
	gint64 start = g_get_monotonic_time();
	append_many(m);
	gint64 written = g_get_monotonic_time();
	manifest_close(m);
	guint64 before = resident_bytes();
	struct manifest_view *v = manifest_view_new();
	must_update(v, &r);
	gint64 read_at = g_get_monotonic_time();
	print_message("%d records: written %.2f µs, read %.2f µs, kept %" G_GUINT64_FORMAT " bytes each\n", MANY,
		      (double)(written - start) / MANY, (double)(read_at - written) / MANY,
		      (resident_bytes() - before) / MANY);
	assert_int_equal(manifest_counts(v).frames, MANY);
	char sum[65];
	for (guint i = 0; i < MANY; i += 777) {
		g_snprintf(sum, sizeof sum, "%064x", i);
		assert_string_equal(manifest_frame(v, i, "k1-3fa9c0d2e1b4a577")->sha256, sum);
		assert_int_equal(manifest_any_content(v, sum)->frame, i);
	}
	manifest_view_free(v);
	test_root_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused_records),
		cmocka_unit_test(test_staged_name),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_torn_last_line),
		cmocka_unit_test(test_torn_long_tail),
		cmocka_unit_test(test_damaged_middle),
		cmocka_unit_test(test_long_and_unknown_lines),
		cmocka_unit_test(test_reads_only_what_is_new),
		cmocka_unit_test(test_line_seen_in_halves),
		cmocka_unit_test(test_replaced_segments),
		cmocka_unit_test(test_two_segments),
		cmocka_unit_test(test_superseded),
		cmocka_unit_test(test_writers),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_clocks_disagree),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_many_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
