/* What a VM's keys stand for when they are not said, and a domain's fields in the words of its spec. */
#include "base/arena.h"
#include "spec/vm.h"
#include <string.h>

int vm_usual_cpu_mode(const struct vm_spec *vm)
{
	return vm->accelerator == VM_TCG ? CPU_MAXIMUM : CPU_HOST_PASSTHROUGH;
}

int vm_usual_video(const struct vm_spec *vm)
{
	return vm->console.vnc == VNC_LOOPBACK ? VIDEO_VIRTIO : VIDEO_NONE;
}

/* A CD-ROM's image is read once: QEMU's own ways do, on any file system. */
int disk_usual_cache(const struct vm_disk *d)
{
	return d->cdrom ? CACHE_WRITEBACK : CACHE_NONE;
}

/* QEMU's native I/O needs O_DIRECT, which these two modes have. */
int disk_usual_io(const struct vm_disk *d)
{
	int cache = d->cache ? d->cache : disk_usual_cache(d);
	return cache == CACHE_NONE || cache == CACHE_DIRECTSYNC ? IO_NATIVE : IO_THREADS;
}

int disk_usual_bus(const struct vm_disk *d)
{
	return d->cdrom ? BUS_SATA : BUS_VIRTIO;
}

/* -- in the words of the spec ------------------------------------------------------------------------------- */

static void reword(int *have, int want, int usual)
{
	if ((*have ? *have : usual) == (want ? want : usual))
		*have = want;
}

static void reword_count(gint64 *have, gint64 want)
{
	if (MAX(*have, 1) == MAX(want, 1))
		*have = want;
}

enum { MOST_CPUS = 8192 };

/* Sets the bits of "0-3,8"; FALSE when it is not such a list. */
static gboolean read_cpus(const char *list, guint8 bits[static MOST_CPUS / 8])
{
	memset(bits, 0, MOST_CPUS / 8);
	for (const char *c = list; *c;) {
		char *end;
		guint64 first = g_ascii_strtoull(c, &end, 10), last = first;
		if (end != c && *end == '-')
			last = g_ascii_strtoull(end + 1, &end, 10);
		if (end == c || last >= MOST_CPUS || first > last || (*end && *end != ','))
			return FALSE;
		for (guint64 i = first; i <= last; i++)
			bits[i / 8] |= (guint8)(1u << i % 8);
		c = end + (*end == ',');
	}
	return TRUE;
}

/* "0,1" is libvirt's "0-1". */
static void reword_cpus(const char **have, const char *want)
{
	guint8 x[MOST_CPUS / 8], y[MOST_CPUS / 8];
	if (!*have || !want || (strcmp(*have, want) != 0 && (!read_cpus(*have, x) || !read_cpus(want, y) || memcmp(x, y, sizeof x) != 0)))
		return;
	*have = want;
}

/* libvirt has them in the order of the vCPUs. */
static void reword_pins(struct arena *a, struct list *have, const struct list *want)
{
	if (have->n != want->n)
		return;
	struct vm_pin *pins = ARENA_ARRAY(a, struct vm_pin, have->n);
	for (guint i = 0; i < want->n; i++) {
		const struct vm_pin *w = LIST_AT(*want, struct vm_pin, i), *h = NULL;
		for (guint k = 0; k < have->n && !h; k++)
			if (LIST_AT(*have, struct vm_pin, k)->vcpu == w->vcpu)
				h = LIST_AT(*have, struct vm_pin, k);
		if (!h)
			return;
		pins[i] = *h;
		reword_cpus(&pins[i].cpus, w->cpus);
	}
	have->items = pins;
}

static const struct vm_disk *find_disk(const struct list *disks, const char *name)
{
	for (guint i = 0; name && i < disks->n; i++)
		if (strcmp(LIST_AT(*disks, struct vm_disk, i)->name, name) == 0)
			return LIST_AT(*disks, struct vm_disk, i);
	return NULL;
}

