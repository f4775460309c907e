/* This host among the farm's: the claim that one controller alone acts as it, and what it tells the others after each
 * pass. What did not change is not told again; the heartbeat is enough. */
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "queue/figures.h"
#include "queue/fleet.h"
#include "reconcile_session.h"
#include "spec/emit.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/load.h"
#include "spec/resolve.h"
#include "spec/vm.h"
#include <string.h>


struct fleet_post {
	char *who;   /* "MACHINE STATE-FOLDER" */
	char *taken; /* another acts as the host; NULL: nobody that is known of */
	gboolean is_said; /* that nobody sees to it */
	char *told_digest, *have_digest; /* of what was told last */
	char *told, *have; /* for the next heartbeat; NULL: nothing new */
	GHashTable *since; /* "KIND/ID" -> "TYPE REASON TIME" of this pass and the one before */
};

/* -- the claim ------------------------------------------------------------------------------------------ */

static const char *machine_of(struct session *s)
{
	const char *machine = host_read(s->arena, &s->tree, "etc/machine-id");
	return machine && *machine ? machine : "unknown";
}

static struct fleet_post *post_of(struct session *s)
{
	if (s->post)
		return s->post;
	g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, s->settings.state, -1);
	s->post = g_new0(struct fleet_post, 1);
	s->post->who = g_strdup_printf("%s %.8s", machine_of(s), hex);
	s->post->since = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return s->post;
}

static void forget_told(struct fleet_post *p)
{
	g_clear_pointer(&p->told_digest, g_free);
	g_clear_pointer(&p->have_digest, g_free);
	g_clear_pointer(&p->told, g_free);
	g_clear_pointer(&p->have, g_free);
}

static char *taken_sentence(const struct session *s, const struct fleet_claim *c)
{
	g_auto(GStrv) theirs = g_strsplit(c->holder, " ", 2), ours = g_strsplit(s->post->who, " ", 2);
	gboolean is_here = g_strcmp0(theirs[0], ours[0]) == 0;
	return g_strdup_printf("machine %s (state folder %s) acts as host %s; this is %s %s (state folder %s), and does nothing until that is gone%s",
	                       theirs[0] ? theirs[0] : "?", theirs[0] && theirs[1] ? theirs[1] : "?", s->settings.host,
	                       is_here ? "the same machine" : "machine", ours[0], ours[1],
	                       is_here ? "; end one of the two controllers" : "; give one of the two another name (`host` in /etc/cleave/controller.yaml)");
}

static void say_unguarded(struct session *s)
{
	if (!s->look || s->redis || s->redis_trouble || s->post->is_said)
		return;
	s->post->is_said = TRUE;
	log_notice("fleet", "without Redis nobody sees to it that one controller alone acts as host %s", s->settings.host);
}

/* A Redis that does not answer changes nothing of what was known. TRUE: the answer is another than before, or Redis has lost
 * what this host told. */
static gboolean claim(struct session *s)
{
	SCOPED_ARENA(scratch);
	struct fleet_claim c;
	struct fleet_post *p = post_of(s);
	say_unguarded(s);
	if (!s->redis || !s->settings.acts || s->settings.devices_only ||
	    !fleet_claim(s->redis, scratch, s->settings.host, p->who, FLEET_TTL_MS, &c, NULL))
		return FALSE;
	g_autofree char *before = g_steal_pointer(&p->taken);
	gboolean is_lost = c.is_mine && c.is_lost && p->told_digest && !p->told;
	p->taken = c.is_mine ? NULL : taken_sentence(s, &c);
	if (is_lost)
		forget_told(p); /* the next pass tells all of it again */
	if (g_strcmp0(p->taken, before) == 0)
		return is_lost;
	if (p->taken)
		log_error("fleet", "%s", p->taken);
	else
		log_notice("fleet", "host %s is free: this controller acts as it", s->settings.host);
	forget_told(p);
	return TRUE;
}

const char *session_claim_host(struct session *s)
{
	claim(s);
	return s->post->taken;
}

gboolean session_is_taken(const struct session *s)
{
	return s->post && s->post->taken;
}

void session_leave_host(struct session *s)
{
	if (s->post && s->redis && s->settings.acts && !s->post->taken)
		fleet_leave(s->redis, s->settings.host, s->post->who, NULL); /* else it runs out by itself */
}

void session_end_post(struct session *s)
{
	if (!s->post)
		return;
	forget_told(s->post);
	g_hash_table_unref(s->post->since);
	g_free(s->post->who);
	g_free(s->post->taken);
	g_free(s->post);
}

