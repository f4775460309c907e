/* Disks, CD-ROMs among them, and the two discs that cleave makes: the seed and the worker's settings.
 *
 * A disk's name is its serial number, which guest and XML tell alike, running or not. What does not fit there (QEMU
 * gives virtio disks 20 characters) is shortened, and the mark has the whole name. */
#include "base/arena.h"
#include "domain/part.h"
#include "spec/identity.h"
#include <string.h>

enum { MOST_TARGETS = 26 * 27 };

static const struct {
	const char *word, *serial;
	gsize offset;
} media[] = {
	{ MEDIUM_SEED, "cleave-seed", offsetof(struct vm_spec, seed) },
	{ MEDIUM_SETTINGS, "cleave-settings", offsetof(struct vm_spec, settings) },
};

/* -- names ------------------------------------------------------------------------------------------------------- */

char *disk_serial_of(struct context *c, const xmlNode *disk)
{
	char *serial = xml_text(c->arena, xml_child(disk, "serial"));
	return serial ? serial : xml_get(c->arena, xml_child(disk, "target"), "dev");
}

static void mark_short_names(struct context *c, const struct list *disks)
{
	struct strings pairs = { ARENA_ARRAY(c->arena, const char *, disks->n), 0 };
	for (guint i = 0; i < disks->n; i++) {
		const char *name = LIST_AT(*disks, struct vm_disk, i)->name, *serial = vm_disk_serial(c->arena, name);
		if (strcmp(name, serial) != 0)
			pairs.items[pairs.n++] = arena_printf(c->arena, "%s=%s", serial, name);
	}
	mark_set_words(c, "disks", &pairs);
}

/* One that was added by hand goes by its target, as vdb. */
static const char *read_name(struct context *c, const xmlNode *disk, const struct strings *pairs)
{
	const char *serial = disk_serial_of(c, disk);
	gsize len = serial ? strlen(serial) : 0;
	for (guint i = 0; serial && i < pairs->n; i++)
		if (strncmp(pairs->items[i], serial, len) == 0 && pairs->items[i][len] == '=')
			return pairs->items[i] + len + 1;
	return serial ? serial : "disk";
}

/* -- writing ------------------------------------------------------------------------------------------------------ */

static xmlNode *add_disk(struct context *c, gboolean is_cdrom, const char *file, const char *format, int bus, const char *serial)
{
	gboolean is_block = file && g_str_has_prefix(file, "/dev/");
	xmlNode *n = xml_add(xml_have(c->root, "devices"), "disk"), *driver;
	xml_set(n, "type", is_block ? "block" : "file");
	xml_set(n, "device", is_cdrom ? "cdrom" : "disk");
	driver = xml_add(n, "driver");
	xml_set(driver, "name", "qemu");
	xml_set(driver, "type", format);
	if (file)
		xml_set(xml_add(n, "source"), is_block ? "dev" : "file", file);
	xml_set(xml_add(n, "target"), "bus", name_of(&bus_names, bus));
	xml_put(xml_add(n, "serial"), serial);
	return n;
}

/* SCSI disks are served by their controller's thread: there is a controller for each thread, numbered like it. */
static void have_scsi_controller(struct context *c, gint64 iothread)
{
	XML_EACH (e, xml_child(c->root, "devices"), "controller")
		if (xml_says(e, "type", "scsi") && xml_int(e, "index") == iothread)
			return;
	xmlNode *n = xml_add(xml_child(c->root, "devices"), "controller");
	xml_set(n, "type", "scsi");
	xml_set_int(n, "index", iothread);
	xml_set(n, "model", "virtio-scsi");
	if (iothread)
		xml_set_int(xml_add(n, "driver"), "iothread", iothread);
}

