/* How hosts boot: families told from trees made here, what modprobe.d says, drop-ins that a shell reads. */
#include "base/arena.h"
#include "host/boot.h"
#include "observe/observe.h"
#include "spec/boot.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct ctx {
	struct arena *arena;
	char *dir;
	struct host_tree tree;
};

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	x->arena = arena_new();
	x->dir = g_dir_make_tmp("cleave-boot-XXXXXX", NULL);
	x->tree = host_tree_at(x->arena, x->dir, NULL);
	*state = x;
	return 0;
}

static void empty(struct ctx *x)
{
	const char *argv[] = { "/bin/rm", "-rf", "--", x->dir, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	g_mkdir(x->dir, 0755);
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	empty(x);
	g_rmdir(x->dir);
	arena_free(x->arena);
	g_free(x->dir);
	g_free(x);
	return 0;
}

static void put(struct ctx *x, const char *path, const char *text)
{
	g_autofree char *whole = g_build_filename(x->dir, path, NULL), *folder = g_path_get_dirname(whole);
	assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
	assert_true(g_file_set_contents(whole, text, -1, NULL));
}

/* -- families ---------------------------------------------------------------------------------------------- */

static void expect_family(struct ctx *x, const char *name, const char *const *paths)
{
	empty(x);
	for (; *paths; paths++)
		put(x, *paths, "");
	const char *found = observe_boot_family(&x->tree)->name;
	if (g_strcmp0(found, name) != 0)
		fail_msg("found %s instead of %s", found ? found : "none", name ? name : "none");
}
#define EXPECT_FAMILY(name, ...) expect_family(x, name, (const char *const[]){ __VA_ARGS__, NULL })

static void test_families(void **state)
{
	struct ctx *x = *state;
	EXPECT_FAMILY(NULL, "etc/default/grub");
	/* Debian 12 and Ubuntu 22.04; the same before /usr was merged. */
	EXPECT_FAMILY("debian", "usr/sbin/update-grub", "usr/sbin/update-initramfs", "etc/default/grub");
	EXPECT_FAMILY("debian", "sbin/update-grub", "usr/sbin/update-initramfs", "usr/bin/kernel-install");
	/* RHEL 9 has entries of the boot loader specification, read by GRUB, and kernel-install beside. */
	EXPECT_FAMILY("rhel", "usr/sbin/grubby", "usr/bin/dracut", "usr/bin/kernel-install", "boot/loader/entries/a.conf");
	EXPECT_FAMILY("systemd-boot", "usr/bin/kernel-install", "usr/bin/dracut", "efi/loader/loader.conf", "etc/kernel/entry-token");
	EXPECT_FAMILY("debian-systemd-boot", "usr/bin/kernel-install", "boot/efi/loader/loader.conf", "usr/sbin/update-initramfs");
	/* With GRUB installed as well nobody knows which one boots: the row that sets no arguments. */
	EXPECT_FAMILY("debian-systemd-boot", "usr/bin/kernel-install", "boot/efi/loader/loader.conf", "usr/sbin/update-initramfs",
	              "usr/sbin/update-grub");
	/* Entries that people write by hand. */
	EXPECT_FAMILY(NULL, "usr/bin/kernel-install", "usr/bin/mkinitcpio", "boot/loader/loader.conf");
	EXPECT_FAMILY(NULL, "usr/sbin/update-grub"); /* no initramfs-tools: another distribution's helper */
	EXPECT_FAMILY(NULL, "usr/sbin/grubby");
}

static void test_table(void **state)
{
	guint n = 0;
	(void)state;
	for (const struct boot_family *f = boot_families; f->name; f++, n++) {
		assert_non_null(f->doc);
		assert_non_null(f->signs[0][0]);
		assert_non_null(f->programs[0].argv[0]);
		assert_non_null(strstr(f->arguments_by_hand, "%s"));
		assert_ptr_equal(boot_family_find(f->name), f);
		for (const struct boot_file *file = f->files; file->path; file++)
			assert_true(g_str_has_prefix(file->path, "/etc/") && strstr(file->path, "cleave"));
	}
	assert_int_equal(n, 4);
	assert_null(boot_family_find(NULL)->name);
	assert_null(boot_family_find("lilo")->name);
	assert_non_null(strstr(boot_family_find(NULL)->arguments_by_hand, "%s"));
}

/* -- modules --------------------------------------------------------------------------------------------------- */

static void test_blacklisted(void **state)
{
	struct ctx *x = *state;
	put(x, "etc/modprobe.d/a.conf", "# blacklist commented\n blacklist\tnouveau # why\nblacklist\noptions nvidia a=1\n"
	                                "install nvidiafb /bin/false\ninstall snd /sbin/modprobe --ignore-install snd\n"
	                                "blacklist \\\n  radeon\ninstall amdgpu /usr/bin/true");
	put(x, "etc/modprobe.d/a.conf.bak", "blacklist other\n");
	put(x, "usr/lib/modprobe.d/a.conf", "blacklist hidden\n");
	put(x, "usr/lib/modprobe.d/b.conf", "blacklist i2c_nvidia\nblacklist nouveau\n");
	put(x, "run/modprobe.d/c.conf", "blacklist xe\n");
	put(x, "proc/cmdline", "quiet modprobe.blacklist=ast,mgag200 module_blacklist=, x.modprobe.blacklist=no\n");
	char **names = host_blacklisted(x->arena, &x->tree);
	g_autofree char *all = g_strjoinv(" ", names);
	assert_string_equal(all, "amdgpu ast i2c_nvidia mgag200 nouveau nvidiafb radeon xe");
	empty(x);
	assert_int_equal(g_strv_length(host_blacklisted(x->arena, &x->tree)), 0);
}

static void test_modules(void **state)
{
	struct ctx *x = *state;
	/* A machine that does not tell is not said to lack anything. */
	assert_true(host_has_module(&x->tree, "vfio-pci"));
	assert_false(host_has_loaded(&x->tree, "vfio-pci"));
	put(x, "proc/sys/kernel/osrelease", "6.1.0\n");
	assert_true(host_has_module(&x->tree, "vfio-pci"));
	put(x, "lib/modules/6.1.0/modules.dep",
	    "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\nupdates/dkms/nvidia.ko:\n");
	put(x, "lib/modules/6.1.0/modules.builtin", "kernel/drivers/i2c/i2c-dev.ko\nkernel/fs/ext4/ext4.ko\n");
	put(x, "proc/modules", "vfio 69632 0 - Live 0x0000000000000000\nkvm_amd 1 0 - Live 0x0\n");
	assert_true(host_has_module(&x->tree, "vfio_pci"));
	assert_true(host_has_module(&x->tree, "nvidia"));
	assert_true(host_has_module(&x->tree, "kvm-amd")); /* loaded from elsewhere */
	assert_false(host_has_module(&x->tree, "vfio_virqfd"));
	assert_false(host_has_module(&x->tree, "vfio-p"));
	assert_true(host_has_loaded(&x->tree, "i2c_dev"));
	assert_true(host_has_loaded(&x->tree, "kvm-amd"));
	assert_false(host_has_loaded(&x->tree, "vfio-pci"));
	assert_false(host_has_loaded(&x->tree, "vfi"));
	/* So long a list is not read to its end. */
	g_autoptr(GString) longer = g_string_new(NULL);
	while (longer->len <= 1 << 20)
		g_string_append(longer, "kernel/drivers/net/a-module-of-some-name.ko.xz: kernel/drivers/net/another.ko.xz\n");
	put(x, "lib/modules/6.1.0/modules.dep", longer->str);
	assert_true(host_has_module(&x->tree, "vfio_virqfd"));
}

static void test_comparisons(void **state)
{
	(void)state;
	assert_true(cmdline_has("ro quiet iommu=pt", "iommu=pt"));
	assert_true(cmdline_has("iommu=pt\tquiet", "quiet"));
	assert_false(cmdline_has("intel_iommu=on iommu=ptx", "iommu=pt"));
	assert_false(cmdline_has("xiommu=pt", "iommu=pt"));
	assert_false(cmdline_has(NULL, "iommu=pt"));
	assert_true(cmdline_has("vfio_pci.ids=10de:2231", "vfio-pci.ids=10de:2231"));
	assert_false(cmdline_has("a=x_y", "a=x-y")); /* a value is what it is */
}

/* -- the record -------------------------------------------------------------------------------------------------- */

static char *arguments_of(struct ctx *x)
{
	struct boot_record record;
	boot_record_read(x->arena, &x->tree, &record);
	g_autofree char *all = g_strjoinv(" ", record.arguments);
	return arena_printf(x->arena, "%s: %s", record.generated ? record.generated : "none", all);
}

static void test_record(void **state)
{
	struct ctx *x = *state;
	static const char *const set[] = { "iommu=pt", "pci=realloc", NULL }, *const former[] = { "a=1", NULL }, *const none[] = { NULL };
	assert_string_equal(arguments_of(x), "none: ");
	put(x, "proc/sys/kernel/random/boot_id", "6ba7b810\n");
	put(x, BOOT_RECORD, boot_record_text(x->arena, &x->tree, BOOT_UNFINISHED, set, none));
	assert_string_equal(arguments_of(x), BOOT_UNFINISHED ": iommu=pt pci=realloc");
	put(x, BOOT_RECORD, boot_record_text(x->arena, &x->tree, "0123", set, former));
	assert_string_equal(arguments_of(x), "0123: iommu=pt pci=realloc a=1");
	put(x, "proc/sys/kernel/random/boot_id", "another\n"); /* the kernel runs without it: whoever sets it now is its owner */
	assert_string_equal(arguments_of(x), "0123: iommu=pt pci=realloc");
	put(x, BOOT_RECORD, "gen");
	assert_string_equal(arguments_of(x), "none: ");
}

/* -- what GRUB's shell makes of it ---------------------------------------------------------------------------------- */

/* GRUB_CMDLINE_LINUX after a shell has read the file, as grub-mkconfig does. */
static char *shell_reads(struct ctx *x, const char *text)
{
	put(x, "grub.cfg", text);
	g_autofree char *path = g_build_filename(x->dir, "grub.cfg", NULL);
	const char *argv[] = { "/bin/sh", "-c", "GRUB_CMDLINE_LINUX=quiet; . \"$1\"; printf %s \"$GRUB_CMDLINE_LINUX\"", "sh", path, NULL };
	char *out = NULL;
	int status;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &out, NULL, &status, NULL));
	assert_int_equal(status, 0);
	return out;
}

