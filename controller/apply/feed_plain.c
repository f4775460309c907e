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

/* *ret_n 0: nothing is there to be leased. */
static gboolean take_one(const struct apply_input *in, const struct action *act, const char *worker, struct plain_task *ret,
                         guint *ret_n, GError **error)
{
	struct lease *lease;
	const struct capabilities can = { .jobs = act->jobs.items };
	const struct farm_spec *farm = act->want->spec;
	*ret_n = 0;
	if (!lease_take(in->redis, in->arena, worker, &can, PLAIN_LEASE_MS, &lease, error))
		return FALSE;
	if (!lease)
		return TRUE;
	*ret = (struct plain_task){ .id = lease->token, .job = lease->job, .key = lease->key, .frames = lease->frames, .task = lease->task };
	gboolean is_right = lease->problem ? fail(error, ERROR_INVALID, "%s", lease->problem) : describe(in, farm, ret, error);
	if (!is_right) {
		lease_give_back(in->redis, lease->token, NULL);
		g_prefix_error(error, "%s: ", lease->job);
		return FALSE;
	}
	*ret_n = 1;
	return TRUE;
}

gboolean feed_plain_workers(const struct apply_input *in, const struct action *act, GError **error)
{
	g_autofree char *worker = plain_worker(act->list);
	struct plain_task *tasks = ARENA_ARRAY(in->arena, struct plain_task, act->count);
	struct authority by = job_authority(in);
	g_autoptr(GError) problem = NULL;
	guint n = 0, n_taken = 1;
	while (n < act->count && n_taken && take_one(in, act, worker, &tasks[n], &n_taken, &problem))
		n += n_taken;
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
