/* The devices of a card, read once more before each action. Drivers are changed as the kernel's
 * Documentation/ABI/testing/sysfs-bus-pci says: driver_override for this one device, never new_id, which would catch
 * its twins as well. */
#include "apply/device.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/holders.h"
#include "host/uses.h"
#include <string.h>

enum { HOLDERS_MS = 30000, HOLDERS_TOLD = 3 };

/* -- reading ----------------------------------------------------------------------------------------------- */

gboolean device_write(const struct apply_input *in, const char *address, const char *text, GError **error,
                      const char *path_format, ...)
{
	va_list args;
	va_start(args, path_format);
	g_autofree char *path = g_strdup_vprintf(path_format, args);
	va_end(args);
	return hands_write(in->hands, address, path, text, error);
}

/* Four hex digits. */
static const char *read_id(const struct apply_input *in, const char *address, const char *file)
{
	const char *text = host_read(in->arena, in->hands->tree, PCI_DEVICE "/%s", address, file);
	return text && g_str_has_prefix(text, "0x") ? text + 2 : text;
}

const char *device_id(const struct apply_input *in, const char *address)
{
	const char *vendor = read_id(in, address, "vendor"), *device = read_id(in, address, "device");
	return vendor && device ? arena_printf(in->arena, "%s:%s", vendor, device) : NULL;
}

gboolean device_look(const struct apply_input *in, const char *address, struct device_now *ret, GError **error)
{
	const struct host_tree *t = in->hands->tree;
	GError *why = NULL;
	if (!host_exists(t, PCI_DEVICE, address))
		return fail(error, ERROR_NOT_FOUND, "the device %s is gone", address);
	const char *path = arena_printf(in->arena, PCI_DEVICE "/driver_override", address);
	const char *override = hands_read(in->hands, in->arena, address, path, &why);
	if (why) {
		g_propagate_error(error, why);
		return FALSE;
	}
	*ret = (struct device_now){ host_read_link(in->arena, t, PCI_DEVICE "/driver", address), NULL };
	if (override && *override && strcmp(override, "(null)") != 0)
		ret->driver_override = override;
	return TRUE;
}

struct strings device_vfs(const struct apply_input *in, const char *card)
{
	GPtrArray *found = g_ptr_array_new();
	const char *vf;
	for (guint i = 0; (vf = host_read_link(in->arena, in->hands->tree, PCI_DEVICE "/virtfn%u", card, i)); i++)
		g_ptr_array_add(found, (gpointer)vf);
	struct strings vfs = { arena_memdup(in->arena, found->pdata, sizeof(gpointer) * found->len), found->len };
	g_ptr_array_unref(found);
	return vfs;
}

/* -- checks ------------------------------------------------------------------------------------------------ */

static gboolean has_id(const struct apply_input *in, const char *address, const char *file, const char *id)
{
	const char *now = read_id(in, address, file);
	return !id || (now && g_ascii_strcasecmp(now, id) == 0);
}

static gboolean check_ids(const struct apply_input *in, const char *address, const char *vendor, const char *device,
                          GError **error)
{
	if (!host_exists(in->hands->tree, PCI_DEVICE, address))
		return fail(error, ERROR_REFUSED, "the device %s is gone since it was planned", address);
	if (has_id(in, address, "vendor", vendor) && has_id(in, address, "device", device))
		return TRUE;
	return fail(error, ERROR_REFUSED, "at %s is another device since it was planned: it was %s:%s", address, vendor,
	            device);
}

static const struct gpu_function *find_function(const struct list *functions, const char *address)
{
	for (guint i = 0; i < functions->n; i++)
		if (strcmp(LIST_AT(*functions, struct gpu_function, i)->address, address) == 0)
			return LIST_AT(*functions, struct gpu_function, i);
	return NULL;
}

/* A VF that came to be since then is not among what was observed: its card speaks for it. */
static gboolean check_step_ids(const struct apply_input *in, const struct gpu_status *card,
                               const struct device_step *step, GError **error)
{
	const struct list *const lists[] = { &card->functions, &card->bystanders, &card->virtual_functions };
	const struct gpu_function *f = NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(lists) && !f; i++)
		f = find_function(lists[i], step->address);
	return check_ids(in, step->address, f ? f->vendor : NULL, f ? f->device : NULL, error);
}

