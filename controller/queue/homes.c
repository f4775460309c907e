/* See lua/homes.lua. */
#include "queue/homes.h"
#include "base/arena.h"
#include "queue/functions.h"

gboolean home_take(struct redis *r, struct arena *a, const char *vm, const char *host, const char **ret_home, GError **error)
{
	SCOPED_REPLY reply = function_call(r, error, "home_take", "ss", vm, host);
	if (!reply) {
		g_prefix_error(error, "asking where %s is: ", vm);
		return FALSE;
	}
	*ret_home = arena_strdup(a, reply_text(reply));
	return TRUE;
}

gboolean home_leave(struct redis *r, const char *vm, const char *host, GError **error)
{
	gint64 was_there;
	if (function_call_number(r, error, &was_there, "home_leave", "ss", vm, host))
		return TRUE;
	g_prefix_error(error, "saying that %s is gone: ", vm);
	return FALSE;
}

gboolean home_list(struct redis *r, struct arena *a, const char *const *vms, guint n, const char **ret_homes, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (guint i = 0; i < n; i++)
		g_ptr_array_add(names, (gpointer)vms[i]);
	SCOPED_REPLY reply = function_call(r, error, "homes", "v", names);
	if (!reply) {
		g_prefix_error(error, "asking where VMs are: ");
		return FALSE;
	}
	for (guint i = 0; i < n; i++) {
		const char *host = reply_text(reply_at(reply, i));
		ret_homes[i] = *host ? arena_strdup(a, host) : NULL;
	}
	return TRUE;
}
