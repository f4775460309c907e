/* What cleave asks of libvirt about a running domain. */
#include "host/virt_live.h"
#include "base/error.h"
#include "host/virt_call.h"
#include "base/units.h"

/* Bits of a CPU map; libvirt takes maps longer than the host. */
enum { MAX_CPUS = 4096 };

struct request {
	char *uuid, *xml, *uri;
	gulong number;                /* a count, KiB, or which vCPU or thread */
	guint8 cpus[MAX_CPUS / 8];
	int (*ask)(virDomainPtr domain, struct request *r);
};

static char done_mark;

static void request_free(gpointer data)
{
	struct request *r = data;
	g_free(r->uuid);
	g_free(r->xml);
	g_free(r->uri);
	g_free(r);
}

static gpointer run_request(virConnectPtr connection, gpointer data, GError **error)
{
	struct request *r = data;
	virDomainPtr domain = virDomainLookupByUUIDString(connection, r->uuid);
	if (!domain)
		return virt_fail(error);
	gpointer result = r->ask(domain, r) < 0 ? virt_fail(error) : &done_mark;
	virDomainFree(domain);
	return result;
}

static struct request *request_new(const struct virt_id *id, int (*ask)(virDomainPtr, struct request *))
{
	struct request *r = g_new0(struct request, 1);
	r->uuid = g_strdup(id->uuid);
	r->ask = ask;
	return r;
}

/* Takes `r`. */
static gboolean call(struct virt *v, const char *what, const struct virt_id *id, struct request *r, gint64 timeout_ms,
		     GError **error)
{
	struct virt_job job = {
		.what = what, .name = id->name, .object = id->name, .run = run_request, .data = r, .data_free = request_free
	};
	return virt_call(v, &job, timeout_ms, NULL, error);
}

/* -- CPUs and memory ----------------------------------------------------------------------------- */

static int ask_vcpus(virDomainPtr domain, struct request *r)
{
	return virDomainSetVcpusFlags(domain, (unsigned int)r->number, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_set_vcpus(struct virt *v, const struct virt_id *id, guint n, gint64 timeout_ms, GError **error)
{
	struct request *r = request_new(id, ask_vcpus);
	r->number = n;
	return call(v, "setting the vCPUs of", id, r, timeout_ms, error);
}

static int ask_memory(virDomainPtr domain, struct request *r)
{
	return virDomainSetMemoryFlags(domain, r->number, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_set_memory(struct virt *v, const struct virt_id *id, guint64 bytes, gint64 timeout_ms, GError **error)
{
	struct request *r = request_new(id, ask_memory);
	r->number = (gulong)(bytes / KiB);
	return call(v, "setting the memory of", id, r, timeout_ms, error);
}

/* -- pinning ------------------------------------------------------------------------------------- */

/* "0-3,8" into a map of bits; the kernel's own list format. */
static gboolean fill_map(guint8 *map, const char *cpus, GError **error)
{
	for (const char *at = cpus; *at;) {
		char *end;
		guint64 first = g_ascii_strtoull(at, &end, 10), last = first;
		gboolean good = end != at;
		if (good && *end == '-') {
			at = end + 1;
			last = g_ascii_strtoull(at, &end, 10);
			good = end != at;
		}
		if (!good || last < first || last >= MAX_CPUS || (*end && *end != ','))
			return fail(error, ERROR_INVALID, "%s is no list of CPUs", cpus);
		for (guint64 cpu = first; cpu <= last; cpu++)
			map[cpu / 8] |= (guint8)(1 << cpu % 8);
		at = *end ? end + 1 : end;
	}
	return TRUE;
}

static gboolean pin(struct virt *v, const char *what, const struct virt_id *id, int (*ask)(virDomainPtr, struct request *),
		    guint number, const char *cpus, gint64 timeout_ms, GError **error)
{
	struct request *r = request_new(id, ask);
	r->number = number;
	if (!fill_map(r->cpus, cpus, error)) {
		request_free(r);
		return FALSE;
	}
	return call(v, what, id, r, timeout_ms, error);
}

static int ask_pin_vcpu(virDomainPtr domain, struct request *r)
{
	return virDomainPinVcpuFlags(domain, (unsigned int)r->number, r->cpus, sizeof r->cpus, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_pin_vcpu(struct virt *v, const struct virt_id *id, guint vcpu, const char *cpus, gint64 timeout_ms, GError **error)
{
	return pin(v, "pinning a vCPU of", id, ask_pin_vcpu, vcpu, cpus, timeout_ms, error);
}

static int ask_pin_emulator(virDomainPtr domain, struct request *r)
{
	return virDomainPinEmulator(domain, r->cpus, sizeof r->cpus, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_pin_emulator(struct virt *v, const struct virt_id *id, const char *cpus, gint64 timeout_ms, GError **error)
{
	return pin(v, "pinning QEMU's own threads of", id, ask_pin_emulator, 0, cpus, timeout_ms, error);
}

static int ask_pin_iothread(virDomainPtr domain, struct request *r)
{
	return virDomainPinIOThread(domain, (unsigned int)r->number, r->cpus, sizeof r->cpus, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_pin_iothread(struct virt *v, const struct virt_id *id, guint iothread, const char *cpus, gint64 timeout_ms, GError **error)
{
	return pin(v, "pinning an I/O thread of", id, ask_pin_iothread, iothread, cpus, timeout_ms, error);
}

/* -- devices ------------------------------------------------------------------------------------- */

static gboolean call_device(struct virt *v, const char *what, const struct virt_id *id,
			    int (*ask)(virDomainPtr, struct request *), const char *xml, gint64 timeout_ms, GError **error)
{
	struct request *r = request_new(id, ask);
	r->xml = g_strdup(xml);
	return call(v, what, id, r, timeout_ms, error);
}

static int ask_attach(virDomainPtr domain, struct request *r)
{
	return virDomainAttachDeviceFlags(domain, r->xml, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_attach_device(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error)
{
	return call_device(v, "attaching a device to", id, ask_attach, xml, timeout_ms, error);
}

static int ask_detach(virDomainPtr domain, struct request *r)
{
	return virDomainDetachDeviceFlags(domain, r->xml, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_detach_device(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error)
{
	return call_device(v, "detaching a device from", id, ask_detach, xml, timeout_ms, error);
}

static int ask_update(virDomainPtr domain, struct request *r)
{
	return virDomainUpdateDeviceFlags(domain, r->xml, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_update_device(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error)
{
	return call_device(v, "changing a device of", id, ask_update, xml, timeout_ms, error);
}

static int ask_mark(virDomainPtr domain, struct request *r)
{
	return virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, r->xml, "cleave", r->uri, VIR_DOMAIN_AFFECT_LIVE);
}

gboolean virt_set_live_mark(struct virt *v, const struct virt_id *id, const char *xml, const char *uri, gint64 timeout_ms, GError **error)
{
	struct request *r = request_new(id, ask_mark);
	r->xml = g_strdup(xml);
	r->uri = g_strdup(uri);
	return call(v, "marking", id, r, timeout_ms, error);
}
