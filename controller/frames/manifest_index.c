/* Per frame a short chain of renders and of sights; everything else is one table lookup. */
#include "frames/manifest_index.h"
#include "base/arena.h"
#include <string.h>

struct frame_record {
	struct record record; /* first: lookups hand it out, index_next() gets it back */
	struct frame_record *older;
	gboolean is_superseded;
};

struct seen_record {
	struct record record;
	struct seen_record *next; /* at another path */
};

struct frame_entry {
	gint64 frame;
	struct frame_record *latest; /* descending by time */
	struct frame_record *failed; /* the same */
	gint64 folded_us;            /* failures up to then are in one FAILED_EARLIER; 0: there is none */
	struct seen_record *seen;    /* the latest of each path */
};

struct attempt {
	gint64 frame;
	const char *token;
	gint64 time_us; /* of the record that says so */
};

enum { STRINGS_BLOCK = 64 * 1024 };

static guint attempt_hash(gconstpointer p)
{
	const struct attempt *a = p;
	return g_str_hash(a->token) ^ g_int64_hash(&a->frame);
}

static gboolean attempt_equal(gconstpointer a, gconstpointer b)
{
	const struct attempt *x = a, *y = b;
	return x->frame == y->frame && strcmp(x->token, y->token) == 0;
}

void index_init(struct manifest_index *x)
{
	*x = (struct manifest_index){
		.arena = arena_new(),
		.strings = g_string_chunk_new(STRINGS_BLOCK),
		.frames = g_hash_table_new(g_int64_hash, g_int64_equal),
		.superseded = g_hash_table_new(attempt_hash, attempt_equal),
		.pins = g_hash_table_new(g_str_hash, g_str_equal),
		.inputs = g_hash_table_new(g_str_hash, g_str_equal),
		.first_inputs = g_hash_table_new(g_str_hash, g_str_equal),
	};
}

void index_clear(struct manifest_index *x)
{
	g_clear_pointer(&x->contents, g_hash_table_unref);
	g_clear_pointer(&x->pins, g_hash_table_unref);
	g_clear_pointer(&x->inputs, g_hash_table_unref);
	g_clear_pointer(&x->first_inputs, g_hash_table_unref);
	g_clear_pointer(&x->superseded, g_hash_table_unref);
	g_clear_pointer(&x->frames, g_hash_table_unref);
	g_clear_pointer(&x->strings, g_string_chunk_free);
	g_clear_pointer(&x->arena, arena_free);
}

/* Segments are read one after the other, so records come in any order of time; equal times are ordered
 * by content, so that all readers agree whatever order they read in. */
static gboolean is_newer(const struct record *a, const struct record *b)
{
	if (a->time_us != b->time_us)
		return a->time_us > b->time_us;
	int c = g_strcmp0(a->token, b->token);
	return (c ? c : g_strcmp0(a->sha256, b->sha256)) >= 0;
}

static struct frame_entry *entry_of(struct manifest_index *x, gint64 frame)
{
	struct frame_entry *e = g_hash_table_lookup(x->frames, &frame);
	if (!e) {
		e = ARENA_NEW(x->arena, struct frame_entry);
		e->frame = frame;
		g_hash_table_add(x->frames, e);
	}
	return e;
}

static void add_content(struct manifest_index *x, struct frame_record *f)
{
	if (!g_hash_table_contains(x->contents, f->record.sha256))
		g_hash_table_insert(x->contents, (gpointer)f->record.sha256, f);
}

/* One record in two segments, while a compaction is half done. */
static gboolean is_same(const struct record *a, const struct record *b)
{
	return a->time_us == b->time_us && g_strcmp0(a->token, b->token) == 0 && g_strcmp0(a->sha256, b->sha256) == 0 &&
	       g_strcmp0(a->file, b->file) == 0;
}

/* FALSE: it is there already. */
static gboolean put_in_order(struct manifest_index *x, struct frame_record **at, const struct record *r,
			     struct frame_record **ret)
{
	while (*at && !is_newer(r, &(*at)->record))
		at = &(*at)->older;
	for (const struct frame_record *f = *at; f && f->record.time_us == r->time_us; f = f->older)
		if (is_same(&f->record, r))
			return FALSE;
	struct frame_record *f = ARENA_NEW(x->arena, struct frame_record);
	*f = (struct frame_record){ .record = *r, .older = *at };
	*at = *ret = f;
	x->n_kept++;
	return TRUE;
}

