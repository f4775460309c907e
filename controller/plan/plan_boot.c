/* The next boot: cleave's drop-in files, the programs that take them in, and what this boot still lacks. */
#include "base/arena.h"
#include "plan/plan_host.h"
#include "spec/boot.h"
#include <string.h>

static gboolean is_ours(const char *text)
{
	return text && g_str_has_prefix(text, BOOT_MARK);
}

static gboolean is_wanted(const struct list *files, const char *path)
{
	for (guint i = 0; i < files->n; i++)
		if (g_strcmp0(LIST_AT(*files, struct host_drop_in, i)->path, path) == 0)
			return TRUE;
	return FALSE;
}

/* -- the difference, line by line --------------------------------------------------------------------------- */

static gboolean has_line(char **lines, const char *line)
{
	return lines && g_strv_contains((const char *const *)lines, line);
}

/* The lines of `lines` that `others` has not; without cleave's mark. */
static GPtrArray *lines_only_in(struct arena *a, char **lines, char **others)
{
	GPtrArray *only = g_ptr_array_new();
	for (char **line = lines; line && *line; line++)
		if (**line && strcmp(*line, BOOT_MARK) != 0 && !has_line(others, *line))
			g_ptr_array_add(only, arena_strdup(a, *line));
	return only;
}

/* The i-th line that goes stands beside the i-th that comes. */
static void diff_file(struct arena *a, GArray *changes, const struct host_drop_in *file, const char *before, enum effect effect)
{
	const char *path = file->path, *after = file->text;
	g_auto(GStrv) old = before ? g_strsplit(before, "\n", -1) : NULL, new = after ? g_strsplit(after, "\n", -1) : NULL;
	g_autoptr(GPtrArray) gone = lines_only_in(a, old, new), come = lines_only_in(a, new, old);
	for (guint i = 0; i < MAX(gone->len, come->len); i++)
		host_plan_change(changes, path, i < gone->len ? g_ptr_array_index(gone, i) : NULL,
		                 i < come->len ? g_ptr_array_index(come, i) : NULL, effect);
	if (!gone->len && !come->len)
		host_plan_change(changes, path, before ? "the same lines" : NULL, after ? "the same lines, in order" : NULL, effect);
}

/* -- actions -------------------------------------------------------------------------------------------------- */

/* Files that only say what the running kernel has anyway change nothing at the next boot. */
static enum effect effect_of(const struct host_plan *h, const struct boot_wish *wish)
{
	gboolean is_other = h->have->boot.drop_ins.n > 0;
	for (guint i = 0; i < wish->arguments.n; i++)
		is_other |= !cmdline_has(h->have->cmdline, wish->arguments.items[i]);
	for (guint i = 0; i < wish->blacklist.n; i++)
		is_other |= modules_have(&h->have->modules, wish->blacklist.items[i]);
	return is_other ? EFFECT_REBOOT : EFFECT_NONE;
}

static void plan_file(struct host_plan *h, GArray *files, GArray *changes, const char *path, const char *text, enum effect effect)
{
	struct host_drop_in file = { path, text };
	const char *before = boot_text_at(h->have, path);
	if (g_strcmp0(before, text) == 0)
		return;
	g_array_append_val(files, file);
	diff_file(h->b->arena, changes, &file, before, effect);
}

static gboolean plan_write(struct host_plan *h, const struct list *wanted, enum effect effect)
{
	g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(struct host_drop_in));
	g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	for (guint i = 0; i < wanted->n; i++)
		plan_file(h, files, changes, LIST_AT(*wanted, struct host_drop_in, i)->path, LIST_AT(*wanted, struct host_drop_in, i)->text, effect);
	for (guint i = 0; i < h->have->boot.drop_ins.n; i++) {
		const struct host_drop_in *there = LIST_AT(h->have->boot.drop_ins, struct host_drop_in, i);
		if (is_ours(there->text) && !is_wanted(wanted, there->path))
			plan_file(h, files, changes, there->path, NULL, effect);
	}
	if (!files->len)
		return FALSE;
	struct action *act = host_plan_act(h, VERB_WRITE_BOOT_FILES, "cleave's files for the next boot differ", effect);
	act->host->files.items = arena_alloc(h->b->arena, files->len * sizeof(struct host_drop_in));
	act->host->files.n = files->len;
	memcpy(act->host->files.items, files->data, files->len * sizeof(struct host_drop_in));
	act->host->arguments = h->have->boot.arguments;
	act->changes = host_plan_changes(h, changes);
	act->expect = "files that cleave wrote, or none";
	return TRUE;
}

