/* A helper whose writes are answered by a simulated kernel:  SIM_KERNEL=DESK SIM_SYSFS=SYS sim_kernel helper
 *
 * It works on plain files and links below SYS, that a test made (tests/unit/apply_fixture.c), as the kernel does on
 * devices: PCI drivers, SR-IOV, mediated devices, NVIDIA's vendor VFIO, huge pages. All other operations are the
 * helper's own.
 *
 * DESK/ids says which driver knows which card ("nouveau 10de:2231", the first one takes it); DESK/pages how many
 * huge pages a node has room for; DESK/writes grows by a line a write, so that faults can be counted. DESK/fault
 * holds what goes wrong, as "3:EBUSY 4:EIO": the write's number, and an errno; "+EIO" comes after the write took
 * effect, "short" takes half of the text, "hang" never returns, "kill" and "+kill" end the process that asked, before
 * or after. */
#include "base/arena.h"
#include "base/error.h"
#include "host/hands_main.h"
#include "host/helper.h"
#include "host/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE "sys/bus/pci/devices/%s"

static struct arena *arena; /* of one write */
static struct host_tree tree;

/* -- files and links ------------------------------------------------------------------------------------ */

static void put(const char *path, const char *text)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_mkdir_with_parents(folder, 0755);
	g_file_set_contents(path, text, -1, NULL);
}
#define PUT(text, ...) put(host_path(arena, &tree, __VA_ARGS__), text)
#define HAS(...) host_exists(&tree, __VA_ARGS__)
#define READ(...) host_read(arena, &tree, __VA_ARGS__)

static void link_to(const char *target, const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_mkdir_with_parents(folder, 0755);
	if (symlink(target, path) < 0)
		g_error("linking %s: %s", path, g_strerror(errno));
}
#define LINK(target, ...) link_to(target, host_path(arena, &tree, __VA_ARGS__))
#define UNLINK(...) unlink(host_path(arena, &tree, __VA_ARGS__))

static void remove_folder(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		const char *inner = arena_printf(arena, "%s/%s", path, name);
		if (!g_file_test(inner, G_FILE_TEST_IS_SYMLINK) && g_file_test(inner, G_FILE_TEST_IS_DIR))
			remove_folder(inner);
		else
			unlink(inner);
	}
	if (dir)
		g_dir_close(dir);
	rmdir(path);
}

/* -- PCI drivers ------------------------------------------------------------------------------------------- */

static const char *driver_of(const char *address)
{
	return host_read_link(arena, &tree, DEVICE "/driver", address);
}

static const char *override_of(const char *address)
{
	const char *text = READ(DEVICE "/driver_override", address);
	return text && *text && strcmp(text, "(null)") != 0 ? text : NULL;
}

/* An NVIDIA host driver with vendor VFIO gives its VFs this folder. */
static void show_vendor_vfio(const char *address, const char *driver)
{
	const char *card = host_read_link(arena, &tree, DEVICE "/physfn", address);
	if (!card || strcmp(driver, "nvidia") != 0)
		return;
	PUT("0\n", DEVICE "/nvidia/current_vgpu_type", address);
	PUT("ID    : vGPU Name\n469   : NVIDIA L40S-4Q\n471   : NVIDIA L40S-8Q\n", DEVICE "/nvidia/creatable_vgpu_types",
	    address);
}

static void attach(const char *address, const char *driver)
{
	LINK(arena_printf(arena, "../../../bus/pci/drivers/%s", driver), DEVICE "/driver", address);
	LINK(arena_printf(arena, "../../../../devices/pci0000:00/%s", address), "sys/bus/pci/drivers/%s/%s", driver, address);
	show_vendor_vfio(address, driver);
}

static void detach(const char *address)
{
	const char *driver = driver_of(address);
	if (!driver)
		return;
	UNLINK("sys/bus/pci/drivers/%s/%s", driver, address);
	UNLINK(DEVICE "/driver", address);
	remove_folder(host_path(arena, &tree, DEVICE "/nvidia", address));
}

static gboolean knows(const char *driver, const char *address)
{
	const char *override = override_of(address);
	if (override)
		return strcmp(override, driver) == 0;
	const char *vendor = READ(DEVICE "/vendor", address), *device = READ(DEVICE "/device", address);
	const char *row = arena_printf(arena, "%s %s:%s", driver, vendor + 2, device + 2);
	g_auto(GStrv) rows = g_strsplit(READ("ids"), "\n", -1);
	return g_strv_contains((const char *const *)rows, row);
}

