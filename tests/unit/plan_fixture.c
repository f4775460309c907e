#include "plan_fixture.h"
#include "base/arena.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Warnings are fine. */
static void expect_no_errors(struct problems *p)
{
	guint n_errors = p->n_errors;
	g_autoptr(GString) said = g_string_new(NULL);
	for (guint i = 0; i < p->list->len; i++)
		problem_format(said, &g_array_index(p->list, struct problem, i), NULL, 0);
	problems_clear(p);
	if (n_errors)
		fail_msg("%s", said->str);
}

struct objects *plan_fixture_want(struct arena *a, const struct spec_file *files, guint n_files)
{
	struct problems problems;
	problems_init(&problems, a);
	struct objects *o = spec_load(a, files, n_files, &problems);
	expect_no_errors(&problems);
	return o;
}

struct objects *plan_fixture_have(struct arena *a, const struct spec_file *files, guint n_files)
{
	struct problems problems;
	problems_init(&problems, a);
	struct objects *o = status_load(a, files, n_files, &problems);
	expect_no_errors(&problems);
	return o;
}

struct spec_file plan_fixture_file(struct arena *a, const char *folder, const char *name)
{
	struct spec_file file = { .path = arena_strdup(a, name) };
	g_autofree char *path = g_build_filename(folder, name, NULL), *bytes = NULL;
	g_autoptr(GError) error = NULL;
	if (!g_file_get_contents(path, &bytes, &file.size, &error))
		fail_msg("%s", error->message);
	file.bytes = arena_memdup(a, bytes, file.size + 1);
	return file;
}

/* Specs of the folder itself; of folders below it the files that specs name, as reconcile_want.c reads them from the tree. */
static void read_folder(struct arena *a, const char *path, const char *below, GArray *files, GArray *texts)
{
	g_autofree char *full = g_build_filename(path, below, NULL);
	g_autoptr(GDir) dir = g_dir_open(full, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *relative = g_build_filename(below, name, NULL), *at = g_build_filename(path, relative, NULL);
		if (g_file_test(at, G_FILE_TEST_IS_DIR)) {
			read_folder(a, path, relative, files, texts);
			continue;
		}
		struct spec_file file = plan_fixture_file(a, path, relative);
		struct tree_text text = { NULL, file.path, file.bytes, file.size };
		if (g_str_has_suffix(name, ".yaml"))
			g_array_append_val(files, file);
		else
			g_array_append_val(texts, text);
	}
}

struct objects *plan_fixture_specs(struct arena *a, const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "specs", NULL);
	g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(struct spec_file));
	g_autoptr(GArray) texts = g_array_new(FALSE, FALSE, sizeof(struct tree_text));
	if (!g_file_test(path, G_FILE_TEST_IS_DIR))
		return NULL;
	read_folder(a, path, "", files, texts);
	struct objects *o = plan_fixture_want(a, (const struct spec_file *)(gpointer)files->data, files->len);
	o->texts = (struct list){ arena_memdup(a, texts->data, texts->len * sizeof(struct tree_text)), texts->len };
	return o;
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

