/* A plan from one revision to another needs no host, and says what a host that is as the first one says then plans at the
 * second: shown on a simulated host (plan_host_fixture.h), which shares no code with plan/assume*.c, over random pushes
 * in a row. The seed is printed; CLEAVE_SEED=N repeats a run.
 *
 * What only a host knows is left out of the pushes: they never go back to values of earlier ones (the store may have
 * those frames), modules stay loaded, no host is cordoned (what ran before does), and no VM waits for ever for a restart that its spec does not allow. */
#include "plan/assume.h"
#include "base/arena.h"
#include "plan_fixture.h"
#include "plan_host_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PUSHES = 200, VMS = 5, JOBS = 4, LOOKS = 60, MOST_KEYS = 40 };

static gboolean one_in(GRand *r, int n)
{
	return g_rand_int_range(r, 0, n) == 0;
}

#define PICK(r, ...)                                                             \
	({                                                                       \
		static const char *const words_[] = { __VA_ARGS__ };             \
		words_[g_rand_int_range((r), 0, (gint32)G_N_ELEMENTS(words_))]; \
	})

/* -- pushes ----------------------------------------------------------------------------------------------------------- */

struct vm_text {
	gboolean is_there, is_away;
	const char *state, *memory, *update;
	gint32 n_vcpus;
};

struct job_text {
	guint serial; /* 0: it is not there; a job that comes back is another one */
	gint32 first, last, samples;
	guint sha; /* 0: its scene is pinned */
	const char *priority;
	gboolean is_suspended, is_cut; /* frames went: their files are still there, so that none comes back */
};

/* What the specs say, as far as pushes change it. */
struct world {
	struct arena *arena;
	GRand *r;
	const char *host_state;
	struct vm_text vms[VMS];
	struct job_text jobs[JOBS];
	const char *shares[SIM_CARDS]; /* NULL: no GPU speaks of the card */
	gint32 n_slices[SIM_CARDS];
	guint n_serial, n_sha;
	gint32 n_samples;
};

static const char *sha_text(struct arena *a, guint sha)
{
	g_autofree char *number = g_strdup_printf("scene %u", sha), *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, number, -1);
	return arena_strdup(a, digest);
}

static void push_vm(struct world *w, struct vm_text *vm)
{
	if (!vm->is_there || one_in(w->r, 8))
		vm->is_there = !vm->is_there;
	vm->is_away = one_in(w->r, 8);
	vm->state = PICK(w->r, "running", "running", "running", "stopped");
	vm->memory = PICK(w->r, "1GiB", "2GiB", "3GiB");
	vm->update = PICK(w->r, "whenIdle", "now");
	vm->n_vcpus = g_rand_int_range(w->r, 1, 4);
}

static void push_new_job(struct world *w, struct job_text *job)
{
	*job = (struct job_text){ .serial = ++w->n_serial, .first = g_rand_int_range(w->r, 0, 4), .samples = ++w->n_samples,
		                  .sha = one_in(w->r, 2) ? ++w->n_sha : 0, .priority = "0", .is_suspended = one_in(w->r, 4) };
	job->last = job->first + g_rand_int_range(w->r, 0, 8);
}

static void push_job(struct world *w, struct job_text *job)
{
	if (!job->serial || one_in(w->r, 10)) {
		push_new_job(w, job);
	} else if (one_in(w->r, 8)) {
		job->serial = 0;
	} else if (!job->is_cut && one_in(w->r, 3)) { /* more frames */
		gint32 last = job->last + g_rand_int_range(w->r, 1, 8);
		job->last = MIN(last, SIM_FRAMES - 1);
	} else if (job->last > job->first && one_in(w->r, 3)) { /* fewer */
		job->last--;
		job->is_cut = TRUE;
	} else if (one_in(w->r, 2)) {
		job->samples = ++w->n_samples;
	} else if (job->sha && one_in(w->r, 2)) {
		job->sha = ++w->n_sha;
	}
	job->priority = PICK(w->r, "0", "50");
	job->is_suspended = job->is_suspended && !one_in(w->r, 2);
}

