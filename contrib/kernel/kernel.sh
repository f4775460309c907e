# shellcheck shell=bash disable=SC2154
# A Linux kernel for VMs, fetched and unpacked but not installed: sourced by the demo's fetch-kernel and by the
# lab's setup. In: $work, a folder to unpack in; $modules and $wanted_modules, what copy_modules takes. Errors go
# through the caller's die.
PATH=$PATH:/usr/sbin:/sbin    # modprobe and depmod; not in every user's PATH

# little_endian FILE OFFSET BYTES: prints the number there.
little_endian() { od -An -v "-tu$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
hex() { od -An -v -tx1 -j "$2" -N "$3" "$1" | tr -d ' \n'; }
piece() { dd if="$1" iflag=skip_bytes,count_bytes skip="$2" count="$3" bs=1M status=none; }

# extract_vmlinux BZIMAGE OUT
# The kernel's Documentation/arch/x86/boot.rst: the header at 0x1f1 tells where the payload lies, since protocol 2.08.
extract_vmlinux() {
    local setup_sectors payload_start payload_size
    [ "$(piece "$1" $((0x202)) 4)" = HdrS ] || die "$1 is no bzImage"
    [ "$(little_endian "$1" $((0x206)) 2)" -ge $((0x208)) ] || die "$1: boot protocol before 2.08"
    setup_sectors=$(little_endian "$1" $((0x1f1)) 1)
    [ "$setup_sectors" != 0 ] || setup_sectors=4
    payload_start=$(((setup_sectors + 1) * 512 + $(little_endian "$1" $((0x248)) 4)))
    payload_size=$(little_endian "$1" $((0x24c)) 4)
    # All formats but gzip have the uncompressed size, 4 bytes, appended.
    case $(hex "$1" $payload_start 6) in
        1f8b*)         piece "$1" $payload_start "$payload_size" | gzip -dc ;;
        fd377a585a00)  piece "$1" $payload_start $((payload_size - 4)) | xz -dc ;;
        28b52ffd*)     command -v zstd >/dev/null || die "$1 is compressed with zstd, which is not installed"
                       piece "$1" $payload_start $((payload_size - 4)) | zstd -dcq ;;
        7f454c46*)     piece "$1" $payload_start "$payload_size" ;;
        *)             die "$1: compression not known (it starts with $(hex "$1" $payload_start 6))" ;;
    esac >"$2"
    [ "$(hex "$2" 0 4)" = 7f454c46 ] || die "$1: what was unpacked is no ELF file"
}

# copy_modules RELEASE OUT [MODPROBE OPTION...]: OUT/NN-name.ko, in insmod order, of the modules in $modules and of
# those in $wanted_modules that there are.
# modprobe prints what it would load in the order of loading; what is built in needs no file.
# /etc/modprobe.d is left out: a blacklist of this machine is not meant for the guest.
copy_modules() {
    local release=$1 out=$2 module steps verb path name n=0
    declare -A have=()
    shift 2
    for module in "${modules[@]}" "${wanted_modules[@]}"; do
        if ! steps=$(modprobe -C /dev/null -S "$release" "$@" --show-depends "$module" 2>/dev/null); then
            [[ " ${wanted_modules[*]} " == *" $module "* ]] || die "kernel $release has no module $module"
            continue
        fi
        while read -r verb path _; do
            [ "$verb" = insmod ] || continue
            name=${path##*/}
            name=${name%%.ko*}
            [ -z "${have[$name]:-}" ] || continue
            have[$name]=yes
            case $path in
                *.ko)     cat "$path" ;;
                *.ko.xz)  xz -dc "$path" ;;
                *.ko.gz)  gzip -dc "$path" ;;
                *.ko.zst) zstd -dcq "$path" ;;
                *)        die "$path: compression not known" ;;
            esac >"$out/$(printf '%02d' $n)-$name.ko"
            n=$((n + 1))
        done <<<"$steps"
    done
}

# As root apt-get would download as user _apt, who may not write in our folder.
apt=(-q -o APT::Sandbox::User=root)

# Prints what a package depends on, one a line.
depends() { apt-cache "${apt[@]}" depends "$1" | sed -n 's/^ *Depends: \([^ <]*\)$/\1/p'; }

# download [--headers]: the packages to $work. With headers: also what building modules takes; its compiler is ours.
download() {
    local image names
    image=$(depends linux-image-amd64 | grep '^linux-image-' | head -n 1)
    [ -n "$image" ] || return 1
    names=("$image")
    if [ "${1:-}" = --headers ]; then
        names+=("${image/image/headers}")
        mapfile -t -O 2 names < <(depends "${names[1]}" | grep -E '^linux-(headers|kbuild)-')
        [ ${#names[@]} = 4 ] || return 1
    fi
    say "downloading ${names[*]}"
    (cd "$work" && apt-get "${apt[@]}" download "${names[@]}")
}

# Package lists of our own: the machine's may be absent or old, and renewing those takes root.
use_own_lists() {
    mkdir -p "$work/lists/partial"
    apt+=(-o "Dir::State::Lists=$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
    apt-get "${apt[@]}" update
}

# download_and_unpack [--headers]: Debian's kernel to $work/tree; sets release.
download_and_unpack() {
    local package
    command -v apt-get >/dev/null || die "there is no apt-get to download a kernel"
    if ! download "$@" >"$work/apt.log" 2>&1; then
        { use_own_lists && download "$@"; } >>"$work/apt.log" 2>&1 ||
            { cat "$work/apt.log" >&2; die "no kernel could be downloaded"; }
    fi
    for package in "$work"/linux-*.deb; do dpkg-deb -x "$package" "$work/tree"; done
    # Where /usr is merged in the package itself, modprobe still looks in /lib.
    [ -e "$work/tree/lib" ] || ln -s usr/lib "$work/tree/lib"
    release=$(basename "$work"/tree/boot/vmlinuz-*)
    release=${release#vmlinuz-}
    depmod -b "$work/tree" "$release"
}
