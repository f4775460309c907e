/* What is thought of a frame that decodes and yet looks wrong: the job's `checks`.
 *
 * In: the facts of a decoded image and the job's words. Out: warnings for the manifest, or the reason to
 * reject the frame. Pure; called by the worker for each file of a frame, and by the job owner for frames
 * of plain workers. */
#pragma once
#include "frames/image.h"

/* Each is "accept", "warn" or "reject"; NULL and "" mean warn. */
struct check_words {
	const char *black, *constant, *nan;
};

/* FALSE with ERROR_INVALID: rejected, the sentence says why. `warnings` (const char *, static) gets what is
 * worth a word; nothing on FALSE. */
gboolean checks_judge(const struct image_facts *facts, const struct check_words *words, GPtrArray *warnings,
		      GError **error);