static void probe(const char *address)
{
	const char *override = override_of(address);
	if (driver_of(address))
		return;
	if (override) {
		if (HAS("sys/bus/pci/drivers/%s", override))
			attach(address, override);
		return;
	}
	g_auto(GStrv) rows = g_strsplit(READ("ids"), "\n", -1);
	for (char **row = rows; *row; row++) {
		const char *driver = arena_strndup(arena, *row, strcspn(*row, " "));
		if (*driver && HAS("sys/bus/pci/drivers/%s", driver) && knows(driver, address)) {
			attach(address, driver);
			return;
		}
	}
}

/* -- attributes: each returns 0 or what write(2) fails with -------------------------------------------------- */

/* A path's parts between slashes, from below "sys/", and the text without its newline. */
struct attribute {
	const char *path;
	char **parts;
	const char *text;
};

static int write_override(const struct attribute *a)
{
	const char *line = *a->text ? arena_printf(arena, "%s\n", a->text) : "(null)\n";
	PUT(line, "%s", a->path);
	return 0;
}

static int write_unbind(const struct attribute *a)
{
	const char *driver = driver_of(a->text);
	const char *asked = strcmp(a->parts[2], "drivers") == 0 ? a->parts[3] : driver_of(a->parts[3]);
	if (!driver || g_strcmp0(driver, asked) != 0)
		return ENODEV;
	detach(a->text);
	return 0;
}

static int write_bind(const struct attribute *a)
{
	if (!HAS(DEVICE, a->text) || !knows(a->parts[3], a->text))
		return ENODEV;
	if (driver_of(a->text))
		return EBUSY;
	attach(a->text, a->parts[3]);
	return 0;
}

static int write_probe(const struct attribute *a)
{
	if (!HAS(DEVICE, a->text))
		return ENODEV;
	probe(a->text);
	return 0;
}

static gint64 number(const char *text)
{
	gint64 n;
	return g_ascii_string_to_signed(text, 10, 0, G_MAXINT, &n, NULL) ? n : -1;
}

static int write_autoprobe(const struct attribute *a)
{
	if (number(a->text) != 0 && number(a->text) != 1)
		return EINVAL;
	PUT(arena_printf(arena, "%s\n", a->text), "%s", a->path);
	return 0;
}

