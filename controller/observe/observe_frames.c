/* A job's frames on disk, as the manifest knows them. Frames of one state and key become ranges. */
#include "base/arena.h"
#include "base/error.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "observe/observe_job.h"
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
	struct gathered whole, damaged, foreign, unseen, staged, delivering, stored, rendered, rotten, elsewhere;
};

/* Between its verification and its visible name a frame is its worker's; only then the job owner's. */
static gboolean is_being_delivered(const struct record *staged)
{
	return g_get_real_time() - staged->time_us < DELIVERY_US;
}

/* What the files of one frame are together. */
struct frame_look {
	guint n_whole, n_wanted; /* verified content; that of the wanted key */
	const char *key;         /* of the whole ones; NULL when they differ in it */
	gboolean is_damaged, is_foreign, should_record;
	gboolean is_unnoted;      /* damaged, and not recorded as such */
	guint n_staged, n_stored, n_elsewhere; /* of those that are not there with the wanted key */
	gboolean is_delivering;
};

/* The content of another file of the same frame is not this one's. */
static gboolean is_of_another_output(const struct looking *l, gint64 frame, const struct frame_sight *sight, const char *visible)
{
	const struct record *r = NULL;
	gboolean is_other = FALSE;
	if (l->n_outputs == 1 || strcmp(sight->record->file, visible) == 0)
		return FALSE;
	while ((r = manifest_next(l->inspection.view, frame, r))) {
		if (strcmp(r->sha256, sight->record->sha256) != 0)
			continue;
		if (strcmp(r->file, visible) == 0)
			return FALSE;
		for (guint i = 0; i < l->n_outputs && !is_other; i++) {
			g_autofree char *path = frame_path(l->templates[i], frame);
			is_other = strcmp(r->file, path) == 0;
		}
	}
	return is_other;
}

static void add_sight(struct frame_look *f, const struct frame_sight *sight, gboolean is_whole)
{
	f->is_foreign = f->is_foreign || sight->state == FRAME_FOREIGN;
	f->is_damaged = f->is_damaged || (sight->state == FRAME_WHOLE ? !is_whole : sight->state == FRAME_DAMAGED);
	f->is_unnoted = f->is_unnoted || (sight->state == FRAME_DAMAGED && sight->should_record);
	if (!is_whole)
		return;
	f->key = f->n_whole == 0 || g_strcmp0(f->key, sight->key) == 0 ? sight->key : NULL;
	f->n_whole++;
	f->should_record = f->should_record || sight->should_record;
}

static gboolean look_at_output(const struct looking *l, gint64 frame, const char *key, guint output, struct frame_look *f,
                               GError **error)
{
	struct frame_sight sight;
	g_autofree char *path = frame_path(l->templates[output], frame);
	const struct inspection *in = &l->inspection;
	if (!frame_inspect(in, frame, key, path, &sight, error))
		return FALSE;
	gboolean is_whole = sight.state == FRAME_WHOLE && !is_of_another_output(l, frame, &sight, path);
	add_sight(f, &sight, is_whole);
	if (is_whole && strcmp(sight.key, key) == 0) {
		f->n_wanted++;
		return TRUE;
	}
	const struct record *staged = frame_staged(in, frame, key, path);
	f->n_staged += staged != NULL;
	f->is_delivering = f->is_delivering || (staged && is_being_delivered(staged));
	gboolean is_kept = !staged && frame_kept(in, frame, key, path);
	f->n_stored += is_kept ? 1 : 0;
	f->n_elsewhere += !staged && !is_kept && observe_elsewhere(l, frame, key, path) ? 1 : 0;
	return TRUE;
}

