/* The host and its cards, from its tree and libpci. */
#include "base/arena.h"
#include "host/facts.h"
#include "host/pci.h"
#include "observe/observe.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include <string.h>

enum { PCI_MS = 20000 };

void observe_host(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct host_facts f;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	struct host_status *s = observed(a, have, KIND_HOST, in->host)->status;
	host_read_facts(a, in->tree, &f);
	s->observed_at = arena_strdup(a, time);
	s->kernel = f.kernel_release;
	s->cmdline = f.cmdline;
	s->machine_id = f.machine_id;
	s->n_cpus = MAX(f.n_cpus, 0);
	s->memory_bytes = (guint64)MAX(f.memory_bytes, 0);
	s->iommu.n_groups = MAX(f.n_iommu_groups, 0);
	s->iommu.enabled = f.n_iommu_groups > 0;
	s->has_kvm = f.has_kvm;
}

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

static struct list functions_of(struct arena *a, const struct pci_gpu *gpu)
{
	struct gpu_function *items = ARENA_ARRAY(a, struct gpu_function, gpu->n_functions);
	for (guint i = 0; i < gpu->n_functions; i++) {
		const struct pci_function *f = gpu->functions[i];
		items[i] = (struct gpu_function){ .address = f->address,
			                          .class_code = hex(a, f->class, 4),
			                          .vendor = hex(a, f->vendor, 4),
			                          .device = hex(a, f->device, 4),
			                          .driver = f->driver,
			                          .driver_override = f->driver_override,
			                          .iommu_group = f->iommu_group };
	}
	return (struct list){ items, gpu->n_functions };
}

/* The spec's name for the card at an address; a card nobody speaks of is called by its address. */
static const char *name_of_card(struct arena *a, const struct observe_input *in, const struct pci_gpu *gpu)
{
	OBJECTS_EACH (o, in->want, KIND_GPU) {
		const struct gpu_spec *spec = o->spec;
		for (guint i = 0; spec->address && strcmp(spec->host, in->host) == 0 && i < gpu->n_functions; i++)
			if (strcmp(gpu->functions[i]->address, spec->address) == 0)
				return o->meta.name;
	}
	char *name = arena_printf(a, "pci-%s", gpu->main->address);
	return g_strdelimit(name, ":", '-');
}

static void read_gpu(struct arena *a, const struct observe_input *in, const struct pci_gpu *gpu, struct gpu_status *ret)
{
	const struct pci_function *f = gpu->main;
	ret->host = in->host;
	ret->address = f->address;
	ret->vendor = hex(a, f->vendor, 4);
	ret->device = hex(a, f->device, 4);
	ret->class_code = hex(a, f->class, 4);
	ret->subsystem = subsystem(a, f);
	ret->revision = hex(a, f->revision, 2);
	ret->name = f->device_name;
	ret->driver = f->driver;
	ret->iommu_group = f->iommu_group;
	ret->numa_node = f->numa_node;
	ret->boot_vga = f->boot_vga;
	ret->functions = functions_of(a, gpu);
}

void observe_gpus(struct arena *a, const struct observe_input *in, struct objects *have)
{
	g_autoptr(GError) error = NULL;
	struct pci_functions all;
	struct host_status *host = objects_get(have, KIND_HOST, in->host)->status;
	if (!pci_list(in->helper, a, in->tree->sysfs, PCI_MS, &all, &error)) {
		host->pci_trouble = arena_strdup(a, error->message);
		return;
	}
	struct pci_gpus gpus = pci_group_gpus(a, &all);
	for (guint i = 0; i < gpus.n; i++)
		read_gpu(a, in, &gpus.list[i], observed(a, have, KIND_GPU, name_of_card(a, in, &gpus.list[i]))->status);
}
