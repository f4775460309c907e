/* Media of VMs: the same bytes at any time, modes and contents as xorriso reads them, what changed since the plan is
 * refused, and what nobody has any more goes. */
#include "apply/media.h"
#include "apply/iso.h"
#include "apply/vm.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/tree.h"
#include "plan_fixture.h"
#include "spec/host.h"
#include "spec/identity.h"
#include "spec/resolve.h"
#include "spec/seed.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define PASSWORD "/etc/cleave/redis.pass"
#define KEYS "/etc/cleave/textures.keys"
static const char bundle[] = "not really an archive";

struct desk {
	struct host_tree tree;
	struct arena *arena;
	char *state, *lib;
	struct objects *want, *have;
	struct plan plan;
	struct action act;
	struct vm_spec vm;
	struct apply_input in;
};

/* -- a desk --------------------------------------------------------------------------------------------------------- */

static void put_secret(struct desk *d, const char *path, const char *text)
{
	g_autofree char *file = g_build_filename(d->tree.root, path, NULL), *folder = g_path_get_dirname(file);
	g_mkdir_with_parents(folder, 0700);
	assert_true(g_file_set_contents(file, text, -1, NULL));
}

static struct list observe_secrets(struct desk *d)
{
	struct strings paths = guest_host_files(d->arena, d->want, d->act.want);
	struct host_secret_status *all = ARENA_ARRAY(d->arena, struct host_secret_status, paths.n);
	for (guint i = 0; i < paths.n; i++) {
		gsize size;
		const char *bytes = host_read_bytes(d->arena, &d->tree, paths.items[i], &size);
		assert_non_null(bytes);
		all[i] = (struct host_secret_status){ paths.items[i], guest_secret_digest(d->arena, "key", bytes, size) };
	}
	return (struct list){ all, paths.n };
}

/* As plan/vm_media.c does. */
static void plan_media(struct desk *d, const struct host_status *host)
{
	struct guest_secret *secrets = ARENA_ARRAY(d->arena, struct guest_secret, host->secrets.n);
	const char *missing;
	struct list files;
	for (guint i = 0; i < host->secrets.n; i++) {
		const struct host_secret_status *s = LIST_AT(host->secrets, struct host_secret_status, i);
		secrets[i] = (struct guest_secret){ s->name, s->digest, strlen(s->digest) };
	}
	d->vm.worker.bundle = host->worker_bundle;
	struct guest_input in = { d->want, d->act.want, &d->vm, { secrets, host->secrets.n }, host->worker_bundle };
	assert_true(seed_told(d->arena, &in, &files, &missing));
	d->vm.seed = medium_digest(d->arena, files);
	assert_true(settings_files(d->arena, &in, &files, &missing));
	d->vm.settings = medium_digest(d->arena, files);
}

static void plan(struct desk *d)
{
	struct object *host = ARENA_NEW(d->arena, struct object);
	struct host_status *status = ARENA_NEW(d->arena, struct host_status);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, bundle, -1);
	*host = (struct object){ .kind = &kinds[KIND_HOST], .meta.name = "h1", .id = "h1", .status = status };
	d->have = objects_new(d->arena);
	objects_add(d->have, host);
	status->secrets = observe_secrets(d);
	status->worker_bundle = arena_printf(d->arena, "0.1.0 %s", sum);
	d->plan = (struct plan){ .host = "h1", .want = d->want, .have = d->have };
	plan_media(d, status);
}