static gboolean check_one_free(const struct apply_input *in, const char *address, GError **error)
{
	const char *stuck = taken_find_stuck(in->hands->taken, in->arena, address);
	return stuck ? fail(error, ERROR_REFUSED, "%s is stuck in the kernel: %s", address, stuck) : TRUE;
}

gboolean device_check_free(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct list *functions = &act->card->functions;
	if (!check_one_free(in, act->card->address, error))
		return FALSE;
	for (guint i = 0; i < functions->n; i++)
		if (!check_one_free(in, LIST_AT(*functions, struct gpu_function, i)->address, error))
			return FALSE;
	for (guint i = 0; i < act->n_steps; i++)
		if (!check_one_free(in, act->steps[i].address, error))
			return FALSE;
	return TRUE;
}

gboolean device_check(const struct apply_input *in, const struct action *act, GError **error)
{
	const struct gpu_status *card = act->card;
	if (!in->hands)
		return fail(error, ERROR_AWAY, "there is no way to change this host");
	if (!check_ids(in, card->address, card->vendor, card->device, error))
		return FALSE;
	for (guint i = 0; i < act->n_steps; i++)
		if (!check_step_ids(in, card, &act->steps[i], error))
			return FALSE;
	return device_check_free(in, act, error);
}

/* How many are left. */
static guint leave_out(struct holders *found, const char *harmless)
{
	guint n = 0;
	for (guint i = 0; i < found->n; i++)
		if (!harmless || g_strcmp0(found->list[i].comm, harmless) != 0)
			found->list[n++] = found->list[i];
	return found->n = n;
}

static gboolean fail_held(const char *device, const struct holders *by, GError **error)
{
	g_autoptr(GString) who = g_string_new(NULL);
	for (guint i = 0; i < by->n && i < HOLDERS_TOLD; i++)
		g_string_append_printf(who, "%s%s (%" G_GINT64_FORMAT ": %s)", i ? ", " : "", by->list[i].comm, by->list[i].pid,
		                       by->list[i].path);
	if (by->n > HOLDERS_TOLD)
		g_string_append_printf(who, " and %u more", by->n - HOLDERS_TOLD);
	return fail(error, ERROR_REFUSED, "%s is held open by %s; end that first", device, who->str);
}

static gboolean check_unheld(const struct apply_input *in, const struct strings *devices, const char *harmless, GError **error)
{
	const char *(*lists)[2] = arena_alloc(in->arena, sizeof *lists * devices->n); /* each ends with NULL */
	const char *const **all = ARENA_ARRAY(in->arena, const char *const *, devices->n);
	struct holders *found = ARENA_ARRAY(in->arena, struct holders, devices->n);
	for (guint i = 0; i < devices->n; i++) {
		lists[i][0] = devices->items[i];
		all[i] = lists[i];
	}
	if (!holders_list(in->hands->helper, in->arena, in->hands->tree, all, devices->n, HOLDERS_MS, found, error))
		return FALSE;
	for (guint i = 0; i < devices->n; i++)
		if (leave_out(&found[i], harmless))
			return fail_held(devices->items[i], &found[i], error);
	return TRUE;
}

/* With another machine's sysfs, mounts of this one say nothing. */
static gboolean check_unused(const struct apply_input *in, const struct strings *devices, GError **error)
{
	struct uses *uses = host_tree_is_whole(in->hands->tree) ? uses_new(in->arena, in->hands->tree) : NULL;
	const char *use = NULL;
	for (guint i = 0; uses && !use && i < devices->n; i++)
		if ((use = *uses_of(uses, devices->items[i])))
			fail(error, ERROR_REFUSED, "the host uses %s since it was planned: %s; end that first", devices->items[i], use);
	if (uses)
		uses_free(uses);
	return !use;
}

gboolean device_check_idle(const struct apply_input *in, const struct strings *devices, const char *harmless, GError **error)
{
	return !devices->n || (check_unused(in, devices, error) && check_unheld(in, devices, harmless, error));
}

gboolean device_check_driver(const struct apply_input *in, const struct device_step *step, GError **error)
{
	const char *driver = host_read_link(in->arena, in->hands->tree, PCI_DEVICE "/driver", step->address);
	if (g_strcmp0(driver, step->from) == 0 || g_strcmp0(driver, step->to) == 0)
		return TRUE;
	return fail(error, ERROR_REFUSED, "the driver of %s is %s since it was planned, it was %s", step->address,
	            driver ? driver : "none", step->from ? step->from : "none");
}

/* -- taking and giving back ---------------------------------------------------------------------------------- */

