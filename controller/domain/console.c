/* What people and programs on the host see of the guest: a screen, its serial line, the agent's channel; and two small
 * devices, TPM and watchdog. */
#include "base/arena.h"
#include "domain/part.h"
#include <string.h>

static xmlNode *devices_of(struct context *c)
{
	return xml_have(c->root, "devices");
}

/* Any PCI domain gets a USB controller from libvirt unless it is told of none. */
static void write_usb(struct context *c, gboolean has_tablet)
{
	xmlNode *usb = xml_add(devices_of(c), "controller");
	xml_set(usb, "type", "usb");
	xml_set(usb, "index", "0");
	xml_set(usb, "model", has_tablet ? "qemu-xhci" : "none");
	if (!has_tablet)
		return;
	/* Its pointer is where the viewer's is. */
	xmlNode *tablet = xml_add(devices_of(c), "input");
	xml_set(tablet, "type", "tablet");
	xml_set(tablet, "bus", "usb");
}

/* libvirt hands the password back only to those who ask for secrets, so that its keyed digest stands in the mark. */
static void write_vnc(struct context *c, const struct vm_spec *vm)
{
	xmlNode *n = xml_add(devices_of(c), "graphics"), *listen = xml_add(n, "listen");
	xml_set(n, "type", "vnc");
	xml_set(n, "port", "-1");
	xml_set(n, "autoport", "yes");
	xml_set(n, "listen", "127.0.0.1");
	xml_set(n, "passwd", c->id->vnc_password);
	xml_set(listen, "type", "address");
	xml_set(listen, "address", "127.0.0.1");
	mark_set(c, "password", vm->console.password_digest);
}

void console_write(struct context *c, const struct vm_spec *vm)
{
	int video = vm->console.video ? vm->console.video : vm_usual_video(vm);
	gboolean has_vnc = vm->console.vnc == VNC_LOOPBACK;
	if (has_vnc)
		write_vnc(c, vm);
	if (has_vnc || video != VIDEO_NONE) /* unless it is told, libvirt gives a screen a card */
		xml_set(xml_add(xml_add(devices_of(c), "video"), "model"), "type", name_of(&video_names, video));
	write_usb(c, video != VIDEO_NONE);
}

static gboolean is_loopback(const char *address)
{
	return !address || !*address || g_str_has_prefix(address, "127.") || strcmp(address, "::1") == 0 || strcmp(address, "localhost") == 0;
}

static void add_other(struct context *c, struct vm_console *ret, const char *what)
{
	ret->other = ret->other ? arena_printf(c->arena, "%s, %s", ret->other, what) : what;
}

static void read_graphics(struct context *c, const xmlNode *e, struct vm_console *ret)
{
	const char *type = xml_get(c->arena, e, "type"), *listen = xml_get(c->arena, e, "listen");
	if (!listen)
		listen = xml_get(c->arena, xml_child(e, "listen"), "address");
	if (g_strcmp0(type, "vnc") != 0)
		add_other(c, ret, type ? type : "graphics");
	else if (!is_loopback(listen))
		add_other(c, ret, arena_printf(c->arena, "vnc on %s", listen));
	else if (ret->vnc == VNC_LOOPBACK)
		add_other(c, ret, "another vnc");
	else
		ret->vnc = VNC_LOOPBACK;
}

static void read_video(struct context *c, const xmlNode *e, struct vm_console *ret)
{
	const char *model = xml_get(c->arena, xml_child(e, "model"), "type");
	int known = model && *model ? name_value(&video_names, model) : -1;
	if (known > 0 && ret->video == VIDEO_UNSAID)
		ret->video = known;
	else
		add_other(c, ret, arena_printf(c->arena, "video %s", model ? model : "card"));
}

void console_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	XML_EACH (e, devices, "graphics")
		read_graphics(c, e, &ret->console);
	XML_EACH (e, devices, "video")
		read_video(c, e, &ret->console);
	if (ret->console.vnc == VNC_LOOPBACK && ret->console.video == VIDEO_UNSAID)
		ret->console.video = VIDEO_NONE; /* with VNC the usual is one */
	if (ret->console.vnc == VNC_LOOPBACK)
		ret->console.password_digest = mark_get(c, "password");
}

/* -- the serial line -------------------------------------------------------------------------------------------------- */

void serial_log_write(struct context *c, const struct vm_spec *vm)
{
	xmlNode *n = xml_add(devices_of(c), "serial");
	xml_set(n, "type", vm->serial_log ? "file" : "null");
	if (!vm->serial_log)
		return;
	xmlNode *source = xml_add(n, "source");
	xml_set(source, "path", vm->serial_log);
	xml_set(source, "append", "on"); /* the boots before this one stay readable */
}

void serial_log_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *n = xml_child(xml_child(c->root, "devices"), "serial");
	ret->serial_log = xml_says(n, "type", "file") ? xml_get(c->arena, xml_child(n, "source"), "path") : NULL;
}

/* -- agent, TPM, watchdog --------------------------------------------------------------------------------------------- */

static const char agent_name[] = "org.qemu.guest_agent.0";

void agent_write(struct context *c, const struct vm_spec *vm)
{
	if (!vm->guest_agent)
		return;
	xmlNode *n = xml_add(devices_of(c), "channel"), *target = xml_add(n, "target");
	xml_set(n, "type", "unix");
	xml_set(target, "type", "virtio");
	xml_set(target, "name", agent_name);
}

void agent_read(struct context *c, struct vm_spec *ret)
{
	XML_EACH (e, xml_child(c->root, "devices"), "channel")
		if (xml_says(xml_child(e, "target"), "name", agent_name))
			ret->guest_agent = TRUE;
}

void tpm_write(struct context *c, const struct vm_spec *vm)
{
	if (!vm->tpm)
		return;
	xmlNode *n = xml_add(devices_of(c), "tpm"), *backend = xml_add(n, "backend");
	xml_set(n, "model", "tpm-crb");
	xml_set(backend, "type", "emulator");
	xml_set(backend, "version", "2.0");
}

void tpm_read(struct context *c, struct vm_spec *ret)
{
	ret->tpm = xml_says(xml_child(xml_child(xml_child(c->root, "devices"), "tpm"), "backend"), "type", "emulator");
}

static const char watchdog_model[] = "i6300esb";

void watchdog_write(struct context *c, const struct vm_spec *vm)
{
	if (vm->watchdog == WATCHDOG_UNSAID || vm->watchdog == WATCHDOG_NONE)
		return;
	xmlNode *n = xml_add(devices_of(c), "watchdog");
	xml_set(n, "model", watchdog_model);
	xml_set(n, "action", name_of(&watchdog_names, vm->watchdog));
}

/* libvirt 9.1 and later also list q35's own one (itco), which is there whether it is wanted or not. */
void watchdog_read(struct context *c, struct vm_spec *ret)
{
	XML_EACH (e, xml_child(c->root, "devices"), "watchdog") {
		const char *action = xml_get(c->arena, e, "action");
		int known = action && *action ? name_value(&watchdog_names, action) : -1;
		if (xml_says(e, "model", watchdog_model))
			ret->watchdog = known > 0 ? known : WATCHDOG_RESET;
	}
}