static const char *grub_text(struct ctx *x, const struct strings *arguments, struct strings *ret_by_hand)
{
	const struct host_spec host = { .manage_boot = TRUE, .kernel_args = *arguments };
	const struct host_status have = { .cmdline = "" };
	const struct boot_family *debian = boot_family_find("debian");
	struct boot_wish wish = boot_wish_of(x->arena, debian, &host, &have, ret_by_hand);
	struct list files = boot_files(x->arena, debian, &wish);
	return files.n ? LIST_AT(files, struct host_drop_in, 0)->text : "";
}

/* Every argument of the form either reaches the shell's variable as it is, or is left to a person. */
static void test_hostile_arguments(void **state)
{
	struct ctx *x = *state;
	for (int c = 1; c < 256; c++) {
		const char *argument = arena_printf(x->arena, c < 128 ? "a=%cb" : "a=\xc3%cb", c < 128 ? c : (c & 0x3f) | 0x80);
		if (form_check(x->arena, FORM_KERNEL_ARGUMENT, argument))
			continue;
		struct strings one = { &argument, 1 }, by_hand;
		g_autofree char *said = shell_reads(x, grub_text(x, &one, &by_hand));
		assert_string_equal(said, by_hand.n ? "quiet" : arena_printf(x->arena, "quiet %s", argument));
		assert_int_equal(by_hand.n, !boot_argument_is_plain(argument));
	}
	assert_null(form_check(x->arena, FORM_KERNEL_ARGUMENT, "a=$(reboot)")); /* the form lets it in: the table does not */
	assert_false(boot_argument_is_plain("a=$(reboot)"));
	assert_false(boot_argument_is_plain("--"));
	assert_false(boot_argument_is_plain("-a"));
	assert_true(boot_argument_is_plain("pci=resource_alignment=20@0000:01:00.0"));
	assert_non_null(form_check(x->arena, FORM_KERNEL_ARGUMENT, "a'b"));
	assert_non_null(form_check(x->arena, FORM_KERNEL_ARGUMENT, "a\nb"));
}

static void test_several_arguments(void **state)
{
	struct ctx *x = *state;
	const char *items[] = { "amd_iommu=on", "iommu=pt", "a=`id`", "iommu=pt" };
	struct strings all = { items, 4 }, by_hand;
	const char *text = grub_text(x, &all, &by_hand);
	g_autofree char *said = shell_reads(x, text);
	assert_string_equal(said, "quiet amd_iommu=on iommu=pt");
	assert_true(g_str_has_prefix(text, BOOT_MARK "\n"));
	assert_int_equal(by_hand.n, 1);
	assert_string_equal(by_hand.items[0], "a=`id`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_families, setup, teardown),
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_blacklisted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modules, setup, teardown),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_arguments, setup, teardown),
	};
	return cmocka_run_group_tests_name("host boot", tests, NULL, NULL);
}
