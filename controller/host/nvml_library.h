/* What cleave uses of NVML: names and layouts as in NVIDIA's documentation of the API (nvml.h of CUDA 12), declared
 * anew. Private to the helper's side. */
#pragma once
#include <glib.h>

/* https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html, nvmlReturn_t */
enum nvml_return {
	NVML_SUCCESS = 0,
	NVML_NOT_SUPPORTED = 3,
	NVML_NO_PERMISSION = 4,
	NVML_RESET_REQUIRED = 16,
	NVML_IN_USE = 19,
};

/* Opaque handles. */
struct nvml_device;
struct nvml_gpu_instance;
struct nvml_compute_instance;

/* nvmlGpuInstanceProfileInfo_v2_t; `version` is its size and 2 in the highest byte. */
struct nvml_profile {
	unsigned version;
	unsigned id; /* within the card */
	unsigned is_p2p_supported;
	unsigned n_slices;
	unsigned n_instances; /* that the card can have */
	unsigned n_multiprocessors, n_copy_engines, n_decoders, n_encoders, n_jpegs, n_ofas;
	unsigned long long memory_mib;
	char name[96];
};
G_STATIC_ASSERT(sizeof(struct nvml_profile) == 152 && G_STRUCT_OFFSET(struct nvml_profile, name) == 56);
#define NVML_PROFILE_VERSION ((unsigned)sizeof(struct nvml_profile) | 2u << 24)

/* nvmlMemory_t */
struct nvml_memory {
	unsigned long long total, free, used; /* bytes */
};
G_STATIC_ASSERT(sizeof(struct nvml_memory) == 24);

/* nvmlUtilization_t: percent of the last sample */
struct nvml_utilization {
	unsigned gpu, memory;
};
G_STATIC_ASSERT(sizeof(struct nvml_utilization) == 8);

/* nvmlGpuInstanceInfo_t */
struct nvml_gpu_instance_info {
	struct nvml_device *device;
	unsigned id, profile_id;
	unsigned start, size; /* memory slices */
};
G_STATIC_ASSERT(sizeof(struct nvml_gpu_instance_info) == 24);

/* nvmlComputeInstanceProfileInfo_t */
struct nvml_compute_profile {
	unsigned id; /* within the GPU instance */
	unsigned n_slices;
	unsigned n_instances;
	unsigned n_multiprocessors, n_copy_engines, n_decoders, n_encoders, n_jpegs, n_ofas;
};
G_STATIC_ASSERT(sizeof(struct nvml_compute_profile) == 36);

enum { NVML_SERIAL_SIZE = 30, NVML_DRIVER_VERSION_SIZE = 80, NVML_NAME_SIZE = 96, NVML_SENSOR_GPU = 0 };
/* Profiles are numbered from 0; new drivers add some at the end. */
enum { NVML_PROFILES_MAX = 64, NVML_COMPUTE_PROFILES_MAX = 32, NVML_ENGINES_SHARED = 0 };

/* A function a line: its name in the library, its arguments. Those of the first part are in every NVML. */
#define NVML_FUNCTIONS(X) \
	X(init, nvmlInit_v2, (void)) \
	X(shutdown, nvmlShutdown, (void)) \
	X(driver_version, nvmlSystemGetDriverVersion, (char *version, unsigned size)) \
	X(find, nvmlDeviceGetHandleByPciBusId_v2, (const char *address, struct nvml_device **device)) \
	X(serial, nvmlDeviceGetSerial, (struct nvml_device *device, char *serial, unsigned size)) \
	X(name, nvmlDeviceGetName, (struct nvml_device *device, char *name, unsigned size)) \
	X(temperature, nvmlDeviceGetTemperature, (struct nvml_device *device, int sensor, unsigned *ret_celsius)) \
	X(power, nvmlDeviceGetPowerUsage, (struct nvml_device *device, unsigned *ret_milliwatts)) \
	X(memory, nvmlDeviceGetMemoryInfo, (struct nvml_device *device, struct nvml_memory *ret)) \
	X(utilization, nvmlDeviceGetUtilizationRates, (struct nvml_device *device, struct nvml_utilization *ret)) \
	X(ecc, nvmlDeviceGetEccMode, (struct nvml_device *device, int *current, int *pending))
#define NVML_MIG_FUNCTIONS(X) \
	X(mig_mode, nvmlDeviceGetMigMode, (struct nvml_device *device, unsigned *current, unsigned *pending)) \
	X(set_mig_mode, nvmlDeviceSetMigMode, (struct nvml_device *device, unsigned mode, int *activation)) \
	X(profile, nvmlDeviceGetGpuInstanceProfileInfoV, (struct nvml_device *device, unsigned n, struct nvml_profile *ret)) \
	X(list, nvmlDeviceGetGpuInstances, \
	  (struct nvml_device *device, unsigned profile_id, struct nvml_gpu_instance **ret, unsigned *count)) \
	X(info, nvmlGpuInstanceGetInfo, (struct nvml_gpu_instance *instance, struct nvml_gpu_instance_info *ret)) \
	X(create, nvmlDeviceCreateGpuInstance, \
	  (struct nvml_device *device, unsigned profile_id, struct nvml_gpu_instance **ret)) \
	X(destroy, nvmlGpuInstanceDestroy, (struct nvml_gpu_instance *instance)) \
	X(compute_profile, nvmlGpuInstanceGetComputeInstanceProfileInfo, \
	  (struct nvml_gpu_instance *instance, unsigned n, unsigned engines, struct nvml_compute_profile *ret)) \
	X(compute_list, nvmlGpuInstanceGetComputeInstances, \
	  (struct nvml_gpu_instance *instance, unsigned profile_id, struct nvml_compute_instance **ret, unsigned *count)) \
	X(compute_create, nvmlGpuInstanceCreateComputeInstance, \
	  (struct nvml_gpu_instance *instance, unsigned profile_id, struct nvml_compute_instance **ret)) \
	X(compute_destroy, nvmlComputeInstanceDestroy, (struct nvml_compute_instance *instance))

struct nvml_library {
#define NVML_MEMBER(member, symbol, arguments) int(*member) arguments;
	NVML_FUNCTIONS(NVML_MEMBER)
	NVML_MIG_FUNCTIONS(NVML_MEMBER)
#undef NVML_MEMBER
	const char *(*error_string)(int result); /* nvmlErrorString */
	gboolean has_mig; /* all functions of the second part */
};
