/* A file a fact. Files that are not there tell nothing. */
#include "host/pci_files.h"
#include "base/arena.h"
#include "host/locked.h"
#include "host/pci.h"
#include "host/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	N_BARS = 6,       /* lines of `resource`; then come the ROM, SR-IOV's BARs, a bridge's windows */
	WIDEST_LINK = 32, /* a link that is down says 0 or 63, one without the capability 255 */
};
/* include/linux/ioport.h */
#define IORESOURCE_MEM G_GUINT64_CONSTANT(0x00000200)
#define IORESOURCE_UNSET G_GUINT64_CONSTANT(0x20000000)

#define FOLDER "sys/bus/pci/devices/%s"

/* -- relations ------------------------------------------------------------------------------------ */

void pci_read_physfn(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	if (!f->physfn)
		f->physfn = host_read_link(a, t, FOLDER "/physfn", f->address);
}

void pci_read_group(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	const char *group = f->iommu_group < 0 ? host_read_link(a, t, FOLDER "/iommu_group", f->address) : NULL;
	if (group && g_ascii_isdigit(*group))
		f->iommu_group = (int)g_ascii_strtoll(group, NULL, 10);
}

int pci_count_vfs(const struct host_tree *t, struct pci_function *f)
{
	if (f->is_locked || f->sriov_enabled >= 0 || !host_exists(t, FOLDER "/sriov_numvfs", f->address))
		return f->sriov_enabled;
	SCOPED_ARENA(scratch);
	const char *text = locked_read(scratch, host_path(scratch, t, FOLDER "/sriov_numvfs", f->address), &f->is_locked);
	f->sriov_enabled = text && g_ascii_isdigit(*text) ? (int)g_ascii_strtoll(text, NULL, 10) : -1;
	return f->sriov_enabled;
}

/* The folder is a link into /sys/devices, where it lies in the bridge's folder. */
const char *pci_read_parent(struct arena *a, const struct host_tree *t, const struct pci_function *f)
{
	struct pci_function ignored;
	g_autofree char *target = g_file_read_link(host_path(a, t, FOLDER, f->address), NULL);
	g_autofree char *above = target ? g_path_get_dirname(target) : NULL;
	g_autofree char *name = above ? g_path_get_basename(above) : NULL;
	return pci_split_address(name, &ignored) ? arena_strdup(a, name) : NULL;
}

char *pci_folder_identity(const struct host_tree *t, const struct pci_function *f)
{
	struct stat st;
	g_autofree char *path = g_strdup_printf("%s/bus/pci/devices/%s", t->sysfs, f->address);
	if (stat(path, &st) < 0)
		return NULL;
	return g_strdup_printf("%s %" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, path, (guint64)st.st_dev, (guint64)st.st_ino);
}

/* -- a function ------------------------------------------------------------------------------------- */

/* NULL for an empty file as well. */
static const char *read_word(struct arena *a, const struct host_tree *t, const struct pci_function *f, const char *name)
{
	const char *text = host_read(a, t, FOLDER "/%s", f->address, name);
	return text && *text ? text : NULL;
}

void pci_read_function_files(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	if (f->is_locked)
		return;
	const char *override = locked_read(a, host_path(a, t, FOLDER "/driver_override", f->address), &f->is_locked);
	if (override && *override && strcmp(override, "(null)") != 0)
		f->driver_override = override;
	if (f->class == 0x0300) /* no other has the file; a bystander may be the host's screen */
		f->boot_vga = (int)host_read_number(t, -1, FOLDER "/boot_vga", f->address);
}

static void read_link(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	const struct {
		const char *file;
		int *width;
		const char **speed;
	} rows[] = { { "current_link", &f->link.width, &f->link.speed }, { "max_link", &f->link.max_width, &f->link.max_speed } };
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		gint64 width = host_read_number(t, -1, FOLDER "/%s_width", f->address, rows[i].file);
		const char *speed = host_read(a, t, FOLDER "/%s_speed", f->address, rows[i].file);
		if (width >= 1 && width <= WIDEST_LINK)
			*rows[i].width = (int)width;
		if (speed && g_ascii_isdigit(*speed)) /* else "Unknown" */
			*rows[i].speed = speed;
	}
}

static void read_bars(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	const char *at = host_read(a, t, FOLDER "/resource", f->address);
	guint64 bytes = 0;
	if (!at)
		return;
	f->n_unassigned_bars = 0;
	for (int i = 0; i < N_BARS && *at; i++, at += strcspn(at, "\n"), at += *at == '\n') {
		unsigned long long start, end, flags;
		if (sscanf(at, "%llx %llx %llx", &start, &end, &flags) != 3 || !(flags & IORESOURCE_MEM) || end <= start)
			continue;
		bytes += end - start + 1;
		f->n_unassigned_bars += start == 0 || (flags & IORESOURCE_UNSET);
	}
	if (bytes) /* a function without any says nothing */
		f->bar_bytes = (gint64)MIN(bytes, (guint64)G_MAXINT64);
}

