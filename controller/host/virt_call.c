/* Calls: each in the pool, with a deadline and a quarantine, from the main thread as from others.
 *
 * A call is counted by two: the pool and whoever waits. Whoever waits never runs what libvirt may block: past the
 * deadline it goes on with its error, and the thread of the pool is left with nothing but its own copies. */
#include "host/virt_call.h"
#include "base/error.h"
#include "host/virt_connection.h"
#include <libvirt/virterror.h>

/* Twice what an apply starts at once: as many may be stuck without holding back the others. */
enum { POOL_THREADS = 16 };

enum call_state { CALL_QUEUED, CALL_RUNNING, CALL_DONE };

struct call {
	gatomicrefcount refs;
	struct virt *v;
	struct virt_job job; /* strings owned */
	GCond done;          /* for a thread that is not home; with the connection's lock */
	gboolean is_of_home;
	enum call_state state;
	gboolean given_up; /* passed its deadline */
	gint64 since_us, until_us;
	gpointer result;
	GError *error;
};

static void call_unref(struct call *c)
{
	if (!g_atomic_ref_count_dec(&c->refs))
		return;
	if (c->result && c->job.result_free)
		c->job.result_free(c->result);
	if (c->job.data_free)
		c->job.data_free(c->job.data);
	g_clear_error(&c->error);
	g_free((char *)c->job.what);
	g_free((char *)c->job.name);
	g_free((char *)c->job.object);
	g_cond_clear(&c->done);
	virt_unref(c->v);
	g_free(c);
}

static struct call *call_new(struct virt *v, const struct virt_job *job, gint64 timeout_ms)
{
	struct call *c = g_new0(struct call, 1);
	g_atomic_ref_count_init(&c->refs);
	g_atomic_ref_count_inc(&v->refs);
	g_cond_init(&c->done);
	c->v = v;
	c->job = *job;
	c->job.what = g_strdup(job->what);
	c->job.name = g_strdup(job->name);
	c->job.object = g_strdup(job->object);
	c->is_of_home = g_thread_self() == v->home;
	c->since_us = g_get_monotonic_time();
	c->until_us = c->since_us + timeout_ms * 1000;
	return c;
}

/* -- errors ---------------------------------------------------------------------------------- */

static enum cleave_error error_code(const virError *e)
{
	switch (e->code) {
	case VIR_ERR_NO_DOMAIN: return ERROR_NOT_FOUND;
	case VIR_ERR_DOM_EXIST: return ERROR_EXISTS;
	case VIR_ERR_XML_ERROR:
	case VIR_ERR_XML_DETAIL:
	case VIR_ERR_XML_INVALID_SCHEMA:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_INVALID_ARG: return ERROR_INVALID;
	case VIR_ERR_OPERATION_TIMEOUT:
	case VIR_ERR_RESOURCE_BUSY: return ERROR_AWAY;
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_RPC:
	case VIR_ERR_INVALID_CONN: return ERROR_AWAY;
	default: return e->domain == VIR_FROM_RPC || e->domain == VIR_FROM_REMOTE ? ERROR_AWAY : ERROR_FAILED;
	}
}

gpointer virt_fail(GError **error)
{
	const virError *e = virGetLastError(); /* of this thread */
	if (e && e->code != VIR_ERR_OK)
		fail(error, error_code(e), "%s", e->message ? e->message : "libvirt gave no reason");
	else
		fail(error, ERROR_FAILED, "libvirt gave no reason");
	return NULL;
}

static gboolean fail_busy(const struct call *busy, GError **error)
{
	gint64 s = (g_get_monotonic_time() - busy->since_us) / G_TIME_SPAN_SECOND;
	return fail(error, ERROR_AWAY, "libvirt is still busy with %s%s%s, since %" G_GINT64_FORMAT " s",
		    busy->job.what, busy->job.name ? " " : "", busy->job.name ? busy->job.name : "", s);
}

static gboolean fail_closed(const struct virt *v, GError **error)
{
	return fail(error, ERROR_AWAY, "the connection to %s is gone: %s", v->uri,
		    v->close_reason ? v->close_reason : "it was closed");
}

/* -- waiting --------------------------------------------------------------------------------- */

void virt_tell_waiting(struct virt *v)
{
	if (v->n_sleepers)
		g_cond_broadcast(&v->changed);
	if (v->n_home_waits)
		g_main_context_wakeup(NULL);
}

