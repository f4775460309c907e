/* Frame sets as the functions write them: "first:last:step:key", one text a run. Internal to queue/. */
#pragma once
#include "base/frameset.h"

struct arena;

/* Appends the runs of `set` to an array of texts. */
void range_append(GPtrArray *texts, const struct frame_set *set, const char *key);

/* Reads one range; *ret_key points into `text`. FALSE when it is none. */
gboolean range_parse(const char *text, struct frame_run *ret, const char **ret_key);

/* The runs gathered in an array of struct frame_run, sorted; the array is emptied. */
struct frame_set range_set(struct arena *a, GArray *runs);
