/* The table of boot families, and the files and commands that follow from a row.
 *
 * debian: Debian's and Ubuntu's grub-mkconfig reads the .cfg files of /etc/default/grub.d, as shell,
 * after /etc/default/grub. rhel: nothing is read there; grubby(8) changes the loader's entries. systemd-boot:
 * kernel-install(8) takes the command line from one file as a whole (/etc/kernel/cmdline), and addons
 * (systemd-stub(7)) reach unified kernel images only: there is no drop-in for arguments. */
#include "spec/boot.h"
#include "base/arena.h"
#include "spec/gpu.h"
#include "spec/kinds.h"
#include <string.h>

#define MODULES_LOAD "/etc/modules-load.d/cleave.conf"
#define MODPROBE "/etc/modprobe.d/cleave.conf"
#define LOADER_CONF { "boot/loader/loader.conf", "boot/efi/loader/loader.conf", "efi/loader/loader.conf" }
/* Entries that kernel-install keeps; elsewhere people write them by hand. */
#define KERNEL_INSTALL_CONF { "etc/kernel/entry-token", "etc/kernel/install.conf", "usr/lib/kernel/install.conf" }

/* -- files -------------------------------------------------------------------------------------------- */

static void append_lines(GString *out, const char *before, const struct strings *lines)
{
	for (guint i = 0; i < lines->n; i++)
		g_string_append_printf(out, "\n%s%s", before, lines->items[i]);
}

static void append_modules(GString *out, const struct boot_wish *wish)
{
	append_lines(out, "", &wish->modules);
}

static void append_blacklist(GString *out, const struct boot_wish *wish)
{
	append_lines(out, "blacklist ", &wish->blacklist);
}

static void append_arguments(GString *out, const struct boot_wish *wish)
{
	append_lines(out, "", &wish->arguments);
}

/* The shell that reads it leaves what stands in single quotes as it is; boot_argument_is_plain()
 * lets no quote in. */
static void append_grub(GString *out, const struct boot_wish *wish)
{
	SCOPED_ARENA(scratch);
	if (wish->arguments.n)
		g_string_append_printf(out, "\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX \"'%s'",
		                       strings_join(scratch, &wish->arguments, " "));
}

#define COMMON_FILES { MODULES_LOAD, append_modules, FALSE }, { MODPROBE, append_blacklist, FALSE }