/* What the folded record stands for goes, in whatever order the segments are read. */
static void drop_folded(struct manifest_index *x, struct frame_entry *e)
{
	for (struct frame_record **at = &e->failed; *at;) {
		gboolean is_folded = (*at)->record.time_us <= e->folded_us;
		gboolean is_the_one = (*at)->record.time_us == e->folded_us && g_strcmp0((*at)->record.token, FAILED_EARLIER) == 0;
		if (is_folded && !is_the_one) {
			*at = (*at)->older;
			x->n_kept--;
		} else {
			at = &(*at)->older;
		}
	}
}

static void add_failed(struct manifest_index *x, const struct record *r)
{
	struct frame_record *f;
	struct frame_entry *e = entry_of(x, r->frame);
	gboolean is_fold = g_strcmp0(r->token, FAILED_EARLIER) == 0;
	if (e->folded_us && r->time_us <= e->folded_us)
		return;
	if (!put_in_order(x, &e->failed, r, &f) || !is_fold)
		return;
	e->folded_us = r->time_us;
	drop_folded(x, e);
}

static void add_frame(struct manifest_index *x, const struct record *r)
{
	struct frame_record *f;
	if (!put_in_order(x, &entry_of(x, r->frame)->latest, r, &f))
		return;
	x->seconds += r->seconds;
	x->n_timed += r->seconds > 0;
	f->is_superseded = g_hash_table_contains(x->superseded, &(struct attempt){ .frame = r->frame, .token = r->token });
	if (f->is_superseded)
		x->n_superseded++;
	else
		x->n_frames++;
	if (x->contents && !f->is_superseded)
		add_content(x, f);
}

static void add_seen(struct manifest_index *x, const struct record *r)
{
	struct frame_entry *e = entry_of(x, r->frame);
	struct seen_record *s = e->seen;
	while (s && strcmp(s->record.file, r->file) != 0)
		s = s->next;
	if (!s) {
		s = ARENA_NEW(x->arena, struct seen_record);
		s->next = e->seen;
		e->seen = s;
		s->record = *r;
		x->n_kept++;
	} else if (is_newer(r, &s->record)) {
		s->record = *r;
	}
}

static void add_superseded(struct manifest_index *x, const struct record *r)
{
	struct attempt key = { r->frame, r->token, r->time_us };
	if (g_hash_table_contains(x->superseded, &key))
		return;
	x->n_kept++;
	g_hash_table_add(x->superseded, arena_memdup(x->arena, &key, sizeof key));
	const struct frame_entry *e = g_hash_table_lookup(x->frames, &r->frame);
	for (struct frame_record *f = e ? e->latest : NULL; f; f = f->older) {
		if (f->is_superseded || strcmp(f->record.token, r->token) != 0)
			continue;
		f->is_superseded = TRUE;
		x->n_frames--;
		x->n_superseded++;
	}
	g_clear_pointer(&x->contents, g_hash_table_unref);
}

static void keep_latest(struct manifest_index *x, struct record **latest, const struct record *r)
{
	if (!*latest)
		*latest = ARENA_NEW(x->arena, struct record);
	else if (!is_newer(r, *latest))
		return;
	**latest = *r;
}

/* The latest of each file. */
static void keep_by_file(struct manifest_index *x, GHashTable *table, const struct record *r)
{
	struct record *known = g_hash_table_lookup(table, r->file);
	struct record *latest = known;
	keep_latest(x, &latest, r);
	if (known)
		return;
	x->n_kept++;
	g_hash_table_insert(table, (gpointer)latest->file, latest);
}

static void add_input(struct manifest_index *x, const struct record *r)
{
	struct record *first = g_hash_table_lookup(x->first_inputs, r->file);
	keep_by_file(x, x->inputs, r);
	if (first && is_newer(r, first))
		return;
	if (!first)
		first = ARENA_NEW(x->arena, struct record);
	*first = *r;
	g_hash_table_replace(x->first_inputs, (gpointer)first->file, first);
}

static void add_pin(struct manifest_index *x, const struct record *r)
{
	keep_by_file(x, x->pins, r);
	if (strcmp(r->file, PIN_INPUTS) != 0 && !g_str_has_prefix(r->file, PIN_KEY))
		keep_latest(x, &x->pin, r);
}

void index_add(struct manifest_index *x, const struct record *r)
{
	x->latest_us = MAX(x->latest_us, r->time_us);
	x->n_added++;
	switch (r->type) {
	case RECORD_FRAME: add_frame(x, r); return;
	case RECORD_SEEN: add_seen(x, r); return;
	case RECORD_PIN: add_pin(x, r); return;
	case RECORD_COMPLETE: x->n_kept += x->complete ? 0 : 1; keep_latest(x, &x->complete, r); return;
	case RECORD_SUPERSEDED: add_superseded(x, r); return;
	case RECORD_FAILED: add_failed(x, r); return;
	case RECORD_INPUT: add_input(x, r); return;
	case RECORD_TYPES: break;
	}
	g_assert_not_reached();
}

