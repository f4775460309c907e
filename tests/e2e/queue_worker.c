/* cleave-worker with a real Redis and a real Blender: frames are rendered, verified and visible, whatever
 * is killed in between.
 *
 *   queue_worker PATH/cleave-worker PATH/queue_scene.py */
#include "base/arena.h"
#include "base/error.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "queue/backlog.h"
#include "queue/crew.h"
#include "queue/drain.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "nvml_fixture.h"
#include "redis_fixture.h"
#include <ftw.h>
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

/* Of 50 ms each: as long as a loaded machine may take; what comes is seen at once. */
enum { LOOKS = 1200 };
static const char *worker_program, *scene_script;

struct farm {
	struct redis_fixture *redis_server;
	struct redis *redis;
	struct arena *a;
	struct authority by;
	char *folder, *shots, *frames;
};

static const char *const scene_kinds[] = { "plain", "slow", "missing", "nodes" };
static char *scene_folder; /* made once, for all tests */

/* -- the farm --------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static int group_setup(void **state)
{
	g_autofree char *blender = g_find_program_in_path("blender");
	scene_folder = g_dir_make_tmp("cleave-scenes-XXXXXX", NULL);
	for (guint i = 0; blender && i < G_N_ELEMENTS(scene_kinds); i++) {
		g_autofree char *out = g_strdup_printf("%s/%s.blend", scene_folder, scene_kinds[i]);
		const char *argv[] = { blender, "-b", "--factory-startup", "--python", scene_script,
				       "--",    out,  scene_kinds[i],      NULL };
		assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
					 G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
					 NULL, NULL, NULL));
	}
	return blender ? redis_fixture_setup(state) : 0;
}

static int group_teardown(void **state)
{
	nftw(scene_folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	g_free(scene_folder);
	return redis_fixture_teardown(state);
}

static struct farm farm_new(void **state)
{
	struct farm f = { .redis_server = redis_fixture_of(state), .a = arena_new() };
	struct owner owner;
	f.folder = g_dir_make_tmp("cleave-farm-XXXXXX", NULL);
	f.shots = g_build_filename(f.folder, "shots", NULL);
	f.frames = g_build_filename(f.folder, "frames", NULL);
	assert_int_equal(g_mkdir(f.shots, 0755) | g_mkdir(f.frames, 0755), 0);
	assert_true(root_mark(f.shots, "shots", NULL) && root_mark(f.frames, "frames", NULL));
	f.redis = redis_new(f.redis_server->url, NULL, 2000, NULL);
	assert_true(owner_acquire(f.redis, f.a, "test", 600000, &owner, NULL));
	f.by.fence = owner.fence;
	return f;
}

static void farm_free(struct farm *f)
{
	redis_free(f->redis);
	nftw(f->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	g_free(f->folder);
	g_free(f->shots);
	g_free(f->frames);
	arena_free(f->a);
}

/* A task for a copy of one of the scenes. */
static struct task scene_task(struct farm *f, const char *kind)
{
	g_autofree char *from = g_strdup_printf("%s/%s.blend", scene_folder, kind);
	g_autofree char *to = g_strdup_printf("%s/%s.blend", f->shots, kind);
	g_autofree char *bytes = NULL;
	gsize size;
	assert_true(g_file_get_contents(from, &bytes, &size, NULL));
	assert_true(g_file_set_contents(to, bytes, (gssize)size, NULL));
	g_autofree char *sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
	return (struct task){
		.scene_root = "shots",
		.scene_path = arena_printf(f->a, "%s.blend", kind),
		.scene_sha256 = arena_strdup(f->a, sha256),
		.engine = "CYCLES",
		.device = "CPU",
		.output_root = "frames",
		.outputs = arena_memdup(f->a, &(struct task_output){ .path_template = "nimbus/a/beauty.####.png", .format = "PNG" }, sizeof(struct task_output)),
		.n_outputs = 1,
	};
}

static void enqueue(struct farm *f, const struct task *task, const char *frames, gint64 n_retries)
{
	struct backlog_part part = { .key = "k1", .task = task };
	struct job_meta meta = { .chunk = 5, .n_retries = n_retries };
	guint64 n_added;
	assert_null(frames_parse(f->a, frames, &part.frames, NULL));
	assert_true(backlog_enqueue(f->redis, &f->by, "nimbus/a", &meta, &part, 1, &n_added, NULL));
}