/* Does nothing: that it is due ends an iteration. */
static gboolean keep_source(gpointer user)
{
	(void)user;
	return G_SOURCE_CONTINUE;
}

static GSource *deadline_source(gint64 until_us)
{
	GSource *source = g_timeout_source_new(0);
	g_source_set_callback(source, keep_source, NULL, NULL);
	g_source_set_ready_time(source, until_us);
	g_source_attach(source, NULL);
	return source;
}

/* Whether something holds now; asked under the lock. */
typedef gboolean (*condition)(const struct virt *v, gconstpointer data);

/* The lock is held when it begins and when it ends, not in between. */
static gboolean iterate_until(struct virt *v, condition holds, gconstpointer data, gint64 until_us)
{
	GSource *deadline = deadline_source(until_us);
	gboolean is_met;
	v->n_home_waits++;
	while (!(is_met = holds(v, data)) && g_get_monotonic_time() < until_us) {
		g_mutex_unlock(&v->lock);
		g_main_context_iteration(NULL, TRUE); /* virt_tell_waiting() wakes it */
		g_mutex_lock(&v->lock);
	}
	v->n_home_waits--;
	g_source_destroy(deadline);
	g_source_unref(deadline);
	return is_met;
}

/* FALSE when the deadline passed first. The lock is held; `cond` is what tells a thread that is not home. */
static gboolean wait_until(struct virt *v, GCond *cond, condition holds, gconstpointer data, gint64 until_us)
{
	if (holds(v, data))
		return TRUE;
	if (g_thread_self() == v->home)
		return iterate_until(v, holds, data, until_us);
	guint *n_sleepers = cond == &v->changed ? &v->n_sleepers : NULL;
	if (n_sleepers)
		++*n_sleepers;
	while (!holds(v, data) && g_cond_wait_until(cond, &v->lock, until_us))
		;
	if (n_sleepers)
		--*n_sleepers;
	return holds(v, data);
}

static gboolean has_event_since(const struct virt *v, gconstpointer before)
{
	return v->n_events != *(const guint *)before || v->closed;
}

void virt_wait_event(struct virt *v, gint64 until_us)
{
	g_mutex_lock(&v->lock);
	guint before = v->n_events;
	wait_until(v, &v->changed, has_event_since, &before, until_us);
	g_mutex_unlock(&v->lock);
}

static gboolean has_no_calls(const struct virt *v, gconstpointer none)
{
	(void)none;
	return g_hash_table_size(v->busy) == 0;
}

void virt_wait_calls(struct virt *v, gint64 until_us)
{
	g_mutex_lock(&v->lock);
	wait_until(v, &v->changed, has_no_calls, NULL, until_us);
	g_mutex_unlock(&v->lock);
}

/* -- calls ----------------------------------------------------------------------------------- */

/* The lock is held. What stands in the table is nobody else's to take out. */
static void leave_object(struct call *c)
{
	if (g_hash_table_lookup(c->v->busy, c->job.object) == c)
		g_hash_table_remove(c->v->busy, c->job.object);
}

static void end_call(struct call *c, gpointer result, GError *error)
{
	struct virt *v = c->v;
	g_mutex_lock(&v->lock);
	c->result = result;
	c->error = error;
	c->state = CALL_DONE;
	leave_object(c);
	if (!c->is_of_home)
		g_cond_signal(&c->done);
	virt_tell_waiting(v);
	g_mutex_unlock(&v->lock);
	call_unref(c);
}

/* On a thread of the pool. */
static void run_call(gpointer data, gpointer user)
{
	(void)user;
	struct call *c = data;
	struct virt *v = c->v;
	g_mutex_lock(&v->lock);
	gboolean is_wanted = !c->given_up;
	c->state = CALL_RUNNING;
	virConnectPtr connection = v->connection;
	if (connection)
		virConnectRef(connection);
	g_mutex_unlock(&v->lock);

	GError *error = NULL;
	gpointer result = is_wanted ? c->job.run(connection, c->job.data, &error) : NULL;
	if (connection)
		virConnectClose(connection);
	end_call(c, result, error);
}

/* Nobody has the object, or who has it is stuck. */
static gboolean is_free_or_stuck(const struct virt *v, gconstpointer object)
{
	const struct call *busy = g_hash_table_lookup(v->busy, object);
	return !busy || busy->given_up;
}

