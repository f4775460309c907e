# shellcheck shell=bash disable=SC2154
# A libvirtd of our own, in a mount and network namespace: sourced after lib.sh by tests of what the embedded driver
# cannot show. The machine's own is never spoken to: /run, /etc/libvirt and libvirt's folders are private here.
#   make_guest           $guest/vmlinux, $guest/initrd: a Linux that tells what it sees (guest_init.c)
#   need_libvirtd "$@"   then: begins the script anew inside the namespaces, or skips all of it, with its reason
#   start_libvirtd       ready in tenths of a second; QEMU's capabilities are kept below $BUILD between runs

guest=$BUILD/e2e-guest
export LIBVIRT_DEFAULT_URI=qemu:///system

can_unshare() { [ "$(id -u)" = 0 ] && unshare -mn true 2>/dev/null; }
skip_all() {
    echo "ok 1 # SKIP a private libvirtd: $1"
    echo 1..1
    exit 0
}
need_libvirtd() {
    local program
    if [ -n "${IN_OWN_NAMESPACE:-}" ]; then
        enter_namespace
        return
    fi
    for program in libvirtd virtlogd virsh unshare ip; do
        command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || skip_all "$program is not installed"
    done
    can_unshare || skip_all "it takes root and new namespaces (unshare -mn)"
    rm -rf "$work"
    IN_OWN_NAMESPACE=yes exec unshare -mn --propagation private "$0" "$@"
}
# Without /dev/kvm: where it is there and does not serve, libvirt asks QEMU anew at every start what it can do, for seconds.
hide_kvm() {
    local node dev=$work/dev
    mkdir "$dev"
    mount -t tmpfs -o mode=755 none "$dev"
    mkdir "$dev"/{pts,shm,net}
    for node in null zero full random urandom tty net/tun; do
        [ ! -e "/dev/$node" ] || { touch "$dev/$node" && mount --bind "/dev/$node" "$dev/$node"; }
    done
    mount -t devpts -o newinstance,ptmxmode=0666 none "$dev/pts"
    mount -t tmpfs none "$dev/shm"
    ln -s pts/ptmx "$dev/ptmx"
    ln -s /proc/self/fd "$dev/fd"
    mount --move "$dev" /dev # nothing of the machine's stays below $work, which is removed
}
enter_namespace() {
    local folder
    PATH=$PATH:/usr/sbin:/sbin
    ip link set lo up
    hide_kvm
    for folder in run etc/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt; do
        mkdir -p "$work/$folder" "/$folder"
        mount --bind "$work/$folder" "/$folder"
    done
    # libvirt and its QEMU are root's here: what a test lays down needs no other owner. Without devices cgroup and
    # security labels there is less to set up.
    cat >/etc/libvirt/qemu.conf <<C
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
C
    printf 'auth_unix_rw = "none"\nunix_sock_group = "root"\n' >/etc/libvirt/libvirtd.conf
    # What libvirt learned of QEMU, from an earlier run: asking takes seconds.
    mkdir -p "$guest"
    [ ! -d "$guest/cache" ] || cp -a "$guest/cache/." /var/cache/libvirt/
    chmod 755 "$work"
}
libvirtd_answers() { virsh -q list --all; }
start_libvirtd() {
    rm -f /run/libvirtd.pid /run/libvirt/libvirt-sock
    libvirtd -p /run/libvirtd.pid >>"$work/libvirtd.log" 2>&1 &
    libvirtd_pid=$!
    pids+=("$libvirtd_pid")
    wait_for 20 libvirtd_answers || { echo "Bail out! libvirtd does not answer: $(tail -n 3 "$work/libvirtd.log")"; exit 1; }
}
start_libvirtd_first() {
    virtlogd -p /run/virtlogd.pid >"$work/virtlogd.log" 2>&1 &
    pids+=($!)
    start_libvirtd
}
kill_libvirtd() { end "$libvirtd_pid" KILL || true; }
# lib.sh's finish ends what is in $pids; the QEMUs are children of nobody.
end_qemus() {
    local file
    for file in /run/libvirt/qemu/*.pid; do
        [ ! -f "$file" ] || [ "${file##*/}" = driver.pid ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
    done
}
# Whole or not at all: two suites may do this at once.
keep_cache() {
    if [ ! -d "$guest/cache" ] && [ -n "$(ls -A /var/cache/libvirt/qemu/capabilities 2>/dev/null)" ]; then
        cp -a /var/cache/libvirt "$guest/cache.$$"
        mv -T "$guest/cache.$$" "$guest/cache" 2>/dev/null || rm -rf "$guest/cache.$$"
    fi
}
finish_libvirtd() {
    if [ -n "${IN_OWN_NAMESPACE:-}" ]; then
        end_qemus
        keep_cache
        cd /
        umount -l /var/log/libvirt /var/cache/libvirt /var/lib/libvirt /etc/libvirt /run 2>/dev/null || true
    fi
    finish
}
trap finish_libvirtd EXIT

# -- the guest ----------------------------------------------------------------------------------------
guest_modules=(virtio_blk virtio_balloon ahci sr_mod)
# Before the namespaces: a kernel may have to be downloaded.
make_guest() {
    local out init
    [ -z "${IN_OWN_NAMESPACE:-}" ] || return 0
    mkdir -p "$guest"
    exec {lock}>"$guest/lock"
    flock "$lock"
    if ! out=$("$here/../../examples/demo/guest/fetch-kernel" "$guest" "${guest_modules[@]}" 2>&1); then
        skip_all "there is no kernel for its guests: $(tail -n 1 <<<"$out")"
    fi
    if [ ! -f "$guest/initrd" ] || [ "$here/guest_init.c" -nt "$guest/initrd" ] || [ "$guest/release" -nt "$guest/initrd" ]; then
        init=$(mktemp -d)
        mkdir -p "$init/modules" "$init/dev"
        cp "$guest"/modules/*.ko "$init/modules/"
        rm -f "$init"/modules/*9p* "$init"/modules/*overlay* "$init"/modules/*fscache* "$init"/modules/*netfs*
        gcc -static -O1 -o "$init/init" "$here/guest_init.c"
        (cd "$init" && find . | sort | cpio -o -H newc -R 0:0 --quiet) >"$guest/initrd.part"
        mv "$guest/initrd.part" "$guest/initrd"
        rm -rf "$init"
    fi
    exec {lock}>&-
}

# -- what is there ------------------------------------------------------------------------------------
is_running() { [ "$(virsh -q domstate "$1" 2>/dev/null)" = running ]; }
is_shut_off() { [ "$(virsh -q domstate "$1" 2>/dev/null)" = "shut off" ]; }
# xml VM PATTERN [--inactive]: its XML has a line like that.
xml_has() { virsh -q dumpxml "$1" "${@:3}" | grep -q -- "$2"; }
# edit VM SED: its definition, as a person would by hand.
edit() {
    virsh -q dumpxml "$1" --inactive --security-info | sed "$2" >"$work/edited.xml"
    virsh -q define "$work/edited.xml"
}
