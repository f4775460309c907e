/* The controller's side: what the helper answers, as structs. */
#include "host/nvml.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"

static int get_number(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);
	return json_is_integer(n) ? (int)json_integer_value(n) : -1;
}

static const char *get_string(struct arena *a, const json_t *o, const char *key)
{
	return arena_strdup(a, json_string_value(json_object_get(o, key)));
}

static struct nvml_card decode(struct arena *a, const json_t *o)
{
	const json_t *instances = json_object_get(o, "instances");
	guint n = (guint)json_array_size(instances);
	struct nvml_card c = { .address = get_string(a, o, "address"),
		               .trouble = get_string(a, o, "error"),
		               .serial = get_string(a, o, "serial"),
		               .name = get_string(a, o, "name"),
		               .celsius = get_number(o, "celsius"),
		               .milliwatts = get_number(o, "milliwatts"),
		               .memory_bytes = (guint64)json_integer_value(json_object_get(o, "memory")),
		               .used_bytes = (guint64)json_integer_value(json_object_get(o, "used")),
		               .percent = get_number(o, "percent"),
		               .ecc = get_number(o, "ecc"),
		               .mig = get_number(o, "mig"),
		               .mig_pending = get_number(o, "pending"),
		               .can_list = instances != NULL,
		               .instances = ARENA_ARRAY(a, struct nvml_instance, n),
		               .n_instances = n };
	for (guint i = 0; i < n; i++) {
		const json_t *one = json_array_get(instances, i);
		c.instances[i] = (struct nvml_instance){ get_number(one, "id"), get_string(a, one, "profile") };
	}
	return c;
}

gboolean nvml_read(struct helper *h, struct arena *a, const char *const *addresses, gint64 timeout_ms,
                   struct nvml_facts *ret, GError **error)
{
	json_t *answer, *asked = json_array();
	for (guint i = 0; addresses[i]; i++)
		json_array_append_new(asked, json_string(addresses[i]));
	json_t *request = json_pack("{s:s, s:o}", "op", "nvml", "cards", asked);
	gboolean ok = helper_call(h, request, timeout_ms, &answer, error);
	json_decref(request);
	if (!ok)
		return FALSE;
	const json_t *cards = json_object_get(answer, "cards");
	guint n = (guint)json_array_size(cards);
	*ret = (struct nvml_facts){ get_string(a, answer, "driver"), ARENA_ARRAY(a, struct nvml_card, n), n };
	for (guint i = 0; i < n; i++)
		ret->cards[i] = decode(a, json_array_get(cards, i));
	json_decref(answer);
	return TRUE;
}

gboolean nvml_cut(struct helper *h, struct arena *a, const char *address, const char *profile, guint64 count,
                  gint64 timeout_ms, struct nvml_card *ret, GError **error)
{
	json_t *answer, *request = json_pack("{s:s, s:s, s:s*, s:I}", "op", "mig", "card", address, "profile", profile,
	                                     "count", (json_int_t)count);
	*ret = (struct nvml_card){ 0 };
	gboolean ok = helper_call(h, request, timeout_ms, &answer, error);
	json_decref(request);
	if (!ok)
		return FALSE;
	*ret = decode(a, answer);
	const char *failed = json_string_value(json_object_get(answer, "failed"));
	if (failed)
		fail(error, ERROR_FAILED, "%s", failed);
	json_decref(answer);
	return !failed;
}
