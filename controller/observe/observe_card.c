/* One card's status from its functions, and what is the same of each function. */
#include "base/arena.h"
#include "host/pci.h"
#include "host/taken.h"
#include "host/uses.h"
#include "observe/observe_card.h"
#include "spec/gpu.h"
#include <string.h>
#include <unistd.h>

static const char *hex(struct arena *a, int value, int digits)
{
	return value < 0 ? NULL : arena_printf(a, "%0*x", digits, (unsigned)value);
}

static const char *subsystem(struct arena *a, const struct pci_function *f)
{
	if (f->subsystem_vendor < 0 || f->subsystem_device < 0)
		return NULL;
	return arena_printf(a, "%04x:%04x", (unsigned)f->subsystem_vendor, (unsigned)f->subsystem_device);
}

static struct strings strings_of(char **list)
{
	return (struct strings){ (const char **)list, g_strv_length(list) };
}

/* "flr bus" */
static struct strings words_of(struct arena *a, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text ? text : "", " ", -1);
	struct strings s = { ARENA_ARRAY(a, const char *, g_strv_length(words)), 0 };
	for (char **word = words; *word; word++)
		if (**word)
			s.items[s.n++] = arena_strdup(a, *word);
	return s;
}

/* -- what cleave took -------------------------------------------------------------------------------- */

/* A record that root cannot read says nothing about the device: it is left alone like one with a stuck write.
 * Others cannot read any. */
static void read_taken(const struct card_input *in, struct gpu_function *f, struct gpu_status *card)
{
	g_autoptr(GError) error = NULL;
	struct taken_device device;
	const char *stuck = taken_find_stuck(in->taken, in->arena, f->address);
	const char *id = arena_printf(in->arena, "%s:%s", f->vendor, f->device);
	if (taken_find(in->taken, in->arena, f->address, id, &device, &error)) {
		if (device.what & TAKEN_DRIVER)
			f->former_driver = device.driver ? device.driver : GPU_NO_DRIVER;
		if ((device.what & TAKEN_VFS) && strcmp(card->address, f->address) == 0)
			card->sriov.former_count = device.n_vfs;
	} else if (error && !stuck && geteuid() == 0)
		stuck = arena_strdup(in->arena, error->message);
	if (stuck && !card->stuck)
		card->stuck = stuck;
}

static struct list functions_of(const struct card_input *in, const struct pci_function *const *all, guint n,
                                struct gpu_status *card)
{
	struct arena *a = in->arena;
	struct gpu_function *items = ARENA_ARRAY(a, struct gpu_function, n);
	for (guint i = 0; i < n; i++) {
		const struct pci_function *f = all[i];
		items[i] = (struct gpu_function){ .address = f->address,
			                          .class_code = hex(a, f->class, 4),
			                          .vendor = hex(a, f->vendor, 4),
			                          .device = hex(a, f->device, 4),
			                          .driver = f->driver,
			                          .driver_override = f->driver_override,
			                          .iommu_group = f->iommu_group,
			                          .vgpu_type = f->vgpu_type };
		if (in->uses)
			items[i].uses = strings_of(uses_of(in->uses, f->address));
		if (in->taken)
			read_taken(in, &items[i], card);
	}
	return (struct list){ items, n };
}

/* -- vGPUs -------------------------------------------------------------------------------------------- */

struct vgpus {
	struct arena *arena;
	GArray *types, *made; /* struct gpu_vgpu_type, struct gpu_vgpu */
};

/* Available ones are counted over all parents; name and description are the same everywhere. */
static void add_type(struct vgpus *v, const struct pci_vgpu_type *t)
{
	struct gpu_vgpu_type *found = NULL;
	for (guint i = 0; i < v->types->len && !found; i++)
		if (strcmp(g_array_index(v->types, struct gpu_vgpu_type, i).id, t->id) == 0)
			found = &g_array_index(v->types, struct gpu_vgpu_type, i);
	if (!found) {
		struct gpu_vgpu_type fresh = { .id = t->id, .n_available = -1 };
		g_array_append_val(v->types, fresh);
		found = &g_array_index(v->types, struct gpu_vgpu_type, v->types->len - 1);
	}
	if (!found->name)
		found->name = t->name;
	if (!found->description)
		found->description = t->description;
	if (t->n_available >= 0)
		found->n_available = MAX(found->n_available, 0) + t->n_available;
}

static void add_vgpus(struct vgpus *v, const struct pci_function *f)
{
	for (guint i = 0; i < f->n_vgpu_types; i++) {
		add_type(v, &f->vgpu_types[i]);
		for (const char **uuid = f->vgpu_types[i].devices; uuid && *uuid; uuid++) {
			struct gpu_vgpu one = { .uuid = *uuid, .type = f->vgpu_types[i].id, .parent = f->address };
			g_array_append_val(v->made, one);
		}
	}
	if (f->vgpu_type) {
		struct gpu_vgpu one = { .type = f->vgpu_type, .parent = f->address };
		g_array_append_val(v->made, one);
	}
}

static struct list take_list(struct arena *a, GArray *array)
{
	struct list list = { arena_memdup(a, array->data, (gsize)array->len * g_array_get_element_size(array)), array->len };
	g_array_unref(array);
	return list;
}