/* A card is refused while a running VM has it: who pushes stops that first. */
static gboolean is_in_use(const struct world *w, guint i)
{
	const struct vm_text *vm = &w->vms[i];
	return vm->is_there && !vm->is_away && strcmp(vm->state, "running") == 0;
}

static void push_card(struct world *w, guint i)
{
	/* Cards 0 and 2 make mdevs, the others have virtual functions. One that no GPU speaks of stays as it was. */
	static const char *const shares[] = { "none", "passthrough", "vgpu", "vf" };
	guint pick = (guint)g_rand_int_range(w->r, 0, 3);
	w->shares[i] = shares[pick == 2 ? 2 + i % 2 : pick];
	w->n_slices[i] = g_rand_int_range(w->r, 1, 4);
}

static void push(struct world *w)
{
	if (one_in(w->r, 6))
		w->host_state = PICK(w->r, "active", "active", "drained");
	for (guint i = 0; i < SIM_CARDS; i++)
		if (!is_in_use(w, i) && one_in(w->r, 3))
			push_card(w, i);
	for (guint i = 0; i < VMS; i++)
		if (one_in(w->r, 4))
			push_vm(w, &w->vms[i]);
	for (guint i = 0; i < JOBS; i++)
		if (one_in(w->r, 3))
			push_job(w, &w->jobs[i]);
}

/* -- as files --------------------------------------------------------------------------------------------------------- */

static void put_vm(const struct world *w, GString *out, guint i)
{
	const struct vm_text *vm = &w->vms[i];
	gboolean has_card = i < SIM_CARDS && w->shares[i] && strcmp(w->shares[i], "none") != 0 && !vm->is_away;
	g_string_append_printf(out,
	                       "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v%u}\nspec:\n  host: %s\n  state: %s\n"
	                       "  vcpus: %d\n  memory: %s\n  accelerator: tcg\n  boot: {kernel: /k}\n  update: %s\n%s",
	                       i, vm->is_away ? "h2" : "h1", vm->state, vm->n_vcpus, vm->memory, vm->update,
	                       has_card ? arena_printf(w->arena, "  gpus: [{gpu: g%u, share: %s}]\n", i, w->shares[i]) : "");
}

static void put_job(const struct world *w, GString *out, const struct job_text *job, guint i)
{
	g_string_append_printf(out,
	                       "---\napiVersion: cleave/v1alpha1\nkind: RenderJob\nmetadata: {name: j%u-%u}\nspec:\n  project: p\n"
	                       "  scene: {file: \"frames:%u.blend\"%s}\n  frames: \"%d-%d\"\n  samples: %d\n  resolution: 64x64\n"
	                       "  output: \"frames:o%u-%u/f_####.png\"\n  priority: %s\n%s",
	                       i, job->serial, job->serial, job->sha ? arena_printf(w->arena, ", sha256: %s", sha_text(w->arena, job->sha)) : "",
	                       job->first, job->last, job->samples, i, job->serial, job->priority, job->is_suspended ? "  suspend: later\n" : "");
}

static void put_card(const struct world *w, GString *out, guint i)
{
	const char *share = w->shares[i];
	g_string_append_printf(out, "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: g%u}\nspec: {host: h1, address: \"0000:6%u:00.0\", share: %s%s}\n",
	                       i, i, share,
	                       strcmp(share, "vgpu") == 0 ? arena_printf(w->arena, ", vgpu: {type: GRID P40-8Q, count: %d}", w->n_slices[i])
	                       : strcmp(share, "vf") == 0 ? arena_printf(w->arena, ", vf: {count: %d}", w->n_slices[i])
	                                                  : "");
}

