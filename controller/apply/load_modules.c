/* load-modules: modprobe, and then the kernel's own word for each. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/boot.h"
#include "host/hands.h"
#include "spec/boot.h"
#include <string.h>

/* A driver may look for its devices while it is loaded. */
enum { MODPROBE_MS = 120000 };

gboolean load_modules(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct strings *modules = &act->host->modules;
	static const char *const modprobe[] = { "modprobe", "-a", "--" };
	const char **argv = ARENA_ARRAY(in->arena, const char *, G_N_ELEMENTS(modprobe) + modules->n + 1);
	struct strings missing = { ARENA_ARRAY(in->arena, const char *, modules->n), 0 };
	g_autoptr(GError) local = NULL;
	memcpy(argv, modprobe, sizeof modprobe);
	memcpy(argv + G_N_ELEMENTS(modprobe), modules->items, modules->n * sizeof *argv);
	hands_run(in->hands, argv, MODPROBE_MS, &local);
	/* One that fails keeps no other away; what counts is what the kernel has then. */
	for (guint i = 0; i < modules->n; i++)
		if (!host_has_loaded(in->hands->tree, modules->items[i]))
			missing.items[missing.n++] = modules->items[i];
	if (!missing.n)
		return TRUE;
	return fail(error, ERROR_FAILED, "not loaded: %s%s%s", strings_join(in->arena, &missing, ", "), local ? ": " : "",
	            local ? local->message : "");
}
