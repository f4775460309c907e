/* cleave-worker fetches: scenes, archives and Blenders, from a web server that is good, bad or gone, with a real Redis
 * and a real Blender. A bad source costs its own job and nothing else.
 *
 *   fetch PATH/cleave-worker FOLDER-OF-tests/e2e */
#include "base/arena.h"
#include "frames/root.h"
#include "queue/backlog.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "redis_fixture.h"
#include "s3_fixture.h"
#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

static const char *worker_program, *scripts;

enum { BOMB_BYTES = 100 << 20 };

/* Once for all tests: the web server, and what it has. */
static char *sources, *request_log;
static GSubprocess *server;
static char *server_url;

struct farm {
	struct redis_fixture *redis_server;
	struct redis *redis;
	struct arena *a;
	struct authority by;
	char *folder, *frames, *cache;
};

/* -- what there is to fetch -------------------------------------------------------------------- */

struct packed {
	const char *path;
	mode_t type; /* 0: a file */
	const char *target, *from;  /* a link's; a file of `sources` */
	const char *content;
	gint64 zeros;
};

static void write_zeros(struct archive *a, gint64 n)
{
	static const char zeros[1 << 16];
	for (; n > 0; n -= (gint64)sizeof zeros)
		archive_write_data(a, zeros, (size_t)MIN(n, (gint64)sizeof zeros));
}

static void pack(const char *name, gboolean is_zip, const struct packed *entries)
{
	g_autofree char *path = g_build_filename(sources, name, NULL);
	struct archive *a = archive_write_new();
	if (is_zip)
		archive_write_set_format_zip(a);
	else
		archive_write_set_format_pax_restricted(a);
	if (!is_zip)
		archive_write_add_filter_gzip(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (const struct packed *p = entries; p->path; p++) {
		struct archive_entry *e = archive_entry_new();
		g_autofree char *from = p->from ? g_build_filename(sources, p->from, NULL) : NULL, *bytes = NULL;
		gsize size = p->content ? strlen(p->content) : 0;
		if (from)
			assert_true(g_file_get_contents(from, &bytes, &size, NULL));
		archive_entry_set_pathname(e, p->path);
		archive_entry_set_perm(e, 0700);
		archive_entry_set_filetype(e, p->type ? p->type : AE_IFREG);
		archive_entry_set_size(e, p->zeros ? p->zeros : (gint64)size);
		if (p->target)
			archive_entry_set_symlink(e, p->target);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		if (bytes || p->content)
			archive_write_data(a, bytes ? bytes : p->content, size);
		write_zeros(a, p->zeros);
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void make_archives(const char *blender)
{
	/* Of the cache it sees itself and its scene. */
	static const char launcher[] = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'Blender 9.1.2'; exit; fi\n"
				       "n=$(ls \"${0%%/tree/*}/..\" | wc -l)\n[ $n -le 2 ] || { echo \"it sees $n of the cache\"; exit 9; }\n"
				       "exec %s \"$@\"\n";
	g_autofree char *program = g_strdup_printf(launcher, blender);
	const struct packed library[] = { { .path = "lib/tree.blend", .content = "BLENDER, but none" }, { .path = "shot/shot.blend", .from = "plain.blend" }, { 0 } };
	const struct packed one[] = { { .path = "__MACOSX/._a.blend", .content = "x" }, { .path = "a/a.blend", .from = "plain.blend" }, { 0 } };
	const struct packed above[] = { { .path = "shot.blend", .from = "plain.blend" }, { .path = "../../escaped", .content = "x" }, { 0 } };
	const struct packed link[] = { { .path = "shot.blend", .from = "plain.blend" }, { .path = "textures", .type = AE_IFLNK, .target = "../../../.." }, { 0 } };
	const struct packed bomb[] = { { .path = "shot.blend", .from = "plain.blend" }, { .path = "zeros", .zeros = BOMB_BYTES }, { 0 } };
	const struct packed installed[] = { { .path = "blender-9.1.2-linux-x64/blender", .content = program }, { .path = "blender-9.1.2-linux-x64/9.1/scripts/x.py", .content = "" }, { 0 } };
	pack("library.zip", TRUE, library);
	pack("one.zip", TRUE, one);
	pack("above.tar.gz", FALSE, above);
	pack("link.tar.gz", FALSE, link);
	pack("bomb.zip", TRUE, bomb);
	pack("blender.tar.gz", FALSE, installed);
}

static void start_server(void)
{
	g_autofree char *script = g_build_filename(scripts, "sources", NULL);
	server = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL, script, sources, request_log, NULL);
	assert_non_null(server);
	g_autoptr(GDataInputStream) said = g_data_input_stream_new(g_subprocess_get_stdout_pipe(server));
	g_autofree char *port = g_data_input_stream_read_line(said, NULL, NULL, NULL);
	assert_non_null(port);
	server_url = g_strconcat("http://127.0.0.1:", port, NULL);
}

static int group_setup(void **state)
{
	g_autofree char *blender = g_find_program_in_path("blender"), *script = g_build_filename(scripts, "queue_scene.py", NULL);
	if (!blender)
		return 0;
	sources = g_dir_make_tmp("cleave-sources-XXXXXX", NULL);
	request_log = g_strconcat(sources, ".log", NULL);
	g_autofree char *out = g_build_filename(sources, "plain.blend", NULL), *text = g_build_filename(sources, "text", NULL);
	const char *argv[] = { blender, "-b", "--factory-startup", "--python", script, "--", out, "plain", NULL };
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, NULL, NULL));
	assert_true(g_file_set_contents(text, "not a scene", -1, NULL));
	make_archives(blender);
	start_server();
	return redis_fixture_setup(state);
}