static void die_with_test(gpointer unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static GPid worker_start(struct farm *f, const char *name, gboolean once)
{
	g_autofree char *shots = g_strconcat("shots=", f->shots, NULL);
	g_autofree char *frames = g_strconcat("frames=", f->frames, NULL);
	const char *argv[] = {
		worker_program, "--redis", f->redis_server->url,   "--mount", shots, "--mount", frames, "--name", name,
		"--lease",      "3s",      once ? "--once" : NULL, NULL
	};
	GPid pid;
	assert_true(
		g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, die_with_test, NULL, &pid, NULL));
	return pid;
}

static int worker_wait(GPid pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int worker_once(struct farm *f)
{
	return worker_wait(worker_start(f, "w1", TRUE));
}

static gboolean is_visible(struct farm *f, int frame)
{
	g_autofree char *path = g_strdup_printf("%s/nimbus/a/beauty.%04d.png", f->frames, frame);
	return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static struct backlog *backlog(struct farm *f)
{
	return backlog_show(f->redis, f->a, "nimbus/a", NULL);
}

static struct manifest_view *manifest(struct farm *f)
{
	int fd = root_open(f->frames, NULL);
	g_autofree char *job_dir = root_job_dir("nimbus/a");
	struct manifest_view *view = manifest_read(f->a, fd, job_dir, NULL);
	close(fd);
	assert_non_null(view);
	return view;
}

static char *staging(struct farm *f)
{
	g_autofree char *job_dir = root_job_dir("nimbus/a");
	return g_strdup_printf("%s/.cleave/%s/staging", f->frames, job_dir);
}

static gboolean staging_is_empty(struct farm *f)
{
	g_autofree char *path = staging(f);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	return !dir || !g_dir_read_name(dir);
}

/* Waits until a lease with this worker exists. */
static void wait_for_lease(struct farm *f, const char *worker)
{
	for (int i = 0; i < 300; i++) {
		struct backlog *b = backlog(f);
		if (b->n_running > 0 && strcmp(b->running[0].worker, worker) == 0)
			return;
		g_usleep(50000);
	}
	fail_msg("worker %s took no lease", worker);
}

/* The single failed frame's reason. */
static const char *reason(struct farm *f)
{
	struct backlog *b = backlog(f);
	assert_int_equal(b->n_failed, 1);
	return b->failed[0].reason;
}

/* Waits until the only worker says this of itself. */
static struct crew_member *wait_for_state(struct farm *f, const char *wanted)
{
	struct crew_member *members = NULL;
	guint n = 0;
	for (int i = 0; i < 600; i++) {
		assert_true(crew_list(f->redis, f->a, &members, &n, NULL));
		if (n == 1 && strcmp(members[0].state, wanted) == 0)
			return &members[0];
		g_usleep(50000);
	}
	fail_msg("the worker is %s, not %s", n ? members[0].state : "not there", wanted);
	return NULL;
}

static void wait_until_visible(struct farm *f, int frame)
{
	for (int i = 0; i < LOOKS && !is_visible(f, frame); i++)
		g_usleep(50000);
	assert_true(is_visible(f, frame));
}

/* -- tests ------------------------------------------------------------------------------------ */

static void frames_are_rendered_and_delivered(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "plain");
	task.samples = 2;
	task.width = 96;
	task.height = 54;
	enqueue(&f, &task, "1-3", 0);
	assert_int_equal(worker_once(&f), 0);
	struct manifest_view *view = manifest(&f);
	for (int i = 1; i <= 3; i++) {
		const struct record *r = manifest_frame(view, i, "k1");
		assert_true(is_visible(&f, i));
		assert_non_null(r);
		assert_int_equal(r->width, 96);
		assert_int_equal(r->height, 54);
		assert_int_equal(r->samples, 2);
		assert_string_equal(r->worker, "w1");
		assert_string_equal(r->host, g_get_host_name());
		assert_string_equal(r->device, "CPU");
		assert_int_equal(strlen(r->boot_id), 36);
		assert_true(g_ascii_isdigit(r->blender[0]));
		assert_true(r->seconds > 0 && r->seconds < 60);
		g_autofree char *path = g_build_filename(f.frames, r->file, NULL);
		g_autofree char *bytes = NULL;
		gsize size;
		assert_true(g_file_get_contents(path, &bytes, &size, NULL));
		g_autofree char *sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
		assert_string_equal(r->sha256, sha256);
	}
	assert_int_equal(backlog(&f)->n_queued + backlog(&f)->n_running + backlog(&f)->n_failed, 0);
	assert_true(staging_is_empty(&f));
	farm_free(&f);
}

/* Each by its own reader, with depth and colour as asked; what cannot be verified is not begun. */
static void other_formats_are_verified(void **state)
{
	static const struct {
		struct task_output output;
		const char *trouble;
	} cases[] = {
		{ { .path_template = "nimbus/a/b.####.exr", .format = "OPEN_EXR", .color_mode = "RGB", .color_depth = "32", .codec = "DWAB" }, NULL },
		{ { .path_template = "nimbus/a/b.####.exr", .format = "OPEN_EXR_MULTILAYER", .color_depth = "16", .codec = "PIZ" }, NULL },
		{ { .path_template = "nimbus/a/b.####.tif", .format = "TIFF", .color_mode = "RGBA", .color_depth = "16" }, NULL },
		{ { .path_template = "nimbus/a/b.####.jpg", .format = "JPEG", .color_mode = "BW" }, NULL },
		{ { .path_template = "nimbus/a/b.####.webp", .format = "WEBP" }, "frames of format WEBP cannot be verified" },
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct farm f = farm_new(state);
		struct task task = scene_task(&f, "plain");
		task.outputs = arena_memdup(f.a, &cases[i].output, sizeof cases[i].output);
		enqueue(&f, &task, "3", 0);
		assert_int_equal(worker_once(&f), 0);
		const struct record *r = manifest_frame(manifest(&f), 3, "k1");
		if (cases[i].trouble)
			assert_string_equal(reason(&f), cases[i].trouble);
		else
			assert_true(r && r->width == 64 && r->height == 48);
		farm_free(&f);
	}
}

static void killed_worker_is_replaced(void **state)
{
	struct farm f = farm_new(state);
	struct task slow = scene_task(&f, "slow"), task = scene_task(&f, "plain");
	enqueue(&f, &slow, "1-4", 1);
	GPid pid = worker_start(&f, "w1", FALSE);
	wait_for_lease(&f, "w1");
	g_usleep(1500000);
	kill(pid, SIGKILL);
	assert_int_equal(worker_wait(pid), -SIGKILL);
	/* The same frames, quickly rendered: another task under the same key is what a retry sees. */
	g_autofree char *json = task_encode(&task);
	g_free(redis_fixture_ask(f.redis_server, "HSET", "cleave:job:nimbus/a", "task:k1", json, NULL));
	pid = worker_start(&f, "w2", FALSE);
	wait_for_lease(&f, "w2");
	for (int i = 0; i < LOOKS && !(is_visible(&f, 1) && is_visible(&f, 4)); i++)
		g_usleep(50000);
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	for (int i = 1; i <= 4; i++)
		assert_true(is_visible(&f, i));
	assert_int_equal(backlog(&f)->n_failed, 0);
	farm_free(&f);
}

static void told_to_leave_gives_back(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "slow");
	struct crew_member *members;
	guint n;
	enqueue(&f, &task, "1-4", 0);
	GPid pid = worker_start(&f, "w1", FALSE);
	wait_for_lease(&f, "w1");
	g_usleep(1000000);
	assert_true(crew_list(f.redis, f.a, &members, &n, NULL));
	assert_int_equal(n, 1);
	assert_string_equal(members[0].state, "rendering");
	assert_string_equal(members[0].job, "nimbus/a");
	gint64 before = g_get_monotonic_time();
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	assert_true(g_get_monotonic_time() - before < 3000000);
	struct backlog *b = backlog(&f);
	assert_int_equal(b->n_running, 0);
	assert_int_equal(b->n_failed, 0);
	assert_int_equal(frames_count(&b->queued[0].frames), 4);
	assert_true(crew_list(f.redis, f.a, &members, &n, NULL));
	assert_int_equal(n, 0);
	assert_true(staging_is_empty(&f));
	farm_free(&f);
}

