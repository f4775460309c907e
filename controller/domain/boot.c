/* The machine, its firmware, and a kernel that is booted directly. */
#include "base/arena.h"
#include "domain/part.h"
#include <string.h>

static xmlNode *os(struct context *c)
{
	return xml_have(c->root, "os");
}

/* libvirt records pc-q35-7.2 for q35. */
static const char *family_of(const char *type)
{
	return type && g_str_has_prefix(type, "pc-q35-")      ? "q35"
	       : type && g_str_has_prefix(type, "pc-i440fx-") ? "pc"
	                                                      : type;
}

static char *machine_of(struct arena *a, const xmlNode *root)
{
	return xml_get(a, xml_child(xml_child(root, "os"), "type"), "machine");
}

/* A machine of the same family recorded before goes on: the guest's hardware stays as it is. */
void machine_write(struct context *c, const struct vm_spec *vm)
{
	const char *recorded = machine_of(c->arena, c->previous);
	gboolean goes_on = recorded && g_strcmp0(family_of(recorded), vm->machine) == 0;
	xmlNode *type = xml_add(os(c), "type");
	xml_put(type, "hvm");
	xml_set(type, "arch", "x86_64");
	xml_set(type, "machine", goes_on ? recorded : vm->machine);
}

void machine_read(struct context *c, struct vm_spec *ret)
{
	ret->machine = family_of(machine_of(c->arena, c->root));
}

/* -- firmware --------------------------------------------------------------------------------------------------- */

static int firmware_of(const xmlNode *root)
{
	const xmlNode *n = xml_child(root, "os"), *loader = xml_child(n, "loader");
	gboolean is_secure = xml_says(loader, "secure", "yes");
	if (!xml_says(n, "firmware", "efi"))
		return !xml_says(loader, "type", "pflash") ? FIRMWARE_UNSAID : is_secure ? FIRMWARE_UEFI_SECURE : FIRMWARE_UEFI;
	XML_EACH (e, xml_child(n, "firmware"), "feature")
		if (xml_says(e, "name", "secure-boot"))
			is_secure = xml_says(e, "enabled", "yes");
	return is_secure ? FIRMWARE_UEFI_SECURE : FIRMWARE_UEFI;
}

static void ask_for(xmlNode *firmware, const char *name, gboolean is_wanted)
{
	xmlNode *n = xml_add(firmware, "feature");
	xml_set(n, "enabled", is_wanted ? "yes" : "no");
	xml_set(n, "name", name);
}

const char *domain_variables_name(int firmware)
{
	return firmware == FIRMWARE_UEFI ? "nvram-uefi.fd" : firmware == FIRMWARE_UEFI_SECURE ? "nvram-uefi-secure.fd" : NULL;
}

/* One firmware's variables mean nothing to another, so that the file carries the firmware's name: with another firmware
 * there is another file, made anew by libvirt, whatever was interrupted before. One that the VM has (of its own, when
 * it was taken over) stays as long as the firmware does. */
static const char *variables_file(struct context *c, const struct vm_spec *vm)
{
	const char *had = xml_text(c->arena, xml_child(xml_child(c->previous, "os"), "nvram"));
	if (had && firmware_of(c->previous) == vm->firmware)
		return had;
	return c->id->media ? arena_printf(c->arena, "%s/%s", c->id->media, domain_variables_name(vm->firmware)) : NULL;
}

/* libvirt finds the files that fit among those that the host has; which it took is no difference. */
void firmware_write(struct context *c, const struct vm_spec *vm)
{
	gboolean is_secure = vm->firmware == FIRMWARE_UEFI_SECURE;
	if (!is_secure && vm->firmware != FIRMWARE_UEFI)
		return;
	xml_set(os(c), "firmware", "efi");
	xmlNode *firmware = xml_add(os(c), "firmware");
	ask_for(firmware, "secure-boot", is_secure);
	ask_for(firmware, "enrolled-keys", is_secure);
	const char *file = variables_file(c, vm);
	if (file)
		xml_put(xml_add(os(c), "nvram"), file);
}

void firmware_read(struct context *c, struct vm_spec *ret)
{
	ret->firmware = firmware_of(c->root);
}

/* -- direct boot -------------------------------------------------------------------------------------------------- */

void boot_write(struct context *c, const struct vm_spec *vm)
{
	const char *const texts[][2] = { { "kernel", vm->boot.kernel }, { "initrd", vm->boot.initrd }, { "cmdline", vm->boot.cmdline } };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		if (texts[i][1])
			xml_put(xml_add(os(c), texts[i][0]), texts[i][1]);
}

void boot_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *n = xml_child(c->root, "os");
	ret->boot = (struct vm_boot){ xml_text(c->arena, xml_child(n, "kernel")), xml_text(c->arena, xml_child(n, "initrd")),
		                      xml_text(c->arena, xml_child(n, "cmdline")) };
}
