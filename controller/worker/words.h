/* What a Blender printed, read for what it means.
 *
 * In: the tail of its output. Out: a sentence, or a yes. Called by blender.c. */
#pragma once
#include <glib.h>

/* The last line that says anything; progress and memory lines do not. g_free(). */
char *words_last(const char *printed);
/* Cycles or a driver said that the GPU's memory is full. */
gboolean words_tell_gpu_full(const char *printed);
/* The sentence of the first Python error in it ("ValueError: the rig is broken"), or NULL; g_free(). */
char *words_script_error(const char *printed);
