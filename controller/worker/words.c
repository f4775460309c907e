/* The texts are those of Cycles' devices (intern/cycles/device) and of the drivers beneath them. */
#include "worker/words.h"
#include <string.h>

char *words_last(const char *printed)
{
	g_auto(GStrv) lines = g_strsplit(printed, "\n", -1);
	for (guint i = g_strv_length(lines); i-- > 0;) {
		const char *line = g_strstrip(lines[i]);
		if (*line && !g_str_has_prefix(line, "Fra:") && !g_str_has_prefix(line, "Blender quit"))
			return g_strdup(line);
	}
	return g_strdup("it printed nothing");
}

gboolean words_tell_gpu_full(const char *printed)
{
	static const char *const texts[] = {
		"out of gpu memory",          /* Cycles: System is out of GPU memory, and of GPU and shared host memory */
		"cuda_error_out_of_memory",   /* Cycles names the driver's code */
		"out of memory in cu",        /* "Out of memory in cuMemAlloc(…)" */
		"optix_error_out_of_memory",  "optix_error_device_out_of_memory",
		"hiperroroutofmemory",        "hip_error_out_of_memory", "out of memory in hip",
		"cuda error: out of memory",  "hip error: out of memory",
		"ze_result_error_out_of_device_memory", "pi_error_out_of_resources",
	};
	g_autofree char *low = g_ascii_strdown(printed, -1);
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		if (strstr(low, texts[i]))
			return TRUE;
	return FALSE;
}

/* Blender goes on after them, and renders. The lines between are indented. */
char *words_script_error(const char *printed)
{
	const char *at = strstr(printed, "Traceback (most recent call last):");
	for (at = at ? strchr(at, '\n') : NULL; at; at = strchr(at + 1, '\n'))
		if (at[1] && at[1] != ' ' && at[1] != '\n')
			return g_strndup(at + 1, strcspn(at + 1, "\n"));
	return NULL;
}