const struct boot_family boot_families[] = {
	/* Before the rows of GRUB: a host with both is one whose loader is not certain, and here no argument is set. */
	{ .name = "systemd-boot",
	  .doc = "systemd-boot, kernels installed by kernel-install",
	  .signs = { { "usr/bin/kernel-install", "bin/kernel-install" }, LOADER_CONF, KERNEL_INSTALL_CONF,
	             { "usr/bin/dracut", "usr/sbin/dracut", "usr/bin/mkinitcpio" } },
	  .files = { COMMON_FILES },
	  .programs = { { { "kernel-install", "add-all" }, BOOT_TAKES_NOTHING } },
	  .arguments_by_hand = "add %s to the line in /etc/kernel/cmdline",
	  .after_arguments = "run `kernel-install add-all`", .after_blacklist = "run `kernel-install add-all`" },
	{ .name = "debian-systemd-boot",
	  .doc = "systemd-boot on Debian and Ubuntu, where update-initramfs calls kernel-install",
	  .signs = { { "usr/bin/kernel-install", "bin/kernel-install" }, LOADER_CONF,
	             { "usr/sbin/update-initramfs", "sbin/update-initramfs" } },
	  .files = { COMMON_FILES },
	  .programs = { { { "update-initramfs", "-u", "-k", "all" }, BOOT_TAKES_NOTHING } },
	  .arguments_by_hand = "add %s to the line in /etc/kernel/cmdline",
	  .after_arguments = "run `update-initramfs -u -k all`", .after_blacklist = "run `update-initramfs -u -k all`" },
	{ .name = "debian",
	  .doc = "Debian and Ubuntu with GRUB",
	  .signs = { { "usr/sbin/update-grub", "sbin/update-grub" }, { "usr/sbin/update-initramfs", "sbin/update-initramfs" } },
	  .files = { { "/etc/default/grub.d/50-cleave.cfg", append_grub, FALSE }, COMMON_FILES },
	  .programs = { { { "update-initramfs", "-u", "-k", "all" }, BOOT_TAKES_NOTHING },
	                { { "update-grub" }, BOOT_TAKES_NOTHING } },
	  .takes_arguments = TRUE,
	  .arguments_by_hand = "add %s to GRUB_CMDLINE_LINUX in /etc/default/grub",
	  .after_arguments = "run `update-grub`", .after_blacklist = "run `update-initramfs -u -k all`" },
	{ .name = "rhel",
	  .doc = "RHEL 9 and its like: grubby and dracut",
	  .signs = { { "usr/sbin/grubby", "sbin/grubby", "usr/bin/grubby" }, { "usr/bin/dracut", "usr/sbin/dracut" } },
	  .files = { { "/etc/cleave/kernel-arguments", append_arguments, TRUE }, COMMON_FILES },
	  .programs = { { { "grubby", "--update-kernel=ALL", "--remove-args=" }, BOOT_TAKES_REMOVED },
	                { { "grubby", "--update-kernel=ALL", "--args=" }, BOOT_TAKES_ADDED },
	                { { "dracut", "--force", "--regenerate-all" }, BOOT_TAKES_NOTHING } },
	  .sets_arguments_by_program = TRUE,
	  .takes_arguments = TRUE,
	  .arguments_by_hand = "run `grubby --update-kernel=ALL --args=\"%s\"`",
	  .after_blacklist = "run `dracut --force --regenerate-all`" },
	{ .name = NULL,
	  .doc = "not known: nothing is written, the plan says what to do",
	  .arguments_by_hand = "add %s to the kernel's arguments where this host's boot loader has them",
	  .after_blacklist = "make the initramfs anew" },
};

const struct boot_family *boot_family_find(const char *name)
{
	const struct boot_family *f = boot_families;
	while (f->name && g_strcmp0(f->name, name) != 0)
		f++;
	return f;
}

gboolean strings_have(const struct strings *s, const char *text)
{
	for (guint i = 0; i < s->n; i++)
		if (strcmp(s->items[i], text) == 0)
			return TRUE;
	return FALSE;
}

/* `s` has room. */
static void add_once(struct strings *s, const char *text)
{
	if (!strings_have(s, text))
		s->items[s->n++] = text;
}

const char **boot_all_paths(struct arena *a)
{
	struct strings all = { ARENA_ARRAY(a, const char *, G_N_ELEMENTS(boot_families) * BOOT_FILES + 1), 0 };
	for (const struct boot_family *f = boot_families; f->name; f++)
		for (const struct boot_file *file = f->files; file->path; file++)
			add_once(&all, file->path);
	return all.items;
}

/* -- what a Host wants of it ---------------------------------------------------------------------------- */

gboolean boot_argument_is_plain(const char *argument)
{
	static const char others[] = "._,=:/@+%-";
	if (!g_ascii_isalnum(argument[0]) && argument[0] != '_')
		return FALSE;
	for (const char *c = argument; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr(others, *c))
			return FALSE;
	return TRUE;
}

static struct strings lines_of(struct arena *a, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	struct strings s = { ARENA_ARRAY(a, const char *, g_strv_length(lines)), 0 };
	for (char **line = lines; *line; line++)
		if (**line && **line != '#')
			s.items[s.n++] = arena_strdup(a, *line);
	return s;
}

const char *boot_text_at(const struct host_status *have, const char *path)
{
	for (guint i = 0; i < have->boot.drop_ins.n; i++)
		if (strcmp(LIST_AT(have->boot.drop_ins, struct host_drop_in, i)->path, path) == 0)
			return LIST_AT(have->boot.drop_ins, struct host_drop_in, i)->text;
	return NULL;
}

/* Arguments in force that cleave did not set stay their owner's: a program that takes them away again
 * would take the owner's. */
