/* A VM stands below its first GPU; one without a card below its host. Jobs stand below the workers that render them, others at the end. */
#include "report/tree.h"
#include "base/arena.h"
#include "spec/gpu.h"
#include "spec/status.h"
#include "spec/vm.h"
#include <jansson.h>
#include <string.h>

struct tree {
	struct arena *arena;
	const struct plan *plan;
	GHashTable *parents; /* struct verdict * → the verdict above it; absent: it stands at the top */
};

static const struct verdict *verdict_of(const struct tree *t, enum kind_id kind, const char *id)
{
	return id ? plan_verdict(t->plan, kind, id) : NULL;
}

static const struct verdict *above_vm(const struct tree *t, const struct vm_spec *vm)
{
	const struct verdict *gpu = verdict_of(t, KIND_GPU, vm->gpus.n ? LIST_AT(vm->gpus, struct vm_gpu, 0)->gpu : NULL);
	return gpu ? gpu : verdict_of(t, KIND_HOST, vm->host);
}

static const struct verdict *above_job(const struct tree *t, const struct object *job)
{
	OBJECTS_EACH (w, t->plan->have, KIND_WORKER) {
		const struct worker_status *s = w->status;
		const struct verdict *v = s && g_strcmp0(s->job, job->id) == 0 ? verdict_of(t, KIND_WORKER, w->id) : NULL;
		if (v)
			return v;
	}
	return NULL;
}

static const struct verdict *above(const struct tree *t, const struct object *o)
{
	const struct object *have = objects_get(t->plan->have, o->kind->id, o->id);
	switch (o->kind->id) {
	case KIND_GPU: return verdict_of(t, KIND_HOST, ((const struct gpu_spec *)o->spec)->host);
	case KIND_VM: return above_vm(t, o->spec);
	case KIND_WORKER: return have && have->status ? verdict_of(t, KIND_VM, ((const struct worker_status *)have->status)->vm) : NULL;
	case KIND_RENDERJOB: return above_job(t, o);
	default: return NULL;
	}
}

static void tree_init(struct tree *t, struct arena *a, const struct plan *p)
{
	*t = (struct tree){ a, p, g_hash_table_new(NULL, NULL) };
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct verdict *parent = above(t, p->verdicts[i].object);
		if (parent)
			g_hash_table_insert(t->parents, (gpointer)&p->verdicts[i], (gpointer)parent);
	}
}

/* Those below `parent` (NULL: at the top), in the plan's order. */
static GPtrArray *below(const struct tree *t, const struct verdict *parent)
{
	GPtrArray *all = g_ptr_array_new();
	for (guint i = 0; i < t->plan->n_verdicts; i++) {
		const struct verdict *v = &t->plan->verdicts[i];
		if (g_hash_table_lookup(t->parents, v) == parent && v->object->kind->id != KIND_REVISION)
			g_ptr_array_add(all, (gpointer)v);
	}
	return all;
}

/* -- text ---------------------------------------------------------------------------------------------------- */

static void append_one(GString *out, const struct verdict *v, const struct report_page *page)
{
	static const char *const marks[] = { "●", "◐", "✗" }, *const ascii[] = { "+", "~", "!" };
	const char *colour = page->style.colour ? report_colour_of(v->readiness) : NULL;
	g_string_append_printf(out, "%s%s%s%s%s %s/%s  %s%s%s\n", colour ? "\033[" : "", colour ? colour : "", colour ? "m" : "",
	                       (page->is_ascii ? ascii : marks)[v->readiness], colour ? "\033[0m" : "", v->object->kind->name, v->object->id,
	                       v->reason, v->message && v->readiness != IS_READY ? ": " : "",
	                       v->message && v->readiness != IS_READY ? v->message : "");
}

static void append_below(GString *out, const struct tree *t, const struct verdict *parent, const char *indent, const struct report_page *page)
{
	g_autoptr(GPtrArray) all = below(t, parent);
	for (guint i = 0; i < all->len; i++) {
		gboolean is_last = i + 1 == all->len;
		const char *branch = page->is_ascii ? (is_last ? "`- " : "|- ") : (is_last ? "└─ " : "├─ ");
		const char *rest = is_last ? "   " : page->is_ascii ? "|  " : "│  ";
		g_autofree char *deeper = g_strconcat(indent, parent ? rest : "", NULL);
		g_string_append_printf(out, "%s%s", indent, parent ? branch : "");
		append_one(out, all->pdata[i], page);
		append_below(out, t, all->pdata[i], deeper, page);
	}
}

void report_tree_text(GString *out, const struct plan *p, const struct object *top, const struct report_page *page)
{
	SCOPED_ARENA(a);
	struct tree t;
	tree_init(&t, a, p);
	const struct verdict *v = top ? plan_verdict(p, top->kind->id, top->id) : NULL;
	if (v)
		append_one(out, v, page);
	append_below(out, &t, v, "", page);
	g_hash_table_destroy(t.parents);
}

/* -- JSON ---------------------------------------------------------------------------------------------------- */

static json_t *below_json(const struct tree *t, const struct verdict *parent);

static json_t *one_json(const struct tree *t, const struct verdict *v)
{
	json_t *o = json_pack("{s:s,s:s,s:s,s:s}", "kind", v->object->kind->name, "name", v->object->id, "condition",
	                      name_of(&readiness_names, (int)v->readiness), "reason", v->reason);
	g_autofree char *message = v->message ? g_utf8_make_valid(v->message, -1) : NULL;
	if (message)
		json_object_set_new(o, "message", json_string(message));
	json_object_set_new(o, "below", below_json(t, v));
	return o;
}

static json_t *below_json(const struct tree *t, const struct verdict *parent)
{
	g_autoptr(GPtrArray) all = below(t, parent);
	json_t *list = json_array();
	for (guint i = 0; i < all->len; i++)
		json_array_append_new(list, one_json(t, all->pdata[i]));
	return list;
}

void report_tree_json(GString *out, const struct plan *p, const struct object *top)
{
	SCOPED_ARENA(a);
	struct tree t;
	tree_init(&t, a, p);
	const struct verdict *v = top ? plan_verdict(p, top->kind->id, top->id) : NULL;
	json_t *list = v ? json_pack("[o]", one_json(&t, v)) : below_json(&t, NULL);
	g_autofree char *text = json_dumps(list, JSON_INDENT(2));
	g_string_append_printf(out, "%s\n", text);
	json_decref(list);
	g_hash_table_destroy(t.parents);
}
