/* Lease, work, and wait: for work on the wake list, for troubles with growing pauses. */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/root.h"
#include "queue/drain.h"
#include "worker/buckets.h"
#include "worker/frame.h"
#include "worker/skills.h"
#include <poll.h>
#include <string.h>

enum { FIRST_DELAY_MS = 250, LONGEST_DELAY_MS = 10000, IDLE_MS = 10000, DRAIN_LOOK_MS = 1000 };

/* -- waiting --------------------------------------------------------------------------------- */

static void be(struct worker *w, const char *state, const char *detail)
{
	heartbeat_say(w->heartbeat, state, detail);
	measure_state(w->measure, state);
}

static void say(struct worker *w, const char *state, const char *trouble)
{
	if (g_strcmp0(w->trouble, trouble) == 0)
		return;
	if (trouble)
		log_warning("worker", "%s: %s", state, trouble);
	else
		log_notice("worker", "going on");
	be(w, state, trouble);
	g_free(w->trouble);
	w->trouble = g_strdup(trouble);
}

void worker_say_trouble(struct worker *w, const char *trouble)
{
	if (!trouble)
		w->delay_ms = FIRST_DELAY_MS;
	say(w, trouble ? "waiting" : "idle", trouble);
}

gboolean worker_pause(const struct worker *w, guint ms)
{
	struct pollfd fd = { w->leave_fd, POLLIN, 0 };
	return poll(&fd, 1, (int)ms) <= 0;
}

gboolean worker_must_stop(const struct worker *w)
{
	return !worker_pause(w, 0);
}

/* -- what is needed -------------------------------------------------------------------------- */

int worker_open_root(const struct worker *w, const char *name, GError **error)
{
	const char *directory = g_hash_table_lookup(w->config->mounts, name);
	if (!directory) {
		fail(error, ERROR_NOT_FOUND, "this worker has no root %s; give it --mount %s=DIR", name, name);
		return -1;
	}
	const char *marker = g_hash_table_lookup(w->config->markers, name);
	gboolean is_bucket = g_hash_table_contains(w->config->buckets, name);
	SCOPED_FD(fd) = is_bucket ? worker_open_bucket(w, name, marker, error) : root_open_marked(directory, marker, error);
	g_autofree char *marked = fd >= 0 ? root_name_in(fd, marker, error) : NULL;
	if (!marked)
		return -1;
	/* A marker made by hand may be empty. */
	if (*marked && strcmp(marked, name) != 0) {
		fail(error, ERROR_AWAY, "%s should be root %s, but its marker says %s", directory, name, marked);
		return -1;
	}
	return fd_steal(&fd);
}

/* TRUE when the set is not what it was. A root that goes or comes is said once. */
static gboolean note_root(struct worker *w, const char *name, const GError *problem)
{
	gboolean was_there = g_hash_table_contains(w->roots, name);
	if (was_there == !problem)
		return FALSE;
	if (problem) {
		g_hash_table_remove(w->roots, name);
		log_warning("worker", "root is away name=%s: %s", name, problem->message);
	} else {
		g_hash_table_add(w->roots, g_strdup(name));
		log_notice("worker", "root is there name=%s", name);
	}
	return TRUE;
}

/* Only what is proven now is promised: jobs on the other roots are for other workers, or for later. An error when
 * there is none at all. */
static gboolean prove_roots(struct worker *w, GError **error)
{
	GHashTableIter i;
	gpointer name;
	gboolean is_new = FALSE;
	g_autoptr(GError) last = NULL;
	buckets_begin(w->buckets);
	g_hash_table_iter_init(&i, w->config->mounts);
	while (g_hash_table_iter_next(&i, &name, NULL)) {
		g_autoptr(GError) problem = NULL;
		SCOPED_FD(fd) = worker_open_root(w, name, &problem);
		is_new |= note_root(w, name, fd < 0 ? problem : NULL);
		if (problem) {
			g_clear_error(&last);
			last = g_steal_pointer(&problem);
		}
	}
	if (is_new)
		skills_tell(w);
	if (!last || g_hash_table_size(w->roots) > 0)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&last));
	return FALSE;
}

/* The programs of this machine; or, where there are none but one can be installed, none yet. */
static gboolean need_any_blender(struct worker *w, GError **error)
{
	if (!w->blender && !blenders_versions(w->blenders)[0] && skills_can_install(w))
		return TRUE;
	return worker_need_blender(w, NULL, error);
}

