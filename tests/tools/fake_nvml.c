/* A libnvidia-ml.so.1 for tests: what cleave uses of NVML, on cards that are groups of a key file.
 *
 * The file is named by FAKE_NVML; each function reads it, and writes what it changed. A card is a group named by its
 * address: serial, name, celsius, milliwatts, memory and used (bytes), percent, ecc, mig, pending, activation (what a change of the mode answers), profiles ("name:id:slices:most"),
 * instances ("id:profile:compute:busy"). The group [nvml] says driver, init (what starting answers), and calls, which
 * counts what was done; hang and crash name the function in which that happens.
 * Its own declarations of the API, from NVIDIA's documentation, so that a slip in cleave's shows. */
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))

enum { SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, IN_USE = 19, NO_RESOURCES = 23, UNINITIALIZED = 1 };

typedef struct { unsigned int version; unsigned int id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount,
	copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount; unsigned long long memorySizeMB; char name[96]; } profile_v2;
typedef struct { void *device; unsigned int id, profileId; struct { unsigned int start, size; } placement; } instance_info;
typedef struct { unsigned int id, sliceCount, instanceCount, multiprocessorCount, sharedCopyEngineCount, sharedDecoderCount,
	sharedEncoderCount, sharedJpegCount, sharedOfaCount; } compute_info;

enum { N_CARDS = 8, N_INSTANCES = 16 };
/* Handles point into these: one a card, one a GPU instance, one a compute instance. */
static char cards[N_CARDS], instances[N_CARDS][N_INSTANCES], computes[N_CARDS][N_INSTANCES];
static gboolean started;

/* -- the file ------------------------------------------------------------------------------------------- */

static GKeyFile *state_open(const char *function)
{
	GKeyFile *f = g_key_file_new();
	if (!g_key_file_load_from_file(f, g_getenv("FAKE_NVML"), 0, NULL))
		abort();
	g_autofree char *hang = g_key_file_get_string(f, "nvml", "hang", NULL);
	g_autofree char *crash = g_key_file_get_string(f, "nvml", "crash", NULL);
	while (g_strcmp0(hang, function) == 0)
		pause();
	if (g_strcmp0(crash, function) == 0) {
		signal(SIGSEGV, SIG_DFL); /* sanitizers have their own */
		raise(SIGSEGV);
	}
	return f;
}

static void state_save(GKeyFile *f)
{
	g_key_file_set_integer(f, "nvml", "calls", g_key_file_get_integer(f, "nvml", "calls", NULL) + 1);
	if (!g_key_file_save_to_file(f, g_getenv("FAKE_NVML"), NULL))
		abort();
}

static char *address_of(GKeyFile *f, guint card)
{
	g_auto(GStrv) groups = g_key_file_get_groups(f, NULL);
	return g_strdup(groups[card + 1]); /* the first one is [nvml] */
}

/* Number `i` of the numbers that "a:b:c:d" holds; the name of a profile reads as 0. */
static guint number(const char *row, guint i)
{
	g_auto(GStrv) parts = g_strsplit(row, ":", -1);
	return i < g_strv_length(parts) ? (guint)strtoul(parts[i], NULL, 10) : 0;
}

static char **rows(GKeyFile *f, const char *address, const char *key)
{
	char **found = g_key_file_get_string_list(f, address, key, NULL, NULL);
	return found ? found : g_new0(char *, 1);
}

/* Removes the instance `id`, or puts `row` in its place or at the end. */
static void put_instance(GKeyFile *f, const char *address, guint id, const char *row)
{
	g_auto(GStrv) before = rows(f, address, "instances");
	g_autoptr(GPtrArray) after = g_ptr_array_new();
	gboolean placed = FALSE;
	for (guint i = 0; before[i]; i++) {
		gboolean is_it = number(before[i], 0) == id;
		if (!is_it || row)
			g_ptr_array_add(after, is_it ? (gpointer)row : before[i]);
		placed |= is_it;
	}
	if (row && !placed)
		g_ptr_array_add(after, (gpointer)row);
	g_ptr_array_add(after, NULL);
	g_key_file_set_string_list(f, address, "instances", (const char *const *)after->pdata, after->len - 1);
}

static char *find_row(GKeyFile *f, const char *address, const char *key, guint column, guint value)
{
	g_auto(GStrv) all = rows(f, address, key);
	for (guint i = 0; all[i]; i++)
		if (number(all[i], column) == value)
			return g_strdup(all[i]);
	return NULL;
}

#define STATE g_autoptr(GKeyFile) f = state_open(__func__)
#define CARD(handle)                                                              \
	guint card = (guint)((char *)(handle)-cards);                             \
	STATE;                                                                    \
	g_autofree char *address = card < N_CARDS ? address_of(f, card) : NULL;   \
	if (!started || !address)                                                 \
		return started ? INVALID : UNINITIALIZED