static void remove_all(const char *path)
{
	const char *argv[] = { "rm", "-rf", path, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

static int group_teardown(void **state)
{
	if (server)
		g_subprocess_force_exit(server);
	g_clear_object(&server);
	if (sources) {
		remove_all(sources);
		g_unlink(request_log);
	}
	g_free(sources);
	g_free(request_log);
	g_free(server_url);
	return redis_fixture_teardown(state);
}

/* -- the farm ---------------------------------------------------------------------------------- */

static struct farm farm_new(void **state)
{
	struct farm f = { .redis_server = redis_fixture_of(state), .a = arena_new() };
	struct owner owner;
	f.folder = g_dir_make_tmp("cleave-farm-XXXXXX", NULL);
	f.frames = g_build_filename(f.folder, "frames", NULL);
	f.cache = g_build_filename(f.folder, "cache", NULL);
	assert_int_equal(g_mkdir(f.frames, 0755), 0);
	assert_true(root_mark(f.frames, "frames", NULL));
	f.redis = redis_new(f.redis_server->url, NULL, 2000, NULL);
	assert_true(owner_acquire(f.redis, f.a, "test", 600000, &owner, NULL));
	f.by.fence = owner.fence;
	(void)g_file_set_contents(request_log, "", -1, NULL);
	return f;
}

static void farm_free(struct farm *f)
{
	redis_free(f->redis);
	remove_all(f->folder);
	g_free(f->folder);
	g_free(f->frames);
	g_free(f->cache);
	arena_free(f->a);
}

static const char *sha256_of(struct farm *f, const char *name)
{
	g_autofree char *path = g_build_filename(sources, name, NULL), *bytes = NULL;
	gsize size;
	assert_true(g_file_get_contents(path, &bytes, &size, NULL));
	g_autofree char *sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
	return arena_strdup(f->a, sha256);
}

/* A job of one frame; its name is also its folder's. `source`: "how/file", as tests/e2e/sources has it. */
static struct task fetched(struct farm *f, const char *job, const char *source)
{
	const char *name = strchr(source, '/') + 1;
	g_autofree char *path = g_build_filename(sources, name, NULL);
	return (struct task){
		.scene_root = "",
		.scene_path = "",
		.scene_url = arena_printf(f->a, "%s/%s", server_url, source),
		.scene_blend = "",
		.scene_sha256 = g_file_test(path, G_FILE_TEST_EXISTS) ? sha256_of(f, name) : sha256_of(f, "plain.blend"),
		.blender = "",
		.engine = "CYCLES",
		.device = "CPU",
		.output_root = "frames",
		.outputs = arena_memdup(f->a, &(struct task_output){ .path_template = arena_printf(f->a, "%s/####.png", job), .format = "PNG" },
					sizeof(struct task_output)),
		.n_outputs = 1,
	};
}

static void enqueue_as(struct farm *f, const char *job, const struct task *task, const struct job_meta *meta)
{
	struct backlog_part part = { .key = "k1", .task = task };
	guint64 n_added;
	g_autofree char *id = g_strconcat("nimbus/", job, NULL);
	assert_null(frames_parse(f->a, "1", &part.frames, NULL));
	assert_true(backlog_enqueue(f->redis, &f->by, id, meta, &part, 1, &n_added, NULL));
}

static void enqueue(struct farm *f, const char *job, const struct task *task)
{
	const struct job_meta meta = { .chunk = 5 };
	enqueue_as(f, job, task, &meta);
}

static void enqueue_fetched(struct farm *f, const char *job, const char *source)
{
	struct task t = fetched(f, job, source);
	enqueue(f, job, &t);
}

static void die_with_test(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static GPid worker_start(struct farm *f, const char *name, const char *more)
{
	g_autofree char *line = g_strdup_printf("%s --redis %s --mount frames=%s --name %s --lease 3s --cache %s --cache-size 64MiB "
						"--fetch-stall 1s %s", worker_program, f->redis_server->url, f->frames, name, f->cache, more);
	g_auto(GStrv) argv = NULL;
	GPid pid;
	assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
	assert_true(g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, die_with_test, NULL, &pid, NULL));
	return pid;
}

static int worker_wait(GPid pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static gboolean is_visible(struct farm *f, const char *job)
{
	g_autofree char *path = g_strdup_printf("%s/%s/0001.png", f->frames, job);
	return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static void assert_reason(struct farm *f, const char *job, const char *wanted)
{
	g_autofree char *id = g_strconcat("nimbus/", job, NULL);
	struct backlog *b = backlog_show(f->redis, f->a, id, NULL);
	if (b->n_failed != 1)
		fail_msg("%s: %u frames failed, %s", job, b->n_failed, is_visible(f, job) ? "it is rendered" : "it is not rendered");
	if (!strstr(b->failed[0].reason, wanted))
		fail_msg("%s: \"%s\", not \"%s\"", job, b->failed[0].reason, wanted);
	assert_false(is_visible(f, job));
}

static void assert_visible(struct farm *f, const char *job)
{
	g_autofree char *id = g_strconcat("nimbus/", job, NULL);
	struct backlog *b = backlog_show(f->redis, f->a, id, NULL);
	if (!is_visible(f, job))
		fail_msg("%s is not rendered: %s", job, b->n_failed ? b->failed[0].reason : "it did not fail");
}

static guint count_requests(const char *what)
{
	g_autofree char *text = NULL;
	guint n = 0;
	assert_true(g_file_get_contents(request_log, &text, NULL, NULL));
	for (const char *at = text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* -- tests ------------------------------------------------------------------------------------- */

static void copy_source(const char *name, const char *to)
{
	g_autofree char *from = g_build_filename(sources, name, NULL), *bytes = NULL;
	gsize size;
	assert_true(g_file_get_contents(from, &bytes, &size, NULL));
	assert_true(g_file_set_contents(to, bytes, (gssize)size, NULL));
}

/* An archive that lies on a root is unpacked as well. */
static void enqueue_on_root(struct farm *f)
{
	g_autofree char *path = g_build_filename(f->frames, "one.zip", NULL);
	struct task t = fetched(f, "on-root", "plain/one.zip");
	copy_source("one.zip", path);
	t.scene_url = "";
	t.scene_root = "frames";
	t.scene_path = "one.zip";
	enqueue(f, "on-root", &t);
}

static void good_sources(void **state)
{
	struct farm f = farm_new(state);
	struct task named = fetched(&f, "library", "plain/library.zip");
	named.scene_blend = "shot/shot.blend";
	/* equal jobs are taken by name */
	enqueue_fetched(&f, "cut", "cut/plain.blend");
	enqueue(&f, "library", &named);
	enqueue_on_root(&f);
	enqueue_fetched(&f, "one", "other/one.zip");
	enqueue_fetched(&f, "rest", "plain/plain.blend");
	assert_int_equal(worker_wait(worker_start(&f, "w1", "--once")), 0);
	assert_visible(&f, "cut");
	assert_visible(&f, "library");
	assert_visible(&f, "one");
	assert_visible(&f, "on-root");
	assert_visible(&f, "rest");
	assert_true(count_requests("/cut/plain.blend bytes=") >= 2);
	assert_int_equal(count_requests("-a\"\n"), count_requests(" bytes="));
	/* the same bytes under another URL are there already; so are they for another worker */
	assert_int_equal(count_requests("/plain/plain.blend"), 0);
	struct task other = named;
	other.outputs = arena_memdup(f.a, &(struct task_output){ .path_template = "other/####.png", .format = "PNG" }, sizeof(struct task_output));
	enqueue(&f, "other", &other);
	assert_int_equal(worker_wait(worker_start(&f, "w2", "--once")), 0);
	assert_visible(&f, "other");
	assert_int_equal(count_requests("/plain/library.zip"), 1);
	farm_free(&f);
}

static void bad_sources_cost_their_own_job(void **state)
{
	struct farm f = farm_new(state);
	struct task changed = fetched(&f, "changed", "plain/one.zip"), wrong_name = fetched(&f, "name", "plain/library.zip");
	static const char *const sources_of[][2] = {
		{ "silent", "silent/plain.blend" }, { "stall", "stall/plain.blend" },	 { "gone", "plain/nothing" },
		{ "text", "plain/text" },	    { "above", "plain/above.tar.gz" },	 { "link", "plain/link.tar.gz" },
		{ "bomb", "plain/bomb.zip" },	    { "library", "plain/library.zip" }, { "passwd", "passwd/plain.blend" },
		{ "endless", "endless/x" },
	};
	changed.scene_sha256 = sha256_of(&f, "plain.blend");
	wrong_name.scene_blend = "tree/shot.blend";
	for (guint i = 0; i < G_N_ELEMENTS(sources_of); i++)
		enqueue_fetched(&f, sources_of[i][0], sources_of[i][1]);
	enqueue(&f, "changed", &changed);
	enqueue(&f, "name", &wrong_name);
	enqueue_fetched(&f, "well", "plain/one.zip");
	gint64 before = g_get_monotonic_time();
	assert_int_equal(worker_wait(worker_start(&f, "w1", "--once")), 0);
	print_message("# %.1f s for twelve bad sources\n", (double)(g_get_monotonic_time() - before) / 1e6);
	assert_reason(&f, "silent", "/silent/plain.blend: Operation too slow");
	assert_reason(&f, "stall", "/stall/plain.blend: ");
	assert_reason(&f, "gone", "404");
	assert_reason(&f, "text", "neither a .blend nor an archive");
	assert_reason(&f, "above", "\"../../escaped\" leads out of it");
	assert_reason(&f, "link", "link textures leads out of it");
	assert_reason(&f, "bomb", "unpacks to more than 67108864 bytes");
	assert_reason(&f, "library", "has 2 .blend files, and scene.blend says not which: lib/tree.blend, shot/shot.blend");
	assert_reason(&f, "passwd", "rotocol");
	assert_reason(&f, "endless", "it has more than 67108864 bytes");
	assert_reason(&f, "changed", "its sha256 is ");
	assert_reason(&f, "name", "has no tree/shot.blend; there: lib/tree.blend, shot/shot.blend");
	assert_visible(&f, "well");
	g_autofree char *escaped = g_build_filename(f.folder, "escaped", NULL);
	assert_false(g_file_test(escaped, G_FILE_TEST_EXISTS));
	farm_free(&f);
}

static void leaves_in_the_middle(void **state)
{
	struct farm f = farm_new(state);
	enqueue_fetched(&f, "silent", "silent/plain.blend");
	GPid pid = worker_start(&f, "w1", "--fetch-stall 60s");
	for (guint i = 0; i < 1200 && !count_requests("/silent/"); i++)
		g_usleep(25000);
	gint64 before = g_get_monotonic_time();
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	assert_true(g_get_monotonic_time() - before < 3000000);
	struct backlog *b = backlog_show(f.redis, f.a, "nimbus/silent", NULL);
	assert_int_equal(b->n_failed + b->n_running, 0);
	assert_int_equal(b->n_queued, 1);
	farm_free(&f);
}

static void blender_is_installed(void **state)
{
	struct farm f = farm_new(state);
	struct task t = fetched(&f, "own", "plain/one.zip"), wrong = fetched(&f, "wrong", "plain/one.zip"), gone = fetched(&f, "gone", "plain/one.zip");
	t.blender = "9.1";
	t.blender_url = arena_printf(f.a, "%s/plain/blender.tar.gz", server_url);
	t.blender_sha256 = sha256_of(&f, "blender.tar.gz");
	wrong.blender = "9.2";
	wrong.blender_url = t.blender_url;
	wrong.blender_sha256 = t.blender_sha256;
	gone.blender = "9.3";
	enqueue(&f, "own", &t);
	enqueue(&f, "wrong", &wrong);
	enqueue(&f, "gone", &gone);
	enqueue_fetched(&f, "well", "plain/one.zip");
	assert_int_equal(worker_wait(worker_start(&f, "w1", "--once")), 0);
	assert_visible(&f, "own");
	assert_reason(&f, "wrong", "the archive holds Blender 9.1.2");
	assert_reason(&f, "gone", "Blender 9.3 is not on this machine, and the farm has no archive of it");
	assert_visible(&f, "well");
	farm_free(&f);
}

/* A machine without a Blender, and a scene in a bucket. */
static void nothing_is_on_the_machine(void **state)
{
	struct farm f = farm_new(state);
	struct s3_fixture *s3 = s3_fixture_new(NULL);
	if (!s3)
		skip();
	g_autofree char *object = g_build_filename(s3->folder, "farm", "one.zip", NULL);
	g_autofree char *more = g_strdup_printf("--once --blender /nowhere/blender --s3-endpoint %s --s3-credentials-file %s", s3->endpoint, s3->keys);
	const char *const required[] = { "device:CPU", NULL };
	struct task t = fetched(&f, "bucket", "plain/one.zip");
	const struct job_meta meta = { .chunk = 5, .blender = "9.1", .is_installable = TRUE, .requires = required };
	copy_source("one.zip", object);
	t.scene_url = "s3://farm/one.zip";
	t.blender = "9.1";
	t.blender_url = arena_printf(f.a, "%s/plain/blender.tar.gz", server_url);
	t.blender_sha256 = sha256_of(&f, "blender.tar.gz");
	enqueue_as(&f, "bucket", &t, &meta);
	assert_int_equal(worker_wait(worker_start(&f, "w1", more)), 0);
	assert_visible(&f, "bucket");
	s3_fixture_free(s3);
	farm_free(&f);
}

/* Its jobs are for others; those on the roots that are there go on. */
static void root_away_stops_its_own_jobs(void **state)
{
	struct farm f = farm_new(state);
	g_autofree char *mount = g_strconcat("--once --mount archive=", f.folder, "/none", NULL);
	struct task t = fetched(&f, "away", "plain/one.zip");
	const char *const required[] = { "root:archive", NULL };
	const struct job_meta meta = { .chunk = 5, .requires = required };
	enqueue_as(&f, "away", &t, &meta);
	enqueue_fetched(&f, "well", "plain/one.zip");
	assert_int_equal(worker_wait(worker_start(&f, "w1", mount)), 0);
	assert_visible(&f, "well");
	struct backlog *b = backlog_show(f.redis, f.a, "nimbus/away", NULL);
	assert_int_equal(b->n_failed, 0);
	assert_int_equal(b->n_queued, 1);
	farm_free(&f);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = { TEST(good_sources), TEST(bad_sources_cost_their_own_job), TEST(leaves_in_the_middle),
					    TEST(blender_is_installed), TEST(nothing_is_on_the_machine), TEST(root_away_stops_its_own_jobs) };
	if (argc != 3) {
		fprintf(stderr, "usage: fetch PATH/cleave-worker FOLDER\n");
		return 64;
	}
	worker_program = argv[1];
	scripts = argv[2];
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
