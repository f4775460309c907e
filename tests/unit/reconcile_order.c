/* The last good commit, and the order of revisions: a session on a real repository and a real Redis. */
#include "apply/outcome.h"
#include "base/arena.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "reconcile_session.h"
#include "redis_fixture.h"
#include "source_fixture.h"
#include "spec/controller.h"
#include "state/last_good.h"
#include <string.h>

#define SPECS "printf 'apiVersion: cleave/v1alpha1\\nkind: Farm\\nmetadata: {name: f}\\nspec: {redis: {url: \"redis://h\"}}\\n' >farm.yaml; "

struct host {
	struct settings settings;
	struct session *session;
	struct arena *arena;
	struct wanted wanted;
	char *specs, *state;
};

/* A host with a clone of its own, which it may not have fetched yet. */
static struct host host_new(const char *dir, const char *name, const char *url)
{
	struct host h = { .specs = g_strdup_printf("%s/%s.git@main", dir, name), .state = g_strdup_printf("%s/state-%s", dir, name) };
	g_mkdir_with_parents(h.state, 0700);
	h.settings = (struct settings){ .specs = h.specs, .specs_given = TRUE, .host = name, .libvirt = "none", .redis = url, .root = "/",
		                        .state = h.state, .lib = "/", .acts = TRUE };
	h.session = session_new(&h.settings);
	h.session->holds_jobs = TRUE;
	h.session->redis = redis_new(url, NULL, 3000, NULL);
	h.session->redis_url = g_strdup(url);
	return h;
}

static void host_clear(struct host *h)
{
	if (h->arena) {
		wanted_clear(&h->wanted);
		arena_free(h->arena);
	}
	session_free(h->session);
	g_free(h->specs);
	g_free(h->state);
}

/* Takes what its clone has into force. */
static guint64 look(struct host *h)
{
	GError *error = NULL;
	if (h->arena) {
		wanted_clear(&h->wanted);
		arena_free(h->arena);
	}
	h->arena = arena_new();
	if (!session_want(h->session, h->arena, &h->wanted, &error))
		fail_msg("%s", error->message);
	session_keep_good(h->session, &h->wanted);
	return session_epoch(h->session, &h->wanted.tree);
}

static gboolean acts(struct host *h, gint64 fence)
{
	return owner_pass(h->session->redis, fence, (gint64)session_epoch(h->session, &h->wanted.tree), h->wanted.tree.revision, NULL);
}

struct ctx {
	char *dir;
	struct host a, b;
	gint64 fence;
};

static struct ctx begin(void **state)
{
	struct redis_fixture *f = redis_fixture_of(state);
	struct ctx x = { .dir = temp_folder() };
	struct owner owner;
	run_in(x.dir, "git init -q w; cd w; " SPECS "git add .; for i in 1 2 3; do git commit -q --allow-empty -m $i; done;"
	              "git clone -q --mirror . ../a.git; git clone -q --mirror . ../b.git");
	x.a = host_new(x.dir, "a", f->url);
	x.b = host_new(x.dir, "b", f->url);
	SCOPED_ARENA(arena);
	assert_true(owner_acquire(x.a.session->redis, arena, "a", 60000, &owner, NULL));
	x.fence = owner.fence;
	return x;
}

static void end(struct ctx *x)
{
	host_clear(&x->a);
	host_clear(&x->b);
	temp_remove(x->dir);
}

static void fetch(struct ctx *x, const char *script)
{
	run_in(x->dir, script);
}
#define FETCH(host) "git -C " host ".git fetch -q -f --prune origin '+refs/heads/*:refs/heads/*';"

static void test_behind(void **state)
{
	struct ctx x = begin(state);
	assert_int_equal(look(&x.a), 3);
	assert_true(acts(&x.a, x.fence));
	assert_int_equal(look(&x.b), 3);
	fetch(&x, "git -C w commit -q --allow-empty -m 4;" FETCH("a"));
	assert_int_equal(look(&x.a), 4);
	assert_true(acts(&x.a, x.fence));
	look(&x.b);
	assert_false(acts(&x.b, x.fence));
	/* Behind, and not knowing what the others act on, is behind as well. */
	fetch(&x, FETCH("b"));
	assert_int_equal(look(&x.b), 4);
	assert_true(acts(&x.b, x.fence));
	end(&x);
}