static struct strings known_as_ours(struct arena *a, const struct boot_family *family, const struct host_status *have)
{
	struct strings none = { 0 };
	for (const struct boot_file *file = family->files; file->path; file++)
		if (file->holds_arguments)
			return lines_of(a, boot_text_at(have, file->path));
	return none;
}

static struct strings copy_once(struct arena *a, const struct strings *from)
{
	struct strings s = { ARENA_ARRAY(a, const char *, from->n), 0 };
	for (guint i = 0; i < from->n; i++)
		add_once(&s, from->items[i]);
	return s;
}

struct boot_wish boot_wish_of(struct arena *a, const struct boot_family *family, const struct host_spec *host,
                              const struct host_status *have, struct strings *ret_by_hand)
{
	struct strings ours = known_as_ours(a, family, have);
	struct boot_wish wish = { { ARENA_ARRAY(a, const char *, host->kernel_args.n), 0 },
		                  copy_once(a, &host->modules), copy_once(a, &host->blacklist) };
	*ret_by_hand = (struct strings){ ARENA_ARRAY(a, const char *, host->kernel_args.n + 1), 0 };
	for (guint i = 0; i < host->kernel_args.n; i++) {
		const char *argument = host->kernel_args.items[i];
		if (!family->takes_arguments || !boot_argument_is_plain(argument))
			add_once(ret_by_hand, argument);
		else if (!family->sets_arguments_by_program || strings_have(&ours, argument) ||
		         strings_have(&have->boot.arguments, argument) || !cmdline_has(have->cmdline, argument))
			add_once(&wish.arguments, argument);
	}
	return wish;
}

struct list boot_files(struct arena *a, const struct boot_family *family, const struct boot_wish *wish)
{
	struct host_drop_in *files = ARENA_ARRAY(a, struct host_drop_in, BOOT_FILES);
	guint n = 0;
	for (const struct boot_file *file = family->files; file->path; file++) {
		g_autoptr(GString) text = g_string_new(BOOT_MARK);
		file->append(text, wish);
		if (text->len > strlen(BOOT_MARK))
			files[n++] = (struct host_drop_in){ file->path, arena_strdup(a, text->str) };
	}
	return (struct list){ files, n };
}

char *boot_digest(struct arena *a, const struct list *files)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (guint i = 0; i < files->n; i++) {
		const struct host_drop_in *file = LIST_AT(*files, struct host_drop_in, i);
		/* With its final 0: a path never runs into a text. */
		g_checksum_update(sum, (const guchar *)file->path, (gssize)strlen(file->path) + 1);
		g_checksum_update(sum, (const guchar *)file->text, (gssize)strlen(file->text) + 1);
	}
	return arena_strndup(a, g_checksum_get_string(sum), 32);
}

static const char **command_of(struct arena *a, const struct boot_program *program, const struct strings *arguments)
{
	const char **argv = ARENA_ARRAY(a, const char *, G_N_ELEMENTS(program->argv) + 1);
	guint n = 0;
	while (program->argv[n]) {
		argv[n] = program->argv[n];
		n++;
	}
	if (program->takes != BOOT_TAKES_NOTHING)
		argv[n - 1] = arena_printf(a, "%s%s", argv[n - 1], strings_join(a, arguments, " "));
	return argv;
}

struct list boot_commands(struct arena *a, const struct boot_family *family, const struct boot_wish *wish,
                          const struct strings *former)
{
	const char ***commands = ARENA_ARRAY(a, const char **, BOOT_PROGRAMS);
	struct strings removed = { ARENA_ARRAY(a, const char *, former->n), 0 };
	guint n = 0;
	for (guint i = 0; i < former->n; i++)
		if (!strings_have(&wish->arguments, former->items[i]))
			add_once(&removed, former->items[i]);
	for (const struct boot_program *program = family->programs; program->argv[0]; program++) {
		const struct strings *arguments = program->takes == BOOT_TAKES_REMOVED ? &removed : &wish->arguments;
		if (program->takes == BOOT_TAKES_NOTHING || arguments->n)
			commands[n++] = command_of(a, program, arguments);
	}
	return (struct list){ commands, n };
}

