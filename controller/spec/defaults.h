/* The Farm's defaults that lie below an object: those for all of its kind, then those by label, in their order.
 *
 * Merged where they are needed and not kept with the object: a template is small in git, and many objects with
 * many labels would each hold another copy of it. */
#pragma once
#include "spec/kinds.h"

/* As many byLabel as a Farm may have, and as many keys or items as a map or list in its defaults. */
enum { DEFAULTS_MAX = 256 };

/* NULL when there are none. */
const struct node *defaults_merge(struct arena *a, const struct object *o);

/* The same for object after object of a load: merged once for those with the same labels. */
struct defaults;
struct defaults *defaults_new(void);
void defaults_free(struct defaults *d);
/* Valid until the next call. */
const struct node *defaults_below(struct defaults *d, const struct object *o);