char **plan_fixture_cases(const char *kind)
{
	const char *top = g_getenv("CLEAVE_TESTS") ? g_getenv("CLEAVE_TESTS") : "tests";
	g_autofree char *path = g_build_filename(top, kind, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
	GPtrArray *folders = g_ptr_array_new();
	if (!dir)
		g_error("%s", error->message);
	for (const char *name; (name = g_dir_read_name(dir));)
		g_ptr_array_add(folders, g_build_filename(path, name, NULL));
	g_ptr_array_sort(folders, by_name);
	g_ptr_array_add(folders, NULL);
	return (char **)g_ptr_array_free(folders, FALSE);
}

struct plan *plan_fixture_build(struct arena *a, const struct objects *want, const struct objects *have)
{
	struct plan_input in = { .host = "h1", .revision = "test", .epoch = 7, .want = want, .have = have };
	return plan_build(a, &in);
}

/* -- the text --------------------------------------------------------------------------------------- */

static void dump_changes(GString *out, const struct changes *c)
{
	for (guint i = 0; i < c->n; i++) {
		const struct change *ch = &c->items[i];
		g_string_append_printf(out, "    change %s: %s -> %s [%s]\n", ch->field, ch->before ? ch->before : "(none)",
		                       ch->after ? ch->after : "(none)", name_of(&effect_names, (int)ch->effect));
	}
}

static void dump_values(struct arena *a, GString *out, const struct renderjob_spec *v)
{
	g_string_append_printf(out, "    values: samples=%" G_GINT64_FORMAT " resolution=%s priority=%" G_GINT64_FORMAT "\n",
	                       v->samples, resolution_format(a, v->resolution), v->priority);
}

static void dump_steps(GString *out, const struct action *act)
{
	for (guint i = 0; i < act->n_steps; i++) {
		const struct device_step *s = &act->steps[i];
		g_string_append_printf(out, "    step %s: %s -> %s%s%s\n", s->address, s->from ? s->from : "(none)", s->to ? s->to : "(none)",
		                       s->uuid ? " " : "", s->uuid ? s->uuid : "");
	}
	for (guint i = 0; i < act->n_volumes; i++) {
		const struct volume_step *s = &act->volumes[i];
		g_string_append_printf(out, "    volume %s in %s: %" G_GUINT64_FORMAT " -> %" G_GUINT64_FORMAT "%s%s\n", s->volume, s->pool,
		                       s->before_bytes, s->size_bytes, s->image ? " from " : "", s->image ? s->image : "");
	}
	for (guint i = 0; i < act->holders.n; i++)
		g_string_append_printf(out, "    held by: %s\n", act->holders.items[i]);
}

static void dump_action(struct arena *a, GString *out, const struct plan *p, guint i)
{
	const struct action *act = &p->actions[i];
	g_string_append_printf(out, "%u %s %s/%s [%s", i, verbs[act->verb].name, kinds[act->kind].name, act->id,
	                       name_of(&effect_names, (int)act->effect));
	if (act->count)
		g_string_append_printf(out, " %" G_GUINT64_FORMAT, act->count);
	g_string_append_printf(out, "] %s\n", act->reason);
	if (act->expect)
		g_string_append_printf(out, "    expects: %s\n", act->expect);
	if (act->frames.n_runs)
		g_string_append_printf(out, "    frames: %s\n", frames_format(a, &act->frames));
	if (act->key)
		g_string_append_printf(out, "    key: %s\n", act->key);
	if (act->digest)
		g_string_append_printf(out, "    digest: %s\n", act->digest);
	if (act->values)
		dump_values(a, out, act->values);
	if (!act->want)
		g_string_append(out, "    not wanted any more\n");
	dump_changes(out, &act->changes);
	dump_steps(out, act);
	for (guint w = 0; w < act->n_waits; w++)
		g_string_append_printf(out, "%s%u%s", w ? " " : "    waits for: ", act->waits[w], w + 1 == act->n_waits ? "\n" : "");
}

static void dump_keys(struct arena *a, GString *out, const struct plan *p)
{
	OBJECTS_EACH (o, p->want, KIND_RENDERJOB) {
		const struct renderjob_spec *job = o->spec;
		const struct object *have = objects_get(p->have, KIND_RENDERJOB, o->id);
		static const struct renderjob_status nothing;
		const struct key_digests of = frame_key_digests(job, have && have->status ? have->status : &nothing);
		if (!of.scene)
			continue;
		struct key_groups groups = frame_key_groups(a, job, &of);
		for (guint g = 0; g < groups.n; g++)
			g_string_append_printf(out, "key %s %s %s\n", o->id, groups.items[g].key,
			                       frames_format(a, &groups.items[g].frames));
		g_string_append_printf(out, "all %s %s\n", o->id, frame_key_groups_digest(a, &groups));
	}
}

char *plan_fixture_dump(struct arena *a, const struct plan *p)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_string_append_printf(out, "plan host=%s revision=%s epoch=%" G_GUINT64_FORMAT "\n", p->host, p->revision, p->epoch);
	for (guint i = 0; i < p->n_actions; i++)
		dump_action(a, out, p, i);
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct verdict *v = &p->verdicts[i];
		g_string_append_printf(out, "verdict %s/%s %s%s %s%s%s\n", v->object->kind->name, v->object->id,
		                       name_of(&readiness_names, (int)v->readiness), v->is_refused ? " refused" : "", v->reason, v->message ? ": " : "",
		                       v->message ? v->message : "");
	}
	for (guint i = 0; i < p->n_refusals; i++)
		g_string_append_printf(out, "refusal %s %s/%s: %s\n", p->refusals[i].rule, kinds[p->refusals[i].kind].name,
		                       p->refusals[i].id, p->refusals[i].message);
	for (guint i = 0; i < p->n_notes; i++)
		g_string_append_printf(out, "note %s/%s: %s\n", kinds[p->notes[i].kind].name, p->notes[i].id, p->notes[i].message);
	for (guint e = 0; e < N_EFFECTS; e++)
		if (e != EFFECT_NONE && plan_effect_count(p, (enum effect)e))
			g_string_append_printf(out, "effect %s %" G_GUINT64_FORMAT "\n", name_of(&effect_names, (int)e),
			                       plan_effect_count(p, (enum effect)e));
	dump_keys(a, out, p);
	return arena_strdup(a, out->str);
}