char *boot_command_text(struct arena *a, const char *const *argv)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (; *argv; argv++)
		g_string_append_printf(text, strchr(*argv, ' ') ? "%s\"%s\"" : "%s%s", text->len ? " " : "", *argv);
	return arena_strdup(a, text->str);
}

/* Once, when both kinds of change are followed by the same. */
static void append_phrase(GString *out, const char *phrase)
{
	if (phrase && !strstr(out->str, phrase))
		g_string_append_printf(out, "%s%s", out->len ? "; " : "", phrase);
}

char *boot_by_hand(struct arena *a, const struct boot_family *family, const struct boot_wish *wish)
{
	g_autoptr(GString) text = g_string_new(NULL);
	if (wish->arguments.n) {
		g_auto(GStrv) around = g_strsplit(family->arguments_by_hand, "%s", 2);
		append_phrase(text, arena_printf(a, "%s%s%s", around[0], strings_join(a, &wish->arguments, " "), around[1]));
	}
	if (wish->blacklist.n)
		append_phrase(text, arena_printf(a, "write `blacklist %s` to a file in /etc/modprobe.d",
		                                 strings_join(a, &wish->blacklist, "`, `blacklist ")));
	append_phrase(text, wish->blacklist.n ? family->after_blacklist : NULL);
	append_phrase(text, wish->arguments.n ? family->after_arguments : NULL);
	append_phrase(text, "reboot");
	return arena_strdup(a, text->str);
}

/* -- small comparisons ------------------------------------------------------------------------------------ */

/* Kernel: parameq() in kernel/params.c, and modprobe(8): both signs are one in a name, not in a value. */
static gboolean is_same_name(const char *x, const char *y, gsize len, gboolean has_value)
{
	gboolean in_value = FALSE;
	for (gsize i = 0; i < len; i++) {
		char a = x[i], b = y[i];
		in_value |= has_value && a == '=';
		if (a != b && (in_value || !((a == '-' && b == '_') || (a == '_' && b == '-'))))
			return FALSE;
	}
	return TRUE;
}

gboolean cmdline_has(const char *cmdline, const char *argument)
{
	static const char blanks[] = " \t\n";
	gsize len = strlen(argument);
	for (const char *at = cmdline ? cmdline : ""; *at;) {
		gsize word = strcspn(at, blanks);
		if (word == len && is_same_name(at, argument, len, TRUE))
			return TRUE;
		at += word + strspn(at + word, blanks);
	}
	return FALSE;
}

gboolean modules_have(const struct strings *modules, const char *name)
{
	gsize len = strlen(name);
	for (guint i = 0; i < modules->n; i++)
		if (strlen(modules->items[i]) == len && is_same_name(modules->items[i], name, len, FALSE))
			return TRUE;
	return FALSE;
}

struct strings host_wanted_modules(struct arena *a, const struct objects *want, const char *host)
{
	const struct object *o = objects_get(want, KIND_HOST, host);
	const struct host_spec *spec = o ? o->spec : NULL;
	struct strings all = { ARENA_ARRAY(a, const char *, (spec ? spec->modules.n : 0) + 1), 0 };
	for (guint i = 0; spec && i < spec->modules.n; i++)
		if (!modules_have(&all, spec->modules.items[i]))
			all.items[all.n++] = spec->modules.items[i];
	OBJECTS_EACH (card, want, KIND_GPU) {
		const struct gpu_spec *gpu = card->spec;
		gboolean needs_vfio = gpu->share == GPU_SHARE_PASSTHROUGH || gpu->share == GPU_SHARE_VF;
		if (needs_vfio && strcmp(gpu->host, host) == 0 && !modules_have(&all, GPU_VFIO_DRIVER))
			all.items[all.n++] = GPU_VFIO_DRIVER;
	}
	return all;
}

char *strings_join(struct arena *a, const struct strings *s, const char *between)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < s->n; i++)
		g_string_append_printf(text, "%s%s", i ? between : "", s->items[i]);
	return arena_strdup(a, text->str);
}
