/* Disks and roots of a guest: one script, which is the same for all, and its arguments. It runs at each boot, so that a
 * mount does not hang on what a person did to /etc/fstab, and needs nothing of systemd. */
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/identity.h"
#include "spec/resolve.h"
#include "spec/seed.h"

/* Arguments: `disk SERIAL FILESYSTEM FOLDER`, `nfs SOURCE OPTIONS FOLDER`, `tag TAG FOLDER`, one after the other; "-"
 * for none. A disk gets a file system only when it can be read and blkid, which looks for partitions, RAID and LVM as
 * well, finds nothing on it. A file server that does not answer is asked again in the background: the boot goes on. */
static const char script[] =
	"say() { echo \"cleave: $*\" >&2; }\n"
	"tool() {\n"
	"    if command -v \"$1\" >/dev/null; then return; fi\n"
	"    if command -v apt-get >/dev/null; then\n"
	"        apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install \"$2\"\n"
	"    elif command -v dnf >/dev/null; then\n"
	"        dnf -qy install \"$3\"\n"
	"    fi\n"
	"    command -v \"$1\" >/dev/null || { say \"there is no $1\"; return 1; }\n"
	"}\n"
	"find_disk() {\n"
	"    n=0\n"
	"    while [ $n -lt 50 ]; do\n"
	"        for file in /sys/block/*/serial; do\n"
	"            if [ -e \"$file\" ] && [ \"$(cat \"$file\" 2>/dev/null)\" = \"$1\" ]; then\n"
	"                file=${file%/serial}\n"
	"                echo \"/dev/${file##*/}\"\n"
	"                return\n"
	"            fi\n"
	"        done\n"
	"        for file in \"/dev/disk/by-id/virtio-$1\" \"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_$1\" \"/dev/disk/by-id/ata-QEMU_HARDDISK_$1\"; do\n"
	"            if [ -e \"$file\" ]; then echo \"$file\"; return; fi\n"
	"        done\n"
	"        n=$((n + 1))\n"
	"        sleep 0.2\n"
	"    done\n"
	"    say \"there is no disk $1\"\n"
	"    return 1\n"
	"}\n"
	"make_filesystem() {\n"
	"    dd if=\"$1\" of=/dev/null bs=1048576 count=1 2>/dev/null || { say \"$1 cannot be read\"; return 1; }\n"
	"    blkid -p \"$1\" >/dev/null 2>&1\n"
	"    [ $? = 2 ] || return 0\n"
	"    case $2 in xfs) package=xfsprogs ;; *) package=e2fsprogs ;; esac\n"
	"    tool \"mkfs.$2\" $package $package && \"mkfs.$2\" -q \"$1\" && say \"made $2 on $1\"\n"
	"}\n"
	"disk() {\n"
	"    device=$(find_disk \"$1\") || return 1\n"
	"    if [ \"$2\" != - ]; then make_filesystem \"$device\" \"$2\" || return 1; fi\n"
	"    if [ \"$3\" = - ] || mountpoint -q \"$3\"; then return 0; fi\n"
	"    mkdir -p \"$3\" && mount \"$device\" \"$3\"\n"
	"}\n"
	"try_nfs() {\n"
	"    mountpoint -q \"$3\" && return\n"
	"    if [ \"$2\" = - ]; then timeout 60 mount -t nfs \"$1\" \"$3\"; else timeout 60 mount -t nfs -o \"$2\" \"$1\" \"$3\"; fi\n"
	"}\n"
	"nfs() {\n"
	"    tool mount.nfs nfs-common nfs-utils && mkdir -p \"$3\" || return 1\n"
	"    try_nfs \"$@\" && return\n"
	"    say \"$1 does not answer; it is tried again\"\n"
	"    (until try_nfs \"$@\"; do sleep 15; done) </dev/null >/dev/null 2>&1 &\n"
	"    return 1\n"
	"}\n"
	"tag() {\n"
	"    mountpoint -q \"$2\" && return\n"
	"    mkdir -p \"$2\" || return 1\n"
	"    mount -t virtiofs \"$1\" \"$2\" 2>/dev/null && return\n"
	"    modprobe 9pnet_virtio 2>/dev/null\n"
	"    mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=none \"$1\" \"$2\"\n"
	"}\n"
	"failed=0\n"
	"while [ $# -gt 0 ]; do\n"
	"    case $1 in\n"
	"    disk) disk \"$2\" \"$3\" \"$4\" || failed=1; shift 4 ;;\n"
	"    nfs) nfs \"$2\" \"$3\" \"$4\" || failed=1; shift 4 ;;\n"
	"    *) tag \"$2\" \"$3\" || failed=1; shift 3 ;;\n"
	"    esac\n"
	"done\n"
	"exit $failed\n";

static const char *or_none(const char *word)
{
	return word && *word ? word : "-";
}

static const char *filesystem_word(struct arena *a, const struct vm_disk *d)
{
	const struct field *disks = field_find(vm_fields, "disks");
	return d->filesystem ? field_scalar_text(a, field_find(disks->fields, "filesystem"), d) : "-";
}

static void add_all(GPtrArray *argv, const char *const *items)
{
	for (; *items; items++)
		g_ptr_array_add(argv, (gpointer)*items);
}

static void add_disks(struct arena *a, GPtrArray *argv, const struct vm_spec *vm)
{
	for (guint i = 0; i < vm->disks.n; i++) {
		const struct vm_disk *d = LIST_AT(vm->disks, struct vm_disk, i);
		if (d->mount || d->filesystem)
			add_all(argv, (const char *const[]){ "disk", vm_disk_serial(a, d->name), filesystem_word(a, d), or_none(d->mount), NULL });
	}
}

static const char *options_of(struct arena *a, const struct root_mount *m)
{
	g_autoptr(GString) all = g_string_new(NULL);
	for (guint i = 0; i < m->options.n; i++)
		g_string_append_printf(all, "%s%s", i ? "," : "", m->options.items[i]);
	return arena_strdup(a, or_none(all->str));
}

static void add_roots(struct arena *a, GPtrArray *argv, const struct guest_input *in)
{
	const struct farm_spec *farm = guest_farm(in->all);
	for (guint i = 0; i < in->want->roots.n; i++) {
		const struct farm_root *root = farm_root_find(farm, in->want->roots.items[i]);
		const char *folder = root ? arena_printf(a, "%s/%s", GUEST_ROOTS, root->name) : NULL;
		if (root && root_is_mounted_by_guest(root, in->want))
			add_all(argv, (const char *const[]){ "nfs", root->mount.nfs, options_of(a, &root->mount), folder, NULL });
		else if (root && root->path)
			add_all(argv, (const char *const[]){ "tag", root->name, folder, NULL });
	}
}

struct strings seed_mounts(struct arena *a, const struct guest_input *in)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	add_disks(a, argv, in->want);
	add_roots(a, argv, in);
	return (struct strings){ arena_memdup(a, argv->pdata, argv->len * sizeof(const char *)), argv->len };
}

struct strings seed_mount_command(struct arena *a, const struct guest_input *in)
{
	static const char *const head[] = { "sh", "-c", script, "cleave-mounts" };
	struct strings mounts = seed_mounts(a, in), all = { ARENA_ARRAY(a, const char *, mounts.n + G_N_ELEMENTS(head)), 0 };
	if (!mounts.n)
		return (struct strings){ 0 };
	for (guint i = 0; i < G_N_ELEMENTS(head); i++)
		all.items[all.n++] = head[i];
	for (guint i = 0; i < mounts.n; i++)
		all.items[all.n++] = mounts.items[i];
	return all;
}
