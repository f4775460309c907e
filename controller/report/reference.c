/* specs/README.md: the reference, written from the tables. What no table knows stands here once, as text. */
#include "base/arena.h"
#include "plan/plan.h"
#include "plan/preflight.h"
#include "plan/vm_live.h"
#include "report/describe.h"
#include "report/language.h"
#include "spec/rules.h"
#include <string.h>

/* A cell of a table: `|` ends one everywhere, the other signs mean nothing between backquotes. */
static const char *cell(struct arena *a, const char *text)
{
	g_autoptr(GString) s = g_string_new(NULL);
	gboolean in_code = FALSE;
	for (const char *c = text ? text : ""; *c; c++) {
		in_code ^= *c == '`';
		if (*c == '|' || (!in_code && strchr("\\<>*_", *c)))
			g_string_append_c(s, '\\');
		g_string_append_c(s, *c);
	}
	return arena_strdup(a, s->str);
}

static const char *code(struct arena *a, const char *text)
{
	return text ? arena_printf(a, "`%s`", text) : "";
}

/* -- what no table knows ------------------------------------------------------------------------------------ */

static const char head[] =
    "<!-- Written by `make docs` from the tables in controller/spec; `make test` fails when it differs. -->\n"
    "# Specs\n\n"
    "How a farm should be, as YAML in a git repository. This is the reference of the language; the same is told by\n"
    "`cleave explain KIND.KEY`, and checked by `cleave validate`.\n\n"
    "| file here | what it is |\n|---|---|\n"
    "| `cleave.schema.json` | JSON Schema (2020-12) of all kinds, for editors |\n"
    "| `KIND.schema.json` | the same of one kind |\n"
    "| `farm.yaml`, `host.yaml`, `gpu.yaml`, `vm.yaml`, `renderjob.yaml` | a sample of each kind; together a valid farm |\n"
    "| `controller.yaml` | a sample of what lies on a host, outside git |\n"
    "| [`worker.md`](worker.md) | the settings of cleave-worker |\n\n"
    "An editor with yaml-language-server completes, explains and checks a file that begins with\n"
    "`# yaml-language-server: $schema=PATH/cleave.schema.json`.\n\n";

static const char writing[] =
    "## Writing specs\n\n"
    "- A document is an object: `apiVersion: " API_VERSION "`, `kind`, `metadata` (`name`, `labels`, `annotations`), `spec`.\n"
    "  Any number of documents in a file, any number of files, in any folders.\n"
    "- A name is unique in its kind; a job's in its project, and then `PROJECT/NAME` names it.\n"
    "- Unknown keys, keys given twice, anchors, aliases and tags are refused. All problems are told at once, each with its\n"
    "  place and with what would be right.\n"
    "- **A size** is one whole number and one unit of B, KiB, MiB, GiB, TiB: `24GiB`. Never a bare number, never GB.\n"
    "- **A time** is one whole number and one unit of ms, s, m, h, d: `90m`, not `1h30m`.\n"
    "- **Quotes**: text that YAML takes for something else needs them (`\"535\"`, `\"yes\"`, `\"03:00\"`, `\"0644\"`); numbers, true\n"
    "  and false must have none.\n"
    "- A key without a value is refused; leave it out. (A map in which nothing is required may be empty.)\n"
    "- Some maps have a short form: `gpus: [gpu01-a]` is `gpus: [{gpu: gpu01-a}]`. The tables name both.\n"
    "- No text may look like a secret (a private key, a token, a URL with a password): a commit is no place for one. Keep it\n"
    "  in a file on the host, and name that in a key that ends in `File`.\n"
    "- A key that *does not act yet* is checked, and a warning says so where it is used.\n\n"
    "### Frames\n\n"
    "The grammar of the Open Job Description: a list, separated by commas, of frames `N`, ranges `N-M` and ranges with a step\n"
    "`N-M:S`; `N-MxS` is the same. Blanks between the parts mean nothing. Numbers may be negative (`-10--1`) and lie within\n"
    "10^12 of 0; ranges go up, and no two overlap.\n\n"
    "| text | frames |\n|---|---|\n"
    "| `1-240` | 1 to 240 |\n| `1-10:2,20` | 1, 3, 5, 7, 9, 20 |\n| `1001-1010x5` | 1001, 1006 |\n| `7` | 7 |\n\n"
    "### Defaults\n\n"
    "`Farm.spec.defaults` has a template of keys for each kind (`host`, `gpu`, `vm`, `job`), and `byLabel` more of them for\n"
    "objects with certain labels. An object's value lies over the templates that fit it: first the one for all, then those\n"
    "of `byLabel` in their order, then its own keys. **Maps merge, lists and values are replaced.** A template need not be\n"
    "complete, and what is required may come from it. Below all of that lie the defaults in the tables here.\n\n";