/* First offset 1, stride 1: what follows the card on its bus. */
static const char *vf_address(const char *card, gint64 i)
{
	unsigned int domain, bus, slot, function;
	if (sscanf(card, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return NULL;
	unsigned int at = (slot << 3 | function) + 1 + (unsigned int)i;
	return arena_printf(arena, "%04x:%02x:%02x.%x", domain, bus, at >> 3, at & 7);
}

static void add_vf(const char *card, gint64 i)
{
	const char *vf = vf_address(card, i), *folder = arena_printf(arena, "sys/devices/pci0000:00/%s", vf);
	static const char *const same[] = { "vendor", "device", "class", "resource", "irq", "reset_method" };
	for (gsize n = 0; n < G_N_ELEMENTS(same); n++)
		PUT(arena_printf(arena, "%s\n", READ(DEVICE "/%s", card, same[n])), "%s/%s", folder, same[n]);
	PUT("(null)\n", "%s/driver_override", folder);
	LINK(arena_printf(arena, "../%s", card), "%s/physfn", folder);
	/* A group of its own, told by its place. */
	int group = atoi(vf + strlen("0000:")) * 10 + atoi(vf + strlen("0000:00:00."));
	LINK(arena_printf(arena, "../../../kernel/iommu_groups/%d", group), "%s/iommu_group", folder);
	LINK(arena_printf(arena, "../../../devices/pci0000:00/%s", vf), DEVICE, vf);
	LINK(arena_printf(arena, "../%s", vf), DEVICE "/virtfn%" G_GINT64_FORMAT, card, i);
	if (g_strcmp0(READ(DEVICE "/sriov_drivers_autoprobe", card), "1") == 0)
		probe(vf);
}

static void remove_vf(const char *card, gint64 i)
{
	const char *vf = vf_address(card, i);
	detach(vf);
	UNLINK(DEVICE "/virtfn%" G_GINT64_FORMAT, card, i);
	UNLINK(DEVICE, vf);
	remove_folder(host_path(arena, &tree, "sys/devices/pci0000:00/%s", vf));
}

/* drivers/pci/pci-sysfs.c, sriov_numvfs_store(). */
static int write_numvfs(const struct attribute *a)
{
	const char *card = a->parts[3];
	gint64 n = number(a->text), now = number(READ("%s", a->path)), most = number(READ(DEVICE "/sriov_totalvfs", card));
	if (n < 0)
		return EINVAL;
	if (n > most)
		return ERANGE;
	if (n == now)
		return 0;
	if (!driver_of(card))
		return ENOENT;
	if (now && n)
		return EBUSY;
	for (gint64 i = 0; i < now; i++)
		remove_vf(card, i);
	for (gint64 i = 0; i < n; i++)
		add_vf(card, i);
	PUT(arena_printf(arena, "%" G_GINT64_FORMAT "\n", n), "%s", a->path);
	return 0;
}

/* -- mediated devices: one type a card at a time --------------------------------------------------------------- */

static guint count_names(char **names)
{
	return g_strv_length(names);
}

static void count_available(const char *card)
{
	char **types = host_list(arena, &tree, DEVICE "/mdev_supported_types", card);
	guint all = 0;
	for (char **type = types; *type; type++)
		all += count_names(host_list(arena, &tree, DEVICE "/mdev_supported_types/%s/devices", card, *type));
	for (char **type = types; *type; type++) {
		const char *folder = arena_printf(arena, DEVICE "/mdev_supported_types/%s", card, *type);
		guint here = count_names(host_list(arena, &tree, "%s/devices", folder));
		const char *most = strstr(READ("%s/description", folder), "max_instance=");
		gint64 left = g_ascii_strtoll(most + strlen("max_instance="), NULL, 10) - here;
		PUT(arena_printf(arena, "%" G_GINT64_FORMAT "\n", all == here ? left : 0), "%s/available_instances", folder);
	}
}

static int write_create(const struct attribute *a)
{
	const char *card = a->parts[3], *type = a->parts[5];
	if (!g_uuid_string_is_valid(a->text))
		return EINVAL;
	if (HAS("sys/bus/mdev/devices/%s", a->text))
		return EEXIST;
	if (number(READ(DEVICE "/mdev_supported_types/%s/available_instances", card, type)) <= 0)
		return ENOSPC;
	const char *folder = arena_printf(arena, DEVICE "/%s", card, a->text);
	PUT("", "%s/remove", folder);
	LINK(arena_printf(arena, "../mdev_supported_types/%s", type), "%s/mdev_type", folder);
	LINK(arena_printf(arena, "../../../devices/pci0000:00/%s/%s", card, a->text), "sys/bus/mdev/devices/%s", a->text);
	LINK(arena_printf(arena, "../../../%s", a->text), DEVICE "/mdev_supported_types/%s/devices/%s", card, type, a->text);
	count_available(card);
	return 0;
}

static int write_remove(const struct attribute *a)
{
	const char *uuid = a->parts[3];
	g_autofree char *target = g_file_read_link(host_path(arena, &tree, "sys/bus/mdev/devices/%s", uuid), NULL);
	g_autofree char *above = g_path_get_dirname(target);
	g_autofree char *card = g_path_get_basename(above);
	const char *type = host_read_link(arena, &tree, DEVICE "/%s/mdev_type", card, uuid);
	if (number(a->text) != 1)
		return EINVAL;
	UNLINK(DEVICE "/mdev_supported_types/%s/devices/%s", card, type, uuid);
	UNLINK("sys/bus/mdev/devices/%s", uuid);
	remove_folder(host_path(arena, &tree, DEVICE "/%s", card, uuid));
	count_available(card);
	return 0;
}

/* -- vendor VFIO, huge pages --------------------------------------------------------------------------------------- */

static int write_vgpu_type(const struct attribute *a)
{
	const char *offered = READ(DEVICE "/nvidia/creatable_vgpu_types", a->parts[3]), *now = READ("%s", a->path);
	gboolean is_none = strcmp(a->text, "0") == 0;
	if (!is_none && !strstr(offered, arena_printf(arena, "\n%s ", a->text)))
		return EINVAL;
	if (!is_none && strcmp(now, "0") != 0)
		return EBUSY;
	PUT(arena_printf(arena, "%s\n", a->text), "%s", a->path);
	return 0;
}

/* As many as there is room for, and no error when that is fewer. */
static int write_hugepages(const struct attribute *a)
{
	gint64 n = number(a->text), most = host_read_number(&tree, G_MAXINT, "pages");
	if (n < 0)
		return EINVAL;
	const char *folder = arena_printf(arena, "%.*s", (int)(strlen(a->path) - strlen("/nr_hugepages")), a->path);
	const char *line = arena_printf(arena, "%" G_GINT64_FORMAT "\n", MIN(n, most));
	PUT(line, "%s/nr_hugepages", folder);
	PUT(line, "%s/free_hugepages", folder);
	return 0;
}

static const struct {
	const char *pattern;
	int (*write)(const struct attribute *a);
} attributes[] = {
	{ "sys/bus/pci/devices/*/driver_override", write_override },
	{ "sys/bus/pci/devices/*/driver/unbind", write_unbind },
	{ "sys/bus/pci/drivers/*/unbind", write_unbind },
	{ "sys/bus/pci/drivers/*/bind", write_bind },
	{ "sys/bus/pci/drivers_probe", write_probe },
	{ "sys/bus/pci/devices/*/sriov_drivers_autoprobe", write_autoprobe },
	{ "sys/bus/pci/devices/*/sriov_numvfs", write_numvfs },
	{ "sys/bus/pci/devices/*/mdev_supported_types/*/create", write_create },
	{ "sys/bus/mdev/devices/*/remove", write_remove },
	{ "sys/bus/pci/devices/*/nvidia/current_vgpu_type", write_vgpu_type },
	{ "sys/devices/system/node/*/hugepages/*/nr_hugepages", write_hugepages },
	{ "sys/kernel/mm/hugepages/*/nr_hugepages", write_hugepages },
};

/* -- faults ------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int number;
} errors[] = { { "EBUSY", EBUSY }, { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EPERM", EPERM }, { "EINVAL", EINVAL } };

/* Counts this write, and says what is to go wrong with it; NULL = nothing. */
static const char *next_fault(const char *path, const char *text)
{
	const char *log = READ("writes"), *last = log ? strrchr(log, '\n') : NULL;
	gint64 n = log ? g_ascii_strtoll(last ? last + 1 : log, NULL, 10) + 1 : 1;
	int fd = open(host_path(arena, &tree, "writes"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	dprintf(fd, "%" G_GINT64_FORMAT " %s \"%.*s\"\n", n, path, (int)strcspn(text, "\n"), text);
	close(fd);
	const char *faults = READ("fault"), *mine = arena_printf(arena, "%" G_GINT64_FORMAT ":", n);
	g_auto(GStrv) words = g_strsplit(faults ? faults : "", " ", -1);
	for (char **word = words; *word; word++)
		if (g_str_has_prefix(*word, mine))
			return arena_strdup(arena, *word + strlen(mine));
	return NULL;
}

static json_t *answer(int e)
{
	return e ? json_pack("{s:i}", "errno", e) : json_object();
}

static json_t *go_wrong(const char *fault)
{
	for (gsize i = 0; i < G_N_ELEMENTS(errors); i++)
		if (strcmp(errors[i].name, fault) == 0)
			return answer(errors[i].number);
	if (strcmp(fault, "short") == 0)
		return json_pack("{s:i}", "short", 1);
	if (strcmp(fault, "kill") == 0) {
		kill(getppid(), SIGKILL);
		_exit(0);
	}
	for (;;) /* hang */
		pause();
}

static json_t *do_write(const json_t *request, const char *path, const char *text, GError **error)
{
	if (!HAS("%s", path))
		return answer(ENOENT);
	g_autofree char *line = g_strchomp(g_strdup(text));
	g_auto(GStrv) parts = g_strsplit(path + strlen("sys/"), "/", -1);
	const struct attribute a = { path, parts, line };
	for (gsize i = 0; i < G_N_ELEMENTS(attributes); i++)
		if (g_pattern_match_simple(attributes[i].pattern, path))
			return answer(attributes[i].write(&a));
	return hands_main_write(request, error);
}

static json_t *write_as_the_kernel(const json_t *request, GError **error)
{
	const char *whole = json_string_value(json_object_get(request, "path"));
	const char *text = json_string_value(json_object_get(request, "text"));
	if (!whole || !text || !g_str_has_prefix(whole, tree.sysfs)) {
		fail(error, ERROR_INVALID, "the simulated kernel is not asked for %s", whole ? whole : "anything");
		return NULL;
	}
	arena_reset(arena);
	const char *path = arena_printf(arena, "sys%s", whole + strlen(tree.sysfs));
	const char *fault = next_fault(path, text);
	if (fault && *fault != '+')
		return go_wrong(fault);
	json_t *done = do_write(request, path, text, error);
	if (!fault)
		return done;
	json_decref(done);
	return go_wrong(fault + 1);
}

int main(int argc, char **argv)
{
	static const struct helper_operation operations[] = { { "write", write_as_the_kernel } };
	tree = (struct host_tree){ g_getenv("SIM_KERNEL"), g_getenv("SIM_SYSFS") };
	if (argc != 2 || strcmp(argv[1], "helper") != 0 || !tree.root || !tree.sysfs) {
		fprintf(stderr, "usage: SIM_KERNEL=DESK SIM_SYSFS=SYS sim_kernel helper\n");
		return 64;
	}
	arena = arena_new();
	int status = helper_main_with(operations, G_N_ELEMENTS(operations));
	arena_free(arena);
	return status;
}