static void plan_generate(struct host_plan *h, const struct boot_family *family, const struct boot_wish *wish,
                          const struct list *files)
{
	struct arena *a = h->b->arena;
	g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	enum effect effect = effect_of(h, wish);
	struct action *act = host_plan_act(h, VERB_UPDATE_BOOT, "the next boot does not know these files", effect);
	act->host->files = *files;
	act->host->commands = boot_commands(a, family, wish, &h->have->boot.arguments);
	if (family->sets_arguments_by_program)
		act->host->arguments = wish->arguments;
	for (guint i = 0; i < act->host->commands.n; i++)
		host_plan_change(changes, "run", NULL, boot_command_text(a, *LIST_AT(act->host->commands, const char **, i)), effect);
	act->changes = host_plan_changes(h, changes);
	act->digest = boot_digest(a, files);
	act->expect = "the files as they should be";
}

/* A file that cleave would write, and somebody else did. */
static const char *foreign_file(const struct host_plan *h, const struct list *files)
{
	for (guint i = 0; i < files->n; i++) {
		const char *path = LIST_AT(*files, struct host_drop_in, i)->path, *text = boot_text_at(h->have, path);
		if (text && !is_ours(text))
			return path;
	}
	return NULL;
}

/* Without root the record of what was generated is not seen: nothing is said of it then. */
static gboolean needs_generating(const struct host_plan *h, const struct list *files)
{
	if (!h->have->boot.generated)
		return files->n && h->have->is_root;
	return strcmp(h->have->boot.generated, boot_digest(h->b->arena, files)) != 0;
}

/* TRUE when something is done for the next boot. */
static gboolean plan_managed(struct host_plan *h, const struct boot_family *family, const struct boot_wish *wish,
                             const struct list *files)
{
	gboolean writes = plan_write(h, files, effect_of(h, wish));
	if (!writes && !needs_generating(h, files))
		return FALSE;
	plan_generate(h, family, wish, files);
	return TRUE;
}

/* -- what this boot lacks ----------------------------------------------------------------------------------------- */

static struct strings missing_arguments(struct host_plan *h, const struct strings *arguments)
{
	struct strings missing = { ARENA_ARRAY(h->b->arena, const char *, arguments->n + 1), 0 };
	for (guint i = 0; h->have->cmdline && i < arguments->n; i++)
		if (!cmdline_has(h->have->cmdline, arguments->items[i]))
			missing.items[missing.n++] = arguments->items[i];
	return missing;
}

/* Of the Host's blacklist: what is not blacklisted, or (`is_loaded`) what is loaded although it is. */
static struct strings blacklist_part(struct host_plan *h, gboolean is_loaded)
{
	struct strings part = { ARENA_ARRAY(h->b->arena, const char *, h->want->blacklist.n), 0 };
	for (guint i = 0; i < h->want->blacklist.n; i++) {
		const char *module = h->want->blacklist.items[i];
		gboolean is_blacklisted = modules_have(&h->have->blacklisted, module);
		if (is_loaded ? is_blacklisted && modules_have(&h->have->modules, module) : !is_blacklisted)
			part.items[part.n++] = module;
	}
	return part;
}

static void judge_loaded(struct host_plan *h)
{
	struct strings loaded = blacklist_part(h, TRUE);
	const char *names = strings_join(h->b->arena, &loaded, ", ");
	if (loaded.n)
		host_plan_trouble(h, IS_STALLED, "RebootRequired",
		                  arena_printf(h->b->arena, "blacklisted and still loaded: %s; reboot, or `modprobe -r` where nothing "
		                                            "uses them", names));
}

/* Of `s` what is in `others`, or what is not. */
static struct strings select_strings(struct arena *a, const struct strings *s, const struct strings *others, gboolean in)
{
	struct strings part = { ARENA_ARRAY(a, const char *, s->n + 1), 0 };
	for (guint i = 0; i < s->n; i++)
		if (strings_have(others, s->items[i]) == in)
			part.items[part.n++] = s->items[i];
	return part;
}