static int setup(void **state)
{
	struct desk *d = g_new0(struct desk, 1);
	const char *top = g_getenv("CLEAVE_TESTS") ? g_getenv("CLEAVE_TESTS") : "tests";
	d->arena = arena_new();
	d->state = g_dir_make_tmp("cleave-media-XXXXXX", NULL);
	d->tree = host_tree_at(d->arena, arena_printf(d->arena, "%s/root", d->state), NULL);
	d->lib = g_build_filename(d->state, "lib", NULL);
	g_mkdir(d->lib, 0700);
	g_autofree char *archive = g_build_filename(d->lib, "worker.tar.xz", NULL), *install = g_build_filename(d->lib, "install", NULL);
	g_file_set_contents(archive, bundle, -1, NULL);
	g_file_set_contents(install, "#!/bin/sh\n", -1, NULL);
	put_secret(d, PASSWORD, "a password\n");
	put_secret(d, "/etc/cleave/grid.tok", "token");
	put_secret(d, "/etc/cleave/ops.hash", "$6$salt$hash\n");
	put_secret(d, "/etc/cleave/licence", "Licence: 1\n");
	put_secret(d, KEYS, "[default]\naws_access_key_id = a\n");
	d->want = plan_fixture_specs(d->arena, arena_printf(d->arena, "%s/seed/full", top));
	d->act = (struct action){ .kind = KIND_VM, .id = "worker01", .want = objects_get(d->want, KIND_VM, "worker01"), .vm = &d->vm };
	d->vm = *vm_effective(d->arena, d->want, d->act.want);
	d->in = (struct apply_input){ .arena = d->arena, .plan = &d->plan, .tree = &d->tree, .secret_key = "key", .state = d->state, .lib = d->lib };
	plan(d);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;
	char *argv[] = { "rm", "-rf", d->state, NULL };
	g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	arena_free(d->arena);
	g_free(d->state);
	g_free(d->lib);
	g_free(d);
	return 0;
}

static const char *path_of(struct desk *d, const char *what, const char *digest)
{
	return vm_medium_path(d->arena, vm_media_folder(d->arena, d->state, "worker01"), what, digest);
}

static void write_media(struct desk *d)
{
	g_autoptr(GError) error = NULL;
	if (!vm_media_write(&d->in, &d->act, &error))
		fail_msg("%s", error->message);
}

static void expect_refused(struct desk *d, const char *part)
{
	g_autoptr(GError) error = NULL;
	assert_false(vm_media_write(&d->in, &d->act, &error));
	assert_int_equal(error->code, ERROR_REFUSED);
	if (!strstr(error->message, part))
		fail_msg("%s", error->message);
}

/* -- images ----------------------------------------------------------------------------------------------------------- */

static char *make_image(struct desk *d, const char *name, gsize *ret_size)
{
	static const struct iso_file files[] = { { "meta-data", 0600, "x: 1\n", 5 }, { "user-data", 0600, "#cloud-config\n", 14 },
		                                 { "install", 0755, "", 0 } };
	g_autofree char *path = g_build_filename(d->state, name, NULL), *digest = NULL;
	g_autoptr(GError) error = NULL;
	char *bytes = NULL;
	int fd = g_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (!iso_write(fd, "cidata", files, G_N_ELEMENTS(files), &digest, &error) || close(fd) < 0 ||
	    !g_file_get_contents(path, &bytes, ret_size, &error))
		fail_msg("%s", error->message);
	g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)bytes, *ret_size);
	assert_string_equal(sum, digest);
	return bytes;
}

static void test_images_are_equal(void **state)
{
	struct desk *d = *state;
	gsize n_one, n_two, n_three;
	g_autofree char *one = make_image(d, "one", &n_one), *two = make_image(d, "two", &n_two);
	g_usleep(2100 * 1000); /* more than a second: the clock's in an image */
	g_autofree char *three = make_image(d, "three", &n_three);
	assert_int_equal(n_one, n_two);
	assert_int_equal(n_one, n_three);
	assert_memory_equal(one, two, n_one);
	assert_memory_equal(one, three, n_one);
}

static char *xorriso(struct desk *d, const char *path, const char *const *command)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	char *out = NULL;
	int status = -1;
	const char *const begin[] = { "xorriso", "-osirrox", "on", "-indev", path, NULL };
	for (guint i = 0; begin[i]; i++)
		g_ptr_array_add(argv, (gpointer)begin[i]);
	for (; *command; command++)
		g_ptr_array_add(argv, (gpointer)*command);
	g_ptr_array_add(argv, NULL);
	g_autofree char *said = NULL;
	if (!g_spawn_sync(d->state, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &said, &status, NULL) || status != 0)
		fail_msg("xorriso: %s", said ? said : "cannot be started");
	return out;
}