gboolean index_knows(const struct manifest_index *x, gint64 frame)
{
	return g_hash_table_contains(x->frames, &frame);
}

const struct record *index_next(const struct manifest_index *x, gint64 frame, const struct record *after)
{
	const struct frame_record *f;
	if (after) {
		f = ((const struct frame_record *)after)->older;
	} else {
		const struct frame_entry *e = g_hash_table_lookup(x->frames, &frame);
		f = e ? e->latest : NULL;
	}
	while (f && f->is_superseded)
		f = f->older;
	return f ? &f->record : NULL;
}

const struct record *index_next_failure(const struct manifest_index *x, gint64 frame, const struct record *after)
{
	const struct frame_record *f;
	if (after) {
		f = ((const struct frame_record *)after)->older;
	} else {
		const struct frame_entry *e = g_hash_table_lookup(x->frames, &frame);
		f = e ? e->failed : NULL;
	}
	return f ? &f->record : NULL;
}

const struct record *index_seen(const struct manifest_index *x, gint64 frame, const char *file)
{
	const struct frame_entry *e = g_hash_table_lookup(x->frames, &frame);
	for (const struct seen_record *s = e ? e->seen : NULL; s; s = s->next)
		if (strcmp(s->record.file, file) == 0)
			return &s->record;
	return NULL;
}

const struct record *index_any_content(struct manifest_index *x, const char *sha256)
{
	if (!x->contents) {
		x->contents = g_hash_table_new(g_str_hash, g_str_equal);
		GHashTableIter it;
		gpointer entry;
		g_hash_table_iter_init(&it, x->frames);
		while (g_hash_table_iter_next(&it, &entry, NULL))
			for (struct frame_record *f = ((struct frame_entry *)entry)->latest; f; f = f->older)
				if (!f->is_superseded)
					add_content(x, f);
	}
	const struct frame_record *f = g_hash_table_lookup(x->contents, sha256);
	return f ? &f->record : NULL;
}

static gboolean each_of_frame(const struct frame_entry *e, index_each_fn *each, gpointer user, GError **error)
{
	for (const struct frame_record *f = e->latest; f; f = f->older)
		if (!each(&f->record, user, error))
			return FALSE;
	for (const struct frame_record *f = e->failed; f; f = f->older)
		if (!each(&f->record, user, error))
			return FALSE;
	for (const struct seen_record *s = e->seen; s; s = s->next)
		if (!each(&s->record, user, error))
			return FALSE;
	return TRUE;
}

static gboolean each_attempt(const struct manifest_index *x, index_each_fn *each, gpointer user, GError **error)
{
	GHashTableIter it;
	gpointer p;
	g_hash_table_iter_init(&it, x->superseded);
	while (g_hash_table_iter_next(&it, &p, NULL)) {
		const struct attempt *a = p;
		struct record r = { .type = RECORD_SUPERSEDED, .frame = a->frame, .token = a->token, .time_us = a->time_us };
		if (!each(&r, user, error))
			return FALSE;
	}
	return TRUE;
}

/* Those that are not the latest as well. */
static gboolean each_first_input(const struct manifest_index *x, index_each_fn *each, gpointer user, GError **error)
{
	GHashTableIter it;
	gpointer p;
	g_hash_table_iter_init(&it, x->first_inputs);
	while (g_hash_table_iter_next(&it, NULL, &p)) {
		const struct record *first = p, *latest = g_hash_table_lookup(x->inputs, first->file);
		if (strcmp(first->sha256, latest->sha256) != 0 && !each(first, user, error))
			return FALSE;
	}
	return TRUE;
}

gboolean index_each(const struct manifest_index *x, index_each_fn *each, gpointer user, GError **error)
{
	GHashTable *const tables[] = { x->pins, x->inputs };
	GHashTableIter it;
	gpointer p;
	g_hash_table_iter_init(&it, x->frames);
	while (g_hash_table_iter_next(&it, &p, NULL))
		if (!each_of_frame(p, each, user, error))
			return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
		g_hash_table_iter_init(&it, tables[i]);
		while (g_hash_table_iter_next(&it, NULL, &p))
			if (!each(p, user, error))
				return FALSE;
	}
	return each_first_input(x, each, user, error) && each_attempt(x, each, user, error) && (!x->complete || each(x->complete, user, error));
}