static void test_rewritten_to_fewer(void **state)
{
	struct ctx x = begin(state);
	look(&x.a), look(&x.b);
	assert_true(acts(&x.a, x.fence));
	fetch(&x, "cd w; git reset -q --hard HEAD~2; git commit -q --allow-empty -m other; cd ..;" FETCH("a"));
	look(&x.a);
	assert_int_equal(x.a.wanted.tree.epoch, 2);
	assert_true(acts(&x.a, x.fence));
	assert_true(acts(&x.a, x.fence));
	look(&x.b); /* still at the old one: undoes nothing */
	assert_false(acts(&x.b, x.fence));
	fetch(&x, FETCH("b"));
	look(&x.b);
	assert_true(acts(&x.b, x.fence));
	/* And on it goes from there, for one that knows nothing of what was before as well. */
	fetch(&x, "git -C w commit -q --allow-empty -m next;" FETCH("a") FETCH("b"));
	look(&x.b);
	assert_true(acts(&x.b, x.fence));
	run_in(x.dir, "rm -rf state-a/*");
	look(&x.a);
	assert_true(acts(&x.a, x.fence));
	end(&x);
}

static void test_moved_back(void **state)
{
	struct ctx x = begin(state);
	look(&x.a), look(&x.b);
	assert_true(acts(&x.a, x.fence));
	fetch(&x, "git -C w reset -q --hard HEAD~1;" FETCH("a"));
	look(&x.a);
	assert_int_equal(x.a.wanted.tree.epoch, 2);
	assert_true(acts(&x.a, x.fence));
	look(&x.b);
	assert_false(acts(&x.b, x.fence));
	/* Forward again, by a push like any other. */
	fetch(&x, "git -C w reset -q --hard 'HEAD@{1}';" FETCH("a"));
	look(&x.a);
	assert_int_equal(x.a.wanted.tree.epoch, 3);
	assert_true(acts(&x.a, x.fence));
	look(&x.b);
	assert_true(acts(&x.b, x.fence));
	end(&x);
}

/* Forced away and back again: who has only seen the first half is behind. */
static void test_there_and_back(void **state)
{
	struct ctx x = begin(state);
	look(&x.a), look(&x.b);
	assert_true(acts(&x.a, x.fence));
	fetch(&x, "cd w; git branch keep; git reset -q --hard HEAD~2; git commit -q --allow-empty -m other; cd ..;" FETCH("a") FETCH("b"));
	look(&x.a), look(&x.b);
	assert_true(acts(&x.a, x.fence));
	assert_true(acts(&x.b, x.fence));
	fetch(&x, "git -C w reset -q --hard keep;" FETCH("a"));
	look(&x.a);
	assert_true(acts(&x.a, x.fence));
	look(&x.b);
	assert_false(acts(&x.b, x.fence));
	fetch(&x, FETCH("b"));
	look(&x.b);
	assert_true(acts(&x.b, x.fence));
	end(&x);
}

/* The controller was off while the branch was rewritten. */
static void test_restarted(void **state)
{
	struct ctx x = begin(state);
	look(&x.a);
	assert_true(acts(&x.a, x.fence));
	host_clear(&x.a);
	fetch(&x, "cd w; git reset -q --hard HEAD~2; git commit -q --allow-empty -m other; cd ..;" FETCH("a"));
	x.a = host_new(x.dir, "a", x.b.settings.redis);
	look(&x.a);
	assert_true(acts(&x.a, x.fence));
	end(&x);
}

/* A controller of an older version kept a number alone: numbers are compared, as it does. */
static void test_older_version(void **state)
{
	struct ctx x = begin(state);
	look(&x.a);
	assert_true(owner_pass(x.a.session->redis, x.fence, 7, NULL, NULL));
	assert_int_equal(look(&x.a), 3);
	assert_false(acts(&x.a, x.fence));
	end(&x);
}

/* A branch that is not valid any more: what was in force before. */
static void test_last_good(void **state)
{
	struct ctx x = begin(state);
	SCOPED_ARENA(arena);
	struct wanted w, broken;
	gint64 since_ms = 0;
	look(&x.a);
	g_autofree char *good = g_strdup(x.a.wanted.tree.revision);
	fetch(&x, "cd w; echo broken >>farm.yaml; git commit -qam broken; cd ..;" FETCH("a"));
	assert_true(session_want(x.a.session, arena, &broken, NULL));
	assert_true(broken.problems.n_errors > 0);
	assert_true(session_want_good(x.a.session, arena, &w, &since_ms, NULL));
	assert_string_equal(w.tree.revision, good);
	assert_true(since_ms > 0);
	assert_int_equal(w.objects->by_kind[KIND_FARM]->len, 1);
	wanted_clear(&w);
	wanted_clear(&broken);
	assert_false(session_want_good(x.b.session, arena, &w, &since_ms, NULL));
	end(&x);
}

