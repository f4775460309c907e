/* pin-scene, pin-inputs: record which content of the scene and of its inputs this job renders, before the first
 * frame is queued. */
#include "apply/job.h"
#include "base/arena.h"
#include "base/error.h"
#include "frames/inputs.h"
#include <string.h>

gboolean pin_scene(const struct apply_input *in, const struct action *act, GError **error)
{
	struct job_place p;
	struct manifest *m = job_place_find(in, act, &p, error) ? job_place_manifest(in, &p, error) : NULL;
	gboolean ok = FALSE;
	if (m) {
		struct record pin = { .type = RECORD_PIN, .file = p.job->scene.file, .sha256 = act->digest };
		ok = manifest_append(m, &pin, error);
		manifest_close(m);
	}
	job_place_clear(&p);
	return ok;
}

static int root_of(void *user, const char *name, GError **error)
{
	const struct apply_input *in = user;
	const struct farm_spec *farm = objects_farm(in->plan->want)->spec;
	return shelf_root(in->shelf, farm_root_where(farm_root_find(farm, name)), error);
}

static struct remote *remote_of(void *user, const char *name)
{
	const struct apply_input *in = user;
	const struct farm_spec *farm = objects_farm(in->plan->want)->spec;
	return shelf_remote(in->shelf, farm_root_where(farm_root_find(farm, name)));
}

/* One record of all and one of each, so that a later look can say which of them changed. */
static gboolean write_pins(const struct apply_input *in, const struct action *act, struct manifest *m, GError **error)
{
	const struct strings *files = &((const struct renderjob_spec *)act->want->spec)->inputs.files;
	const struct inputs_from from = { root_of, (void *)in, shelf_digests(in->shelf), remote_of };
	const char **patterns = ARENA_ARRAY(in->arena, const char *, files->n + 1);
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(struct record));
	struct inputs all;
	char sum[SHA256_HEX_SIZE];
	for (guint i = 0; i < files->n; i++)
		patterns[i] = files->items[i];
	if (!inputs_read(in->arena, &from, patterns, &all, error))
		return FALSE;
	inputs_sum(&all, sum);
	if (strcmp(sum, act->digest) != 0)
		return fail(error, ERROR_REFUSED, "the inputs changed since they were looked at");
	for (guint i = 0; i < all.n; i++) {
		struct record one = { .type = RECORD_PIN, .file = all.items[i].name, .sha256 = all.items[i].sha256 };
		g_array_append_val(records, one);
	}
	/* last: it says that the others are there */
	struct record pin = { .type = RECORD_PIN, .file = PIN_INPUTS, .sha256 = act->digest };
	g_array_append_val(records, pin);
	return manifest_append_all(m, (const struct record *)(gpointer)records->data, records->len, error);
}

gboolean pin_inputs(const struct apply_input *in, const struct action *act, GError **error)
{
	struct job_place p;
	struct manifest *m = job_place_find(in, act, &p, error) ? job_place_manifest(in, &p, error) : NULL;
	gboolean ok = m && write_pins(in, act, m, error);
	if (m)
		manifest_close(m);
	job_place_clear(&p);
	return ok;
}