static const char beyond[] =
    "### What the JSON Schemas cannot say\n\n"
    "They take and refuse what `cleave validate` does, but for this, which only it knows: rules across objects (below), frame\n"
    "ranges that go down or overlap, names given twice in a list, more than six decimals of a price, and that a required key\n"
    "is neither in the object nor in the Farm's defaults. YAML has one more: `5.0` is a whole number to a schema, not to\n"
    "cleave.\n\n";

static const char conditions[] =
    "## Conditions\n\n"
    "`cleave get` tells one of each object, with a reason (one word) and a message:\n\n"
    "| condition | it means |\n|---|---|\n";

static const char *const condition_docs[] = {
	[IS_READY] = "It is as the specs say.",
	[IS_RECONCILING] = "It differs, and the plan has what makes it right; or frames are on their way.",
	[IS_STALLED] = "It differs, and cleave cannot or may not make it right: a person has to look.",
	[IS_UNKNOWN] = "Its host's controller is not heard: nothing is known of it. In YAML and JSON: Ready, with status Unknown.",
};

/* -- forms ------------------------------------------------------------------------------------------------------- */

static void put_forms(GString *out, struct arena *a)
{
	g_string_append(out, "### Texts\n\n| what | example | if it is not |\n|---|---|---|\n");
	for (guint i = 0; i < N_FORMS; i++) {
		const char *example = strchr(forms[i].good[0], '\n') ? NULL : forms[i].good[0];
		g_string_append_printf(out, "| %s | %s | %s |\n", cell(a, forms[i].what), code(a, example), cell(a, forms[i].right));
	}
	g_string_append_c(out, '\n');
}

/* -- kinds ------------------------------------------------------------------------------------------------------- */

struct writer {
	GString *out;
	struct arena *arena;
	gboolean is_observed;
	guint n_later; /* how many of the rows around do not act yet */
};

static const char *type_cell(struct arena *a, const struct field *f)
{
	const char *example = describe_example(a, f), *type = cell(a, describe_type(a, f));
	return example && f->type != FIELD_STRING && f->type != FIELD_STRINGS ? arena_printf(a, "%s, as `%s`", type, example) : type;
}

static const char *doc_cell(const struct writer *w, const struct field *f)
{
	gboolean is_later = w->n_later || (f->flags & FIELD_LATER);
	return arena_printf(w->arena, "%s%s", cell(w->arena, f->doc), is_later ? " *Does not act yet.*" : "");
}

