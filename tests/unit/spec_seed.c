/* What guests are told: whole documents against tests/seed/CASE/, digests, and texts that would like to be YAML.
 * CLEAVE_UPDATE=1 writes the documents. */
#include "plan_fixture.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/identity.h"
#include "spec/node.h"
#include "spec/resolve.h"
#include "spec/seed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SECRET(path, text) { path, text, sizeof(text) - 1 }
static struct guest_secret secrets[] = {
	SECRET("/etc/cleave/redis.pass", "a password\n"),
	SECRET("/etc/cleave/grid.tok", "a \xff token"),
	SECRET("/etc/cleave/ops.hash", "$6$salt$hash\n"),
	SECRET("/etc/cleave/licence", "Licence: 1\n"),
	SECRET("/etc/cleave/textures.keys", "[default]\nkeys\n"),
};

static const char *case_folder(struct arena *a, const char *name)
{
	const char *top = g_getenv("CLEAVE_TESTS") ? g_getenv("CLEAVE_TESTS") : "tests";
	return arena_printf(a, "%s/seed/%s", top, name);
}

static struct guest_input input_of(struct arena *a)
{
	struct objects *all = plan_fixture_specs(a, case_folder(a, "full"));
	struct object *vm = objects_get(all, KIND_VM, "worker01");
	assert_non_null(vm);
	return (struct guest_input){ all, vm, vm_effective(a, all, vm), { secrets, G_N_ELEMENTS(secrets) }, "0.1.0 5f3c" };
}

static struct list seed_of(struct arena *a, const struct guest_input *in, const char *instance)
{
	struct list files;
	const char *missing = NULL;
	if (!seed_files(a, in, instance, &files, &missing))
		fail_msg("%s is missing", missing);
	return files;
}

static struct list settings_of(struct arena *a, const struct guest_input *in)
{
	struct list files;
	const char *missing = NULL;
	if (!settings_files(a, in, &files, &missing))
		fail_msg("%s is missing", missing);
	return files;
}

static const struct medium_file *find(struct list files, const char *name)
{
	for (guint i = 0; i < files.n; i++)
		if (strcmp(LIST_AT(files, struct medium_file, i)->name, name) == 0)
			return LIST_AT(files, struct medium_file, i);
	return NULL;
}

/* -- whole documents ------------------------------------------------------------------------------------------ */

static void expect_golden(struct arena *a, const struct medium_file *f)
{
	g_autofree char *path = g_build_filename(case_folder(a, "full"), f->name, NULL), *golden = NULL;
	g_autoptr(GError) error = NULL;
	if (g_getenv("CLEAVE_UPDATE") && !g_file_set_contents(path, f->bytes, (gssize)f->size, &error))
		fail_msg("%s", error->message);
	if (!g_file_get_contents(path, &golden, NULL, &error))
		fail_msg("%s", error->message);
	assert_string_equal(f->bytes, golden);
}

static void test_documents(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	struct list seed = seed_of(a, &in, "0123456789abcdef"), settings = settings_of(a, &in);
	assert_int_equal(seed.n, 3);
	for (guint i = 0; i < seed.n; i++)
		expect_golden(a, LIST_AT(seed, struct medium_file, i));
	assert_int_equal(settings.n, 5);
	expect_golden(a, find(settings, "worker.env"));
	assert_int_equal(find(settings, "redis.pass")->mode, 0600);
	assert_string_equal(find(settings, "redis.pass")->bytes, "a password\n");
	assert_int_equal(find(settings, "s3-textures.keys")->mode, 0600);
	assert_string_equal(find(settings, "s3-textures.keys")->bytes, "[default]\nkeys\n");
	assert_string_equal(find(settings, "worker.tar.xz")->host_file, "worker.tar.xz");
	assert_int_equal(find(settings, "install")->mode, 0755);
}

/* Without a bundle there is nothing to install; without a password no file of one. */
static void test_lean_settings(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	struct farm_spec *farm = objects_farm(in.all)->spec;
	in.bundle = NULL;
	farm->redis.password_file = NULL;
	((struct vm_spec *)in.want)->roots.n = 3;
	struct list files = settings_of(a, &in);
	assert_int_equal(files.n, 1);
	assert_null(strstr(find(files, "worker.env")->bytes, "S3"));
	assert_null(strstr(find(files, "worker.env")->bytes, "PASSWORD"));
}

