/* A job's frames on disk, as the manifest knows them. Frames of one state and key become ranges. */
#include "base/arena.h"
#include "frames/manifest.h"
#include "observe/observe_job.h"
#include "spec/frame_key.h"
#include <string.h>

/* What a worker may need from verified to visible; by the hosts' clocks, so a wrong clock only delays. */
static const gint64 DELIVERY_US = 10 * G_USEC_PER_SEC;

/* -- frames by key, gathered in ascending order ---------------------------------------------------- */

struct gathered {
	GPtrArray *keys;     /* const char *; order of first sight */
	GHashTable *builders; /* key → struct frame_builder * */
};

static void gathered_init(struct gathered *g)
{
	g->keys = g_ptr_array_new();
	g->builders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
}

static void gathered_add(struct gathered *g, const char *key, gint64 frame)
{
	struct frame_builder *b = g_hash_table_lookup(g->builders, key);
	if (!b) {
		b = g_new(struct frame_builder, 1);
		frame_builder_init(b);
		g_hash_table_insert(g->builders, (gpointer)key, b);
		g_ptr_array_add(g->keys, (gpointer)key);
	}
	frame_builder_add(b, frame);
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static struct list gathered_end(struct gathered *g, struct arena *a)
{
	struct job_frames *items = ARENA_ARRAY(a, struct job_frames, g->keys->len);
	guint n = g->keys->len;
	g_ptr_array_sort(g->keys, by_text);
	for (guint i = 0; i < n; i++) {
		const char *key = g_ptr_array_index(g->keys, i);
		items[i].key = *key ? arena_strdup(a, key) : NULL;
		items[i].frames = frame_builder_end(g_hash_table_lookup(g->builders, key), a);
	}
	g_ptr_array_free(g->keys, TRUE);
	g_hash_table_destroy(g->builders);
	return (struct list){ items, n };
}

/* -- one job's files ------------------------------------------------------------------------------- */

struct sights {
	struct gathered whole, damaged, foreign, unseen, staged, delivering, stored, rendered;
};

/* Between its verification and its visible name a frame is its worker's; only then the job owner's. */
static gboolean is_being_delivered(const struct record *staged)
{
	return g_get_real_time() - staged->time_us < DELIVERY_US;
}

static gboolean look_at_frame(const struct looking *l, gint64 frame, const char *key, struct sights *s, GError **error)
{
	struct frame_sight sight;
	g_autofree char *path = frame_path(l->output, frame);
	const struct inspection *in = &l->inspection;
	if (!frame_inspect(in, frame, key, path, &sight, error))
		return FALSE;
	if (sight.state == FRAME_WHOLE)
		gathered_add(&s->whole, sight.key, frame);
	if (sight.state == FRAME_WHOLE && sight.should_record)
		gathered_add(&s->unseen, sight.key, frame);
	if (sight.state == FRAME_DAMAGED)
		gathered_add(&s->damaged, "", frame);
	if (sight.state == FRAME_FOREIGN)
		gathered_add(&s->foreign, "", frame);
	for (const struct record *r = manifest_next(in->view, frame, NULL); r; r = manifest_next(in->view, frame, r))
		if (r->type == RECORD_FRAME)
			gathered_add(&s->rendered, r->key, frame);
	if (sight.state == FRAME_WHOLE && strcmp(sight.key, key) == 0)
		return TRUE;
	const struct record *staged = frame_staged(in, frame, key, path);
	if (staged)
		gathered_add(is_being_delivered(staged) ? &s->delivering : &s->staged, key, frame);
	else if (frame_kept(in, frame, key, path))
		gathered_add(&s->stored, key, frame);
	return TRUE;
}

static gboolean look_at_frames(const struct looking *l, const struct key_groups *groups, struct sights *s,
                               GError **error)
{
	/* Frame by frame in ascending order over all groups, because builders only take ascending frames. */
	FRAMES_EACH (it, &l->job->frames)
		for (guint g = 0; g < groups->n; g++)
			if (frames_contain(&groups->items[g].frames, it.frame) &&
			    !look_at_frame(l, it.frame, groups->items[g].key, s, error))
				return FALSE;
	return TRUE;
}

static struct list list_join(struct arena *a, const struct list *x, const struct list *y)
{
	struct job_frames *items = ARENA_ARRAY(a, struct job_frames, x->n + y->n);
	for (guint i = 0; i < x->n + y->n; i++)
		items[i] = i < x->n ? *LIST_AT(*x, struct job_frames, i) : *LIST_AT(*y, struct job_frames, i - x->n);
	return (struct list){ items, x->n + y->n };
}

gboolean observe_frames(const struct looking *l, const char *scene, struct renderjob_status *status, GError **error)
{
	struct sights s;
	struct list delivering;
	struct gathered *all[] = { &s.whole, &s.damaged, &s.foreign, &s.unseen, &s.staged, &s.stored, &s.rendered, &s.delivering };
	struct list *lists[] = { &status->whole,  &status->damaged, &status->foreign, &status->unseen,
		                 &status->staged, &status->stored,  &status->rendered, &delivering };
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		gathered_init(all[i]);
	struct key_groups groups = frame_key_groups(l->arena, l->job, scene);
	gboolean ok = look_at_frames(l, &groups, &s, error);
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		*lists[i] = gathered_end(all[i], l->arena);
	status->running = list_join(l->arena, &status->running, &delivering);
	return ok;
}