/* -- telling ---------------------------------------------------------------------------------------------- */

/* Since when it stands so: as in the pass before, else since this one. */
static const char *since_of(struct fleet_post *p, struct arena *a, GHashTable *now, const struct fleet_condition *c, const char *time)
{
	g_autofree char *key = g_strdup_printf("%s/%s", c->kind, c->name), *stand = g_strdup_printf("%s %s ", c->type, c->reason);
	const char *before = g_hash_table_lookup(p->since, key);
	gboolean is_same = before && g_str_has_prefix(before, stand);
	const char *since = is_same ? arena_strdup(a, before + strlen(stand)) : time;
	g_hash_table_insert(now, g_steal_pointer(&key), g_strconcat(stand, since ? since : "", NULL));
	return since;
}

static void read_conditions(struct session *s, struct arena *a, const struct plan *plan, struct fleet_host *ret)
{
	GHashTable *now = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	ret->conditions = ARENA_ARRAY(a, struct fleet_condition, plan->n_verdicts);
	for (guint i = 0; i < plan->n_verdicts; i++) {
		const struct verdict *v = &plan->verdicts[i];
		const char *host = v->object->spec ? object_host_name(v->object) : NULL;
		struct fleet_condition c = { .kind = v->object->kind->name, .name = v->object->id, .type = name_of(&readiness_names, (int)v->readiness),
			                     .reason = v->reason, .message = v->message };
		if (g_strcmp0(host, s->settings.host) != 0)
			continue;
		c.since = since_of(s->post, a, now, &c, ret->observed_at);
		ret->conditions[ret->n_conditions++] = c;
	}
	g_hash_table_unref(s->post->since);
	s->post->since = now;
}

/* The time of the look is no change. */
static char *digest_of_have(const char *have)
{
	const char *at = strstr(have, "observedAt:"), *end = at ? strchr(at, '\n') : NULL;
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_checksum_update(sum, (const guchar *)have, at ? at - have : -1);
	if (end)
		g_checksum_update(sum, (const guchar *)end, -1);
	char *hex = g_strdup(g_checksum_get_string(sum));
	g_checksum_free(sum);
	return hex;
}

static void renew(char **digest, char *new_digest, char **pending, const char *text, gboolean *ret_is_new)
{
	*ret_is_new = g_strcmp0(*digest, new_digest) != 0;
	g_free(*digest);
	*digest = new_digest;
	if (!*ret_is_new)
		return;
	g_free(*pending);
	*pending = g_strdup(text);
}

/* What cannot be told is tried again with what comes next. */
static void tell(struct session *s)
{
	g_autoptr(GError) error = NULL;
	struct fleet_post *p = s->post;
	if (!s->redis || p->taken || (!p->told && !p->have))
		return;
	gboolean ok = fleet_tell(s->redis, s->settings.host, p->who, p->told, p->have, &error);
	if (g_error_matches(error, CLEAVE_ERROR, ERROR_INVALID)) {
		log_warning("fleet", "%s; other hosts do not see it", error->message);
		g_clear_pointer(&p->have, g_free);
		ok = fleet_tell(s->redis, s->settings.host, p->who, p->told, NULL, NULL);
	}
	if (!ok)
		return;
	g_clear_pointer(&p->told, g_free);
	g_clear_pointer(&p->have, g_free);
}

static void emit_own(const struct session *s, const struct plan *plan, GString *out)
{
	const struct object *host = objects_get(plan->have, KIND_HOST, s->settings.host);
	if (host)
		emit_object(out, host, EMIT_STATUS);
	OBJECTS_EACH (o, plan->have, KIND_GPU)
		emit_object(out, o, EMIT_STATUS);
	OBJECTS_EACH (o, plan->have, KIND_VM)
		emit_object(out, o, EMIT_STATUS);
}