/* -- digests ----------------------------------------------------------------------------------------------------- */

static const char *seed_digest(struct arena *a, const struct guest_input *in)
{
	struct list told;
	const char *missing = NULL;
	if (!seed_told(a, in, &told, &missing))
		fail_msg("%s is missing", missing);
	return medium_digest(a, told);
}

/* Another one restarts every guest of every farm, and cloud-init begins anew there. */
static void test_digest_of_this_format(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	assert_string_equal(seed_digest(a, &in), "b5b2aea19274869a");
}


static void test_digests_are_stable(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	SCOPED_ARENA(b);
	struct guest_input one = input_of(a), two = input_of(b);
	assert_string_equal(seed_digest(a, &one), seed_digest(b, &two));
	assert_string_equal(medium_digest(a, settings_of(a, &one)), medium_digest(b, settings_of(b, &two)));
	assert_int_equal(strlen(seed_digest(a, &one)), 16);
}

static void change_text(struct guest_input *in)
{
	LIST_AT(in->all->texts, struct tree_text, 0)->bytes = "other ssh-ed25519";
	LIST_AT(in->all->texts, struct tree_text, 0)->size = strlen("other ssh-ed25519");
}

static void change_secret(struct guest_input *in)
{
	static struct guest_secret others[G_N_ELEMENTS(secrets)];
	memcpy(others, secrets, sizeof secrets);
	others[2] = (struct guest_secret)SECRET("/etc/cleave/ops.hash", "$6$salt$other\n");
	in->secrets.items = others;
}

static void change_host_name(struct guest_input *in)
{
	((struct vm_spec *)in->want)->cloud_init.hostname = "another";
}

static void change_address(struct guest_input *in)
{
	LIST_AT(in->want->networks, struct vm_network, 0)->address = "10.20.1.12/24";
}

static void change_mount(struct guest_input *in)
{
	LIST_AT(in->want->disks, struct vm_disk, 1)->mount = "/srv/work";
}

static void test_digests_tell_changes(void **state)
{
	(void)state;
	static void (*const changes[])(struct guest_input *in) = { change_text, change_secret, change_host_name, change_address, change_mount };
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_add(seen, (gpointer)seed_digest(a, &in));
	for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
		in = input_of(a);
		changes[i](&in);
		if (!g_hash_table_add(seen, (gpointer)seed_digest(a, &in)))
			fail_msg("change %u shows in no digest", i);
	}
	/* What the worker is told is another medium's matter. */
	in = input_of(a);
	const char *before = seed_digest(a, &in), *settings = medium_digest(a, settings_of(a, &in));
	((struct vm_spec *)in.want)->worker.max_gpu_temp = 70;
	assert_string_equal(seed_digest(a, &in), before);
	assert_string_not_equal(medium_digest(a, settings_of(a, &in)), settings);
	in.bundle = "0.2.0 77aa";
	assert_string_equal(seed_digest(a, &in), before);
}

static void expect_missing(const struct guest_input *in, const char *path)
{
	SCOPED_ARENA(a);
	struct list files;
	const char *missing = NULL;
	assert_false(seed_files(a, in, NULL, &files, &missing));
	assert_string_equal(missing, path);
	missing = NULL;
	assert_false(seed_told(a, in, &files, &missing));
	assert_string_equal(missing, path);
}

static void test_missing_files(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a), all = in;
	struct list files;
	const char *missing = NULL;
	in.secrets.n = 0;
	expect_missing(&in, "/etc/cleave/ops.hash");
	assert_false(settings_files(a, &in, &files, &missing));
	assert_string_equal(missing, "/etc/cleave/redis.pass");
	((struct objects *)all.all)->texts.n = 0;
	expect_missing(&all, "keys/ops.pub");
}

