/* update-boot: runs the programs that take the drop-in files into the boot, then notes for which files
 * they ran. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/boot.h"
#include "host/hands.h"
#include "spec/boot.h"
#include <string.h>

/* An initramfs for each kernel that is installed. */
enum { GENERATOR_MS = 900000 };

gboolean update_boot_check(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->host->files.n; i++) {
		const struct host_drop_in *file = LIST_AT(act->host->files, struct host_drop_in, i);
		if (g_strcmp0(host_read(in->arena, in->hands->tree, "%s", file->path + 1), file->text) != 0)
			return fail(error, ERROR_REFUSED, "%s was changed since it was planned", file->path);
	}
	return TRUE;
}

/* Adds those of `some` that are neither in `to`, which has room, nor in `others` (may be NULL). */
static void add_once(const char **to, const struct strings *some, const char *const *others)
{
	guint n = g_strv_length((char **)to);
	for (guint i = 0; i < some->n; i++)
		if (!g_strv_contains((const char *const *)to, some->items[i]) &&
		    !(others && g_strv_contains(others, some->items[i])))
			to[n++] = some->items[i];
}

static gboolean note(const struct apply_input *in, const char *generated, const char **arguments, const char **former,
                     GError **error)
{
	const char *text = boot_record_text(in->arena, in->hands->tree, generated, (const char *const *)arguments,
	                                    (const char *const *)former);
	return hands_put(in->hands, BOOT_RECORD, text, error);
}

gboolean update_boot(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct object *have = objects_get(in->plan->have, KIND_HOST, act->id);
	const struct strings *before = &((const struct host_status *)have->status)->boot.arguments, *after = &act->host->arguments;
	const char **set = ARENA_ARRAY(in->arena, const char *, after->n + 1), **former = ARENA_ARRAY(in->arena, const char *, before->n + 1);
	const char **meanwhile = ARENA_ARRAY(in->arena, const char *, before->n + after->n + 1), *none[] = { NULL };
	add_once(set, after, NULL);
	add_once(former, before, (const char *const *)set);
	/* While the programs run any of them may be set: those from before, and the new ones. */
	add_once(meanwhile, before, NULL);
	add_once(meanwhile, after, NULL);
	if (!note(in, BOOT_UNFINISHED, meanwhile, none, error))
		return FALSE;
	for (guint i = 0; i < act->host->commands.n; i++)
		if (!hands_run(in->hands, *LIST_AT(act->host->commands, const char **, i), GENERATOR_MS, error))
			return FALSE;
	return note(in, act->digest, set, former, error);
}
