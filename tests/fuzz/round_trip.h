/* What was accepted is written out, read again, and must be the same. */
#pragma once
#include "base/arena.h"
#include "fuzz.h"
#include "spec/diff.h"
#include "spec/emit.h"
#include "spec/load.h"
#include <stdio.h>

typedef struct objects *(*load_function)(struct arena *a, const struct spec_file *files, guint n_files,
                                         struct problems *problems);

static inline void fuzz_print_problems(const struct problems *problems)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < problems->list->len; i++)
		problem_format(text, &g_array_index(problems->list, struct problem, i), NULL, 0);
	fputs(text->str, stderr);
}

static inline void fuzz_same_values(struct arena *a, const struct field *table, const void *before, const void *after)
{
	struct changes c = { 0 };
	if (table && before && after)
		c = diff_structs(a, table, before, after, 0);
	for (guint i = 0; i < c.n; i++)
		fprintf(stderr, "%s: %s is not %s\n", c.items[i].field, c.items[i].before ? c.items[i].before : "(absent)",
		        c.items[i].after ? c.items[i].after : "(absent)");
	g_assert(c.n == 0);
}

static inline void fuzz_same_objects(struct arena *a, const struct objects *before, const struct objects *after)
{
	for (int kind = 0; kind < N_KINDS; kind++) {
		OBJECTS_EACH (o, before, kind) {
			const struct object *other = objects_get(after, (enum kind_id)kind, o->id);
			g_assert(other || (!o->spec && !o->status));
			if (!other)
				continue;
			fuzz_same_values(a, meta_fields, &o->meta, &other->meta);
			fuzz_same_values(a, o->kind->spec_fields, o->spec, other->spec);
			fuzz_same_values(a, o->kind->status_fields, o->status, other->status);
		}
		g_assert(after->by_kind[kind]->len <= before->by_kind[kind]->len);
	}
}

/* Loads; each problem must have its file and one line of valid text. Without errors: load(emit(x)) = x. */
static inline void fuzz_round_trip(load_function load, unsigned parts, const struct spec_file *files, guint n_files)
{
	SCOPED_ARENA(a);
	struct problems problems, again;
	g_autoptr(GString) text = g_string_new(NULL);
	problems_init(&problems, a);
	problems_init(&again, a);
	struct objects *objects = load(a, files, n_files, &problems);
	g_assert(problems.list->len <= PROBLEMS_HELD);
	for (guint i = 0; i < problems.list->len; i++) {
		const struct problem *p = &g_array_index(problems.list, struct problem, i);
		g_assert(p->place.path && *p->message);
		problem_format(text, p, files[0].bytes, files[0].size);
	}
	if (problems.n_errors == 0) {
		g_string_truncate(text, 0);
		emit_objects(text, objects, parts);
		const struct spec_file emitted = { "emitted.yaml", text->str, text->len, NULL, NULL };
		struct objects *reread = load(a, &emitted, 1, &again);
		if (again.n_errors) {
			fuzz_print_problems(&again);
			fputs(text->str, stderr);
		}
		g_assert(again.n_errors == 0);
		fuzz_same_objects(a, objects, reread);
	}
	problems_clear(&problems);
	problems_clear(&again);
}
