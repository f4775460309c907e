/* The connection, its pool and its events.
 *
 * Locking: `lock` guards the state of calls and the table of busy objects; the rest belongs to the main
 * thread. A call is counted by two: the pool and whoever waits. The connection is counted by the caller
 * of virt_open() and by every call, so that one that hangs past virt_close() finds what it stands on. */
#include "host/virt_call.h"
#include "base/error.h"
#include "host/embed.h"
#include <libvirt/virterror.h>
#include <string.h>

enum { POOL_THREADS = 4, KEEPALIVE_S = 5, KEEPALIVE_COUNT = 3 };

enum call_state { CALL_QUEUED, CALL_RUNNING, CALL_DONE };

struct virt {
	gatomicrefcount refs;
	char *uri;
	virConnectPtr connection; /* NULL until open, and after it was closed */
	GThreadPool *pool;
	GMutex lock;
	GHashTable *busy; /* object → struct call, not owned */
	struct virt_listener listener;
	int event_id; /* -1 when there are no events */
	int device_ids[2]; /* the same, of devices: come and gone, and changed */
	gboolean has_close_callback;
	gboolean has_listened; /* run_listen was asked for, and may have happened */
	gboolean closed;
	char *close_reason;
	guint n_events;
};

struct call {
	gatomicrefcount refs;
	struct virt *v;
	struct virt_job job; /* strings owned */
	enum call_state state;
	gboolean given_up; /* passed its deadline */
	gint64 since_us;
	gpointer result;
	GError *error;
};

static void virt_unref(struct virt *v)
{
	if (!g_atomic_ref_count_dec(&v->refs))
		return;
	g_hash_table_destroy(v->busy);
	g_mutex_clear(&v->lock);
	g_free(v->uri);
	g_free(v->close_reason);
	g_free(v);
}

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
	virt_unref(c->v);
	g_free(c);
}