static struct objects *load(const struct world *w, struct arena *a)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_string_append_printf(out,
	                       "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec:\n  redis: {url: \"redis://h\"}\n"
	                       "  roots: {frames: {path: /f}}\n  policy: {prune: true, budgets: {maxDelete: 4, maxRestart: 4}}\n"
	                       "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {state: %s, modules: [vfio-pci]}\n"
	                       "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h2}\nspec: {}\n",
	                       w->host_state);
	for (guint i = 0; i < VMS; i++)
		if (w->vms[i].is_there)
			put_vm(w, out, i);
	for (guint i = 0; i < JOBS; i++)
		if (w->jobs[i].serial)
			put_job(w, out, &w->jobs[i], i);
	for (guint i = 0; i < SIM_CARDS; i++)
		if (w->shares[i])
			put_card(w, out, i);
	const struct spec_file file = { .path = "s.yaml", .bytes = arena_strdup(a, out->str), .size = out->len };
	return plan_fixture_want(a, &file, 1);
}

/* -- the host --------------------------------------------------------------------------------------------------------- */

static struct sim *new_host(struct arena *a)
{
	struct sim *s = sim_new(a);
	for (guint i = 0; i < SIM_CARDS; i++) {
		struct sim_card *card = ARENA_NEW(a, struct sim_card);
		*card = (struct sim_card){ .kind = i % 2 ? CARD_SRIOV : CARD_MDEV, .slot = arena_printf(a, "0000:6%u:00", i), .former_vfs = -1 };
		card->functions[0] = (struct sim_device){ .address = arena_printf(a, "%s.0", card->slot), .driver = "nvidia" };
		card->functions[1] = (struct sim_device){ .address = arena_printf(a, "%s.1", card->slot), .driver = "snd_hda_intel" };
		g_ptr_array_add(s->cards, card);
	}
	s->libvirt = s->redis = PLANE_OK;
	s->mounted = TRUE;
	s->job_owner = "h1";
	return s;
}

/* Scenes lie there as the specs say; what another host has, the farm knows there. */
static void look_around(struct sim *s, const struct objects *want, const struct objects *elsewhere)
{
	OBJECTS_EACH (o, want, KIND_RENDERJOB) {
		const struct renderjob_spec *spec = o->spec;
		struct sim_job *job = sim_job_find(s, o->id);
		job = job ? job : sim_job_add(s, arena_strdup(s->arena, o->id));
		job->found = spec->scene.sha256 ? arena_strdup(s->arena, spec->scene.sha256) : sha_text(s->arena, 0);
	}
	g_ptr_array_set_size(s->away, 0);
	OBJECTS_EACH (o, elsewhere, KIND_VM)
		if (strcmp(((const struct vm_spec *)o->spec)->host, "h2") == 0)
			g_ptr_array_add(s->away, arena_strdup(s->arena, o->id));
}

static struct plan *build(struct arena *a, const struct objects *want, const struct objects *have)
{
	const struct plan_input in = { .host = "h1", .revision = "test", .epoch = 7, .want = want, .have = have, .is_attended = TRUE };
	return plan_build(a, &in);
}

static void settle(struct sim *s, GRand *r, const struct objects *want)
{
	struct arena *a = s->arena; /* what is applied is kept by the host */
	for (guint i = 0;; i++) {
		look_around(s, want, want);
		struct plan *p = build(a, want, sim_observe(s, a, want));
		for (guint k = 0; k < p->n_actions; k++)
			sim_apply(s, want, &p->actions[k], FALSE);
		guint n_waiting = 0;
		OBJECTS_EACH (o, want, KIND_RENDERJOB)
			n_waiting += plan_verdict(p, KIND_RENDERJOB, o->id)->readiness == IS_RECONCILING;
		if (!p->n_actions && !n_waiting)
			return;
		if (i == LOOKS)
			fail_msg("does not settle:\n%s", plan_fixture_dump(a, p));
		sim_work(s, r);
		sim_wait(s, MAX(p->wake_ms, 1000));
	}
}

/* -- the same plan ---------------------------------------------------------------------------------------------------- */

/* Only the host knows that a card has a function more: a VM that gets the card gets it as well. */
static gboolean is_other_function(const char *field)
{
	return g_str_has_prefix(field, "devices[\"0000:6") && g_str_has_suffix(field, ".1\"]");
}

