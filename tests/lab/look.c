/* The VM of the lab's VMs: it tells on its serial port which PCI functions it has, and then waits for its power button
 * (tests/e2e/button.S). Emulated by an emulator that is emulated itself, it is up as soon as its firmware is done.
 *
 *   guest: pci 00:08.0 1234:1111 0380 slot 8 multifunction   guest: up
 *
 * Buses are those that the firmware numbered: a bridge's is looked at when it is met. Freestanding, 32 bits. */
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

enum { COM1 = 0x3f8, PCI_ADDRESS = 0xcf8, PCI_DATA = 0xcfc };

static inline void out8(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 in8(u16 port)
{
	u8 value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static u32 config(u32 bus, u32 slot, u32 function, u32 offset)
{
	u32 value;
	__asm__ volatile("outl %0, %1" : : "a"(0x80000000u | bus << 16 | slot << 11 | function << 8 | offset), "Nd"((u16)PCI_ADDRESS));
	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((u16)PCI_DATA));
	return value;
}

static void say(const char *text)
{
	for (; *text; text++) {
		while (!(in8(COM1 + 5) & 0x20))
			;
		out8(COM1, (u8)*text);
	}
}

static void say_hex(u32 value, int n_digits)
{
	char digit[2] = { 0, 0 };
	while (n_digits--) {
		digit[0] = "0123456789abcdef"[value >> (4 * n_digits) & 15];
		say(digit);
	}
}

static void look_at_bus(u32 bus);

static void look_at_function(u32 bus, u32 slot, u32 function, u32 id)
{
	u32 class_code = config(bus, slot, function, 8) >> 16, header = config(bus, slot, function, 0xc) >> 16;
	say("guest: pci ");
	say_hex(bus, 2);
	say(":");
	say_hex(slot, 2);
	say(".");
	say_hex(function, 1);
	say(" ");
	say_hex(id & 0xffff, 4);
	say(":");
	say_hex(id >> 16, 4);
	say(" ");
	say_hex(class_code, 4);
	say(header & 0x80 ? " multifunction\n" : "\n");
	if ((header & 0x7f) == 1)
		look_at_bus(config(bus, slot, function, 0x18) >> 8 & 0xff);
}

static void look_at_bus(u32 bus)
{
	for (u32 slot = 0; slot < 32; slot++)
		for (u32 function = 0; function < 8; function++) {
			u32 id = config(bus, slot, function, 0);
			if ((id & 0xffff) != 0xffff)
				look_at_function(bus, slot, function, id);
			if (function == 0 && ((id & 0xffff) == 0xffff || !(config(bus, slot, 0, 0xc) & 0x800000)))
				break;
		}
}

__attribute__((used)) void look_around(void)
{
	say("\n");
	look_at_bus(0);
	say("guest: up\n");
}

/* Entered as button.S is, which goes on from here. */
__asm__(".text\n.globl look\nlook:\n cld\n mov $look_stack, %esp\n call look_around\n jmp start\n"
        ".bss\n.align 16\n.skip 8192\nlook_stack:\n.text\n");