static void test_file(void **state)
{
	(void)state;
	char *dir = temp_folder();
	struct last_good g;
	g_autofree char *one = g_strnfill(40, '1'), *two = g_strnfill(40, '2'), *file = g_build_filename(dir, "last-good.json", NULL);
	last_good_find(dir, "s", &g);
	assert_null(g.commit);
	assert_null(g.before[0]);
	last_good_clear(&g);
	assert_true(last_good_put(dir, "s", one, "main@sha1:1", NULL));
	assert_true(last_good_put(dir, "s", two, "main@sha1:2", NULL));
	assert_true(last_good_put(dir, "other", one, "x", NULL));
	last_good_find(dir, "s", &g);
	assert_string_equal(g.commit, two);
	assert_string_equal(g.revision, "main@sha1:2");
	assert_string_equal(g.before[0], one);
	assert_null(g.before[1]);
	last_good_clear(&g);
	for (guint i = 0; i < 100; i++) {
		g_autofree char *name = g_strdup_printf("s%u", i);
		assert_true(last_good_put(dir, name, i % 2 ? one : two, name, NULL));
		assert_true(last_good_put(dir, "s", i % 2 ? one : two, "main", NULL));
	}
	last_good_find(dir, "s", &g);
	assert_int_equal(g_strv_length(g.before), 32);
	last_good_clear(&g);
	/* Whatever is in it, it is at most not known. */
	static const char *const texts[] = { "", "[]", "{", "{\"s\":1}", "{\"s\":{\"commit\":\"zz\",\"revision\":\"r\",\"before\":7}}" };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		assert_true(g_file_set_contents(file, texts[i], -1, NULL));
		last_good_find(dir, "s", &g);
		assert_null(g.commit);
		last_good_clear(&g);
	}
	assert_false(last_good_put("/no/such/folder", "s", one, "r", NULL));
	temp_remove(dir);
}

/* -- a source beside the main repository ------------------------------------------------------------------------ */

#define ART "mkdir -p art; git init -q art 2>/dev/null; cd art; "
#define JOB(frames)                                                                                                       \
	"printf 'apiVersion: cleave/v1alpha1\\nkind: RenderJob\\nmetadata: {name: j}\\nspec: {project: p, scene: {file: \"r:a.blend\"}, frames: " frames \
	", resolution: 8x8, output: \"r:####.png\"}\\n' >job.yaml; git add .; git commit -q -m " frames ";"
#define FETCH_ART(host) "git -C " host "-art.git fetch -q -f --prune origin '+refs/heads/*:refs/heads/*';"

struct beside {
	struct controller_source art;
	struct controller_spec local;
	char *repository, *main;
};

/* The host's Controller has a clone of the artists' repository. */
static void add_art(struct host *h, struct beside *b, const char *dir, const char *name)
{
	*b = (struct beside){ .repository = g_strdup_printf("%s/%s-art.git", dir, name), .main = g_strdup_printf("%s/%s.git", dir, name) };
	b->art = (struct controller_source){ .name = "art", .repository = b->repository };
	b->local = (struct controller_spec){ .repository = b->main, .ref = "main", .sources = { &b->art, 1 } };
	h->session->settings.local = &b->local;
}

static void clear_art(struct beside *b)
{
	g_free(b->repository);
	g_free(b->main);
}

static void begin_art(struct ctx *x, struct beside *a, struct beside *b)
{
	run_in(x->dir, "sed -i '$ s/}$/, roots: {r: {path: \\/r}}}/' w/farm.yaml; git -C w commit -q -a -m roots;" FETCH("a") FETCH("b"));
	run_in(x->dir, ART JOB("1") "cd ..; git clone -q --mirror art a-art.git; git clone -q --mirror art b-art.git");
	add_art(&x->a, a, x->dir, "a");
	add_art(&x->b, b, x->dir, "b");
}

static const char *art_of(const struct host *h)
{
	return h->wanted.n_sources ? h->wanted.sources[0].tree.commit : NULL;
}

