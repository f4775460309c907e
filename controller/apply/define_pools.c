/* define-pools: each pool is there, started, and starts by itself. */
#include "apply/volume.h"
#include "base/error.h"

gboolean define_pools_check(const struct apply_input *in, const struct action *act, GError **error)
{
	(void)act;
	return volumes_need_libvirt(in, error);
}

gboolean define_pools(const struct apply_input *in, const struct action *act, GError **error)
{
	g_autoptr(GString) failures = g_string_new(NULL);
	/* One that fails keeps no other away. */
	for (guint i = 0; i < act->host->pools.n; i++) {
		const struct host_pool *pool = LIST_AT(act->host->pools, struct host_pool, i);
		g_autoptr(GError) local = NULL;
		if (!virt_define_pool(in->virt, pool->name, pool->path, POOL_MS, &local))
			g_string_append_printf(failures, "%s%s", failures->len ? "; " : "", local->message);
	}
	return failures->len ? fail(error, ERROR_FAILED, "%s", failures->str) : TRUE;
}