/* A row each, with its path; the rows of structs, lists and maps follow. Templates are other kinds' rows. */
static void put_rows(struct writer *w, const struct field *table, const char *prefix)
{
	struct arena *a = w->arena;
	FIELDS_EACH (f, table) {
		if ((f->flags & FIELD_DERIVED) && !w->is_observed)
			continue;
		const char *path = arena_printf(a, "%s%s", prefix, f->name);
		const char *limits = describe_limits(a, f), *effect = describe_effect(f);
		if (w->is_observed)
			g_string_append_printf(w->out, "| `%s` | %s | %s |\n", path, type_cell(a, f), cell(a, f->doc));
		else
			g_string_append_printf(w->out, "| `%s` | %s | %s | %s | %s | %s |\n", path, type_cell(a, f),
			                       f->required ? "**required**" : code(a, f->def), limits ? limits : "",
			                       effect ? effect : "", doc_cell(w, f));
		if (!f->fields || f->type == FIELD_TEMPLATE || (f->flags & FIELD_PARTIAL) || !table_has_long_form(f->fields))
			continue;
		guint is_later = (f->flags & FIELD_LATER) != 0;
		w->n_later += is_later;
		put_rows(w, f->fields, arena_printf(a, "%s%s.", path, f->type == FIELD_LIST ? "[]" : f->type == FIELD_MAP ? ".NAME" : ""));
		w->n_later -= is_later;
	}
}

static void put_rules(GString *out, const struct kind *kind)
{
	guint n = 0;
	for (guint i = 0; i < n_spec_rules; i++)
		if (spec_rules[i].kind == kind->id)
			g_string_append_printf(out, "%s- `%s`: %s\n", n++ ? "" : "Rules across keys and objects:\n\n", spec_rules[i].name,
			                       spec_rules[i].doc);
	if (n)
		g_string_append_c(out, '\n');
}

static void put_kind(GString *out, struct arena *a, const struct kind *kind)
{
	struct writer w = { out, a, FALSE, 0 };
	g_autofree char *lower = g_ascii_strdown(kind->name, -1);
	g_string_append_printf(out, "## %s\n\n%s", kind->name, kind->doc);
	if (kind->spec_fields)
		g_string_append_printf(out, " A sample: [%s.yaml](%s.yaml).", lower, lower);
	if (kind->defaults)
		g_string_append_printf(out, " Required keys may come from the Farm's `defaults.%s`.", kind->defaults);
	g_string_append(out, "\n\n");
	if (kind->spec_fields) {
		g_string_append(out, "| key of spec | type | default | range | on change | meaning |\n|---|---|---|---|---|---|\n");
		put_rows(&w, kind->spec_fields, "");
		g_string_append_c(out, '\n');
		put_rules(out, kind);
	}
	if (!kind->status_fields)
		return;
	w.is_observed = TRUE;
	g_string_append(out, "| key of status | type | meaning |\n|---|---|---|\n");
	put_rows(&w, kind->status_fields, "");
	g_string_append_c(out, '\n');
}

static void put_metadata(GString *out, struct arena *a)
{
	struct writer w = { out, a, FALSE, 0 };
	g_string_append(out, "### Metadata\n\n| key of metadata | type | default | range | on change | meaning |\n|---|---|---|---|---|---|\n");
	put_rows(&w, meta_fields, "");
	g_string_append_c(out, '\n');
}

/* -- what is done ----------------------------------------------------------------------------------------------------- */