/* -- what forbids it ------------------------------------------------------------------------- */

/* The host writes it through the guest's agent, which removes no files: at the end of a drain "over" stands there. */
static gboolean is_drained_by_file(const struct worker *w)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents(w->config->drain_file, &text, NULL, NULL))
		return g_file_test(w->config->drain_file, G_FILE_TEST_EXISTS);
	return strcmp(g_strstrip(text), "over") != 0;
}

/* A temperature that nobody tells is said once, and no reason to stand still. */
static gboolean is_cool(struct worker *w, GError **error)
{
	g_autoptr(GError) problem = NULL;
	int celsius;
	if (!w->config->max_celsius)
		return TRUE;
	if (!gpus_hottest(w->gpus, &celsius, &problem)) {
		if (!w->is_blind)
			log_warning("worker", "the limit of %d °C cannot be kept: %s", w->config->max_celsius,
				    problem->message);
		w->is_blind = TRUE;
		return TRUE;
	}
	w->is_blind = FALSE;
	return celsius <= w->config->max_celsius ||
	       fail(error, ERROR_AWAY, "the GPU has %d °C, and %d °C is the limit", celsius, w->config->max_celsius);
}

gboolean worker_may_begin(struct worker *w, GError **error)
{
	gpus_measure(w->gpus);
	heartbeat_measure(w->heartbeat, gpus_figures(w->gpus));
	if (is_drained_by_file(w))
		return fail(error, ERROR_REFUSED, "its VM is drained: %s is there", w->config->drain_file);
	return is_cool(w, error);
}

/* Asked before Blender is started, so that a drained worker does not take the GPU for nothing. A Redis that is
 * away says nothing; the lease decides. */
static gboolean is_drained_by_queue(struct worker *w, struct arena *a, GError **error)
{
	struct drained *all;
	guint n;
	if (w->blender || !*w->vm_uuid || !drain_list(w->redis, a, &all, &n, NULL))
		return FALSE;
	for (guint i = 0; i < n; i++)
		if (strcmp(all[i].uuid, w->vm_uuid) == 0)
			return !fail(error, ERROR_REFUSED, "Redis: its VM is drained: %s", all[i].reason);
	return FALSE;
}

/* Without Blender it holds no GPU: that may be taken away now. */
static void wait_drained(struct worker *w, const char *why)
{
	gboolean is_woken;
	g_clear_pointer(&w->blender, blender_stop);
	say(w, "drained", why);
	if (is_drained_by_file(w) ||
	    !lease_wait(w->redis, w->config->name, IDLE_MS, w->leave_fd, &is_woken, NULL))
		worker_pause(w, DRAIN_LOOK_MS);
}

/* A GPU that came or went is Blender's to see, which looks for them once. */
static void look_at_gpus(struct worker *w)
{
	if (!gpus_look(w->gpus))
		return;
	g_clear_pointer(&w->blender, blender_stop);
	heartbeat_see(w->heartbeat, gpus_text(w->gpus));
}

/* -- working --------------------------------------------------------------------------------- */

/* The task itself cannot be done here: all frames of the lease say so. */
static void fail_all(struct session *s, const GError *problem)
{
	/* Another worker may have the root, or be newer. */
	FRAMES_EACH (it, &s->lease->frames)
		if (!frame_fail(s, it.frame, problem->message, FAILURE_RETRY))
			return;
}

static gboolean give_back(struct worker *w, const struct lease *lease, GError *why, GError **error)
{
	g_autoptr(GError) problem = NULL;
	if (!lease_give_back(w->redis, lease->token, &problem))
		log_warning("worker", "the lease will run out job=%s: %s", lease->job, problem->message);
	if (worker_must_stop(w))
		return TRUE;
	g_propagate_error(error, g_error_copy(why));
	return FALSE;
}

/* FALSE: nothing can be rendered now. What was interrupted because the lease is lost is nobody's concern any more. */
static gboolean settle(struct session *s, GError *problem, gboolean is_of_machine, GError **error)
{
	if (g_error_matches(problem, CLEAVE_ERROR, ERROR_TIMEOUT) && !worker_must_stop(s->w))
		return TRUE;
	if (is_of_machine || g_error_matches(problem, CLEAVE_ERROR, ERROR_TIMEOUT))
		return give_back(s->w, s->lease, problem, error);
	fail_all(s, problem);
	return TRUE;
}

