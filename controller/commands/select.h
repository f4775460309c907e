/* Which objects a command is about: KIND, KIND NAME…, KIND/NAME…, and labels. */
#pragma once
#include "commands/command.h"
#include "report/tables.h"
#include "state/conditions.h"

struct target {
	const struct kind *kind;
	const char *id; /* NULL: all of the kind; a job's may lack its project */
};

struct targets {
	struct target *items; /* none: every object */
	guint n;
	const char *labels;   /* "key=value,key!=value,key", or NULL */
};

/* Reads the arguments, which stay. -1 = fine, else an exit code after it was said what is wrong. */
int targets_parse(const struct invocation *in, guint first, struct arena *a, struct targets *ret);
/* Whether the object is one of them by kind and name alone. */
gboolean targets_have(const struct targets *t, const char *kind, const char *id);

/* The objects of the plan that are meant; -1 = fine, also when a kind has none of them; else an exit code after it was said which name
 * is of none. `kept` NULL: since when they are so is not known. */
int targets_select(const struct targets *t, struct arena *a, const struct plan *p, const struct conditions *kept, struct shown_list *ret);

/* As the controller that was asked told it, or else as it lies below --state; never NULL. conditions_free(). */
struct conditions *select_conditions(const struct invocation *in, const struct looked *l);
struct report_page command_page(void);