static char *words_of(struct arena *a, const struct plan *p)
{
	g_autoptr(GString) out = g_string_new(NULL);
	for (guint i = 0; i < p->n_actions; i++) {
		const struct action *act = &p->actions[i];
		g_string_append_printf(out, "%s %s/%s [%s %" G_GUINT64_FORMAT "]", verbs[act->verb].name, kinds[act->kind].name, act->id,
		                       name_of(&effect_names, (int)act->effect), act->count);
		if (act->frames.n_runs)
			g_string_append_printf(out, " %s", frames_format(a, &act->frames));
		for (guint k = 0; k < act->changes.n; k++) {
			const struct change *c = &act->changes.items[k];
			if (!is_other_function(c->field) && act->kind != KIND_GPU)
				g_string_append_printf(out, " %s=%s", c->field, c->after ? c->after : "(none)");
		}
		g_string_append_c(out, '\n');
	}
	return arena_strdup(a, out->str);
}

/* In parts: a message of cmocka's has an end. */
static void tell_apart(struct arena *a, guint i, const struct plan *ours, const struct plan *theirs)
{
	const char *texts[] = { "from specs alone:\n", words_of(a, ours), "of the host:\n", words_of(a, theirs), plan_fixture_dump(a, ours),
		                plan_fixture_dump(a, theirs) };
	for (guint k = 0; k < G_N_ELEMENTS(texts); k++) {
		g_auto(GStrv) lines = g_strsplit(texts[k], "\n", -1);
		for (char **line = lines; *line; line++)
			print_message("# %s\n", *line);
	}
	fail_msg("push %u: not the same plan", i);
}

static guint32 seed_played;

static void pushes(void **state)
{
	SCOPED_ARENA(lasting);
	const char *given = g_getenv("CLEAVE_SEED");
	seed_played = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
	g_autoptr(GRand) r = g_rand_new_with_seed(seed_played);
	struct world w = { .arena = lasting, .r = r, .host_state = "active" };
	struct sim *s = new_host(lasting);
	guint n_actions = 0, n_empty = 0;
	(void)state;
	push(&w);
	settle(s, r, load(&w, lasting));
	for (guint i = 0; i < PUSHES; i++) {
		struct arena *a = lasting;
		struct objects *from = load(&w, a);
		push(&w);
		struct objects *to = load(&w, a);
		const struct assume_input in = { .host = "h1", .revision = "test", .from = from, .to = to, .job_owner = "h1" };
		struct objects *part = assume_part(a, to, from, "h1", TRUE);
		look_around(s, to, from);
		const struct plan *ours = build(a, part, assume(a, &in)), *theirs = build(a, to, sim_observe(s, a, to));
		if (strcmp(words_of(a, ours), words_of(a, theirs)) != 0)
			tell_apart(a, i, ours, theirs);
		n_actions += theirs->n_actions;
		n_empty += theirs->n_actions == 0;
		if (s->keys->len > MOST_KEYS)
			s = new_host(lasting);
		settle(s, r, to);
	}
	print_message("%u pushes: %u actions, %u empty\n", PUSHES, n_actions, n_empty);
	assert_true(n_actions > PUSHES && n_empty < PUSHES / 2);
}

/* What is assumed of any specs is what they say: nothing is left to do. */
static void nothing_left(void **state)
{
	g_autoptr(GRand) r = g_rand_new_with_seed(seed_played + 1);
	(void)state;
	for (guint i = 0; i < 50; i++) {
		SCOPED_ARENA(a);
		struct world w = { .arena = a, .r = r, .host_state = "active" };
		push(&w);
		push(&w);
		struct objects *want = load(&w, a);
		const struct assume_input in = { .host = "h1", .revision = "test", .from = want, .to = want, .job_owner = "h1" };
		const struct plan *p = build(a, assume_part(a, want, want, "h1", TRUE), assume(a, &in));
		if (p->n_actions || p->n_refusals)
			fail_msg("%s", plan_fixture_dump(a, p));
	}
}