/* Whence the file came and what the guest does with it. */
static void take_volume(struct vm_disk *d, const struct vm_disk *w)
{
	d->pool = w->pool;
	d->image = w->image;
	d->size_bytes = w->size_bytes;
	d->filesystem = w->filesystem;
	d->mount = w->mount;
	d->keep = w->keep;
}

static void reword_disks(struct arena *a, struct list *have, const struct list *want)
{
	have->items = arena_memdup(a, have->items, have->n * sizeof(struct vm_disk));
	for (guint i = 0; i < have->n; i++) {
		struct vm_disk *d = LIST_AT(*have, struct vm_disk, i);
		const struct vm_disk *w = find_disk(want, d->name);
		if (!w)
			continue;
		reword(&d->format, w->format, FORMAT_RAW);
		reword(&d->io, w->io, disk_usual_io(w));
		reword(&d->cache, w->cache, disk_usual_cache(w));
		reword(&d->bus, w->bus, disk_usual_bus(w));
		if (w->cdrom) /* a disc is */
			d->readonly = w->readonly;
		take_volume(d, w);
	}
}

static void reword_networks(struct arena *a, struct list *have, const struct list *want)
{
	have->items = arena_memdup(a, have->items, have->n * sizeof(struct vm_network));
	for (guint i = 0; i < MIN(have->n, want->n); i++) {
		struct vm_network *n = LIST_AT(*have, struct vm_network, i);
		const struct vm_network *w = LIST_AT(*want, struct vm_network, i);
		reword(&n->model, w->model, NIC_VIRTIO);
		if (!w->mac || (n->mac && g_ascii_strcasecmp(n->mac, w->mac) == 0))
			n->mac = w->mac;
		n->address = w->address;
		n->gateway = w->gateway;
		n->dns = w->dns;
	}
}

static void reword_shares(struct arena *a, struct list *have, const struct list *want)
{
	have->items = arena_memdup(a, have->items, have->n * sizeof(struct vm_share));
	for (guint i = 0; i < MIN(have->n, want->n); i++)
		reword(&LIST_AT(*have, struct vm_share, i)->driver, LIST_AT(*want, struct vm_share, i)->driver, DRIVER_9P);
}

static void reword_cpu(struct arena *a, struct vm_spec *copy, const struct vm_spec *want)
{
	struct vm_cpu *have = &copy->cpu;
	reword(&have->mode, want->cpu.mode, vm_usual_cpu_mode(want));
	reword_count(&have->topology.n_sockets, want->cpu.topology.n_sockets);
	reword_count(&have->topology.n_cores, want->cpu.topology.n_cores);
	reword_count(&have->topology.n_threads, want->cpu.topology.n_threads);
	reword_pins(a, &have->pinning, &want->cpu.pinning);
	reword_cpus(&have->emulator_cpus, want->cpu.emulator_cpus);
	reword_cpus(&copy->iothread_cpus, want->iothread_cpus);
	/* A maximum that is reached is not told apart from none. */
	if (!copy->max_vcpus && want->max_vcpus == copy->n_vcpus)
		copy->max_vcpus = want->max_vcpus;
}

struct vm_spec vm_in_words_of(struct arena *a, const struct vm_spec *have, const struct vm_spec *want, const char *machine_type)
{
	struct vm_spec copy = *have;
	if (machine_type && want->machine && strcmp(machine_type, want->machine) == 0)
		copy.machine = want->machine;
	reword(&copy.firmware, want->firmware, FIRMWARE_BIOS);
	reword(&copy.numa.mode, want->numa.mode, NUMA_NONE);
	reword_cpus(&copy.numa.nodes, want->numa.nodes);
	reword(&copy.watchdog, want->watchdog, WATCHDOG_NONE);
	reword(&copy.console.vnc, want->console.vnc, VNC_NONE);
	reword(&copy.console.video, want->console.video, vm_usual_video(want));
	copy.console.password_file = want->console.password_file;
	copy.worker = want->worker;
	copy.worker.bundle = have->worker.bundle;
	reword_cpu(a, &copy, want);
	reword_disks(a, &copy.disks, &want->disks);
	reword_shares(a, &copy.shares, &want->shares);
	reword_networks(a, &copy.networks, &want->networks);
	return copy;
}