static void read_vgpus(struct arena *a, const struct pci_gpu *gpu, struct gpu_status *ret)
{
	struct vgpus v = { a, g_array_new(FALSE, FALSE, sizeof(struct gpu_vgpu_type)), g_array_new(FALSE, FALSE, sizeof(struct gpu_vgpu)) };
	gboolean has_mdev = FALSE, has_vendor = FALSE;
	for (guint i = 0; i < gpu->n_functions + gpu->n_vfs; i++) {
		const struct pci_function *f = i < gpu->n_functions ? gpu->functions[i] : gpu->vfs[i - gpu->n_functions];
		has_mdev = has_mdev || f->has_mdev;
		has_vendor = has_vendor || f->has_vgpu_type;
		add_vgpus(&v, f);
	}
	ret->vgpu_framework = has_mdev ? VGPU_MDEV : has_vendor ? VGPU_VENDOR_VFIO : VGPU_NONE;
	ret->vgpu_types = take_list(a, v.types);
	ret->vgpus = take_list(a, v.made);
}

/* -- the card ----------------------------------------------------------------------------------------- */

static void read_sriov(const struct card_input *in, const struct pci_gpu *gpu, struct gpu_status *ret)
{
	struct gpu_sriov *s = &ret->sriov;
	s->n_total = gpu->main->sriov_total;
	s->n_enabled = gpu->main->sriov_enabled;
	s->vfs.items = ARENA_ARRAY(in->arena, const char *, gpu->n_vfs);
	for (guint i = 0; i < gpu->n_vfs; i++)
		s->vfs.items[s->vfs.n++] = gpu->vfs[i]->address;
}

static void read_main(struct arena *a, const struct pci_function *f, struct gpu_status *ret)
{
	ret->address = f->address;
	ret->vendor = hex(a, f->vendor, 4);
	ret->device = hex(a, f->device, 4);
	ret->class_code = hex(a, f->class, 4);
	ret->subsystem = subsystem(a, f);
	ret->revision = hex(a, f->revision, 2);
	ret->name = f->device_name;
	ret->slot = f->slot_name;
	ret->serial = f->serial;
	ret->driver = f->driver;
	ret->driver_override = f->driver_override;
	ret->iommu_group = f->iommu_group;
	ret->numa_node = f->numa_node;
	ret->boot_vga = f->boot_vga;
	ret->reset_methods = words_of(a, f->reset_method);
	ret->bar_bytes = f->bar_bytes;
	ret->n_unassigned_bars = MAX(f->n_unassigned_bars, 0);
	ret->link = (struct gpu_link){ .width = f->link.width,
		                       .max_width = f->link.max_width,
		                       .speed = f->link.speed,
		                       .max_speed = f->link.max_speed };
	ret->aer = (struct gpu_aer){ f->n_correctable, f->n_nonfatal, f->n_fatal };
}

static gboolean is_any_locked(const struct pci_function *const *all, guint n)
{
	for (guint i = 0; i < n; i++)
		if (all[i]->is_locked)
			return TRUE;
	return FALSE;
}

/* Where cleave itself waits the record says so, and since when; else somebody else holds the device's lock,
 * or the machine is slow: more than that is not known. */
static void note_locked(const struct pci_gpu *gpu, struct gpu_status *ret)
{
	if (!ret->stuck && (is_any_locked(gpu->functions, gpu->n_functions) || is_any_locked(gpu->vfs, gpu->n_vfs) ||
	                    is_any_locked(gpu->bystanders, gpu->n_bystanders)))
		ret->stuck = GPU_NO_ANSWER;
}

/* The screen of the host (a BMC's) may stand in a card's group: who takes the group must not take that. Of the card
 * itself its own key tells it. */
static void note_console(struct arena *a, const struct pci_gpu *gpu, struct gpu_status *ret)
{
	for (guint i = 0; i < gpu->n_bystanders; i++) {
		struct gpu_function *f = LIST_AT(ret->bystanders, struct gpu_function, i);
		if (gpu->bystanders[i]->boot_vga != TRUE)
			continue;
		const char **uses = ARENA_ARRAY(a, const char *, f->uses.n + 1);
		for (guint k = 0; k < f->uses.n; k++)
			uses[k] = f->uses.items[k];
		uses[f->uses.n] = "the firmware's console is on it";
		f->uses = (struct strings){ uses, f->uses.n + 1 };
	}
}

void observe_card(const struct card_input *in, const struct pci_gpu *gpu, struct gpu_status *ret)
{
	ret->host = in->host;
	read_main(in->arena, gpu->main, ret);
	ret->functions = functions_of(in, gpu->functions, gpu->n_functions, ret);
	ret->bystanders = functions_of(in, gpu->bystanders, gpu->n_bystanders, ret);
	ret->virtual_functions = functions_of(in, gpu->vfs, gpu->n_vfs, ret);
	note_console(in->arena, gpu, ret);
	read_sriov(in, gpu, ret);
	read_vgpus(in->arena, gpu, ret);
	note_locked(gpu, ret);
}