static gboolean unbind(const struct apply_input *in, const char *address, GError **error)
{
	return device_write(in, address, address, error, PCI_DEVICE "/driver/unbind", address);
}

static gboolean set_override(const struct apply_input *in, const char *address, const char *driver, GError **error)
{
	const char *line = arena_printf(in->arena, "%s\n", driver ? driver : ""); /* an empty line: none */
	return device_write(in, address, line, error, PCI_DEVICE "/driver_override", address);
}

static gboolean verify(const struct apply_input *in, const char *address, const struct device_now *want, GError **error)
{
	struct device_now now = { 0 };
	if (!device_look(in, address, &now, error))
		return FALSE;
	if (g_strcmp0(now.driver, want->driver) != 0)
		return fail(error, ERROR_FAILED, "the driver of %s is %s and not %s: %s", address,
		            now.driver ? now.driver : "none", want->driver ? want->driver : "none",
		            want->driver && !host_exists(in->hands->tree, "sys/bus/pci/drivers/%s", want->driver)
		                    ? "its module is not loaded"
		                    : "the kernel's log says why");
	if (g_strcmp0(now.driver_override, want->driver_override) != 0)
		return fail(error, ERROR_FAILED, "driver_override of %s is \"%s\" and not \"%s\"", address,
		            now.driver_override ? now.driver_override : "",
		            want->driver_override ? want->driver_override : "");
	return TRUE;
}

gboolean device_take(const struct apply_input *in, const char *address, const char *driver, GError **error)
{
	struct device_now now = { 0 };
	const struct device_now want = { driver, driver };
	if (!device_look(in, address, &now, error))
		return FALSE;
	/* Also one that was given to it by hand: that is left as it is. */
	if (g_strcmp0(now.driver, driver) == 0)
		return TRUE;
	struct taken_device noted = { address, device_id(in, address), TAKEN_DRIVER, now.driver, now.driver_override, -1, -1 };
	/* The override first: whoever probes from then on finds this driver alone. */
	return taken_note(in->hands->taken, &noted, error) && set_override(in, address, driver, error) &&
	       (!now.driver || unbind(in, address, error)) &&
	       device_write(in, address, address, error, "sys/bus/pci/drivers_probe") && verify(in, address, &want, error);
}

gboolean device_is_taken(const struct apply_input *in, const char *address)
{
	struct taken_device noted;
	return taken_find(in->hands->taken, in->arena, address, device_id(in, address), &noted, NULL) &&
	       (noted.what & TAKEN_DRIVER);
}

static gboolean find_noted(const struct apply_input *in, const char *address, struct taken_device *ret, GError **error)
{
	GError *why = NULL;
	if (taken_find(in->hands->taken, in->arena, address, device_id(in, address), ret, &why) && (ret->what & TAKEN_DRIVER))
		return TRUE;
	if (why)
		g_propagate_error(error, why);
	else
		fail(error, ERROR_REFUSED, "%s was not taken by cleave", address);
	return FALSE;
}

gboolean device_check_way_back(const struct apply_input *in, const char *address, GError **error)
{
	struct taken_device noted;
	if (!find_noted(in, address, &noted, error))
		return FALSE;
	if (!noted.driver || host_exists(in->hands->tree, "sys/bus/pci/drivers/%s", noted.driver))
		return TRUE;
	return fail(error, ERROR_REFUSED, "%s had the driver %s, whose module is not loaded: modprobe %s", address,
	            noted.driver, noted.driver);
}

gboolean device_give_back(const struct apply_input *in, const char *address, GError **error)
{
	struct taken_device noted;
	struct device_now now = { 0 };
	if (!find_noted(in, address, &noted, error) || !device_look(in, address, &now, error))
		return FALSE;
	const struct device_now want = { noted.driver, noted.driver_override };
	gboolean is_driven = g_strcmp0(now.driver, want.driver) == 0;
	if (g_strcmp0(now.driver_override, want.driver_override) != 0 &&
	    !set_override(in, address, want.driver_override, error))
		return FALSE;
	if (now.driver && !is_driven && !unbind(in, address, error))
		return FALSE;
	/* Not drivers_probe: of two drivers that know the device, it had this one. */
	if (want.driver && !is_driven &&
	    !device_write(in, address, address, error, "sys/bus/pci/drivers/%s/bind", want.driver))
		return FALSE;
	return verify(in, address, &want, error) && taken_forget(in->hands->taken, address, TAKEN_DRIVER, error);
}
