# shellcheck shell=bash disable=SC2119,SC2120
# What the lab's scenarios share. A scenario is one script that runs twice: outside, where in_guest boots a guest
# and runs the same script in it; and inside, where the rest of it happens and prints TAP.
# In: BUILD (folder with the programs, as tests/lab/setup prepared it).
lab_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# in_guest [OPTION...]: options are those of tests/lab/guest. Comes back inside the guest.
in_guest() {
    [ -z "${LAB_GUEST:-}" ] || return 0
    exec "$lab_folder/guest" "$@" -- "$0"
}
# in_guests N [OPTION...]: the same script in N guests, one after the other, as one machine that is booted again: the
# run's folder stays between them, and $LAB_BOOT counts them.
in_guests() {
    local n=$1 boot run
    [ -z "${LAB_GUEST:-}" ] || return 0
    shift
    run=${BUILD:?}/lab/run/$(basename "$0")
    rm -rf "$run"
    for ((boot = 1; boot <= n; boot++)); do
        "$lab_folder/guest" -r "$run" "$@" -- env LAB_BOOT=$boot "$0" || exit
    done
    exit 0
}

# -- inside -------------------------------------------------------------------------------------------------
# TAP, a repository, waiting: as in the end-to-end tests. VMs and the queue are left out: devices are what counts.
begin() {
    # shellcheck source=tests/e2e/lib.sh
    . "$lab_folder/../e2e/lib.sh"
    export CLEAVE_LIBVIRT=none CLEAVE_REDIS=none CLEAVE_SPECS=$work/specs
    # shellcheck disable=SC2034 # e2e/lib.sh has it; here the environment says where the specs are
    specs=()
    mkdir -p "$work/specs"
    git init -q -b main "$work/specs"
    write_host
    commit "a host"
    # A pipe that nobody writes to: reading it for a while sleeps without a fork.
    mkfifo "$work/nap"
    exec {nap_fd}<>"$work/nap"
}
# Lets `nobody` run cleave as an ordinary user with a home and a state folder of his own.
be_nobody_too() {
    chmod 755 "$work"
    cp "$BUILD/cleave" "$work/cleave" # the tree may lie where only its owner may go
    mkdir "$work/nobody"
    chown 65534:65534 "$work/nobody"
}
nobody() {
    HOME=$work/nobody CLEAVE_STATE=$work/nobody/state setpriv --reuid 65534 --regid 65534 --clear-groups "$work/cleave" "$@"
}
done_testing() { echo "1..$n"; }

pci=/sys/bus/pci/devices
# below PORT: address of the first function behind the root port 0000:00:PORT, in $REPLY.
below() {
    local found=("$pci/0000:00:$1"/0000:*:*.0)
    [ -e "${found[0]}" ] || { echo "Bail out! nothing behind port $1"; exit 1; }
    REPLY=${found[0]##*/}
}
# is_on ADDRESS DRIVER: "none" is a driver as well.
is_on() {
    if [ "$2" = none ]; then [ ! -e "$pci/$1/driver" ]; else [ "$pci/$1/driver" -ef "/sys/bus/pci/drivers/$2" ]; fi
}
# are_on DRIVER ADDRESS...
are_on() {
    local driver=$1 address
    shift
    for address; do
        is_on "$address" "$driver" ||
            { echo "$address is on $(basename "$(readlink "$pci/$address/driver")"), not $driver"; return 1; }
    done
}
# has VALUE FILE: its one line.
has() {
    local line=''
    read -r line <"$2" || true
    [ "$line" = "$1" ] || { echo "$2 is \`$line\`, not \`$1\`"; return 1; }
}
not_overridden() { has '(null)' "$pci/$1/driver_override"; }
# rebind_by_hand ADDRESS: from vfio-pci to whatever driver wants it.
rebind_by_hand() {
    echo >"$pci/$1/driver_override"
    echo "$1" >"/sys/bus/pci/drivers/vfio-pci/unbind"
    echo "$1" >/sys/bus/pci/drivers_probe
}
# nap SECONDS
nap() { read -rt "$1" -u "$nap_fd" || true; }
# milliseconds since T (of $EPOCHREALTIME), in $REPLY.
since() {
    local now=${EPOCHREALTIME/./} then=${1/./}
    REPLY=$(((now - then) / 1000))
}
# poll SECONDS COMMAND...: as wait_for, every 5 ms; for commands that fork nothing.
poll() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt $end ] || return 1
        nap 0.005
    done
}

