/* Starting a Blender for a task: what confines it, and what it may read. */
#include "base/log.h"
#include "worker/worker.h"

/* The roots, what was fetched, and its own program where that is not the system's. Of roots that are away the place is
 * shown: what is mounted there later is seen. */
static char **readable_of(const struct worker *w)
{
	GStrvBuilder *builder = g_strv_builder_new();
	GHashTableIter i;
	gpointer folder;
	g_hash_table_iter_init(&i, w->config->mounts);
	while (g_hash_table_iter_next(&i, NULL, &folder))
		g_strv_builder_add(builder, folder);
	if (g_mkdir_with_parents(w->config->cache, 0755) == 0)
		g_strv_builder_add(builder, w->config->cache);
	if (w->choice.folder)
		g_strv_builder_add(builder, w->choice.folder);
	char **folders = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	return folders;
}

static gboolean need_sandbox(struct worker *w, GError **error)
{
	if (w->sandbox)
		return TRUE;
	w->sandbox = sandbox_find(w->config->sandbox, error);
	if (w->sandbox)
		log_notice("worker", "confining Blender: %s", sandbox_text(w->sandbox));
	return w->sandbox != NULL;
}

struct blender *worker_start_blender(struct worker *w, const struct task *task, GError **error)
{
	if (!need_sandbox(w, error))
		return NULL;
	g_auto(GStrv) readable = readable_of(w);
	const struct blender_setup setup = { .program = w->choice.program,
					     .variables = gpus_environment(w->gpus),
					     .readable = (const char *const *)readable,
					     .arguments = task ? task->arguments : NULL,
					     .runs_scripts = task && task->runs_scripts,
					     .sandbox = w->sandbox };
	return blender_start(&setup, error);
}