static void cancelled_frame_is_dropped(void **state)
{
	struct farm f = farm_new(state);
	struct task slow = scene_task(&f, "slow"), task = scene_task(&f, "plain");
	enqueue(&f, &slow, "1-4", 0);
	GPid pid = worker_start(&f, "w1", FALSE);
	wait_for_lease(&f, "w1");
	g_usleep(1000000);
	assert_true(backlog_cancel(f.redis, &f.by, "nimbus/a", NULL, NULL));
	/* The heartbeat says so within a second; the worker is free for something else. */
	enqueue(&f, &task, "7", 0);
	for (int i = 0; i < LOOKS && !is_visible(&f, 7); i++)
		g_usleep(50000);
	assert_true(is_visible(&f, 7));
	assert_false(is_visible(&f, 1));
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	farm_free(&f);
}

static void changed_scene_is_refused(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "plain");
	task.scene_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	enqueue(&f, &task, "1", 3);
	assert_int_equal(worker_once(&f), 0);
	assert_true(g_str_has_prefix(reason(&f), "SceneChanged: shots:plain.blend is "));
	assert_int_equal(backlog(&f)->failed[0].n_tries, 1);
	assert_false(is_visible(&f, 1));
	farm_free(&f);
}

static void missing_marker_renders_nothing(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "plain");
	g_autofree char *marker = g_build_filename(f.frames, ROOT_MARKER, NULL);
	enqueue(&f, &task, "1", 0);
	g_unlink(marker);
	assert_int_equal(worker_once(&f), 1);
	struct backlog *b = backlog(&f);
	assert_int_equal(b->n_failed, 0);
	assert_int_equal(b->n_queued, 1);
	/* It waits, and goes on when the root is there. */
	GPid pid = worker_start(&f, "w1", FALSE);
	g_usleep(1000000);
	assert_int_equal(backlog(&f)->n_running, 0);
	assert_true(root_mark(f.frames, "frames", NULL));
	for (int i = 0; i < LOOKS && !is_visible(&f, 1); i++)
		g_usleep(50000);
	assert_true(is_visible(&f, 1));
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	farm_free(&f);
}

