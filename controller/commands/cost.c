/* cleave cost: GPU time and its price, summed over the manifests of all roots that this machine has: of jobs that are
 * wanted and of those that were. Each attempt counts once, also one that was lost: its time was spent. */
#include "base/arena.h"
#include "commands/bucket.h"
#include "commands/command.h"
#include "commands/cost.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "report/cost.h"
#include "spec/farm.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { COST_BY, COST_SINCE };
const struct own_option cost_options[] = {
	[COST_BY] = { "by", 0, "WORDS", "project, job, worker, model, label or label:KEY; several with commas (default: project)" },
	[COST_SINCE] = { "since", 0, "TIME", "What ended since then: 2025-03-01, 2025-03-01T18:30, or 7d ago" },
	{ 0 },
};

/* -- what is asked ---------------------------------------------------------------------------------------- */

static gboolean read_time(struct arena *a, const char *text, gint64 *ret_us, GError **error)
{
	gint64 ms;
	if (!duration_parse(a, text, &ms)) {
		*ret_us = g_get_real_time() - ms * 1000;
		return TRUE;
	}
	g_autoptr(GTimeZone) here = g_time_zone_new_local();
	g_autofree char *full = g_strconcat(text, strchr(text, 'T') ? "" : "T00:00", NULL);
	const char *colon = strchr(full, ':');
	g_autofree char *with_seconds = g_strconcat(full, colon && strlen(colon) == 3 ? ":00" : "", NULL);
	g_autoptr(GDateTime) t = g_date_time_new_from_iso8601(with_seconds, here);
	if (!t)
		return fail(error, ERROR_USAGE, "--since %s: a day as 2025-03-01, a time as 2025-03-01T18:30, or a duration as 7d", text);
	*ret_us = g_date_time_to_unix(t) * G_USEC_PER_SEC;
	return TRUE;
}

/* -- the roots -------------------------------------------------------------------------------------------- */

/* "project+name" as "project/name" (root_job_dir). */
static char *job_of_dir(const char *dir)
{
	char *id = g_strdup(dir), *plus = strchr(id, '+');
	if (plus)
		*plus = '/';
	return id;
}

static gboolean add_job(struct arena *a, int root_fd, const char *dir, const struct objects *want, struct cost_sum *sum,
                        GError **error)
{
	g_autofree char *job = job_of_dir(dir);
	const struct object *o = objects_get(want, KIND_RENDERJOB, job);
	struct manifest_view *view = manifest_view_new();
	gboolean ok = manifest_view_update(view, root_fd, dir, error) &&
	              cost_add_job(sum, arena_strdup(a, job), o ? &o->meta.labels : NULL, view, error);
	if (!ok)
		g_prefix_error(error, "%s: ", job);
	manifest_view_free(view);
	return ok;
}

static gboolean add_bucket(struct arena *a, const struct farm_root *root, const struct objects *want, GHashTable *seen,
                           struct cost_sum *sum, GError **error)
{
	struct remote *r = bucket_open(root, error);
	SCOPED_FD(fd) = r ? remote_open(r, root->marker, error) : -1;
	gboolean is_new = fd >= 0 && g_hash_table_add(seen, g_strdup(remote_name(r))), ok = fd >= 0;
	g_autoptr(GPtrArray) dirs = is_new ? remote_job_dirs(r, error) : NULL;
	if (is_new)
		ok = dirs != NULL;
	for (guint i = 0; ok && dirs && i < dirs->len; i++)
		ok = remote_fetch_manifest(r, fd, dirs->pdata[i], error) && add_job(a, fd, dirs->pdata[i], want, sum, error);
	remote_free(r);
	return ok;
}

static gboolean add_root(struct arena *a, const struct farm_root *r, const struct objects *want, GHashTable *seen,
                         struct cost_sum *sum, GError **error)
{
	struct stat st;
	if (r->url)
		return add_bucket(a, r, want, seen, sum, error);
	SCOPED_FD(fd) = root_open_marked(r->path, r->marker, error);
	if (fd < 0)
		return FALSE;
	/* two names of one folder are one root */
	g_autofree char *identity = fstat(fd, &st) == 0 ? g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)st.st_dev, (guint64)st.st_ino) : g_strdup(r->path);
	if (!g_hash_table_add(seen, g_steal_pointer(&identity)))
		return TRUE;
	SCOPED_FD(own) = root_openat(fd, ".cleave", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	GPtrArray *names = own >= 0 ? root_list(own, error) : g_ptr_array_new();
	gboolean ok = names != NULL;
	for (guint i = 0; ok && i < names->len; i++)
		if (strchr(names->pdata[i], '+'))
			ok = add_job(a, fd, names->pdata[i], want, sum, error);
	g_clear_pointer(&names, g_ptr_array_unref);
	return ok;
}

/* How many roots could not be read, after it was said why. */
static guint add_roots(struct arena *a, const struct farm_spec *farm, const struct objects *want, struct cost_sum *sum)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint n_missing = 0;
	for (guint i = 0; i < farm->roots.n; i++) {
		const struct farm_root *r = LIST_AT(farm->roots, struct farm_root, i);
		g_autoptr(GError) error = NULL;
		if (add_root(a, r, want, seen, sum, &error))
			continue;
		fprintf(stderr, "cleave: what was rendered to root %s is not counted: %s\n", r->name, error->message);
		n_missing++;
	}
	return n_missing;
}

/* -- the command ------------------------------------------------------------------------------------------ */

static int say(const struct invocation *in, struct cost_sum *sum)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct cost_report report = cost_report_of(sum);
	if (in->output == OUTPUT_JSON)
		report_cost_json(text, &report);
	else
		report_cost_text(text, &report);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

static int cost(struct invocation *in, struct looked *l, GError **error)
{
	struct arena *a = l->arena;
	struct cost_asked asked = { 0 };
	if (!cost_read_by(a, in->own[COST_BY] ? in->own[COST_BY] : "project", &asked, error) ||
	    (in->own[COST_SINCE] && !read_time(a, in->own[COST_SINCE], &asked.since_us, error)))
		return -1;
	const struct objects *want = l->wanted.objects;
	const struct object *farm = objects_farm(want);
	if (!farm) {
		fail(error, ERROR_INVALID, "the specs have no Farm, and so no roots");
		return -1;
	}
	struct cost_sum *sum = cost_sum_new(a, &asked, &((const struct farm_spec *)farm->spec)->prices);
	guint n_missing = add_roots(a, farm->spec, want, sum);
	int code = say(in, sum);
	cost_sum_free(sum);
	return n_missing && code == EXIT_FINE ? EXIT_FAILED : code;
}

int command_cost(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	struct looked l;
	int code = command_look_want(in, &l);
	if (code < 0)
		code = cost(in, &l, &error);
	if (code < 0)
		code = command_fail(error);
	looked_clear(&l);
	return code;
}