static void test_host_files(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	struct strings paths = guest_host_files(a, in.all, in.vm);
	assert_int_equal(paths.n, G_N_ELEMENTS(secrets));
	for (guint i = 0; i < paths.n; i++)
		assert_non_null(guest_secret_find(&in, paths.items[i]));
	assert_string_equal(guest_secret_digest(a, "f", "x", 1), guest_secret_digest(a, "f", "x", 1));
	assert_string_not_equal(guest_secret_digest(a, "f", "x", 1), guest_secret_digest(a, "g", "x", 1));
	assert_int_equal(strlen(guest_secret_digest(a, "f", "x", 1)), 16);
}

/* -- texts that would like to be YAML ------------------------------------------------------------------------------ */

static const char *const hostile[] = {
	"'", "\"", "\\", "a\"b'c\\n", "- a\n- b", "#cloud-config\nusers: []", "!!python/object/apply:os.system [id]", "!<tag:x> y",
	"&anchor *alias", "{a: b}", "[x", "%YAML 1.1\n---\n...", "--- \n", "yes", "null", "~", "=", "<<", "0x1f", "1:30", "012", "", " ", "  lead",
	"trail  ", "a: b", "a #b", "?", ":", "|\n  x", ">-", "\t", "tab\there\n", "\n", "\n\n x\n", "Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x8e\xac",
	"\xe2\x80\xa8\xe2\x80\xa9", "\xef\xbb\xbf" "bom", "\xc2\x85", "$(id) `id` ${HOME}", "{{ jinja }}", "## template: jinja",
};

/* The nth command's words as a reader of YAML finds them. */
static struct documents read_back(struct arena *a, const struct medium_file *f)
{
	struct problems problems;
	problems_init(&problems, a);
	struct documents docs = node_read(a, f->name, f->bytes, f->size, &problems);
	if (problems.n_errors)
		fail_msg("%s", f->bytes);
	problems_clear(&problems);
	assert_int_equal(docs.n, 1);
	return docs;
}

static void test_hostile_texts(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	struct vm_spec want = { 0 };
	struct guest_command command = { { (const char **)hostile, G_N_ELEMENTS(hostile) } };
	struct guest_file *files = ARENA_ARRAY(a, struct guest_file, G_N_ELEMENTS(hostile));
	for (guint i = 0; i < G_N_ELEMENTS(hostile); i++)
		files[i] = (struct guest_file){ .path = hostile[i], .content = hostile[i], .mode = "0644", .owner = "root" };
	want.cloud_init.run_commands = (struct list){ &command, 1 };
	want.cloud_init.files = (struct list){ files, G_N_ELEMENTS(hostile) };
	in.want = &want;
	const struct medium_file *f = find(seed_of(a, &in, NULL), "user-data");
	assert_true(g_str_has_prefix(f->bytes, "#cloud-config\n"));
	struct documents docs = read_back(a, f);
	const struct node *argv = &node_get(&docs.items[0], "runcmd")->items[0], *written = node_get(&docs.items[0], "write_files");
	assert_int_equal(argv->n, G_N_ELEMENTS(hostile));
	assert_int_equal(written->n, G_N_ELEMENTS(hostile));
	for (guint i = 0; i < G_N_ELEMENTS(hostile); i++) {
		const struct node *content = node_get(&written->items[i], "content");
		assert_string_equal(argv->items[i].text, hostile[i]);
		assert_false(argv->items[i].plain); /* a text, also to readers that take `yes` for a truth value */
		assert_string_equal(content->text, hostile[i]);
		assert_false(content->plain);
	}
}

/* Bytes that are no text come as they are. */
static void test_binary_files(void **state)
{
	(void)state;
	static const char bytes[] = "a\0b\r\n\x01\xff\xfe";
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	struct guest_secret secret = SECRET("/etc/cleave/blob", bytes);
	struct guest_file file = { .path = "/blob", .source = "/etc/cleave/blob", .mode = "0644", .owner = "root" };
	struct vm_spec want = { .cloud_init.files = { &file, 1 } };
	in.want = &want;
	in.secrets = (struct list){ &secret, 1 };
	struct documents docs = read_back(a, find(seed_of(a, &in, NULL), "user-data"));
	const struct node *written = &node_get(&docs.items[0], "write_files")->items[0];
	gsize size;
	g_autofree guchar *decoded = g_base64_decode(node_get(written, "content")->text, &size);
	assert_string_equal(node_get(written, "encoding")->text, "b64");
	assert_int_equal(size, sizeof bytes - 1);
	assert_memory_equal(decoded, bytes, size);
}

