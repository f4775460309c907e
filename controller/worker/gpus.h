/* The GPUs of this machine, as its kernel and NVIDIA's driver show them.
 *
 * In: the PCI bus below a sysfs folder, NVML through a helper of its own, since a driver may hang. Out: a line for
 * each GPU, which of them is this worker's, and how hot that is. Used by the main thread alone. */
#pragma once
#include <glib.h>

struct gpus;

/* `program` is run as `PROGRAM helper` when NVML is asked. `slot` from 1. */
struct gpus *gpus_new(const char *sysfs, const char *program, int slot, int n_slots);
void gpus_free(struct gpus *g);

/* Looks at the bus again; TRUE when it is not what it was. */
gboolean gpus_look(struct gpus *g);
/* Asks NVML for their names, memory, power and temperature, which it knows once the driver is loaded. */
void gpus_name(struct gpus *g);
/* The same, if that was more than half a minute ago. */
void gpus_measure(struct gpus *g);
/* What NVML told of one last. */
struct gpu_figures {
	const char *address;
	guint64 memory_bytes, used_bytes; /* 0: not told; used_bytes is told when memory_bytes is */
	int celsius, milliwatts, percent; /* -1: not told */
};
/* Of all, by address; valid until they are looked at or asked again. */
const struct gpu_figures *gpus_measured(const struct gpus *g, guint *ret_n);
/* The same for the queue, a line each, in that order: address, bytes of memory, degrees Celsius, milliwatts; "-" for what is not told. */
const char *gpus_figures(const struct gpus *g);

/* Of this slot's GPUs: what one frame may use. */
struct gpus_own {
	guint n;
	guint64 memory_bytes; /* of the smallest one; 0: not told */
	const char *model;    /* of the first one; NULL: not told. Valid until they are looked at again */
};
struct gpus_own gpus_own(const struct gpus *g);
/* "10de:2231 NVIDIA RTX A5000" a line, in the order of their addresses; without NVML the numbers alone. */
const char *gpus_text(const struct gpus *g);
/* What Blender may find them to be: "CPU", "CUDA", "OPTIX", …; NULL-terminated. Only a driver knows. */
const char *const *gpus_devices(const struct gpus *g);
/* What confines a child to this slot's GPU: "CUDA_VISIBLE_DEVICES=1", …; NULL-terminated, empty where there is no
 * choice to make. */
const char *const *gpus_environment(const struct gpus *g);

/* Degrees Celsius of the hottest of this slot's GPUs. ERROR_NOT_FOUND when none tells: no driver, or a vGPU. */
gboolean gpus_hottest(struct gpus *g, int *ret_celsius, GError **error);

/* The other side: what the command `helper` does. */
int gpus_helper_main(void);
