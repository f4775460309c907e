/* The helper's side: loads the library, asks it, and lets go of the cards again. */
#include "host/nvml_main.h"
#include "base/error.h"
#include "host/nvml_library.h"
#include <dlfcn.h>
#include <string.h>

/* -- the library ----------------------------------------------------------------------------------------- */

static const char *reason(const struct nvml_library *l, int result)
{
	const char *text = l->error_string ? l->error_string(result) : NULL;
	return text ? text : "no reason given";
}

static gboolean fail_nvml(const struct nvml_library *l, int result, const char *what, GError **error)
{
	return fail(error, ERROR_FAILED, "NVML: %s: %s", what, reason(l, result));
}

static const struct {
	const char *symbol;
	gsize offset;
	gboolean is_for_mig;
} functions[] = {
#define NVML_ROW(member, symbol, arguments) { #symbol, G_STRUCT_OFFSET(struct nvml_library, member), FALSE },
	NVML_FUNCTIONS(NVML_ROW)
#undef NVML_ROW
#define NVML_ROW(member, symbol, arguments) { #symbol, G_STRUCT_OFFSET(struct nvml_library, member), TRUE },
	NVML_MIG_FUNCTIONS(NVML_ROW)
#undef NVML_ROW
	{ "nvmlErrorString", G_STRUCT_OFFSET(struct nvml_library, error_string), FALSE },
};

/* Never closed: a vendor's library need not survive it. What it holds open is its start's affair. */
static gboolean load(struct nvml_library *ret, GError **error)
{
	void *handle = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return fail(error, ERROR_NOT_FOUND, "NVML is not there: %s", dlerror());
	*ret = (struct nvml_library){ .has_mig = TRUE };
	for (gsize i = 0; i < G_N_ELEMENTS(functions); i++) {
		void *symbol = dlsym(handle, functions[i].symbol);
		if (!symbol && !functions[i].is_for_mig)
			return fail(error, ERROR_FAILED, "this NVML is too old: it has no %s", functions[i].symbol);
		ret->has_mig = ret->has_mig && symbol;
		memcpy((char *)ret + functions[i].offset, &symbol, sizeof symbol);
	}
	return TRUE;
}

static gboolean begin(struct nvml_library *ret, GError **error)
{
	if (!load(ret, error))
		return FALSE;
	int result = ret->init();
	return result == NVML_SUCCESS || fail_nvml(ret, result, "starting", error);
}

/* -- reading ----------------------------------------------------------------------------------------------- */

/* Its number among NVML_GPU_INSTANCE_PROFILE_*; FALSE when the card has none of that number. */
static gboolean get_profile(const struct nvml_library *l, struct nvml_device *device, unsigned n, struct nvml_profile *ret)
{
	*ret = (struct nvml_profile){ .version = NVML_PROFILE_VERSION };
	if (l->profile(device, n, ret) != NVML_SUCCESS)
		return FALSE;
	ret->name[sizeof ret->name - 1] = '\0';
	return TRUE;
}

/* nvidia-smi and some drivers say "MIG 1g.10gb", people "1g.10gb". */
static const char *profile_name(const struct nvml_profile *p)
{
	return g_str_has_prefix(p->name, "MIG ") ? p->name + strlen("MIG ") : p->name;
}

/* Calls `each` for all GPU instances. Of one profile there are at most as many as the card can have. */
static int each_instance(const struct nvml_library *l, struct nvml_device *device,
                         gboolean (*each)(struct nvml_gpu_instance *instance, const struct nvml_profile *p, void *user),
                         void *user)
{
	struct nvml_profile p;
	for (unsigned n = 0; n < NVML_PROFILES_MAX; n++) {
		if (!get_profile(l, device, n, &p))
			continue;
		unsigned count = p.n_instances;
		g_autofree struct nvml_gpu_instance **found = g_new0(struct nvml_gpu_instance *, count + 1);
		int result = l->list(device, p.id, found, &count);
		if (result != NVML_SUCCESS)
			return result;
		for (unsigned i = 0; i < MIN(count, p.n_instances); i++)
			if (!each(found[i], &p, user))
				return NVML_SUCCESS;
	}
	return NVML_SUCCESS;
}

struct listing {
	const struct nvml_library *library;
	json_t *instances;
};

static gboolean list_one(struct nvml_gpu_instance *instance, const struct nvml_profile *p, void *user)
{
	struct listing *l = user;
	struct nvml_gpu_instance_info info = { 0 };
	if (l->library->info(instance, &info) == NVML_SUCCESS)
		json_array_append_new(l->instances, json_pack("{s:i, s:s}", "id", (int)info.id, "profile", profile_name(p)));
	return TRUE;
}

static void add_mig(const struct nvml_library *l, struct nvml_device *device, json_t *card)
{
	unsigned current, pending;
	if (!l->has_mig || l->mig_mode(device, &current, &pending) != NVML_SUCCESS)
		return;
	json_object_set_new(card, "mig", json_integer(current != 0));
	json_object_set_new(card, "pending", json_integer(pending != 0));
	struct listing listing = { l, json_array() };
	int result = current ? each_instance(l, device, list_one, &listing) : NVML_SUCCESS;
	/* Without root the driver does not tell: that is not "none". */
	if (result == NVML_SUCCESS)
		json_object_set_new(card, "instances", listing.instances);
	else
		json_decref(listing.instances);
}

static void add_serial(const struct nvml_library *l, struct nvml_device *device, json_t *card)
{
	char serial[NVML_SERIAL_SIZE + 1] = "";
	int result = l->serial(device, serial, NVML_SERIAL_SIZE);
	if (result == NVML_SUCCESS && *g_strstrip(serial) && strcmp(serial, "N/A") != 0)
		json_object_set_new(card, "serial", json_string(serial));
}

static void add_name(const struct nvml_library *l, struct nvml_device *device, json_t *card)
{
	char name[NVML_NAME_SIZE + 1] = "";
	if (l->name(device, name, NVML_NAME_SIZE) == NVML_SUCCESS && *g_strstrip(name))
		json_object_set_new(card, "name", json_string(name));
}

static void add_temperature(const struct nvml_library *l, struct nvml_device *device, json_t *card)
{
	unsigned celsius;
	if (l->temperature(device, NVML_SENSOR_GPU, &celsius) == NVML_SUCCESS)
		json_object_set_new(card, "celsius", json_integer(celsius));
}

static void add_power_and_memory(const struct nvml_library *l, struct nvml_device *device, json_t *card)
{
	unsigned milliwatts;
	struct nvml_memory memory;
	if (l->power(device, &milliwatts) == NVML_SUCCESS)
		json_object_set_new(card, "milliwatts", json_integer(milliwatts));
	if (l->memory(device, &memory) == NVML_SUCCESS) {
		json_object_set_new(card, "memory", json_integer((json_int_t)memory.total));
		json_object_set_new(card, "used", json_integer((json_int_t)memory.used));
	}
	struct nvml_utilization utilization;
	if (l->utilization(device, &utilization) == NVML_SUCCESS)
		json_object_set_new(card, "percent", json_integer(utilization.gpu));
}

static void add_ecc(const struct nvml_library *l, struct nvml_device *device, json_t *card)
{
	int current, pending;
	if (l->ecc(device, &current, &pending) == NVML_SUCCESS)
		json_object_set_new(card, "ecc", json_integer(current != 0));
}

static json_t *read_card(const struct nvml_library *l, const char *address)
{
	struct nvml_device *device = NULL;
	json_t *card = json_pack("{s:s}", "address", address);
	int result = l->find(address, &device);
	if (result != NVML_SUCCESS) {
		json_object_set_new(card, "error", json_string(reason(l, result)));
		return card;
	}
	add_serial(l, device, card);
	add_name(l, device, card);
	add_temperature(l, device, card);
	add_power_and_memory(l, device, card);
	add_ecc(l, device, card);
	add_mig(l, device, card);
	return card;
}

