/* write-boot-files: cleave's own drop-in files, each whole. The record says first that they are on their
 * way: should this end halfway, the generators run at the next pass. */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/boot.h"
#include "host/hands.h"
#include "spec/boot.h"

static const char *read_file(const struct apply_input *in, const struct host_drop_in *file)
{
	return host_read(in->arena, in->hands->tree, "%s", file->path + 1);
}

gboolean write_boot_files_check(const struct apply_input *in, const struct action *act, GError **error)
{
	for (guint i = 0; i < act->host->files.n; i++) {
		const struct host_drop_in *file = LIST_AT(act->host->files, struct host_drop_in, i);
		const char *text = read_file(in, file);
		if (text && !g_str_has_prefix(text, BOOT_MARK))
			return fail(error, ERROR_REFUSED, "%s is there now, and cleave did not write it", file->path);
	}
	return TRUE;
}

static gboolean write_one(const struct apply_input *in, const struct host_drop_in *file, GError **error)
{
	if (!file->text)
		return hands_remove(in->hands, file->path + 1, error);
	const char *text = arena_printf(in->arena, "%s\n", file->text);
	if (!hands_put(in->hands, file->path + 1, text, error))
		return FALSE;
	return g_strcmp0(read_file(in, file), file->text) == 0
	               ? TRUE
	               : fail(error, ERROR_FAILED, "%s does not hold what was written", file->path);
}

gboolean write_boot_files(const struct apply_input *in, const struct action *act, GError **error)
{
	static const char *const none[] = { NULL };
	const struct strings *before = &act->host->arguments;
	const char **arguments = ARENA_ARRAY(in->arena, const char *, before->n + 1);
	for (guint i = 0; i < before->n; i++)
		arguments[i] = before->items[i];
	const char *record = boot_record_text(in->arena, in->hands->tree, BOOT_UNFINISHED, arguments, none);
	if (!hands_put(in->hands, BOOT_RECORD, record, error))
		return FALSE;
	for (guint i = 0; i < act->host->files.n; i++)
		if (!write_one(in, LIST_AT(act->host->files, struct host_drop_in, i), error))
			return FALSE;
	return TRUE;
}