static struct call *call_new(struct virt *v, const struct virt_job *job)
{
	struct call *c = g_new0(struct call, 1);
	g_atomic_ref_count_init(&c->refs);
	g_atomic_ref_count_inc(&v->refs);
	c->v = v;
	c->job = *job;
	c->job.what = g_strdup(job->what);
	c->job.name = g_strdup(job->name);
	c->job.object = g_strdup(job->object);
	c->since_us = g_get_monotonic_time();
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

/* libvirt prints errors to stderr unless it has a function to give them to. */
static void ignore_error(void *user, virErrorPtr e)
{
	(void)user, (void)e;
}

/* Once in a process: libvirt's default event loop is a set of GSources on the default main context. */
static gboolean library_init(GError **error)
{
	static gsize done;
	if (g_once_init_enter(&done)) {
		/* Drivers in this process (embedded) log to stderr as a daemon would; whoever debugs them sets this. */
		g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", FALSE);
		virSetErrorFunc(NULL, ignore_error);
		gboolean ready = virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
		g_once_init_leave(&done, ready ? 1 : 2);
	}
	return done == 1 || fail(error, ERROR_FAILED, "libvirt cannot be initialised");
}

/* -- calls ----------------------------------------------------------------------------------- */

/* On a thread of the pool. */
static void run_call(gpointer data, gpointer user)
{
	(void)user;
	struct call *c = data;
	struct virt *v = c->v;
	g_mutex_lock(&v->lock);
	gboolean wanted = !c->given_up;
	c->state = CALL_RUNNING;
	virConnectPtr connection = v->connection;
	if (connection)
		virConnectRef(connection);
	g_mutex_unlock(&v->lock);

	GError *error = NULL;
	gpointer result = wanted ? c->job.run(connection, c->job.data, &error) : NULL;
	if (connection)
		virConnectClose(connection);

	g_mutex_lock(&v->lock);
	c->result = result;
	c->error = error;
	c->state = CALL_DONE;
	if (g_hash_table_lookup(v->busy, c->job.object) == c)
		g_hash_table_remove(v->busy, c->job.object);
	g_mutex_unlock(&v->lock);
	call_unref(c);
	g_main_context_wakeup(NULL);
}

static gboolean call_is_done(struct call *c)
{
	g_mutex_lock(&c->v->lock);
	gboolean done = c->state == CALL_DONE;
	g_mutex_unlock(&c->v->lock);
	return done;
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

/* FALSE when the deadline passed first. */
static gboolean wait_done(struct call *c, gint64 until_us)
{
	GSource *deadline = deadline_source(until_us);
	gboolean done;
	while (!(done = call_is_done(c)) && g_get_monotonic_time() < until_us)
		g_main_context_iteration(NULL, TRUE); /* run_call wakes it */
	g_source_destroy(deadline);
	g_source_unref(deadline);
	return done;
}

static gboolean fail_busy(struct call *busy, GError **error)
{
	gint64 s = (g_get_monotonic_time() - busy->since_us) / G_TIME_SPAN_SECOND;
	return fail(error, ERROR_AWAY, "libvirt is still busy with %s%s%s, since %" G_GINT64_FORMAT " s",
		    busy->job.what, busy->job.name ? " " : "", busy->job.name ? busy->job.name : "", s);
}

static gboolean reserve(struct virt *v, struct call *c, GError **error)
{
	g_mutex_lock(&v->lock);
	struct call *busy = g_hash_table_lookup(v->busy, c->job.object);
	gboolean free_now = busy ? fail_busy(busy, error) : TRUE;
	if (!busy)
		g_hash_table_insert(v->busy, g_strdup(c->job.object), c);
	g_mutex_unlock(&v->lock);
	return free_now;
}

/* A call that has not begun never will; one that has keeps its object to itself. */
static gboolean give_up(struct call *c, gint64 timeout_ms, GError **error)
{
	struct virt *v = c->v;
	g_mutex_lock(&v->lock);
	gboolean begun = c->state != CALL_QUEUED;
	c->given_up = TRUE;
	if (!begun)
		g_hash_table_remove(v->busy, c->job.object);
	g_mutex_unlock(&v->lock);
	return fail(error, ERROR_TIMEOUT,
		    begun ? "libvirt did not answer in %" G_GINT64_FORMAT " ms"
			  : "no libvirt call got a turn in %" G_GINT64_FORMAT " ms; all of them are stuck",
		    timeout_ms);
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

static gboolean fail_closed(const struct virt *v, GError **error)
{
	return fail(error, ERROR_AWAY, "the connection to %s is gone: %s", v->uri,
		    v->close_reason ? v->close_reason : "it was closed");
}

gboolean virt_call(struct virt *v, const struct virt_job *job, gint64 timeout_ms, gpointer *ret_result, GError **error)
{
	struct call *c = call_new(v, job);
	gboolean done = v->closed ? fail_closed(v, error) : reserve(v, c, error);
	if (done) {
		g_atomic_ref_count_inc(&c->refs);
		g_thread_pool_push(v->pool, c, NULL);
		done = wait_done(c, c->since_us + timeout_ms * 1000) ? take_result(c, ret_result, error)
								     : give_up(c, timeout_ms, error);
	}
	if (!done)
		g_prefix_error(error, "%s%s%s: ", job->what, job->name ? " " : "", job->name ? job->name : "");
	call_unref(c);
	return done;
}

static void note_event(struct virt *v)
{
	v->n_events++;
	g_main_context_wakeup(NULL);
}

void virt_wait_event(struct virt *v, gint64 until_us)
{
	guint before = v->n_events;
	GSource *deadline = deadline_source(until_us);
	while (v->n_events == before && !v->closed && g_get_monotonic_time() < until_us)
		g_main_context_iteration(NULL, TRUE);
	g_source_destroy(deadline);
	g_source_unref(deadline);
}

/* -- events ---------------------------------------------------------------------------------- */

/* https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainEventType, same order */
static const char *const event_words[] = { "defined", "undefined", "started",     "suspended", "resumed",
					   "stopped", "shutdown",  "pmsuspended", "crashed" };

static int domain_event(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *user)
{
	(void)connection, (void)detail;
	struct virt *v = user;
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	virDomainGetUUIDString(domain, uuid);
	struct virt_id id = { virDomainGetName(domain), uuid };
	gboolean known = event >= 0 && (gsize)event < G_N_ELEMENTS(event_words);
	note_event(v);
	if (!v->closed && v->listener.domain_event)
		v->listener.domain_event(&id, known ? event_words[event] : "changed", v->listener.user);
	return 0;
}

static void device_event(struct virt *v, virNodeDevicePtr device, const char *event)
{
	if (!v->closed && v->listener.device_event)
		v->listener.device_event(virNodeDeviceGetName(device), event, v->listener.user);
}

/* https://libvirt.org/html/libvirt-libvirt-nodedev.html#virNodeDeviceEventLifecycleType, same order */
static const char *const device_words[] = { "created", "deleted", "defined", "undefined" };

static void device_came_or_went(virConnectPtr connection, virNodeDevicePtr device, int event, int detail, void *user)
{
	(void)connection, (void)detail;
	gboolean known = event >= 0 && (gsize)event < G_N_ELEMENTS(device_words);
	device_event(user, device, known ? device_words[event] : "changed");
}

static void device_updated(virConnectPtr connection, virNodeDevicePtr device, void *user)
{
	(void)connection;
	device_event(user, device, "updated");
}

static const char *close_word(int reason)
{
	static const char *const words[] = { "input or output failed", "the other side ended",
					     "no answer to keep-alive", "it was closed here" };
	return reason >= 0 && (gsize)reason < G_N_ELEMENTS(words) ? words[reason] : "no reason given";
}

static void connection_closed(virConnectPtr connection, int reason, void *user)
{
	(void)connection;
	struct virt *v = user;
	if (v->closed)
		return;
	v->closed = TRUE;
	v->close_reason = g_strdup(close_word(reason));
	note_event(v);
	if (v->listener.closed)
		v->listener.closed(v->close_reason, v->listener.user);
}

/* -- open and close -------------------------------------------------------------------------- */

static void close_connection(gpointer connection)
{
	virConnectClose(connection);
}

/* Two failures of an embedded driver whose sentences do not say what to do. */
static void explain_open(const char *uri, GError **error)
{
	if (!error || !*error || !g_str_has_prefix(uri, "qemu:///embed"))
		return;
	const char *way_out = NULL;
	if (strstr((*error)->message, "driver.pid"))
		way_out = "another program has this root open; it serves one at a time";
	else if (strstr((*error)->message, "user 'libvirt-qemu'"))
		way_out = "as root libvirt wants that user to exist: install libvirt-daemon-system, or run as an "
			  "ordinary user";
	if (!way_out)
		return;
	g_autofree char *whole = g_strdup_printf("%s (%s)", (*error)->message, way_out);
	g_clear_error(error);
	fail(error, ERROR_AWAY, "%s", whole);
}

static gpointer run_open(virConnectPtr none, gpointer data, GError **error)
{
	(void)none;
	virConnectPtr connection = virConnectOpen(data);
	if (connection)
		return connection;
	virt_fail(error);
	explain_open(data, error);
	return NULL;
}

/* A driver without events, devices, close callback or keep-alive (test, embedded) is no failure. */
static gpointer run_listen(virConnectPtr connection, gpointer data, GError **error)
{
	struct virt *v = data;
	(void)error;
	v->event_id = virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
						       VIR_DOMAIN_EVENT_CALLBACK(domain_event), v, NULL);
	v->device_ids[0] = virConnectNodeDeviceEventRegisterAny(connection, NULL, VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE,
								VIR_NODE_DEVICE_EVENT_CALLBACK(device_came_or_went), v,
								NULL);
	v->device_ids[1] = virConnectNodeDeviceEventRegisterAny(connection, NULL, VIR_NODE_DEVICE_EVENT_ID_UPDATE,
								VIR_NODE_DEVICE_EVENT_CALLBACK(device_updated), v, NULL);
	v->has_close_callback = virConnectRegisterCloseCallback(connection, connection_closed, v, NULL) == 0;
	virConnectSetKeepAlive(connection, KEEPALIVE_S, KEEPALIVE_COUNT);
	return v;
}

static gpointer run_unlisten(virConnectPtr connection, gpointer data, GError **error)
{
	struct virt *v = data;
	(void)error;
	if (v->event_id >= 0)
		virConnectDomainEventDeregisterAny(connection, v->event_id);
	for (guint i = 0; i < G_N_ELEMENTS(v->device_ids); i++)
		if (v->device_ids[i] >= 0)
			virConnectNodeDeviceEventDeregisterAny(connection, v->device_ids[i]);
	if (v->has_close_callback)
		virConnectUnregisterCloseCallback(connection, connection_closed);
	return v;
}

static struct virt *virt_new(const char *uri, const struct virt_listener *listener)
{
	struct virt *v = g_new0(struct virt, 1);
	g_atomic_ref_count_init(&v->refs);
	g_mutex_init(&v->lock);
	v->uri = g_strdup(uri);
	v->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	v->pool = g_thread_pool_new(run_call, NULL, POOL_THREADS, FALSE, NULL);
	v->event_id = v->device_ids[0] = v->device_ids[1] = -1;
	if (listener)
		v->listener = *listener;
	return v;
}

static gboolean open_connection(struct virt *v, gint64 timeout_ms, GError **error)
{
	gint64 until_us = g_get_monotonic_time() + timeout_ms * 1000;
	gpointer connection;
	if (!virt_embed_prepare(v->uri, error))
		return FALSE;
	struct virt_job open = { .what = "opening",
				 .name = v->uri,
				 .object = "",
				 .run = run_open,
				 .data = g_strdup(v->uri),
				 .data_free = g_free,
				 .result_free = close_connection };
	if (!virt_call(v, &open, timeout_ms, &connection, error))
		return FALSE;
	g_mutex_lock(&v->lock);
	v->connection = connection;
	g_mutex_unlock(&v->lock);
	v->has_listened = TRUE;
	struct virt_job listen = { .what = "listening to", .name = v->uri, .object = "", .run = run_listen, .data = v };
	return virt_call(v, &listen, (until_us - g_get_monotonic_time()) / 1000, NULL, error);
}

struct virt *virt_open(const char *uri, const struct virt_listener *listener, gint64 timeout_ms, GError **error)
{
	if (!library_init(error))
		return NULL;
	struct virt *v = virt_new(uri, listener);
	if (open_connection(v, timeout_ms, error))
		return v;
	virt_close(v, 0);
	return NULL;
}

static guint count_busy(struct virt *v)
{
	g_mutex_lock(&v->lock);
	guint n = g_hash_table_size(v->busy);
	g_mutex_unlock(&v->lock);
	return n;
}

static void wait_calls(struct virt *v, gint64 until_us)
{
	GSource *deadline = deadline_source(until_us);
	while (count_busy(v) && g_get_monotonic_time() < until_us)
		g_main_context_iteration(NULL, TRUE);
	g_source_destroy(deadline);
	g_source_unref(deadline);
}

/* The event callbacks point at `v`: unless they are gone for certain, `v` is never freed. */
void virt_close(struct virt *v, gint64 timeout_ms)
{
	if (!v)
		return;
	gint64 until_us = g_get_monotonic_time() + timeout_ms * 1000;
	v->listener = (struct virt_listener){ 0 };
	wait_calls(v, until_us);
	struct virt_job unlisten = { .what = "leaving", .name = v->uri, .object = "", .run = run_unlisten, .data = v };
	gboolean listened = v->connection && v->has_listened;
	v->closed = v->closed && !listened;
	gboolean gone =
		!listened || virt_call(v, &unlisten, MAX((until_us - g_get_monotonic_time()) / 1000, 1), NULL, NULL);
	v->closed = TRUE;
	g_mutex_lock(&v->lock);
	virConnectPtr connection = g_steal_pointer(&v->connection);
	g_mutex_unlock(&v->lock);
	if (connection && gone) /* calls under way hold references of their own */
		virConnectClose(connection);
	while (g_main_context_iteration(NULL, FALSE)) /* libvirt frees its handles and timers there */
		;
	g_thread_pool_free(v->pool, FALSE, FALSE);
	if (gone)
		virt_unref(v);
}

gboolean virt_is_alive(const struct virt *v)
{
	return !v->closed;
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