json_t *nvml_main_read(const json_t *request, GError **error)
{
	struct nvml_library l;
	char version[NVML_DRIVER_VERSION_SIZE + 1] = "";
	const json_t *addresses = json_object_get(request, "cards");
	if (!begin(&l, error))
		return NULL;
	json_t *answer = json_object(), *cards = json_array();
	if (l.driver_version(version, NVML_DRIVER_VERSION_SIZE) == NVML_SUCCESS)
		json_object_set_new(answer, "driver", json_string(version));
	for (gsize i = 0; i < json_array_size(addresses); i++) {
		const char *address = json_string_value(json_array_get(addresses, i));
		if (address)
			json_array_append_new(cards, read_card(&l, address));
	}
	json_object_set_new(answer, "cards", cards);
	l.shutdown();
	return answer;
}

/* -- cutting ----------------------------------------------------------------------------------------------- */

struct cut {
	const struct nvml_library *library;
	const char *address, *profile;
	guint64 count;
	struct nvml_device *device;
	GError **error;
	gboolean failed;
};

static gboolean fail_cut(const struct cut *c, int result, const char *what)
{
	if (result == NVML_IN_USE)
		return fail(c->error, ERROR_FAILED, "%s: it is in use; end what runs on it (nvidia-smi shows it)", what);
	if (result == NVML_RESET_REQUIRED)
		return fail(c->error, ERROR_FAILED, "%s: the card has to be reset first: nvidia-smi --gpu-reset -i %s, or reboot",
		            what, c->address);
	if (result == NVML_NO_PERMISSION)
		return fail(c->error, ERROR_FAILED, "%s: only root may", what);
	return fail_nvml(c->library, result, what, c->error);
}

static gboolean get_modes(const struct cut *c, unsigned *ret_current, unsigned *ret_pending)
{
	int result = c->library->mig_mode(c->device, ret_current, ret_pending);
	if (result == NVML_NOT_SUPPORTED)
		return fail(c->error, ERROR_FAILED, "%s has no MIG", c->address);
	return result == NVML_SUCCESS || fail_cut(c, result, "reading the MIG mode");
}

/* Handles do not outlive a reset, which the mode may bring about. */
static gboolean find(struct cut *c)
{
	int result = c->library->find(c->address, &c->device);
	return result == NVML_SUCCESS || fail_cut(c, result, c->address);
}

static gboolean set_mode(struct cut *c, unsigned mode)
{
	unsigned current, pending;
	int activation = NVML_SUCCESS;
	if (!get_modes(c, &current, &pending))
		return FALSE;
	if (current == mode && pending == mode)
		return TRUE;
	const char *what = mode ? "switching MIG on" : "switching MIG off";
	int result = pending == mode ? NVML_RESET_REQUIRED : c->library->set_mig_mode(c->device, mode, &activation);
	if (result == NVML_SUCCESS)
		result = activation;
	if (result != NVML_SUCCESS)
		return fail_cut(c, result, what);
	if (!find(c) || !get_modes(c, &current, &pending))
		return FALSE;
	return current == mode || fail_cut(c, NVML_RESET_REQUIRED, what);
}

static gboolean find_profile(const struct cut *c, struct nvml_profile *ret)
{
	g_autoptr(GString) offered = g_string_new(NULL);
	for (unsigned n = 0; n < NVML_PROFILES_MAX; n++) {
		if (!get_profile(c->library, c->device, n, ret))
			continue;
		if (strcmp(profile_name(ret), c->profile) == 0)
			return c->count <= ret->n_instances ||
			       fail(c->error, ERROR_FAILED, "%s can have %u instances of %s, not %" G_GUINT64_FORMAT, c->address,
			            ret->n_instances, c->profile, c->count);
		g_string_append_printf(offered, "%s%s", offered->len ? ", " : "", profile_name(ret));
	}
	return fail(c->error, ERROR_FAILED, "%s has no MIG profile %s; it has %s", c->address, c->profile,
	            offered->len ? offered->str : "none that NVML names");
}

/* The profile over all of the GPU instance: NVML numbers the common one of two that are as large first. */
static int whole_compute_profile(const struct cut *c, struct nvml_gpu_instance *instance, unsigned n_slices,
                                 struct nvml_compute_profile *ret)
{
	int result = NVML_NOT_SUPPORTED;
	for (unsigned n = 0; n < NVML_COMPUTE_PROFILES_MAX; n++) {
		result = c->library->compute_profile(instance, n, NVML_ENGINES_SHARED, ret);
		if (result == NVML_SUCCESS && ret->n_slices == n_slices)
			return NVML_SUCCESS;
	}
	return result == NVML_SUCCESS ? NVML_NOT_SUPPORTED : result;
}