void session_tell(struct session *s, const struct plan *plan, const char *commit)
{
	SCOPED_ARENA(a);
	struct fleet_post *p = post_of(s);
	if (!s->redis || p->taken)
		return;
	g_autoptr(GString) have = g_string_new(NULL);
	gboolean is_new, has_new;
	const struct object *host = objects_get(plan->have, KIND_HOST, s->settings.host);
	const struct host_status *status = host ? host->status : NULL;
	struct fleet_host h = { .machine = status ? status->machine_id : NULL, .version = CLEAVE_VERSION, .revision = plan->revision,
		                .commit = commit };
	h.observed_at = status ? status->observed_at : NULL;
	read_conditions(s, a, plan, &h);
	g_autofree char *told = fleet_write(&h);
	h.observed_at = NULL;
	g_autofree char *timeless = fleet_write(&h);
	renew(&p->told_digest, g_compute_checksum_for_string(G_CHECKSUM_SHA256, timeless, -1), &p->told, told, &is_new);
	emit_own(s, plan, have);
	renew(&p->have_digest, digest_of_have(have->str), &p->have, have->str, &has_new);
	if (is_new)
		tell(s);
}

gboolean session_beat(struct session *s)
{
	gboolean is_other = claim(s);
	tell(s);
	return is_other;
}

G_STATIC_ASSERT((int)SESSION_BEAT_MS == (int)FLEET_BEAT_MS);

gboolean session_beats(const struct session *s)
{
	return s->redis && s->settings.acts && !s->settings.devices_only;
}

gboolean session_figures(struct session *s, struct arena *a, struct figures *ret)
{
	return s->redis && figures_read(s->redis, a, ret, NULL);
}

/* -- hearing ---------------------------------------------------------------------------------------------- */

/* Of others a host says nothing: what it tells is of itself, its cards and its VMs. */
static gboolean may_tell(const struct object *o, const char *host)
{
	switch (o->kind->id) {
	case KIND_HOST: return strcmp(o->id, host) == 0;
	case KIND_GPU:
	case KIND_VM: return TRUE;
	default: return FALSE;
	}
}

/* Two hosts name cards that no spec names by their addresses, which may be equal. */
static void add(struct arena *a, struct objects *all, struct object *o, const char *host)
{
	if (objects_add(all, o))
		return;
	o->id = o->meta.name = arena_printf(a, "%s.%s", host, o->id);
	objects_add(all, o);
}

/* One that a newer cleave wrote may say what this one cannot read: the others are no worse for it. */
static gboolean merge(struct arena *a, struct objects *all, const char *host, const char *text)
{
	struct problems problems;
	struct spec_file file = { .path = arena_printf(a, "host %s", host), .bytes = text, .size = strlen(text) };
	problems_init(&problems, a);
	struct objects *its = status_load(a, &file, 1, &problems);
	gboolean is_good = problems.n_errors == 0;
	for (int kind = 0; is_good && kind < N_KINDS; kind++)
		OBJECTS_EACH (o, its, kind)
			if (may_tell(o, host))
				add(a, all, o, host);
	problems_clear(&problems);
	return is_good;
}

static void note(GPtrArray *notes, struct arena *a, const struct fleet_host *h, const char *text, gboolean is_read)
{
	if (!text)
		g_ptr_array_add(notes, arena_printf(a, "host %s has told nothing of what it has", h->name));
	else if (!is_read)
		g_ptr_array_add(notes, arena_printf(a, "what host %s told cannot be read; its cleave is version %s, this is " CLEAVE_VERSION,
		                                    h->name, h->version ? h->version : "unknown"));
	else if (h->silent_ms >= FLEET_TTL_MS)
		g_ptr_array_add(notes, arena_printf(a, "host %s has not been heard for %s: what it told is old", h->name, duration_about(a, h->silent_ms)));
}

struct objects *session_observe_farm(struct session *s, struct arena *a, const struct objects *want, GPtrArray *ret_notes, GError **error)
{
	struct fleet_host *hosts;
	guint n;
	session_reach_redis(s, want);
	if (!s->redis) {
		fail(error, ERROR_AWAY, "the farm's hosts tell in Redis what they have: %s", s->redis_trouble ? s->redis_trouble : "the Farm names none");
		return NULL;
	}
	struct objects *all = objects_new(a);
	if (!fleet_list(s->redis, a, &hosts, &n, error))
		return NULL;
	for (guint i = 0; i < n; i++) {
		const char *text = NULL;
		g_autoptr(GError) problem = NULL;
		if (!fleet_have(s->redis, a, hosts[i].name, &text, &problem) && !g_error_matches(problem, CLEAVE_ERROR, ERROR_INVALID)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return NULL;
		}
		if (problem) {
			g_ptr_array_add(ret_notes, arena_printf(a, "%s", problem->message));
			continue;
		}
		note(ret_notes, a, &hosts[i], text, text && merge(a, all, hosts[i].name, text));
	}
	objects_sort(all);
	return all;
}