static void device_fails_closed(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "plain");
	task.device = "OPTIX";
	enqueue(&f, &task, "1", 0);
	assert_int_equal(worker_once(&f), 0);
	if (is_visible(&f, 1)) {
		print_message("this machine has an OptiX device\n");
		skip();
	}
	assert_string_equal(reason(&f), "this machine has no OPTIX device for Cycles");
	farm_free(&f);
}

static void time_limit_ends_a_frame(void **state)
{
	struct farm f = farm_new(state);
	struct task slow = scene_task(&f, "slow");
	slow.time_limit_ms = 1500;
	enqueue(&f, &slow, "1", 0);
	gint64 before = g_get_monotonic_time();
	assert_int_equal(worker_once(&f), 0);
	assert_true(g_get_monotonic_time() - before < 20000000);
	assert_string_equal(reason(&f), "the time limit of 1.5 s passed");
	assert_true(staging_is_empty(&f));
	farm_free(&f);
}

static void missing_texture_is_said(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "missing");
	task.check_missing_assets = "reject";
	enqueue(&f, &task, "1", 0);
	assert_int_equal(worker_once(&f), 0);
	assert_string_equal(reason(&f), "missing: //textures/wall.png");
	farm_free(&f);
}

static void file_output_nodes_are_silenced(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "nodes");
	enqueue(&f, &task, "1", 0);
	assert_int_equal(worker_once(&f), 0);
	assert_true(is_visible(&f, 1));
	assert_false(g_file_test("/tmp/cleave-must-not-be-written", G_FILE_TEST_EXISTS));
	farm_free(&f);
}