static int remove_compute(const struct cut *c, struct nvml_gpu_instance *instance)
{
	struct nvml_compute_profile p;
	for (unsigned n = 0; n < NVML_COMPUTE_PROFILES_MAX; n++) {
		if (c->library->compute_profile(instance, n, NVML_ENGINES_SHARED, &p) != NVML_SUCCESS)
			continue;
		unsigned count = p.n_instances;
		g_autofree struct nvml_compute_instance **found = g_new0(struct nvml_compute_instance *, count + 1);
		int result = c->library->compute_list(instance, p.id, found, &count);
		for (unsigned i = 0; result == NVML_SUCCESS && i < MIN(count, p.n_instances); i++)
			result = c->library->compute_destroy(found[i]);
		if (result != NVML_SUCCESS)
			return result;
	}
	return NVML_SUCCESS;
}

static gboolean remove_one(struct nvml_gpu_instance *instance, const struct nvml_profile *p, void *user)
{
	struct cut *c = user;
	struct nvml_gpu_instance_info info = { 0 };
	c->library->info(instance, &info);
	int result = remove_compute(c, instance);
	if (result == NVML_SUCCESS)
		result = c->library->destroy(instance);
	g_autofree char *what = g_strdup_printf("removing GPU instance %u (%s) of %s", info.id, profile_name(p), c->address);
	c->failed = result != NVML_SUCCESS && !fail_cut(c, result, what);
	return !c->failed;
}

static gboolean create_one(const struct cut *c, const struct nvml_profile *p)
{
	struct nvml_gpu_instance *instance = NULL;
	struct nvml_compute_instance *compute = NULL;
	struct nvml_compute_profile whole;
	int result = c->library->create(c->device, p->id, &instance);
	if (result != NVML_SUCCESS)
		return fail_cut(c, result, "making a GPU instance");
	result = whole_compute_profile(c, instance, p->n_slices, &whole);
	if (result == NVML_SUCCESS)
		result = c->library->compute_create(instance, whole.id, &compute);
	return result == NVML_SUCCESS || fail_cut(c, result, "making its compute instance");
}

static gboolean create_all(const struct cut *c, const struct nvml_profile *p)
{
	for (guint64 i = 0; i < c->count; i++)
		if (!create_one(c, p)) {
			g_prefix_error(c->error, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " instances of %s were made: ", i,
			               c->count, c->profile);
			return FALSE;
		}
	return TRUE;
}

static gboolean cut(struct cut *c)
{
	struct nvml_profile p = { 0 };
	if (!c->library->has_mig)
		return fail(c->error, ERROR_FAILED, "this NVML is too old: it does not know MIG's profiles by name");
	if (!find(c) || (c->count && (!set_mode(c, 1) || !find_profile(c, &p))))
		return FALSE;
	int result = each_instance(c->library, c->device, remove_one, c);
	if (c->failed)
		return FALSE;
	if (result != NVML_SUCCESS)
		return fail_cut(c, result, "listing GPU instances");
	return c->count ? create_all(c, &p) : set_mode(c, 0);
}

/* What came of it is told in either case; a sentence under "failed" says what did not. */
json_t *nvml_main_cut(const json_t *request, GError **error)
{
	struct nvml_library l;
	GError *why = NULL;
	struct cut c = { .library = &l,
		         .address = json_string_value(json_object_get(request, "card")),
		         .profile = json_string_value(json_object_get(request, "profile")),
		         .count = (guint64)json_integer_value(json_object_get(request, "count")),
		         .error = &why };
	if (!c.address || (c.count && !c.profile)) {
		fail(error, ERROR_INVALID, "mig: the request has no \"card\" or \"profile\"");
		return NULL;
	}
	if (!begin(&l, error))
		return NULL;
	gboolean ok = cut(&c);
	json_t *card = read_card(&l, c.address);
	if (!ok) {
		g_autofree char *sentence = g_utf8_make_valid(why->message, -1);
		json_object_set_new(card, "failed", json_string(sentence));
	}
	g_clear_error(&why);
	l.shutdown();
	return card;
}
