/* A guest that powers off when its power button is pressed, and does nothing else; with -DAT_ONCE it powers off as soon as it
 * runs. Entered like halt.S, in milliseconds, while a Linux takes seconds.
 *
 * The firmware that runs before has put the ACPI registers of q35 at 0x600 (ACPI 6.5, 4.8.3): the button's event sets
 * bit 8 of the status register and raises interrupt 9, where bit 8 of the enable register lets it. */
#ifndef ENTRY
#define ENTRY start	/* whose code runs first, and then goes on there */
#endif
	.set PM1_ENABLE, 0x602
	.set PM1_CONTROL, 0x604
	.set BUTTON, 1 << 8
	.set SCI_ON, 1
	.set SLEEP, 1 << 13	/* to type 0, which QEMU takes for S5 */

	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18
	.asciz "Xen"
	.long ENTRY

	.text
	.code32
	.globl start
start:
	cli
#ifdef AT_ONCE
	jmp power_off
#endif
	lgdt gdt_at
	ljmp $8, $1f
1:	mov $16, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $stack, %esp
	/* Whatever comes, at any vector, is the button: all else is masked. */
	mov $gates, %edi
	mov $256, %ecx
	mov $power_off, %eax
2:	mov %ax, (%edi)
	movw $8, 2(%edi)
	movw $0x8e00, 4(%edi)
	mov %eax, %edx
	shr $16, %edx
	mov %dx, 6(%edi)
	add $8, %edi
	loop 2b
	lidt gates_at
	mov $0xfb, %al		/* the first interrupt controller: only the second one */
	out %al, $0x21
	mov $0xfd, %al		/* the second: only 9 */
	out %al, $0xa1
	mov $PM1_ENABLE, %dx
	mov $BUTTON, %ax
	out %ax, %dx
	mov $PM1_CONTROL, %dx
	mov $SCI_ON, %ax
	out %ax, %dx
	sti
3:	hlt
	jmp 3b
power_off:
	mov $PM1_CONTROL, %dx
	mov $SLEEP | SCI_ON, %ax
	out %ax, %dx
4:	hlt
	jmp 4b

	.align 8
gdt:	.quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_at:	.word gdt_at - gdt - 1
	.long gdt
gates_at: .word 256 * 8 - 1
	.long gates

	.bss
	.align 16
gates:	.skip 256 * 8
	.skip 4096
stack:
