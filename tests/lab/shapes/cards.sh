# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # sourced by guest
# Cards that are alone in their groups, each behind a root port of its own. By the port's slot on bus 0:
#   04  display and audio, held by the host: bochs-drm (by MODULES) and snd_hda_intel
#   05  display and audio, no driver on the display     } twins: equal to the last digit but
#   06  the same                                        } for their addresses
#   07  one function of another kind
load+=" bochs snd-hda-intel"
devices+=(
    -device pcie-root-port,id=port4,bus=pcie.0,chassis=4,slot=4,addr=0x4.0
    -device bochs-display,id=host,bus=port4,addr=0x0.0,multifunction=on,romfile=
    -device intel-hda,id=host-audio,bus=port4,addr=0x0.1
    -device pcie-root-port,id=port5,bus=pcie.0,chassis=5,slot=5,addr=0x5.0
    -device ati-vga,id=twin1,bus=port5,addr=0x0.0,multifunction=on,romfile=
    -device intel-hda,id=twin1-audio,bus=port5,addr=0x0.1
    -device pcie-root-port,id=port6,bus=pcie.0,chassis=6,slot=6,addr=0x6.0
    -device ati-vga,id=twin2,bus=port6,addr=0x0.0,multifunction=on,romfile=
    -device intel-hda,id=twin2-audio,bus=port6,addr=0x0.1
    -device pcie-root-port,id=port7,bus=pcie.0,chassis=7,slot=7,addr=0x7.0
    -device ati-vga,id=other,bus=port7,addr=0x0.0,romfile=,model=rv100
)