/* -- who has media --------------------------------------------------------------------------------------------------- */

static void test_who_has_a_seed(void **state)
{
	(void)state;
	const char *root[] = { "frames" };
	struct vm_disk work = { .name = "work", .mount = "/opt/worker" }, plain = { .name = "os" };
	struct vm_network fixed = { .address = "10.0.0.2/24" }, dhcp = { .address = "dhcp" };
	const struct vm_spec with[] = {
		{ .cloud_init.hostname = "x" },      { .worker.enabled = TRUE },
		{ .disks = { &work, 1 } },           { .networks = { &fixed, 1 } },
		{ .roots = { root, 1 } },            { .nvidia.from = NVIDIA_FROM_APT },
		{ .boot.kernel = "/vmlinuz", .worker.enabled = TRUE },
	};
	const struct vm_spec without[] = {
		{ 0 },
		{ .disks = { &plain, 1 } },
		{ .networks = { &dhcp, 1 } },
		{ .nvidia = { .driver = "535", .from = NVIDIA_FROM_IMAGE } },
		{ .boot.kernel = "/vmlinuz", .roots = { root, 1 } },
	};
	for (guint i = 0; i < G_N_ELEMENTS(with); i++)
		assert_true(vm_has_seed(&with[i]));
	for (guint i = 0; i < G_N_ELEMENTS(without); i++)
		assert_false(vm_has_seed(&without[i]));
}

static void test_names(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	assert_string_equal(vm_disk_serial(a, "work"), "work");
	assert_string_equal(vm_disk_serial(a, "exactly-twenty-chars"), "exactly-twenty-chars");
	assert_int_equal(strlen(vm_disk_serial(a, "exactly-twenty-chars1")), 20);
	assert_string_not_equal(vm_disk_serial(a, "exactly-twenty-chars1"), vm_disk_serial(a, "exactly-twenty-chars2"));
	assert_string_not_equal(vm_disk_serial(a, "cleave-seed"), "cleave-seed");
	const char *path = vm_medium_path(a, vm_media_folder(a, "/var/lib/cleave", "w"), MEDIUM_SEED, "0123456789abcdef");
	assert_string_equal(path, "/var/lib/cleave/vms/w/seed-0123456789abcdef.iso");
	assert_string_equal(vm_medium_digest(a, path, MEDIUM_SEED), "0123456789abcdef");
	assert_null(vm_medium_digest(a, path, MEDIUM_SETTINGS));
	assert_null(vm_medium_digest(a, "/x/seed-0123456789abcdef.iso.Xy12", MEDIUM_SEED));
	assert_null(vm_medium_digest(a, "/x/seed-0123.iso", MEDIUM_SEED));
}

/* The script that mounts: each of its arguments is one word, and a shell reads it. */
static void test_mount_script(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	struct guest_input in = input_of(a);
	struct strings argv = seed_mount_command(a, &in);
	g_autoptr(GString) rest = g_string_new(NULL);
	int status = -1;
	for (guint i = 4; i < argv.n; i++)
		g_string_append_printf(rest, "%s|", argv.items[i]);
	assert_string_equal(rest->str, "disk|work|xfs|/opt/worker|disk|a-name-long-f035b7ea|ext4|-|disk|old|-|/srv/old|"
	                               "nfs|nas1:/vol/shots|nfsvers=4.2,ro,noatime,fsc|/run/cleave/roots/shots|tag|frames|/run/cleave/roots/frames|");
	char *check[] = { "sh", "-n", "-c", (char *)argv.items[2], NULL };
	assert_true(g_spawn_sync(NULL, check, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),         cmocka_unit_test(test_lean_settings),
		cmocka_unit_test(test_digest_of_this_format), cmocka_unit_test(test_digests_are_stable), cmocka_unit_test(test_digests_tell_changes),
		cmocka_unit_test(test_missing_files),     cmocka_unit_test(test_host_files),
		cmocka_unit_test(test_hostile_texts),     cmocka_unit_test(test_binary_files),
		cmocka_unit_test(test_who_has_a_seed),    cmocka_unit_test(test_names),
		cmocka_unit_test(test_mount_script),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
