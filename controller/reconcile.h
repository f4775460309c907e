/* One pass: look at what is wanted and what is there, plan, apply. All state between passes (open
 * connections, caches, the last good revision) is a session; each pass has an arena of its own. */
#pragma once
#include "apply/outcome.h"
#include "base/problem.h"
#include "plan/plan.h"
#include "source/source.h"

struct controller_spec;
struct mirror;

/* The global options. "none" for libvirt or redis leaves that plane out; NULL: as the specs say. */
struct settings {
	const char *specs; /* DIR-or-repository[@REV], or URL[@REV] */
	gboolean specs_given;
	gboolean worktree;
	const char *host;
	gboolean host_given; /* on the command line */
	gboolean all_hosts;  /* files that VMs of any host name are read */
	const char *libvirt, *redis;
	const char *root, *sysfs;
	const char *state; /* absolute */
	const char *lib; /* what is installed for guests: worker.tar.xz, install */
	gboolean devices_only; /* Hosts and GPUs alone: libvirt and Redis are not asked */
	guint64 sweep_bytes; /* of visible frames read again in a second */
	gboolean acts; /* run, apply: may become the job owner */
	const struct controller_spec *local; /* the host's own file; NULL: there is none. Outlives the session */
	gboolean takes_mirrors_as_they_are; /* of URLs: somebody else fetches (the loop of `run`) */
	gboolean tries_all; /* a person's plan: what failed a moment ago is in it */
};

/* A source beside the main repository (`sources` of the Controller), as it stands in a wanted. */
struct wanted_source {
	const char *name;
	struct source_where where;
	struct source_tree tree; /* what is in force of it; without a commit: nothing is */
	/* Of its newest revision, when that is not in force. */
	const char *refused, *trouble, *reason; /* "art@sha1:…", why, and that in one word; all NULL: it is */
	struct source_tree newest;
	struct problems problems;
};

/* What the specs say at a revision. Lives in the arena it was read into. */
struct wanted {
	struct arena *arena;
	const struct source_where *where; /* the session's */
	struct source_tree tree;
	struct objects *objects;
	const char *tip;  /* the commit that the settings name; another than the tree's while this host is held at one. NULL: a directory */
	const char *held; /* why it is, as a sentence; NULL: it is not */
	struct problems problems; /* with errors: objects are for messages only */
	struct wanted_source *sources; /* in the Controller's order */
	guint n_sources;
};

struct session;
struct renderjob_status;

struct session *session_new(const struct settings *settings);
void session_free(struct session *s);

/* A source as it is shown and compared: an absolute path or a URL, with its revision, without passwords; g_free(). */
char *session_source_name(const char *specs);
/* Where specs are: on this machine, or in the mirror of a URL, which is fetched first (what was fetched before serves while
 * the remote is away, with a warning). *ret lives as long as the session. */
gboolean session_find(struct session *s, const char *specs, gboolean worktree, struct source_where *ret, GError **error);
/* The same of the settings' specs, found once; NULL on failure. */
const struct source_where *session_where(struct session *s, GError **error);
/* Copies of all that can be found by now, the main one first: for the watch. g_free(). */
struct source_where *session_wheres(struct session *s, guint *ret_n, GError **error);
/* The source that a mirror is of; NULL: the main one. */
const char *session_mirror_source(const struct session *s, const struct mirror *m);
/* struct mirror: of all URLs found so far. */
const GPtrArray *session_mirrors(const struct session *s);

/* Reads and checks the specs. FALSE when there is no tree to read; problems are in *ret. */
gboolean session_want(struct session *s, struct arena *a, struct wanted *ret, GError **error);
/* The same at a commit (NULL: as the settings say): the last good one while a newer is not valid. As revision_pins() gives
 * it, the other sources are read at their commits as well; else at their newest. */
gboolean session_want_at(struct session *s, struct arena *a, const char *commit, struct wanted *ret, GError **error);
/* Another commit than the one that was in force last on this host, if any was: one was pushed while nobody looked. */
gboolean session_is_newer(const struct session *s, const struct wanted *w);
/* It is in force from now on: kept in --state for session_want_good(). */
void session_keep_good(struct session *s, const struct wanted *w);
/* At the commit that was in force last on this host, and since when (ms since 1970). FALSE: there was none, or it is not valid any more. */
gboolean session_want_good(struct session *s, struct arena *a, struct wanted *ret, gint64 *ret_time_ms, GError **error);
void wanted_clear(struct wanted *w);
/* The first part of the revision is named as in that text: "main@sha1:…", where only a commit was asked for. */
void wanted_name(struct wanted *w, const char *revision);
/* The first source whose newest revision is not in force, or NULL. */
const struct wanted_source *wanted_refused(const struct wanted *w);
/* Where an object's file lies: its path within that tree. */
struct wanted_place {
	const struct source_where *where;
	const struct source_tree *tree;
	const char *path;
};
struct wanted_place wanted_place(const struct wanted *w, const struct object *o);
/* For report_problems_text(): `user` is a struct wanted, of a session that is still there. */
const char *wanted_find_text(void *user, const char *path, gsize *ret_size);