static void write_disk(struct context *c, const struct vm_disk *d)
{
	int bus = d->bus ? d->bus : disk_usual_bus(d);
	const char *format = name_of(&disk_format_names, d->format ? d->format : FORMAT_RAW);
	xmlNode *n = add_disk(c, d->cdrom, d->file, format, bus, vm_disk_serial(c->arena, d->name)), *driver = xml_child(n, "driver");
	if (!d->cdrom || d->cache)
		xml_set(driver, "cache", name_of(&cache_names, d->cache ? d->cache : disk_usual_cache(d)));
	if (!d->cdrom || d->io)
		xml_set(driver, "io", name_of(&io_names, d->io ? d->io : disk_usual_io(d)));
	if (bus == BUS_SCSI) {
		have_scsi_controller(c, d->iothread);
		xmlNode *at = xml_add(n, "address");
		xml_set(at, "type", "drive");
		xml_set_int(at, "controller", d->iothread);
	} else if (d->iothread) {
		xml_set_int(driver, "iothread", d->iothread);
	}
	if (d->readonly && !d->cdrom)
		xml_add(n, "readonly");
	if (d->boot_order)
		xml_set_int(xml_add(n, "boot"), "order", d->boot_order);
}

void disks_write(struct context *c, const struct vm_spec *vm)
{
	mark_short_names(c, &vm->disks);
	for (guint i = 0; i < vm->disks.n; i++)
		write_disk(c, LIST_AT(vm->disks, struct vm_disk, i));
}

/* -- targets ------------------------------------------------------------------------------------------------------ */

static const char *prefix_of(const xmlNode *disk)
{
	return xml_says(xml_child(disk, "target"), "bus", "virtio") ? "vd" : "sd";
}

static char *target_name(struct arena *a, const char *prefix, guint i)
{
	return i < 26 ? arena_printf(a, "%s%c", prefix, 'a' + (char)i) : arena_printf(a, "%s%c%c", prefix, 'a' + (char)(i / 26 - 1), 'a' + (char)(i % 26));
}

/* A SCSI disk's number at its controller: that of its target. */
static guint target_number(const char *dev)
{
	guint i = 0;
	for (const char *at = dev + 2; *at >= 'a' && *at <= 'z' && i < MOST_TARGETS; at++)
		i = i * 26 + (guint)(*at - 'a') + 1;
	return i ? i - 1 : 0;
}

static void set_target(xmlNode *disk, const char *dev)
{
	xmlNode *at = xml_child(disk, "address");
	xml_set(xml_child(disk, "target"), "dev", dev);
	if (at)
		xml_set_int(at, "unit", target_number(dev));
}

static const char *target_before(struct context *c, const xmlNode *disk)
{
	const xmlNode *before = addresses_find_before(c, disk);
	const char *dev = xml_get(c->arena, xml_child(before, "target"), "dev");
	return dev && g_str_has_prefix(dev, prefix_of(disk)) ? dev : NULL;
}

static gboolean is_taken(struct context *c, const char *dev)
{
	XML_EACH (e, xml_child(c->root, "devices"), "disk")
		if (xml_says(xml_child(e, "target"), "dev", dev))
			return TRUE;
	return FALSE;
}

void disks_give_targets(struct context *c)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	XML_EACH (e, devices, "disk") {
		const char *dev = target_before(c, e);
		if (dev && !is_taken(c, dev))
			set_target(e, dev);
	}
	XML_EACH (e, devices, "disk") {
		const char *dev = xml_get(c->arena, xml_child(e, "target"), "dev");
		for (guint i = 0; !dev && i < MOST_TARGETS; i++) {
			const char *next = target_name(c->arena, prefix_of(e), i);
			dev = is_taken(c, next) ? NULL : next;
		}
		if (dev)
			set_target(e, dev);
	}
}

/* -- reading ------------------------------------------------------------------------------------------------------ */

static int word_of(const struct name_table *t, const xmlNode *n, const char *attribute, struct arena *a, int absent)
{
	const char *word = xml_get(a, n, attribute);
	int value = word && *word ? name_value(t, word) : -1;
	return value < 0 ? absent : value;
}

