/* The connection: opening, its events, closing.
 *
 * A driver without events, devices, close callback or keep-alive (test, embedded) is no failure. Events arrive on
 * the main thread, where libvirt's event loop is a set of GSources. */
#include "host/virt_connection.h"
#include "base/error.h"
#include "host/embed.h"
#include "host/virt_call.h"
#include <libvirt/virterror.h>
#include <string.h>

enum { KEEPALIVE_S = 5, KEEPALIVE_COUNT = 3, MAX_UNUSED_THREADS = 24 };

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
		/* Calls come in bursts, and a thread costs more than most of them. */
		g_thread_pool_set_max_unused_threads(MAX_UNUSED_THREADS);
		gboolean ready = virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
		g_once_init_leave(&done, ready ? 1 : 2);
	}
	return done == 1 || fail(error, ERROR_FAILED, "libvirt cannot be initialised");
}

/* -- events ---------------------------------------------------------------------------------- */

static void note_event(struct virt *v)
{
	g_mutex_lock(&v->lock);
	v->n_events++;
	virt_tell_waiting(v);
	g_mutex_unlock(&v->lock);
}

static void note_closed(struct virt *v, const char *reason)
{
	g_mutex_lock(&v->lock);
	v->closed = TRUE;
	v->close_reason = g_strdup(reason);
	virt_tell_waiting(v);
	g_mutex_unlock(&v->lock);
}

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
	note_closed(v, close_word(reason));
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

static void set_closed(struct virt *v, gboolean closed)
{
	g_mutex_lock(&v->lock);
	v->closed = closed;
	g_mutex_unlock(&v->lock);
}

static virConnectPtr take_connection(struct virt *v)
{
	g_mutex_lock(&v->lock);
	virConnectPtr connection = g_steal_pointer(&v->connection);
	g_mutex_unlock(&v->lock);
	return connection;
}

/* The event callbacks point at `v`: unless they are gone for certain, `v` is never freed. */
void virt_close(struct virt *v, gint64 timeout_ms)
{
	if (!v)
		return;
	gint64 until_us = g_get_monotonic_time() + timeout_ms * 1000;
	v->listener = (struct virt_listener){ 0 };
	virt_wait_calls(v, until_us);
	struct virt_job unlisten = { .what = "leaving", .name = v->uri, .object = "", .run = run_unlisten, .data = v };
	gboolean listened = v->connection && v->has_listened;
	set_closed(v, v->closed && !listened);
	gboolean gone =
		!listened || virt_call(v, &unlisten, MAX((until_us - g_get_monotonic_time()) / 1000, 1), NULL, NULL);
	set_closed(v, TRUE);
	virConnectPtr connection = take_connection(v);
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
