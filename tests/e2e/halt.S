/* The smallest guest: QEMU enters it through the PVH note (a 32-bit ELF needs no firmware to find it),
 * and it halts for good. So a VM can be started and seen without any image or distribution kernel.
 * The note: https://xenbits.xen.org/docs/unstable/misc/pvh.html, XEN_ELFNOTE_PHYS32_ENTRY = 18. */
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18
	.asciz "Xen"
	.long start
	.text
	.code32
	.globl start
start:
	cli
1:	hlt
	jmp 1b
