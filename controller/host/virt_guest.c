/* Each request is a function for the pool, as in virt.c. */
#include "host/virt_guest.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/virt_call.h"
#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <string.h>

static char done_mark;

struct request {
	char *uuid, *text, *path, *prefix, *uri;
	int timeout_s;
};

static void request_free(gpointer data)
{
	struct request *r = data;
	g_free(r->uuid);
	g_free(r->text);
	g_free(r->path);
	g_free(r->prefix);
	g_free(r->uri);
	g_free(r);
}

static struct request *request_new(const struct virt_id *id, gint64 timeout_ms)
{
	struct request *r = g_new0(struct request, 1);
	r->uuid = g_strdup(id->uuid);
	/* The agent is asked by libvirt, which is to give up before this side does. */
	r->timeout_s = (int)MAX(timeout_ms / 2000, 1);
	return r;
}

static gboolean call(struct virt *v, const char *what, const struct virt_id *id, virt_func run, struct request *r,
		     GDestroyNotify result_free, gint64 timeout_ms, gpointer *ret, GError **error)
{
	struct virt_job job = { .what = what, .name = id->name, .object = id->name, .run = run, .data = r,
				.data_free = request_free, .result_free = result_free };
	return virt_call(v, &job, timeout_ms, ret, error);
}

/* -- a file in the guest: https://www.qemu.org/docs/master/interop/qemu-ga-ref.html ------------------------------ */

/* The answer's "return", a new reference; NULL with an error. `arguments` is given away. */
static json_t *ask_agent(virDomainPtr domain, int timeout_s, const char *command, json_t *arguments, GError **error)
{
	json_t *whole = json_pack("{s:s, s:o}", "execute", command, "arguments", arguments);
	g_autofree char *line = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	char *text = virDomainQemuAgentCommand(domain, line, timeout_s, 0);
	if (!text)
		return virt_fail(error);
	json_t *answer = json_loads(text, 0, NULL), *value = json_incref(json_object_get(answer, "return"));
	json_decref(answer);
	free(text);
	if (!value)
		fail(error, ERROR_FAILED, "the guest's agent has no answer to %s", command);
	return value;
}

static gboolean write_and_close(virDomainPtr domain, const struct request *r, json_int_t handle, GError **error)
{
	g_autofree char *base64 = g_base64_encode((const guchar *)r->text, strlen(r->text));
	json_t *written = ask_agent(domain, r->timeout_s, "guest-file-write", json_pack("{s:I, s:s}", "handle", handle, "buf-b64", base64), error);
	json_t *closed = ask_agent(domain, r->timeout_s, "guest-file-close", json_pack("{s:I}", "handle", handle), written ? error : NULL);
	gboolean ok = written && closed;
	json_decref(written);
	json_decref(closed);
	return ok;
}

static gpointer run_write(virConnectPtr connection, gpointer data, GError **error)
{
	const struct request *r = data;
	virDomainPtr domain = virDomainLookupByUUIDString(connection, r->uuid);
	if (!domain)
		return virt_fail(error);
	json_t *handle = ask_agent(domain, r->timeout_s, "guest-file-open", json_pack("{s:s, s:s}", "path", r->path, "mode", "w"), error);
	gboolean ok = handle && write_and_close(domain, r, json_integer_value(handle), error);
	json_decref(handle);
	virDomainFree(domain);
	return ok ? &done_mark : NULL;
}

gboolean virt_guest_write(struct virt *v, const struct virt_id *id, const char *path, const char *text, gint64 timeout_ms, GError **error)
{
	struct request *r = request_new(id, timeout_ms);
	r->path = g_strdup(path);
	r->text = g_strdup(text);
	return call(v, "asking the agent of", id, run_write, r, NULL, timeout_ms, NULL, error);
}

/* -- what the agent tells ------------------------------------------------------------------------------------------ */

struct told {
	struct arena *arena;
	struct virt_guest guest;
};

static void told_free(gpointer data)
{
	struct told *t = data;
	arena_free(t->arena);
	g_free(t);
}

enum { TEXT_MOST = 128 };

/* A guest says what it likes, and people read it on their terminals. */
static const char *guest_text(struct arena *a, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, TEXT_MOST));
	g_autoptr(GString) plain = g_string_new(NULL);
	for (const char *c = valid; *c; c = g_utf8_next_char(c))
		g_string_append_unichar(plain, g_unichar_iscntrl(g_utf8_get_char(c)) ? '?' : g_utf8_get_char(c));
	return arena_strdup(a, plain->str);
}

static void read_info(virDomainPtr domain, struct told *t)
{
	static const struct {
		const char *name;
		gsize offset;
	} words[] = { { "hostname", offsetof(struct virt_guest, hostname) },
		      { "os.pretty-name", offsetof(struct virt_guest, os) },
		      { "os.kernel-release", offsetof(struct virt_guest, kernel) } };
	virTypedParameterPtr params = NULL;
	int n = 0;
	const char *text;
	if (virDomainGetGuestInfo(domain, VIR_DOMAIN_GUEST_INFO_OS | VIR_DOMAIN_GUEST_INFO_HOSTNAME, &params, &n, 0) < 0)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (virTypedParamsGetString(params, n, words[i].name, &text) == 1)
			*(const char **)(void *)((char *)&t->guest + words[i].offset) = guest_text(t->arena, text);
	virTypedParamsFree(params, n);
}

