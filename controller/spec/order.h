/* All objects of a tree in order of their ids, kept from load to load: a commit that changes a few files
 * costs a few searches, not a sort of the whole farm. */
#pragma once
#include "spec/kinds.h"

struct spec_order {
	GPtrArray *lists[N_KINDS]; /* struct object *; none of two equal ids */
	gboolean is_valid;
};

void order_init(struct spec_order *o);
void order_clear(struct spec_order *o);
/* Takes what a sort gave. */
void order_set(struct spec_order *o, const struct objects *all);
/* Takes out and puts in (GPtrArray of struct object *, any kinds). FALSE, and no longer valid, when two
 * ids would be equal: it is for a full sort to say which. */
gboolean order_update(struct spec_order *o, const GPtrArray *gone, const GPtrArray *added);
