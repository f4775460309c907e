/* feed-plain-workers: leases frames as the plain workers of a list, and puts them there as tasks.
 *
 * The lease comes first: a crash between the two leaves frames that run on paper, until plain_judge()'s or the lease's
 * time. They were in no list, so nobody renders them twice. */
#include "apply/plain.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/root.h"
#include "frames/stage.h"
#include "queue/crew.h"

/* Makes the folder they write to, and says what they are told. */
static gboolean describe(const struct apply_input *in, const struct farm_spec *farm, struct plain_task *t, GError **error)
{
	const struct farm_root *root = farm_root_find(farm, t->task.output_root), *scene = farm_root_find(farm, t->task.scene_root);
	if (!root || !root->path)
		return fail(error, ERROR_INVALID, "plain workers write to folders; root %s is none", t->task.output_root);
	int root_fd = shelf_root(in->shelf, root->path, error);
	if (root_fd < 0)
		return FALSE;
	g_autofree char *job_dir = root_job_dir(t->job);
	struct stage *stage = stage_begin(root_fd, job_dir, t->id, error);
	if (!stage)
		return FALSE;
	g_autofree char *output = g_build_filename(root->path, stage->path, PLAIN_OUTPUT, NULL);
	g_autofree char *blend = scene && scene->path ? g_build_filename(scene->path, t->task.scene_path, NULL)
	                                              : g_strdup(t->task.scene_blend);
	g_autofree char *payload = plain_payload(t, blend, t->task.scene_url, output);
	t->payload = arena_strdup(in->arena, payload);
	stage_free(stage);
	return TRUE;
}

/* What a lease becomes. */
static gboolean task_of(const struct apply_input *in, const struct action *act, const struct lease *l, struct plain_task *ret,
                        GError **error)
{
	*ret = (struct plain_task){ .id = l->token, .job = l->job, .key = l->key, .frames = l->frames, .task = l->task };
	if (l->problem ? fail(error, ERROR_INVALID, "%s", l->problem) : describe(in, act->want->spec, ret, error))
		return TRUE;
	g_prefix_error(error, "%s: ", l->job);
	return FALSE;
}

/* Leases up to the action's count; *ret_n of them became tasks. What follows one that cannot be described goes back. */
static gboolean take_all(const struct apply_input *in, const struct action *act, const char *worker, struct plain_task *tasks,
                         guint *ret_n, GError **error)
{
	const struct capabilities can = { .jobs = act->jobs.items };
	struct lease **leases = ARENA_ARRAY(in->arena, struct lease *, act->count);
	guint n_leases, n = 0;
	*ret_n = 0;
	if (!lease_take_several(in->redis, in->arena, worker, &can, PLAIN_LEASE_MS, (guint)MIN(act->count, PLAIN_WINDOW_MAX), leases,
	                        &n_leases, error))
		return FALSE;
	while (n < n_leases && task_of(in, act, leases[n], &tasks[n], error))
		n++;
	for (guint i = n; i < n_leases; i++)
		lease_give_back(in->redis, leases[i]->token, NULL);
	*ret_n = n;
	return n == n_leases;
}

gboolean feed_plain_workers(const struct apply_input *in, const struct action *act, GError **error)
{
	g_autofree char *worker = plain_worker(act->list);
	struct plain_task *tasks = ARENA_ARRAY(in->arena, struct plain_task, act->count);
	struct authority by = job_authority(in);
	g_autoptr(GError) problem = NULL;
	guint n;
	take_all(in, act, worker, tasks, &n, &problem);
	/* It blocks on no wake list: who wakes workers must not count on it. */
	crew_leave(in->redis, worker, NULL);
	gboolean is_pushed = !n || plain_push(in->redis, &by, act->list, tasks, n, error);
	for (guint i = 0; i < n && !is_pushed; i++)
		lease_give_back(in->redis, tasks[i].id, NULL);
	if (is_pushed && problem) {
		g_propagate_error(error, g_steal_pointer(&problem));
		return FALSE;
	}
	if (is_pushed)
		apply_note(in, act, "%u given", n);
	return is_pushed;
}