/* A frame is whole when each of its files is, and can be made so when each that is not can be delivered. */
static void gather_look(const struct looking *l, const struct frame_look *f, gint64 frame, const char *key, struct sights *s)
{
	guint n_rest = l->n_outputs - f->n_wanted;
	if (f->n_whole == l->n_outputs && f->key)
		gathered_add(&s->whole, f->key, frame);
	if (f->n_whole == l->n_outputs && f->key && f->should_record)
		gathered_add(&s->unseen, f->key, frame);
	if (f->is_damaged)
		gathered_add(&s->damaged, "", frame);
	if (f->is_foreign)
		gathered_add(&s->foreign, "", frame);
	if (f->is_unnoted)
		gathered_add(&s->rotten, "", frame);
	if (n_rest == 0 || f->n_staged + f->n_stored + f->n_elsewhere < n_rest)
		return;
	if (f->n_elsewhere)
		gathered_add(&s->elsewhere, key, frame);
	else if (f->n_staged)
		gathered_add(f->is_delivering ? &s->delivering : &s->staged, key, frame);
	else
		gathered_add(&s->stored, key, frame);
}

static gboolean look_at_frame(const struct looking *l, gint64 frame, const char *key, struct sights *s, GError **error)
{
	struct frame_look f = { 0 };
	for (guint i = 0; i < l->n_outputs; i++)
		if (!look_at_output(l, frame, key, i, &f, error))
			return FALSE;
	gather_look(l, &f, frame, key, s);
	const struct record *r = NULL;
	while ((r = manifest_next(l->inspection.view, frame, r)))
		if (r->type == RECORD_FRAME)
			gathered_add(&s->rendered, r->key, frame);
	return TRUE;
}

/* -- names that are there --------------------------------------------------------------------------- */

/* Most frames of a new job have neither a record nor a file: a look at each would be a call of the kernel for
 * nothing. So the folders are read once, before the first look at a frame, and a frame without a record is only
 * looked at when its name is among theirs. */
struct names {
	GHashTable *there; /* paths below the root */
};

