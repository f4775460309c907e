/* A pass, and the session that carries connections and caches from one to the next. */
#include "reconcile_session.h"
#include "apply/own_vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/shelf.h"
#include "host/allowed.h"
#include "host/hands.h"
#include "host/helper.h"
#include "host/taken.h"
#include "host/tree.h"
#include "host/uevents.h"
#include "host/virt.h"
#include "host/vm_records.h"
#include "observe/domain_cache.h"
#include "observe/observe.h"
#include "queue/lease.h"
#include "queue/notice.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "source/mirror.h"
#include "spec/cache.h"
#include "spec/host_paths.h"
#include "spec/farm.h"
#include "spec/files.h"
#include "spec/host.h"
#include "spec/load.h"
#include "spec/seed.h"
#include "spec/vm.h"
#include "state/state.h"
#include <stdlib.h>
#include <string.h>

NAME_TABLE(decision_names, "a decision", N_DECISIONS, "adopt", "release", "approve");

enum { LIBVIRT_OPEN_MS = 30000, LIBVIRT_CLOSE_MS = 5000, REDIS_TIMEOUT_MS = 3000, EVENTS_KEPT = 10000 };


/* Host, machine and state folder: a controller that died is followed at once by its successor, and two
 * of one name are still told apart. */
static char *make_holder(struct session *s)
{
	const char *machine = host_read(s->arena, &s->tree, "etc/machine-id");
	g_autofree char *state = g_canonicalize_filename(s->settings.state, NULL);
	g_autofree char *all = g_strdup_printf("%s %s", machine ? machine : "", state);
	g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, all, -1);
	return g_strdup_printf("%s#%.8s", s->settings.host, hex);
}

/* This machine's kernel, memory and boot do not belong beside another one's cards. */
static struct host_tree tree_of(struct arena *a, const struct settings *settings)
{
	struct host_tree t = host_tree_at(a, settings->root, settings->sysfs);
	return strcmp(t.root, "/") != 0 || host_tree_is_whole(&t) ? t : host_tree_of_sysfs(a, settings->sysfs);
}

static void free_mirror(gpointer mirror)
{
	mirror_free(mirror);
}

struct session *session_new(const struct settings *settings)
{
	struct session *s = g_new0(struct session, 1);
	s->settings = *settings;
	s->arena = arena_new();
	g_autofree char *state = g_canonicalize_filename(settings->state, NULL);
	s->settings.state = arena_strdup(s->arena, state); /* libvirt is told of files there */
	s->tree = tree_of(s->arena, settings);
	s->taken = taken_new(settings->state);
	s->records = vm_records_new(settings->state);
	s->shelf = shelf_new();
	g_autofree char *buckets = g_build_filename(s->settings.state, "buckets", NULL);
	shelf_keep(s->shelf, buckets);
	s->cache = spec_cache_new();
	s->domains = domain_cache_new();
	s->mirrors = g_ptr_array_new_with_free_func(free_mirror);
	s->holder = make_holder(s);
	return s;
}

static void close_virt(struct session *s)
{
	if (s->virt)
		virt_close(s->virt, LIBVIRT_CLOSE_MS);
	s->virt = NULL;
	g_clear_pointer(&s->virt_uri, g_free);
	g_clear_pointer(&s->virt_trouble, g_free);
}

static void close_redis(struct session *s)
{
	session_leave_host(s);
	if (s->redis && s->settings.acts)
		owner_release(s->redis, s->holder, NULL); /* else it runs out by itself */
	g_clear_pointer(&s->notice, notice_free);
	g_clear_pointer(&s->redis, redis_free);
	g_clear_pointer(&s->redis_url, g_free);
	g_clear_pointer(&s->redis_trouble, g_free);
}

void session_free(struct session *s)
{
	if (!s)
		return;
	uevents_close(s->uevents);
	close_virt(s);
	close_redis(s);
	session_end_post(s);
	if (s->helper)
		helper_stop(s->helper);
	session_clear_troubles(s);
	taken_free(s->taken);
	g_free(s->secret_key);
	vm_records_free(s->records);
	shelf_free(s->shelf);
	spec_cache_free(s->cache);
	session_free_extras(s);
	trust_free(s->trust);
	domain_cache_free(s->domains);
	g_ptr_array_unref(s->mirrors);
	arena_free(s->arena);
	g_free(s->holder);
	g_free(s);
}

/* -- have -------------------------------------------------------------------------------------------- */

static void on_domain_event(const struct virt_id *id, const char *event, gpointer user)
{
	struct session *s = user;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
	if (!s->events)
		s->events = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (g_hash_table_size(s->events) < EVENTS_KEPT)
		g_hash_table_insert(s->events, g_strdup(id->name), g_strdup_printf("%s, at %s (UTC)", event, time));
	if (s->look)
		s->look(s->look_user);
}

/* libvirt tells of disks and network interfaces as well. */
static void on_device_event(const char *name, const char *event, gpointer user)
{
	struct session *s = user;
	(void)event;
	if (s->look && (g_str_has_prefix(name, "pci_") || g_str_has_prefix(name, "mdev_")))
		s->look(s->look_user);
}