# -- specs --------------------------------------------------------------------------------------------------
# write_host [LINE...]: the Farm and the Host h1, with these lines in the Host's spec.
write_host() {
    {
        printf '%s\n' 'apiVersion: cleave/v1alpha1' 'kind: Farm' 'metadata: {name: lab}' 'spec:' \
            '  redis: {url: "redis://127.0.0.1:6379/0"}' '---' 'apiVersion: cleave/v1alpha1' 'kind: Host' \
            'metadata: {name: h1}' 'spec:' '  libvirt: "qemu:///system"'
        [ $# = 0 ] || printf '  %s\n' "$@"
    } >"$work/specs/farm.yaml"
}
# write_gpu NAME ADDRESS SHARE [LINE...]: one file a card.
write_gpu() {
    local name=$1 address=$2 share=$3
    shift 3
    {
        printf '%s\n' 'apiVersion: cleave/v1alpha1' 'kind: GPU' "metadata: {name: $name}" 'spec:' '  host: h1' \
            "  address: \"$address\"" "  share: $share"
        [ $# = 0 ] || printf '  %s\n' "$@"
    } >"$work/specs/$name.yaml"
}
# commit MESSAGE: all of the specs.
commit() {
    git -C "$work/specs" add -A
    git -C "$work/specs" commit -q --allow-empty -m "$1"
}
# applies CODE [PATTERN...]: what was committed; it ends with CODE, and its output has these lines.
applies() {
    local want=$1 code=0 out pattern
    shift
    out=$(cleave apply --devices -y 2>&1) || code=$?
    [ $code = "$want" ] || { echo "apply ends with $code, not $want: $out"; return 1; }
    for pattern; do
        grep -q -- "$pattern" <<<"$out" || { echo "apply says no \`$pattern\`: $out"; return 1; }
    done
}
# stands CARD REASON [PATTERN]: as `get` shows it.
stands() {
    local out
    out=$(cleave get gpu "$1" 2>&1)
    grep -q -- " $2\b.*${3:-}" <<<"$out" || { echo "get shows no $2${3:+ with \`$3\`}: $out"; return 1; }
}
at_rest() { says 'nothing to do' cleave plan; }

# -- VMs ------------------------------------------------------------------------------------------------------
# A libvirtd of the guest's own; nothing of it is the machine's: what the guest writes is in RAM. What libvirt learns of
# QEMU takes seconds here, and stays in the run's folder.
begin_vms() {
    begin
    unset CLEAVE_LIBVIRT
    export LIBVIRT_DEFAULT_URI=qemu:///system
    look=$work/look.elf
    gcc -m32 -march=i686 -Os -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -nostdlib -static \
        -Wl,--build-id=none,-z,noexecstack,-Ttext=0x100000,-e,look -DENTRY=look -o "$look" "$lab_folder/look.c" "$lab_folder/../e2e/button.S"
    mkdir -p /run/libvirt /var/lib/libvirt/qemu /var/log/libvirt/qemu /var/cache/libvirt/qemu /run/lab/libvirt
    cp -a /run/lab/libvirt/. /var/cache/libvirt/
    rm -f /etc/libvirt/qemu/*.xml /etc/libvirt/qemu/autostart/* /etc/libvirt/qemu/networks/autostart/*
    cat >/etc/libvirt/qemu.conf <<C
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
C
    printf 'auth_unix_rw = "none"\nunix_sock_group = "root"\n' >/etc/libvirt/libvirtd.conf
    libvirtd -d -p /run/libvirtd.pid
    wait_for 20 virsh -q uri || { echo "Bail out! libvirtd does not answer"; exit 1; }
}
done_vms() {
    cp -a /var/cache/libvirt/. /run/lab/libvirt/ 2>/dev/null || true
    done_testing
}
# write_guest NAME STATE [LINE...]: one file a VM; its serial port goes to $work/NAME.serial.
write_guest() {
    local name=$1 state=$2
    shift 2
    {
        printf '%s\n' 'apiVersion: cleave/v1alpha1' 'kind: VM' "metadata: {name: $name}" 'spec:' '  host: h1' "  state: $state" \
            '  accelerator: tcg' '  vcpus: 1' '  memory: 64MiB' "  boot: {kernel: $look}" "  serialLog: $work/$name.serial" '  update: now' '  shutdownTimeout: 2s'
        [ $# = 0 ] || printf '  %s\n' "$@"
    } >"$work/specs/$name.yaml"
}
# applies_all CODE [PATTERN...]: as applies, and VMs.
applies_all() {
    local want=$1 code=0 out pattern
    shift
    out=$(cleave apply -y 2>&1) || code=$?
    [ $code = "$want" ] || { echo "apply ends with $code, not $want: $out"; return 1; }
    for pattern; do
        grep -q -- "$pattern" <<<"$out" || { echo "apply says no \`$pattern\`: $out"; return 1; }
    done
}
is_up() { grep -q 'guest: up' "$work/$1.serial"; }
comes_up() { wait_for 40 is_up "$1" || { echo "$1 does not come up: $(cat "$work/$1.serial" 2>&1)"; return 1; }; }
# sees NAME LINE...: such functions, in one slot of one bus, from .0 on; a line is VENDOR:DEVICE CLASS.
sees() {
    local name=$1 slots slot line i found
    shift
    mapfile -t slots < <(tr -d '\r' <"$work/$name.serial" | sed -n 's/^guest: pci \(..:..\)\.0 .*/\1/p')
    for slot in "${slots[@]}"; do
        i=0 found=yes
        for line; do
            tr -d '\r' <"$work/$name.serial" | grep -q "^guest: pci $slot\.$i $line" || found=''
            i=$((i + 1))
        done
        [ -z "$found" ] || return 0
    done
    echo "$name has no slot with $*: $(cat "$work/$name.serial")"
    return 1
}
runs() { [ "$(virsh -q domstate "$1" 2>&1)" = running ] || { echo "$1 is $(virsh -q domstate "$1" 2>&1)"; return 1; }; }
