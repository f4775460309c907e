/* Domains as they are: all of them from one listing, or one by its name.
 *
 * Over a daemon each question is a round trip. Whether a domain is active comes with the listing; which are
 * transient or start by themselves is asked once for all, for there are few. XML that is as it was in the listing
 * before is the same string, so that thousands of domains that nobody touched cost no memory, and one comparison. */
#include "base/arena.h"
#include "base/error.h"
#include "host/virt_call.h"
#include "host/virt_connection.h"
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

/* XML of a listing, by UUID. A table is not changed any more once it belongs to the connection. */
struct known {
	char *active_xml, *inactive_xml; /* GRefString */
};

struct listing {
	struct arena *arena;
	struct virt_domains domains;
	GHashTable *known; /* UUID → struct known; NULL for a single domain */
};

static void listing_free(gpointer data)
{
	struct listing *l = data;
	arena_free(l->arena);
	g_clear_pointer(&l->known, g_hash_table_unref);
	g_free(l);
}

static struct listing *listing_new(guint n)
{
	struct listing *l = g_new0(struct listing, 1);
	l->arena = arena_new();
	l->domains.list = ARENA_ARRAY(l->arena, struct virt_domain, n);
	return l;
}

static void own_arena_free(gpointer arena)
{
	arena_free(arena);
}

/* The result of a call, from now on the caller's. */
static struct virt_domains listing_give(struct listing *l, struct arena *arena)
{
	struct virt_domains domains = l->domains;
	arena_own(arena, l->arena, own_arena_free);
	l->arena = NULL;
	listing_free(l);
	return domains;
}

static void release_string(gpointer string)
{
	g_ref_string_release(string);
}

static const char *read_xml(struct arena *arena, virDomainPtr domain, unsigned int flags, char *known)
{
	char *xml = virDomainGetXMLDesc(domain, flags);
	if (!xml)
		return NULL;
	char *string = known && strcmp(known, xml) == 0 ? g_ref_string_acquire(known) : g_ref_string_new(xml);
	free(xml);
	arena_own(arena, string, release_string);
	return string;
}

static enum virt_state state_of(int libvirt_state)
{
	return libvirt_state >= 0 && libvirt_state < VIRT_N_STATES ? (enum virt_state)libvirt_state : VIRT_NO_STATE;
}

/* A state that was read later than the listing decides: XML of a running domain that is missing would look like one
 * that lost all it has. */
static gboolean is_active(enum virt_state state, gboolean was_active)
{
	return state != VIRT_SHUT_OFF && (was_active || (state != VIRT_NO_STATE && state != VIRT_CRASHED));
}

/* What is known of it already: active, persistent, autostart. FALSE when it cannot be read; gone since the listing is
 * the usual reason. */
static gboolean describe_domain(struct arena *arena, virDomainPtr domain, GHashTable *before, struct virt_domain known,
                                struct virt_domain *ret)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	int state;
	struct virt_domain d = known;
	if (virDomainGetUUIDString(domain, uuid) < 0 || virDomainGetState(domain, &state, &d.reason, 0) < 0)
		return FALSE;
	const struct known *xml = before ? g_hash_table_lookup(before, uuid) : NULL;
	d.name = arena_strdup(arena, virDomainGetName(domain));
	d.uuid = arena_strdup(arena, uuid);
	d.state = state_of(state);
	d.active = is_active(d.state, known.active);
	if (d.active)
		d.active_xml = read_xml(arena, domain, 0, xml ? xml->active_xml : NULL);
	if (d.persistent)
		d.inactive_xml = read_xml(arena, domain, VIR_DOMAIN_XML_INACTIVE, xml ? xml->inactive_xml : NULL);
	if ((d.active && !d.active_xml) || (d.persistent && !d.inactive_xml))
		return FALSE;
	*ret = d;
	return TRUE;
}

/* -- all ------------------------------------------------------------------------------------- */

enum { UUID_BYTES = VIR_UUID_BUFLEN };

/* The UUIDs, one behind the other, of domains with these flags; NULL when they cannot be listed. */
static GByteArray *list_with(virConnectPtr connection, unsigned int flags)
{
	virDomainPtr *domains = NULL;
	int n = virConnectListAllDomains(connection, &domains, flags);
	if (n < 0)
		return NULL;
	GByteArray *uuids = g_byte_array_new();
	for (int i = 0; i < n; i++) {
		guint8 uuid[UUID_BYTES];
		if (virDomainGetUUID(domains[i], uuid) == 0)
			g_byte_array_append(uuids, uuid, sizeof uuid);
		virDomainFree(domains[i]);
	}
	free(domains);
	return uuids;
}

static gboolean is_among(const GByteArray *uuids, virDomainPtr domain)
{
	guint8 uuid[UUID_BYTES];
	if (!uuids->len || virDomainGetUUID(domain, uuid) < 0)
		return FALSE;
	for (guint at = 0; at < uuids->len; at += UUID_BYTES)
		if (memcmp(uuids->data + at, uuid, UUID_BYTES) == 0)
			return TRUE;
	return FALSE;
}

