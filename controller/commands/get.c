/* cleave get [KIND [NAME]]: what is wanted and how it stands. */
#include "commands/command.h"
#include "report/report.h"
#include "spec/emit.h"
#include <stdio.h>
#include <string.h>

/* Wanted and observed in one document each. */
static guint emit_both(GString *out, const struct plan *p, const struct kind *kind, const char *id)
{
	guint n = 0;
	for (guint i = 0; i < p->n_verdicts; i++) {
		struct object o = *p->verdicts[i].object;
		if ((kind && o.kind != kind) || (id && g_strcmp0(o.id, id) != 0))
			continue;
		const struct object *have = objects_get(p->have, o.kind->id, o.id);
		o.status = have ? have->status : NULL;
		struct condition condition = report_condition(p, &p->verdicts[i]);
		emit_object_standing(out, &o, &condition, EMIT_SPEC | EMIT_STATUS | EMIT_ORIGINS);
		n++;
	}
	return n;
}

static guint write_objects(struct invocation *in, const struct plan *p, const struct kind *kind, const char *id,
                           GString *out)
{
	switch (in->output) {
	case OUTPUT_JSON: return report_get_json(out, p, kind, id);
	case OUTPUT_YAML: return emit_both(out, p, kind, id);
	default: return report_get_text(out, p, kind, id, (struct report_style){ command_has_colour() });
	}
}

/* A job may be named without its project where it is the only one. */
static const char *full_id(const struct plan *p, const struct kind *kind, const char *id)
{
	g_autofree char *several = NULL;
	const struct object *o = objects_find(p->want, kind->id, id, &several);
	return o ? o->id : id;
}

static int not_found(const struct plan *p, const struct kind *kind, const char *id)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new();
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].object->kind == kind)
			g_ptr_array_add(ids, (gpointer)p->verdicts[i].object->id);
	return command_no_object(kind, id, ids, p->revision);
}

int command_get(struct invocation *in)
{
	struct looked l;
	g_autoptr(GString) text = g_string_new(NULL);
	int code = EXIT_FINE;
	if (in->n_args > 0 && (strcmp(in->args[0], "frames") == 0 || strcmp(in->args[0], "frame") == 0))
		return command_get_frames(in);
	const struct kind *kind = in->n_args > 0 ? command_find_kind(in->args[0], FALSE, &code) : NULL;
	const char *id = in->n_args > 1 ? in->args[1] : NULL;
	if (in->n_args > 0 && !kind)
		return code;
	in->falls_back = TRUE;
	code = command_look(in, &l);
	if (code < 0) {
		id = id ? full_id(l.plan, kind, id) : NULL;
		guint n = write_objects(in, l.plan, kind, id, text);
		code = EXIT_FINE;
		if (id && n == 0)
			code = not_found(l.plan, kind, id);
		else if (n == 0 && kind && in->output == OUTPUT_TEXT)
			fprintf(stderr, "cleave: there are no %s\n", kind->plural);
		if (!command_print(text))
			code = EXIT_FAILED;
	}
	looked_clear(&l);
	return code;
}
