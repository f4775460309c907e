/* The Farm's roots: where they are, whether they are mounted here, and what their stores hold. */
#include "base/arena.h"
#include "report/report.h"
#include "spec/farm.h"
#include <jansson.h>
#include <string.h>

static const struct farm_root_status *status_of(const struct plan *p, const char *name)
{
	static const struct farm_root_status unseen = { .reason = "it was not looked at" };
	const struct object *farm = objects_farm(p->want), *have = farm ? objects_get(p->have, KIND_FARM, farm->id) : NULL;
	const struct farm_status *s = have ? have->status : NULL;
	for (guint i = 0; s && i < s->roots.n; i++)
		if (strcmp(LIST_AT(s->roots, struct farm_root_status, i)->name, name) == 0)
			return LIST_AT(s->roots, struct farm_root_status, i);
	return &unseen;
}

static const struct list *roots_of(const struct plan *p)
{
	static const struct list none;
	const struct object *farm = objects_farm(p->want);
	return farm ? &((const struct farm_spec *)farm->spec)->roots : &none;
}

void report_roots_text(GString *out, const struct plan *p)
{
	SCOPED_ARENA(a);
	const struct list *roots = roots_of(p);
	guint widths[] = { 4, 5 };
	for (guint i = 0; i < roots->n; i++) {
		const struct farm_root *r = LIST_AT(*roots, struct farm_root, i);
		widths[0] = MAX(widths[0], (guint)strlen(r->name));
		widths[1] = MAX(widths[1], (guint)strlen(farm_root_where(r)));
	}
	g_string_append_printf(out, "%-*s  %-*s  %-7s  %10s  %10s  MARKER\n", (int)widths[0], "NAME", (int)widths[1], "WHERE", "MOUNTED",
	                       "FREE", "STORE");
	for (guint i = 0; i < roots->n; i++) {
		const struct farm_root *r = LIST_AT(*roots, struct farm_root, i);
		const struct farm_root_status *s = status_of(p, r->name);
		g_string_append_printf(out, "%-*s  %-*s  %-7s  %10s  %10s  %s%s%s\n", (int)widths[0], r->name, (int)widths[1],
		                       farm_root_where(r), s->mounted ? "yes" : "no", s->mounted && r->path ? bytes_about(a, s->free_bytes) : "-",
		                       s->mounted ? bytes_about(a, s->store.bytes) : "-", r->marker, s->reason ? "  " : "",
		                       s->reason ? s->reason : "");
	}
}

static json_t *root_json(const struct farm_root *r, const struct farm_root_status *s)
{
	json_t *one = json_pack("{s:s, s:s, s:s, s:b}", "name", r->name, r->path ? "path" : "url", farm_root_where(r), "marker",
	                        r->marker, "mounted", s->mounted);
	if (s->reason)
		json_object_set_new(one, "reason", json_string(s->reason));
	if (s->mounted && r->path)
		json_object_set_new(one, "freeBytes", json_integer((json_int_t)s->free_bytes));
	if (s->mounted) {
		json_object_set_new(one, "storeFiles", json_integer(s->store.n_files));
		json_object_set_new(one, "storeBytes", json_integer((json_int_t)s->store.bytes));
	}
	return one;
}

void report_roots_json(GString *out, const struct plan *p)
{
	const struct list *roots = roots_of(p);
	json_t *all = json_array();
	for (guint i = 0; i < roots->n; i++) {
		const struct farm_root *r = LIST_AT(*roots, struct farm_root, i);
		json_array_append_new(all, root_json(r, status_of(p, r->name)));
	}
	char *text = json_dumps(all, JSON_INDENT(2));
	g_string_append_printf(out, "%s\n", text);
	free(text);
	json_decref(all);
}
