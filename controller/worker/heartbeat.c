/* One thread; the worker's changes reach it under a mutex, and a condition wakes it. */
#include "worker/heartbeat.h"
#include "base/arena.h"
#include "queue/lease.h"
#include "queue/redis.h"
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ANSWER_MS = 5000 };

struct heartbeat {
	GMutex mutex;
	GCond changed;
	GThread *thread;
	struct redis *redis; /* the thread's alone */
	gint64 lease_ms;
	int lost_fd;

	/* Under the mutex. Strings are never NULL but `token`. */
	char *name, *host, *boot_id, *vm, *uuid, *gpus, *cards, *version, *blender, *devices, *labels, *state, *detail, *job, *token;
	gint64 frame, n_done, n_failed;
	gboolean must_stop, must_report;
};

static void set_text(char **text, const char *value)
{
	g_free(*text);
	*text = g_strdup(value ? value : "");
}

/* A copy that the thread can send without the mutex. */
static struct crew_member copy_self(struct arena *a, const struct heartbeat *h)
{
	return (struct crew_member){
		.name = arena_strdup(a, h->name),
		.host = arena_strdup(a, h->host),
		.boot_id = arena_strdup(a, h->boot_id),
		.vm = arena_strdup(a, h->vm),
		.uuid = arena_strdup(a, h->uuid),
		.gpus = arena_strdup(a, h->gpus),
		.cards = arena_strdup(a, h->cards),
		.version = arena_strdup(a, h->version),
		.blender = arena_strdup(a, h->blender),
		.devices = arena_strdup(a, h->devices),
		.labels = arena_strdup(a, h->labels),
		.state = arena_strdup(a, h->state),
		.detail = arena_strdup(a, h->detail),
		.job = arena_strdup(a, h->job),
		.frame = h->frame,
		.n_done = h->n_done,
		.n_failed = h->n_failed,
	};
}

/* The answer may come when the worker holds another lease already. */
static void mark_lost(struct heartbeat *h, const char *token)
{
	const guint64 one = 1;
	g_mutex_lock(&h->mutex);
	if (g_strcmp0(h->token, token) == 0 && write(h->lost_fd, &one, sizeof one) < 0)
		g_assert_not_reached();
	g_mutex_unlock(&h->mutex);
}

/* A Redis that does not answer is no loss: the lease may still stand when it is back. */
static void beat(struct heartbeat *h, const struct crew_member *self, const char *token)
{
	gboolean is_held = TRUE;
	if (token && lease_extend(h->redis, token, h->lease_ms, NULL, &is_held, NULL) && !is_held)
		mark_lost(h, token);
	(void)crew_report(h->redis, self, NULL);
}

static gpointer run(gpointer data)
{
	struct heartbeat *h = data;
	g_mutex_lock(&h->mutex);
	while (!h->must_stop) {
		SCOPED_ARENA(a);
		struct crew_member self = copy_self(a, h);
		const char *token = arena_strdup(a, h->token);
		gint64 next_us = g_get_monotonic_time() + h->lease_ms * 1000 / 3;
		h->must_report = FALSE;
		g_mutex_unlock(&h->mutex);
		beat(h, &self, token);
		g_mutex_lock(&h->mutex);
		while (!h->must_stop && !h->must_report && g_cond_wait_until(&h->changed, &h->mutex, next_us))
			continue;
	}
	g_mutex_unlock(&h->mutex);
	(void)crew_leave(h->redis, h->name, NULL);
	return NULL;
}

struct heartbeat *heartbeat_start(const struct config *c, const struct crew_member *self, GError **error)
{
	/* An answer later than the lease allows is of no use. */
	guint answer_ms = (guint)MIN(c->lease_ms / 3, (gint64)ANSWER_MS);
	struct redis *redis = redis_new(c->redis_url, c->redis_password_file, answer_ms, error);
	if (!redis)
		return NULL;
	struct heartbeat *h = g_new0(struct heartbeat, 1);
	h->redis = redis;
	h->lease_ms = c->lease_ms;
	h->lost_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set_text(&h->name, self->name);
	set_text(&h->host, self->host);
	set_text(&h->boot_id, self->boot_id);
	set_text(&h->vm, self->vm);
	set_text(&h->uuid, self->uuid);
	set_text(&h->gpus, self->gpus);
	set_text(&h->version, self->version);
	set_text(&h->state, "starting");
	char **others[] = { &h->cards, &h->blender, &h->devices, &h->labels, &h->detail, &h->job };
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		set_text(others[i], "");
	g_mutex_init(&h->mutex);
	g_cond_init(&h->changed);
	h->thread = g_thread_new("heartbeat", run, h);
	return h;
}

void heartbeat_stop(struct heartbeat *h)
{
	if (!h)
		return;
	g_mutex_lock(&h->mutex);
	h->must_stop = TRUE;
	g_cond_signal(&h->changed);
	g_mutex_unlock(&h->mutex);
	g_thread_join(h->thread);
	redis_free(h->redis);
	close(h->lost_fd);
	char *texts[] = { h->name,    h->host,    h->boot_id, h->vm,    h->uuid,   h->gpus, h->cards, h->version,
			  h->blender, h->devices, h->labels,  h->state, h->detail, h->job,  h->token };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_mutex_clear(&h->mutex);
	g_cond_clear(&h->changed);
	g_free(h);
}

/* Under the mutex. A change is reported at once: who waits for the VM to be ready waits for these. */
static void change_text(struct heartbeat *h, char **text, const char *value)
{
	if (strcmp(*text, value) == 0)
		return;
	set_text(text, value);
	h->must_report = TRUE;
	g_cond_signal(&h->changed);
}

void heartbeat_know(struct heartbeat *h, const char *blender, const char *devices, const char *labels)
{
	g_mutex_lock(&h->mutex);
	change_text(h, &h->blender, blender);
	change_text(h, &h->devices, devices);
	change_text(h, &h->labels, labels);
	g_mutex_unlock(&h->mutex);
}

void heartbeat_see(struct heartbeat *h, const char *gpus)
{
	g_mutex_lock(&h->mutex);
	change_text(h, &h->gpus, gpus);
	g_mutex_unlock(&h->mutex);
}

void heartbeat_measure(struct heartbeat *h, const char *cards)
{
	g_mutex_lock(&h->mutex);
	set_text(&h->cards, cards);
	g_mutex_unlock(&h->mutex);
}

void heartbeat_say(struct heartbeat *h, const char *state, const char *detail)
{
	g_mutex_lock(&h->mutex);
	change_text(h, &h->state, state);
	change_text(h, &h->detail, detail ? detail : "");
	g_mutex_unlock(&h->mutex);
}

void heartbeat_hold(struct heartbeat *h, const char *token, const char *job)
{
	guint64 count;
	g_mutex_lock(&h->mutex);
	g_free(h->token);
	h->token = g_strdup(token);
	set_text(&h->job, job);
	/* What was said of the lease before says nothing of this one. */
	while (read(h->lost_fd, &count, sizeof count) > 0)
		continue;
	g_mutex_unlock(&h->mutex);
}

void heartbeat_frame(struct heartbeat *h, gint64 frame)
{
	g_mutex_lock(&h->mutex);
	h->frame = frame;
	g_mutex_unlock(&h->mutex);
}

void heartbeat_count(struct heartbeat *h, gboolean is_done)
{
	g_mutex_lock(&h->mutex);
	++*(is_done ? &h->n_done : &h->n_failed);
	g_mutex_unlock(&h->mutex);
}

int heartbeat_lost_fd(const struct heartbeat *h)
{
	return h->lost_fd;
}