static void emptied_and_restarted_redis(void **state)
{
	struct farm f = farm_new(state);
	struct task slow = scene_task(&f, "slow"), task = scene_task(&f, "plain");
	struct owner owner;
	enqueue(&f, &slow, "1-4", 0);
	GPid pid = worker_start(&f, "w1", FALSE);
	wait_for_lease(&f, "w1");
	g_usleep(500000);
	g_free(redis_fixture_ask(f.redis_server, "FLUSHALL", NULL));
	g_usleep(500000);
	redis_fixture_stop(f.redis_server);
	g_usleep(1500000);
	redis_fixture_start(f.redis_server);
	assert_true(owner_acquire(f.redis, f.a, "test", 600000, &owner, NULL));
	f.by.fence = owner.fence;
	enqueue(&f, &task, "9", 0);
	for (int i = 0; i < LOOKS && !is_visible(&f, 9); i++)
		g_usleep(50000);
	assert_true(is_visible(&f, 9));
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	farm_free(&f);
}

/* Redis goes away within a frame, for longer than the lease lasts: the frame stays, verified, for the owner. */
static void verified_frame_outlives_redis(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "slow");
	g_autofree char *folder = staging(&f);
	const struct record *r = NULL;
	task.samples = 12;
	enqueue(&f, &task, "1-4", 0);
	GPid pid = worker_start(&f, "w1", FALSE);
	wait_for_lease(&f, "w1");
	/* It asks once more before it begins; this is within the frame. */
	g_usleep(1000000);
	redis_fixture_stop(f.redis_server);
	for (int i = 0; i < LOOKS && !(r = manifest_frame(manifest(&f), 1, "k1")); i++)
		g_usleep(50000);
	assert_non_null(r);
	g_usleep(4000000);
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	assert_false(is_visible(&f, 1));
	g_autofree char *staged = g_build_filename(folder, r->token, "beauty.0001.png", NULL);
	assert_true(g_file_test(staged, G_FILE_TEST_IS_REGULAR));
	redis_fixture_start(f.redis_server);
	farm_free(&f);
}

#define VM_UUID "0d6b8a1c-5f0e-5c4f-9b1a-000000000001"

/* Told by a key while it renders: the frame is finished, the others go back, and nothing is begun until it is over. */
static void drained_vm_finishes_its_frame(void **state)
{
	struct farm f = farm_new(state);
	struct task slow = scene_task(&f, "slow"), task = scene_task(&f, "plain");
	slow.samples = 12;
	enqueue(&f, &slow, "1-4", 0);
	g_setenv("CLEAVE_VM_UUID", VM_UUID, TRUE);
	g_setenv("CLEAVE_VM", "render-1", TRUE);
	GPid pid = worker_start(&f, "w1", FALSE);
	g_unsetenv("CLEAVE_VM_UUID");
	g_unsetenv("CLEAVE_VM");
	wait_for_lease(&f, "w1");
	g_usleep(1000000);
	assert_true(drain_set(f.redis, VM_UUID, "memory changes", NULL));
	struct crew_member *m = wait_for_state(&f, "drained");
	assert_string_equal(m->uuid, VM_UUID);
	assert_string_equal(m->vm, "render-1");
	assert_string_equal(m->detail, "Redis: its VM is drained: memory changes");
	assert_string_equal(m->job, "");
	assert_true(is_visible(&f, 1));
	struct backlog *b = backlog(&f);
	assert_int_equal(b->n_running + b->n_failed, 0);
	assert_string_equal(frames_format(f.a, &b->queued[0].frames), "2-4");
	g_autofree char *json = task_encode(&task);
	g_free(redis_fixture_ask(f.redis_server, "HSET", "cleave:job:nimbus/a", "task:k1", json, NULL));
	assert_true(drain_clear(f.redis, VM_UUID, NULL));
	wait_until_visible(&f, 4);
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	farm_free(&f);
}

/* Told by a file, which needs no Redis. */
static void drained_by_a_file(void **state)
{
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "plain");
	g_autofree char *file = g_build_filename(f.folder, "drain", NULL);
	g_setenv("CLEAVE_DRAIN_FILE", file, TRUE);
	GPid pid = worker_start(&f, "w1", FALSE);
	g_unsetenv("CLEAVE_DRAIN_FILE");
	wait_for_state(&f, "idle");
	redis_fixture_stop(f.redis_server);
	assert_true(g_file_set_contents(file, "", 0, NULL));
	g_usleep(500000);
	redis_fixture_start(f.redis_server);
	struct owner owner;
	assert_true(owner_acquire(f.redis, f.a, "test", 600000, &owner, NULL));
	f.by.fence = owner.fence;
	enqueue(&f, &task, "1", 0);
	wait_for_state(&f, "drained");
	assert_int_equal(backlog(&f)->n_running, 0);
	assert_int_equal(backlog(&f)->n_queued, 1);
	assert_true(g_file_set_contents(file, "over\n", -1, NULL)); /* as the host ends it */
	wait_until_visible(&f, 1);
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	g_unlink(file);
	farm_free(&f);
}