/* What is there. Planes that do not answer are said to be away in the Farm's and Host's status. `checks`: also what
 * nobody but preflight asks for, which may block. */
struct objects *session_observe(struct session *s, struct arena *a, const struct objects *want, gboolean checks);

/* What the manifest and the files say of one job, when Redis cannot be asked; nothing is to be planned with it. */
gboolean session_observe_files(struct session *s, struct arena *a, const struct objects *want, const struct object *job,
                               struct renderjob_status *ret, GError **error);

/* Pure: same input, same plan. `is_attended`: a person will apply it. */
struct plan *session_plan(struct session *s, struct arena *a, const struct wanted *w, const struct objects *have,
                          gboolean is_attended);

/* What people decide about a VM by hand (apply/own_vm.h). */
enum decision { DECISION_ADOPT, DECISION_RELEASE, DECISION_APPROVE, N_DECISIONS };
extern const struct name_table decision_names;

/* Does it. The session has to have looked at the machine. */
gboolean session_decide(struct session *s, struct arena *a, const struct wanted *w, enum decision decision, const char *vm, GError **error);

/* Approves what limits hold back, when that is the plan of this digest (or the begin of one) still. ERROR_REFUSED when it is
 * another one by now. `by`: who said so. */
gboolean session_approve(struct session *s, struct arena *a, const struct wanted *w, const struct objects *have, const char *digest,
                         const char *by, GError **error);

/* After a pass: tells the others whether all of this host is Ready at this revision, and lets go of its turn then. */
gboolean session_tell_turn(struct session *s, const struct plan *p, GError **error);

struct pass_events {
	/* Each may be NULL. */
	void (*acting)(void *user, const struct plan *p, guint action);
	void (*acted)(void *user, const struct plan *p, const struct outcome *o);
	gboolean (*is_over)(void *user); /* asked between actions: end the pass here */
	void *user;
};

/* Carries the plan out. FALSE with ERROR_REFUSED, before the first write, when the plan is refused. */
gboolean session_apply(struct session *s, struct arena *a, const struct plan *p, const struct pass_events *events,
                       struct outcomes *ret, GError **error);

/* Tells the farm how this host's objects stand after a pass, and what it has; only what changed. */
void session_tell(struct session *s, const struct plan *plan, const char *commit);
/* The host's heartbeat. TRUE: another controller acts as the host now, or does no
 * more: look again. */
gboolean session_beat(struct session *s);
enum { SESSION_BEAT_MS = 30000 };
/* Whether there is a Redis to hear it. */
gboolean session_beats(const struct session *s);
struct figures;
/* The queue's figures; FALSE where Redis is not asked, or does not answer. */
gboolean session_figures(struct session *s, struct arena *a, struct figures *ret);
/* What all hosts told that they have, as one observation. ret_notes gets a sentence for each that has told nothing, or nothing new. */
struct objects *session_observe_farm(struct session *s, struct arena *a, const struct objects *want, GPtrArray *ret_notes, GError **error);

/* Whether the specs are of another revision by now than the one that was read last, valid or not. Reads nothing of it. */
gboolean session_has_moved(const struct session *s, const char *commit);
/* What another session read goes on in this one, of the same source. */
void session_take_wanted(struct session *s, struct wanted *w);

/* What became of an action. FALSE when the same failure was told before, and is only worth counting. */
gboolean session_note_outcome(struct session *s, const struct plan *p, const struct outcome *o);
/* After a pass: what is not planned any more has come right, and all is written down. In how many ms something may be tried
 * again; 0: nothing waits. */
gint64 session_end_pass(struct session *s, const struct plan *p, GError **error);
/* The next pass is the first one of its revision: what it changes was not as this one wants it before. */
void session_begin_revision(struct session *s);
/* A newer revision, or a person: all is tried at once. */
void session_forget_troubles(struct session *s);
/* Of one object; TRUE when there was something. */
gboolean session_forget_trouble(struct session *s, enum kind_id kind, const char *id);

/* Calls `look` on the main loop when the kernel, libvirt or the queue says that something happened. Once. */
void session_listen(struct session *s, void (*look)(gpointer user), gpointer user);
/* Tells the other controllers of a commit that is new. */
void session_announce(struct session *s, const struct source_tree *tree);
/* Each word that Redis tells, before it is a reason to look; TRUE takes it. */
void session_on_word(struct session *s, gboolean (*hear)(gpointer user, const char *word), gpointer user);
/* Whether the word announces a commit; *ret_commit is that commit if it is of this repository and branch and not the one in
 * force (`now`; NULL: none is), else NULL. g_free(). */
gboolean session_hears(const struct session *s, const struct source_tree *now, const char *word, char **ret_commit);
/* Renews the job owner's lease. FALSE: another controller has the jobs, or Redis is away. */
gboolean session_hold_jobs(struct session *s);
gboolean session_holds_jobs(const struct session *s);
/* Gives frames of workers that fell silent back, as the job owner. TRUE: there were some. */
gboolean session_reap_leases(struct session *s);