#define PART(handle, array)                                                       \
	guint at = (guint)((char *)(handle) - &array[0][0]);                      \
	guint card = at / N_INSTANCES, id = at % N_INSTANCES;                     \
	STATE;                                                                    \
	g_autofree char *address = card < N_CARDS ? address_of(f, card) : NULL;   \
	g_autofree char *row = address ? find_row(f, address, "instances", 0, id) : NULL; \
	if (!started || !row)                                                     \
		return started ? INVALID : UNINITIALIZED

/* -- the library and the card -------------------------------------------------------------------------------- */

API int nvmlInit_v2(void)
{
	STATE;
	int answer = g_key_file_get_integer(f, "nvml", "init", NULL);
	started = answer == SUCCESS;
	return answer;
}

API int nvmlShutdown(void)
{
	STATE;
	gboolean was = started;
	started = FALSE;
	state_save(f);
	return was ? SUCCESS : UNINITIALIZED;
}

API const char *nvmlErrorString(int result)
{
	switch (result) {
	case NOT_SUPPORTED: return "Not Supported";
	case NOT_FOUND: return "Not Found";
	case IN_USE: return "In use by another client";
	case NO_RESOURCES: return "Insufficient Resources";
	case 9: return "Driver Not Loaded";
	default: return "Unknown Error";
	}
}

static int text_of(GKeyFile *f, const char *group, const char *key, char *ret, unsigned int size)
{
	g_autofree char *text = g_key_file_get_string(f, group, key, NULL);
	return !text ? NOT_SUPPORTED : g_strlcpy(ret, text, size) < size ? SUCCESS : 7;
}

API int nvmlSystemGetDriverVersion(char *ret, unsigned int size)
{
	STATE;
	return started ? text_of(f, "nvml", "driver", ret, size) : UNINITIALIZED;
}

API int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **ret)
{
	STATE;
	g_auto(GStrv) groups = g_key_file_get_groups(f, NULL);
	for (guint i = 1; started && groups[i]; i++)
		if (strcmp(groups[i], address) == 0) {
			*ret = &cards[i - 1];
			return SUCCESS;
		}
	return started ? NOT_FOUND : UNINITIALIZED;
}

API int nvmlDeviceGetSerial(void *device, char *ret, unsigned int size)
{
	CARD(device);
	return text_of(f, address, "serial", ret, size);
}

API int nvmlDeviceGetName(void *device, char *ret, unsigned int size)
{
	CARD(device);
	return text_of(f, address, "name", ret, size);
}

API int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *ret)
{
	CARD(device);
	if (sensor != 0 || !g_key_file_has_key(f, address, "celsius", NULL))
		return NOT_SUPPORTED;
	*ret = (unsigned int)g_key_file_get_integer(f, address, "celsius", NULL);
	return SUCCESS;
}

API int nvmlDeviceGetPowerUsage(void *device, unsigned int *ret)
{
	CARD(device);
	if (!g_key_file_has_key(f, address, "milliwatts", NULL))
		return NOT_SUPPORTED;
	*ret = (unsigned int)g_key_file_get_integer(f, address, "milliwatts", NULL);
	return SUCCESS;
}

typedef struct { unsigned long long total, free, used; } memory_v1;

API int nvmlDeviceGetMemoryInfo(void *device, memory_v1 *ret)
{
	CARD(device);
	if (!g_key_file_has_key(f, address, "memory", NULL))
		return NOT_SUPPORTED;
	ret->total = g_key_file_get_uint64(f, address, "memory", NULL);
	ret->used = g_key_file_get_uint64(f, address, "used", NULL);
	ret->free = ret->total - ret->used;
	return SUCCESS;
}

API int nvmlDeviceGetUtilizationRates(void *device, unsigned int ret[2])
{
	CARD(device);
	if (!g_key_file_has_key(f, address, "percent", NULL))
		return NOT_SUPPORTED;
	ret[0] = (unsigned int)g_key_file_get_integer(f, address, "percent", NULL);
	ret[1] = 0;
	return SUCCESS;
}

API int nvmlDeviceGetEccMode(void *device, int *current, int *pending)
{
	CARD(device);
	if (!g_key_file_has_key(f, address, "ecc", NULL))
		return NOT_SUPPORTED;
	*current = *pending = g_key_file_get_integer(f, address, "ecc", NULL);
	return SUCCESS;
}

API int nvmlDeviceGetMigMode(void *device, unsigned int *current, unsigned int *pending)
{
	CARD(device);
	if (!g_key_file_has_key(f, address, "mig", NULL))
		return NOT_SUPPORTED;
	*current = (unsigned int)g_key_file_get_integer(f, address, "mig", NULL);
	*pending = g_key_file_has_key(f, address, "pending", NULL) ?
			   (unsigned int)g_key_file_get_integer(f, address, "pending", NULL) : *current;
	return SUCCESS;
}

