/* The farm as this host sees it: is Redis there, who owns the jobs, which roots are mounted. And the
 * workers that registered. */
#include "base/arena.h"
#include "frames/shelf.h"
#include "observe/observe.h"
#include "queue/crew.h"
#include "queue/owner.h"
#include "queue/redis.h"
#include "spec/farm.h"
#include "spec/status.h"
#include <string.h>
#include <sys/statvfs.h>

/* For those who are not root, as `df` says it; 0: not told. */
static guint64 free_bytes(int fd)
{
	struct statvfs st;
	return fstatvfs(fd, &st) == 0 ? (guint64)st.f_bavail * st.f_frsize : 0;
}

static void observe_roots(struct arena *a, const struct observe_input *in, const struct farm_spec *farm,
                          struct farm_status *ret)
{
	struct farm_root_status *roots = ARENA_ARRAY(a, struct farm_root_status, farm->roots.n);
	for (guint i = 0; i < farm->roots.n; i++) {
		g_autoptr(GError) error = NULL;
		const struct farm_root *root = LIST_AT(farm->roots, struct farm_root, i);
		roots[i].name = root->name;
		const struct s3_options bucket = { .url = root->url,
			                           .endpoint = root->s3.endpoint,
			                           .region = root->s3.region,
			                           .credentials_file = root->s3.credentials_file };
		if (root->path)
			shelf_mark(in->shelf, root->path, root->marker);
		else
			shelf_know(in->shelf, &bucket, root->marker);
		roots[i].mounted = shelf_root(in->shelf, farm_root_where(root), &error) >= 0;
		if (roots[i].mounted && root->path)
			roots[i].free_bytes = free_bytes(shelf_root(in->shelf, root->path, NULL));
		roots[i].reason = error ? arena_strdup(a, error->message) : NULL;
	}
	ret->roots = (struct list){ roots, farm->roots.n };
}

static gboolean all_mounted(const struct farm_status *s)
{
	for (guint i = 0; i < s->roots.n; i++)
		if (!LIST_AT(s->roots, struct farm_root_status, i)->mounted)
			return FALSE;
	return TRUE;
}

static void observe_redis(struct arena *a, const struct observe_input *in, struct farm_status *ret)
{
	g_autoptr(GError) error = NULL;
	struct owner owner = { 0 };
	gboolean ok = in->redis != NULL;
	/* Who does not see the frames would only keep others from rendering them. */
	if (ok && in->claims && !in->leaves_jobs && all_mounted(ret))
		ok = owner_acquire(in->redis, a, in->holder, OWNER_TTL_MS, &owner, &error);
	else if (ok)
		ok = owner_show(in->redis, a, &owner, &error);
	ret->redis = ok ? PLANE_OK : error || in->redis_trouble ? PLANE_AWAY : PLANE_LEFT_OUT;
	ret->redis_reason = error ? arena_strdup(a, error->message) : arena_strdup(a, in->redis_trouble);
	if (ok && owner.holder && *owner.holder)
		ret->job_owner = strcmp(owner.holder, in->holder) == 0 ? in->host : owner.holder;
}

void observe_farm(struct arena *a, const struct observe_input *in, struct objects *have)
{
	const struct object *want = objects_farm(in->want);
	if (!want)
		return;
	struct farm_status *status = observed(a, have, KIND_FARM, want->id)->status;
	observe_roots(a, in, want->spec, status);
	observe_redis(a, in, status);
	observe_windows(a, in, have, want->spec, status);
	observe_rollout(a, in, want->spec, status);
	if (status->redis == PLANE_OK)
		observe_plain(a, in, want->spec, status);
}

/* What a worker does not know yet it has registered as "": Blender's version before Blender runs. */
static const char *known(const char *text)
{
	return text && *text ? text : NULL;
}

static struct strings split(struct arena *a, const char *text, const char *separator)
{
	g_auto(GStrv) parts = g_strsplit(text, separator, -1);
	struct strings all = { ARENA_ARRAY(a, const char *, g_strv_length(parts)), 0 };
	for (guint i = 0; parts[i]; i++)
		if (*parts[i])
			all.items[all.n++] = arena_strdup(a, parts[i]);
	return all;
}

/* "-" reads as 0: not told. */
static struct list read_cards(struct arena *a, const char *text)
{
	struct strings lines = split(a, text, "\n");
	struct worker_card *cards = ARENA_ARRAY(a, struct worker_card, lines.n);
	guint n = 0;
	for (guint i = 0; i < lines.n; i++) {
		struct strings parts = split(a, lines.items[i], " ");
		if (parts.n != 4)
			continue;
		cards[n++] = (struct worker_card){ .address = parts.items[0],
			                           .memory_bytes = g_ascii_strtoull(parts.items[1], NULL, 10),
			                           .celsius = g_ascii_strtoll(parts.items[2], NULL, 10),
			                           .watts = (g_ascii_strtoll(parts.items[3], NULL, 10) + 500) / 1000 };
	}
	return (struct list){ cards, n };
}

void observe_workers(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct crew_member *crew;
	guint n;
	if (!in->redis || !crew_list(in->redis, a, &crew, &n, NULL))
		return; /* the farm's status says that Redis is away */
	for (guint i = 0; i < n; i++) {
		if (form_check(a, FORM_NAME, crew[i].name))
			continue; /* somebody else's key */
		struct worker_status *s = observed(a, have, KIND_WORKER, crew[i].name)->status;
		*s = (struct worker_status){ .host = known(crew[i].host),
			                     .boot_id = known(crew[i].boot_id),
			                     .vm = known(crew[i].vm),
			                     .uuid = known(crew[i].uuid),
			                     .gpus = split(a, crew[i].gpus, "\n"),
			                     .cards = read_cards(a, crew[i].cards),
			                     .version = known(crew[i].version),
			                     .state = known(crew[i].state),
			                     .detail = known(crew[i].detail),
			                     .blender = known(crew[i].blender),
			                     .devices = split(a, crew[i].devices, ","),
			                     .labels = split(a, crew[i].labels, ","),
			                     .job = known(crew[i].job),
			                     .silent_ms = crew[i].age_ms };
	}
}
