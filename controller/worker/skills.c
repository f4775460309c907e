/* Labels are made of what was found on this machine; what Blender tells counts more than what the cards promise. */
#include "worker/skills.h"
#include <string.h>
#include <unistd.h>

gboolean skills_can_install(const struct worker *w)
{
	return g_mkdir_with_parents(w->config->cache, 0755) == 0 && access(w->config->cache, R_OK | W_OK | X_OK) == 0;
}

static void add_labels(GStrvBuilder *to, const char *kind, const char *const *values)
{
	for (guint i = 0; values && values[i]; i++) {
		g_autofree char *label = g_strconcat(kind, values[i], NULL);
		g_strv_builder_add(to, label);
	}
}

/* "NVIDIA RTX A5000" → gpu:NVIDIA-RTX-A5000: a label has no spaces or commas. */
static void add_model(GStrvBuilder *to, const char *model)
{
	g_autofree char *label = model ? g_strconcat("gpu:", model, NULL) : NULL;
	if (label)
		g_strv_builder_add(to, g_strdelimit(label, " ,", '-'));
}

char **skills_labels(const struct worker *w)
{
	GStrvBuilder *builder = g_strv_builder_new();
	g_autofree char **roots = (char **)g_hash_table_get_keys_as_array(w->roots, NULL);
	g_strv_builder_addv(builder, (const char **)w->config->labels);
	add_labels(builder, "root:", (const char *const *)roots);
	add_model(builder, gpus_own(w->gpus).model);
	add_labels(builder, "device:", w->devices ? (const char *const *)w->devices : gpus_devices(w->gpus));
	char **labels = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	return labels;
}

void skills_tell(struct worker *w)
{
	g_auto(GStrv) labels = skills_labels(w);
	g_autofree char *all = g_strjoinv(",", labels), *devices = w->devices ? g_strjoinv(",", w->devices) : g_strdup("");
	g_autofree char *versions = g_strjoinv(",", (char **)blenders_versions(w->blenders));
	heartbeat_know(w->heartbeat, versions, devices, all);
}