API int nvmlDeviceSetMigMode(void *device, unsigned int mode, int *activation)
{
	CARD(device);
	*activation = g_key_file_get_integer(f, address, "activation", NULL);
	g_key_file_set_integer(f, address, "pending", (int)mode);
	if (*activation == SUCCESS)
		g_key_file_set_integer(f, address, "mig", (int)mode);
	state_save(f);
	return SUCCESS;
}

/* -- GPU instances --------------------------------------------------------------------------------------------- */

API int nvmlDeviceGetGpuInstanceProfileInfoV(void *device, unsigned int n, profile_v2 *ret)
{
	CARD(device);
	g_auto(GStrv) all = rows(f, address, "profiles");
	if (ret->version != ((unsigned int)sizeof *ret | 2u << 24))
		return INVALID;
	if (g_key_file_get_integer(f, address, "mig", NULL) != 1 || n >= g_strv_length(all))
		return NOT_SUPPORTED;
	g_auto(GStrv) parts = g_strsplit(all[n], ":", -1);
	*ret = (profile_v2){ .version = ret->version, .id = number(all[n], 1), .sliceCount = number(all[n], 2),
			     .instanceCount = number(all[n], 3) };
	g_strlcpy(ret->name, parts[0], sizeof ret->name);
	return SUCCESS;
}

API int nvmlDeviceGetGpuInstances(void *device, unsigned int profile, void **ret, unsigned int *count)
{
	CARD(device);
	g_auto(GStrv) all = rows(f, address, "instances");
	*count = 0;
	for (guint i = 0; all[i]; i++)
		if (number(all[i], 1) == profile)
			ret[(*count)++] = &instances[card][number(all[i], 0)];
	return g_key_file_get_integer(f, "nvml", "list", NULL);
}

API int nvmlDeviceCreateGpuInstance(void *device, unsigned int profile, void **ret)
{
	CARD(device);
	g_autofree char *offered = find_row(f, address, "profiles", 1, profile);
	g_auto(GStrv) all = rows(f, address, "instances");
	guint slices = 0, id = 1;
	if (!offered)
		return INVALID;
	for (guint i = 0; all[i]; i++) {
		g_autofree char *its = find_row(f, address, "profiles", 1, number(all[i], 1));
		slices += its ? number(its, 2) : 0;
		id = MAX(id, number(all[i], 0) + 1);
	}
	if (slices + number(offered, 2) > 7 || id >= N_INSTANCES)
		return NO_RESOURCES;
	g_autofree char *row = g_strdup_printf("%u:%u:0:0", id, profile);
	put_instance(f, address, id, row);
	state_save(f);
	*ret = &instances[card][id];
	return SUCCESS;
}

API int nvmlGpuInstanceGetInfo(void *instance, instance_info *ret)
{
	PART(instance, instances);
	*ret = (instance_info){ .device = &cards[card], .id = id, .profileId = number(row, 1) };
	return SUCCESS;
}

API int nvmlGpuInstanceDestroy(void *instance)
{
	PART(instance, instances);
	if (number(row, 2) || number(row, 3))
		return IN_USE;
	put_instance(f, address, id, NULL);
	state_save(f);
	return SUCCESS;
}

/* -- compute instances: one an instance, over 1 slice (profile 0) or all of them (profile 1) ---------------------- */

API int nvmlGpuInstanceGetComputeInstanceProfileInfo(void *instance, unsigned int n, unsigned int engines, compute_info *ret)
{
	PART(instance, instances);
	g_autofree char *its = find_row(f, address, "profiles", 1, number(row, 1));
	guint slices = number(its, 2);
	if (engines != 0 || n >= (slices > 1 ? 2u : 1u))
		return NOT_SUPPORTED;
	*ret = (compute_info){ .id = n, .sliceCount = n ? slices : 1, .instanceCount = n ? 1 : slices };
	return SUCCESS;
}

API int nvmlGpuInstanceGetComputeInstances(void *instance, unsigned int profile, void **ret, unsigned int *count)
{
	PART(instance, instances);
	*count = number(row, 2) == profile + 1;
	if (*count)
		ret[0] = &computes[card][id];
	return SUCCESS;
}

static void set_compute(GKeyFile *f, const char *address, const char *row, guint compute)
{
	g_autofree char *changed = g_strdup_printf("%u:%u:%u:%u", number(row, 0), number(row, 1), compute, number(row, 3));
	put_instance(f, address, number(row, 0), changed);
	state_save(f);
}

API int nvmlGpuInstanceCreateComputeInstance(void *instance, unsigned int profile, void **ret)
{
	PART(instance, instances);
	if (number(row, 2))
		return NO_RESOURCES;
	set_compute(f, address, row, profile + 1);
	*ret = &computes[card][id];
	return SUCCESS;
}

API int nvmlComputeInstanceDestroy(void *compute)
{
	PART(compute, computes);
	if (!number(row, 2) || number(row, 3))
		return number(row, 3) ? IN_USE : INVALID;
	set_compute(f, address, row, 0);
	return SUCCESS;
}