static gint64 read_iothread(struct context *c, const xmlNode *disk)
{
	gint64 own = xml_int(xml_child(disk, "driver"), "iothread");
	if (own || !xml_says(xml_child(disk, "target"), "bus", "scsi"))
		return own;
	gint64 index = xml_int(xml_child(disk, "address"), "controller");
	XML_EACH (e, xml_child(c->root, "devices"), "controller")
		if (xml_says(e, "type", "scsi") && xml_int(e, "index") == index)
			return xml_int(xml_child(e, "driver"), "iothread");
	return 0;
}

static const char *read_file(struct context *c, const xmlNode *disk)
{
	const xmlNode *source = xml_child(disk, "source");
	const char *file = xml_get(c->arena, source, "file");
	return file ? file : xml_get(c->arena, source, "dev");
}

/* What the XML does not say is as QEMU has it: written back, by threads. */
static struct vm_disk read_disk(struct context *c, const xmlNode *e, const struct strings *pairs)
{
	const xmlNode *driver = xml_child(e, "driver"), *target = xml_child(e, "target");
	return (struct vm_disk){
		.name = read_name(c, e, pairs),
		.file = read_file(c, e),
		.format = word_of(&disk_format_names, driver, "type", c->arena, FORMAT_UNSAID),
		.cache = word_of(&cache_names, driver, "cache", c->arena, CACHE_WRITEBACK),
		.io = word_of(&io_names, driver, "io", c->arena, IO_THREADS),
		.bus = word_of(&bus_names, target, "bus", c->arena, BUS_UNSAID),
		.iothread = read_iothread(c, e),
		.boot_order = xml_int(xml_child(e, "boot"), "order"),
		.readonly = xml_child(e, "readonly") != NULL,
		.cdrom = xml_says(e, "device", "cdrom"),
	};
}

/* The row of media[] that the disk is, or -1. */
static int medium_of(struct context *c, const xmlNode *disk)
{
	const char *serial = xml_says(disk, "device", "cdrom") ? xml_text(c->arena, xml_child(disk, "serial")) : NULL;
	for (guint i = 0; serial && i < G_N_ELEMENTS(media); i++)
		if (strcmp(serial, media[i].serial) == 0)
			return (int)i;
	return -1;
}

const char *medium_word_of(struct context *c, const xmlNode *disk)
{
	int i = medium_of(c, disk);
	return i < 0 ? NULL : media[i].word;
}

void disks_read(struct context *c, struct vm_spec *ret)
{
	const xmlNode *devices = xml_child(c->root, "devices");
	struct strings pairs = mark_get_words(c, "disks");
	struct vm_disk *disks = ARENA_ARRAY(c->arena, struct vm_disk, xml_count(devices, "disk"));
	ret->disks.items = disks;
	XML_EACH (e, devices, "disk")
		if (medium_of(c, e) < 0)
			disks[ret->disks.n++] = read_disk(c, e, &pairs);
}

/* -- cleave's own discs --------------------------------------------------------------------------------------------- */

/* The file's name carries the digest of what is in it: an ejected disc, or another one, shows. */
void discs_write(struct context *c, const struct vm_spec *vm)
{
	for (guint i = 0; i < G_N_ELEMENTS(media); i++) {
		const char *digest = *(const char *const *)((const char *)vm + media[i].offset);
		if (!digest)
			continue;
		const char *file = vm_medium_path(c->arena, c->id->media ? c->id->media : "", media[i].word, digest);
		xml_add(add_disk(c, TRUE, file, "raw", BUS_SATA, media[i].serial), "readonly");
	}
}

/* A file that is not cleave's is told as it is. */
static const char *digest_of(struct arena *a, const char *file, const char *word)
{
	const char *digest = vm_medium_digest(a, file, word);
	return digest ? digest : file;
}

void discs_read(struct context *c, struct vm_spec *ret)
{
	XML_EACH (e, xml_child(c->root, "devices"), "disk") {
		int i = medium_of(c, e);
		const char *file = i < 0 ? NULL : read_file(c, e);
		if (file)
			*(const char **)((char *)ret + media[i].offset) = digest_of(c->arena, file, media[i].word);
	}
}