static void on_virt_closed(const char *reason, gpointer user)
{
	struct session *s = user;
	(void)reason;
	if (s->look)
		s->look(s->look_user);
}

/* Opens libvirt when it is wanted and not open, or open elsewhere. */
static void reach_libvirt(struct session *s, const struct objects *want)
{
	g_autoptr(GError) error = NULL;
	const struct object *host = objects_get(want, KIND_HOST, s->settings.host);
	const char *uri = s->settings.libvirt           ? s->settings.libvirt
	                  : host                        ? ((const struct host_spec *)host->spec)->libvirt
	                  : want->by_kind[KIND_VM]->len ? "qemu:///system"
	                                                : "none";
	if (s->settings.devices_only)
		uri = "none";
	if (s->virt && virt_is_alive(s->virt) && strcmp(uri, s->virt_uri) == 0)
		return;
	close_virt(s);
	if (strcmp(uri, "none") == 0)
		return;
	struct virt_listener listener = { on_domain_event, on_device_event, on_virt_closed, s };
	s->virt = virt_open(uri, &listener, LIBVIRT_OPEN_MS, &error);
	s->virt_uri = g_strdup(uri);
	s->virt_trouble = error ? g_strdup(error->message) : NULL;
}

void session_reach_redis(struct session *s, const struct objects *want)
{
	g_autoptr(GError) error = NULL;
	const struct object *farm = objects_farm(want);
	const struct farm_redis *spec = farm ? &((const struct farm_spec *)farm->spec)->redis : NULL;
	g_autofree char *of_farm = spec ? farm_redis_url(spec, spec->url) : NULL;
	const char *url = s->settings.devices_only ? "none" : s->settings.redis ? s->settings.redis : of_farm ? of_farm : "none";
	if (s->redis && strcmp(url, s->redis_url) == 0)
		return;
	close_redis(s);
	if (strcmp(url, "none") == 0)
		return;
	const char *password = spec ? spec->password_file : NULL;
	const struct strings folders = allowed_paths(s->settings.local, PLACE_SECRETS);
	const char *outside = password ? host_path_outside(s->arena, &s->tree, folders.items, folders.n, password, FALSE) : NULL;
	if (outside) {
		s->redis_url = g_strdup(url);
		s->redis_trouble = g_strdup_printf("its passwordFile %s %s", password, outside);
		return;
	}
	s->redis = redis_new(url, password, REDIS_TIMEOUT_MS, &error);
	s->redis_url = g_strdup(url);
	s->redis_trouble = error ? g_strdup(error->message) : NULL;
	if (s->redis && s->look)
		s->notice = notice_new(url, password, s->look, s->look_user, NULL);
	if (s->notice && s->hear)
		notice_on_word(s->notice, s->hear, s->hear_user);
}

/* Whether a VM of this host does: else no key is made. */
static gboolean names_secrets(struct arena *a, const struct session *s, const struct objects *want)
{
	OBJECTS_EACH (o, want, KIND_VM)
		if (o->spec && strcmp(((const struct vm_spec *)o->spec)->host, s->settings.host) == 0 && guest_host_files(a, want, o).n)
			return TRUE;
	return FALSE;
}

struct objects *session_observe(struct session *s, struct arena *a, const struct objects *want, gboolean checks)
{
	guint n_reaped;
	shelf_begin(s->shelf);
	reach_libvirt(s, want);
	session_reach_redis(s, want);
	if (!s->helper) {
		s->helper = helper_start(NULL);
		helper_serve_loop(s->helper); /* programs that write an initramfs take minutes */
	}
	if (!s->secret_key && names_secrets(a, s, want))
		s->secret_key = state_secret_key(s->settings.state);
	struct host_state_spec state_here;
	const struct list suspended = session_suspended(s, a, want, &state_here);
	const char *taken = session_claim_host(s);
	gboolean claims = s->settings.acts && !taken;
	/* Frames of workers that fell silent go back first; Redis away shows in the observation. */
	if (s->redis && claims)
		lease_reap(s->redis, &n_reaped, NULL);
	struct observe_input in = { .host = s->settings.host,
		                    .want = want,
		                    .tree = &s->tree,
		                    .lib = s->settings.lib,
		                    .helper = s->helper,
		                    .secret_key = s->secret_key,
		                    .taken = s->taken,
		                    .records = s->records,
		                    .virt = s->virt,
		                    .domains = s->domains,
		                    .libvirt_trouble = s->virt_trouble,
		                    .redis = s->redis,
		                    .redis_trouble = s->redis_trouble,
		                    .shelf = s->shelf,
		                    .holder = s->holder,
		                    .host_taken = taken,
		                    .claims = claims,
		                    .leaves_jobs = s->jobs_left_until_us > g_get_monotonic_time(),
		                    .local = s->settings.local,
		                    .sweep_bytes = s->settings.sweep_bytes,
		                    .suspended = suspended,
		                    .state_here = &state_here,
		                    .checks = checks };
	struct objects *have = observe(a, &in);
	const struct object *farm = objects_farm(have);
	const char *owner = farm ? ((const struct farm_status *)farm->status)->job_owner : NULL;
	s->holds_jobs = claims && g_strcmp0(owner, s->settings.host) == 0;
	return have;
}

