/* Whether what a plan found may begin still: its host's turn, its window. Private to apply/. */
#pragma once
#include "apply/apply.h"

/* Takes the host's slot when something of the plan needs one. ERROR_REFUSED when others were first. */
gboolean turn_take(const struct apply_input *in, GError **error);
/* NULL, or why the action may not begin any more. On the main thread. */
const char *turn_is_over(const struct apply_input *in, const struct action *act);
