/* What cleave asks of libvirt. Each request is a function for the pool (run_…), which sees only the
 * connection and copies of its arguments, and a public one that waits for it. */
#include "host/virt.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/virt_call.h"
#include <libvirt/virterror.h>
#include <string.h>

NAME_TABLE(virt_states, "a domain's state", VIRT_N_STATES, "unknown", "running", "blocked", "paused", "shutting down",
	   "shut off", "crashed", "suspended");

/* Longest pause between two looks at a guest that was asked to power off; events come sooner. */
enum { LOOK_AGAIN_MS = 2000 };

/* -- arguments and results ------------------------------------------------------------------- */

struct request {
	char *name, *uuid, *xml;
	unsigned int flags;
};

static void request_free(gpointer data)
{
	struct request *r = data;
	g_free(r->name);
	g_free(r->uuid);
	g_free(r->xml);
	g_free(r);
}

static gboolean call_domain(struct virt *v, const char *what, const struct virt_id *id, virt_func run, const char *xml,
			    unsigned int flags, gint64 timeout_ms, gpointer *ret_result, GError **error)
{
	struct request *r = g_new0(struct request, 1);
	*r = (struct request){ g_strdup(id->name), g_strdup(id->uuid), g_strdup(xml), flags };
	struct virt_job job = {
		.what = what, .name = id->name, .object = id->name, .run = run, .data = r, .data_free = request_free
	};
	return virt_call(v, &job, timeout_ms, ret_result, error);
}

static gboolean call_and_look(struct virt *v, const char *what, const struct virt_id *id, virt_func run, const char *xml,
			      gint64 timeout_ms, struct arena *arena, struct virt_domain *ret, GError **error)
{
	struct request *r = g_new0(struct request, 1);
	gpointer result;
	*r = (struct request){ g_strdup(id->name), g_strdup(id->uuid), g_strdup(xml), 0 };
	struct virt_job job = { .what = what,
				.name = id->name,
				.object = id->name,
				.run = run,
				.data = r,
				.data_free = request_free,
				.result_free = virt_look_free };
	if (!virt_call(v, &job, timeout_ms, &result, error))
		return FALSE;
	*ret = virt_look_take(result, arena);
	return TRUE;
}

/* Results that only say "done": any pointer that is not NULL and needs no free. */
static char done_mark, running_mark;

/* -- versions -------------------------------------------------------------------------------- */

static const char *copy_and_free(struct arena *arena, char *from_libvirt)
{
	const char *copy = arena_strdup(arena, from_libvirt);
	free(from_libvirt);
	return copy;
}

static void own_arena_free(gpointer arena)
{
	arena_free(arena);
}

struct about {
	struct arena *arena;
	struct virt_about about;
};

static void about_free(gpointer data)
{
	struct about *a = data;
	arena_free(a->arena);
	g_free(a);
}