gboolean session_observe_files(struct session *s, struct arena *a, const struct objects *want, const struct object *job,
                               struct renderjob_status *ret, GError **error)
{
	const struct observe_input in = { .host = s->settings.host, .want = want, .tree = &s->tree, .shelf = s->shelf, .holder = s->holder };
	shelf_begin(s->shelf);
	return observe_job_files(a, &in, job, ret, error);
}

void session_listen(struct session *s, void (*look)(gpointer user), gpointer user)
{
	g_autoptr(GError) error = NULL;
	s->look = look;
	s->look_user = user;
	if (!host_tree_is_this_machine(&s->tree))
		return;
	s->uevents = uevents_open(look, user, &error);
	if (!s->uevents)
		log_warning("devices", "%s; what is changed by hand is noticed at intervals only", error->message);
}

gboolean session_hold_jobs(struct session *s)
{
	SCOPED_ARENA(scratch);
	struct owner owner;
	return s->redis && s->holds_jobs && owner_acquire(s->redis, scratch, s->holder, OWNER_TTL_MS, &owner, NULL) &&
	       owner.is_mine;
}

gboolean session_holds_jobs(const struct session *s)
{
	return s->redis && s->holds_jobs;
}

gboolean session_reap_leases(struct session *s)
{
	guint n = 0;
	return s->redis && s->holds_jobs && lease_reap(s->redis, &n, NULL) && n > 0;
}

/* -- plan and apply ------------------------------------------------------------------------------------ */

struct plan *session_plan(struct session *s, struct arena *a, const struct wanted *w, const struct objects *have,
                          gboolean is_attended)
{
	s->planned_ms = g_get_real_time() / 1000;
	struct list pauses = s->settings.tries_all ? (struct list){ 0 } : session_pauses(s, a);
	struct plan_input in = { .host = s->settings.host,
		                 .revision = w->tree.revision,
		                 .held = w->held,
		                 .epoch = session_epoch(s, &w->tree),
		                 .want = w->objects,
		                 .have = have,
		                 .is_attended = is_attended,
		                 .pauses = pauses.items,
		                 .n_pauses = pauses.n,
		                 .devices_only = s->settings.devices_only,
		                 .local = s->settings.local };
	session_add_approvals(s, a, &in);
	struct plan *p = plan_build(a, &in);
	session_settle_approvals(s, p);
	return p;
}

struct applying {
	const struct session *session;
	const struct pass_events *events;
	const struct plan *plan;
};

static void on_acting(void *user, guint action)
{
	const struct applying *a = user;
	if (a->events->acting)
		a->events->acting(a->events->user, a->plan, action);
}

static void on_acted(void *user, const struct outcome *o)
{
	const struct applying *a = user;
	if (a->events->acted)
		a->events->acted(a->events->user, a->plan, o);
}

static gboolean is_over(void *user)
{
	const struct applying *a = user;
	gboolean is_asked_to = a->events->is_over && a->events->is_over(a->events->user);
	return is_asked_to || session_is_taken(a->session);
}

gboolean session_apply(struct session *s, struct arena *a, const struct plan *p, const struct pass_events *events,
                       struct outcomes *ret, GError **error)
{
	struct applying applying = { s, events, p };
	const struct object *host = objects_get(p->want, KIND_HOST, s->settings.host);
	const struct hands hands = { .helper = s->helper,
		                     .tree = &s->tree,
		                     .taken = s->taken,
		                     .device_timeout_ms = host ? ((const struct host_spec *)host->spec)->device_timeout_ms : 0 };
	struct apply_input in = { .arena = a,
		                  .plan = p,
		                  .virt = s->virt,
		                  .records = s->records,
		                  .redis = s->redis,
		                  .shelf = s->shelf,
		                  .hands = &hands,
		                  .tree = &s->tree,
		                  .holder = s->holder,
		                  .lib = s->settings.lib,
		                  .secret_key = s->secret_key,
		                  .state = s->settings.state,
		                  .acting = on_acting,
		                  .acted = on_acted,
		                  .is_over = is_over,
		                  .user = &applying };
	return session_begin_approved(s, p, error) && apply_plan(&in, ret, error);
}

gboolean session_decide(struct session *s, struct arena *a, const struct wanted *w, enum decision decision, const char *vm, GError **error)
{
	static gboolean (*const rows[])(const struct apply_input *in, const char *vm, GError **error) = {
		[DECISION_ADOPT] = adopt_vm, [DECISION_RELEASE] = release_vm, [DECISION_APPROVE] = approve_vm,
	};
	G_STATIC_ASSERT(G_N_ELEMENTS(rows) == N_DECISIONS);
	const struct plan none = { .host = s->settings.host, .revision = w->tree.revision, .want = w->objects, .have = objects_new(a) };
	const struct apply_input in = { .arena = a, .plan = &none, .virt = s->virt, .records = s->records, .redis = s->redis,
		                        .state = s->settings.state };
	return rows[decision](&in, vm, error);
}