/* "RxErr 0\n…\nTOTAL_ERR_COR 0" */
static gint64 read_errors(struct arena *a, const struct host_tree *t, const struct pci_function *f, const char *name)
{
	const char *text = host_read(a, t, FOLDER "/aer_dev_%s", f->address, name);
	const char *total = text ? strstr(text, "TOTAL_ERR_") : NULL;
	const char *number = total ? strchr(total, ' ') : NULL;
	return number ? g_ascii_strtoll(number, NULL, 10) : -1;
}

void pci_read_card_files(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	/* Not by libpci, which reads the registers where there is no file: a sleeping card's say ff. */
	f->revision = (int)host_read_number(t, -1, FOLDER "/revision", f->address);
	f->sriov_total = (int)host_read_number(t, -1, FOLDER "/sriov_totalvfs", f->address);
	f->sriov_enabled = f->sriov_total < 0 ? -1 : pci_count_vfs(t, f);
	f->reset_method = read_word(a, t, f, "reset_method");
	f->power_state = read_word(a, t, f, "power_state");
	f->n_correctable = read_errors(a, t, f, "correctable");
	f->n_nonfatal = read_errors(a, t, f, "nonfatal");
	f->n_fatal = read_errors(a, t, f, "fatal");
	read_link(a, t, f);
	read_bars(a, t, f);
}

/* -- vGPUs ------------------------------------------------------------------------------------------ */

/* What the vendor's driver answers itself, under its own locks: it can wait for the card as long as a write does. */
static const char *ask_driver(struct arena *a, const struct host_tree *t, struct pci_function *f, const char *file)
{
	return f->is_locked ? NULL : locked_read(a, host_path(a, t, FOLDER "/%s", f->address, file), &f->is_locked);
}

static struct pci_vgpu_type read_mdev_type(struct arena *a, const struct host_tree *t, struct pci_function *f, const char *id)
{
	const char *folder = arena_printf(a, "mdev_supported_types/%s", id);
	const char *available = ask_driver(a, t, f, arena_printf(a, "%s/available_instances", folder));
	return (struct pci_vgpu_type){
		.id = id,
		.name = ask_driver(a, t, f, arena_printf(a, "%s/name", folder)),
		.description = ask_driver(a, t, f, arena_printf(a, "%s/description", folder)),
		.n_available = available && g_ascii_isdigit(*available) ? g_ascii_strtoll(available, NULL, 10) : -1,
		.devices = (const char **)host_list(a, t, FOLDER "/%s/devices", f->address, folder),
	};
}

static void read_mdev_types(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	char **ids = host_list(a, t, FOLDER "/mdev_supported_types", f->address);
	f->n_vgpu_types = g_strv_length(ids);
	f->vgpu_types = ARENA_ARRAY(a, struct pci_vgpu_type, f->n_vgpu_types);
	for (guint i = 0; i < f->n_vgpu_types; i++)
		f->vgpu_types[i] = read_mdev_type(a, t, f, ids[i]);
}

/* A head line, then "1145  : NVIDIA L40S-1B"; empty on a VF that is a vGPU. Each VF can be one. */
static void read_creatable(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	const char *text = ask_driver(a, t, f, "nvidia/creatable_vgpu_types");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	f->vgpu_types = ARENA_ARRAY(a, struct pci_vgpu_type, g_strv_length(lines));
	for (char **line = lines; *line; line++) {
		char *id = g_strstrip(*line), *colon = strchr(id, ':');
		if (!colon || !g_ascii_isdigit(*id))
			continue;
		*colon = '\0';
		f->vgpu_types[f->n_vgpu_types++] = (struct pci_vgpu_type){
			.id = arena_strdup(a, g_strchomp(id)),
			.name = arena_strdup(a, g_strstrip(colon + 1)),
			.n_available = 1,
		};
	}
}

void pci_read_vgpus(struct arena *a, const struct host_tree *t, struct pci_function *f)
{
	f->has_mdev = host_exists(t, FOLDER "/mdev_supported_types", f->address);
	if (f->has_mdev) {
		read_mdev_types(a, t, f);
		return;
	}
	f->has_vgpu_type = f->physfn && host_exists(t, FOLDER "/nvidia/current_vgpu_type", f->address);
	const char *current = f->has_vgpu_type ? ask_driver(a, t, f, "nvidia/current_vgpu_type") : NULL;
	if (!current)
		return;
	if (*current && strcmp(current, "0") != 0)
		f->vgpu_type = current;
	read_creatable(a, t, f);
}