static void put_plans(GString *out, struct arena *a)
{
	static const char *const phases[] = { [PHASE_STORAGE] = "storage", [PHASE_TEARDOWN] = "teardown", [PHASE_DEVICES] = "devices", [PHASE_GUESTS] = "guests", [PHASE_WORK] = "work" };
	g_string_append(out, "## Plans\n\nWhat an action or a changed key costs, dearest last:");
	for (guint i = 0; i < effect_names.n; i++)
		g_string_append_printf(out, "%s `%s`", i ? "," : "", effect_names.names[i]);
	g_string_append(out, ".\n\n| | action | phase | what it does |\n|---|---|---|---|\n");
	for (guint i = 0; i < N_VERBS; i++)
		g_string_append_printf(out, "| `%c` | %s | %s | %s |\n", verbs[i].sign, verbs[i].name, phases[verbs[i].phase],
		                       cell(a, verbs[i].doc));
	g_string_append(out, "\nThese act while a VM runs; all else waits for its restart:\n\n| key of VM | what acts |\n|---|---|\n");
	for (guint i = 0; i < N_VM_LIVE; i++)
		if (vm_live_rows[i].change != ITEM_GOES) /* said in the row of what comes */
			g_string_append_printf(out, "| %s | %s |\n", cell(a, vm_live_key(&vm_live_rows[i])), cell(a, vm_live_rows[i].when));
	g_string_append(out, "\nA plan is refused as a whole, before the first write, by these rules:\n\n");
	for (guint i = 0; i < n_plan_rules; i++)
		if (plan_rules[i].scope != RULE_OF_OBJECT)
			g_string_append_printf(out, "- `%s`: %s\n", plan_rules[i].name, plan_rules[i].doc);
	g_string_append(out, "\nThese refuse one object, whose actions are taken out while all else goes on; it is Stalled, with this reason:\n\n");
	for (guint i = 0; i < n_plan_rules; i++)
		if (plan_rules[i].scope == RULE_OF_OBJECT)
			g_string_append_printf(out, "- `%s` (%s): %s\n", plan_rules[i].name, plan_rules[i].reason, plan_rules[i].doc);
	g_string_append_c(out, '\n');
	g_string_append(out, conditions);
	for (guint i = 0; i < G_N_ELEMENTS(condition_docs); i++)
		g_string_append_printf(out, "| %s | %s |\n", name_of(&readiness_names, (int)i), condition_docs[i]);
	g_string_append_c(out, '\n');
}

static void put_checks(GString *out, struct arena *a)
{
	g_string_append(out, "## Preflight\n\n`cleave preflight` asks these, of the host, each of its cards and VMs, and the farm. A finding is `ok`, `warn`,\n"
	                     "`fail` or `unknown`, with the reason and what to do.\n\n| check | of | what is right |\n|---|---|---|\n");
	for (guint i = 0; i < n_preflight_checks; i++)
		g_string_append_printf(out, "| `%s` | %s | %s |\n", preflight_checks[i].name, preflight_scope_kind(preflight_checks[i].scope),
		                       cell(a, preflight_checks[i].doc));
	g_string_append_c(out, '\n');
}

static void put_commands(GString *out, struct arena *a, const struct reference *r)
{
	g_string_append(out, "## Commands\n\n| command | what it does |\n|---|---|\n");
	for (guint i = 0; i < r->n_commands; i++) {
		const struct reference_command *c = &r->commands[i];
		const char *arguments = c->arguments ? cell(a, arena_printf(a, " %s", c->arguments)) : "";
		g_string_append_printf(out, "| cleave %s%s | %s |\n", c->name, arguments, cell(a, c->summary));
	}
	g_string_append(out, "\n| exit status | it means |\n|---|---|\n");
	for (guint i = 0; i < r->n_exits; i++)
		g_string_append_printf(out, "| %d | %s |\n", r->exits[i].code, r->exits[i].doc);
	g_string_append(out, "\n`cleave diff` follows diff(1): 0 equal, 1 different, more on trouble.\n");
}

void report_reference(GString *out, const struct reference *r)
{
	SCOPED_ARENA(a);
	g_string_append(out, head);
	g_string_append(out, "| kind | also called | what it is |\n|---|---|---|\n");
	for (guint i = 0; i < N_KINDS; i++) {
		g_autofree char *anchor = g_ascii_strdown(kinds[i].name, -1);
		g_string_append_printf(out, "| [%s](#%s) | %s, %s | %s |\n", kinds[i].name, anchor, kinds[i].plural, kinds[i].alias, kinds[i].doc);
	}
	g_string_append_c(out, '\n');
	g_string_append(out, writing);
	put_metadata(out, a);
	put_forms(out, a);
	g_string_append(out, beyond);
	for (guint i = 0; i < N_KINDS; i++)
		put_kind(out, a, &kinds[i]);
	put_plans(out, a);
	put_checks(out, a);
	put_commands(out, a, r);
}
