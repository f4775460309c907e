/* cleave adopt: a domain that cleave did not make becomes the VM of its name, after it was shown what the next pass
 * will make of it. */
#include "base/arena.h"
#include "commands/decide.h"
#include "report/report.h"
#include <stdio.h>
#include <string.h>

/* The plan as it will be, of this VM alone. */
static struct plan *plan_of(struct deciding *d)
{
	struct looked *l = &d->looked;
	const struct object *farm = objects_farm(l->plan->want);
	struct vm_status *s = (struct vm_status *)d->have; /* ours: read for this command alone */
	s->owner = farm->meta.name;
	struct plan *p = session_plan(l->session, l->arena, &l->wanted, l->plan->have, TRUE);
	guint n_actions = 0, n_verdicts = 0;
	for (guint i = 0; i < p->n_actions; i++)
		if (p->actions[i].kind == KIND_VM && strcmp(p->actions[i].id, d->name) == 0) {
			p->actions[n_actions] = p->actions[i];
			p->actions[n_actions++].n_waits = 0; /* indices of the whole plan */
		}
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].object == d->want)
			p->verdicts[n_verdicts++] = p->verdicts[i];
	p->n_actions = n_actions;
	p->n_verdicts = n_verdicts;
	p->n_notes = 0;
	return p;
}

static gboolean has_disk(const struct vm_spec *vm, const char *file)
{
	for (guint i = 0; i < vm->disks.n; i++)
		if (g_strcmp0(LIST_AT(vm->disks, struct vm_disk, i)->file, file) == 0)
			return TRUE;
	return FALSE;
}

/* What it boots from now, and would not any more. */
static void append_disks_left(GString *out, const struct deciding *d, const struct plan *p)
{
	const struct vm_spec *want = NULL;
	const struct list *disks = &d->have->defined.disks;
	for (guint i = 0; i < p->n_actions; i++)
		want = p->actions[i].vm ? p->actions[i].vm : want;
	for (guint i = 0; want && i < disks->n; i++) {
		const struct vm_disk *disk = LIST_AT(*disks, struct vm_disk, i);
		if (disk->file && !disk->cdrom && !has_disk(want, disk->file))
			g_string_append_printf(out, "  . VM/%s its disk %s is left: it has other disks then\n", d->name, disk->file);
	}
}

static int show(struct deciding *d)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const struct plan *p = plan_of(d);
	if (d->in->output == OUTPUT_JSON)
		report_plan_json(text, p);
	else {
		report_plan_text(text, p, command_style());
		append_disks_left(text, d, p);
	}
	return command_print(text) ? -1 : EXIT_FAILED;
}

static int refuse(const char *format, const char *name, const char *other)
{
	fputs("cleave: ", stderr);
	fprintf(stderr, format, name, other);
	fputc('\n', stderr);
	return EXIT_REFUSED;
}

static int ask(struct deciding *d)
{
	const struct plan *p = d->looked.plan;
	const struct vm_spec *spec = d->want ? d->want->spec : NULL;
	const struct object *farm = objects_farm(p->want);
	if (!spec)
		return refuse("there is no VM %s at %s; write its spec first", d->name, p->revision);
	if (strcmp(spec->host, p->host) != 0)
		return refuse("the VM %s is of the host %s; adopt it there", d->name, spec->host);
	if (!d->have)
		return refuse("there is no domain %s on %s; the next pass defines it", d->name, p->host);
	if (d->have->owner && farm && strcmp(d->have->owner, farm->meta.name) == 0)
		return refuse("the domain %s is of the farm %s already", d->name, d->have->owner);
	if (d->have->owner)
		return refuse("the domain %s belongs to the farm %s; `cleave release` there lets it go", d->name, d->have->owner);
	int code = show(d);
	return code < 0 ? command_confirm(d->in, "Adopt the domain? The next pass then does this to it.") : code;
}

int command_adopt(struct invocation *in)
{
	return command_decide(in, DECISION_ADOPT, ask, "is cleave's from now on; the next pass brings it to its spec");
}