/* Arguments that cleave does not write: for want of a drop-in, or since they mean something else to the files. */
static void judge_by_hand(struct host_plan *h, const struct boot_family *family, const struct strings *missing)
{
	struct arena *a = h->b->arena;
	const char *names = strings_join(a, missing, " ");
	struct boot_wish wish = { .arguments = *missing };
	if (!missing->n)
		return;
	const char *why = family->takes_arguments
	                          ? "cleave does not write what holds signs that a boot loader's files take for something else; "
	                            "set it by hand, as the loader needs it"
	                          : arena_printf(a, "%s has no drop-in files for arguments; %s", family->doc, boot_by_hand(a, family, &wish));
	host_plan_trouble(h, IS_STALLED, "BootNotManaged", arena_printf(a, "the kernel runs without %s: %s", names, why));
}

static void judge_arguments(struct host_plan *h, const struct boot_family *family, gboolean is_changing,
                            const struct strings *by_hand)
{
	struct arena *a = h->b->arena;
	struct strings all = missing_arguments(h, &h->want->kernel_args);
	struct strings theirs = select_strings(a, &all, by_hand, TRUE), ours = select_strings(a, &all, by_hand, FALSE);
	const char *names = strings_join(a, &ours, " ");
	judge_by_hand(h, family, &theirs);
	if (ours.n && is_changing)
		host_plan_trouble(h, IS_RECONCILING, "BootChanging", arena_printf(a, "the kernel runs without %s", names));
	else if (ours.n)
		host_plan_trouble(h, IS_STALLED, "RebootRequired", arena_printf(a, "the kernel runs without %s; reboot to have it", names));
}

/* cleave writes nothing: a person is told what to do. */
static void judge_unmanaged(struct host_plan *h, const struct boot_family *family)
{
	struct arena *a = h->b->arena;
	struct boot_wish wish = { .arguments = missing_arguments(h, &h->want->kernel_args), .blacklist = blacklist_part(h, FALSE) };
	g_autoptr(GString) what = g_string_new(NULL);
	if (wish.arguments.n)
		g_string_append_printf(what, "the kernel runs without %s", strings_join(a, &wish.arguments, " "));
	if (wish.blacklist.n)
		g_string_append_printf(what, "%snot blacklisted: %s", what->len ? ", " : "", strings_join(a, &wish.blacklist, ", "));
	if (what->len && h->want->manage_boot)
		host_plan_trouble(h, IS_STALLED, "BootUnknown",
		                  arena_printf(a, "%s, and how this host boots is not known; by hand: %s", what->str,
		                               boot_by_hand(a, family, &wish)));
	else if (what->len)
		host_plan_trouble(h, IS_STALLED, "BootNotManaged",
		                  arena_printf(a, "%s; set manageBoot: true, or by hand: %s", what->str,
		                               boot_by_hand(a, family, &wish)));
}

/* manageBoot was true before. */
static void note_left_behind(struct host_plan *h)
{
	for (guint i = 0; i < h->have->boot.drop_ins.n; i++) {
		const struct host_drop_in *file = LIST_AT(h->have->boot.drop_ins, struct host_drop_in, i);
		if (is_ours(file->text))
			builder_note(h->b, KIND_HOST, h->object->id,
			             arena_printf(h->b->arena, "%s is cleave's, and is left as it is without manageBoot: true", file->path));
	}
}

static void judge_managed(struct host_plan *h, const struct boot_family *family)
{
	struct strings by_hand;
	struct boot_wish wish = boot_wish_of(h->b->arena, family, h->want, h->have, &by_hand);
	struct list files = boot_files(h->b->arena, family, &wish);
	const char *foreign = foreign_file(h, &files);
	if (foreign)
		host_plan_trouble(h, IS_STALLED, "NotOurs",
		                  arena_printf(h->b->arena, "%s is there and cleave did not write it; rename or remove it", foreign));
	else
		judge_arguments(h, family, plan_managed(h, family, &wish, &files), &by_hand);
}

void plan_boot(struct host_plan *h)
{
	const struct boot_family *family = boot_family_find(h->have->boot.family);
	if (h->want->manage_boot && family->name) {
		judge_managed(h, family);
	} else {
		judge_unmanaged(h, family);
		note_left_behind(h);
	}
	judge_loaded(h);
}