/* Windows bound when, not what: the earlier specs were applied in one, and the later ones are. */
static void windows(void **state)
{
	static const char text[] = "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec:\n  redis: {url: \"redis://h\"}\n"
	                           "  policy: {windows: [{allow: [vm-restart, gpu-reset], days: Sat, from: \"22:00\", to: \"06:00\", zone: UTC}]}\n"
	                           "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {}\n"
	                           "---\napiVersion: cleave/v1alpha1\nkind: GPU\nmetadata: {name: g}\nspec: {host: h1, address: \"0000:65:00.0\", share: passthrough}\n"
	                           "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v}\nspec: {host: h1, memory: %s, update: now, boot: {kernel: /k}, gpus: [{gpu: g}]}\n";
	SCOPED_ARENA(a);
	(void)state;
	struct objects *both[2];
	for (guint i = 0; i < G_N_ELEMENTS(both); i++) {
		g_auto(GStrv) parts = g_strsplit(text, "%s", -1);
		const char *bytes = arena_printf(a, "%s%s%s", parts[0], i ? "3GiB" : "2GiB", parts[1]);
		const struct spec_file file = { .path = "s.yaml", .bytes = bytes, .size = strlen(bytes) };
		both[i] = plan_fixture_want(a, &file, 1);
	}
	const struct assume_input in = { .host = "h1", .revision = "test", .from = both[0], .to = both[1], .job_owner = "h1" };
	assert_string_equal(words_of(a, build(a, both[1], assume(a, &in))), "define-vm VM/v [none 0] memory=3GiB\n"
	                                                                    "stop-vm VM/v [vm-restart 0] memory=3GiB\nstart-vm VM/v [none 0]\n");
	const struct assume_input same = { .host = "h1", .revision = "test", .from = both[0], .to = both[0], .job_owner = "h1" };
	assert_int_equal(build(a, both[0], assume(a, &same))->n_actions, 0);
}

/* What ended by itself before a merge request is looked at is not what it changes: to take the key out changes nothing. */
static void over(void **state)
{
	static const char text[] = "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: f}\nspec: {redis: {url: \"redis://h\"}}\n"
	                           "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: h1}\nspec: {%s}\n"
	                           "---\napiVersion: cleave/v1alpha1\nkind: VM\nmetadata: {name: v}\nspec: {host: h1, memory: 2GiB, boot: {kernel: /k}%s}\n";
	static const char *const parts[][2] = { { "state: {is: drained, until: \"2020-01-01T00:00:00Z\"}", ", suspend: {reason: x, until: \"2020-01-01T00:00:00Z\"}" },
		                                { "", "" } };
	SCOPED_ARENA(a);
	(void)state;
	for (guint late = 0; late < 2; late++) {
		struct objects *both[2];
		for (guint i = 0; i < G_N_ELEMENTS(both); i++) {
			g_auto(GStrv) around = g_strsplit(text, "%s", -1);
			const char *bytes = arena_printf(a, "%s%s%s%s%s", around[0], parts[i][0], around[1], parts[i][1], around[2]);
			const struct spec_file file = { .path = "s.yaml", .bytes = bytes, .size = strlen(bytes) };
			both[i] = plan_fixture_want(a, &file, 1);
			assume_over(a, both[i], late ? G_GINT64_CONSTANT(1600000000000) : G_GINT64_CONSTANT(1500000000000));
		}
		const struct assume_input in = { .host = "h1", .revision = "test", .from = both[0], .to = both[1], .job_owner = "h1" };
		assert_string_equal(words_of(a, build(a, both[1], assume(a, &in))), late ? "" : "start-vm VM/v [none 0]\n");
	}
}

static int say_seed(void **state)
{
	(void)state;
	print_message("CLEAVE_SEED=%u\n", seed_played);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(pushes, say_seed), cmocka_unit_test(nothing_left), cmocka_unit_test(windows), cmocka_unit_test(over) };
	return cmocka_run_group_tests_name("plan assume", tests, NULL, NULL);
}
