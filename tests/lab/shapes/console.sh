# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # sourced by guest
# A graphics card on the root bus (03.0) before all others: the kernel takes it for the firmware's console, so that
# no other card is.
devices+=(-device cirrus-vga,id=console,bus=pcie.0,addr=0x3.0,romfile=)
