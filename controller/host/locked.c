/* One thread reads, file after file. One that is given up ends when its file answers after all; another takes its
 * place. */
#include "host/locked.h"
#include "base/arena.h"

/* A busy machine, or a driver that is being bound, answers late: a look has that much patience in all, and where that is
 * spent little with each file, so that many hanging devices do not add up to the helper's deadline. */
enum { PATIENCE_MS = 3000, LEAST_MS = 500 };

static gint64 patient_until_us;

void locked_begin(void)
{
	patient_until_us = g_get_monotonic_time() + PATIENCE_MS * G_TIME_SPAN_MILLISECOND;
}


struct reader {
	GThread *thread;
	GMutex lock; /* of all below */
	GCond changed;
	char *path, *text; /* what it is asked for, and the answer */
	gboolean is_asked, is_given_up;
};

static gpointer read_all(gpointer user)
{
	struct reader *r = user;
	g_mutex_lock(&r->lock);
	while (!r->is_given_up) {
		if (!r->is_asked) {
			g_cond_wait(&r->changed, &r->lock);
			continue;
		}
		g_mutex_unlock(&r->lock);
		char *text = NULL;
		if (!g_file_get_contents(r->path, &text, NULL, NULL))
			text = NULL;
		g_mutex_lock(&r->lock);
		r->text = text;
		r->is_asked = FALSE;
		g_cond_signal(&r->changed);
	}
	g_mutex_unlock(&r->lock);
	return NULL;
}

static struct reader *reader_new(void)
{
	struct reader *r = g_new0(struct reader, 1);
	g_mutex_init(&r->lock);
	g_cond_init(&r->changed);
	r->thread = g_thread_new("locked", read_all, r);
	return r;
}

/* Of one that was given up and has its answer: it ends by itself. */
static void reader_free(gpointer user)
{
	struct reader *r = user;
	g_thread_join(r->thread);
	g_cond_clear(&r->changed);
	g_mutex_clear(&r->lock);
	g_free(r->path);
	g_free(r->text);
	g_free(r);
}

static gboolean still_hangs(struct reader *r)
{
	g_mutex_lock(&r->lock);
	gboolean hangs = r->is_asked;
	g_mutex_unlock(&r->lock);
	return hangs;
}

/* FALSE: it did not answer in time, and is given up. */
static gboolean ask(struct reader *r, const char *path, char **ret_text)
{
	gint64 until_us = MAX(patient_until_us, g_get_monotonic_time() + LEAST_MS * G_TIME_SPAN_MILLISECOND);
	g_mutex_lock(&r->lock);
	g_free(r->path);
	r->path = g_strdup(path);
	r->is_asked = TRUE;
	g_cond_signal(&r->changed);
	while (r->is_asked && g_cond_wait_until(&r->changed, &r->lock, until_us))
		;
	r->is_given_up = r->is_asked;
	if (!r->is_given_up)
		*ret_text = g_steal_pointer(&r->text);
	gboolean has_answered = !r->is_given_up;
	g_mutex_unlock(&r->lock);
	return has_answered;
}

char *locked_read(struct arena *a, const char *path, gboolean *ret_busy)
{
	static struct reader *reader;
	static GHashTable *hanging; /* path → reader that was given up */
	g_autofree char *text = NULL;
	if (!hanging)
		hanging = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, reader_free);
	struct reader *before = g_hash_table_lookup(hanging, path);
	if (before && still_hangs(before)) {
		*ret_busy = TRUE;
		return NULL;
	}
	g_hash_table_remove(hanging, path);
	if (!reader)
		reader = reader_new();
	if (!ask(reader, path, &text)) {
		g_hash_table_insert(hanging, g_strdup(path), g_steal_pointer(&reader));
		*ret_busy = TRUE;
		return NULL;
	}
	return text ? arena_strdup(a, g_strchomp(text)) : NULL;
}