/* A guest may tell any number of addresses. */
enum { ADDRESSES_MOST = 32 };

static void read_addresses(virDomainPtr domain, struct told *t)
{
	virDomainInterfacePtr *all = NULL;
	const char **found = ARENA_ARRAY(t->arena, const char *, ADDRESSES_MOST);
	int n = virDomainInterfaceAddresses(domain, &all, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT, 0);
	for (int i = 0; i < n; i++) {
		for (guint k = 0; k < all[i]->naddrs && strcmp(all[i]->name, "lo") != 0 && t->guest.n_addresses < ADDRESSES_MOST; k++)
			found[t->guest.n_addresses++] = arena_printf(t->arena, "%s/%u", guest_text(t->arena, all[i]->addrs[k].addr), all[i]->addrs[k].prefix);
		virDomainInterfaceFree(all[i]);
	}
	free(all);
	t->guest.addresses = found;
}

static gpointer run_info(virConnectPtr connection, gpointer data, GError **error)
{
	const struct request *r = data;
	virDomainPtr domain = virDomainLookupByUUIDString(connection, r->uuid);
	if (!domain)
		return virt_fail(error);
	struct told *t = g_new0(struct told, 1);
	t->arena = arena_new();
	virDomainAgentSetResponseTimeout(domain, r->timeout_s, 0);
	read_info(domain, t);
	/* One that did not answer is not asked again. */
	if (t->guest.hostname || t->guest.os)
		read_addresses(domain, t);
	virDomainFree(domain);
	return t;
}

gboolean virt_guest_info(struct virt *v, struct arena *arena, const struct virt_id *id, gint64 timeout_ms,
			 struct virt_guest *ret, GError **error)
{
	gpointer result;
	if (!call(v, "asking the agent of", id, run_info, request_new(id, timeout_ms), told_free, timeout_ms, &result, error))
		return FALSE;
	*ret = ((struct told *)result)->guest;
	arena_own(arena, result, told_free);
	return TRUE;
}

/* -- use of the host ------------------------------------------------------------------------------------------------- */

struct uses {
	struct arena *arena;
	struct virt_use *list;
	guint n;
};

static void uses_free(gpointer data)
{
	struct uses *u = data;
	arena_free(u->arena);
	g_free(u);
}

static gpointer run_use(virConnectPtr connection, gpointer data, GError **error)
{
	virDomainStatsRecordPtr *records = NULL;
	(void)data;
	int n = virConnectGetAllDomainStats(connection, VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_CPU_TOTAL, &records,
					    VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE);
	if (n < 0)
		return virt_fail(error);
	struct uses *u = g_new0(struct uses, 1);
	u->arena = arena_new();
	u->list = ARENA_ARRAY(u->arena, struct virt_use, n);
	for (int i = 0; i < n; i++) {
		unsigned long long rss_kib = 0, cpu_ns = 0;
		virTypedParamsGetULLong(records[i]->params, records[i]->nparams, "balloon.rss", &rss_kib);
		virTypedParamsGetULLong(records[i]->params, records[i]->nparams, "cpu.time", &cpu_ns);
		u->list[u->n++] = (struct virt_use){ arena_strdup(u->arena, virDomainGetName(records[i]->dom)), rss_kib * 1024,
						     (gint64)(cpu_ns / 1000000) };
	}
	virDomainStatsRecordListFree(records);
	return u;
}

gboolean virt_list_use(struct virt *v, struct arena *arena, gint64 timeout_ms, struct virt_use **ret, guint *ret_n, GError **error)
{
	struct virt_job job = { .what = "asking what domains use", .object = "(use)", .run = run_use, .result_free = uses_free };
	gpointer result;
	if (!virt_call(v, &job, timeout_ms, &result, error))
		return FALSE;
	const struct uses *u = result;
	*ret = u->list;
	*ret_n = u->n;
	arena_own(arena, result, uses_free);
	return TRUE;
}

/* -- the mark -------------------------------------------------------------------------------------------------------- */

static gpointer run_mark(virConnectPtr connection, gpointer data, GError **error)
{
	const struct request *r = data;
	virDomainPtr domain = virDomainLookupByUUIDString(connection, r->uuid);
	if (!domain)
		return virt_fail(error);
	unsigned int flags = VIR_DOMAIN_AFFECT_CONFIG | (virDomainIsActive(domain) == 1 ? VIR_DOMAIN_AFFECT_LIVE : 0);
	int e = virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, r->text, r->text ? r->prefix : NULL, r->uri, flags);
	gpointer result = e == 0 ? &done_mark : virt_fail(error);
	virDomainFree(domain);
	return result;
}

gboolean virt_set_mark(struct virt *v, const struct virt_id *id, const char *xml, const char *prefix, const char *uri,
		       gint64 timeout_ms, GError **error)
{
	struct request *r = request_new(id, timeout_ms);
	r->text = g_strdup(xml);
	r->prefix = g_strdup(prefix);
	r->uri = g_strdup(uri);
	return call(v, "marking", id, run_mark, r, NULL, timeout_ms, NULL, error);
}
