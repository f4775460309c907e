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

/* All that may be set while the programs run: those from before, and the new ones. */
static struct strings arguments_meanwhile(const struct apply_input *in, const struct action *act)
{
	const struct object *have = objects_get(in->plan->have, KIND_HOST, act->id);
	const struct strings *before = &((const struct host_status *)have->status)->boot.arguments;
	const struct strings *after = &act->host->arguments;
	struct strings all = { ARENA_ARRAY(in->arena, const char *, before->n + after->n + 1), 0 };
	for (guint i = 0; i < before->n + after->n; i++) {
		const char *argument = i < before->n ? before->items[i] : after->items[i - before->n];
		if (!g_strv_contains((const char *const *)all.items, argument))
			all.items[all.n++] = argument;
	}
	return all;
}

static gboolean note(const struct apply_input *in, const char *generated, const struct strings *arguments, GError **error)
{
	return hands_put(in->hands, BOOT_RECORD, boot_record_text(in->arena, generated, arguments->items, arguments->n), error);
}

gboolean update_boot(const struct apply_input *in, const struct action *act, GError **error)
{
	struct strings meanwhile = arguments_meanwhile(in, act);
	if (!note(in, BOOT_UNFINISHED, &meanwhile, error))
		return FALSE;
	for (guint i = 0; i < act->host->commands.n; i++)
		if (!hands_run(in->hands, *LIST_AT(act->host->commands, const char **, i), GENERATOR_MS, error))
			return FALSE;
	return note(in, act->digest, &act->host->arguments, error);
}