static gboolean read_names(const struct looking *l, struct names *n, GError **error)
{
	/* a bucket is listed anyway, and asked frame by frame */
	for (guint i = 0; i < l->n_outputs && !l->inspection.remote; i++) {
		g_autofree char *folder = g_path_get_dirname(l->templates[i]);
		SCOPED_FD(fd) = root_openat(l->inspection.root_fd, folder, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
			continue;
		if (fd < 0)
			return errno == EXDEV ? fail(error, ERROR_REFUSED, "folder %s leads out of the root", folder)
					      : fail_errno(error, errno, "folder %s cannot be opened", folder);
		g_autoptr(GPtrArray) names = root_list(fd, error);
		if (!names)
			return FALSE;
		gboolean is_top = strcmp(folder, ".") == 0;
		for (guint k = 0; k < names->len; k++)
			g_hash_table_add(n->there, g_strconcat(is_top ? "" : folder, is_top ? "" : "/", names->pdata[k], NULL));
	}
	return TRUE;
}

static gboolean is_worth_a_look(const struct looking *l, const struct names *n, gint64 frame)
{
	if (l->inspection.remote)
		return TRUE;
	for (guint i = 0; i < l->n_places; i++)
		if (manifest_next(l->places[i].look.view, frame, NULL))
			return TRUE;
	for (guint i = 0; i < l->n_outputs && g_hash_table_size(n->there); i++) {
		g_autofree char *path = frame_path(l->templates[i], frame);
		if (g_hash_table_contains(n->there, path))
			return TRUE;
	}
	return FALSE;
}

/* -- all frames -------------------------------------------------------------------------------------- */

/* The groups' next frames, the least first: builders only take ascending frames, and groups may lie between
 * each other's. A binary heap. */
struct merge {
	struct frame_iter *iters; /* in heap order */
	const char **keys;
	guint n;
};

static void merge_swap(struct merge *m, guint i, guint k)
{
	struct frame_iter it = m->iters[i];
	const char *key = m->keys[i];
	m->iters[i] = m->iters[k], m->keys[i] = m->keys[k];
	m->iters[k] = it, m->keys[k] = key;
}

static void merge_sink(struct merge *m, guint i)
{
	for (;;) {
		guint least = i;
		for (guint child = 2 * i + 1; child <= 2 * i + 2 && child < m->n; child++)
			if (m->iters[child].frame < m->iters[least].frame)
				least = child;
		if (least == i)
			return;
		merge_swap(m, i, least);
		i = least;
	}
}

static void merge_begin(struct merge *m, struct arena *a, const struct key_groups *groups)
{
	*m = (struct merge){ ARENA_ARRAY(a, struct frame_iter, groups->n), ARENA_ARRAY(a, const char *, groups->n), 0 };
	for (guint g = 0; g < groups->n; g++) {
		struct frame_iter it = frames_begin(&groups->items[g].frames);
		if (frames_next(&it)) {
			m->iters[m->n] = it;
			m->keys[m->n++] = groups->items[g].key;
		}
	}
	for (guint i = m->n; i-- > 0;)
		merge_sink(m, i);
}

static void merge_next(struct merge *m)
{
	if (!frames_next(&m->iters[0]))
		merge_swap(m, 0, --m->n);
	merge_sink(m, 0);
}

static gboolean look_at_frames(const struct looking *l, const struct key_groups *groups, struct sights *s,
                               GError **error)
{
	struct names names = { g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
	gboolean ok = read_names(l, &names, error);
	struct merge m;
	for (merge_begin(&m, l->arena, groups); ok && m.n; merge_next(&m)) {
		gint64 frame = m.iters[0].frame;
		if (is_worth_a_look(l, &names, frame))
			ok = look_at_frame(l, frame, m.keys[0], s, error);
	}
	g_hash_table_unref(names.there);
	return ok;
}

/* -- keys ---------------------------------------------------------------------------------------------- */

/* The lines of a key's text, without the first, which says its format. */
static struct strings split_lines(struct arena *a, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct strings all = { ARENA_ARRAY(a, const char *, g_strv_length(lines)), 0 };
	for (guint i = 1; lines[0] && lines[i]; i++)
		if (*lines[i])
			all.items[all.n++] = arena_strdup(a, lines[i]);
	return all;
}

/* Of frames that were rendered under another key than the wanted one, what that stood for. */
static struct list known_keys(const struct looking *l, const struct key_groups *groups, const struct list *rendered)
{
	struct job_key *items = ARENA_ARRAY(l->arena, struct job_key, rendered->n);
	guint n = 0;
	for (guint i = 0; i < rendered->n; i++) {
		const char *key = LIST_AT(*rendered, struct job_frames, i)->key;
		gboolean is_wanted = FALSE;
		for (guint g = 0; key && g < groups->n && !is_wanted; g++)
			is_wanted = strcmp(groups->items[g].key, key) == 0;
		g_autofree char *name = key && !is_wanted ? g_strconcat(PIN_KEY, key, NULL) : NULL;
		const struct record *pin = name ? manifest_pin(l->inspection.view, name) : NULL;
		if (pin && pin->values)
			items[n++] = (struct job_key){ key, split_lines(l->arena, pin->values) };
	}
	return (struct list){ items, n };
}

static struct list list_join(struct arena *a, const struct list *x, const struct list *y)
{
	struct job_frames *items = ARENA_ARRAY(a, struct job_frames, x->n + y->n);
	for (guint i = 0; i < x->n + y->n; i++)
		items[i] = i < x->n ? *LIST_AT(*x, struct job_frames, i) : *LIST_AT(*y, struct job_frames, i - x->n);
	return (struct list){ items, x->n + y->n };
}

gboolean observe_frames(const struct looking *l, const struct key_digests *of, struct renderjob_status *status, GError **error)
{
	struct sights s;
	struct list delivering;
	struct gathered *all[] = { &s.whole, &s.damaged, &s.foreign, &s.unseen, &s.staged, &s.stored, &s.rendered, &s.delivering,
		                   &s.rotten, &s.elsewhere };
	struct list *lists[] = { &status->whole,  &status->damaged, &status->foreign, &status->unseen,
		                 &status->staged, &status->stored,  &status->rendered, &delivering,
		                 &status->rotten, &status->elsewhere };
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		gathered_init(all[i]);
	struct key_groups groups = frame_key_groups(l->arena, l->job, of);
	gboolean ok = look_at_frames(l, &groups, &s, error);
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		*lists[i] = gathered_end(all[i], l->arena);
	status->running = list_join(l->arena, &status->running, &delivering);
	status->keys = known_keys(l, &groups, &status->rendered);
	return ok;
}
