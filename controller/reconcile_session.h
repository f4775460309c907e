/* What a session carries from pass to pass. Private to reconcile*.c. */
#pragma once
#include "host/tree.h"
#include "reconcile.h"
#include "spec/host.h"

/* reconcile_good.c: the number by which Redis tells older revisions from newer ones; 0: no order is known. */
guint64 session_epoch(struct session *s, const struct source_tree *tree);
struct trust;

/* A source beside the main repository. */
struct extra {
	const struct controller_source *spec;
	char *specs; /* REPOSITORY[@REF] */
	struct source_where where;
	gboolean has_where;
	struct spec_cache *alone, *merged; /* of its own tree; of all sources up to this one */
	char *seen; /* the commit read last, in force or not */
	char *told; /* the commit that was announced last */
};

struct session {
	struct settings settings;
	struct arena *arena; /* strings that outlive passes */
	struct source_where where; /* parsed once; remembers the history it has counted */
	gboolean has_where;
	GPtrArray *extras; /* struct extra; NULL: not asked for yet */
	GPtrArray *mirrors; /* struct mirror: of the URLs among the sources */
	struct spec_cache *cache; /* of the revision read last: the next differs in a few files */
	struct trust *trust; /* NULL: nothing was judged yet */
	struct host_tree tree;
	struct helper *helper;
	struct taken *taken;
	char *secret_key; /* asked for with the first observation */
	struct vm_records *records;
	struct shelf *shelf;
	struct virt *virt;
	struct domain_cache *domains;
	char *virt_uri, *virt_trouble;
	gboolean has_told_approvals; /* that they cannot be read */
	char *holder; /* as job owner: the same for every process that holds this state folder */
	gboolean holds_jobs;
	gint64 jobs_left_until_us; /* they are not taken until then, of the monotonic clock; 0: nothing is in the way */
	struct redis *redis;
	char *redis_url, *redis_trouble;
	struct notice *notice;
	struct uevents *uevents; /* NULL: not listening, or the kernel's devices are not those observed */
	struct troubles *troubles;             /* read when they are first asked for */
	gboolean is_first_pass;                /* of a revision */
	gint64 planned_ms;                     /* when the last plan was made */
	GHashTable *done, *done_before;        /* signatures of actions that went well in this pass and in the one before */
	GHashTable *events;                    /* VM → libvirt's last event of it, in words; NULL: nobody listens */
	void (*look)(gpointer user);
	gpointer look_user;
	gboolean (*hear)(gpointer user, const char *word);
	gpointer hear_user;
	struct fleet_post *post; /* this host among the farm's (reconcile_fleet.c); NULL until it is needed */
};

/* Opens the farm's Redis when it is wanted and not open, or open elsewhere. */
void session_reach_redis(struct session *s, const struct objects *want);

/* -- reconcile_trust.c: signatures and owners, before anything is decoded -- */

/* What the Controller asks of a source. */
struct trust_terms {
	const char *name;       /* "main", or the source's */
	const char *repository; /* as the specs were named: a commit accepted of another counts nothing */
	const char *allowed_signers_file, *keyring_file; /* both NULL: no signature is asked for */
	gboolean is_extra;  /* not the main one */
	gboolean is_chosen; /* a person, or this host, named the commit: it is not what the branch has come to */
};

/* ERROR_REFUSED: the commit that was read is not to be trusted, and why. */
gboolean trust_judge(struct session *s, const struct trust_terms *terms, const struct source_where *where, const struct source_tree *tree,
                     GError **error);
/* It was found trusted and valid: what comes is judged from here. */
void trust_accept(struct session *s, const struct trust_terms *terms, const struct source_tree *tree);
void trust_free(struct trust *t);
/* -- reconcile_want.c -- */

/* Whether all that will load the file know it. `path` begins with the source's name where it is not the main one. */
gboolean session_knows(const struct session *s, const char *path, const char *blob_id, gsize *ret_size);
/* Files of the commit that VMs of this host are told; of one source (NULL: the main one). */
void wanted_read_texts(const struct session *s, struct wanted *w, const char *source, const struct source_where *where,
                       const struct source_tree *tree);
/* What only who reads the tree can say, of the objects of one source. */
void wanted_check_tree(struct wanted *w, const struct objects *objects, const char *source, const struct source_where *where,
                       const struct source_tree *tree, struct problems *problems);

/* -- reconcile_sources.c -- */

/* The sources beside the main one; empty where the specs are not those of the host's own Controller. */
const GPtrArray *session_extras(struct session *s);
void session_free_extras(struct session *s);
/* Adds them to the main repository's objects, which are valid; `rest` as revision_rest() gives it, "": the newest of each. */
void sources_add(struct session *s, struct wanted *w, const char *rest);
/* What is in force of each is kept in --state. */
void sources_keep_good(struct session *s, const struct wanted *w);
/* The key of a source in --state: "art: /srv/art.git@main"; g_free(). */
char *extra_key(const struct extra *x);

/* -- reconcile_local.c -- */

/* struct host_suspension: what is halted on this host alone; and the host's own state there. */
struct list session_suspended(const struct session *s, struct arena *a, const struct objects *want, struct host_state_spec *ret_state);
/* At this tip of the branch: the older commit that people hold this host at, and a sentence of it; both NULL: none. FALSE:
 * that cannot be known. */
gboolean session_hold(const struct session *s, struct arena *a, const char *tip, const char **ret_commit, const char **ret_held, GError **error);

/* This tip is trusted and valid: a hold that was made at another one is over. What is refused ends none, or who takes it back
 * would bring the tip that was left. */
void session_end_hold(const struct session *s, const char *tip);

/* Takes the host, or renews the claim. A sentence when another controller acts as it; NULL else, and without Redis. */
const char *session_claim_host(struct session *s);
/* Another does, by what was heard last. */
gboolean session_is_taken(const struct session *s);
void session_leave_host(struct session *s);
void session_end_post(struct session *s);

/* -- reconcile_approvals.c -- */

/* Those of this host and revision. */
void session_add_approvals(struct session *s, struct arena *a, struct plan_input *in);
/* After a plan was made by who acts: those that count no more are forgotten. */
void session_settle_approvals(struct session *s, const struct plan *p);
/* Before the first action of an approved plan. */
gboolean session_begin_approved(struct session *s, const struct plan *p, GError **error);
/* struct plan_pause, in the arena (reconcile_troubles.c). */
struct list session_pauses(struct session *s, struct arena *a);
void session_clear_troubles(struct session *s);
