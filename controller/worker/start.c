/* Starting a Blender for a task: what confines it, and what it may read. */
#include "base/error.h"
#include "base/log.h"
#include "worker/skills.h"
#include <string.h>

/* The roots, the scene that was fetched, and its own program where that is not the system's. Of roots that are away the place is
 * shown: what is mounted there later is seen. */
static char **readable_of(const struct worker *w)
{
	GStrvBuilder *builder = g_strv_builder_new();
	GHashTableIter i;
	gpointer folder;
	g_hash_table_iter_init(&i, w->config->mounts);
	while (g_hash_table_iter_next(&i, NULL, &folder))
		g_strv_builder_add(builder, folder);
	if (w->shown)
		g_strv_builder_add(builder, w->shown);
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

/* -- the one that is kept ---------------------------------------------------------------------- */

static gboolean is_of_version(const struct worker *w, const struct task *task)
{
	const char *version = w->choice.version ? w->choice.version : blender_version(w->blender);
	return !task || blenders_suits(version, task->blender);
}

/* Errors of choosing are those of blenders_choose(), and speak of the task; ERROR_FAILED speaks of this machine. */
gboolean worker_need_blender(struct worker *w, const struct task *task, GError **error)
{
	g_autoptr(GError) problem = NULL;
	if (w->blender && (blender_n_frames(w->blender) >= w->config->n_recycle || !blender_suits(w->blender, task) ||
	                   !is_of_version(w, task)))
		g_clear_pointer(&w->blender, blender_stop);
	if (w->blender)
		return TRUE;
	struct blenders_choice choice;
	if (!blenders_choose(w, task, &choice, error))
		return FALSE;
	blenders_choice_clear(&w->choice);
	w->choice = choice;
	w->blender = worker_start_blender(w, task, &problem);
	if (!w->blender) {
		heartbeat_know(w->heartbeat, "", "", "");
		return fail(error, ERROR_FAILED, "%s", problem->message);
	}
	g_strfreev(w->devices);
	w->devices = g_strdupv((char **)blender_devices(w->blender));
	gpus_name(w->gpus);
	heartbeat_see(w->heartbeat, gpus_text(w->gpus));
	heartbeat_measure(w->heartbeat, gpus_figures(w->gpus));
	skills_tell(w);
	return TRUE;
}

gboolean worker_show_scene(struct worker *w, const struct task *task, const char *folder, GError **error)
{
	if (g_strcmp0(w->shown, folder) == 0)
		return TRUE;
	g_free(w->shown);
	w->shown = g_strdup(folder);
	if (!sandbox_confines(w->sandbox))
		return TRUE;
	g_clear_pointer(&w->blender, blender_stop);
	return worker_need_blender(w, task, error);
}