/* New settings: it leaves after the frame in hand, to be started again. */
static void hangup_leaves_after_the_frame(void **state)
{
	struct farm f = farm_new(state);
	struct task slow = scene_task(&f, "slow");
	slow.samples = 12;
	enqueue(&f, &slow, "1-4", 0);
	GPid pid = worker_start(&f, "w1", FALSE);
	wait_for_lease(&f, "w1");
	g_usleep(1000000);
	kill(pid, SIGHUP);
	assert_int_equal(worker_wait(pid), 0);
	assert_true(is_visible(&f, 1));
	struct backlog *b = backlog(&f);
	assert_int_equal(b->n_running + b->n_failed, 0);
	assert_string_equal(frames_format(f.a, &b->queued[0].frames), "2-4");
	farm_free(&f);
}

static void hot_gpu_waits(void **state)
{
	static const char *const files[][2] = { { "class", "0x030200" }, { "vendor", "0x10de" }, { "device", "0x20b5" } };
	struct farm f = farm_new(state);
	struct task task = scene_task(&f, "plain");
	char *machine = fake_machine_new();
	g_autofree char *device = g_build_filename(f.folder, "sys/bus/pci/devices/" A100, NULL);
	g_autofree char *sysfs = g_build_filename(f.folder, "sys", NULL);
	assert_int_equal(g_mkdir_with_parents(device, 0755), 0);
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(device, files[i][0], NULL);
		assert_true(g_file_set_contents(path, files[i][1], -1, NULL));
	}
	fake_machine_set(machine, A100, "celsius", "93");
	enqueue(&f, &task, "1", 0);
	g_setenv("CLEAVE_SYSFS", sysfs, TRUE);
	g_setenv("CLEAVE_MAX_GPU_TEMP", "85", TRUE);
	GPid pid = worker_start(&f, "w1", FALSE);
	g_unsetenv("CLEAVE_SYSFS");
	g_unsetenv("CLEAVE_MAX_GPU_TEMP");
	g_unsetenv("LD_LIBRARY_PATH");
	struct crew_member *m = wait_for_state(&f, "waiting");
	assert_string_equal(m->detail, "the GPU has 93 °C, and 85 °C is the limit");
	assert_string_equal(m->gpus, "10de:20b5");
	assert_int_equal(backlog(&f)->n_queued, 1);
	fake_machine_set(machine, A100, "celsius", "60");
	wait_until_visible(&f, 1);
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid), 0);
	fake_machine_free(machine);
	farm_free(&f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_rendered_and_delivered),
		cmocka_unit_test(other_formats_are_verified),
		cmocka_unit_test(killed_worker_is_replaced),
		cmocka_unit_test(told_to_leave_gives_back),
		cmocka_unit_test(cancelled_frame_is_dropped),
		cmocka_unit_test(changed_scene_is_refused),
		cmocka_unit_test(missing_marker_renders_nothing),
		cmocka_unit_test(device_fails_closed),
		cmocka_unit_test(time_limit_ends_a_frame),
		cmocka_unit_test(missing_texture_is_said),
		cmocka_unit_test(file_output_nodes_are_silenced),
		cmocka_unit_test(emptied_and_restarted_redis),
		cmocka_unit_test(verified_frame_outlives_redis),
		cmocka_unit_test(drained_vm_finishes_its_frame),
		cmocka_unit_test(drained_by_a_file),
		cmocka_unit_test(hangup_leaves_after_the_frame),
		cmocka_unit_test(hot_gpu_waits),
	};
	if (argc != 3)
		return 64;
	worker_program = argv[1];
	scene_script = argv[2];
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