/* libvirt packs a version as major * 1,000,000 + minor * 1,000 + release. */
static const char *format_version(struct arena *arena, unsigned long version)
{
	return arena_printf(arena, "%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

/* Domain capabilities for a type exist only when its domains can be started: it asks QEMU and /dev/kvm. */
static gboolean has_kvm(virConnectPtr connection)
{
	char *xml = virConnectGetDomainCapabilities(connection, NULL, NULL, NULL, "kvm", 0);
	gboolean has = xml != NULL;
	free(xml);
	return has;
}

static gpointer run_describe(virConnectPtr connection, gpointer data, GError **error)
{
	(void)data;
	unsigned long hypervisor = 0, libvirt = 0;
	char *capabilities = virConnectGetCapabilities(connection);
	if (!capabilities)
		return virt_fail(error);
	struct about *a = g_new0(struct about, 1);
	a->arena = arena_new();
	a->about.capabilities_xml = copy_and_free(a->arena, capabilities);
	if (virConnectGetVersion(connection, &hypervisor) == 0 && hypervisor)
		a->about.hypervisor_version = format_version(a->arena, hypervisor);
	if (virConnectGetLibVersion(connection, &libvirt) == 0)
		a->about.libvirt_version = format_version(a->arena, libvirt);
	a->about.hypervisor = arena_strdup(a->arena, virConnectGetType(connection));
	a->about.hostname = copy_and_free(a->arena, virConnectGetHostname(connection));
	a->about.has_kvm = has_kvm(connection);
	return a;
}

gboolean virt_describe(struct virt *v, struct arena *arena, gint64 timeout_ms, struct virt_about *ret, GError **error)
{
	struct virt_job job = { .what = "asking libvirt what it can do",
				.object = "(describe)",
				.run = run_describe,
				.result_free = about_free };
	gpointer result;
	if (!virt_call(v, &job, timeout_ms, &result, error))
		return FALSE;
	struct about *a = result;
	*ret = a->about;
	arena_own(arena, a->arena, own_arena_free);
	g_free(a);
	return TRUE;
}

/* -- one domain ------------------------------------------------------------------------------ */

static gpointer run_define(virConnectPtr connection, gpointer data, GError **error)
{
	const struct request *r = data;
	virDomainPtr domain = virDomainDefineXMLFlags(connection, r->xml, 0);
	if (!domain)
		return virt_fail(error);
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	virDomainGetUUIDString(domain, uuid);
	virDomainFree(domain);
	if (g_ascii_strcasecmp(uuid, r->uuid) == 0)
		return &done_mark;
	fail(error, ERROR_INVALID, "the XML has UUID %s, not %s", uuid, r->uuid);
	return NULL;
}

gboolean virt_define(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error)
{
	return call_domain(v, "defining", id, run_define, xml, 0, timeout_ms, NULL, error);
}

/* Looks the domain up and does one thing to it. That it is there already (it may get there by itself, before or
 * while it is asked: "domain is not running") is success. */
static gpointer act_on(virConnectPtr connection, const struct request *r, int (*act)(virDomainPtr, unsigned int),
		       gboolean wanted_active, GError **error)
{
	virDomainPtr domain = virDomainLookupByUUIDString(connection, r->uuid);
	if (!domain)
		return virt_fail(error);
	gpointer result = &done_mark;
	if (act(domain, r->flags) < 0) {
		GError *why = NULL;
		virt_fail(&why); /* before the next call, which clears it */
		if (virDomainIsActive(domain) == wanted_active) {
			g_error_free(why);
		} else {
			g_propagate_error(error, why);
			result = NULL;
		}
	}
	virDomainFree(domain);
	return result;
}

static gpointer run_start(virConnectPtr connection, gpointer data, GError **error)
{
	return act_on(connection, data, virDomainCreateWithFlags, TRUE, error);
}

gboolean virt_start(struct virt *v, const struct virt_id *id, gint64 timeout_ms, GError **error)
{
	return call_domain(v, "starting", id, run_start, NULL, 0, timeout_ms, NULL, error);
}

/* Without flags QEMU's driver asks the agent, and presses the power button where there is none or it does not answer. */
static gpointer run_define_and_look(virConnectPtr connection, gpointer data, GError **error)
{
	return run_define(connection, data, error) ? virt_look_run(connection, ((struct request *)data)->name, error) : NULL;
}

static gpointer run_start_and_look(virConnectPtr connection, gpointer data, GError **error)
{
	return run_start(connection, data, error) ? virt_look_run(connection, ((struct request *)data)->name, error) : NULL;
}

gboolean virt_define_and_look(struct virt *v, struct arena *arena, const struct virt_id *id, const char *xml,
			      gint64 timeout_ms, struct virt_domain *ret, GError **error)
{
	return call_and_look(v, "defining", id, run_define_and_look, xml, timeout_ms, arena, ret, error);
}

gboolean virt_start_and_look(struct virt *v, struct arena *arena, const struct virt_id *id, gint64 timeout_ms,
			     struct virt_domain *ret, GError **error)
{
	return call_and_look(v, "starting", id, run_start_and_look, NULL, timeout_ms, arena, ret, error);
}

static gpointer run_shutdown(virConnectPtr connection, gpointer data, GError **error)
{
	return act_on(connection, data, virDomainShutdownFlags, FALSE, error);
}

static gpointer run_destroy(virConnectPtr connection, gpointer data, GError **error)
{
	return act_on(connection, data, virDomainDestroyFlags, FALSE, error);
}

static gpointer run_watch(virConnectPtr connection, gpointer data, GError **error)
{
	const struct request *r = data;
	virDomainPtr domain = virDomainLookupByUUIDString(connection, r->uuid);
	if (!domain)
		return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? &done_mark : virt_fail(error);
	int active = virDomainIsActive(domain);
	gpointer result = active < 0 ? virt_fail(error) : active ? &running_mark : &done_mark;
	virDomainFree(domain);
	return result;
}

/* TRUE when it stopped in time. Errors mean "no": the destroy that follows tells. */
static gboolean wait_stopped(struct virt *v, const struct virt_id *id, gint64 graceful_ms, gint64 timeout_ms)
{
	gint64 until_us = g_get_monotonic_time() + graceful_ms * 1000;
	for (;;) {
		gpointer mark;
		if (!call_domain(v, "watching", id, run_watch, NULL, 0, timeout_ms, &mark, NULL))
			return FALSE;
		gint64 now = g_get_monotonic_time();
		if (mark == &done_mark || now >= until_us)
			return mark == &done_mark;
		virt_wait_event(v, MIN(until_us, now + LOOK_AGAIN_MS * 1000));
	}
}

gboolean virt_stop(struct virt *v, const struct virt_id *id, gint64 graceful_ms, gint64 timeout_ms, GError **error)
{
	/* A guest that cannot be asked (no ACPI, no agent, paused) is destroyed. */
	if (graceful_ms > 0 && call_domain(v, "shutting down", id, run_shutdown, NULL, 0, timeout_ms, NULL, NULL) &&
	    wait_stopped(v, id, graceful_ms, timeout_ms))
		return TRUE;
	return call_domain(v, "destroying", id, run_destroy, NULL, 0, timeout_ms, NULL, error);
}

static gpointer run_undefine(virConnectPtr connection, gpointer data, GError **error)
{
	const struct request *r = data;
	virDomainPtr domain = virDomainLookupByUUIDString(connection, r->uuid);
	if (!domain)
		return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? &done_mark : virt_fail(error);
	int e = virDomainUndefineFlags(domain, r->flags);
	if (e < 0 && virGetLastErrorCode() == VIR_ERR_INVALID_ARG) /* the test driver knows none of the flags */
		e = virDomainUndefine(domain);
	gpointer result = e == 0 ? &done_mark : virt_fail(error);
	virDomainFree(domain);
	return result;
}

gboolean virt_undefine(struct virt *v, const struct virt_id *id, gboolean keep_nvram, gint64 timeout_ms, GError **error)
{
	unsigned int flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
			     VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA |
			     (keep_nvram ? VIR_DOMAIN_UNDEFINE_KEEP_NVRAM : VIR_DOMAIN_UNDEFINE_NVRAM);
	return call_domain(v, "undefining", id, run_undefine, NULL, flags, timeout_ms, NULL, error);
}
