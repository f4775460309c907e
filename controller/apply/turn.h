/* Whether what a plan found may begin still: its host's turn, its window. Private to apply/. */
#pragma once
#include "apply/apply.h"

/* Takes the host's slot when something of the plan needs one. ERROR_REFUSED when others were first. */
gboolean turn_take(const struct apply_input *in, GError **error);
/* Keeps the slot for as long as the main context runs, also while one action takes longer than a slot lasts: at this interval.
 * A source to remove, which lives no longer than `in`; 0: the plan needs none. */
guint turn_hold(const struct apply_input *in, guint interval_ms);
/* NULL, or why the action may not begin any more. On the main thread. */
const char *turn_is_over(const struct apply_input *in, const struct action *act);