/* One call an object at a time: waits for one that is under way, not for one that is stuck. The lock is held. */
static gboolean reserve(struct call *c, GError **error)
{
	struct virt *v = c->v;
	if (v->closed)
		return fail_closed(v, error);
	wait_until(v, &v->changed, is_free_or_stuck, c->job.object, c->until_us);
	const struct call *busy = g_hash_table_lookup(v->busy, c->job.object);
	if (busy)
		return fail_busy(busy, error);
	g_hash_table_insert(v->busy, g_strdup(c->job.object), c);
	return TRUE;
}

/* A call that has not begun never will; one that has keeps its object to itself. The lock is held. */
static gboolean give_up(struct call *c, GError **error)
{
	gboolean has_begun = c->state != CALL_QUEUED;
	c->given_up = TRUE;
	if (!has_begun)
		leave_object(c);
	virt_tell_waiting(c->v);
	return fail(error, ERROR_TIMEOUT,
		    has_begun ? "libvirt did not answer in %" G_GINT64_FORMAT " ms"
			      : "no libvirt call got a turn in %" G_GINT64_FORMAT " ms; all of them are stuck",
		    (c->until_us - c->since_us) / 1000);
}

static gboolean take_result(struct call *c, gpointer *ret_result, GError **error)
{
	if (!c->result) {
		g_propagate_error(error, g_steal_pointer(&c->error));
		return FALSE;
	}
	if (ret_result)
		*ret_result = g_steal_pointer(&c->result);
	return TRUE;
}

static gboolean call_is_done(const struct virt *v, gconstpointer call)
{
	(void)v;
	return ((const struct call *)call)->state == CALL_DONE;
}

/* The lock is held. */
static gboolean make_call(struct call *c, gpointer *ret_result, GError **error)
{
	if (!reserve(c, error))
		return FALSE;
	g_atomic_ref_count_inc(&c->refs);
	g_thread_pool_push(c->v->pool, c, NULL);
	return wait_until(c->v, &c->done, call_is_done, c, c->until_us) ? take_result(c, ret_result, error) : give_up(c, error);
}

static _Thread_local guint n_calls;

guint virt_count_calls(void)
{
	return n_calls;
}

gboolean virt_call(struct virt *v, const struct virt_job *job, gint64 timeout_ms, gpointer *ret_result, GError **error)
{
	struct call *c = call_new(v, job, timeout_ms);
	n_calls++;
	g_mutex_lock(&v->lock);
	gboolean is_done = make_call(c, ret_result, error);
	g_mutex_unlock(&v->lock);
	if (!is_done)
		g_prefix_error(error, "%s%s%s: ", job->what, job->name ? " " : "", job->name ? job->name : "");
	call_unref(c);
	return is_done;
}

guint virt_count_stuck(const struct virt *v)
{
	struct virt *locked = (struct virt *)v;
	guint n = 0;
	GHashTableIter it;
	gpointer call;
	g_mutex_lock(&locked->lock);
	g_hash_table_iter_init(&it, locked->busy);
	while (g_hash_table_iter_next(&it, NULL, &call))
		n += ((struct call *)call)->given_up ? 1 : 0;
	g_mutex_unlock(&locked->lock);
	return n;
}

/* -- what calls are counted on ------------------------------------------------------------------- */

struct virt *virt_new(const char *uri, const struct virt_listener *listener)
{
	struct virt *v = g_new0(struct virt, 1);
	g_atomic_ref_count_init(&v->refs);
	g_mutex_init(&v->lock);
	g_cond_init(&v->changed);
	v->home = g_thread_self();
	v->uri = g_strdup(uri);
	v->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	v->pool = g_thread_pool_new(run_call, NULL, POOL_THREADS, FALSE, NULL);
	v->event_id = v->device_ids[0] = v->device_ids[1] = -1;
	if (listener)
		v->listener = *listener;
	return v;
}

void virt_unref(struct virt *v)
{
	if (!g_atomic_ref_count_dec(&v->refs))
		return;
	g_hash_table_destroy(v->busy);
	g_clear_pointer(&v->known, g_hash_table_unref);
	g_cond_clear(&v->changed);
	g_mutex_clear(&v->lock);
	g_free(v->uri);
	g_free(v->close_reason);
	g_free(v);
}
