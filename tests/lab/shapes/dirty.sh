# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # sourced by guest
# A dirty IOMMU group, as on a usual desktop board: root ports in one slot without ACS. A card with two functions
# below 09.0 and a network interface below 09.1 are one group.
load+=" e1000e"
devices+=(
    -device pcie-root-port,id=port9a,bus=pcie.0,chassis=9,slot=9,addr=0x9.0,multifunction=on,disable-acs=on
    -device pcie-root-port,id=port9b,bus=pcie.0,chassis=10,slot=10,addr=0x9.1,disable-acs=on
    -device ati-vga,id=dirty,bus=port9a,addr=0x0.0,multifunction=on,romfile=
    -device intel-hda,id=dirty-audio,bus=port9a,addr=0x0.1
    -netdev user,id=net0,restrict=on -device e1000e,id=nic,bus=port9b,netdev=net0,romfile=
)