/* Fetching the Blender of a task may take minutes; the heartbeat keeps the lease. */
static gboolean is_ready(struct session *s, gboolean *ret_goes_on, GError **error)
{
	g_autoptr(GError) problem = NULL;
	if (!s->lease->problem && !worker_need_blender(s->w, &s->lease->task, &problem)) {
		*ret_goes_on = settle(s, problem, g_error_matches(problem, CLEAVE_ERROR, ERROR_FAILED), error);
		return FALSE;
	}
	if (session_open(s, s->w, s->lease, &problem))
		return TRUE;
	gboolean is_here = g_error_matches(problem, CLEAVE_ERROR, ERROR_AWAY) || g_error_matches(problem, CLEAVE_ERROR, ERROR_EXISTS);
	*ret_goes_on = settle(s, problem, is_here, error);
	return FALSE;
}

/* Renders the frames of a lease one by one. FALSE: nothing can be rendered now. */
static gboolean work(struct worker *w, const struct lease *lease, GError **error)
{
	struct session s = { .w = w, .lease = lease, .root_fd = -1 };
	g_autoptr(GError) problem = NULL;
	gboolean goes_on = TRUE;
	if (!is_ready(&s, &goes_on, error)) {
		session_close(&s);
		return goes_on;
	}
	FRAMES_EACH (it, &lease->frames) {
		enum frame_end end = worker_must_stop(w) ? FRAME_GIVE_BACK : frame_work(&s, it.frame, &problem);
		if (end == FRAME_GIVE_BACK)
			goes_on = give_back(w, lease, problem, error);
		if (end != FRAME_SETTLED)
			break;
	}
	session_close(&s);
	return goes_on;
}

/* Takes a lease and works on it. *ret_idle: there was none. */
static gboolean lease_and_work(struct worker *w, gboolean *ret_idle, GError **error)
{
	SCOPED_ARENA(a);
	struct lease *lease;
	*ret_idle = FALSE;
	look_at_gpus(w);
	if (!worker_may_begin(w, error) || is_drained_by_queue(w, a, error) || !prove_roots(w, error) ||
	    !need_any_blender(w, error))
		return FALSE;
	g_auto(GStrv) labels = skills_labels(w);
	const struct gpus_own own = gpus_own(w->gpus);
	const struct capabilities can = { .blenders = blenders_versions(w->blenders),
					  .labels = (const char *const *)labels,
					  .vm_uuid = w->vm_uuid,
					  .vram_bytes = own.memory_bytes,
					  .n_gpus = own.n,
					  .installs = skills_can_install(w),
					  .model = own.model };
	if (!lease_take(w->redis, a, w->config->name, &can, w->config->lease_ms, &lease, error))
		return FALSE;
	worker_say_trouble(w, NULL);
	*ret_idle = lease == NULL;
	if (!lease)
		return TRUE;
	heartbeat_hold(w->heartbeat, lease->token, lease->job);
	be(w, "rendering", NULL);
	gboolean goes_on = work(w, lease, error);
	heartbeat_hold(w->heartbeat, NULL, NULL);
	heartbeat_frame(w->heartbeat, 0);
	return goes_on;
}

/* Blocks until there may be work; a broken connection is the next lease's trouble. */
static void idle(struct worker *w)
{
	gboolean is_woken;
	be(w, "idle", NULL);
	(void)lease_wait(w->redis, w->config->name, IDLE_MS, w->leave_fd, &is_woken, NULL);
}

gboolean worker_run(struct worker *w)
{
	w->delay_ms = FIRST_DELAY_MS;
	while (!worker_must_stop(w)) {
		g_autoptr(GError) problem = NULL;
		gboolean is_idle;
		if (lease_and_work(w, &is_idle, &problem)) {
			if (is_idle && w->config->once)
				return TRUE;
			if (is_idle)
				idle(w);
			continue;
		}
		gboolean is_drained = g_error_matches(problem, CLEAVE_ERROR, ERROR_REFUSED);
		if (is_drained && !w->config->once) {
			wait_drained(w, problem->message);
			continue;
		}
		worker_say_trouble(w, problem->message);
		if (w->config->once)
			return is_drained; /* nothing to render here */
		worker_pause(w, w->delay_ms);
		w->delay_ms = MIN(w->delay_ms * 2, (guint)LONGEST_DELAY_MS);
	}
	return TRUE;
}
