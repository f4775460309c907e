# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # sourced by guest
# A device with real SR-IOV below 10.0: an NVMe controller with up to 4 VFs (QEMU 7.2 has no card that can).
load+=" nvme"
devices+=(
    -device pcie-root-port,id=port10,bus=pcie.0,chassis=16,slot=16,addr=0x10.0
    -device nvme-subsys,id=subsystem
    -device nvme,id=nvme,serial=lab,bus=port10,subsys=subsystem,sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=10,msix_qsize=11
)
