/* cleave describe KIND [NAME…]: all of an object: how it stands, who wrote it, what it is, what is to do, what happened. */
#include "base/arena.h"
#include "commands/kept.h"
#include "commands/select.h"
#include "commands/trace.h"
#include <stdio.h>
#include <string.h>

enum { DESCRIBED_MAX = 1000 };

static void find_events(struct arena *a, const struct events *e, const struct object *o, struct described *ret)
{
	guint n = e ? events_count(e) : 0;
	const struct kept_event **chosen = ARENA_ARRAY(a, const struct kept_event *, n + 1);
	for (guint i = 0; i < n; i++)
		if (strcmp(events_at(e, i)->kind, o->kind->name) == 0 && strcmp(events_at(e, i)->name, o->id) == 0)
			chosen[ret->n_events++] = events_at(e, i);
	ret->events = chosen;
}

static int print(const struct invocation *in, const struct described *all, guint n)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const struct report_page page = command_page();
	if (in->output == OUTPUT_JSON)
		report_object_json(text, all, n);
	for (guint i = 0; in->output != OUTPUT_JSON && i < n; i++) {
		if (i)
			g_string_append_c(text, '\n');
		report_object_text(text, &all[i], &page);
	}
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

static int describe(const struct invocation *in, const struct looked *l, const struct shown_list *list)
{
	struct events *e = kept_events(in->settings.state, 0, NULL);
	struct history *h = kept_history(in->settings.state, NULL);
	struct described *all = ARENA_ARRAY(l->arena, struct described, list->n + 1);
	for (guint i = 0; i < list->n; i++) {
		const struct object *o = list->items[i].verdict->object;
		struct traced *t = o->spec ? ARENA_NEW(l->arena, struct traced) : NULL;
		all[i] = (struct described){ .plan = l->plan, .shown = &list->items[i], .written = t };
		if (t)
			trace_find(l, h, o, NULL, t, NULL);
		find_events(l->arena, e, o, &all[i]);
	}
	int code = print(in, all, list->n);
	events_free(e);
	history_free(h);
	return code;
}

static int select_and_describe(const struct invocation *in, const struct looked *l, const struct targets *targets)
{
	struct conditions *kept = select_conditions(in, l);
	struct shown_list list;
	int code = targets_select(targets, l->arena, l->plan, kept, &list);
	if (list.n > DESCRIBED_MAX) {
		fprintf(stderr, "cleave: these are %u objects; name some of them, or `cleave get -o yaml` for all\n", list.n);
		code = EXIT_BAD_USAGE;
	} else if (list.n == 0 && code < 0) {
		fprintf(stderr, "cleave: there are no %s\n", list.kind ? list.kind->plural : "objects");
	}
	int said = list.n && list.n <= DESCRIBED_MAX ? describe(in, l, &list) : EXIT_FINE;
	conditions_free(kept);
	return code >= 0 ? code : said;
}

int command_describe(struct invocation *in)
{
	SCOPED_ARENA(a);
	struct looked l;
	struct targets targets = { 0 };
	if (!in->n_args) {
		fputs("cleave: describe what? As `cleave describe vm/render1`, `cleave describe hosts`\n", stderr);
		return EXIT_BAD_USAGE;
	}
	if (strcmp(in->args[0], "frames") == 0 || strcmp(in->args[0], "frame") == 0) {
		in->args++;
		in->n_args--;
		return command_why(in);
	}
	int code = targets_parse(in, 0, a, &targets);
	if (code >= 0)
		return code;
	in->falls_back = TRUE;
	code = command_look(in, &l);
	if (code < 0)
		code = select_and_describe(in, &l, &targets);
	looked_clear(&l);
	return code;
}
