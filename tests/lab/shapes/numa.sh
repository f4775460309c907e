# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # sourced by guest
# Two NUMA nodes, a CPU and 768 MB each, and a card of two functions on each: behind a host bridge of the node, so
# that numa_node in sysfs is 0 (bus 21) and 1 (bus 41).
memory=1536M cpus=2
devices+=(
    -object memory-backend-ram,id=memory0,size=768M -object memory-backend-ram,id=memory1,size=768M
    -numa node,nodeid=0,cpus=0,memdev=memory0 -numa node,nodeid=1,cpus=1,memdev=memory1
    -numa dist,src=0,dst=1,val=21
    -device pxb-pcie,id=bridge0,bus_nr=0x20,numa_node=0,bus=pcie.0,addr=0xc.0
    -device pxb-pcie,id=bridge1,bus_nr=0x40,numa_node=1,bus=pcie.0,addr=0xd.0
    -device pcie-root-port,id=port20,bus=bridge0,chassis=20,slot=20,addr=0x0
    -device pcie-root-port,id=port40,bus=bridge1,chassis=40,slot=40,addr=0x0
    -device ati-vga,id=node0,bus=port20,addr=0x0.0,multifunction=on,romfile=
    -device intel-hda,id=node0-audio,bus=port20,addr=0x0.1
    -device ati-vga,id=node1,bus=port40,addr=0x0.0,multifunction=on,romfile=,model=rv100
    -device intel-hda,id=node1-audio,bus=port40,addr=0x0.1
)