/* Takes the domains; FALSE with libvirt's error. One that is gone by now is left out. */
static gboolean describe_all(struct listing *l, virDomainPtr *domains, int n, const GByteArray *transient,
                             const GByteArray *autostart, GHashTable *before, GError **error)
{
	gboolean good = TRUE;
	for (int i = 0; i < n; i++) {
		struct virt_domain known = { .active = virDomainGetID(domains[i]) != (unsigned int)-1,
			                     .persistent = !is_among(transient, domains[i]),
			                     .autostart = is_among(autostart, domains[i]) };
		if (good && describe_domain(l->arena, domains[i], before, known, &l->domains.list[l->domains.n]))
			l->domains.n++;
		else if (good && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
			good = virt_fail(error) != NULL;
		virDomainFree(domains[i]);
	}
	free(domains);
	return good;
}

static void known_free(gpointer data)
{
	struct known *k = data;
	g_clear_pointer(&k->active_xml, g_ref_string_release);
	g_clear_pointer(&k->inactive_xml, g_ref_string_release);
	g_free(k);
}

static char *acquire(const char *string)
{
	return string ? g_ref_string_acquire((char *)string) : NULL;
}

static GHashTable *make_known(const struct virt_domains *all)
{
	GHashTable *known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
	for (guint i = 0; i < all->n; i++) {
		struct known *k = g_new(struct known, 1);
		*k = (struct known){ acquire(all->list[i].active_xml), acquire(all->list[i].inactive_xml) };
		g_hash_table_insert(known, g_strdup(all->list[i].uuid), k);
	}
	return known;
}

/* `data` is what is known from the listing before. */
static gpointer run_list(virConnectPtr connection, gpointer data, GError **error)
{
	g_autoptr(GByteArray) transient = list_with(connection, VIR_CONNECT_LIST_DOMAINS_TRANSIENT);
	g_autoptr(GByteArray) autostart = transient ? list_with(connection, VIR_CONNECT_LIST_DOMAINS_AUTOSTART) : NULL;
	virDomainPtr *domains = NULL;
	int n = autostart ? virConnectListAllDomains(connection, &domains, 0) : -1;
	if (n < 0)
		return virt_fail(error);
	struct listing *l = listing_new((guint)n);
	if (!describe_all(l, domains, n, transient, autostart, data, error)) {
		listing_free(l);
		return NULL;
	}
	l->known = make_known(&l->domains);
	return l;
}

static GHashTable *get_known(struct virt *v)
{
	g_mutex_lock(&v->lock);
	GHashTable *known = v->known ? g_hash_table_ref(v->known) : NULL;
	g_mutex_unlock(&v->lock);
	return known;
}

static void keep_known(struct virt *v, GHashTable *known)
{
	g_mutex_lock(&v->lock);
	GHashTable *before = v->known;
	v->known = known;
	g_mutex_unlock(&v->lock);
	if (before)
		g_hash_table_unref(before);
}

static void unref_table(gpointer table)
{
	if (table)
		g_hash_table_unref(table);
}

gboolean virt_list(struct virt *v, struct arena *arena, gint64 timeout_ms, struct virt_domains *ret, GError **error)
{
	struct virt_job job = { .what = "listing domains",
		                .object = "(list)",
		                .run = run_list,
		                .data = get_known(v),
		                .data_free = unref_table,
		                .result_free = listing_free };
	gpointer result;
	if (!virt_call(v, &job, timeout_ms, &result, error))
		return FALSE;
	keep_known(v, g_steal_pointer(&((struct listing *)result)->known));
	*ret = listing_give(result, arena);
	return TRUE;
}

/* -- one -------------------------------------------------------------------------------------- */

static gboolean look_at(struct listing *l, virDomainPtr domain)
{
	int autostart = 0;
	struct virt_domain known = { .active = virDomainGetID(domain) != (unsigned int)-1,
		                     .persistent = virDomainIsPersistent(domain) == 1 };
	known.autostart = virDomainGetAutostart(domain, &autostart) == 0 && autostart;
	l->domains.n = describe_domain(l->arena, domain, NULL, known, &l->domains.list[0]) ? 1 : 0;
	return l->domains.n == 1;
}

gpointer virt_look_run(virConnectPtr connection, const char *name, GError **error)
{
	virDomainPtr domain = virDomainLookupByName(connection, name);
	if (!domain && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return virt_fail(error);
	struct listing *l = listing_new(1);
	if (!domain)
		return l;
	gboolean is_read = look_at(l, domain) || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN || virt_fail(error);
	virDomainFree(domain);
	if (is_read)
		return l;
	listing_free(l);
	return NULL;
}

struct virt_domain virt_look_take(gpointer result, struct arena *arena)
{
	struct virt_domains found = listing_give(result, arena);
	return found.n ? found.list[0] : (struct virt_domain){ 0 };
}

void virt_look_free(gpointer result)
{
	listing_free(result);
}

static gpointer run_look(virConnectPtr connection, gpointer data, GError **error)
{
	return virt_look_run(connection, data, error);
}

gboolean virt_look(struct virt *v, struct arena *arena, const char *name, gint64 timeout_ms, struct virt_domain *ret,
                   GError **error)
{
	struct virt_job job = { .what = "looking at",
		                .name = name,
		                .object = name,
		                .run = run_look,
		                .data = g_strdup(name),
		                .data_free = g_free,
		                .result_free = listing_free };
	gpointer result;
	if (!virt_call(v, &job, timeout_ms, &result, error))
		return FALSE;
	*ret = virt_look_take(result, arena);
	return TRUE;
}
