/* The controller's side: ask and decode. */
#include "host/holders.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/tree.h"

static json_t *request_of(const struct host_tree *t, const char *const *const *cards, guint n)
{
	json_t *all = json_array();
	for (guint i = 0; i < n; i++) {
		json_t *addresses = json_array();
		for (const char *const *address = cards[i]; *address; address++)
			json_array_append_new(addresses, json_string(*address));
		json_array_append_new(all, addresses);
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "op", "holders", "root", t->root, "sysfs", t->sysfs, "cards", all);
}

static void decode(struct arena *a, const json_t *list, struct holders *ret)
{
	*ret = (struct holders){ ARENA_ARRAY(a, struct holder, json_array_size(list)), (guint)json_array_size(list) };
	for (guint i = 0; i < ret->n; i++) {
		const json_t *o = json_array_get(list, i);
		ret->list[i] = (struct holder){
			.pid = json_integer_value(json_object_get(o, "pid")),
			.comm = arena_strdup(a, json_string_value(json_object_get(o, "comm"))),
			.path = arena_strdup(a, json_string_value(json_object_get(o, "path"))),
		};
	}
}

gboolean holders_list(struct helper *h, struct arena *a, const struct host_tree *t, const char *const *const *cards,
		      guint n, gint64 timeout_ms, struct holders *ret, GError **error)
{
	for (guint i = 0; i < n; i++)
		ret[i] = (struct holders){ 0 };
	if (n == 0 || !host_exists(t, "proc"))
		return TRUE;
	json_t *answer, *request = request_of(t, cards, n);
	gboolean done = helper_call(h, request, timeout_ms, &answer, error);
	json_decref(request);
	if (!done) {
		g_prefix_error(error, "looking for processes that use the cards: ");
		return FALSE;
	}
	for (guint i = 0; i < n; i++)
		decode(a, json_array_get(answer, i), &ret[i]);
	json_decref(answer);
	return TRUE;
}