/* The line of `-lsl` that ends with the name begins with the mode, and root has it. */
static void expect_mode(const char *listing, const char *name, const char *mode)
{
	g_autofree char *wanted = g_strdup_printf("'%s'", name);
	g_auto(GStrv) lines = g_strsplit(listing, "\n", -1);
	for (guint i = 0; lines[i]; i++)
		if (g_str_has_suffix(lines[i], wanted)) {
			g_auto(GStrv) words = g_regex_split_simple(" +", lines[i], 0, 0);
			assert_string_equal(words[0], mode);
			assert_string_equal(words[2], "0");
			assert_string_equal(words[3], "0");
			return;
		}
	fail_msg("no %s in: %s", name, listing);
}

static void expect_content(struct desk *d, const char *image, const char *name, const char *content)
{
	g_autofree char *inside = g_strdup_printf("/%s", name), *out = g_strdup_printf("%s/%s.out", d->state, name), *text = NULL;
	g_free(xorriso(d, image, (const char *const[]){ "-extract", inside, out, NULL }));
	assert_true(g_file_get_contents(out, &text, NULL, NULL));
	if (!strstr(text, content))
		fail_msg("%s", text);
	unlink(out);
}

static void test_contents(void **state)
{
	struct desk *d = *state;
	struct stat st;
	write_media(d);
	const char *seed = path_of(d, MEDIUM_SEED, d->vm.seed), *settings = path_of(d, MEDIUM_SETTINGS, d->vm.settings);
	assert_int_equal(stat(seed, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	g_autofree char *folder = g_path_get_dirname(seed);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	g_autofree char *listed = xorriso(d, seed, (const char *const[]){ "-lsl", "/", NULL });
	expect_mode(listed, "user-data", "-rw-------");
	expect_mode(listed, "meta-data", "-rw-------");
	expect_mode(listed, "network-config", "-rw-------");
	expect_content(d, seed, "meta-data", d->vm.seed);
	expect_content(d, seed, "user-data", "hashed_passwd: \"$6$salt$hash\"");
	g_autofree char *more = xorriso(d, settings, (const char *const[]){ "-lsl", "/", NULL });
	expect_mode(more, "redis.pass", "-rw-------");
	expect_mode(more, "s3-textures.keys", "-rw-------");
	expect_content(d, settings, "s3-textures.keys", "aws_access_key_id = a");
	expect_mode(more, "worker.env", "-rw-r--r--");
	expect_mode(more, "install", "-rwxr-xr-x");
	expect_content(d, settings, "redis.pass", "a password");
	expect_content(d, settings, "worker.tar.xz", bundle);
	g_autofree char *label = xorriso(d, settings, (const char *const[]){ "-pvd_info", NULL });
	assert_non_null(strstr(label, "CLEAVE"));
}

/* -- what changed ------------------------------------------------------------------------------------------------------- */

static void test_changed_files_are_refused(void **state)
{
	struct desk *d = *state;
	put_secret(d, "/etc/cleave/ops.hash", "$6$salt$other\n");
	expect_refused(d, "/etc/cleave/ops.hash changed since it was planned");
	assert_int_not_equal(access(path_of(d, MEDIUM_SEED, d->vm.seed), F_OK), 0);
	put_secret(d, "/etc/cleave/ops.hash", "$6$salt$hash\n");
	write_media(d);
	((struct vm_spec *)d->act.want->spec)->cloud_init.hostname = "another";
	expect_refused(d, "its seed changed since it was planned");
}

static void test_wrong_bundle_is_refused(void **state)
{
	struct desk *d = *state;
	g_autofree char *archive = g_build_filename(d->lib, "worker.tar.xz", NULL);
	g_file_set_contents(archive, "half an arch", -1, NULL);
	expect_refused(d, "install it again");
	assert_int_not_equal(access(path_of(d, MEDIUM_SETTINGS, d->vm.settings), F_OK), 0);
}

static ino_t inode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* What a running guest has stays the same file; what was damaged is made anew. */
static void test_right_file_stays(void **state)
{
	struct desk *d = *state;
	write_media(d);
	const char *seed = path_of(d, MEDIUM_SEED, d->vm.seed);
	ino_t before = inode_of(seed);
	write_media(d);
	assert_int_equal(inode_of(seed), before);
	assert_int_equal(truncate(seed, 100), 0);
	write_media(d);
	expect_content(d, seed, "meta-data", d->vm.seed);
}

static void touch(struct desk *d, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/vms/worker01/%s", d->state, name);
	assert_true(g_file_set_contents(path, "x", 1, NULL));
}

static gboolean is_there(struct desk *d, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/vms/worker01/%s", d->state, name);
	return access(path, F_OK) == 0;
}

static void test_tidy(void **state)
{
	struct desk *d = *state;
	g_autoptr(GError) error = NULL;
	struct vm_now now = { .exists = TRUE, .is_active = TRUE, .live.seed = "00000000000000aa", .defined.settings = "00000000000000bb" };
	write_media(d);
	now.defined.seed = d->vm.seed;
	assert_int_equal(unlink(path_of(d, MEDIUM_SEED, d->vm.seed)), 0);
	assert_true(vm_media_restore(&d->in, &d->act, &now, &error));
	now.defined.seed = NULL;
	assert_int_equal(access(path_of(d, MEDIUM_SEED, d->vm.seed), F_OK), 0);
	touch(d, "seed-00000000000000aa.iso");
	touch(d, "settings-00000000000000bb.iso");
	touch(d, "seed-00000000000000bb.iso");
	touch(d, "seed-00000000000000cc.iso.Ab12Cd");
	touch(d, "nvram.fd");
	assert_true(vm_media_tidy(&d->in, &d->act, &now, &error));
	assert_true(is_there(d, "seed-00000000000000aa.iso"));
	assert_true(is_there(d, "settings-00000000000000bb.iso"));
	assert_true(is_there(d, "nvram.fd"));
	assert_false(is_there(d, "seed-00000000000000bb.iso"));
	assert_false(is_there(d, "seed-00000000000000cc.iso.Ab12Cd"));
	assert_int_equal(access(path_of(d, MEDIUM_SEED, d->vm.seed), F_OK), 0);
	assert_int_equal(access(path_of(d, MEDIUM_SETTINGS, d->vm.settings), F_OK), 0);
	struct action gone = d->act;
	gone.vm = NULL;
	now = (struct vm_now){ 0 };
	assert_true(vm_media_tidy(&d->in, &gone, &now, &error));
	assert_int_not_equal(access(path_of(d, MEDIUM_SEED, d->vm.seed), F_OK), 0);
}

/* libvirt makes the file at the first start, as QEMU's user reads it, and no folder for it. */
static void test_firmware(void **state)
{
	struct desk *d = *state;
	g_autoptr(GError) error = NULL;
	struct vm_spec plain = { .firmware = FIRMWARE_UEFI };
	struct action act = { .kind = KIND_VM, .id = "worker01", .vm = &plain };
	struct vm_now now = { .exists = TRUE, .defined = plain };
	g_autofree char *folder = g_build_filename(d->state, "vms", "worker01", NULL);
	struct stat st;
	mode_t before = umask(077);
	assert_true(vm_media_make_folder(&d->in, &act, &error));
	umask(before);
	assert_true(vm_media_tidy(&d->in, &act, &now, &error));
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(stat(d->state, &st), 0);
	assert_int_equal(st.st_mode & 0111, 0111);
	touch(d, "nvram-uefi.fd");
	touch(d, "nvram-uefi-secure.fd");
	now.is_active = TRUE;
	now.live.firmware = FIRMWARE_UEFI_SECURE;
	assert_true(vm_media_tidy(&d->in, &act, &now, &error));
	assert_true(is_there(d, "nvram-uefi.fd") && is_there(d, "nvram-uefi-secure.fd"));
	now.live.firmware = FIRMWARE_UEFI;
	assert_true(vm_media_tidy(&d->in, &act, &now, &error));
	assert_true(is_there(d, "nvram-uefi.fd") && !is_there(d, "nvram-uefi-secure.fd"));
	act.vm = NULL;
	now = (struct vm_now){ 0 };
	assert_true(vm_media_tidy(&d->in, &act, &now, &error));
	assert_int_not_equal(access(folder, F_OK), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_images_are_equal), TEST(test_contents),         TEST(test_changed_files_are_refused),
		TEST(test_wrong_bundle_is_refused), TEST(test_right_file_stays), TEST(test_tidy),
		TEST(test_firmware),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