static void test_source_behind(void **state)
{
	struct ctx x = begin(state);
	struct beside a, b;
	begin_art(&x, &a, &b);
	look(&x.a), look(&x.b);
	if (!art_of(&x.a))
		fail_msg("%s", x.a.wanted.n_sources ? x.a.wanted.sources[0].trouble : "no source");
	assert_true(acts(&x.a, x.fence));
	assert_true(acts(&x.b, x.fence));
	fetch(&x, ART JOB("2") "cd ..;" FETCH_ART("a"));
	look(&x.a);
	assert_true(acts(&x.a, x.fence));
	look(&x.b); /* the main repository's commit is the same: the source's decides */
	assert_string_not_equal(art_of(&x.a), art_of(&x.b));
	assert_false(acts(&x.b, x.fence));
	/* Ahead in the one, behind in the other. */
	fetch(&x, "git -C w commit -q --allow-empty -m 4;" FETCH("b"));
	look(&x.b);
	assert_false(acts(&x.b, x.fence));
	assert_true(acts(&x.a, x.fence));
	fetch(&x, FETCH_ART("b"));
	look(&x.b);
	assert_true(acts(&x.b, x.fence));
	look(&x.a);
	assert_false(acts(&x.a, x.fence));
	fetch(&x, FETCH("a"));
	look(&x.a);
	assert_true(acts(&x.a, x.fence));
	end(&x);
	clear_art(&a), clear_art(&b);
}

static void test_source_rewritten(void **state)
{
	struct ctx x = begin(state);
	struct beside a, b;
	begin_art(&x, &a, &b);
	look(&x.a), look(&x.b);
	assert_true(acts(&x.a, x.fence));
	fetch(&x, ART "git commit -q --amend -m other; cd ..;" FETCH_ART("a"));
	look(&x.a);
	assert_true(acts(&x.a, x.fence));
	look(&x.b);
	assert_false(acts(&x.b, x.fence));
	fetch(&x, FETCH_ART("b"));
	look(&x.b);
	assert_true(acts(&x.b, x.fence));
	end(&x);
	clear_art(&a), clear_art(&b);
}

/* A host whose Controller never had the source would cancel its jobs; one that had it and does not any more may. */
static void test_source_unknown(void **state)
{
	struct ctx x = begin(state);
	struct beside a, b;
	begin_art(&x, &a, &b);
	x.b.session->settings.local = NULL;
	look(&x.a), look(&x.b);
	assert_true(acts(&x.a, x.fence));
	assert_null(art_of(&x.b));
	assert_false(acts(&x.b, x.fence));
	assert_false(x.b.session->holds_jobs);
	session_free_extras(x.a.session);
	a.local.sources.n = 0;
	look(&x.a);
	assert_null(art_of(&x.a));
	assert_true(acts(&x.a, x.fence));
	x.b.session->holds_jobs = TRUE;
	assert_true(acts(&x.b, x.fence));
	end(&x);
	clear_art(&a), clear_art(&b);
}

/* Its last good commit is kept beside the main one's, and a source that is not there takes nothing down. */
static void test_source_good(void **state)
{
	struct ctx x = begin(state);
	struct beside a, b;
	begin_art(&x, &a, &b);
	look(&x.a);
	g_autofree char *good = g_strdup(art_of(&x.a));
	fetch(&x, ART JOB("nonsense") "cd ..;" FETCH_ART("a") FETCH_ART("b"));
	look(&x.a);
	assert_string_equal(art_of(&x.a), good);
	assert_string_equal(x.a.wanted.sources[0].reason, "InvalidSpecs");
	assert_true(g_str_has_prefix(x.a.wanted.sources[0].trouble, "art:job.yaml:4:"));
	assert_int_equal(x.a.wanted.problems.n_errors, 0);
	assert_null(objects_absent(x.a.wanted.objects, KIND_RENDERJOB, "p/j"));
	look(&x.b);
	assert_null(art_of(&x.b));
	assert_string_equal(objects_absent(x.b.wanted.objects, KIND_RENDERJOB, "p/j"), "art");
	end(&x);
	clear_art(&a), clear_art(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behind), cmocka_unit_test(test_rewritten_to_fewer), cmocka_unit_test(test_moved_back), cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_restarted), cmocka_unit_test(test_older_version), cmocka_unit_test(test_last_good), cmocka_unit_test(test_file),
		cmocka_unit_test(test_source_behind), cmocka_unit_test(test_source_rewritten), cmocka_unit_test(test_source_unknown), cmocka_unit_test(test_source_good),
	};
	return cmocka_run_group_tests(tests, redis_fixture_setup, redis_fixture_teardown);
}
